// SPDX-License-Identifier: MIT
// What does one file system call cost, on whatever directory it is given?
//
//   btfuse-micro DIR [OUTSIDE_DIR]
//
// The same binary runs on a native tmpfs, on a mount through the kernel, and on the same mount under `btfuse run`; figures
// are compared as ratios within one run. Each is the median of several batches of about 4 ms (21, or MICRO_BATCHES), in
// nanoseconds per call, or per pair of calls where the name says so; one line each: NAME NS. OUTSIDE_DIR (default /tmp) is
// for calls that are not ours: what interception costs everyone else.
//
// It does not show contention, big directories, or cold caches: one thread, one process, everything warm.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { kBatchesMax = 101, kListed = 1000, kLevels = 5 };
static int batches = 21;
static char page[4096], big[131072];
static char dir[400], outside[440], file[460], other[460], renamed[460], missing[460], list[460],
    link_path[460], deep[600];
static struct stat attributes;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
static int by_value(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}
static void need(int ok, const char* what) {
  if (ok) return;
  fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
  exit(1);
}

// The number of calls in a batch is found first, so that one takes about 4 ms.
#define MEASURE(name, ...)                                                        \
  do {                                                                            \
    long calls = 1;                                                               \
    for (;;) {                                                                    \
      double start = now_ns();                                                    \
      for (long i = 0; i < calls; i++) {                                          \
        __VA_ARGS__;                                                              \
      }                                                                           \
      double took = now_ns() - start;                                             \
      if (took > 4e6 || calls > 4000000) break;                                   \
      calls = took < 1e5 ? calls * 10 : (long)((double)calls * 4.4e6 / took) + 1; \
    }                                                                             \
    double result[kBatchesMax];                                                   \
    for (int batch = 0; batch < batches; batch++) {                               \
      double start = now_ns();                                                    \
      for (long i = 0; i < calls; i++) {                                          \
        __VA_ARGS__;                                                              \
      }                                                                           \
      result[batch] = (now_ns() - start) / (double)calls;                         \
    }                                                                             \
    qsort(result, (size_t)batches, sizeof *result, by_value);                     \
    printf("%-26s %10.1f\n", name, result[batches / 2]);                          \
    fflush(stdout);                                                               \
  } while (0)

static void make_tree(const char* where, const char* outside_dir) {
  snprintf(dir, sizeof dir, "%s/micro.%d", where, (int)getpid());
  snprintf(outside, sizeof outside, "%s/micro.out.%d", outside_dir, (int)getpid());
  need(mkdir(dir, 0755) == 0, dir);
  snprintf(file, sizeof file, "%s/f", dir);
  snprintf(other, sizeof other, "%s/g", dir);
  snprintf(renamed, sizeof renamed, "%s/h", dir);
  snprintf(missing, sizeof missing, "%s/missing", dir);
  snprintf(list, sizeof list, "%s/list", dir);
  snprintf(link_path, sizeof link_path, "%s/link", dir);
  snprintf(deep, sizeof deep, "%s", dir);
  for (int i = 0; i < kLevels; i++) {
    strcat(deep, "/level");
    need(mkdir(deep, 0755) == 0, deep);
  }
  strcat(deep, "/leaf");
  int leaf = open(deep, O_RDWR | O_CREAT, 0644);
  need(leaf >= 0 && pwrite(leaf, page, 4096, 0) == 4096 && close(leaf) == 0, deep);
  need(symlink("f", link_path) == 0, link_path);
  need(mkdir(list, 0755) == 0, list);
  for (int i = 0; i < kListed; i++) {
    char entry[500];
    snprintf(entry, sizeof entry, "%s/entry-%04d", list, i);
    int fd = open(entry, O_CREAT | O_WRONLY, 0644);
    need(fd >= 0 && close(fd) == 0, entry);
  }
}

static void measure_outside(void) {
  int fd = open(outside, O_RDWR | O_CREAT, 0644);
  need(fd >= 0 && pwrite(fd, page, 4096, 0) == 4096, outside);
  MEASURE("getppid", syscall(SYS_getppid));
  MEASURE("outside_stat", stat(outside, &attributes));
  MEASURE("outside_pread64", need(pread(fd, big, 64, 0) == 64, "outside pread"));
  MEASURE("outside_open_close", close(open(outside, O_RDONLY)));
  close(fd);
  unlink(outside);
}

