// SPDX-License-Identifier: MIT
// Damage: bytes of a volume in use are changed at random, mostly in its tables, and the work goes on. A process at work may
// get errors; it may neither crash nor hang, nor touch what lies outside the volume (which ends at pages without access
// here). Each round is a fork child with its own seed, so that a finding can be repeated: `stress damage 1 SEED`.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "base/assert.h"
#include "work.h"

namespace bt::stress {
namespace {

constexpr int kStepsBefore = 150, kStepsBetween = 15, kWounds = 12;
constexpr uint32_t kHangSeconds = 20;

void wound(SharedVolume& shared, std::mt19937_64& random) {
  const Geometry& g = shared.volume.geometry();
  const Region* regions[] = {&g.sessions,         &g.slots,    &g.stripes,      &g.heads,
                             &g.inodes,           &g.dentries, &g.descriptions, &g.file_locks,
                             &g.page_descriptors, &g.pages};
  // Records in use come first in each table.
  const Region& region = *regions[random() % 10];
  uint64_t span = random() % 4 ? 8192 : 65536;
  uint64_t at = region.offset + random() % span;
  if (at >= shared.size) return;
  if (random() % 3 == 0) {
    uint64_t word = random() % 2 ? random() : random() % 300;
    memcpy(shared.memory + (at & ~7ull), &word, 8);
  } else {
    shared.memory[at] = static_cast<char>(random());
  }
}

// The record in which the kernel marks a thread's death: every other time, so that a sound end is met as well.
void wound_token(Actor& actor, std::mt19937_64& random) {
  SlotRecord* slot = actor.context().thread.slot;
  if (!slot || random() % 2) return;
  auto* words = reinterpret_cast<uint64_t*>(&slot->token);
  words[random() % (sizeof(slot->token) / 8)] = random() % 2 ? random() : random() % 300;
}

[[noreturn]] void run_round(uint64_t seed) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(kHangSeconds);
  std::mt19937_64 random(seed);
  SharedVolume shared(16 << 20);
  Actor actor(shared.volume, static_cast<uint32_t>(getpid()));
  actor.tolerate();
  // Rubbish may lead to what our own state never does: then a program's session is poisoned, and so is this one.
  base::assertion_handler = nullptr;
  make_directories(actor);
  for (int i = 0; i < kStepsBefore; i++) random_step(actor, random);
  for (int i = 0; i < kWounds; i++) {
    wound(shared, random);
    for (int step = 0; step < kStepsBetween; step++) random_step(actor, random);
    // Damage that was found makes the volume refuse changes; thaw it, so that the next operation meets more of it.
    if (random() % 2) shared.volume.superblock().frozen = 0;
  }
  // What ends a session and takes the token off its list, too: some wounds hit the links of that list.
  wound_token(actor, random);
  (void)close_session(actor.context(), actor.session());
  detach_thread(actor.context().thread);
  _exit(0);
}

}  // namespace

int run_damage(uint64_t rounds, uint64_t seed) {
  int failures = 0;
  for (uint64_t i = 0; i < rounds; i++) {
    pid_t child = fork();
    if (child == 0) run_round(seed + i);
    int status = 0;
    waitpid(child, &status, 0);
    if (status == 0) continue;
    failures++;
    printf("FAIL seed %llu: %s\n", static_cast<unsigned long long>(seed + i),
           WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ended early");
  }
  printf("%llu damaged volumes, %d failures (from seed %llu)\n",
         static_cast<unsigned long long>(rounds), failures, static_cast<unsigned long long>(seed));
  return failures != 0;
}

}  // namespace bt::stress
