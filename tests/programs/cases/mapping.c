// SPDX-License-Identifier: MIT
// Mappings of a file, shared and private, against everything that happens to the file meanwhile; each answer is a line.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
static sigjmp_buf back;
static volatile int sig;
static void h(int s) {
  sig = s;
  siglongjmp(back, 1);
}
static int touch(volatile char* p) {
  sig = 0;
  if (!sigsetjmp(back, 1)) (void)*p;
  return sig;
}
#define P(...) printf(__VA_ARGS__)
int main(void) {
  signal(SIGBUS, h);
  signal(SIGSEGV, h);
  int fd = open("m", O_RDWR | O_CREAT | O_TRUNC, 0644);
  char buf[8192];
  memset(buf, 'a', sizeof buf);
  write(fd, buf, 8192);
  char *s = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
       *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  P("%c %c %d\n", s[0], p[0], touch(s + 8192));
  pwrite(fd, "Z", 1, 4096);
  P("%c %c\n", s[4096], p[4096]);
  p[4096] = 'q';
  pwrite(fd, "Y", 1, 4096);
  P("%c %c\n", s[4096], p[4096]);
  ftruncate(fd, 12288);
  P("%d %d\n", touch(s + 8192), s[8192]);
  s[8192] = 'k';
  pread(fd, buf, 1, 8192);
  P("%c\n", buf[0]);
  ftruncate(fd, 4096);
  P("%d %d %d\n", touch(s), touch(s + 4096), touch(p + 4096));
  ftruncate(fd, 8192);
  P("%d %d %d %d\n", touch(s + 4096), s[4096], touch(p + 4096), p[4096]);
  s[4097] = 'n';
  pread(fd, buf, 2, 4096);
  P("%d %c\n", buf[0], buf[1]);
  fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
  P("%d %d\n", s[0], p[0]);
  s[0] = 'w';
  pread(fd, buf, 1, 0);
  P("%c\n", buf[0]);
  close(open("m", O_WRONLY | O_TRUNC));
  P("%d %d\n", touch(s), touch(p));
  pwrite(fd, "fresh", 5, 0);
  P("%.5s %.5s\n", s, p);
  munmap(s + 4096, 4096);
  P("%d %d\n", touch(s), touch(s + 4096));
  munmap(s, 16384);
  munmap(p, 8192);
  int ro = open("m", O_RDONLY), wo = open("m", O_WRONLY);
  P("%d", mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED ? errno : 0);
  P(" %d", mmap(0, 4096, PROT_READ, MAP_SHARED, wo, 0) == MAP_FAILED ? errno : 0);
  P(" %d", mmap(0, 4096, PROT_READ, MAP_PRIVATE, ro, 1) == MAP_FAILED ? errno : 0);
  P(" %d", mmap(0, 0, PROT_READ, MAP_PRIVATE, ro, 0) == MAP_FAILED ? errno : 0);
  P(" %d\n", mmap(0, 4096, PROT_READ, MAP_SHARED, ro, -4096) == MAP_FAILED ? errno : 0);
  char* r = mmap(0, 4096, PROT_READ, MAP_SHARED, ro, 0);
  P("%d %d %.5s\n", mprotect(r, 4096, PROT_READ | PROT_WRITE), errno, r);
  char* q = mmap(0, 4096, PROT_READ, MAP_PRIVATE, ro, 0);
  P("%d", mprotect(q, 4096, PROT_READ | PROT_WRITE));
  q[0] = 'F';
  P(" %.5s %.5s\n", q, r);
  ftruncate(fd, 65536);
  char* t = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  t[5000] = 'x';
  ftruncate(fd, 131072);
  char* u = mremap(t, 65536, 131072, MREMAP_MAYMOVE);
  P("%d %c %.5s %d\n", u != MAP_FAILED, u[5000], u, touch(u + 131071));
  char* v = mremap(u, 131072, 131072, MREMAP_MAYMOVE | MREMAP_FIXED,
                   mmap(0, 131072, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  P("%d %c %d\n", v != MAP_FAILED, v[5000], touch(u));
  v = mremap(v, 131072, 4096, 0);
  P("%d %d %.5s\n", v != MAP_FAILED, touch(v + 4096), v);
  P("%d %d\n", mmap(v, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, wo, 0) == MAP_FAILED, v[0]);
  mmap(v, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
  P("%d\n", v[0]);
  char* w = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  unlink("m");
  if (!fork()) {
    w[0] = 'C';
    pwrite(fd, "D", 1, 1);
    _exit(0);
  }
  wait(0);
  P("%.5s\n", w);
  close(fd);
  w[2] = 'E';
  P("%.5s %d\n", w, msync(w, 4096, MS_SYNC));
  int f2 = open("big", O_RDWR | O_CREAT, 0600);
  for (int i = 255; i >= 0; i--) {
    memset(buf, i, 4096);
    pwrite(f2, buf, 4096, i * 8192);
  }
  unsigned char* b = mmap(0, 512 * 4096, PROT_READ, MAP_PRIVATE, f2, 0);
  int bad = 0;
  for (int i = 0; i < 256; i++) bad += b[i * 8192] != i;
  P("%d\n", bad);
  char* hole = mmap(0, 4096, PROT_READ, MAP_PRIVATE, f2, 4096);
  pwrite(f2, "seen", 4, 4096);
  P("%s\n", hole);
  unlink("big");
  int d = open(".", O_RDONLY);
  P("%d\n", mmap(0, 4096, PROT_READ, MAP_PRIVATE, d, 0) == MAP_FAILED ? errno : 0);
  pid_t k;
  if (!(k = fork())) {
    signal(SIGBUS, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    int e = open("e", O_RDWR | O_CREAT, 0600);
    char* x = mmap(0, 4096, PROT_READ, MAP_SHARED, e, 0);
    _exit(x[0]);
  }
  int st;
  wait(&st);
  P("%d %d\n", WIFSIGNALED(st), WTERMSIG(st));
  unlink("e");
}
