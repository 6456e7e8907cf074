// SPDX-License-Identifier: MIT
#include "fuse/supervisor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <new>

#include "fuse/kernel_mount.h"
#include "registry/writer.h"

namespace bt::fuse {
namespace {

// A worker that dies this soon after it began to serve may have died of what it was asked: the next one is asked the same.
constexpr int64_t kQuickDeathMs = 100;
constexpr uint32_t kQuickDeathsMax = 8;
constexpr int64_t kBackoffMs[] = {0, 10, 20, 50, 100, 200, 500, 500, 500};
constexpr int64_t kStartLimitMs = 10000;
constexpr int64_t kStopLimitMs = 2000;

int64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

class Supervisor {
 public:
  Supervisor(const Mount& mount, SharedPage& page,
             const std::function<void(const std::string&)>& ready)
      : mount_(mount), page_(page), ready_(ready) {}

  int run() {
    block_signals();
    if (!publish()) return 1;
    if (!start_worker()) return fail(std::strerror(errno));
    int status = watch();
    abandon_mount(mount_);
    BT_LOG(kInfo, "supervisor ends, status %d", status);
    return status;
  }

 private:
  void block_signals() {
    sigemptyset(&signals_);
    for (int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals_, number);
    sigprocmask(SIG_BLOCK, &signals_, &former_signals_);
    std::signal(SIGPIPE, SIG_IGN);
  }

  int fail(const std::string& why) {
    BT_LOG(kError, "%s: %s", mount_.mount_point.c_str(), why.c_str());
    abandon_mount(mount_);
    ready_(why);
    return 1;
  }

  bool publish();
  bool start_worker();
  int watch();
  // What to do about a worker that ended; true: go on.
  bool worker_ended(int wait_status, int& status);
  bool restart();
  void stop(int signal_number);
  int wait_for_signal(int64_t timeout_ms) {
    timespec timeout{timeout_ms / 1000, timeout_ms % 1000 * 1000000};
    return sigtimedwait(&signals_, nullptr, &timeout);
  }

  const Mount& mount_;
  SharedPage& page_;
  const std::function<void(const std::string&)>& ready_;
  sigset_t signals_{}, former_signals_{};
  pid_t worker_ = -1;
  int64_t started_ms_ = 0;
  int64_t serving_ms_ = 0;   // when this worker began to serve; 0: not yet
  int64_t stopping_ms_ = 0;  // when we were told to end; 0: not
  bool announced_ = false;
  uint32_t quick_deaths_ = 0;
};

bool Supervisor::publish() {
  registry::MountRecord record{};
  record.volume_id = mount_.volume.id;
  record.volume_size = mount_.volume.size;
  record.daemon_pid = static_cast<uint32_t>(getpid());
  record.daemon_start_time = registry::process_start_time(record.daemon_pid);
  record.kernel_device = device_of_mount(mount_.mount_point);
  record.volume_descriptor = mount_.volume.file;
  record.source_descriptor = mount_.origin.source < 0 ? 0 : mount_.origin.source;
  record.watch_descriptor = mount_.origin.watch < 0 ? 0 : mount_.origin.watch;
  record.owner_uid = geteuid();
  record.flags = mount_.options.volume_options;
  record.mount_point_size =
      static_cast<uint32_t>(std::min<size_t>(mount_.mount_point.size(), registry::kPathBytes - 1));
  std::memcpy(record.mount_point, mount_.mount_point.data(), record.mount_point_size);
  void* memory = mmap(nullptr, format::kSuperblockSizeBytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                      mount_.volume.file, 0);
  if (memory == MAP_FAILED) return fail(std::strerror(errno)) == 0;
  auto& superblock = *static_cast<format::Superblock*>(memory);
  __atomic_store_n(&superblock.kernel_device, record.kernel_device, __ATOMIC_RELEASE);
  __atomic_store_n(&superblock.supervisor_pid, record.daemon_pid, __ATOMIC_RELEASE);
  munmap(memory, format::kSuperblockSizeBytes);
  auto added = registry::add_mount(mount_.run_directory, record);
  if (!added)
    return fail("registry in " + mount_.run_directory + ": " +
                std::strerror(added.error().errno_value())) == 0;
  return true;
}

bool Supervisor::start_worker() {
  pid_t supervisor = getpid();
  page_.generation.fetch_add(1);
  page_.is_serving.store(0);
  page_.problem[0] = '\0';
  started_ms_ = now_ms();
  serving_ms_ = 0;
  worker_ = fork();
  if (worker_ != 0) return worker_ > 0;
  sigprocmask(SIG_SETMASK, &former_signals_, nullptr);
  // _exit: what the parent had buffered or registered is not ours to flush.
  _exit(run_worker(mount_, page_, supervisor));
}

int Supervisor::watch() {
  for (;;) {
    int64_t timeout_ms = serving_ms_ && !stopping_ms_ ? 3600 * 1000 : 5;
    int number = wait_for_signal(timeout_ms);
    int64_t now = now_ms();
    if (number == SIGTERM || number == SIGINT || number == SIGHUP) stop(number);
    if (!serving_ms_ && page_.is_serving.load()) {
      serving_ms_ = now;
      if (!announced_) ready_("");
      announced_ = true;
    }
    if (stopping_ms_ && now - stopping_ms_ > kStopLimitMs && worker_ > 0) kill(worker_, SIGKILL);
    if (!serving_ms_ && !stopping_ms_ && now - started_ms_ > kStartLimitMs) kill(worker_, SIGKILL);
    int wait_status = 0;
    if (waitpid(worker_, &wait_status, WNOHANG) != worker_) continue;
    int status = 0;
    if (!worker_ended(wait_status, status)) return status;
  }
}

bool Supervisor::worker_ended(int wait_status, int& status) {
  status = 0;
  if (stopping_ms_ || (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)) {
    if (!announced_ && !stopping_ms_) {
      ready_("it was unmounted before it served");
      status = 1;
    }
    return false;
  }
  status = 1;
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kWorkerCannotServe) {
    if (!announced_) ready_(page_.problem);
    return false;
  }
  BT_LOG(kError, "worker %u (pid %d) died: %s %d", page_.generation.load(), worker_,
         WIFSIGNALED(wait_status) ? "signal" : "exit status",
         WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
  if (!announced_) {
    ready_("the worker died while it started (the log says more)");
    return false;
  }
  return restart();
}

bool Supervisor::restart() {
  int64_t now = now_ms();
  bool is_quick = !serving_ms_ || now - serving_ms_ < kQuickDeathMs;
  quick_deaths_ = is_quick ? quick_deaths_ + 1 : 0;
  if (quick_deaths_ > kQuickDeathsMax) {
    BT_LOG(kError, "%u workers in a row died at once: giving up", quick_deaths_);
    return false;
  }
  timespec pause{0, kBackoffMs[quick_deaths_] * 1000000};
  nanosleep(&pause, nullptr);
  if (start_worker()) return true;
  BT_LOG(kError, "no new worker: %s", std::strerror(errno));
  return false;
}

void Supervisor::stop(int signal_number) {
  if (stopping_ms_) return;
  BT_LOG(kInfo, "signal %d: unmounting", signal_number);
  stopping_ms_ = now_ms();
  page_.stop.store(1);
  abandon_mount(mount_);
}

}  // namespace

int supervise(const Mount& mount, const std::function<void(const std::string&)>& ready) {
  open_log(mount.log_file, mount.log_level, "supervisor");
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    ready(std::strerror(errno));
    return 1;
  }
  return Supervisor(mount, *new (memory) SharedPage, ready).run();
}

}  // namespace bt::fuse
