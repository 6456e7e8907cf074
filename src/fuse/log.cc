// SPDX-License-Identifier: MIT
#include "fuse/log.h"

#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace bt::fuse {
namespace {
constexpr const char* kLevelNames[] = {"error", "info", "debug"};
int log_file = 2;
LogLevel log_level = LogLevel::kInfo;
const char* log_who = "btfuse";
}  // namespace

bool parse_log_level(const std::string& text, LogLevel& level) {
  for (uint32_t i = 0; i < 3; i++)
    if (text == kLevelNames[i]) {
      level = LogLevel{i};
      return true;
    }
  return false;
}

void open_log(int file, LogLevel level, const char* who) {
  log_file = file;
  log_level = level;
  log_who = who;
}

const char* describe(Error error) {
  return error.text()[0] ? error.text() : std::strerror(error.errno_value());
}

bool log_enabled(LogLevel level) { return level <= log_level; }

void log(LogLevel level, const char* format, ...) {
  char line[1024];
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  gmtime_r(&now.tv_sec, &parts);
  size_t used = std::strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &parts);
  used += static_cast<size_t>(std::snprintf(line + used, sizeof line - used,
                                            ".%03ldZ %s[%d] %s: ", now.tv_nsec / 1000000, log_who,
                                            getpid(), kLevelNames[static_cast<uint32_t>(level)]));
  va_list arguments;
  va_start(arguments, format);
  int wanted = std::vsnprintf(line + used, sizeof line - used - 1, format, arguments);
  va_end(arguments);
  used = std::min(used + static_cast<size_t>(std::max(wanted, 0)), sizeof line - 2);
  line[used++] = '\n';
  // A full disk must not stop a file system: what cannot be logged is lost.
  [[maybe_unused]] ssize_t written = write(log_file, line, used);
}

}  // namespace bt::fuse
