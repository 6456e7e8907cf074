// SPDX-License-Identifier: MIT
// What the stress programs share: a volume in shared memory, a process that does random things to it, and its check.
#pragma once

#include <random>

#include "crash/actor.h"

namespace bt::stress {

using crash::Actor;
using namespace engine;  // NOLINT: about nothing else

struct SharedVolume {
  explicit SharedVolume(uint64_t volume_size);
  ~SharedVolume();
  SharedVolume(const SharedVolume&) = delete;
  int file;
  char* memory;
  uint64_t size;
  Volume volume;
};

inline constexpr int kDirectories = 6;

// The directories that random_step works in.
void make_directories(Actor& actor);
// One random operation: names are few, so that processes meet; some files stay open after they were unlinked.
void random_step(Actor& actor, std::mt19937_64& random);
// Removes all that random steps have made.
void remove_everything(Actor& actor);

// Broken invariants, printed (the first few); −1: check itself failed.
int count_violations(Actor& actor);

int run_chaos(uint64_t kills, uint64_t seed);
int run_damage(uint64_t rounds, uint64_t seed);
int run_threads(uint64_t steps, uint64_t seed);

}  // namespace bt::stress
