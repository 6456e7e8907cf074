// SPDX-License-Identifier: MIT
#include "cli/crossings/run.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cli/command_error.h"

namespace bt::cli {
namespace {

[[noreturn]] void become(const std::vector<std::string>& words, int gate, bool disabled) {
  if (disabled) setenv("BTFUSE_DISABLE", "1", 1);
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  char go;
  if (read(gate, &go, 1) == 1) execvp(pointers[0], pointers.data());
  std::fprintf(stderr, "btfuse: %s: %s\n", pointers[0], strerror(errno));
  _exit(127);
}

}  // namespace

HeldProgram hold_program(const std::vector<std::string>& words, bool disabled) {
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) != 0) throw command_error("pipe", errno);
  pid_t pid = fork();
  if (pid < 0) throw command_error("fork", errno);
  if (pid == 0) {
    close(gate[1]);
    become(words, gate[0], disabled);
  }
  close(gate[0]);
  return {pid, gate[1]};
}

int run_to_end(HeldProgram program) {
  char go = 1;
  if (write(program.release, &go, 1) != 1) return 127;
  close(program.release);
  int status = 0;
  while (waitpid(program.pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace bt::cli
