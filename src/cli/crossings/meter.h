// SPDX-License-Identifier: MIT
// Measures what one FUSE connection and the processes on both of its sides do between start() and stop(). Three levels,
// best first; each says less than the one before:
//   bpf   kernel eBPF on BTF tracepoints: everything
//   perf  counters of tracepoints: numbers, no latency
//   proc  /proc: context switches of the processes alone
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/crossings/connection.h"
#include "cli/crossings/crossings_format.h"

namespace bt::cli {

struct ProcessActivity {
  std::optional<uint64_t> system_calls;
  std::optional<uint64_t> switches;
  std::optional<uint64_t> voluntary_switches;
};

struct Crossings {
  std::string level;
  std::optional<uint64_t> requests;                                // sent to the daemon
  std::array<crossings_requests, kCrossingsOpcodesMax> opcodes{};  // level bpf only
  ProcessActivity program, daemon;
};

class Meter {
 public:
  virtual ~Meter() = default;
  // Counts from now on for `program` and all it starts (0: nobody but the daemon).
  virtual void start(pid_t program) = 0;
  // After the program has ended.
  virtual Crossings stop() = 0;
};

// The named level, or without a name the best that this machine and user may have. Throws CommandError when a named
// level is not to be had.
std::unique_ptr<Meter> make_meter(const FuseConnection& connection, const std::string& level);

// nullptr, and `why`, when the level is not to be had.
std::unique_ptr<Meter> make_bpf_meter(const FuseConnection& connection, std::string& why);
std::unique_ptr<Meter> make_perf_meter(const FuseConnection& connection, std::string& why);
std::unique_ptr<Meter> make_proc_meter(const FuseConnection& connection);

// Whether bpf(2) answers at all, tried in a child with a deadline: on some kernels it can hang for good.
bool bpf_answers(std::string& why);

}  // namespace bt::cli
