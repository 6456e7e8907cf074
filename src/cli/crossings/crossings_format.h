// SPDX-License-Identifier: MIT
// What the kernel's eBPF programs and `btfuse crossings` share. C, for both compilers.
#pragma once

#ifndef __bpf__
#include <cstdint>
#endif

enum crossings_role { kCrossingsProgram = 1, kCrossingsDaemon = 2, kCrossingsRoles = 3 };
enum crossings_limits { kCrossingsOpcodesMax = 64, kCrossingsBucketsMax = 40 };

// One of each role.
struct crossings_activity {
  unsigned long long system_calls;
  unsigned long long switches;
  unsigned long long voluntary_switches;
};

// One of each FUSE opcode. Bucket n counts latencies of [2^n, 2^(n+1)) ns.
struct crossings_requests {
  unsigned long long sent;
  unsigned long long answered;
  unsigned long long total_ns;
  unsigned long long buckets[kCrossingsBucketsMax];
};