static void measure_lookups(int fd) {
  char target[256];
  MEASURE("stat", need(stat(file, &attributes) == 0, "stat"));
  MEASURE("stat_deep", need(stat(deep, &attributes) == 0, "stat deep"));
  MEASURE("stat_missing", need(stat(missing, &attributes) == -1, "stat missing"));
  MEASURE("fstat", need(fstat(fd, &attributes) == 0, "fstat"));
  MEASURE("access", need(access(file, R_OK) == 0, "access"));
  MEASURE("readlink", need(readlink(link_path, target, sizeof target) == 1, "readlink"));
  MEASURE("open_close", {
    int x = open(file, O_RDONLY);
    need(x >= 0, "open");
    close(x);
  });
}

static void measure_data(int fd) {
  MEASURE("open_read4k_close", {
    int x = open(deep, O_RDONLY);
    need(x >= 0 && read(x, big, 4096) == 4096, "small file");
    close(x);
  });
  MEASURE("pread64", need(pread(fd, big, 64, 128) == 64, "pread"));
  MEASURE("pread4k", need(pread(fd, big, 4096, 4096) == 4096, "pread"));
  MEASURE("pread128k", need(pread(fd, big, 131072, 0) == 131072, "pread"));
  MEASURE("pwrite64", need(pwrite(fd, page, 64, 128) == 64, "pwrite"));
  MEASURE("pwrite4k", need(pwrite(fd, page, 4096, 4096) == 4096, "pwrite"));
  MEASURE("pwrite128k", need(pwrite(fd, big, 131072, 0) == 131072, "pwrite"));
  int appending = open(other, O_WRONLY | O_CREAT | O_APPEND, 0644);
  long appended = 0;
  MEASURE("append100", {
    need(write(appending, page, 100) == 100, "append");
    if (++appended % 100000 == 0) need(ftruncate(appending, 0) == 0, "ftruncate");
  });
  close(appending);
  unlink(other);
}

static void measure_names(void) {
  MEASURE("create_unlink", {
    int x = open(other, O_CREAT | O_EXCL | O_WRONLY, 0644);
    need(x >= 0, "create");
    close(x);
    need(unlink(other) == 0, "unlink");
  });
  MEASURE("create_write4k_unlink", {
    int x = open(other, O_CREAT | O_EXCL | O_WRONLY, 0644);
    need(x >= 0 && write(x, page, 4096) == 4096, "create and write");
    close(x);
    need(unlink(other) == 0, "unlink");
  });
  MEASURE("mkdir_rmdir", {
    need(mkdir(other, 0755) == 0, "mkdir");
    need(rmdir(other) == 0, "rmdir");
  });
  MEASURE("rename_pair", {
    need(rename(file, renamed) == 0, "rename");
    need(rename(renamed, file) == 0, "rename");
  });
  MEASURE("chmod", need(chmod(file, (mode_t)(0600 + (i & 7))) == 0, "chmod"));
  MEASURE("list1000", {
    DIR* d = opendir(list);
    need(d != NULL, "opendir");
    int count = 0;
    while (readdir(d)) count++;
    need(count == kListed + 2, "readdir");
    closedir(d);
  });
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: btfuse-micro DIR [OUTSIDE_DIR]\n");
    return 2;
  }
  const char* wanted = getenv("MICRO_BATCHES");
  if (wanted) batches = atoi(wanted);
  if (batches < 1 || batches > kBatchesMax) batches = 21;
  memset(page, 7, sizeof page);
  memset(big, 9, sizeof big);
  make_tree(argv[1], argc > 2 ? argv[2] : "/tmp");
  int fd = open(file, O_RDWR | O_CREAT, 0644);
  need(fd >= 0 && pwrite(fd, big, sizeof big, 0) == sizeof big, file);
  measure_outside();
  measure_lookups(fd);
  measure_data(fd);
  measure_names();
  close(fd);
  char command[500];
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  return system(command) == 0 ? 0 : 1;
}
