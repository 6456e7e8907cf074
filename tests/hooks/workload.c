// SPDX-License-Identifier: MIT
// Calls by script, for tests of eBPF programs:  workload VERB COUNT PATH
//   open, stat, statx, statfs   COUNT calls on PATH         missing   COUNT opens of PATH.missing
//   create                      COUNT files PATH.0 …, unlinked again
//   loop                        opens and stats PATH until killed, a dot on stdout every 1000 rounds
//   time                        the cheapest of COUNT batches of 20000 fstat calls, in ns a call
//   stattime, opentime          the same of stat by path; of open and close, in ns a pair
// Prints how many calls succeeded, or the time.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static char other[4200];

static const char* with(const char* path, long i) {
  snprintf(other, sizeof other, "%s.%ld", path, i);
  return other;
}

static int once(const char* verb, const char* path, long i) {
  struct stat status;
  struct statx extended;
  struct statfs system;
  if (!strcmp(verb, "open")) {
    int fd = open(path, O_RDONLY);
    return fd >= 0 && close(fd) == 0;
  }
  if (!strcmp(verb, "missing")) {
    snprintf(other, sizeof other, "%s.missing", path);
    return open(other, O_RDONLY) >= 0;
  }
  if (!strcmp(verb, "stat")) return stat(path, &status) == 0;
  if (!strcmp(verb, "statx")) return statx(AT_FDCWD, path, 0, STATX_SIZE, &extended) == 0;
  if (!strcmp(verb, "statfs")) return statfs(path, &system) == 0;
  if (!strcmp(verb, "create")) {
    int fd = open(with(path, i), O_CREAT | O_EXCL | O_WRONLY, 0644);
    return fd >= 0 && close(fd) == 0 && unlink(other) == 0;
  }
  fprintf(stderr, "workload: no verb %s\n", verb);
  exit(2);
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static double cheapest(long batches, const char* path, char what) {
  struct stat status;
  double best = 1e18;
  int fd = open(path, O_RDONLY);
  for (long batch = 0; batch < batches; batch++) {
    double start = now_ns();
    for (int i = 0; i < 20000; i++) {
      if (what == 'o')
        close(open(path, O_RDONLY));
      else if (what == 's')
        stat(path, &status);
      else
        fstat(fd, &status);
    }
    double took = (now_ns() - start) / 20000;
    if (took < best) best = took;
  }
  return best;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const char *verb = argv[1], *path = argv[3];
  long count = atol(argv[2]), good = 0;
  if (!strcmp(verb, "loop")) {
    alarm(7200);  // whatever happens to the test, this ends
    for (long i = 0;; i++) {
      once("open", path, i);
      once("stat", path, i);
      if (i % 1000 == 0 && write(1, ".", 1) != 1) return 1;
    }
  }
  if (!strcmp(verb, "time") || !strcmp(verb, "stattime") || !strcmp(verb, "opentime")) {
    printf("%.1f\n", cheapest(count, path, verb[0]));
    return 0;
  }
  for (long i = 0; i < count; i++) good += once(verb, path, i);
  printf("%ld\n", good);
  return 0;
}
