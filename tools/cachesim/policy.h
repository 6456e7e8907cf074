// SPDX-License-Identifier: MIT
// Eviction policies for the trace-driven comparison of docs/eviction.md. Each holds at most `capacity` objects of one size.
// Written for clarity, not speed; the one that was chosen lives, lock-free on hits, in src/engine.
//
// Sources: CLOCK (Corbato 1968), 2Q (Johnson, Shasha, VLDB'94), SIEVE (Zhang et al., NSDI'24), S3-FIFO (Yang et al.,
// SOSP'23), W-TinyLFU (Einziger et al., TOS 13(4) 2017; here with a 1 % LRU window and a segmented LRU behind it).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bt::cachesim {

using Key = uint64_t;

class Policy {
 public:
  virtual ~Policy() = default;
  // Asks for `key`, and admits it (perhaps) when it is missing. True: a hit.
  virtual bool access(Key key) = 0;
};

struct PolicyKind {
  std::string name;
  std::unique_ptr<Policy> (*make)(size_t capacity);
};
const std::vector<PolicyKind>& policy_kinds();

}  // namespace bt::cachesim
