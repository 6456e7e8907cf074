// SPDX-License-Identifier: MIT
// What was survived, as a short list in the volume: dead threads that were repaired, workers that took over. Any process may
// write, none waits; a reader sees whole entries only. Rare by nature, so nothing here is on a fast path.
#pragma once

#include "metrics/block.h"

namespace bt::metrics {

void note_incident(Control& control, IncidentKind kind, uint32_t who, uint32_t by, uint32_t detail);

// The incident with this number (from 1); false: not there any more, not yet, or being written.
bool read_incident(const Control& control, uint64_t number, Incident& out);

const char* incident_name(IncidentKind kind);

}  // namespace bt::metrics
