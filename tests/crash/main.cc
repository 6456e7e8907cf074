// SPDX-License-Identifier: MIT
// Kill at every step: cuts each operation of scenarios.cc at each of its stores into the volume and looks what is left
// (harness.h); then plants the protocol bugs of base/plants.def one after the other and must find each.
//
//   crash_test [--long] [--scenario NAME] [--plant NAME] [--plants] [--lines] [--list] [--verbose]
//
// Short: an even sample of each operation's stores. Long: every store, and then eight of each with every store of a recoverer.
// Scenarios are shared out among two worker processes, since each works on a volume of its own.
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/plant.h"
#include "lines.h"
#include "scenarios.h"

uint32_t bt_planted = 0;

namespace bt::crash {
namespace {

constexpr uint32_t kWorkers = 2;

struct Options {
  bool all = false;
  bool verbose = false;
  std::string scenario, plant;
};

struct Plant {
  const char* name;
  const char* what;
  const char* operation;  // where to look first
};
const Plant kPlants[] = {
#define BT_PLANT_ROW(name, what, operation) {#name, what, operation},
#include "base/plants.def"
#undef BT_PLANT_ROW
};
constexpr uint32_t kPlantCount = sizeof(kPlants) / sizeof(kPlants[0]);

double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

bool wanted(const Options& options, const Scenario& scenario) {
  return options.scenario.empty() || options.scenario == scenario.name;
}

void run_scenario(Harness& harness, const Scenario& scenario, const Options& options,
                  bool recoverers) {
  double started = seconds();
  Totals before = harness.totals();
  uint64_t every = UINT64_MAX;
  if (recoverers) {
    harness.run_killed_recovery(scenario, options.all ? 8 : 4, options.all ? every : 8);
  } else {
    harness.run(scenario, Harness::Second::kNobody, options.all ? every : 110);
    harness.run(scenario, Harness::Second::kConflict, options.all ? every : 40);
    harness.run(scenario, Harness::Second::kNeighbour, options.all ? every : 20);
  }
  if (options.verbose)
    printf("%-36s %6llu points %.1f s%s\n", scenario.name,
           static_cast<unsigned long long>(harness.totals().points - before.points),
           seconds() - started, recoverers ? ", recoverers killed" : "");
  fflush(stdout);
}

// What the workers share: which operation is the next, and how many are done; without killed recoverers, and with.
struct Board {
  uint64_t next[2], done[2];
  Totals totals[kWorkers];
};

// One worker's share: whatever is the next.
int work(const Options& options, Board& board, Totals* totals) {
  Harness harness(make_fixture);
  for (bool recoverers : {false, true})
    for (;;) {
      size_t i = __atomic_fetch_add(&board.next[recoverers], 1, __ATOMIC_RELAXED);
      if (i >= kScenarioCount) break;
      if (!wanted(options, kScenarios[i])) continue;
      run_scenario(harness, kScenarios[i], options, recoverers);
      *totals = harness.totals();
      uint64_t done = __atomic_add_fetch(&board.done[recoverers], 1, __ATOMIC_RELAXED);
      // A long run that is ended from outside has said how far it came.
      if (options.all)
        printf("%llu of %zu operations %s\n", static_cast<unsigned long long>(done), kScenarioCount,
               recoverers ? "with killed recoverers" : "at all of their stores");
      fflush(stdout);
    }
  return 0;
}

int run_all(const Options& options) {
  auto* board = static_cast<Board*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  Totals* totals = board->totals;
  pid_t workers[kWorkers];
  fflush(stdout);
  for (uint32_t i = 0; i < kWorkers; i++) {
    workers[i] = fork();
    if (workers[i] == 0) _exit(work(options, *board, &totals[i]));
  }
  Totals sum;
  for (uint32_t i = 0; i < kWorkers; i++) {
    int status = 0;
    waitpid(workers[i], &status, 0);
    if (status != 0) {
      printf("FAIL worker %u: %s\n", i,
             WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "gave up");
      sum.failures++;
    }
    sum.points += totals[i].points, sum.states += totals[i].states;
    sum.failures += totals[i].failures, sum.restores_proven += totals[i].restores_proven;
  }
  printf(
      "%llu kill points in %zu operations, %llu failures; volume restored exactly, compared %llu "
      "times\n",
      static_cast<unsigned long long>(sum.points), kScenarioCount,
      static_cast<unsigned long long>(sum.failures),
      static_cast<unsigned long long>(sum.restores_proven));
  return sum.failures ? 1 : 0;
}

void hunt(Harness& harness, const Scenario& scenario) {
  harness.run(scenario, Harness::Second::kConflict, 100);
  if (!harness.stopped()) harness.run_killed_recovery(scenario, 6, 60);
  if (!harness.stopped()) harness.run(scenario, Harness::Second::kNobody, 200);
  if (!harness.stopped()) harness.run(scenario, Harness::Second::kNeighbour, 60);
}

// In a process of its own, for a planted bug may hang or crash the harness: that is finding it, too.
bool finds_plant(uint32_t plant, const Options& options) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    bt_planted = plant;
    if (!options.verbose) (void)!freopen("/dev/null", "w", stdout);
    Harness harness(make_fixture);
    harness.stop_at_failure();
    for (bool first : {true, false})
      for (size_t i = 0; i < kScenarioCount && !harness.stopped(); i++)
        if (first == (std::string(kPlants[plant - 1].operation) == kScenarios[i].name))
          hunt(harness, kScenarios[i]);
    _exit(harness.totals().failures ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status != 0;
}

int run_plants(const Options& options, uint32_t& found) {
  int missed = 0;
  for (uint32_t plant = 1; plant <= kPlantCount; plant++) {
    if (!options.plant.empty() && options.plant != kPlants[plant - 1].name) continue;
    double started = seconds();
    bool good = finds_plant(plant, options);
    found += good;
    missed += !good;
    printf("%s planted bug %s (%s), %.1f s\n", good ? "found" : "FAIL missed",
           kPlants[plant - 1].name, kPlants[plant - 1].what, seconds() - started);
    fflush(stdout);
  }
  return missed;
}

int main(int count, char** arguments) {
  Options options;
  bool plants_only = false;
  for (int i = 1; i < count; i++) {
    std::string argument = arguments[i];
    if (argument == "--long")
      options.all = true;
    else if (argument == "--verbose")
      options.verbose = true;
    else if (argument == "--plants")
      plants_only = true;
    else if (argument == "--lines")
      return !check_shared_lines();
    else if (argument == "--scenario" && i + 1 < count)
      options.scenario = arguments[++i];
    else if (argument == "--plant" && i + 1 < count)
      options.plant = arguments[++i];
    else if (argument == "--list") {
      for (size_t s = 0; s < kScenarioCount; s++) puts(kScenarios[s].name);
      return 0;
    } else {
      fprintf(stderr, "crash_test: unknown argument %s\n", arguments[i]);
      return 1;
    }
  }
  int passed = 0, failed = 0;
  uint32_t found = 0;
  if (!plants_only && options.plant.empty()) {
    if (options.scenario.empty()) check_shared_lines() ? passed++ : failed++;
    run_all(options) ? failed++ : passed++;
  }
  if (options.scenario.empty() || !options.plant.empty() || plants_only)
    failed += run_plants(options, found);
  printf("%d passed, %d failed\n", passed + static_cast<int>(found), failed);
  return failed != 0;
}

}  // namespace
}  // namespace bt::crash

int main(int count, char** arguments) { return bt::crash::main(count, arguments); }
