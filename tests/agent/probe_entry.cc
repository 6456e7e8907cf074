// SPDX-License-Identifier: MIT
// The way in and out: registers, red zone, stacks, faults, unwinding, restarting. Checklist 6 to 11 and 13.
#include <cxxabi.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "probe.h"

namespace {

using bt::probe::kServed;

char* volatile null_pointer = nullptr;

// Address of the `syscall` instruction in libc's syscall(): its site is patched, and its number is computed.
using Syscall = long (*)(long, ...);

// Calls libc's syscall() with known values in every register that must survive; the bit mask of those that did not.
long call_checking_registers(Syscall function, long number, long a, long b, long c,
                             unsigned& changed) {
  long result;
  unsigned bad = 0;
  asm volatile(
      "push %%rbp\n"
      "sub $256, %%rsp\n"
      "mov $0x1111, %%rbx; mov $0x2222, %%r12; mov $0x3333, %%r13; mov $0x4444, %%r14; mov "
      "$0x5555, %%r15\n"
      "mov $0x6666, %%rbp\n"
      "call *%%rax\n"
      "xor %%ecx, %%ecx\n"
      "cmp $0x1111, %%rbx; je 1f; or $1, %%ecx; 1:\n"
      "cmp $0x2222, %%r12; je 1f; or $2, %%ecx; 1:\n"
      "cmp $0x3333, %%r13; je 1f; or $4, %%ecx; 1:\n"
      "cmp $0x4444, %%r14; je 1f; or $8, %%ecx; 1:\n"
      "cmp $0x5555, %%r15; je 1f; or $16, %%ecx; 1:\n"
      "cmp $0x6666, %%rbp; je 1f; or $32, %%ecx; 1:\n"
      "add $256, %%rsp\n"
      "pop %%rbp\n"
      : "=a"(result), "=&c"(bad), "+D"(number), "+S"(a), "+d"(b)
      : "a"(function), "1"(c)
      : "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
  changed = bad;
  return result;
}

PROBE(served_calls_reach_the_handler, true) {
  char buffer[10000];
  REQUIRE(read(kServed, buffer, sizeof buffer) == static_cast<ssize_t>(sizeof buffer));
  for (char byte : buffer) REQUIRE(byte == 'r');
  REQUIRE(lseek(kServed, 23, SEEK_SET) == 123);
  REQUIRE(syscall(SYS_lseek, kServed, 24, SEEK_SET) == 124);
  return "";
}

PROBE(callee_saved_registers_survive, false) {
  unsigned changed = 0;
  auto function = reinterpret_cast<Syscall>(&syscall);
  REQUIRE(call_checking_registers(function, SYS_getppid, 0, 0, 0, changed) == getppid());
  REQUIRE(changed == 0);
  call_checking_registers(function, SYS_lseek, kServed, 1, 0, changed);
  REQUIRE(changed == 0);
  call_checking_registers(function, SYS_close, -1, 0, 0, changed);
  REQUIRE(changed == 0);
  return "";
}

// The argument registers and xmm0 to xmm15 are preserved by the kernel; hand-written code counts on it. This executes the
// patched instructions of libc's lseek in place, without its function around them.
PROBE(argument_and_vector_registers_survive, false) {
  auto* code = reinterpret_cast<const unsigned char*>(&lseek64);
  const unsigned char* site = nullptr;
  for (int i = 0; i < 64 && !site; i++)
    if (code[i] == 0x0f && code[i + 1] == 0x05) site = code + i;
  REQUIRE(site);
  // `mov $8,%eax; syscall` or its patch begins five bytes before; what follows returns.
  for (long fd : {static_cast<long>(kServed), static_cast<long>(open("/etc/passwd", O_RDONLY))}) {
    long di = fd, si = 5, dx = 0, r8 = 0x88, r9 = 0x99, r10 = 0xaa, ax = 0;
    unsigned char in[256], out[256];
    for (int i = 0; i < 256; i++) in[i] = static_cast<unsigned char>(i + 3);
    register long r8_register asm("r8") = r8;
    register long r9_register asm("r9") = r9;
    register long r10_register asm("r10") = r10;
    asm volatile(
        "movups (%[in]), %%xmm0; movups 16(%[in]), %%xmm1; movups 224(%[in]), %%xmm14; movups "
        "240(%[in]), %%xmm15\n"
        "lea -128(%%rsp), %%rsp\n"
        "call *%[site]\n"
        "lea 128(%%rsp), %%rsp\n"
        "movups %%xmm0, (%[out]); movups %%xmm1, 16(%[out]); movups %%xmm14, 224(%[out]); movups "
        "%%xmm15, 240(%[out])\n"
        : "=a"(ax), "+D"(di), "+S"(si), "+d"(dx), "+r"(r8_register), "+r"(r9_register),
          "+r"(r10_register)
        : [in] "r"(in), [out] "r"(out), [site] "r"(site - 5)
        : "rcx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm14", "xmm15");
    // Without the agent nobody serves 900, and lseek's way of failing uses rdx.
    REQUIRE(di == fd && si == 5 && (dx == 0 || ax == -1));
    REQUIRE(r8_register == r8 && r9_register == r9 && r10_register == r10);
    REQUIRE(memcmp(in, out, 32) == 0 && memcmp(in + 224, out + 224, 32) == 0);
  }
  return "";
}

PROBE(the_red_zone_survives, false) {
  auto* code = reinterpret_cast<const unsigned char*>(&lseek64);
  const unsigned char* site = nullptr;
  for (int i = 0; i < 64 && !site; i++)
    if (code[i] == 0x0f && code[i + 1] == 0x05) site = code + i;
  REQUIRE(site);
  // Called at a stack pointer below which 120 bytes are marked: as a leaf function would keep its variables.
  for (long fd : {static_cast<long>(kServed), -1L}) {
    long bad = 0, di = fd, si = 1, dx = 0;
    asm volatile(
        "mov %%rsp, %%rbx\n"
        "sub $1024, %%rsp; and $-16, %%rsp\n"
        "lea 1f(%%rip), %%rax; mov %%rax, (%%rsp)\n"  // the return address for lseek's ret
        "mov $15, %%ecx\n"
        "2: movq $0x5a5a5a5a, -128(%%rsp,%%rcx,8); dec %%ecx; jns 2b\n"
        "jmp *%[site]\n"
        "1: mov $15, %%ecx; xor %%eax, %%eax\n"  // ret has popped: the zone is 8 lower
        "2: cmpq $0x5a5a5a5a, -136(%%rsp,%%rcx,8); je 3f; inc %%eax; 3: dec %%ecx; jns 2b\n"
        "mov %%rbx, %%rsp\n"
        : "=a"(bad), "+D"(di), "+S"(si), "+d"(dx)
        : [site] "r"(site - 5)
        : "rbx", "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
    // On failure lseek's tail stores errno without touching the zone.
    REQUIRE(bad == 0);
  }
  return "";
}

PROBE(bad_pointers_give_EFAULT, true) {
  char* page = static_cast<char*>(
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(page + 4096, 4096);
  for (size_t size : {1, 7, 100, 300, 5000}) {
    REQUIRE(read(kServed, page + 4096, size) == -1 && errno == EFAULT);
    REQUIRE(write(kServed, page + 4097 - size % 4096, size) == -1 && errno == EFAULT);
    REQUIRE(read(kServed, null_pointer, size) == -1 && errno == EFAULT);
    REQUIRE(read(kServed, reinterpret_cast<void*>(0xffff800000000000), size) == -1 &&
            errno == EFAULT);
  }
  // Blocking SIGSEGV must not turn it into death.
  sigset_t faults, now;
  sigemptyset(&faults);
  sigaddset(&faults, SIGSEGV);
  sigprocmask(SIG_BLOCK, &faults, nullptr);
  REQUIRE(read(kServed, null_pointer, 10) == -1 && errno == EFAULT);
  struct sigaction action;
  REQUIRE(sigaction(SIGUSR1, nullptr, &action) == 0 && action.sa_handler == SIG_DFL);
  REQUIRE(syscall(SYS_rt_sigaction, SIGUSR1, 16, nullptr, 8) == -1 && errno == EFAULT);
  REQUIRE(syscall(SYS_rt_sigaction, SIGUSR1, nullptr, page + 4096 - 8, 8) == -1 && errno == EFAULT);
  sigprocmask(SIG_SETMASK, nullptr, &now);
  REQUIRE(sigismember(&now, SIGSEGV) == 1 && sigismember(&now, SIGUSR1) == 0);
  return "";
}

PROBE(bad_paths_give_EFAULT, false) {
  REQUIRE(open(reinterpret_cast<char*>(16), O_RDONLY) == -1 && errno == EFAULT);
  REQUIRE(access(null_pointer, R_OK) == -1 && errno == EFAULT);
  REQUIRE(syscall(SYS_rt_sigaction, SIGUSR1, 16, nullptr, 8) == -1 && errno == EFAULT);
  REQUIRE(syscall(SYS_execve, 16, nullptr, nullptr) == -1 && errno == EFAULT);
  return "";
}

// Little stack: the smallest thread, and a handler on 2 KiB of its own that does I/O.
std::string small_stack_failure;
void* on_small_stack(void*) {
  char buffer[512];
  if (read(kServed, buffer, sizeof buffer) != sizeof buffer && errno != EBADF)
    small_stack_failure = "read";
  int fd = open("/dev/null", O_RDONLY);
  if (fd < 0 || close(fd) != 0) small_stack_failure = "open";
  return nullptr;
}
PROBE(small_thread_stacks_suffice, false) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, 16384) == 0);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, on_small_stack, nullptr) == 0);
  pthread_join(thread, nullptr);
  return small_stack_failure;
}

