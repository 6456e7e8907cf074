// SPDX-License-Identifier: MIT
// Random kills: 16 processes do random things to one volume; every few milliseconds one is killed, wherever it is, and a new
// one started. Its locks are recovered by whoever meets them; its session, and the memory of free pages, are the parent's
// business, as they would be the daemon's. Four of the sixteen are spared for a while, in turn: who is killed every 50 ms
// never hangs for a second. In the end every invariant holds, and when everything is removed not a page or inode is
// missing and the volume's memory is what its accounts say.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "engine/allocator.h"
#include "engine/page_return.h"
#include "engine/reclaim.h"
#include "stress/watchdog.h"
#include "work.h"

namespace bt::stress {
namespace {

constexpr int kWorkers = 16, kSpared = 4;
constexpr uint64_t kSpareKills = 500, kReturnKills = 100;
// Pages that may lie in the lists of slots, beside those that return_free_pages keeps (engine/allocator.h).
constexpr uint64_t kListedPagesMax = 256 * (kWorkers + 2);

using Number = unsigned long long;

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
    Watchdog watchdog(shared_.volume, board_->steps, kWorkers);
    for (int i = 0; i < kWorkers; i++) watchdog.started(i, start(i));
    bool good = true;
    for (uint64_t i = 0; i < kills && good; i++) {
      usleep(1000 + static_cast<useconds_t>(random_() % 4000));
      int victim = choose(i);
      good = stop(victim);
      watchdog.started(victim, start(victim));
      if (i % kReturnKills == 0) good &= return_memory();
      good &= watchdog.look();
    }
    uint64_t operations = 0;
    for (uint64_t steps : board_->steps) operations += steps;
    for (int i = 0; i < kWorkers; i++) good &= stop(i);
    printf(
        "%llu kills, %llu operations; longest without a step: %.3f s, less what the machine "
        "withheld %.3f s (seed %llu)\n",
        static_cast<Number>(kills), static_cast<Number>(operations), watchdog.longest_wall(),
        watchdog.longest_charged(), static_cast<Number>(seed_));
    return good && verify();
  }

 private:
  static uint32_t pid() { return static_cast<uint32_t>(getpid()); }

  // Anybody but the four that are spared now.
  int choose(uint64_t kills) {
    int spared = static_cast<int>(kills / kSpareKills * kSpared % kWorkers);
    return (spared + kSpared + static_cast<int>(random_() % (kWorkers - kSpared))) % kWorkers;
  }

  pid_t start(int index) {
    uint64_t seed = random_();
    pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // a run that is cut short leaves nobody at work
      Actor actor(shared_.volume, pid());
      actor.tolerate();
      std::mt19937_64 random(seed);
      for (;;) {
        random_step(actor, random);
        __atomic_store_n(&board_->steps[index], board_->steps[index] + 1, __ATOMIC_RELAXED);
      }
    }
    return workers_[index] = child;
  }

  bool stop(int index) {
    kill(workers_[index], SIGKILL);
    int status = 0;
    waitpid(workers_[index], &status, 0);
    crash::sweep(parent_.context(), shared_.volume, static_cast<uint32_t>(workers_[index]));
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
    printf("FAIL a worker ended by itself: status %x\n", status);
    return false;
  }

  bool return_memory() {
    if (return_free_pages(parent_.context().thread, page_return_)) return true;
    printf("FAIL memory of free pages is not returned\n");
    return false;
  }

  bool verify() {
    (void)sweep_orphans(parent_.context().thread, kSweepAll);
    bool good = count_violations(parent_) == 0;
    good &= memory_agrees("at the end");
    remove_everything(parent_);
    (void)sweep_orphans(parent_.context().thread, kSweepAll);
    good &= count_violations(parent_) == 0;
    Space space = measure_space(shared_.volume);
    uint64_t pages = space.pages_total - space.pages_free,
             inodes = space.inodes_total - space.inodes_free;
    // Twice: what a reader that lost a race made resident goes with the second.
    for (int i = 0; i < 2; i++)
      good &= return_all_free_pages(parent_.context().thread, page_return_).has_value();
    good &= memory_agrees("everything removed");
    printf("after removing everything: %llu pages and %llu inodes in use (the root is one)\n",
           static_cast<Number>(pages), static_cast<Number>(inodes));
    return good && pages == 0 && inodes == 1;
  }

  // Memory is under pages that were handed out and not returned, and nowhere else.
  bool memory_agrees(const char* when) {
    const Volume& volume = shared_.volume;
    uint64_t count = volume.geometry().pages.count, fresh = volume.superblock().free_pages.fresh;
    std::vector<unsigned char> resident(count);
    if (mincore(volume.page(PageIndex{1}), (count - 1) * kPageSizeBytes, &resident[1]) != 0) {
      printf("FAIL mincore: %s\n", strerror(errno));
      return false;
    }
    uint64_t pages = 0, expected = 0, wrong = 0;
    for (uint32_t i = 1; i < count; i++) {
      bool may = i < fresh && !(volume.page_descriptor(PageIndex{i})->flags & kPageReturned);
      expected += may;
      pages += resident[i] & 1;
      wrong += (resident[i] & 1) && !may;
    }
    struct stat file {};
    fstat(shared_.file, &file);
    printf(
        "%s: %llu pages have memory, the accounts say %llu at most, %llu have it wrongly; the "
        "whole volume has %lld KiB\n",
        when, static_cast<Number>(pages), static_cast<Number>(expected), static_cast<Number>(wrong),
        static_cast<long long>(file.st_blocks / 2));
    Space space = measure_space(volume);
    uint64_t used = space.pages_total - space.pages_free;
    bool bounded = used || pages <= page_return_.keep_pages + kListedPagesMax;
    return wrong == 0 && bounded;
  }

  SharedVolume shared_;
  Actor parent_;
  std::mt19937_64 random_;
  uint64_t seed_;
  Board* board_;
  pid_t workers_[kWorkers] = {};
  PageReturn page_return_;
};

}  // namespace

int run_chaos(uint64_t kills, uint64_t seed) {
  Chaos chaos(seed);
  return chaos.run(kills) ? 0 : 1;
}

}  // namespace bt::stress
