// SPDX-License-Identifier: MIT
// The environment as far as it concerns us: what we were started with, and what a new image needs to be served as well.
#pragma once

#include <cstdint>

namespace bt::agent {

// Value of NAME= in `environment`; null. `name` ends in '='.
const char* find_variable(char** environment, const char* name);

// Copies our variables: every BTFUSE_…, and LD_PRELOAD's entry for this agent.
void remember_environment(char** environment);

// The agent's own path, as LD_PRELOAD names it; null when it was not loaded that way.
const char* agent_path();

// What becomes of the environment of an image that is about to be executed.
enum class Preload : uint8_t {
  kCarry,  // our entry of LD_PRELOAD and our variables are added if they are missing
  kDrop,  // our entry of LD_PRELOAD is taken out: ld.so of another architecture would complain of it
};
// The environment to execute with: the program's own when nothing has to change or when it is bad memory (which the
// kernel will say), else a copy in fresh memory of `size` bytes, to be unmapped by the caller when execve fails.
// session: the number of one that waits for the image, which it is told by a mark; 0: none. Without such memory it cannot
// have the mark.
char* const* prepare_environment(char* const* environment, Preload preload, uint32_t session,
                                 uint64_t& size);

// What the mark says, which is taken away: the number of a session, or posix::kUnknownSession; 0: there is no mark.
uint32_t take_claim_mark(char** environment);

}  // namespace bt::agent
