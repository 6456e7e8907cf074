// SPDX-License-Identifier: MIT
// The names and texts of counters.def, for whoever prints counters. Arguments out of range give "?": they may come out of
// shared memory.
#pragma once

#include "metrics/block.h"

namespace bt::metrics {

const char* operation_name(uint32_t operation);
const char* operation_text(uint32_t operation);
const char* way_name(uint32_t way);
const char* way_text(uint32_t way);
const char* event_name(uint32_t event);
const char* event_text(uint32_t event);
// "openat" for its number on this machine; "?" for one without a row.
const char* call_name(uint32_t number);

constexpr bool is_passed(uint32_t way) { return way > static_cast<uint32_t>(Way::k_fuse); }

}  // namespace bt::metrics
