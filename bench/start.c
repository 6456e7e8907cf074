// SPDX-License-Identifier: MIT
// What does starting a program cost? Spawns and waits for each command many times, in turn, so that the machine's mood hits
// both alike.
//
//   btfuse-start ROUNDS == COMMAND ARG… == OTHER ARG…
//
// Prints the median of each, one line each: start_<n> MICROSECONDS.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;
enum { kCommandsMax = 4, kRoundsMax = 2000 };
static double took[kCommandsMax][kRoundsMax];

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}
static int by_value(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

int main(int argc, char** argv) {
  char** command[kCommandsMax];
  int commands = 0;
  for (int i = 2; i < argc && commands < kCommandsMax; i++) {
    if (strcmp(argv[i], "==") != 0) continue;
    argv[i] = NULL;
    command[commands++] = argv + i + 1;
  }
  int rounds = argc > 1 ? atoi(argv[1]) : 0;
  if (commands == 0 || rounds < 1 || rounds > kRoundsMax) {
    fprintf(stderr, "usage: btfuse-start ROUNDS == COMMAND ARG... [== OTHER ARG...]\n");
    return 2;
  }
  for (int round = 0; round < rounds; round++) {
    for (int c = 0; c < commands; c++) {
      double start = now_us();
      pid_t child;
      int status = 0;
      if (posix_spawn(&child, command[c][0], NULL, NULL, command[c], environ) != 0 ||
          waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "btfuse-start: %s failed\n", command[c][0]);
        return 1;
      }
      took[c][round] = now_us() - start;
    }
  }
  for (int c = 0; c < commands; c++) {
    qsort(took[c], (size_t)rounds, sizeof(double), by_value);
    printf("start_%d %.1f\n", c, took[c][rounds / 2]);
  }
  return 0;
}
