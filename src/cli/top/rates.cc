// SPDX-License-Identifier: MIT
#include "cli/top/rates.h"

#include <algorithm>
#include <map>

#include "metrics/names.h"

namespace bt::cli::top {
namespace {

using metrics::Way;

// Counters only grow, but a session's may start anew with its threads.
double grown(uint64_t before, uint64_t after, double seconds) {
  return after > before ? static_cast<double>(after - before) / seconds : 0;
}

double quantile_ns(const Snapshot& before, const Snapshot& after, uint32_t path, uint32_t operation,
                   uint32_t permille) {
  uint64_t buckets[metrics::kBuckets];
  for (uint32_t i = 0; i < metrics::kBuckets; i++)
    buckets[i] =
        after.summary.latency[path][operation][i] - before.summary.latency[path][operation][i];
  return static_cast<double>(metrics::quantile(buckets, permille)) / after.ticks_per_ns;
}

OperationRate operation_rate(const Snapshot& before, const Snapshot& after, uint32_t operation,
                             double seconds) {
  OperationRate rate;
  rate.operation = operation;
  rate.in_process = grown(before.count(operation, Way::k_in_process),
                          after.count(operation, Way::k_in_process), seconds);
  rate.fuse =
      grown(before.count(operation, Way::k_fuse), after.count(operation, Way::k_fuse), seconds);
  rate.passed = grown(before.summary.passed(operation), after.summary.passed(operation), seconds);
  if (rate.all() == 0) return rate;
  rate.p50_ns = quantile_ns(before, after, 0, operation, 500);
  rate.p99_ns = quantile_ns(before, after, 0, operation, 990);
  rate.fuse_p50_ns = quantile_ns(before, after, 1, operation, 500);
  rate.fuse_p99_ns = quantile_ns(before, after, 1, operation, 990);
  return rate;
}

std::vector<SessionRate> session_rates(const Snapshot& before, const Snapshot& after,
                                       double seconds) {
  std::map<std::pair<uint32_t, uint32_t>, const SessionView*> earlier;
  for (const SessionView& session : before.sessions)
    earlier[{session.index, session.pid}] = &session;
  std::vector<SessionRate> rates;
  for (const SessionView& session : after.sessions) {
    static constexpr uint64_t kNoCalls[3] = {};
    auto place = earlier.find({session.index, session.pid});
    const uint64_t* calls = place == earlier.end() ? kNoCalls : place->second->calls;
    SessionRate rate;
    rate.session = session;
    rate.in_process = grown(calls[0], session.calls[0], seconds);
    rate.fuse = grown(calls[1], session.calls[1], seconds);
    rate.passed = grown(calls[2], session.calls[2], seconds);
    rates.push_back(rate);
  }
  return rates;
}

}  // namespace

Rates rates_between(const Snapshot& before, const Snapshot& after) {
  Rates rates;
  rates.seconds = std::max(static_cast<double>(after.time_ns - before.time_ns) / 1e9, 1e-6);
  for (uint32_t operation = 0; operation < metrics::kOperations; operation++) {
    OperationRate rate = operation_rate(before, after, operation, rates.seconds);
    if (rate.all() == 0) continue;
    rates.in_process += rate.in_process;
    rates.passed += rate.passed;
    rates.fuse += rate.fuse;
    rates.operations.push_back(rate);
  }
  if (rates.in_process + rates.passed > 0)
    rates.share = rates.in_process / (rates.in_process + rates.passed);
  for (uint32_t way = 0; way < metrics::kWays; way++) {
    double calls = grown(before.total(static_cast<Way>(way)), after.total(static_cast<Way>(way)),
                         rates.seconds);
    if (metrics::is_passed(way) && calls > 0) rates.reasons.push_back({way, calls});
  }
  rates.sessions = session_rates(before, after, rates.seconds);
  CacheView asked{after.cache.budget_bytes, 0, after.cache.hits - before.cache.hits,
                  after.cache.misses - before.cache.misses};
  // Hits are a difference of two sums and may shrink where one call misses several times.
  if (after.cache.budget_bytes && after.cache.hits >= before.cache.hits)
    rates.hit_ratio = asked.hit_ratio();
  auto busier = [](const auto& a, const auto& b) { return a.all() > b.all(); };
  std::stable_sort(rates.operations.begin(), rates.operations.end(), busier);
  std::stable_sort(rates.sessions.begin(), rates.sessions.end(), busier);
  std::stable_sort(rates.reasons.begin(), rates.reasons.end(),
                   [](const auto& a, const auto& b) { return a.calls > b.calls; });
  return rates;
}

}  // namespace bt::cli::top
