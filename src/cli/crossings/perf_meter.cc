// SPDX-License-Identifier: MIT
// Level perf: counters of tracepoints by perf_event_open. No eBPF; needs tracefs and the right to count tracepoints.
#include <dirent.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "cli/crossings/meter.h"

namespace bt::cli {
namespace {

std::optional<uint64_t> tracepoint_id(const char* name) {
  for (const char* root : {"/sys/kernel/tracing/events/", "/sys/kernel/debug/tracing/events/"}) {
    std::ifstream file(std::string(root) + name + "/id");
    uint64_t id = 0;
    if (file >> id) return id;
  }
  return std::nullopt;
}

perf_event_attr tracepoint(uint64_t id) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.size = sizeof attributes;
  attributes.config = id;
  return attributes;
}

perf_event_attr context_switches() {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
  return attributes;
}

// The sum of some counters; closes them.
class Counters {
 public:
  Counters() = default;
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;
  ~Counters() {
    for (int fd : fds_) close(fd);
  }

  bool add(perf_event_attr attributes, pid_t thread, int cpu) {
    attributes.inherit = thread > 0;
    long fd = syscall(SYS_perf_event_open, &attributes, thread, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0) return false;
    fds_.push_back(static_cast<int>(fd));
    return true;
  }
  bool filter(const std::string& text) {
    return ioctl(fds_.back(), PERF_EVENT_IOC_SET_FILTER, text.c_str()) == 0;
  }
  uint64_t sum() const {
    uint64_t total = 0, value = 0;
    for (int fd : fds_)
      if (read(fd, &value, sizeof value) == sizeof value) total += value;
    return total;
  }

 private:
  std::vector<int> fds_;
};

class PerfMeter : public Meter {
 public:
  explicit PerfMeter(const FuseConnection& connection) : connection_(connection) {}

  bool open(std::string& why) {
    auto request = tracepoint_id("fuse/fuse_request_send");
    system_call_ = tracepoint_id("raw_syscalls/sys_enter");
    if (!request || !system_call_) {
      why = "tracefs is not mounted, or has no tracepoints of FUSE";
      return false;
    }
    std::string filter = "connection == " + std::to_string(connection_.number);
    for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
      if (requests_.add(tracepoint(*request), -1, static_cast<int>(cpu)) &&
          requests_.filter(filter))
        continue;
      why = std::string("perf_event_open: ") + strerror(errno);
      return false;
    }
    requests_before_ = requests_.sum();
    return true;
  }

  void start(pid_t program) override {
    if (program) watch(program, program_);
    for (int daemon : connection_.daemons) {
      std::filesystem::path tasks = "/proc/" + std::to_string(daemon) + "/task";
      std::error_code gone;
      for (const auto& task : std::filesystem::directory_iterator(tasks, gone))
        watch(std::atoi(task.path().filename().c_str()), daemon_);
    }
    requests_before_ = requests_.sum();
  }

  Crossings stop() override {
    Crossings result;
    result.level = "perf";
    result.requests = requests_.sum() - requests_before_;
    result.program = {program_.system_calls.sum(), program_.switches.sum(), std::nullopt};
    result.daemon = {daemon_.system_calls.sum(), daemon_.switches.sum(), std::nullopt};
    return result;
  }

 private:
  struct Side {
    Counters system_calls, switches;
  };

  void watch(pid_t thread, Side& side) {
    side.system_calls.add(tracepoint(*system_call_), thread, -1);
    side.switches.add(context_switches(), thread, -1);
  }

  FuseConnection connection_;
  std::optional<uint64_t> system_call_;
  Counters requests_;
  uint64_t requests_before_ = 0;
  Side program_, daemon_;
};

}  // namespace

std::unique_ptr<Meter> make_perf_meter(const FuseConnection& connection, std::string& why) {
  auto meter = std::make_unique<PerfMeter>(connection);
  if (!meter->open(why)) return nullptr;
  return meter;
}

}  // namespace bt::cli