// Cancellation runs C++ destructors and finds its way from a blocked read that was passed on.
std::atomic<int> destroyed;
struct Destroyed {
  ~Destroyed() { destroyed++; }
};
int blocked_pipe[2];
void* blocks_in_read(void*) {
  Destroyed on_unwinding;
  char byte;
  (void)!read(blocked_pipe[0], &byte, 1);
  return nullptr;
}
PROBE(cancellation_unwinds_a_blocked_read, false) {
  REQUIRE(pipe(blocked_pipe) == 0);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, nullptr, blocks_in_read, nullptr) == 0);
  usleep(20000);
  void* result;
  REQUIRE(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
  REQUIRE(result == PTHREAD_CANCELED);
  REQUIRE(destroyed == 1);
  return "";
}

// The same while the agent serves the call: the cancellation waits until it is done, then unwinds from entry.S.
void* stays_inside(void*) {
  Destroyed on_unwinding;
  for (;;) {
    (void)!pwrite(kServed, "x", 1, 3000);
    pthread_testcancel();
  }
  return nullptr;
}
PROBE(cancellation_waits_for_a_served_call, true) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, nullptr, stays_inside, nullptr) == 0);
  usleep(20000);
  void* result;
  REQUIRE(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
  REQUIRE(result == PTHREAD_CANCELED);
  REQUIRE(destroyed == 1);
  return "";
}

