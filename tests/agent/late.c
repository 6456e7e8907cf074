// SPDX-License-Identifier: MIT
// A library with a system call of its own, to be loaded late.
long late_seek(int fd, long offset);
long late_seek(int fd, long offset) {
  long result;
  __asm__ volatile("mov $8, %%eax\n syscall"
                   : "=a"(result)
                   : "D"(fd), "S"(offset), "d"(0)
                   : "rcx", "r11", "memory");
  return result;
}
