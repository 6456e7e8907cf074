// SPDX-License-Identifier: MIT
#include "cli/exposition.h"

#include <algorithm>
#include <cstdio>

#include "metrics/names.h"

namespace bt::cli {
namespace {

class Writer {
 public:
  Writer(ExpositionFormat format, const std::string& mount) : format_(format) {
    for (char c : mount) {
      if (c == '\\' || c == '"') mount_ += '\\';
      if (c == '\n')
        mount_ += "\\n";
      else
        mount_ += c;
    }
  }

  // OpenMetrics names a counter's family without the _total of its samples.
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    bool counter = std::string(type) == "counter";
    std::string shown = name_;
    if (counter) name_ += "_total";
    if (format_ == ExpositionFormat::kPrometheusText) shown = name_;
    text_ += "# HELP " + shown + " " + help + "\n# TYPE " + shown + " " + type + "\n";
  }
  // labels: `operation="open",…` or empty; suffix: "_bucket" and its like of a histogram.
  void sample(const std::string& labels, double value, const char* suffix = "") {
    char number[32];
    std::snprintf(number, sizeof number, "%.15g", value);
    text_ += name_ + suffix + "{mount=\"" + mount_ + "\"" + (labels.empty() ? "" : ",") + labels +
             "} " + number + "\n";
  }
  std::string finish() {
    if (format_ == ExpositionFormat::kOpenMetrics) text_ += "# EOF\n";
    return std::move(text_);
  }

 private:
  ExpositionFormat format_;
  std::string mount_, name_, text_;
};

std::string label(const char* name, const std::string& value) {
  return std::string(name) + "=\"" + value + "\"";
}

void put_calls(Writer& writer, const Snapshot& snapshot) {
  writer.family("btfuse_calls", "counter",
                "Calls on the mount by operation and how they were served.");
  for (uint32_t operation = 0; operation < metrics::kOperations; operation++)
    for (uint32_t way = 0; way < metrics::kWays; way++)
      if (uint64_t count = snapshot.summary.counts[operation][way])
        writer.sample(label("operation", metrics::operation_name(operation)) + "," +
                          label("way", metrics::way_name(way)),
                      static_cast<double>(count));
  writer.family("btfuse_cache_misses", "counter", "Times that the origin was asked.");
  writer.sample("", static_cast<double>(snapshot.cache.misses));
  writer.family("btfuse_events", "counter", "What happened inside the engine.");
  for (uint32_t event = 0; event < metrics::kEvents; event++)
    writer.sample(label("event", metrics::event_name(event)),
                  static_cast<double>(snapshot.summary.events[event]));
}

// One bound a power of two: four times coarser than the volume's own buckets, which is enough to compare.
void put_histogram(Writer& writer, const Snapshot& snapshot, uint32_t side, uint32_t operation) {
  const uint64_t(&buckets)[metrics::kBuckets] = snapshot.summary.latency[side][operation];
  std::string labels = label("operation", metrics::operation_name(operation)) + "," +
                       label("side", side == 0 ? "in_process" : "kernel");
  uint64_t seen = 0;
  double seconds = 0, per_tick = 1 / snapshot.ticks_per_ns / 1e9;
  for (uint32_t bucket = 0; bucket < metrics::kBuckets; bucket++) {
    seen += buckets[bucket];
    seconds += static_cast<double>(buckets[bucket]) *
               static_cast<double>(metrics::bucket_start(bucket)) * per_tick;
    if (bucket % metrics::kSubBuckets != metrics::kSubBuckets - 1) continue;
    if (bucket + 1 == metrics::kBuckets) break;
    char bound[32];
    std::snprintf(bound, sizeof bound, "%.9g",
                  static_cast<double>(metrics::bucket_start(bucket + 1)) * per_tick);
    writer.sample(labels + "," + label("le", bound), static_cast<double>(seen), "_bucket");
  }
  writer.sample(labels + "," + label("le", "+Inf"), static_cast<double>(seen), "_bucket");
  writer.sample(labels, seconds, "_sum");
  writer.sample(labels, static_cast<double>(seen), "_count");
}

void put_latencies(Writer& writer, const Snapshot& snapshot) {
  writer.family("btfuse_latency_seconds", "histogram", "Sampled durations of calls.");
  for (uint32_t side = 0; side < 2; side++)
    for (uint32_t operation = 0; operation < metrics::kOperations; operation++)
      if (metrics::samples(snapshot.summary.latency[side][operation]))
        put_histogram(writer, snapshot, side, operation);
}

struct Gauge {
  const char* name;
  const char* help;
  double value;
};

void put_gauges(Writer& writer, const Snapshot& snapshot) {
  const Gauge gauges[] = {
      {"btfuse_pages", "Data pages (4 KiB) of the volume.",
       static_cast<double>(snapshot.statistics.blocks)},
      {"btfuse_pages_free", "Data pages that are free.",
       static_cast<double>(snapshot.statistics.blocks_free)},
      {"btfuse_inodes", "Inodes of the volume.", static_cast<double>(snapshot.statistics.inodes)},
      {"btfuse_inodes_free", "Inodes that are free.",
       static_cast<double>(snapshot.statistics.inodes_free)},
      {"btfuse_resident_bytes", "Memory that the volume holds.",
       static_cast<double>(snapshot.resident_bytes)},
      {"btfuse_sessions", "Processes attached, the daemon among them.",
       static_cast<double>(snapshot.sessions.size())},
      {"btfuse_cache_budget_bytes",
       "What the cache of a directory may hold now; 0 for other volumes.",
       static_cast<double>(snapshot.cache.budget_bytes)},
      {"btfuse_cache_used_bytes", "Data that the volume holds.",
       static_cast<double>(snapshot.used_bytes())},
      {"btfuse_cache_hit_ratio", "Part of the calls that the cache answered; 0 for other volumes.",
       std::max(snapshot.cache.hit_ratio(), 0.0)},
      {"btfuse_cache_dirty_bytes", "Data newer than the origin's.",
       static_cast<double>(snapshot.cache.dirty_bytes)},
      {"btfuse_hook_objects", "eBPF objects loaded for this user's programs.",
       static_cast<double>(snapshot.hooks.size())},
      {"btfuse_serving", "1 while the volume serves; 0 when damaged or gone.",
       std::string(snapshot.state) == "serving" ? 1.0 : 0.0},
  };
  for (const Gauge& gauge : gauges) {
    writer.family(gauge.name, "gauge", gauge.help);
    writer.sample("", gauge.value);
  }
}

}  // namespace

std::string exposition(const Snapshot& snapshot, ExpositionFormat format) {
  Writer writer(format, snapshot.mount_point);
  put_calls(writer, snapshot);
  put_latencies(writer, snapshot);
  put_gauges(writer, snapshot);
  return writer.finish();
}

}  // namespace bt::cli
