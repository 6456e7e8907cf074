// SPDX-License-Identifier: MIT
// Signals while the agent is inside, and programs with their own fault handlers. Checklist 12.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

namespace {

using bt::probe::kServed;

volatile sig_atomic_t runs;
volatile int last_code;
volatile pid_t last_sender;
volatile void* last_value;
volatile bool handler_was_served;
sigset_t mask_in_handler;

void record(int, siginfo_t* info, void*) {
  runs = runs + 1;
  last_code = info->si_code;
  last_sender = info->si_pid;
  last_value = info->si_value.sival_ptr;
  char buffer[300];
  handler_was_served = read(kServed, buffer, sizeof buffer) == sizeof buffer && buffer[299] == 'r';
  sigprocmask(SIG_SETMASK, nullptr, &mask_in_handler);
}

void install(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(signal, &action, nullptr);
}

void start_timer(int us) {
  itimerval timer = {{0, us}, {0, us}};
  setitimer(ITIMER_REAL, &timer, nullptr);
}

pid_t signal_soon(int signal) {
  pid_t self = getpid();
  pid_t child = fork();
  if (child == 0) {
    usleep(20000);
    kill(self, signal);
    _exit(0);
  }
  return child;
}

// Is inside nearly all the time until the handler has run: on a busy machine the sender may be late.
bool write_until_signal() {
  bool good = true;
  for (int i = 0; good && i < 300 && (i == 0 || runs == 0); i++)
    good = pwrite(kServed, "x", 1, 60000) == 1;
  return good;
}

PROBE(a_signal_inside_waits_and_comes_as_it_was_sent, true) {
  install(SIGUSR1, record, 0);
  pid_t child = signal_soon(SIGUSR1);
  REQUIRE(write_until_signal());
  REQUIRE(runs == 1);
  REQUIRE(last_code == SI_USER && last_sender == child);
  REQUIRE(handler_was_served);
  REQUIRE(sigismember(&mask_in_handler, SIGUSR1) == 1 &&
          sigismember(&mask_in_handler, SIGUSR2) == 1);
  REQUIRE(sigismember(&mask_in_handler, SIGTERM) == 0);
  sigset_t now;
  sigprocmask(SIG_SETMASK, nullptr, &now);
  REQUIRE(sigismember(&now, SIGUSR1) == 0 && sigismember(&now, SIGUSR2) == 0 &&
          sigismember(&now, SIGTERM) == 0);
  waitpid(child, nullptr, 0);
  return "";
}

PROBE(queued_signals_keep_their_values_and_order, true) {
  install(SIGRTMIN, record, 0);
  pid_t self = getpid();
  pid_t child = fork();
  if (child == 0) {
    usleep(20000);
    for (long i = 1; i <= 3; i++) {
      sigval value;
      value.sival_ptr = reinterpret_cast<void*>(i);
      sigqueue(self, SIGRTMIN, value);
    }
    _exit(0);
  }
  REQUIRE(pwrite(kServed, "x", 1, 60000) == 1);
  REQUIRE(runs == 3 && last_code == SI_QUEUE && last_value == reinterpret_cast<void*>(3));
  waitpid(child, nullptr, 0);
  return "";
}

PROBE(one_shot_handlers_run_once, true) {
  install(SIGUSR1, record, SA_RESETHAND);
  pid_t child = signal_soon(SIGUSR1);
  REQUIRE(write_until_signal());
  REQUIRE(runs == 1);
  struct sigaction now;
  sigaction(SIGUSR1, nullptr, &now);
  REQUIRE(now.sa_handler == SIG_DFL);
  waitpid(child, nullptr, 0);
  return "";
}

void count(int, siginfo_t*, void*) {
  runs = runs + 1;
  char buffer[600];
  if (read(kServed, buffer, sizeof buffer) != sizeof buffer || buffer[599] != 'r') last_code = 99;
}
PROBE(a_fast_timer_disturbs_nothing, true) {
  install(SIGALRM, count, SA_RESTART);
  start_timer(100);
  char buffer[5000];
  for (int i = 0; i < 60000; i++) {
    memset(buffer, 0, 16);
    REQUIRE(read(kServed, buffer, 1 + i % sizeof buffer) ==
            1 + i % static_cast<int>(sizeof buffer));
    REQUIRE(buffer[0] == 'r');
    REQUIRE(lseek(kServed, i, SEEK_SET) == 100 + i);
    if (i % 64 == 0) REQUIRE(access("/dev/null", R_OK) == 0);
  }
  start_timer(0);
  REQUIRE(last_code != 99);
  REQUIRE(runs > 5);
  return "";
}

sigjmp_buf jump;
void jumps_out(int, siginfo_t*, void*) {
  runs = runs + 1;
  siglongjmp(jump, 1);
}
PROBE(siglongjmp_out_of_a_handler_leaves_the_agent_whole, true) {
  install(SIGALRM, jumps_out, 0);
  for (int i = 0; i < 300; i++) {
    if (sigsetjmp(jump, 1) == 0) {
      itimerval timer = {{0, 0}, {0, 200 + i}};
      setitimer(ITIMER_REAL, &timer, nullptr);
      for (;;) (void)!pwrite(kServed, "x", 1, i % 7 * 30);
    }
    char buffer[100] = {};
    REQUIRE(read(kServed, buffer, sizeof buffer) == sizeof buffer && buffer[99] == 'r');
  }
  REQUIRE(runs == 300);
  return "";
}

PROBE(handlers_on_a_small_alternate_stack_may_do_io, true) {
  // 2 KiB would be below the kernel's own minimum where there is AVX-512; the probe takes that plus 1 KiB.
  static char memory[64 * 1024];
  stack_t stack = {};
  stack.ss_sp = memory;
  stack.ss_size = static_cast<size_t>(sysconf(_SC_MINSIGSTKSZ)) + 2048;
  REQUIRE(sigaltstack(&stack, nullptr) == 0);
  install(SIGUSR1, record, SA_ONSTACK);
  pid_t child = signal_soon(SIGUSR1);
  REQUIRE(write_until_signal());
  REQUIRE(runs == 1 && handler_was_served);
  waitpid(child, nullptr, 0);
  raise(SIGUSR1);
  REQUIRE(runs == 2);
  return "";
}

PROBE(sigaction_tells_what_the_program_set, false) {
  struct sigaction action = {}, old;
  for (int signal : {SIGSEGV, SIGBUS, SIGUSR1, SIGCHLD}) {
    REQUIRE(sigaction(signal, nullptr, &old) == 0 && old.sa_handler == SIG_DFL);
    action.sa_handler = SIG_IGN;
    action.sa_flags = SA_RESTART;
    REQUIRE(sigaction(signal, &action, nullptr) == 0);
    action.sa_sigaction = record;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGHUP);
    REQUIRE(sigaction(signal, &action, &old) == 0 && old.sa_handler == SIG_IGN);
    REQUIRE(sigaction(signal, nullptr, &old) == 0 && old.sa_sigaction == record);
    REQUIRE((old.sa_flags & ~0x04000000) == action.sa_flags &&
            sigismember(&old.sa_mask, SIGHUP) == 1);
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    REQUIRE(sigaction(signal, &action, &old) == 0 && old.sa_sigaction == record);
    REQUIRE(sigaction(signal, nullptr, &old) == 0 && old.sa_handler == SIG_DFL);
  }
  REQUIRE(sigaction(SIGKILL, &action, nullptr) == -1 && errno == EINVAL);
  return "";
}