void* cancels_asynchronously(void*) {
  Destroyed on_unwinding;
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
  for (;;) (void)!pwrite(kServed, "x", 1, 2000);
  return nullptr;
}
PROBE(asynchronous_cancellation_of_a_served_call, true) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, nullptr, cancels_asynchronously, nullptr) == 0);
  usleep(20000);
  void* result;
  REQUIRE(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
  REQUIRE(result == PTHREAD_CANCELED);
  return "";
}

// A backtrace from a handler that interrupted a passed-on call shows the frames below it.
void* frames[64];
volatile int frame_count;
void take_backtrace(int) { frame_count = backtrace(frames, 64); }
__attribute__((noinline)) int outermost_of_blocked() {
  char byte;
  int result = static_cast<int>(read(blocked_pipe[0], &byte, 1));
  asm volatile("" ::: "memory");
  return result;
}
PROBE(backtraces_reach_through_a_blocked_call, false) {
  backtrace(frames, 1);  // loads libgcc now
  REQUIRE(pipe(blocked_pipe) == 0);
  struct sigaction action = {};
  action.sa_handler = take_backtrace;
  sigaction(SIGALRM, &action, nullptr);
  itimerval timer = {{0, 0}, {0, 30000}};
  setitimer(ITIMER_REAL, &timer, nullptr);
  REQUIRE(outermost_of_blocked() == -1 && errno == EINTR);
  bool found = false;
  for (int i = 0; i < frame_count; i++) {
    auto distance = static_cast<char*>(frames[i]) - reinterpret_cast<char*>(&outermost_of_blocked);
    found |= distance > 0 && distance < 200;
  }
  REQUIRE(found);
  return "";
}

// In the memory that parent and child share: how often the handler ran.
int* handled;
void count_handled(int) { __atomic_add_fetch(handled, 1, __ATOMIC_RELEASE); }

// True when the process sleeps, in whatever call; false after ten seconds.
bool falls_asleep(pid_t pid) {
  std::string path = "/proc/" + std::to_string(pid) + "/stat";
  for (int i = 0; i < 10000; i++) {
    char text[512] = {};
    int fd = open(path.c_str(), O_RDONLY);
    (void)!read(fd, text, sizeof text - 1);
    close(fd);
    const char* state = strrchr(text, ')');
    if (state && state[2] == 'S') return true;
    usleep(1000);
  }
  return false;
}

PROBE(calls_restart_with_SA_RESTART_and_only_then, false) {
  REQUIRE(pipe(blocked_pipe) == 0);
  handled = static_cast<int*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  for (int flags : {0, SA_RESTART}) {
    *handled = 0;
    struct sigaction action = {};
    action.sa_handler = count_handled;
    action.sa_flags = flags;
    sigaction(SIGUSR1, &action, nullptr);
    pid_t self = getpid();
    pid_t child = fork();
    if (child == 0) {
      bool asleep = falls_asleep(self);
      kill(self, SIGUSR1);
      while (!__atomic_load_n(handled, __ATOMIC_ACQUIRE)) usleep(1000);
      asleep = falls_asleep(self) && asleep;
      (void)!write(blocked_pipe[1], "x", 1);
      _exit(!asleep);
    }
    char byte;
    ssize_t result = read(blocked_pipe[0], &byte, 1);
    int error = errno, status = 0;
    REQUIRE(waitpid(child, &status, 0) == child && status == 0);
    REQUIRE(flags ? result == 1 : result == -1 && error == EINTR);
    if (!flags) REQUIRE(read(blocked_pipe[0], &byte, 1) == 1);
  }
  return "";
}

}  // namespace
