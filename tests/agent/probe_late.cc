// SPDX-License-Identifier: MIT
// Code that comes late, and what a process may forbid itself. Checklist 3 and 5.
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <thread>
#include <vector>

#include "probe.h"

namespace {

using bt::probe::kServed;
using LateSeek = long (*)(int, long);

std::string library_beside_probe() {
  char path[4096];
  ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  std::string text(path, size > 0 ? static_cast<size_t>(size) : 0);
  return text.substr(0, text.rfind('/')) + "/libagent_late.so";
}

// tests/agent/run has written the table of the library and set BTFUSE_SITES.
PROBE(a_library_of_dlopen_is_patched, true) {
  void* library = dlopen(library_beside_probe().c_str(), RTLD_NOW);
  REQUIRE(library);
  auto seek = reinterpret_cast<LateSeek>(dlsym(library, "late_seek"));
  REQUIRE(seek && seek(kServed, 7) == (getenv("BTFUSE_SITES") ? 107 : -EBADF));
  REQUIRE(seek(-1, 7) == -EBADF);
  return "";
}

PROBE(dlopen_in_threads_while_others_work, false) {
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> workers, loaders;
  for (int i = 0; i < 2; i++)
    workers.emplace_back([&] {
      while (!stop)
        if (access("/dev/null", R_OK) != 0 || lseek(-1, 0, SEEK_SET) != -1) wrong++;
    });
  std::string path = library_beside_probe();
  for (int i = 0; i < 8; i++)
    loaders.emplace_back([&] {
      for (int k = 0; k < 20; k++) {
        void* library = dlopen(path.c_str(), RTLD_NOW);
        auto seek = library ? reinterpret_cast<LateSeek>(dlsym(library, "late_seek")) : nullptr;
        if (!seek || seek(-1, 1) != -EBADF) wrong++;
        if (library) dlclose(library);
      }
    });
  for (auto& thread : loaders) thread.join();
  stop = true;
  for (auto& thread : workers) thread.join();
  REQUIRE(wrong == 0);
  return "";
}

// No page may become executable that is or was writable: the new image cannot be patched, and runs.
PROBE(memory_deny_write_execute_means_kernel_path, false) {
  pid_t pid = fork();
  if (pid == 0) {
    constexpr int kSetMdwe = 65;
    if (prctl(kSetMdwe, 1, 0, 0, 0) != 0) _exit(77);
    execl("/bin/sh", "sh", "-c", "cat /etc/passwd >/dev/null; exit 4", nullptr);
    _exit(1);
  }
  int status;
  waitpid(pid, &status, 0);
  REQUIRE(WIFEXITED(status) && (WEXITSTATUS(status) == 4 || WEXITSTATUS(status) == 77));
  return "";
}

PROBE(a_seccomp_filter_makes_the_agent_stand_aside, true) {
  REQUIRE(lseek(kServed, 1, SEEK_SET) == 101);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  sock_fprog program = {1, allow};
  REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  REQUIRE(lseek(kServed, 1, SEEK_SET) == -1 && errno == EBADF);
  REQUIRE(access("/dev/null", R_OK) == 0);
  return "";
}

}  // namespace
