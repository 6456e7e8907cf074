// SPDX-License-Identifier: MIT
// A snapshot in the words of Prometheus: OpenMetrics 1.0 text, or the older text format for who does not ask for it. Names
// come from metrics/counters.def.
#pragma once

#include <string>

#include "cli/snapshot.h"

namespace bt::cli {

enum class ExpositionFormat { kPrometheusText, kOpenMetrics };

std::string exposition(const Snapshot& snapshot, ExpositionFormat format);

}  // namespace bt::cli
