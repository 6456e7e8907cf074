// SPDX-License-Identifier: MIT
#include "engine/clock.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/bytes.h"
#include "base/fence.h"
#include "base/syscall.h"
#include "engine/seq_read.h"

namespace bt::engine {
namespace {

// One reading of both clocks, and from there on time = ns + (ticks now − ticks) × rate / 2^32.
struct Sample {
  uint64_t ticks;
  int64_t ns;
  uint64_t within;     // ticks that either side of the reading may be off: half of what asking took
  uint64_t rate;       // 0: unknown
  uint64_t valid_for;  // ticks; after that the kernel is asked again
};

// A system call or three each time: few enough that a program which calls nothing else makes next to none.
constexpr int64_t kSampleForNs = 250'000'000;
// What a rate is measured over at least.
constexpr int64_t kRateOverNs = 20'000'000;
// What the sample itself may be off, and what the rate may add to that while the sample lives. Mostly it is a tenth of a
// microsecond; under strace the kernel takes that long to answer. It takes longer when the machine stops this
// processor meanwhile: then it is asked each time until it answers at once.
constexpr uint64_t kErrorNs = 50'000;
// A rate that another process measured is believed for so long.
constexpr int64_t kHintForNs = 20'000'000;
// Processors from 500 MHz to 16 GHz; a rate beyond is damage.
constexpr uint64_t kRateMin = (1ull << 32) / 16, kRateMax = (1ull << 32) * 2;
// The product of the hot path fits a word: elapsed × rate is at most the sample's life in ns, times 2^32.
static_assert(kSampleForNs < (1ll << 31));

Sample samples[2];
uint32_t
    current;  // samples so far: the last is read, the place of the one before may be being written
uint32_t writing;    // 1 while somebody writes
uint32_t invariant;  // 0 not looked yet, 1 the counter is steady, 2 it is not

int64_t ask_kernel() {
  timespec now = {};
  base::raw_syscall(SYS_clock_gettime, CLOCK_REALTIME, base::raw_argument(&now));
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// The counter's value at the moment of the kernel's answer, half a call to either side; of three tries the shortest call.
Sample take_sample() {
  Sample best = {};
  uint64_t shortest = UINT64_MAX;
  for (int i = 0; i < 3; i++) {
    uint64_t before = __builtin_ia32_rdtsc();
    int64_t ns = ask_kernel();
    uint64_t took = __builtin_ia32_rdtsc() - before;
    if (took < shortest) {
      shortest = took;
      best = {before + took / 2, ns, took / 2, 0, 0};
    }
  }
  return best;
}

bool is_counter_steady() {
  if (invariant == 0) {
    uint32_t a, b, c, d;
    bool steady = __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1 << 8);
    __atomic_store_n(&invariant, steady ? 1 : 2, __ATOMIC_RELAXED);
  }
  return invariant == 1;
}

bool is_plausible(uint64_t rate) { return rate >= kRateMin && rate <= kRateMax; }

// From two samples at least 20 ms apart; of a clock that was set meanwhile, implausible or at least soon replaced.
uint64_t rate_between(const Sample& older, const Sample& newer) {
  if (newer.ns - older.ns < kRateOverNs || newer.ticks <= older.ticks) return 0;
  uint64_t ns = static_cast<uint64_t>(newer.ns - older.ns), ticks = newer.ticks - older.ticks;
  uint32_t shift = 32;  // as much as fits
  while (ns >> (64 - shift)) shift--;
  uint64_t rate = (ns << shift) / (ticks >> (32 - shift));
  return is_plausible(rate) ? rate : 0;
}

uint64_t ns_of(uint64_t ticks, uint64_t rate) { return ticks * rate >> 32; }

// How long a rate is believed: what it may be off grows with the distance, as both its samples' errors over their distance.
int64_t life_ns(const Sample& older, const Sample& newer, uint64_t rate) {
  uint64_t off_ns = ns_of(older.within + newer.within, rate) + 1;
  uint64_t measured_over = base::min(static_cast<uint64_t>(newer.ns - older.ns), uint64_t{1} << 40);
  return static_cast<int64_t>(base::min(uint64_t{kSampleForNs}, kErrorNs * measured_over / off_ns));
}

// A sample that lives, or one with valid_for 0 that can only begin a measurement.
Sample next_sample(const Sample& old, uint64_t& shared_rate) {
  Sample fresh = take_sample();
  int64_t life = kHintForNs;
  fresh.rate = old.ticks ? rate_between(old, fresh) : 0;
  if (fresh.rate) {
    life = life_ns(old, fresh, fresh.rate);
    if (life == kSampleForNs) __atomic_store_n(&shared_rate, fresh.rate, __ATOMIC_RELAXED);
  } else {
    fresh.rate = old.rate ? old.rate : __atomic_load_n(&shared_rate, __ATOMIC_RELAXED);
  }
  if (!is_plausible(fresh.rate)) fresh.rate = 0;
  if (fresh.rate && ns_of(fresh.within, fresh.rate) < kErrorNs)
    fresh.valid_for = (static_cast<uint64_t>(life) << 32) / fresh.rate;
  return fresh;
}

// A reader may be in there since the sample before.
void put(Sample& place, const Sample& sample) {
  base::fence<__ATOMIC_RELEASE>();
  __atomic_store_n(&place.ticks, sample.ticks, __ATOMIC_RELAXED);
  __atomic_store_n(&place.ns, sample.ns, __ATOMIC_RELAXED);
  __atomic_store_n(&place.rate, sample.rate, __ATOMIC_RELAXED);
  __atomic_store_n(&place.valid_for, sample.valid_for, __ATOMIC_RELAXED);
  place.within = sample.within;  // not for readers
}

void resample(uint64_t& shared_rate) {
  uint32_t free = 0;
  if (!__atomic_compare_exchange_n(&writing, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return;  // another thread, or the host of this signal handler, is at it
  const Sample old = samples[current & 1];
  Sample fresh = next_sample(old, shared_rate);
  if (fresh.valid_for || !old.ticks) {  // else the old sample stays, as the start of a measurement
    put(samples[(current + 1) & 1], fresh);
    __atomic_store_n(&current, current + 1, __ATOMIC_RELEASE);  // → clock_now_ns
  }
  __atomic_store_n(&writing, 0, __ATOMIC_RELEASE);
}
}  // namespace

int64_t clock_now_ns(const Thread& thread) {
  if (!is_counter_steady()) return ask_kernel();
  for (int attempt = 0; attempt < 2; attempt++) {
    uint32_t seen = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
    const Sample& sample = samples[seen & 1];
    uint64_t elapsed = __builtin_ia32_rdtsc() - load_relaxed(sample.ticks);
    if (elapsed < load_relaxed(sample.valid_for)) [[likely]] {
      int64_t now =
          load_relaxed(sample.ns) + static_cast<int64_t>(elapsed * load_relaxed(sample.rate) >> 32);
      // Who was stopped in between for two samples has read of both.
      base::fence<__ATOMIC_ACQUIRE>();
      if (__atomic_load_n(&current, __ATOMIC_RELAXED) == seen) [[likely]]
        return now;
    }
    resample(thread.volume->superblock().clock_rate);
  }
  return ask_kernel();
}

void publish_coarse_time(const Thread& thread) {
  __atomic_store_n(&thread.volume->superblock().coarse_time_ns, ask_kernel(), __ATOMIC_RELAXED);
}

}  // namespace bt::engine
