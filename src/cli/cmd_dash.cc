// SPDX-License-Identifier: MIT
// btfuse dash: a live web page of one mount, and its Prometheus metrics. Listens on 127.0.0.1 alone, answers only who
// knows the token of the printed address, and changes nothing.
#include <httplib.h>
#include <sys/random.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include "cli/command.h"
#include "cli/exposition.h"
#include "cli/snapshot.h"
#include "dashboard/assets.h"
#include "metrics/names.h"

namespace bt::cli {
namespace {

constexpr auto kEventInterval = std::chrono::seconds(1);
constexpr auto kSnapshotLifetime = std::chrono::milliseconds(500);

std::string random_token() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) throw command_error("getrandom", errno);
  std::string token;
  for (unsigned char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    token += digits;
  }
  return token;
}

// One side's samples over all operations, as [ns, count] pairs.
void put_latency(JsonWriter& json, const Snapshot& snapshot, uint32_t side) {
  json.begin_array();
  for (uint32_t bucket = 0; bucket < metrics::kBuckets; bucket++) {
    uint64_t count = 0;
    for (uint32_t operation = 0; operation < metrics::kOperations; operation++)
      count += snapshot.summary.latency[side][operation][bucket];
    if (!count) continue;
    json.begin_array();
    // Rounded: the page recognises a bucket by this number.
    json.value(static_cast<uint64_t>(static_cast<double>(metrics::bucket_start(bucket)) /
                                     snapshot.ticks_per_ns));
    json.value(count);
    json.end_array();
  }
  json.end_array();
}

// What all connections share: a snapshot is taken at most twice a second, however many look.
class Feed {
 public:
  explicit Feed(const std::string& place) : view_(place) {
    ticks_per_ns_ = take_snapshot(view_).ticks_per_ns;
  }

  Snapshot snapshot() {
    std::lock_guard guard(mutex_);
    auto now = std::chrono::steady_clock::now();
    if (now - taken_ >= kSnapshotLifetime) {
      snapshot_ = take_snapshot(view_);
      snapshot_.ticks_per_ns =
          ticks_per_ns_;  // one rate for good, so that buckets keep their names
      taken_ = now;
    }
    return snapshot_;
  }

  std::string event() {
    Snapshot now = snapshot();
    JsonWriter json(JsonWriter::Layout::kOneLine);
    json.begin_object();
    put_snapshot_members(json, now);
    json.key("latency");
    json.begin_object();
    json.key("in_process");
    put_latency(json, now, 0);
    json.key("fuse");
    put_latency(json, now, 1);
    json.end_object();
    json.end_object();
    return "data: " + json.text() + "\n\n";
  }

 private:
  std::mutex mutex_;
  VolumeView view_;
  double ticks_per_ns_ = 1;
  std::chrono::steady_clock::time_point taken_{};
  Snapshot snapshot_;
};

bool admitted(const httplib::Request& request, const std::string& token) {
  return request.get_param_value("token") == token ||
         request.get_header_value("Authorization") == "Bearer " + token;
}

void serve_events(httplib::Response& response, Feed& feed) {
  response.set_header("Cache-Control", "no-store");
  response.set_chunked_content_provider("text/event-stream",
                                        [&feed](size_t, httplib::DataSink& sink) {
                                          std::string event = feed.event();
                                          if (!sink.write(event.data(), event.size())) return false;
                                          std::this_thread::sleep_for(kEventInterval);
                                          return true;
                                        });
}

void serve_metrics(const httplib::Request& request, httplib::Response& response, Feed& feed) {
  bool open_metrics =
      request.get_header_value("Accept").find("application/openmetrics-text") != std::string::npos;
  if (open_metrics)
    response.set_content(exposition(feed.snapshot(), ExpositionFormat::kOpenMetrics),
                         "application/openmetrics-text; version=1.0.0; charset=utf-8");
  else
    response.set_content(exposition(feed.snapshot(), ExpositionFormat::kPrometheusText),
                         "text/plain; version=0.0.4; charset=utf-8");
}

void add_routes(httplib::Server& server, const std::string& token, Feed& feed) {
  server.set_default_headers(
      {{"X-Content-Type-Options", "nosniff"},
       {"Referrer-Policy", "no-referrer"},
       {"Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'"}});
  // The page's own files are no secret; whatever tells of the mount asks for the token.
  for (const dashboard::Asset* asset = dashboard::all_assets(); asset->path; asset++)
    server.Get(asset->path, [asset](const httplib::Request&, httplib::Response& response) {
      response.set_content(asset->content.data(), asset->content.size(), asset->type);
    });
  server.Get("/events", [&](const httplib::Request& request, httplib::Response& response) {
    if (admitted(request, token)) return serve_events(response, feed);
    response.status = 403;
  });
  server.Get("/metrics", [&](const httplib::Request& request, httplib::Response& response) {
    if (admitted(request, token)) return serve_metrics(request, response, feed);
    response.status = 403;
  });
}

}  // namespace

int cmd_dash(Arguments& arguments) {
  uint64_t port = arguments.number("--port", 1, 65535).value_or(0);
  std::string token = arguments.value("--token").value_or(random_token());
  Feed feed(arguments.words(1, 1)[0]);
  httplib::Server server;
  server.new_task_queue = [] { return new httplib::ThreadPool(16); };
  add_routes(server, token, feed);
  int bound =
      port
          ? (server.bind_to_port("127.0.0.1", static_cast<int>(port)) ? static_cast<int>(port) : -1)
          : server.bind_to_any_port("127.0.0.1");
  if (bound < 0) throw CommandError("port " + std::to_string(port), "cannot be bound on 127.0.0.1");
  std::printf("http://127.0.0.1:%d/?token=%s\n", bound, token.c_str());
  std::printf("metrics: http://127.0.0.1:%d/metrics?token=%s\n", bound, token.c_str());
  std::fflush(stdout);
  if (!server.listen_after_bind()) throw CommandError("dash", "the server stopped");
  return 0;
}

}  // namespace bt::cli
