// SPDX-License-Identifier: MIT
// Threads of one process in place of processes: four do random things to one volume. For ThreadSanitizer, which cannot see from
// one process into another (docs/testing.md).
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <thread>
#include <vector>

#include "work.h"

namespace bt::stress {

int run_threads(uint64_t steps, uint64_t seed) {
  constexpr uint64_t kThreads = 4;
  SharedVolume shared(64 << 20);
  Actor parent(shared.volume, static_cast<uint32_t>(getpid()));
  parent.tolerate();
  make_directories(parent);
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < kThreads; i++)
    threads.emplace_back([&shared, steps, number = seed + i] {
      // A session of its own: it stands for a process.
      auto* actor = new Actor(shared.volume, static_cast<uint32_t>(syscall(SYS_gettid)));
      actor->tolerate();
      std::mt19937_64 random(number);
      for (uint64_t step = 0; step < steps; step++) random_step(*actor, random);
      (void)close_session(actor->context(), actor->session());
      detach_thread(actor->context().thread);
      delete actor;
    });
  for (std::thread& thread : threads) thread.join();
  printf("%llu threads, %llu steps each (seed %llu)\n", static_cast<unsigned long long>(kThreads),
         static_cast<unsigned long long>(steps), static_cast<unsigned long long>(seed));
  return count_violations(parent) ? 1 : 0;
}

}  // namespace bt::stress
