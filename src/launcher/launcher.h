// SPDX-License-Identifier: MIT
// `btfuse`, the program that users start, is this launcher: `run` is done here, every other command by btfuse-cli beside it.
// The reason is time. A program started by `btfuse run` costs one more exec; measured on the 2-core reference machine, that is
// 0.1 ms with this freestanding static program, 0.5 ms with a static C++ one, 1.9 ms with the dynamically linked btfuse-cli.
//
// Written like INSIDE code, without libc, though it runs in a process of ours.
#pragma once

#include <cstdint>

namespace bt::launcher {

inline constexpr uint32_t kPathBytes = 4096;

// A string that grows in a buffer of fixed size; what does not fit marks it as too long.
class Path {
 public:
  void clear() { size_ = 0, text_[0] = 0, is_too_long_ = false; }
  Path& append(const char* text);
  Path& append(const char* text, uint32_t size);
  // Cuts the last component, and the slash before it.
  void drop_last_component();

  bool fits() const { return !is_too_long_; }
  uint32_t size() const { return size_; }
  const char* c_str() const { return text_; }
  char* data() { return text_; }
  void set_size(uint32_t size) { size_ = size, text_[size] = 0; }

 private:
  // In front, so that a short path is in one OS page. All begins as zero: a static one costs nothing until it is used.
  uint32_t size_ = 0;
  bool is_too_long_ = false;
  char text_[kPathBytes + 1] = {};
};

// The value of a variable, nullptr when it is not set.
const char* variable(char* const* environment, const char* name);
bool equal(const char* a, const char* b);
bool begins_with(const char* text, const char* prefix);
// Whether the colon- or space-separated list has the item.
bool list_has(const char* list, const char* item);

// What `btfuse run` was asked for.
struct RunRequest {
  const char* only = nullptr;      // --only MOUNTPOINT
  char* const* program = nullptr;  // PROGRAM ARG…, ended by nullptr
  bool wants_help = false;
  const char* unknown_option = nullptr;
};
// words: what follows `run`. The program begins after `--`, or at the first word that is no option.
RunRequest parse_run(char* const* words);

// Replaces this process by the program, found along PATH as execvp does. Comes back only to say why not: an errno value.
int execute_along_path(char* const* program, char* const* environment);

}  // namespace bt::launcher
