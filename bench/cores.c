// SPDX-License-Identifier: MIT
// Question: do two processes on two cores get twice as much done as one? Not even a loop that touches no memory does so on a
// machine that shares its cores, so the answer is given against that loop, measured in the same breath:
//
//   (rate of two / rate of one) of the work  /  the same of the loop          1.00: they do not disturb each other
//
// Each round measures each work once: the loop by one, the work by one, the work by two, the loop by two. Printed for each
// work: the median, the least and the most of the rounds. Says nothing about more than two cores; on a busy machine the rounds differ widely.
//
//   btfuse-cores DIRECTORY [ROUNDS]
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kWindowNs = 60000000, kLeadNs = 3000000, kRoundsMax = 101, kBatch = 8 };

// One process's orders and answer, in memory that all share; a cache line and its neighbour for each.
struct desk {
  uint32_t order, done;
  int work;
  int64_t begin;
  double rate;
  char pad[256 - 32];
};
static struct desk* desks;

static char file[2][4200], created[2][4200], shared_file[4200], shared_created[2][4200];
static int data[2];  // descriptors of file[i]
static char page[4096];

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void fail(const char* what) {
  perror(what);
  _exit(1);
}

static void create_unlink_at(const char* path) {
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
  if (fd < 0 || close(fd) != 0 || unlink(path) != 0) fail(path);
}
static void stat_at(const char* path) {
  struct stat attributes;
  if (stat(path, &attributes) != 0) fail(path);
}

static void do_compute(int i) {
  (void)i;
  for (int n = 0; n < 400; n++) __asm__ volatile("");
}
static void do_create_unlink(int i) { create_unlink_at(created[i]); }
static void do_open_close(int i) {
  int fd = open(file[i], O_RDONLY);
  if (fd < 0 || close(fd) != 0) fail(file[i]);
}
static void do_stat(int i) { stat_at(file[i]); }
static void do_pread(int i) {
  if (pread(data[i], page, sizeof page, 0) != sizeof page) fail("pread");
}
static void do_pwrite(int i) {
  if (pwrite(data[i], page, sizeof page, 0) != sizeof page) fail("pwrite");
}
static void do_shared_stat(int i) {
  (void)i;
  stat_at(shared_file);
}
static void do_shared_create_unlink(int i) { create_unlink_at(shared_created[i]); }

static const struct {
  const char* name;
  void (*step)(int);
} kWorks[] = {
    {"computing", do_compute},
    {"create_unlink", do_create_unlink},
    {"open_close", do_open_close},
    {"stat", do_stat},
    {"pread4k", do_pread},
    {"pwrite4k", do_pwrite},
    {"stat_one_directory", do_shared_stat},
    {"create_unlink_one_directory", do_shared_create_unlink},
};
enum { kWorkCount = sizeof kWorks / sizeof kWorks[0] };

static double measure(int process, int work, int64_t begin) {
  while (now_ns() < begin) {
  }
  int64_t started = now_ns(), ended;
  uint64_t steps = 0;
  do {
    for (int i = 0; i < kBatch; i++) kWorks[work].step(process);
    steps += kBatch;
    ended = now_ns();
  } while (ended < begin + kWindowNs);
  return (double)steps / (double)(ended - started);
}

static void serve(int process) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(process, &set);
  sched_setaffinity(0, sizeof set, &set);
  struct desk* desk = &desks[process];
  data[process] = open(file[process], O_RDWR);
  if (data[process] < 0) fail(file[process]);
  for (uint32_t served = 0;; served++) {
    while (__atomic_load_n(&desk->order, __ATOMIC_ACQUIRE) == served) usleep(300);
    if (desk->work < 0) _exit(0);
    desk->rate = measure(process, desk->work, desk->begin);
    __atomic_store_n(&desk->done, served + 1, __ATOMIC_RELEASE);
  }
}

static pid_t workers[2];

// The rates of `count` processes at the same time, added up. With one, `round` says which of the two.
static double rate(int work, int count, int round) {
  int first = count == 2 ? 0 : round % 2;
  int64_t begin = now_ns() + kLeadNs;
  for (int i = first; i < first + count; i++) {
    desks[i].work = work;
    desks[i].begin = begin;
    __atomic_fetch_add(&desks[i].order, 1, __ATOMIC_RELEASE);
  }
  double sum = 0;
  for (int i = first; i < first + count; i++) {
    while (__atomic_load_n(&desks[i].done, __ATOMIC_ACQUIRE) != desks[i].order) {
      if (waitpid(workers[i], NULL, WNOHANG) != 0) exit(1);
      usleep(1000);
    }
    sum += desks[i].rate;
  }
  return sum;
}

static void write_page_file(const char* path) {
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
  if (fd < 0 || write(fd, page, sizeof page) != sizeof page || close(fd) != 0) fail(path);
}

static void prepare(const char* directory) {
  char path[4100];
  snprintf(path, sizeof path, "%s/shared", directory);
  mkdir(path, 0755);
  snprintf(shared_file, sizeof shared_file, "%s/file", path);
  write_page_file(shared_file);
  for (int i = 0; i < 2; i++) {
    snprintf(shared_created[i], sizeof shared_created[i], "%s/created%d", path, i);
  }
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/own%d", directory, i);
    mkdir(path, 0755);
    snprintf(created[i], sizeof created[i], "%s/created", path);
    snprintf(file[i], sizeof file[i], "%s/file", path);
    write_page_file(file[i]);
  }
}

static int compare(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

int main(int argc, char** argv) {
  int rounds = argc > 2 ? atoi(argv[2]) : 15;
  if (argc < 2 || rounds < 1 || rounds > kRoundsMax) {
    fprintf(stderr, "usage: btfuse-cores DIRECTORY [ROUNDS]\n");
    return 2;
  }
  desks = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (desks == MAP_FAILED) fail("mmap");
  prepare(argv[1]);
  for (int i = 0; i < 2; i++) {
    workers[i] = fork();
    if (workers[i] == 0) serve(i);
    if (workers[i] < 0) fail("fork");
  }
  static double ratios[kWorkCount][kRoundsMax];
  for (int round = 0; round < rounds; round++)
    for (int work = 1; work < kWorkCount; work++) {
      double loop_one = rate(0, 1, round), one = rate(work, 1, round), two = rate(work, 2, round),
             loop_two = rate(0, 2, round);
      ratios[work][round] = two / one / (loop_two / loop_one);
    }
  for (int i = 0; i < 2; i++) {
    desks[i].work = -1;
    __atomic_fetch_add(&desks[i].order, 1, __ATOMIC_RELEASE);
    waitpid(workers[i], NULL, 0);
  }
  for (int work = 1; work < kWorkCount; work++) {
    qsort(ratios[work], (size_t)rounds, sizeof(double), compare);
    printf("%s %.3f\n%s_least %.2f\n%s_most %.2f\n", kWorks[work].name,
           ratios[work][rounds / 2], kWorks[work].name, ratios[work][0], kWorks[work].name,
           ratios[work][rounds - 1]);
  }
  return 0;
}
