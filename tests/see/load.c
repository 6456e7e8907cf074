// SPDX-License-Identifier: MIT
// A known number of calls: load DIR N [SECONDS | create]. N rounds of stat, open, read, close on one file; with SECONDS, over
// and over until they have passed; with create, N files made and removed instead.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int round_of_calls(const char* path, long rounds) {
  char buffer[64];
  struct stat status;
  for (long i = 0; i < rounds; i++) {
    if (stat(path, &status) != 0) return 1;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || read(fd, buffer, sizeof buffer) != 5 || close(fd) != 0) return 1;
  }
  return 0;
}

static int rounds_of_changes(const char* directory, long rounds) {
  char path[4096];
  snprintf(path, sizeof path, "%s/made.%d", directory, getpid());
  for (long i = 0; i < rounds; i++) {
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || close(fd) != 0 || unlink(path) != 0) return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  if (argc > 3 && strcmp(argv[3], "create") == 0) return rounds_of_changes(argv[1], atol(argv[2]));
  char path[4096];
  snprintf(path, sizeof path, "%s/file", argv[1]);
  time_t end = argc > 3 ? time(NULL) + atol(argv[3]) : 0;
  do {
    if (round_of_calls(path, atol(argv[2])) != 0) {
      perror(path);
      return 1;
    }
    if (end) usleep(1000);
  } while (time(NULL) < end);
  return 0;
}
