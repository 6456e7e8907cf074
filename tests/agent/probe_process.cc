// SPDX-License-Identifier: MIT
// fork, vfork, spawn, exec. Checklist 15 to 17 as far as the agent alone goes.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "probe.h"

extern char** environ;

namespace {

using bt::probe::kServed;

int status_of(pid_t pid) {
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

PROBE(fork_tells_both_sides, true) {
  REQUIRE(fsync(kServed) == 0);
  pid_t pid = fork();
  if (pid == 0) _exit(fsync(kServed) == 1 ? 0 : 1);
  REQUIRE(status_of(pid) == 0 && fsync(kServed) == 0);
  pid = static_cast<pid_t>(syscall(SYS_fork));
  if (pid == 0) _exit(fsync(kServed) == 1 ? 0 : 1);
  REQUIRE(status_of(pid) == 0);
  pid = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (pid == 0) _exit(fsync(kServed) == 1 ? 0 : 1);
  REQUIRE(status_of(pid) == 0);
  return "";
}

int child_of_clone(void* argument) { return fsync(kServed) == 1 && argument == environ ? 3 : 4; }
PROBE(fork_and_files, false) {
  pid_t pid = fork();
  if (pid == 0) {
    int fd = open("/etc/passwd", O_RDONLY);
    char byte;
    _exit(fd >= 0 && read(fd, &byte, 1) == 1 && lseek(fd, 0, SEEK_CUR) == 1 && close(fd) == 0 ? 0
                                                                                              : 1);
  }
  REQUIRE(status_of(pid) == 0);
  return "";
}

volatile sig_atomic_t handled;
void count_handled(int) { handled = handled + 1; }

// posix_spawn's child sets signals to their defaults, in the memory of its parent.
PROBE(a_spawned_child_leaves_its_parents_handlers_alone, false) {
  struct sigaction action = {}, now = {};
  action.sa_handler = count_handled;
  for (int signal : {SIGSEGV, SIGBUS, SIGUSR1, SIGCHLD}) sigaction(signal, &action, nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  char name[] = "/bin/true";
  char* arguments[] = {name, nullptr};
  for (int round = 0; round < 3; round++) {
    pid_t pid;
    REQUIRE(posix_spawn(&pid, name, nullptr, &attributes, arguments, environ) == 0);
    REQUIRE(status_of(pid) == 0);
  }
  handled = 0;
  for (int signal : {SIGSEGV, SIGBUS, SIGUSR1}) {
    REQUIRE(sigaction(signal, nullptr, &now) == 0 && now.sa_handler == count_handled);
    raise(signal);
  }
  REQUIRE(handled == 3);
  return "";
}

PROBE(clone_with_a_stack_of_its_own_is_a_fork, true) {
  static char stack[64 * 1024] __attribute__((aligned(16)));
  pid_t pid = clone(child_of_clone, stack + sizeof stack, SIGCHLD, environ);
  REQUIRE(pid > 0 && status_of(pid) == 3);
  return "";
}

// The child overwrites what lies below the parent's frame, as it may.
__attribute__((noinline)) void scribble() {
  volatile char waste[4096];
  for (size_t i = 0; i < sizeof waste; i++) waste[i] = static_cast<char>(i);
}
__attribute__((noinline)) pid_t vfork_and_scribble(int code) {
  pid_t pid = vfork();
  if (pid == 0) {
    scribble();
    (void)!lseek(kServed, 3, SEEK_SET);
    _exit(code);
  }
  return pid;
}
PROBE(a_vfork_child_may_scribble_on_the_stack, false) {
  for (int i = 0; i < 50; i++) {
    pid_t pid = vfork_and_scribble(i);
    REQUIRE(pid > 0 && status_of(pid) == i);
  }
  return "";
}

PROBE(vfork_tells_the_parent_and_restores_the_mask, true) {
  sigset_t before, after;
  sigprocmask(SIG_SETMASK, nullptr, &before);
  pid_t pid = vfork();
  if (pid == 0) {
    sigset_t in_child;
    sigprocmask(SIG_SETMASK, nullptr, &in_child);
    _exit(sigismember(&in_child, SIGUSR1) == sigismember(&before, SIGUSR1) ? 0 : 1);
  }
  sigprocmask(SIG_SETMASK, nullptr, &after);
  REQUIRE(status_of(pid) == 0);
  REQUIRE(memcmp(&before, &after, 8) == 0);
  REQUIRE(fsync(kServed) == 10);
  return "";
}

PROBE(spawn_and_failed_spawn_leave_the_parent_as_it_was, false) {
  const char* arguments[] = {"true", nullptr};
  for (int i = 0; i < 30; i++) {
    pid_t pid;
    REQUIRE(posix_spawn(&pid, "/bin/true", nullptr, nullptr, const_cast<char**>(arguments),
                        environ) == 0);
    REQUIRE(status_of(pid) == 0);
    REQUIRE(posix_spawn(&pid, "/nonexistent", nullptr, nullptr, const_cast<char**>(arguments),
                        environ) == ENOENT);
    REQUIRE(posix_spawn(&pid, "/etc/passwd", nullptr, nullptr, const_cast<char**>(arguments),
                        environ) == EACCES);
  }
  return "";
}

PROBE(spawning_threads_race_with_reading_ones, true) {
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers, spawners;
  for (int i = 0; i < 2; i++)
    readers.emplace_back([&] {
      char buffer[700];
      while (!stop) {
        if (read(kServed, buffer, sizeof buffer) != sizeof buffer || buffer[699] != 'r') wrong++;
        int fd = open("/dev/null", O_RDONLY);
        if (fd < 0 || close(fd) != 0) wrong++;
      }
    });
  for (int i = 0; i < 2; i++)
    spawners.emplace_back([&] {
      const char* arguments[] = {"true", nullptr};
      for (int k = 0; k < 40; k++) {
        pid_t pid;
        if (posix_spawn(&pid, "/bin/true", nullptr, nullptr, const_cast<char**>(arguments),
                        environ) != 0 ||
            status_of(pid) != 0 || lseek(kServed, k, SEEK_SET) != 100 + k)
          wrong++;
        pid = fork();
        if (pid == 0) _exit(lseek(kServed, k, SEEK_SET) == 100 + k ? 0 : 1);
        if (status_of(pid) != 0) wrong++;
      }
    });
  for (auto& thread : spawners) thread.join();
  stop = true;
  for (auto& thread : readers) thread.join();
  REQUIRE(wrong == 0);
  return "";
}

PROBE(a_failed_exec_leaves_everything_usable, true) {
  const char* arguments[] = {"x", nullptr};
  execve("/nonexistent", const_cast<char**>(arguments), environ);
  REQUIRE(errno == ENOENT && lseek(kServed, 1, SEEK_SET) == 101);
  REQUIRE(fsync(kServed) == 0);
  // Exists, and is no program.
  execve("/etc/passwd", const_cast<char**>(arguments), environ);
  REQUIRE(errno == EACCES && lseek(kServed, 1, SEEK_SET) == 101);
  REQUIRE(fsync(kServed) == 100);
  pid_t pid = fork();
  if (pid == 0) _exit(lseek(kServed, 2, SEEK_SET) == 102 ? 0 : 1);
  REQUIRE(status_of(pid) == 0);
  return "";
}

// Runs sh -c 'exit $x' in a child with the given environment, after which it must have the agent again.
int exec_with(const char* path, char* const* environment) {
  pid_t pid = fork();
  if (pid == 0) {
    const char* arguments[] = {
        "sh", "-c", "case $LD_PRELOAD in *btfuse_agent*) exit 7;; esac; exit 8", nullptr};
    execve(path, const_cast<char**>(arguments), environment);
    _exit(9);
  }
  return status_of(pid);
}
PROBE(a_lost_environment_is_restored_at_exec, true) {
  char* nothing[] = {nullptr};
  char other[] = "LD_PRELOAD=libm.so.6", path[] = "PATH=/bin", off[] = "BTFUSE_DISABLE=1";
  char* others[] = {path, other, nullptr};
  char* disabled[] = {path, off, nullptr};
  REQUIRE(exec_with("/bin/sh", nothing) == 7);
  REQUIRE(exec_with("/bin/sh", nullptr) == 7);
  REQUIRE(exec_with("/bin/sh", others) == 7);
  REQUIRE(exec_with("/bin/sh", environ) == 7);
  REQUIRE(exec_with("/bin/sh", disabled) == 8);
  return "";
}

PROBE(exec_from_a_thread, false) {
  pid_t pid = fork();
  if (pid == 0) {
    std::thread thread([] { execl("/bin/sh", "sh", "-c", "exit 6", nullptr); });
    thread.join();
    _exit(1);
  }
  REQUIRE(status_of(pid) == 6);
  return "";
}

void* touches(void*) {
  (void)!lseek(kServed, 1, SEEK_SET);
  return nullptr;
}
PROBE(a_thousand_short_threads_do_not_pile_up_stacks, true) {
  auto mapped_pages = [] {
    long pages = 0;
    FILE* file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld", &pages) != 1) pages = -1;
    if (file) fclose(file);
    return pages;
  };
  long before = mapped_pages();
  for (int i = 0; i < 1000; i++) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, nullptr, touches, nullptr) == 0);
    pthread_join(thread, nullptr);
  }
  // One stack is 33 pages; a few dead ones may wait for reuse, and libc caches its own.
  REQUIRE(mapped_pages() - before < 40 * 33 + 20000);
  REQUIRE(before > 0);
  return "";
}

}  // namespace
