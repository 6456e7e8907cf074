// SPDX-License-Identifier: MIT
#include "stress/watchdog.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "shm/lock.h"
#include "shm/token.h"

namespace bt::stress {
namespace {

std::string read_process_file(pid_t pid, const char* name) {
  std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  char text[1024];
  ssize_t size = read(file, text, sizeof(text));
  close(file);
  return {text, static_cast<size_t>(std::max<ssize_t>(size, 0))};
}

}  // namespace

double now_seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

void Watchdog::sample(Watched& process) {
  std::string stat = read_process_file(process.pid, "stat");
  size_t name_end = stat.rfind(')');
  process.state =
      name_end != std::string::npos && name_end + 2 < stat.size() ? stat[name_end + 2] : '?';
  process.ran_now = strtod(read_process_file(process.pid, "schedstat").c_str(), nullptr) * 1e-9;
}

void Watchdog::started(int index, pid_t pid) {
  Watched& process = watched_[static_cast<size_t>(index)];
  process = {};
  process.pid = pid;
  process.steps = steps_[index];
  process.since = now_seconds();
  sample(process);
  process.ran = process.ran_now;
}

// What a sleeper could have had of the last `elapsed` seconds.
double Watchdog::shared_seconds(double elapsed) const {
  double ran = 0;
  bool wanted = false;
  for (const Watched& process : watched_) {
    ran += process.ran_now - process.ran;
    wanted |= process.state != 'S';
  }
  return wanted ? std::min(elapsed, ran) : elapsed;
}

bool Watchdog::look() {
  double now = now_seconds();
  if (now - looked_ < kLookEachSeconds) return true;
  // A late look says little about the time since the last one.
  double elapsed = std::min(now - looked_, 2 * kLookEachSeconds);
  looked_ = now;
  for (Watched& process : watched_) sample(process);
  double shared = shared_seconds(elapsed);
  for (size_t i = 0; i < watched_.size(); i++) {
    Watched& process = watched_[i];
    double ran = process.ran_now - process.ran;
    process.ran = process.ran_now;
    uint64_t steps = __atomic_load_n(&steps_[i], __ATOMIC_RELAXED);
    if (steps != process.steps) {
      process.steps = steps;
      process.since = now;
      process.charged = 0;
      continue;
    }
    process.charged += process.state == 'S' ? std::min(shared, now - process.since) : ran;
    longest_charged_ = std::max(longest_charged_, process.charged);
    longest_wall_ = std::max(longest_wall_, now - process.since);
    if (process.charged < kHangSeconds) continue;
    explain(process);
    return false;
  }
  return true;
}

// Where it is, and the lock it waits for: the last one in its list.
void Watchdog::explain(const Watched& process) const {
  printf("FAIL hang: process %d, state %c, %.2f s without a step (%.2f s by the clock), in %s\n",
         process.pid, process.state, process.charged, now_seconds() - process.since,
         read_process_file(process.pid, "wchan").c_str());
  for (uint32_t i = 1; i < volume_.slots_used(); i++) {
    const format::SlotRecord& slot = *volume_.slot(format::SlotIndex{i});
    if (shm::token_word(slot.token) != static_cast<uint32_t>(process.pid)) continue;
    uint32_t held = slot.held_count;
    printf("  slot %u: in a transaction %u, locks %u, log %u\n", i, slot.in_transaction, held,
           slot.log_count);
    if (held == 0 || held > format::kHeldMax) continue;
    auto offset = static_cast<uint64_t>(slot.held[held - 1]);
    if (offset >= volume_.geometry().volume_size) continue;
    const auto& lock = *reinterpret_cast<const format::LockRecord*>(volume_.base() + offset);
    uint64_t tag = shm::load_tag(lock);
    const format::SlotRecord* owner = volume_.slot(shm::slot_of(tag));
    printf("  last lock at %llu: tag %llx, sequence %llu, owner's token %x, generation %u\n",
           static_cast<unsigned long long>(offset), static_cast<unsigned long long>(tag),
           static_cast<unsigned long long>(lock.seq), owner ? shm::token_word(owner->token) : 0,
           owner ? owner->generation : 0);
  }
}

}  // namespace bt::stress
