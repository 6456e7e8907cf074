// SPDX-License-Identifier: MIT
// fork, vfork, spawn, exec, locks, copies between descriptors, descriptors that travel.
#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "tests/posix/suite.h"

extern char** environ;

namespace suite {
namespace {

int64_t shared_fd;

std::string run_shell(const std::string& script) {
  const char* arguments[] = {"/bin/sh", "-c", script.c_str(), nullptr};
  int ends[2];
  if (pipe(ends) < 0) return "no pipe";
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    execve(arguments[0], const_cast<char**>(arguments), environ);
    _exit(127);
  }
  close(ends[1]);
  std::string out;
  char buffer[512];
  ssize_t size;
  while ((size = read(ends[0], buffer, sizeof buffer)) > 0)
    out.append(buffer, static_cast<size_t>(size));
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  for (char& c : out)
    if (c == '\n') c = '|';
  return out + " exit " +
         std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

int64_t try_lock(int command, short type, int64_t start, int64_t length) {
  int64_t fd = call(SYS_open, arg("locked"), O_RDWR);
  struct flock lock = {};
  lock.l_type = type;
  lock.l_start = start;
  lock.l_len = length;
  int64_t r = call(SYS_fcntl, fd, command, arg(&lock));
  if (r == 0 && command == F_GETLK)
    r = lock.l_type == F_UNLCK ? 0 : 1 + lock.l_start * 1000 + lock.l_len * 10 + lock.l_type;
  return r;
}
short want_type;
int64_t want_start, want_length;

}  // namespace

// Of several locks in the way F_GETLK tells the one that begins first, in whatever order they were taken.
SUITE_PART(the_first_of_several_locks) {
  make_file("locked", std::string(100, 'x'));
  int64_t fd = call(SYS_open, arg("locked"), O_RDWR);
  auto take = [&](short type, int64_t start, int64_t length) {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_start = start;
    lock.l_len = length;
    return call(SYS_fcntl, fd, F_SETLK, arg(&lock));
  };
  auto ask = [](const std::string& claim) {
    want_type = F_WRLCK;
    want_start = want_length = 0;
    say(claim,
        in_child([] { return shown(try_lock(F_GETLK, want_type, want_start, want_length)); }));
  };
  for (int order : {0, 1, 2}) {
    std::string claim = " in order " + std::to_string(order);
    for (int i = 0; i < 3; i++) {
      int64_t start = 10 * (1 + (i * (order + 1) + order) % 3);
      take(start == 20 ? F_RDLCK : F_WRLCK, start, 5);
      ask("after lock " + std::to_string(i) + claim);
    }
    take(F_UNLCK, 12, 10);
    ask("with its middle taken out" + claim);
    take(F_RDLCK, 0, 3);
    take(F_WRLCK, 3, 9);
    ask("with one before" + claim);
    take(F_UNLCK, 0, 0);
    ask("after all is unlocked" + claim);
  }
  shut({fd});
}

SUITE_PART(fork) {
  make_file("f", "0123456789");
  shared_fd = call(SYS_open, arg("f"), O_RDWR);
  char b[8] = {};
  say("a child shares the offset", in_child([] {
        char c[4] = {};
        call(SYS_read, shared_fd, arg(c), 3);
        return std::string(c);
      }));
  say("the parent goes on after it", (call(SYS_read, shared_fd, arg(b), 2), std::string(b)));
  say("a child's close is its own", in_child([] { return shown(call(SYS_close, shared_fd)); }));
  say("the parent reads on", (call(SYS_read, shared_fd, arg(b), 2), std::string(b)));
  say("a child seeks", in_child([] { return shown(call(SYS_lseek, shared_fd, 0, SEEK_END)); }));
  say("the parent sees it", call(SYS_lseek, shared_fd, 0, SEEK_CUR));
  say("a child's O_APPEND is the parent's",
      (in_child([] { return shown(call(SYS_fcntl, shared_fd, F_SETFL, O_APPEND)); }),
       call(SYS_fcntl, shared_fd, F_GETFL)));
  say("a child's chdir is its own", in_child([] {
        call(SYS_mkdir, arg("sub"), 0755);
        return shown(call(SYS_chdir, arg("sub")));
      }));
  struct stat s;
  say("the parent is where it was", call(SYS_stat, arg("f"), arg(&s)));
  say("a child's umask is its own", in_child([] { return shown(call(SYS_umask, 077)); }));
  say("the parent's umask", call(SYS_umask, 022));
  say("a grandchild writes", in_child([] {
        return in_child([] { return shown(call(SYS_write, shared_fd, arg("grand"), 5)); });
      }));
  say("content", read_file("f"));
  call(SYS_unlink, arg("f"));
  say("an unlinked file lives in a child", in_child([] {
        char c[4] = {};
        call(SYS_pread64, shared_fd, arg(c), 3, 0);
        return std::string(c);
      }));
  call(SYS_close, shared_fd);
  make_file("counter");
  shared_fd = call(SYS_open, arg("counter"), O_WRONLY | O_APPEND);
  std::vector<pid_t> all;
  fflush(stdout);
  for (int i = 0; i < 8; i++) {
    pid_t pid = ::fork();
    if (pid == 0) {
      for (int k = 0; k < 50; k++) call(SYS_write, shared_fd, arg("line of text\n"), 13);
      _exit(0);
    }
    all.push_back(pid);
  }
  for (pid_t pid : all) waitpid(pid, nullptr, 0);
  call(SYS_close, shared_fd);
  say("eight children append", static_cast<int64_t>(read_file("counter").size()));
}

SUITE_PART(exec) {
  make_file("in", "first\nsecond\nthird\n");
  say("a shell reads", run_shell("cat in"));
  say("a shell writes", run_shell("echo hello > out; echo again >> out; cat out"));
  say("redirections inherited by exec share the offset", run_shell("{ read a; cat; } < in"));
  say("subshells share the offset of their output", run_shell("(echo a; echo b) > out; cat out"));
  say("numbers of the shell's choosing",
      run_shell("exec 5<in 6>out; read x <&5; echo $x >&6; cat <&5 >&6; exec 5<&- 6>&-; cat out"));
  say("a read-write descriptor",
      run_shell("echo 12345 > rw; exec 3<>rw; printf ab >&3; cat <&3; exec 3>&-; cat rw"));
  say("a here-document", run_shell("cat <<EOF\nhere\nEOF"));
  say("a pipeline", run_shell("cat in | sort -r | head -1 > out; cat out"));
  say("cd and relative names",
      run_shell("mkdir -p a/b; cd a/b; echo x > y; cd ..; cat b/y; pwd | sed 's/.*suite/suite/'"));
  for (const char* script : {
           "{ echo one; $S wtwo; echo three; } > out; cat out",
           "{ $S wone wtwo; echo three; $S wfour; (echo five; $S wsix); echo seven; } > out; cat "
           "out",
           "{ echo one; $S wtwo; echo three; } >> out; cat out",
           "{ echo one; $S pX; echo three; $S wfour; } > out; cat out",
           "{ $S wone; mv out moved; $S wtwo; echo three; } > out; cat moved",
           "{ read a; $S r4 r3; cat; } < in",
           "{ $S r3; read a; echo $a; $S r100; cat; } < in",
           "exec 3<>rw; $S wab >&3; $S r2 <&3; read a <&3; echo $a; exec 3>&-; cat rw",
       })
    say(std::string("a static child shares the offset: ") + script, run_shell(script));
  int64_t fd = call(SYS_open, arg("in"), O_RDONLY);
  call(SYS_lseek, fd, 6, SEEK_SET);
  say("a descriptor from here", run_shell("cat <&" + std::to_string(fd)));
  say("its offset here", call(SYS_lseek, fd, 0, SEEK_CUR));
  shut({fd});
  fd = call(SYS_open, arg("in"), O_RDONLY | O_CLOEXEC);
  say("close-on-exec closes",
      run_shell("{ cat <&" + std::to_string(fd) + "; } 2>/dev/null || echo closed"));
  shut({fd});
  fd = call(SYS_open, arg("in"), O_RDONLY);
  const char* nothing[] = {"nothing", nullptr};
  make_file("not_executable", "x", 0755);
  for (const char* path : {"/no/such/program", "not_executable", "in", "."})
    say(std::string("exec of ") + path,
        execve(path, const_cast<char**>(nothing), environ) < 0 ? -errno : 0);
  char b[6] = {};
  call(SYS_read, fd, arg(b), 5);
  say("a failing exec leaves everything", b);
  shut({fd});
  make_file("script", "#!/bin/sh\necho script $1\n", 0755);
  say("a script in the directory", run_shell("./script one"));
  say("a program in the directory", run_shell("cp /bin/true ./t && ./t && echo ran"));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "spawned", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_addopen(&actions, 7, "in", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, 7, 0);
  posix_spawn_file_actions_addclose(&actions, 7);
  const char* cat[] = {"/bin/cat", nullptr};
  int64_t mine = call(SYS_open, arg("in"), O_RDONLY);
  pid_t pid = 0;
  int status = 0;
  fflush(stdout);
  say("posix_spawn with actions",
      posix_spawn(&pid, cat[0], &actions, nullptr, const_cast<char**>(cat), environ));
  waitpid(pid, &status, 0);
  say("its exit", status);
  say("its output", hash(read_file("spawned")));
  say("the parent's descriptor is as it was", call(SYS_lseek, mine, 0, SEEK_CUR));
  say("the parent's 7 is not open", call(SYS_fcntl, 7, F_GETFD));
  posix_spawn_file_actions_destroy(&actions);
  const char* none[] = {"/no/such", nullptr};
  say("posix_spawn of nothing",
      posix_spawn(&pid, none[0], nullptr, nullptr, const_cast<char**>(none), environ));
  say("the descriptor after it", call(SYS_lseek, mine, 0, SEEK_CUR));
  shut({mine});
  pid = vfork();
  if (pid == 0) {
    const char* arguments[] = {"/bin/true", nullptr};
    close(0);
    execve(arguments[0], const_cast<char**>(arguments), environ);
    _exit(9);
  }
  waitpid(pid, &status, 0);
  say("vfork and exec", status);
  say("0 is still open", call(SYS_fcntl, 0, F_GETFD));
}

SUITE_PART(locks) {
  make_file("locked", std::string(100, 'x'));
  int64_t fd = call(SYS_open, arg("locked"), O_RDWR);
  auto set = [&](int command, short type, int64_t start, int64_t length, int whence = SEEK_SET) {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = static_cast<short>(whence);
    lock.l_start = start;
    lock.l_len = length;
    return call(SYS_fcntl, fd, command, arg(&lock));
  };
  for (short mine : {F_RDLCK, F_WRLCK})
    for (int64_t start : {0, 10, 50})
      for (int64_t length : {0, 1, 20}) {
        set(F_SETLK, F_UNLCK, 0, 0);
        say("lock " + std::to_string(mine) + " at " + std::to_string(start) + " length " +
                std::to_string(length),
            set(F_SETLK, mine, start, length));
        for (short theirs : {F_RDLCK, F_WRLCK})
          for (int64_t at : {0, 15, 60}) {
            want_type = theirs;
            want_start = at;
            want_length = 10;
            say("another's " + std::to_string(theirs) + " at " + std::to_string(at), in_child([] {
                  return shown(try_lock(F_SETLK, want_type, want_start, want_length));
                }));
            say("F_GETLK", in_child([] {
                  return shown(try_lock(F_GETLK, want_type, want_start, want_length));
                }));
          }
      }
  set(F_SETLK, F_UNLCK, 0, 0);
  say("lock all", set(F_SETLK, F_WRLCK, 0, 100));
  say("unlock the middle", set(F_SETLK, F_UNLCK, 40, 20));
  want_type = F_WRLCK;
  want_length = 5;
  for (int64_t at : {30, 38, 40, 50, 55, 58, 60, 99, 100}) {
    want_start = at;
    say("another's lock at " + std::to_string(at),
        in_child([] { return shown(try_lock(F_SETLK, want_type, want_start, want_length)); }));
  }
  say("a negative length", set(F_SETLK, F_RDLCK, 50, -10));
  say("a negative start", set(F_SETLK, F_RDLCK, -1, 10));
  say("from the end", set(F_SETLK, F_RDLCK, -10, 5, SEEK_END));
  say("a bad type", set(F_SETLK, 77, 0, 1));
  say("a bad whence", set(F_SETLK, F_RDLCK, 0, 1, 77));
  say("overflow", set(F_SETLK, F_RDLCK, INT64_MAX, 100));
  int64_t read_only = call(SYS_open, arg("locked"), O_RDONLY);
  struct flock exclusive = {};
  exclusive.l_type = F_WRLCK;
  say("an exclusive lock on a read-only descriptor",
      call(SYS_fcntl, read_only, F_SETLK, arg(&exclusive)));
  call(SYS_close, read_only);
  say("closing any descriptor drops the locks",
      in_child([] { return shown(try_lock(F_SETLK, F_WRLCK, 0, 100)); }));
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  say("F_OFD_SETLK", call(SYS_fcntl, fd, F_OFD_SETLK, arg(&whole)));
  int64_t second = call(SYS_open, arg("locked"), O_RDWR);
  say("F_OFD_SETLK by another description", call(SYS_fcntl, second, F_OFD_SETLK, arg(&whole)));
  whole.l_pid = 1;
  say("F_OFD_SETLK with a pid", call(SYS_fcntl, second, F_OFD_SETLK, arg(&whole)));
  whole.l_type = F_UNLCK;
  whole.l_pid = 0;
  say("F_OFD_SETLK unlocks", call(SYS_fcntl, fd, F_OFD_SETLK, arg(&whole)));
  whole.l_type = F_WRLCK;
  say("then the other locks", call(SYS_fcntl, second, F_OFD_SETLK, arg(&whole)));
  whole.l_type = F_UNLCK;
  call(SYS_fcntl, second, F_OFD_SETLK, arg(&whole));
  shut({fd, second});
  make_file("ofd", "x");
  fd = call(SYS_open, arg("ofd"), O_RDWR);
  second = call(SYS_open, arg("ofd"), O_RDWR);
  whole.l_type = F_WRLCK;
  call(SYS_fcntl, fd, F_OFD_SETLK, arg(&whole));
  call(SYS_close, fd);
  say("an OFD lock goes with its description", call(SYS_fcntl, second, F_OFD_SETLK, arg(&whole)));
  shut({second});
  fd = call(SYS_open, arg("locked"), O_RDWR);
  second = call(SYS_open, arg("locked"), O_RDWR);
  for (int first : {LOCK_SH, LOCK_EX})
    for (int other : {LOCK_SH, LOCK_EX, LOCK_UN, 0, 99}) {
      call(SYS_flock, fd, LOCK_UN);
      call(SYS_flock, second, LOCK_UN);
      say("flock " + std::to_string(first), call(SYS_flock, fd, first));
      say("by another " + std::to_string(other), call(SYS_flock, second, other | LOCK_NB));
    }
  call(SYS_flock, fd, LOCK_EX);
  int64_t copy = call(SYS_dup, fd);
  say("a copy has the same flock", call(SYS_flock, copy, LOCK_EX | LOCK_NB));
  call(SYS_close, fd);
  say("which lasts until the last copy closes", call(SYS_flock, second, LOCK_EX | LOCK_NB));
  call(SYS_close, copy);
  // The kernel tells FUSE of a last close without waiting for the answer.
  int64_t gone = -EAGAIN;
  for (int i = 0; i < 1000 && gone == -EAGAIN; i++) {
    if (i > 0) usleep(10000);
    gone = call(SYS_flock, second, LOCK_EX | LOCK_NB);
  }
  say("and then is gone", gone);
  shut({second});
  fd = call(SYS_open, arg("locked"), O_RDWR);
  set(F_SETLK, F_WRLCK, 0, 0);
  int ends[2];
  if (pipe(ends) < 0) return;
  fflush(stdout);
  pid_t pid = ::fork();
  if (pid == 0) {
    char c = try_lock(F_SETLKW, F_WRLCK, 0, 0) == 0 ? 'y' : 'n';
    _exit(write(ends[1], &c, 1) == 1 ? 0 : 1);
  }
  usleep(50000);
  say("a waiter waits", waitpid(pid, nullptr, WNOHANG));
  set(F_SETLK, F_UNLCK, 0, 0);
  char c = '?';
  if (read(ends[0], &c, 1) == 1) say("and gets the lock", std::string(1, c));
  waitpid(pid, nullptr, 0);
  shut({fd, ends[0], ends[1]});
}

namespace {
int tell_holder = -1;
volatile sig_atomic_t alarms = 0;
// The third alarm lets go of what the other process holds.
void count_alarm(int) {
  alarms = alarms + 1;
  if (alarms == 3 && tell_holder >= 0 && write(tell_holder, "x", 1) != 1) _exit(1);
}
}  // namespace

// A wait for a lock that signals interrupt, with handlers that want it to go on and others.
SUITE_PART(interrupted_locks) {
  make_file("fought", "bytes");
  for (bool whole : {true, false})
    for (bool restarts : {false, true}) {
      int held[2], told[2];
      if (pipe(held) < 0 || pipe(told) < 0) return;
      auto take_lock = [&](int64_t fd) {
        flock64 lock = {};
        lock.l_type = F_WRLCK;
        return whole ? call(SYS_flock, fd, LOCK_EX) : call(SYS_fcntl, fd, F_SETLKW, arg(&lock));
      };
      fflush(stdout);
      pid_t pid = ::fork();
      if (pid == 0) {
        char byte;
        int64_t fd = call(SYS_open, arg("fought"), O_RDWR);
        if (take_lock(fd) != 0 || write(held[1], "x", 1) != 1) _exit(1);
        _exit(read(told[0], &byte, 1) == 1 ? 0 : 1);
      }
      char byte;
      if (read(held[0], &byte, 1) != 1) return;
      alarms = 0;
      tell_holder = restarts ? told[1] : -1;
      struct sigaction action = {}, before;
      action.sa_handler = count_alarm;
      action.sa_flags = restarts ? SA_RESTART : 0;
      sigaction(SIGALRM, &action, &before);
      itimerval every = {{0, 20000}, {0, 20000}}, never = {};
      setitimer(ITIMER_REAL, &every, nullptr);
      int64_t fd = call(SYS_open, arg("fought"), O_RDWR);
      int64_t taken = take_lock(fd);
      setitimer(ITIMER_REAL, &never, nullptr);
      sigaction(SIGALRM, &before, nullptr);
      say((whole ? "flock" : "F_SETLKW") + std::string(restarts ? ", SA_RESTART" : ""), taken);
      say("its alarms", std::string(alarms >= (restarts ? 3 : 1) ? "enough" : "too few"));
      if (!restarts && write(told[1], "x", 1) != 1) return;
      waitpid(pid, nullptr, 0);
      shut({fd, held[0], held[1], told[0], told[1]});
    }
}

SUITE_PART(copies) {
  std::string text;
  for (int i = 0; i < 30000; i++) text += static_cast<char>(i * 31 % 251);
  make_file("from", text);
  int64_t from, to;
  auto open_pair = [&](int flags = 0) {
    from = call(SYS_open, arg("from"), O_RDONLY);
    to = call(SYS_open, arg("to"), O_RDWR | O_CREAT | O_TRUNC | flags, 0644);
  };
  open_pair();
  say("sendfile", call(SYS_sendfile, to, from, 0, 20000));
  say("offsets", std::to_string(call(SYS_lseek, from, 0, SEEK_CUR)) + " " +
                     std::to_string(call(SYS_lseek, to, 0, SEEK_CUR)));
  int64_t offset = 100;
  say("sendfile at an offset", call(SYS_sendfile, to, from, arg(&offset), 50));
  say("the offset", offset);
  say("the rest", call(SYS_sendfile, to, from, 0, 1 << 20));
  say("nothing left", call(SYS_sendfile, to, from, 0, 100));
  say("content", hash(read_file("to")));
  say("sendfile to a read-only descriptor", call(SYS_sendfile, from, from, 0, 10));
  shut({from, to});
  open_pair(O_APPEND);
  say("sendfile to an appending descriptor", call(SYS_sendfile, to, from, 0, 10));
  shut({from, to});
  // A file elsewhere: memory without a name.
  open_pair();
  int64_t elsewhere = call(SYS_memfd_create, arg("elsewhere"), 0);
  say("sendfile to elsewhere", call(SYS_sendfile, elsewhere, from, 0, 30000));
  call(SYS_lseek, elsewhere, 0, SEEK_SET);
  say("sendfile from elsewhere", call(SYS_sendfile, to, elsewhere, 0, 30000));
  say("content", hash(read_file("to")));
  shut({from, to, elsewhere});
  open_pair();
  say("copy_file_range", call(SYS_copy_file_range, from, 0, to, 0, 12345, 0));
  int64_t in = 5, out = 40000;
  say("with offsets", call(SYS_copy_file_range, from, arg(&in), to, arg(&out), 1000, 0));
  say("offsets", std::to_string(in) + " " + std::to_string(out));
  say("flags", call(SYS_copy_file_range, from, 0, to, 0, 10, 1));
  say("to a read-only descriptor", call(SYS_copy_file_range, to, 0, from, 0, 10, 0));
  in = 0, out = 10;
  say("overlapping", call(SYS_copy_file_range, to, arg(&in), to, arg(&out), 100, 0));
  in = 0, out = 20000;
  say("within a file", call(SYS_copy_file_range, to, arg(&in), to, arg(&out), 100, 0));
  in = 0, out = static_cast<int64_t>(read_file("to").size());
  say("to its own end", call(SYS_copy_file_range, to, arg(&in), to, arg(&out), 1 << 20, 0));
  in = -1;
  say("a negative offset", call(SYS_copy_file_range, from, arg(&in), to, arg(&out), 100, 0));
  say("content", hash(read_file("to")));
  int64_t directory = call(SYS_open, arg("."), O_RDONLY);
  say("from a directory", call(SYS_copy_file_range, directory, 0, to, 0, 10, 0));
  shut({directory, from, to});
  open_pair();
  int ends[2];
  if (pipe(ends) < 0) return;
  say("splice to a pipe", call(SYS_splice, from, 0, ends[1], 0, 5000, 0));
  say("splice from it", call(SYS_splice, ends[0], 0, to, 0, 5000, 0));
  in = 20000;
  say("splice at an offset", call(SYS_splice, from, arg(&in), ends[1], 0, 3000, 0));
  say("the offset", in);
  char buffer[3000];
  say("read of the pipe", static_cast<int64_t>(read(ends[0], buffer, sizeof buffer)));
  say("bytes", hash(std::string(buffer, 3000)));
  say("splice without a pipe", call(SYS_splice, from, 0, to, 0, 10, 0));
  say("splice with an offset for the pipe", call(SYS_splice, ends[0], arg(&in), to, 0, 10, 0));
  say("tee of a file", call(SYS_tee, from, ends[1], 10, 0));
  say("splice from an empty pipe", call(SYS_splice, ends[0], 0, to, 0, 10, SPLICE_F_NONBLOCK));
  // A pipe takes and gives all it holds in one call.
  std::string many = pattern(65536, 7);
  say("the pipe is filled", call(SYS_write, ends[1], arg(many), static_cast<int64_t>(many.size())));
  say("splice to a full pipe", call(SYS_splice, from, 0, ends[1], 0, 10, SPLICE_F_NONBLOCK));
  say("splice of all it holds", call(SYS_splice, ends[0], 0, to, 0, 1 << 20, 0));
  make_file("large", many + many);
  int64_t large = call(SYS_open, arg("large"), O_RDONLY);
  say("splice of a large file", call(SYS_splice, large, 0, ends[1], 0, 1 << 20, 0));
  shut({large});
  say("content", hash(read_file("to")));
  shut({from, to, ends[0], ends[1]});
}

SUITE_PART(passing) {
  make_file("p", "passed on");
  int64_t fd = call(SYS_open, arg("p"), O_RDWR);
  call(SYS_lseek, fd, 2, SEEK_SET);
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) return;
  char byte = 'b';
  struct {
    void* base;
    size_t size;
  } vector = {&byte, 1};
  alignas(8) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = reinterpret_cast<iovec*>(&vector);
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  int number = static_cast<int>(fd);
  memcpy(CMSG_DATA(header), &number, sizeof number);
  say("sendmsg with a descriptor", call(SYS_sendmsg, pair[0], arg(&message), 0));
  say("recvmsg", call(SYS_recvmsg, pair[1], arg(&message), 0));
  memcpy(&number, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof number);
  char buffer[16] = {};
  say("pread of what came", call(SYS_pread64, number, arg(buffer), 6, 0));
  say("text", buffer);
  struct stat a, b;
  call(SYS_fstat, fd, arg(&a));
  call(SYS_fstat, number, arg(&b));
  say("is the same file", a.st_ino == b.st_ino && a.st_dev == b.st_dev ? "yes" : "no");
  say("the sender reads on", call(SYS_read, fd, arg(buffer), 3));
  say("text", std::string(buffer, 3));
  shut({fd, number, pair[0], pair[1]});
  call(SYS_mknod, arg("fifo"), S_IFIFO | 0600, 0);
  int64_t end = call(SYS_open, arg("fifo"), O_RDWR | O_NONBLOCK);
  say("open of a FIFO", ok(end));
  char c[4] = {};
  say("write to it", call(SYS_write, end, arg("abc"), 3));
  say("read of it", call(SYS_read, end, arg(c), 3));
  say("text", c);
  shut({end});
}

}  // namespace suite
