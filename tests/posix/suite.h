// SPDX-License-Identifier: MIT
// The POSIX suite: one program that asks a directory thousands of questions and prints each with its answer, one a line:
//
//   part: claim = answer
//
// It does not know right from wrong. tests/posix/run lets it loose on a native tmpfs (the oracle), on the mount through the
// kernel and on the mount in-process, and compares the lines; what may differ is in tests/posix/deviations.txt. So every answer
// must be the same in every run: no inode numbers, times of day, process ids, sizes of directories or blocks.
//
// It removes trees, so it is careful where: everything happens below a directory that it made itself and holds open; before
// anything is removed the working directory must be that very directory, or the program ends.
#pragma once

#include <cstdint>
#include <string>

namespace suite {

// One question answered. A second one of the same text gets a number.
void say(const std::string& claim, const std::string& answer);
void say(const std::string& claim, int64_t number);

// A system call through libc's syscall(): natively the kernel's, under `btfuse run` the agent's.
int64_t call(long number, int64_t a = 0, int64_t b = 0, int64_t c = 0, int64_t d = 0, int64_t e = 0,
             int64_t f = 0);
template <typename T>
int64_t arg(T* pointer) {
  return reinterpret_cast<int64_t>(pointer);
}
inline int64_t arg(const std::string& text) { return reinterpret_cast<int64_t>(text.c_str()); }

std::string shown(int64_t result);  // "0", "17" or "ENOENT"
std::string ok(int64_t result);     // the same, but any value that is no error is "ok"

// The directory under test, absolute. A part begins in it, empty.
extern std::string top;
// Goes there and empties it.
void fresh();
void go_to_top();

void make_file(const std::string& path, const std::string& content = "", int mode = 0644);
std::string read_file(const std::string& path);
// Names, types, modes, link counts, sizes and contents below `path`, as one line.
std::string describe_tree(const std::string& path);
std::string hash(const std::string& text);
std::string pattern(size_t size, unsigned seed);
// Runs `body` in a fork child and returns what it returns, or "signal N".
std::string in_child(std::string (*body)());
void shut(std::initializer_list<int64_t> fds);

struct Part {
  const char* name;
  void (*run)();
  Part* next;
  Part(const char* name_, void (*run_)());
};
#define SUITE_PART(name)                               \
  static void run_##name();                            \
  static ::suite::Part part_##name(#name, run_##name); \
  static void run_##name()

}  // namespace suite
