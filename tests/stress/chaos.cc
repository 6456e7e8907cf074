// SPDX-License-Identifier: MIT
// Random kills: 16 processes do random things to one volume; every few milliseconds one is killed, wherever it is, and a new
// one started. Its locks are recovered by whoever meets them, its session by the parent, as the daemon would. In the end:
// every invariant holds, and when everything is removed not a page or inode is missing. Nobody may stand still.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "engine/allocator.h"
#include "engine/reclaim.h"
#include "work.h"

namespace bt::stress {
namespace {

constexpr int kWorkers = 16;
// The machine may be busy with other things: a hang is no progress of anybody for this long.
constexpr double kHangSeconds = 20;

double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Board {
  uint64_t steps[kWorkers];
};

class Chaos {
 public:
  explicit Chaos(uint64_t seed)
      : shared_(256 << 20), parent_(shared_.volume, pid()), random_(seed), seed_(seed) {
    board_ = static_cast<Board*>(
        mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    parent_.tolerate();
    make_directories(parent_);
  }

  bool run(uint64_t kills) {
    for (int i = 0; i < kWorkers; i++) start(i);
    double moved = seconds(), longest = 0;
    uint64_t last = 0;
    while (kills_ < kills) {
      usleep(1000 + random_() % 4000);
      int victim = static_cast<int>(random_() % kWorkers);
      stop(victim);
      kills_++;
      start(victim);
      uint64_t now = total();
      if (now != last) {
        longest = std::max(longest, seconds() - moved);
        moved = seconds();
        last = now;
      } else if (seconds() - moved > kHangSeconds) {
        printf("FAIL hang: nobody moved for %.0f s\n", kHangSeconds);
        return false;
      }
    }
    for (int i = 0; i < kWorkers; i++) stop(i);
    printf("%llu kills, %llu operations, longest time without progress %.3f s (seed %llu)\n",
           static_cast<unsigned long long>(kills_), static_cast<unsigned long long>(total()),
           longest, static_cast<unsigned long long>(seed_));
    return verify();
  }

 private:
  static uint32_t pid() { return static_cast<uint32_t>(getpid()); }

  void start(int index) {
    uint64_t seed = random_();
    pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // a run that is cut short leaves nobody at work
      Actor actor(shared_.volume, pid());
      actor.tolerate();
      std::mt19937_64 random(seed);
      for (;;) {
        random_step(actor, random);
        board_->steps[index]++;
      }
    }
    workers_[index] = child;
  }

  void stop(int index) {
    kill(workers_[index], SIGKILL);
    int status = 0;
    waitpid(workers_[index], &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
      printf("FAIL a worker ended by itself: status %x\n", status);
      crashed_ = true;
    }
    crash::sweep(parent_.context(), shared_.volume, static_cast<uint32_t>(workers_[index]));
  }

  uint64_t total() const {
    uint64_t sum = 0;
    for (uint64_t steps : board_->steps) sum += __atomic_load_n(&steps, __ATOMIC_RELAXED);
    return sum;
  }

  bool verify() {
    (void)sweep_orphans(parent_.context().thread, kSweepAll);
    bool good = !crashed_ && count_violations(parent_) == 0;
    remove_everything(parent_);
    (void)sweep_orphans(parent_.context().thread, kSweepAll);
    good &= count_violations(parent_) == 0;
    Space space = measure_space(shared_.volume);
    uint64_t pages = space.pages_total - space.pages_free,
             inodes = space.inodes_total - space.inodes_free;
    printf("after removing everything: %llu pages and %llu inodes in use (the root is one)\n",
           static_cast<unsigned long long>(pages), static_cast<unsigned long long>(inodes));
    return good && pages == 0 && inodes == 1;
  }

  SharedVolume shared_;
  Actor parent_;
  std::mt19937_64 random_;
  uint64_t seed_;
  Board* board_;
  pid_t workers_[kWorkers] = {};
  uint64_t kills_ = 0;
  bool crashed_ = false;
};

}  // namespace

int run_chaos(uint64_t kills, uint64_t seed) {
  Chaos chaos(seed);
  return chaos.run(kills) ? 0 : 1;
}

}  // namespace bt::stress
