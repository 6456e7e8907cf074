// SPDX-License-Identifier: MIT
// Does the steady state of a served program make system calls? COUNT rounds of stat, open, read, close on one file; run under
// `strace -f -c`, whose table answers.
//
//   btfuse-steady FILE COUNT
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: btfuse-steady FILE COUNT\n");
    return 2;
  }
  long count = atol(argv[2]);
  for (long i = 0; i < count; i++) {
    struct stat attributes;
    char data[64];
    int fd;
    if (stat(argv[1], &attributes) != 0 || (fd = open(argv[1], O_RDONLY)) < 0 ||
        read(fd, data, sizeof data) < 0 || close(fd) != 0) {
      perror(argv[1]);
      return 1;
    }
  }
  return 0;
}