// What a virtual machine does: a fault of its own, repaired in the handler, on an alternate stack, with the address.
char* guarded;
volatile bool fault_was_right;
void repair(int signal, siginfo_t* info, void*) {
  runs = runs + 1;
  fault_was_right = signal == SIGSEGV && info->si_addr == guarded && info->si_code == SEGV_ACCERR;
  char buffer[300];
  (void)!read(kServed, buffer, sizeof buffer);
  mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
}
PROBE(the_programs_own_faults_reach_its_handler, false) {
  static char memory[64 * 1024];
  stack_t stack = {};
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  sigaltstack(&stack, nullptr);
  install(SIGSEGV, repair, SA_ONSTACK | SA_NODEFER);
  guarded = static_cast<char*>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (int i = 1; i <= 50; i++) {
    mprotect(guarded, 4096, PROT_NONE);
    *static_cast<volatile char*>(guarded) = 1;
    REQUIRE(runs == i && fault_was_right);
  }
  return "";
}

// How a process dies of a signal is seen by its parent.
int death_of(void (*child)()) {
  pid_t pid = fork();
  if (pid == 0) {
    child();
    _exit(0);
  }
  int status;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
void fault_now() { *static_cast<volatile char*>(nullptr) = 1; }
PROBE(faults_without_a_handler_kill_as_they_do, false) {
  REQUIRE(death_of(fault_now) == SIGSEGV);
  REQUIRE(death_of([] { raise(SIGSEGV); }) == SIGSEGV);
  REQUIRE(death_of([] {
            kill(getpid(), SIGBUS);
            pause();
          }) == SIGBUS);
  REQUIRE(death_of([] {
            signal(SIGSEGV, SIG_IGN);
            raise(SIGSEGV);
          }) == 0);
  REQUIRE(death_of([] {
            signal(SIGSEGV, SIG_IGN);
            fault_now();
          }) == SIGSEGV);
  REQUIRE(death_of([] {
            struct sigaction a = {};
            a.sa_handler = [](int) {};
            a.sa_flags = SA_RESETHAND;
            sigaction(SIGSEGV, &a, nullptr);
            fault_now();
          }) == SIGSEGV);
  return "";
}

PROBE(an_ignored_fault_signal_stays_ignored_over_exec, false) {
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGSEGV, SIG_IGN);
    execl("/bin/sh", "sh", "-c", "kill -SEGV $$; exit 5", nullptr);
  }
  int status;
  waitpid(pid, &status, 0);
  REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 5);
  return "";
}

}  // namespace
