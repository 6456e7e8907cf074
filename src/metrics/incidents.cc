// SPDX-License-Identifier: MIT
#include "metrics/incidents.h"

#include "base/fence.h"
#include "metrics/meter.h"

namespace bt::metrics {

using base::store_relaxed;

void note_incident(Control& control, IncidentKind kind, uint32_t who, uint32_t by,
                   uint32_t detail) {
  uint64_t number = __atomic_add_fetch(&control.incident_count, 1, __ATOMIC_RELAXED);
  Incident& incident = control.incidents[number % kIncidentsMax];
  __atomic_store_n(&incident.sequence, 0, __ATOMIC_RELAXED);
  base::fence<__ATOMIC_RELEASE>();  // pairs with the fence in read_incident
  store_relaxed(incident.ticks, clock_ticks());
  store_relaxed(incident.kind, kind);
  store_relaxed(incident.who, who);
  store_relaxed(incident.by, by);
  store_relaxed(incident.detail, detail);
  __atomic_store_n(&incident.sequence, number, __ATOMIC_RELEASE);
}

bool read_incident(const Control& control, uint64_t number, Incident& out) {
  const Incident& incident = control.incidents[number % kIncidentsMax];
  if (number == 0 || __atomic_load_n(&incident.sequence, __ATOMIC_ACQUIRE) != number) return false;
  base::load_words_relaxed(incident, out);
  base::fence<__ATOMIC_ACQUIRE>();  // pairs with the fence in note_incident
  return __atomic_load_n(&incident.sequence, __ATOMIC_RELAXED) == number;
}

const char* incident_name(IncidentKind kind) {
  switch (kind) {
    case IncidentKind::kThreadRepaired:
      return "thread_repaired";
    case IncidentKind::kWorkerRestarted:
      return "worker_restarted";
    default:
      return "?";
  }
}

}  // namespace bt::metrics
