// SPDX-License-Identifier: MIT
// The counters of one thread slot, 96 KiB of the volume, and the control record that stands in place of block 0.
//
//   0      sampling state, this occupant's baseline
//   256    counts[operation][way]       8 bytes each
//   8 KiB  events, then latency[way][operation]: sampled durations in clock ticks, in-process and for the kernel
//   64 KiB trace ring, the last 140 records of a thread that is being traced
//
// A block is written by the thread that owns the slot and by nobody else, never zeroed, and lives on when the slot changes
// hands: the volume's total is the sum over all blocks, exact whatever dies. The file is sparse: an idle block costs nothing,
// a busy one the few pages it touches.
//
// Daemon threads have slots too; their blocks count requests of the kernel (way fuse) and time them.
// Calls that are passed on are counted but not timed: they end in the kernel, out of our sight.
#pragma once

#include <cstddef>

#include "metrics/histogram.h"

namespace bt::metrics {

enum class Operation : uint8_t {
#define BT_OPERATION(name, text) k_##name,
#include "metrics/counters.def"
#undef BT_OPERATION
  kCount
};

enum class Way : uint8_t {
#define BT_WAY(name, text) k_##name,
#include "metrics/counters.def"
#undef BT_WAY
  kCount
};

enum class Event : uint8_t {
#define BT_EVENT(name, text) k_##name,
#include "metrics/counters.def"
#undef BT_EVENT
  kCount
};

// metrics::call_operation::openat is the operation that system call is counted as.
namespace call_operation {
#define BT_CALL(call, operation) inline constexpr Operation call = Operation::k_##operation;
#include "metrics/counters.def"
#undef BT_CALL
}  // namespace call_operation

inline constexpr uint32_t kOperations = static_cast<uint32_t>(Operation::kCount);
inline constexpr uint32_t kWays = static_cast<uint32_t>(Way::kCount);
inline constexpr uint32_t kEvents = static_cast<uint32_t>(Event::kCount);
inline constexpr uint32_t kOperationsMax = 56;
inline constexpr uint32_t kWaysMax = 16;
inline constexpr uint32_t kEventsMax = 64;
static_assert(kOperations <= kOperationsMax && kWays <= kWaysMax && kEvents <= kEventsMax);

inline constexpr uint32_t kTraceRecords = 140;
inline constexpr uint32_t kTracePathBytes = 136;

// One call, written in place and published by `sequence`, which is the call's number in this ring (from 1).
struct TraceRecord {
  uint64_t
      sequence;  // 0   atomic: release in trace() → acquire in TraceReader; 0 while being written
  uint64_t ticks;        // 8   clock at the end of the call
  int64_t result;        // 16  as the kernel returns it; unknown (0) when passed on
  uint32_t duration;     // 24  ticks, saturating
  uint32_t pid;          // 28
  int32_t fd;            // 32  -1 = none
  uint16_t call;         // 36  system call number; kNoCall for a request of the kernel
  uint8_t operation;     // 38
  uint8_t way;           // 39
  uint16_t path_size;    // 40  of the whole path, though only kTracePathBytes are kept
  uint16_t reserved[3];  // 42
  uint64_t inode;        // 48  0 = unknown
  char path[kTracePathBytes];
};
static_assert(sizeof(TraceRecord) == 192);
inline constexpr uint16_t kNoCall = 0xffff;

struct Block {
  int32_t
      until_sample;    // 0    owner, and tell_of_tracing(); calls to go until the next one is timed
  uint32_t reserved0;  // 4
  uint64_t
      baseline[3];  // 8    owner; in-process, fuse and passed counts when the present occupant came
  uint64_t trace_head;                        // 32   atomic relaxed; records written so far
  uint64_t reserved[27];                      // 40
  uint64_t counts[kOperationsMax][kWaysMax];  // 256
  uint64_t spare[96];                         // 7424
  uint64_t events[kEventsMax];                // 8192
  Histogram latency[2][kOperationsMax];       // 8704; in-process, fuse
  TraceRecord trace[kTraceRecords];           // 66048
  uint64_t tail[672];                         // 92928
};
inline constexpr uint64_t kBlockSizeBytes = 98304;
static_assert(sizeof(Block) == kBlockSizeBytes);
static_assert(offsetof(Block, events) == 8192);
static_assert(offsetof(Block, trace) == 66048 && offsetof(Block, tail) == 92928);

// Something out of the ordinary that was survived. incidents.h writes and reads them.
enum class IncidentKind : uint32_t {
  kNone,
  kThreadRepaired,   // who: the dead process; detail: stores that were undone
  kWorkerRestarted,  // who: the worker that died; detail: dead threads it left
};
struct Incident {
  uint64_t
      sequence;  // atomic: release in note_incident() → acquire in read_incident(); its number, from 1
  uint64_t ticks;
  IncidentKind kind;
  uint32_t who;  // process id
  uint32_t by;   // process id
  uint32_t detail;
};
static_assert(sizeof(Incident) == 32);
inline constexpr uint32_t kIncidentsMax = 64;

// In place of block 0: what concerns the whole volume.
struct Control {
  uint64_t
      origin_ticks;  // const once formatted: the clock and CLOCK_MONOTONIC at one moment, from which readers
  uint64_t origin_ns;  // const once formatted: derive the clock's rate
  uint64_t
      cache_budget;  // atomic relaxed: bytes of data pages that the keeper allows now; 0 = no cache
  uint64_t incident_count;  // atomic relaxed: of the volume's life; the last kIncidentsMax are kept
  uint64_t reserved[4];
  Incident incidents[kIncidentsMax];
};
static_assert(sizeof(Control) <= kBlockSizeBytes);

}  // namespace bt::metrics
