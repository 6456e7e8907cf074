// SPDX-License-Identifier: MIT
#include "cli/crossings/meter.h"

#include "cli/command_error.h"

namespace bt::cli {

std::unique_ptr<Meter> make_meter(const FuseConnection& connection, const std::string& level) {
  std::string why;
  if (level.empty() || level == "bpf") {
    if (auto meter = make_bpf_meter(connection, why)) return meter;
    if (!level.empty()) throw CommandError("level bpf", why);
  }
  if (level.empty() || level == "perf") {
    if (auto meter = make_perf_meter(connection, why)) return meter;
    if (!level.empty()) throw CommandError("level perf", why);
  }
  if (!level.empty() && level != "proc")
    throw CommandError("--level " + level, "must be bpf, perf or proc");
  return make_proc_meter(connection);
}

}  // namespace bt::cli
