// SPDX-License-Identifier: MIT
#include "metrics/names.h"

#include <sys/syscall.h>

namespace bt::metrics {
namespace {

struct Row {
  const char* name;
  const char* text;
};
constexpr Row kOperationRows[] = {
#define BT_OPERATION(name, text) {#name, text},
#include "metrics/counters.def"
#undef BT_OPERATION
};
constexpr Row kWayRows[] = {
#define BT_WAY(name, text) {#name, text},
#include "metrics/counters.def"
#undef BT_WAY
};
constexpr Row kEventRows[] = {
#define BT_EVENT(name, text) {#name, text},
#include "metrics/counters.def"
#undef BT_EVENT
};

template <uint32_t size>
const Row& row_of(const Row (&rows)[size], uint32_t index) {
  static constexpr Row kUnknown = {"?", "?"};
  return index < size ? rows[index] : kUnknown;
}

}  // namespace

const char* operation_name(uint32_t operation) { return row_of(kOperationRows, operation).name; }
const char* operation_text(uint32_t operation) { return row_of(kOperationRows, operation).text; }
const char* way_name(uint32_t way) { return row_of(kWayRows, way).name; }
const char* way_text(uint32_t way) { return row_of(kWayRows, way).text; }
const char* event_name(uint32_t event) { return row_of(kEventRows, event).name; }
const char* event_text(uint32_t event) { return row_of(kEventRows, event).text; }

const char* call_name(uint32_t number) {
  switch (number) {
#define BT_CALL(call, operation) \
  case SYS_##call:               \
    return #call;
#include "metrics/counters.def"
#undef BT_CALL
    default:
      return "?";
  }
}

}  // namespace bt::metrics
