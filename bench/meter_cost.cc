// SPDX-License-Identifier: MIT
// What do the counters cost that are always on?
//
//   btfuse-meter-cost
//
// Workload: a function that does nothing, with and without what posix/calls.cc puts around a call: a Meter, the count, the bytes.
// Batches of both are interleaved in one run; the least of each is taken, and the difference printed, once with the clock read
// for one call in 251, as always, and once for every call, as while somebody traces. Beside it the 3 % of the cheapest calls
// in bench/micro.c that issue 7 allows. It does not show cache misses: block and control are hot.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "metrics/meter.h"

namespace {

using namespace bt::metrics;

double now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

[[gnu::noinline]] int64_t handler(uint64_t a) {
  asm volatile("" : "+r"(a));
  return 64;
}

[[gnu::noinline]] int64_t metered(Block& block, Control& control, uint64_t a) {
  Meter meter(block, control);
  int64_t result = handler(a);
  meter.served(Operation::k_read, Way::k_in_process);
  if (result > 0) count_event(block, Event::k_bytes_read, static_cast<uint64_t>(result));
  asm volatile("" : : "r"(meter.traced()));
  return result;
}

[[gnu::noinline]] int64_t unmetered(uint64_t a) {
  int64_t result = handler(a);
  asm volatile("" : "+r"(result));
  return result;
}

double difference(Block& block, Control& control) {
  constexpr int kCalls = 1000;
  double with = 1e9, without = 1e9;
  for (int round = 0; round < 5000; round++) {
    double begin = now_ns();
    for (int i = 0; i < kCalls; i++) metered(block, control, static_cast<uint64_t>(i));
    double middle = now_ns();
    for (int i = 0; i < kCalls; i++) unmetered(static_cast<uint64_t>(i));
    double end = now_ns();
    with = std::min(with, (middle - begin) / kCalls);
    without = std::min(without, (end - middle) / kCalls);
  }
  return with - without;
}

}  // namespace

int main() {
  auto block = std::make_unique<Block>();
  auto control = std::make_unique<Control>();
  std::printf("always_on_ns %.2f\n", difference(*block, *control));
  control->trace_until = UINT64_MAX;
  tell_of_tracing(*block);
  std::printf("every_call_timed_ns %.2f\n", difference(*block, *control));
}
