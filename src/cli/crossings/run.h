// SPDX-License-Identifier: MIT
// Starts a program in such a way that measuring can begin before its first instruction.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace bt::cli {

struct HeldProgram {
  pid_t pid = 0;
  int release = -1;  // write end of the pipe that it waits on
};

// Forks; the child waits. With `disabled`, BTFUSE_DISABLE=1 is in its environment. Throws CommandError.
HeldProgram hold_program(const std::vector<std::string>& words, bool disabled);
// Lets it run and waits for its end: its exit status, 128 + the signal that ended it, 127 when it could not start.
int run_to_end(HeldProgram program);

}  // namespace bt::cli
