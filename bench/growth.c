// SPDX-License-Identifier: MIT
// Does a call cost more when there are more files? Creates files in a tree of directories of 1,000 until there are COUNT, then
// measures looking up, creating and removing single files spread over all of it.
//
//   btfuse-growth DIR COUNT
//
// Prints lookup, create and unlink, in nanoseconds per call (median of batches), then lookup_again: of the same 1,000 files,
// spread over the tree, time and again; then how long the filling took per file. Random files of a million are in no cache of
// the processor, on any file system; the same ones are. After the filling it rests, in which a daemon puts its tables in
// order. The tree is left behind: the caller looks at the volume's memory, then removes it. It does not show one huge directory.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { kPerDirectory = 1000, kBatches = 31, kBatch = 1000, kRestSeconds = 5 };
static const char* root;
static long count;
static uint64_t random_state = 88172645463325252ull;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
static int by_value(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}
static long random_below(long limit) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (long)(random_state % (uint64_t)limit);
}
static void need(int ok, const char* what) {
  if (ok) return;
  fprintf(stderr, "growth: %s: %s\n", what, strerror(errno));
  exit(1);
}
static void path_of(long number, const char* kind, char* path, size_t size) {
  snprintf(path, size, "%s/d%ld/%s%ld", root, number / kPerDirectory, kind, number);
}
static void create(const char* path) {
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
  need(fd >= 0 && close(fd) == 0, path);
}

static char paths[kBatch][512];
// Stratified, so that no path comes twice in a batch when the tree is big enough.
static void choose_paths(const char* kind) {
  for (int i = 0; i < kBatch; i++) {
    long number = count / kBatch * i + random_below(count / kBatch);
    path_of(number, kind, paths[i], sizeof paths[i]);
  }
}
// One measured call over kBatch paths spread over the whole tree, median of the batches; `prepare` and `after` are not timed.
// kind NULL: the same paths each time.
#define MEASURE(name, kind, prepare, call, after)      \
  do {                                                 \
    double result[kBatches];                           \
    for (int batch = 0; batch < kBatches; batch++) {   \
      if (kind) choose_paths(kind);                    \
      for (int i = 0; i < kBatch; i++) prepare;        \
      double start = now_ns();                         \
      for (int i = 0; i < kBatch; i++) call;           \
      result[batch] = (now_ns() - start) / kBatch;     \
      for (int i = 0; i < kBatch; i++) after;          \
    }                                                  \
    qsort(result, kBatches, sizeof *result, by_value); \
    printf("%s %.1f\n", name, result[kBatches / 2]);   \
  } while (0)

int main(int argc, char** argv) {
  if (argc != 3 || (count = atol(argv[2])) < kBatch) {
    fprintf(stderr, "usage: btfuse-growth DIR COUNT   (at least %d)\n", kBatch);
    return 2;
  }
  root = argv[1];
  char path[512];
  double start = now_ns();
  for (long i = 0; i < count; i++) {
    if (i % kPerDirectory == 0) {
      snprintf(path, sizeof path, "%s/d%ld", root, i / kPerDirectory);
      need(mkdir(path, 0755) == 0, path);
    }
    path_of(i, "f", path, sizeof path);
    create(path);
  }
  double fill = (now_ns() - start) / (double)count;
  sleep(kRestSeconds);
  struct stat attributes;
  MEASURE("lookup", "f", (void)0, need(stat(paths[i], &attributes) == 0, paths[i]), (void)0);
  MEASURE("create", "n", (void)0, create(paths[i]), need(unlink(paths[i]) == 0, paths[i]));
  MEASURE("unlink", "n", create(paths[i]), need(unlink(paths[i]) == 0, paths[i]), (void)0);
  choose_paths("f");
  MEASURE("lookup_again", (const char*)NULL, (void)0,
          need(stat(paths[i], &attributes) == 0, paths[i]), (void)0);
  printf("fill %.1f\n", fill);
  return 0;
}
