// SPDX-License-Identifier: MIT
#include "launcher/launcher.h"

#include <sys/syscall.h>
#include <cerrno>

#include "base/syscall.h"

namespace bt::launcher {
namespace {

constexpr char kDefaultPath[] = "/usr/local/bin:/bin:/usr/bin";
constexpr uint32_t kShellArgumentsMax = 4096;

uint32_t length(const char* text) {
  uint32_t size = 0;
  while (text[size]) size++;
  return size;
}

int64_t execute(const char* path, char* const* arguments, char* const* environment) {
  return base::raw_syscall(SYS_execve, base::raw_argument(path), base::raw_argument(arguments),
                           base::raw_argument(environment));
}

// A script without #! is the shell's, as execvp has it.
int64_t execute_by_shell(const char* path, char* const* program, char* const* environment) {
  static const char* arguments[kShellArgumentsMax];
  arguments[0] = "/bin/sh";
  arguments[1] = path;
  uint32_t count = 2;
  for (uint32_t i = 1; program[i]; i++) {
    if (count + 1 == kShellArgumentsMax) return -E2BIG;
    arguments[count++] = program[i];
  }
  arguments[count] = nullptr;
  return execute(arguments[0], const_cast<char* const*>(arguments), environment);
}

int64_t execute_file(const char* path, char* const* program, char* const* environment) {
  int64_t result = execute(path, program, environment);
  return result == -ENOEXEC ? execute_by_shell(path, program, environment) : result;
}

}  // namespace

Path& Path::append(const char* text) { return append(text, length(text)); }

Path& Path::append(const char* text, uint32_t size) {
  if (size > kPathBytes - size_) {
    is_too_long_ = true;
    return *this;
  }
  for (uint32_t i = 0; i < size; i++) text_[size_ + i] = text[i];
  set_size(size_ + size);
  return *this;
}

void Path::drop_last_component() {
  uint32_t size = size_;
  while (size > 0 && text_[size - 1] != '/') size--;
  set_size(size > 1 ? size - 1 : size);
}

bool equal(const char* a, const char* b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

bool begins_with(const char* text, const char* prefix) {
  while (*prefix)
    if (*text++ != *prefix++) return false;
  return true;
}

const char* variable(char* const* environment, const char* name) {
  uint32_t size = length(name);
  for (; *environment; environment++)
    if (begins_with(*environment, name) && (*environment)[size] == '=')
      return *environment + size + 1;
  return nullptr;
}

bool list_has(const char* list, const char* item) {
  uint32_t size = length(item);
  auto is_end = [](char c) { return c == 0 || c == ':' || c == ' '; };
  while (true) {
    if (begins_with(list, item) && is_end(list[size])) return true;
    while (!is_end(*list)) list++;
    if (*list++ == 0) return false;
  }
}

RunRequest parse_run(char* const* words) {
  RunRequest request;
  for (; *words; words++) {
    const char* word = *words;
    if (equal(word, "--")) {
      request.program = words + 1;
      return request;
    }
    if (word[0] != '-') {
      request.program = words;
      return request;
    }
    if (equal(word, "--help") || equal(word, "-h")) {
      request.wants_help = true;
    } else if (begins_with(word, "--only=")) {
      request.only = word + length("--only=");
    } else if (equal(word, "--only") && words[1]) {
      request.only = *++words;
    } else {
      request.unknown_option = word;
      return request;
    }
  }
  return request;
}

int execute_along_path(char* const* program, char* const* environment) {
  const char* name = program[0];
  for (const char* c = name; *c; c++)
    if (*c == '/') return static_cast<int>(-execute_file(name, program, environment));
  if (!*name) return ENOENT;
  const char* list = variable(environment, "PATH");
  if (!list || !*list) list = kDefaultPath;
  int answer = ENOENT;
  static constinit Path path;
  while (true) {
    const char* end = list;
    while (*end && *end != ':') end++;
    path.clear();
    path.append(list, static_cast<uint32_t>(end - list));
    if (path.size()) path.append("/");
    path.append(name);
    if (path.fits()) {
      int problem = static_cast<int>(-execute_file(path.c_str(), program, environment));
      // A file that is there but may not be run is remembered; the search goes on, as in a shell.
      if (problem == EACCES)
        answer = EACCES;
      else if (problem != ENOENT && problem != ENOTDIR)
        return problem;
    }
    if (!*end) return answer;
    list = end + 1;
  }
}

}  // namespace bt::launcher
