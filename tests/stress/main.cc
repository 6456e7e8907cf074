// SPDX-License-Identifier: MIT
// stress chaos KILLS SEED · stress damage ROUNDS SEED · stress threads STEPS SEED: see chaos.cc, damage.cc, threads.cc.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "work.h"

int main(int count, char** arguments) {
  std::string mode = count > 1 ? arguments[1] : "";
  uint64_t amount = count > 2 ? strtoull(arguments[2], nullptr, 10) : 0;
  uint64_t seed = count > 3 ? strtoull(arguments[3], nullptr, 10) : 1;
  if (mode == "chaos" && amount) return bt::stress::run_chaos(amount, seed);
  if (mode == "damage" && amount) return bt::stress::run_damage(amount, seed);
  if (mode == "threads" && amount) return bt::stress::run_threads(amount, seed);
  fprintf(stderr, "usage: stress chaos KILLS SEED | damage ROUNDS SEED | threads STEPS SEED\n");
  return 2;
}
