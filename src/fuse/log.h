// SPDX-License-Identifier: MIT
// The daemon's log: one line an event, in the file that `btfuse mount` named (or on stderr with -f). Lines are written whole
// by one write, so supervisor and worker may share the file.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace bt::fuse {

enum class LogLevel : uint32_t { kError = 0, kInfo = 1, kDebug = 2 };

// False: no such level.
bool parse_log_level(const std::string& text, LogLevel& level);

// Process-wide; before threads are started.
void open_log(int file, LogLevel level, const char* who);
bool log_enabled(LogLevel level);
// What an operator is told of an error: its named cause, else the errno's text.
const char* describe(Error error);
[[gnu::format(printf, 2, 3)]] void log(LogLevel level, const char* format, ...);

}  // namespace bt::fuse

#define BT_LOG(level, ...)                                       \
  do {                                                           \
    if (::bt::fuse::log_enabled(::bt::fuse::LogLevel::level))    \
      ::bt::fuse::log(::bt::fuse::LogLevel::level, __VA_ARGS__); \
  } while (0)
