// SPDX-License-Identifier: MIT
// Question: how well do two processes on one volume scale, measured against what two cores of this machine can give at all?
// Each workload runs in one process, then in two at once, pinned to two cores; so does a loop that touches no memory. Printed:
// (rate of two / rate of one) / the same of the loop. 1.00 is perfect. Shows nothing about more than two cores, and a busy
// machine makes it meaningless: hence no verdict here.
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>

#include "work.h"

namespace bt::stress {
namespace {

double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

using Step = void (*)(Actor& actor, const std::string& directory);
struct Load {
  const char* name;
  Step step;
  bool shared_directory;
};

void compute(Actor&, const std::string&) {
  for (int i = 0; i < 200; i++) asm volatile("");
}
void create_unlink(Actor& p, const std::string& directory) {
  std::string path = directory + "/x" + std::to_string(getpid());
  p.make_file(path);
  p.unlink(path);
}
void stat_file(Actor& p, const std::string& directory) {
  Attributes a;
  (void)read_attributes(p.context(), p.walk(directory + "/f"), a);
}
void open_close(Actor& p, const std::string& directory) {
  p.open(directory + "/f", 5, 2);
  p.close(5);
}
char buffer[4096];
void read_page(Actor& p, const std::string& directory) {
  Piece piece{buffer, sizeof(buffer)};
  (void)read(p.context(), p.walk(directory + "/f"), 0, &piece, 1);
}
void write_page(Actor& p, const std::string& directory) {
  Piece piece{buffer, sizeof(buffer)};
  uint64_t end;
  (void)write(p.context(), p.walk(directory + "/f"), 0, &piece, 1, {}, end);
}

const Load kLoads[] = {
    {"computing", compute, false},      {"create/unlink", create_unlink, false},
    {"stat", stat_file, false},         {"open/close", open_close, false},
    {"pread4k", read_page, false},      {"pwrite4k", write_page, false},
    {"stat, one dir", stat_file, true}, {"create/unlink, one dir", create_unlink, true},
};

// Steps a second of each of `processes`, added up; the best of three.
double rate(SharedVolume& shared, const Load& load, int processes) {
  double best = 0;
  auto* counts = static_cast<double*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  for (int round = 0; round < 3; round++) {
    double start = seconds() + 0.02;
    pid_t children[2];
    for (int i = 0; i < processes; i++) {
      children[i] = fork();
      if (children[i]) continue;
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(i, &set);
      sched_setaffinity(0, sizeof(set), &set);
      Actor actor(shared.volume, static_cast<uint32_t>(getpid()));
      actor.tolerate();
      std::string directory = load.shared_directory ? "d0" : "d" + std::to_string(i);
      while (seconds() < start) {
      }
      uint64_t steps = 0;
      for (; seconds() < start + 0.25; steps += 100)
        for (int k = 0; k < 100; k++) load.step(actor, directory);
      counts[i] = static_cast<double>(steps) / (seconds() - start);
      (void)close_session(actor.context(), actor.session());
      _exit(0);
    }
    double sum = 0;
    for (int i = 0; i < processes; i++) {
      waitpid(children[i], nullptr, 0);
      sum += counts[i];
    }
    best = std::max(best, sum);
  }
  munmap(counts, 4096);
  return best;
}

}  // namespace

int run_scaling() {
  SharedVolume shared(64 << 20);
  {
    Actor actor(shared.volume, static_cast<uint32_t>(getpid()));
    make_directories(actor);
    for (int i = 0; i < 2; i++) {
      actor.make_file("d" + std::to_string(i) + "/f");
      actor.write("d" + std::to_string(i) + "/f", 0, 4096, 'f');
    }
  }
  double computing = 0;
  for (const Load& load : kLoads) {
    double one = rate(shared, load, 1), two = rate(shared, load, 2);
    if (computing == 0) computing = two / one;
    printf("%-24s one %8.0f ns, two processes scale %.2f, against computing %.2f\n", load.name,
           1e9 / one, two / one, two / one / computing);
  }
  return 0;
}

}  // namespace bt::stress
