// SPDX-License-Identifier: MIT
// Prints docs/metrics.md from counters.def; tools/check compares the two.
#include <cstdio>
#include <string>

#include "metrics/names.h"

using namespace bt::metrics;

namespace {
const char* reason_of(uint32_t way) {
  return is_passed(way) ? way_name(way) + std::string("passed_").size() : way_name(way);
}
}  // namespace

int main() {
  std::puts(
      "# What a volume counts\n\n"
      "Generated from `src/metrics/counters.def` by `metrics_doc_tool`; do not edit.\n\n"
      "Counters are in the volume, one block a thread slot (`src/metrics/block.h`), and only ever "
      "grow. `btfuse stat`\n"
      "adds them up. One call in 251 is timed; all are while `btfuse trace` runs.\n\n"
      "## How a call was served\n\n"
      "Prometheus: `btfuse_calls_total{operation, way}`. *passed* is one way with a `reason`.\n\n"
      "| way | meaning |\n|---|---|");
  for (uint32_t way = 0; way < kWays; way++)
    std::printf("| %s%s | %s |\n", is_passed(way) ? "passed, " : "", reason_of(way), way_text(way));
  std::puts("\n## Operations\n\n| operation | meaning | system calls |\n|---|---|---|");
  struct Call {
    const char* name;
    Operation operation;
  };
  constexpr Call kCalls[] = {
#define BT_CALL(call, operation) {#call, Operation::k_##operation},
#include "metrics/counters.def"
#undef BT_CALL
  };
  for (uint32_t operation = 0; operation < kOperations; operation++) {
    std::string calls;
    for (const Call& call : kCalls)
      if (static_cast<uint32_t>(call.operation) == operation)
        calls += (calls.empty() ? "" : ", ") + std::string(call.name);
    std::printf("| %s | %s | %s |\n", operation_name(operation), operation_text(operation),
                calls.c_str());
  }
  std::puts(
      "\n## Events\n\nPrometheus: `btfuse_<event>_total`.\n\n"
      "| event | meaning |\n|---|---|");
  for (uint32_t event = 0; event < kEvents; event++)
    std::printf("| %s | %s |\n", event_name(event), event_text(event));
}
