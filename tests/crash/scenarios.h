// SPDX-License-Identifier: MIT
// The table of what the crash test cuts, and the files it works on.
#pragma once

#include <cstddef>

#include "harness.h"

namespace bt::crash {

void make_fixture(Actor& process);
extern const Scenario kScenarios[];
extern const size_t kScenarioCount;

}  // namespace bt::crash
