// SPDX-License-Identifier: MIT
// For the verifier's tests: a set of maps, one of a kind, in the order of the enum.
#pragma once

#include <vector>

#include "loader/verifier.h"

namespace bt::loader {

enum TestMap { kArray, kHash, kRing, kConstants, kPrograms, kPerf, kQueue, kPerCpu, kSmall };

inline std::vector<VerifiedMap> test_maps() {
  std::vector<VerifiedMap> maps = {
      {"array", BPF_MAP_TYPE_ARRAY, 4, 64, 16, false, {}},
      {"hash", BPF_MAP_TYPE_HASH, 8, 16, 100, false, {}},
      {"ring", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, false, {}},
      {"constants", BPF_MAP_TYPE_ARRAY, 4, 32, 1, true, std::vector<uint8_t>(32)},
      {"programs", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, true, {}},
      {"perf", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 0, 0, 4, false, {}},
      {"queue", BPF_MAP_TYPE_QUEUE, 0, 8, 4, false, {}},
      {"per_cpu", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4, false, {}},
      {"small", BPF_MAP_TYPE_ARRAY, 4, 8, 1, false, {}},
  };
  std::vector<uint8_t>& constants = maps[kConstants].constants;
  constants[0] = 7;                        // u32 at 0
  constants[8] = 'a', constants[9] = 'b';  // "ab" at 8
  for (int i = 16; i < 32; i++)
    constants[static_cast<size_t>(i)] = 'x';  // no terminator from 16 on
  return maps;
}

}  // namespace bt::loader
