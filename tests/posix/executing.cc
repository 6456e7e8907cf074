// SPDX-License-Identifier: MIT
// ETXTBSY, both ways: executing what is open for writing, and writing what runs.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "tests/posix/suite.h"

extern char** environ;

namespace suite {

namespace {

// Runs ./path as a shell; what came of it.
std::string run_program(const char* path) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    const char* arguments[] = {path, "-c", "exit 7", nullptr};
    int64_t failed = call(SYS_execve, arg(path), arg(arguments), arg(environ));
    _exit(failed == -ETXTBSY ? 1 : 2);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status)) return "signal";
  return WEXITSTATUS(status) == 7 ? "ran" : WEXITSTATUS(status) == 1 ? "ETXTBSY" : "failed";
}

void copy_program(const char* from, const char* to) {
  int source = open(from, O_RDONLY), target = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  char buffer[65536];
  ssize_t size;
  while ((size = read(source, buffer, sizeof buffer)) > 0)
    (void)!write(target, buffer, static_cast<size_t>(size));
  close(source);
  close(target);
}

}  // namespace

SUITE_PART(written_while_executed) {
  copy_program("/bin/sh", "program");
  make_file("script", "#!./program\nexit 7\n", 0755);
  say("a program", run_program("./program"));
  for (int64_t flags :
       {O_WRONLY, O_RDWR, O_RDWR | O_CLOEXEC, O_RDONLY, O_PATH, O_WRONLY | O_APPEND}) {
    std::string with = " with flags " + std::to_string(flags);
    int64_t fd = call(SYS_open, arg("program"), flags);
    say("open" + with, shown(fd < 0 ? fd : 0));
    say("its execution", run_program("./program"));
    say("as an interpreter", run_program("./script"));
    int64_t copy = call(SYS_dup, fd);
    shut({fd});
    say("open by a copy" + with, run_program("./program"));
    shut({copy});
    say("closed" + with, run_program("./program"));
  }
  int64_t fd = call(SYS_open, arg("script"), O_WRONLY);
  say("a script that is written", run_program("./script"));
  shut({fd});
  say("or was", run_program("./script"));
  fd = call(SYS_open, arg("program"), O_WRONLY);
  say("under another name", call(SYS_link, arg("program"), arg("linked")));
  say("its execution", run_program("./linked"));
  shut({fd});

  int ready[2];
  if (pipe(ready) < 0) return;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    call(SYS_open, arg("program"), O_WRONLY);
    (void)!write(ready[1], "r", 1);
    pause();
  }
  char c;
  say("opened by another", read(ready[0], &c, 1));
  say("its execution", run_program("./program"));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  say("when that was killed", run_program("./program"));
  // Whoever waited for a process may count on it: at once, and whatever it became.
  int ran = 0;
  for (int i = 0; i < 60; i++) {
    pid = fork();
    if (pid == 0) {
      int64_t writer = call(SYS_open, arg("program"), O_WRONLY);
      if (i % 3 == 0) _exit(0);
      if (i % 3 == 1) call(SYS_dup2, writer, 1);
      const char* arguments[] = {"/bin/true", nullptr};
      call(SYS_execve, arg(arguments[0]), arg(arguments), arg(environ));
      _exit(1);
    }
    waitpid(pid, nullptr, 0);
    ran += run_program("./program") == "ran";
  }
  say("left open by processes that ended", ran);
  shut({ready[0], ready[1]});
}

SUITE_PART(writing_what_is_executed) {
  copy_program("/bin/sleep", "program");
  int started[2];
  if (pipe2(started, O_CLOEXEC) < 0) return;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    const char* arguments[] = {"./program", "1000", nullptr};
    call(SYS_execve, arg("./program"), arg(arguments), arg(environ));
    _exit(1);
  }
  close(started[1]);
  char c;
  say("started", read(started[0], &c, 1));  // its end of the pipe was close-on-exec
  int64_t directory = call(SYS_open, arg("."), O_RDONLY | O_DIRECTORY);
  int64_t reader = call(SYS_open, arg("program"), O_RDONLY);
  auto opens = [](const std::string& what, int64_t fd) {
    say(what, shown(fd < 0 ? fd : 0));
    shut({fd});
  };
  for (int64_t flags : {O_WRONLY, O_RDWR, O_RDONLY, O_WRONLY | O_TRUNC, O_RDONLY | O_TRUNC,
                        O_RDWR | O_APPEND, O_PATH}) {
    std::string with = " with flags " + std::to_string(flags);
    opens("open" + with, call(SYS_open, arg("program"), flags));
    opens("absolute" + with, call(SYS_open, arg(top + "/program"), flags));
    opens("from a directory" + with, call(SYS_openat, directory, arg("program"), flags));
    opens("by its descriptor" + with,
          call(SYS_open, arg("/proc/self/fd/" + std::to_string(reader)), flags));
  }
  say("truncate", call(SYS_truncate, arg("program"), 10));
  say("chmod", call(SYS_chmod, arg("program"), 0711));
  say("rename", call(SYS_rename, arg("program"), arg("renamed")));
  opens("renamed", call(SYS_openat, directory, arg("renamed"), O_WRONLY));
  say("unlink", call(SYS_unlink, arg("renamed")));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  shut({directory, reader, started[0]});
}

}  // namespace suite
