// SPDX-License-Identifier: MIT
// Descriptor numbers, their flags, what shares an offset, names in /proc/self/fd, readiness, directories.
#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/posix/suite.h"

namespace suite {
namespace {

int64_t open_f(int flags = O_RDWR) { return call(SYS_open, arg("f"), flags); }
std::string in_top(const std::string& text) {
  return text.compare(0, top.size(), top) == 0 ? "TOP" + text.substr(top.size()) : text;
}
std::string where() {
  char buffer[4096] = {};
  int64_t r = call(SYS_getcwd, arg(buffer), sizeof buffer);
  return r < 0 ? shown(r)
               : in_top(buffer) + "/" + std::to_string(r - static_cast<int64_t>(strlen(buffer)));
}
std::string list(int64_t fd, int64_t size, bool old = false) {
  std::vector<std::string> names;
  std::vector<char> buffer(static_cast<size_t>(size));
  int64_t got;
  while ((got = call(old ? SYS_getdents : SYS_getdents64, fd, arg(buffer.data()), size)) > 0)
    for (int64_t at = 0; at < got;) {
      uint16_t length;
      memcpy(&length, &buffer[static_cast<size_t>(at + 16)], 2);
      int type =
          old ? buffer[static_cast<size_t>(at + length - 1)] : buffer[static_cast<size_t>(at + 18)];
      names.push_back(std::string(&buffer[static_cast<size_t>(at + (old ? 18 : 19))]) + "#" +
                      std::to_string(type));
      at += length;
    }
  std::sort(names.begin(), names.end());
  std::string all;
  for (auto& name : names) all += name + " ";
  return shown(got) + " " + std::to_string(names.size()) + "/" + hash(all);
}

}  // namespace

SUITE_PART(lists_longer_than_they_may_be) {
  make_file("f", "x");
  int64_t fd = open_f();
  struct rlimit limit = {200, 200};
  call(SYS_setrlimit, RLIMIT_NOFILE, arg(&limit));
  std::vector<pollfd> list(300, pollfd{static_cast<int>(fd), POLLIN, 0});
  auto touched = [&] {
    return std::count_if(list.begin(), list.end(),
                         [](const pollfd& one) { return one.revents != 0; });
  };
  for (int64_t count : {int64_t{201}, int64_t{300}, int64_t{-1}, int64_t{1} << 31}) {
    say("poll of " + std::to_string(count), call(SYS_poll, arg(list.data()), count, 0));
    say("it touched", touched());
    say("ppoll of " + std::to_string(count), call(SYS_ppoll, arg(list.data()), count, 0, 0, 0));
  }
  say("poll of 200", call(SYS_poll, arg(list.data()), 200, 0));
  say("it touched", touched());
  int64_t writer = call(SYS_open, arg("f"), O_WRONLY);
  say("mmap of nothing", call(SYS_mmap, 0, 0, PROT_READ, MAP_SHARED, writer, 0));
  say("mmap of what may not be read", call(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, writer, 0));
  shut({fd, writer});
}

SUITE_PART(waits_that_cannot_be) {
  make_file("f", "x");
  int64_t fd = open_f(), closed = open_f();
  shut({closed});
  auto select_one = [](int64_t number, int set, void* timeout) {
    fd_set sets[3];
    for (fd_set& each : sets) FD_ZERO(&each);
    FD_SET(static_cast<int>(number), &sets[set]);
    return call(SYS_select, 128, arg(&sets[0]), arg(&sets[1]), arg(&sets[2]), arg(timeout));
  };
  timeval none = {0, 0}, negative = {-1, 0}, much = {0, 5'000'000}, backwards = {0, -1};
  for (int set : {0, 1, 2}) {
    std::string claim = " in set " + std::to_string(set);
    say("select of a closed number" + claim, select_one(closed, set, &none));
    say("select of a file" + claim, select_one(fd, set, &none));
    say("with a bad address" + claim, select_one(fd, set, reinterpret_cast<void*>(8)));
    say("with a negative timeout" + claim, select_one(fd, set, &negative));
    say("with microseconds below 0" + claim, select_one(fd, set, &backwards));
  }
  say("with many microseconds", select_one(fd, 0, &much));
  timespec bad = {0, 2'000'000'000}, past = {-1, 0};
  pollfd one = {static_cast<int>(fd), POLLIN, 0};
  for (timespec* each : {&bad, &past, reinterpret_cast<timespec*>(8)}) {
    say("ppoll with a bad timeout", call(SYS_ppoll, arg(&one), 1, arg(each), 0, 0));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(static_cast<int>(fd), &set);
    say("pselect with one", call(SYS_pselect6, 128, arg(&set), 0, 0, arg(each), 0));
  }
  say("sendfile of nothing to nowhere", call(SYS_sendfile, -1, fd, 0, 0));
  int64_t reader = call(SYS_open, arg("/dev/null"), O_RDONLY);
  say("sendfile to what is open for reading", call(SYS_sendfile, reader, fd, 0, 1));
  shut({fd, reader});
}

SUITE_PART(fcntl_queries) {
  constexpr int kSameDescription = 1024 + 3;  // F_DUPFD_QUERY
  make_file("f", "x");
  int64_t a = open_f(), b = call(SYS_dup, a), c = open_f(),
          other = call(SYS_open, arg("/dev/null"), O_RDONLY);
  say("a duplicate is the same description", call(SYS_fcntl, a, kSameDescription, b));
  say("another open is not", call(SYS_fcntl, a, kSameDescription, c));
  say("nor another file", call(SYS_fcntl, a, kSameDescription, other));
  say("nor asked the other way round", call(SYS_fcntl, other, kSameDescription, a));
  say("of a closed number", call(SYS_fcntl, a, kSameDescription, 999));
  constexpr int kMade = 1024 + 4;  // F_CREATED_QUERY
  int64_t made = call(SYS_open, arg("made"), O_RDWR | O_CREAT, 0644), copy = call(SYS_dup, made),
          again = call(SYS_open, arg("made"), O_RDWR | O_CREAT, 0644),
          sole = call(SYS_open, arg("sole"), O_WRONLY | O_CREAT | O_EXCL, 0644),
          unnamed = call(SYS_open, arg("."), O_RDWR | O_TMPFILE, 0644),
          path = call(SYS_open, arg("made"), O_PATH);
  say("who made the file is told so", call(SYS_fcntl, made, kMade, 0));
  say("and by a duplicate", call(SYS_fcntl, copy, kMade, 0));
  say("and with O_EXCL", call(SYS_fcntl, sole, kMade, 0));
  say("whatever the argument", call(SYS_fcntl, made, kMade, 77));
  say("who found it is not", call(SYS_fcntl, again, kMade, 0));
  say("nor who opened it without O_CREAT", call(SYS_fcntl, a, kMade, 0));
  say("of a file without a name", call(SYS_fcntl, unnamed, kMade, 0));
  say("of an O_PATH descriptor", call(SYS_fcntl, path, kMade, 0));
  say("an O_PATH descriptor is itself", call(SYS_fcntl, path, kSameDescription, path));
  say("and not the file's", call(SYS_fcntl, path, kSameDescription, made));
  say("F_GETFL does not show it", call(SYS_fcntl, made, F_GETFL));
  call(SYS_fcntl, made, F_SETFL, O_APPEND);
  say("F_SETFL does not take it away", call(SYS_fcntl, made, kMade, 0));
  shut({made, copy, again, sole, unnamed, path});
  for (int command : {13, 99, 1500, -1})
    say("command " + std::to_string(command), call(SYS_fcntl, a, command, 0));
  say("no lease is held", call(SYS_fcntl, a, F_GETLEASE));
  say("none can be given back", call(SYS_fcntl, a, F_SETLEASE, F_UNLCK));
  say("a lease of a kind there is not", call(SYS_fcntl, a, F_SETLEASE, 77));
  shut({a, b, c, other});
}

SUITE_PART(numbers) {
  make_file("f", "0123456789");
  int64_t first = open_f(), a = open_f(), b = open_f(), c = open_f();
  say("the first number", first);
  say("numbers follow each other", std::to_string(a - first) + " " + std::to_string(b - first) +
                                       " " + std::to_string(c - first));
  call(SYS_close, a);
  say("a closed number is given again", (a = open_f()) - first);
  shut({b, a});
  say("the lower of two", (a = open_f()) - first);
  say("then the higher", (b = open_f()) - first);
  call(SYS_close, b);
  int64_t outside = call(SYS_open, arg("/dev/null"), O_RDONLY);
  say("a file elsewhere takes the lowest too", outside - first);
  call(SYS_close, a);
  int ends[2];
  say("pipe2", call(SYS_pipe2, arg(ends), 0));
  say("takes the lowest first",
      std::to_string(ends[0] - first) + " " + std::to_string(ends[1] - first));
  call(SYS_close, outside);
  say("after a file elsewhere is closed its number is free for ours", (a = open_f()) - first);
  shut({ends[0], ends[1]});
  say("dup takes the lowest", call(SYS_dup, a) - first);
  say("F_DUPFD 20", call(SYS_fcntl, a, F_DUPFD, 20));
  say("F_DUPFD 20 again", call(SYS_fcntl, a, F_DUPFD, 20));
  call(SYS_close, 20);
  say("F_DUPFD_CLOEXEC 20 when 20 was closed", call(SYS_fcntl, a, F_DUPFD_CLOEXEC, 20));
  say("its flag", call(SYS_fcntl, 20, F_GETFD));
  say("F_DUPFD 0", call(SYS_fcntl, a, F_DUPFD, 0) - first);
  say("F_DUPFD -1", call(SYS_fcntl, a, F_DUPFD, -1));
  say("F_DUPFD beyond the limit", call(SYS_fcntl, a, F_DUPFD, 100000));
  say("dup2 to 30", call(SYS_dup2, a, 30));
  say("dup2 to itself", call(SYS_dup2, a, a) - a);
  say("dup2 of a bad one to itself", call(SYS_dup2, 500, 500));
  say("dup2 of a bad one", call(SYS_dup2, 500, 30));
  say("the target is still open", call(SYS_fcntl, 30, F_GETFD));
  say("dup2 to a negative number", call(SYS_dup2, a, -1));
  say("dup2 beyond the limit", call(SYS_dup2, a, 1024));
  say("dup2 beyond everything", call(SYS_dup2, a, 10000000));
  say("dup3 to itself", call(SYS_dup3, a, a, 0));
  say("dup3 with close-on-exec", call(SYS_dup3, a, 31, O_CLOEXEC));
  say("its flag", call(SYS_fcntl, 31, F_GETFD));
  say("dup3 with other flags", call(SYS_dup3, a, 31, O_APPEND));
  say("dup2 clears close-on-exec", (call(SYS_dup2, a, 31), call(SYS_fcntl, 31, F_GETFD)));
  int64_t null = call(SYS_open, arg("/dev/null"), O_RDWR);
  say("dup2 of a file elsewhere onto ours", call(SYS_dup2, null, 31));
  say("which now takes what is written", call(SYS_write, 31, arg("abc"), 3));
  say("dup2 of ours onto a file elsewhere", call(SYS_dup2, a, null) - null);
  char buffer[16] = {};
  say("which now reads as ours", call(SYS_read, null, arg(buffer), 3));
  say("text", buffer);
  say("the offset is shared", call(SYS_lseek, a, 0, SEEK_CUR));
  say("and with 30", call(SYS_lseek, 30, 0, SEEK_CUR));
  int64_t own = open_f();
  say("another open has its own", call(SYS_lseek, own, 0, SEEK_CUR));
  say("close of 30", call(SYS_close, 30));
  say("close of 30 again", call(SYS_close, 30));
  say("read of 30", call(SYS_read, 30, arg(buffer), 1));
  say("close of -1", call(SYS_close, -1));
  say("close of 100000", call(SYS_close, 100000));
  struct stat s;
  say("fstat of a closed number", call(SYS_fstat, 30, arg(&s)));
  say("close_range 5 4", call(SYS_close_range, 5, 4, 0));
  say("close_range bad flags", call(SYS_close_range, 5, 6, 64));
  say("close_range with close-on-exec", call(SYS_close_range, 3, 4, CLOSE_RANGE_CLOEXEC));
  say("sets the flag", call(SYS_fcntl, 3, F_GETFD));
  say("close_range 3 to the end", call(SYS_close_range, 3, ~0u, 0));
  say("leaves nothing", call(SYS_fcntl, 3, F_GETFD));
  say("and nothing at 20", call(SYS_fcntl, 20, F_GETFD));
  say("open after it", (a = open_f()));
  call(SYS_close, 0);
  say("open after close of 0", (b = open_f()));
  call(SYS_close, a);
  null = call(SYS_open, arg("/dev/null"), O_RDONLY);
  call(SYS_dup2, null, 0);
  shut({null});
}

SUITE_PART(many_numbers) {
  make_file("f", "0123456789");
  std::vector<int64_t> all;
  int64_t fd;
  while ((fd = open_f()) >= 0) all.push_back(fd);
  say("too many open files", fd);
  say("how many there are", static_cast<int64_t>(all.size() > 900 ? 900 : all.size()));
  say("dup when all are taken", call(SYS_dup, all[0]));
  say("open elsewhere when all are taken", call(SYS_open, arg("/dev/null"), O_RDONLY));
  call(SYS_close, all[100]);
  say("one closed, one open", open_f() - all[100]);
  for (size_t i = 1; i < all.size(); i++) call(SYS_close, all[i]);
  fd = open_f();
  say("numbers start anew", fd - all[1]);
  shut({fd});
  struct rlimit limit, old;
  getrlimit(RLIMIT_NOFILE, &old);
  limit = {20, old.rlim_max};
  setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<int64_t> few;
  while ((fd = open_f()) >= 0) few.push_back(fd);
  say("with a limit of 20", fd);
  say("the last number", few.empty() ? -1 : few.back());
  for (int64_t each : few) call(SYS_close, each);
  setrlimit(RLIMIT_NOFILE, &old);
  shut({all[0]});
}

SUITE_PART(open_flags) {
  const int flags[] = {O_APPEND,   O_NONBLOCK, O_SYNC,  O_DSYNC, O_DIRECT, O_NOATIME,  O_CLOEXEC,
                       O_NOFOLLOW, O_NOCTTY,   O_TRUNC, O_EXCL,  1 << 28,  O_LARGEFILE};
  for (int access : {O_RDONLY, O_WRONLY, O_RDWR})
    for (int flag : flags) {
      make_file("f", "0123456789");
      int64_t fd = open_f(access | flag);
      std::string claim = "access " + std::to_string(access) + " flag " + std::to_string(flag);
      say("open " + claim, ok(fd));
      if (fd < 0) continue;
      say("F_GETFL " + claim, call(SYS_fcntl, fd, F_GETFL));
      say("F_GETFD " + claim, call(SYS_fcntl, fd, F_GETFD));
      say("content " + claim, read_file("f"));
      shut({fd});
    }
  int64_t fd = open_f();
  for (int flag : flags) {
    say("F_SETFL " + std::to_string(flag), call(SYS_fcntl, fd, F_SETFL, flag));
    say("then F_GETFL", call(SYS_fcntl, fd, F_GETFL));
  }
  say("F_SETFD 1", call(SYS_fcntl, fd, F_SETFD, 1));
  say("F_GETFD", call(SYS_fcntl, fd, F_GETFD));
  say("FIONCLEX", call(SYS_ioctl, fd, 0x5450));
  say("F_GETFD", call(SYS_fcntl, fd, F_GETFD));
  say("FIOCLEX", call(SYS_ioctl, fd, 0x5451));
  say("F_GETFD", call(SYS_fcntl, fd, F_GETFD));
  int left = -1;
  call(SYS_lseek, fd, 4, SEEK_SET);
  say("FIONREAD", call(SYS_ioctl, fd, 0x541B, arg(&left)));
  say("its answer", left);
  say("F_GETPIPE_SZ", call(SYS_fcntl, fd, 1032));
  shut({fd});
  for (int how :
       {O_PATH, O_PATH | O_NOFOLLOW, O_PATH | O_DIRECTORY, O_PATH | O_RDWR, O_PATH | O_CREAT}) {
    fd = open_f(how);
    say("open " + std::to_string(how), ok(fd));
    if (fd < 0) continue;
    say("F_GETFL of it", call(SYS_fcntl, fd, F_GETFL));
    int64_t copy = call(SYS_dup, fd);
    say("dup of it", ok(copy));
    shut({copy, fd});
  }
}

SUITE_PART(descriptor_names) {
  make_file("f", "0123456789");
  call(SYS_mkdir, arg("d"), 0755);
  make_file("d/g", "in d");
  int64_t fd = open_f(), directory = call(SYS_open, arg("d"), O_RDONLY | O_DIRECTORY);
  struct stat s;
  for (const char* base : {"/proc/self/fd/", "/dev/fd/", "/proc/thread-self/fd/"})
    for (int64_t which : {fd, directory}) {
      std::string name = base + std::to_string(which),
                  claim = std::string(base) + (which == fd ? "FILE" : "DIRECTORY");
      char target[4096] = {};
      int64_t r = call(SYS_readlink, arg(name), arg(target), sizeof target);
      say("readlink " + claim,
          r < 0 ? shown(r) : in_top(std::string(target, static_cast<size_t>(r))));
      r = call(SYS_stat, arg(name), arg(&s));
      say("stat " + claim, r < 0 ? shown(r) : std::to_string(s.st_mode));
      r = call(SYS_lstat, arg(name), arg(&s));
      say("lstat " + claim, r < 0 ? shown(r) : std::to_string(s.st_mode & S_IFMT));
      int64_t again = call(SYS_open, arg(name), O_RDONLY);
      say("open " + claim, ok(again));
      if (again >= 0) {
        char buffer[16] = {};
        say("read of it", call(SYS_read, again, arg(buffer), 4));
        say("the offset is its own", call(SYS_lseek, which, 0, SEEK_CUR));
        shut({again});
      }
      say("access " + claim, call(SYS_access, arg(name), 4));
      say("stat below " + claim, call(SYS_stat, arg(name + "/g"), arg(&s)));
      say("open nofollow " + claim, ok(call(SYS_open, arg(name), O_RDONLY | O_NOFOLLOW)));
    }
  say("chmod through a name", call(SYS_chmod, arg("/proc/self/fd/" + std::to_string(fd)), 0600));
  call(SYS_stat, arg("f"), arg(&s));
  say("reaches the file", static_cast<int64_t>(s.st_mode));
  shut({fd, directory});
}

SUITE_PART(readiness) {
  make_file("f", "0123456789");
  int64_t fd = open_f(), directory = call(SYS_open, arg("."), O_RDONLY),
          path = call(SYS_open, arg("f"), O_PATH);
  int ends[2];
  if (pipe(ends) < 0) return;
  for (int events : {POLLIN, POLLOUT, POLLIN | POLLOUT, POLLPRI, 0, 0x7fff})
    for (int64_t which : {fd, path, int64_t(999), int64_t(-1)}) {
      pollfd one = {static_cast<int>(which), static_cast<short>(events), 0};
      std::string claim = std::to_string(events) + " on " +
                          (which == fd     ? "a file"
                           : which == path ? "O_PATH"
                           : which < 0     ? "-1"
                                           : "a bad one");
      say("poll " + claim, call(SYS_poll, arg(&one), 1, 0));
      say("revents", one.revents);
    }
  pollfd two[2] = {{static_cast<int>(fd), POLLIN, 0}, {ends[0], POLLIN, 0}};
  say("poll of a file and an empty pipe does not wait", call(SYS_poll, arg(two), 2, -1));
  say("revents", std::to_string(two[0].revents) + " " + std::to_string(two[1].revents));
  if (write(ends[1], "x", 1) == 1) say("and of a full one", call(SYS_poll, arg(two), 2, -1));
  fd_set in, out, other;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_ZERO(&other);
  FD_SET(fd, &in);
  FD_SET(ends[0], &in);
  FD_SET(fd, &out);
  FD_SET(fd, &other);
  say("select", call(SYS_select, 64, arg(&in), arg(&out), arg(&other), 0));
  say("sets", std::to_string(FD_ISSET(fd, &in)) + std::to_string(FD_ISSET(ends[0], &in)) +
                  std::to_string(FD_ISSET(fd, &out)) + std::to_string(FD_ISSET(fd, &other)));
  int64_t epoll = call(SYS_epoll_create1, 0);
  epoll_event event = {};
  event.events = EPOLLIN;
  say("epoll of a file", call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, fd, arg(&event)));
  say("epoll of a directory", call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, directory, arg(&event)));
  say("epoll on a file", call(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, ends[0], arg(&event)));
  shut({fd, directory, path, epoll, ends[0], ends[1]});
}

SUITE_PART(listing) {
  call(SYS_mkdir, arg("many"), 0755);
  for (int i = 0; i < 300; i++)
    make_file("many/" +
              std::string(static_cast<size_t>(1 + i % 200), static_cast<char>('a' + i % 26)) +
              std::to_string(i));
  call(SYS_mkdir, arg("many/sub"), 0755);
  call(SYS_symlink, arg("x"), arg("many/link"));
  call(SYS_mknod, arg("many/fifo"), S_IFIFO | 0600, 0);
  for (int64_t size : {24, 32, 100, 280, 1000, 4096, 32768}) {
    int64_t fd = call(SYS_open, arg("many"), O_RDONLY | O_DIRECTORY);
    std::string first = list(fd, size);
    // Which name does not fit depends on the order, which is each file system's own.
    if (size >= 280 || size == 24)
      say("getdents64 with " + std::to_string(size), size == 24 ? first.substr(0, 6) : first);
    call(SYS_lseek, fd, 0, SEEK_SET);
    if (size >= 280) say("again after a rewind", list(fd, size));
    call(SYS_lseek, fd, 0, SEEK_SET);
    if (size >= 280) say("the old getdents", list(fd, size, true));
    shut({fd});
  }
  DIR* stream = opendir("many");
  dirent* entry;
  for (int i = 0; i < 100 && (entry = readdir(stream)); i++) {
  }
  long place = telldir(stream);
  std::vector<std::string> rest, rest_again;
  while ((entry = readdir(stream))) rest.push_back(entry->d_name);
  seekdir(stream, place);
  while ((entry = readdir(stream))) rest_again.push_back(entry->d_name);
  say("seekdir goes back to the very entry", rest == rest_again ? "yes" : "no");
  say("the rest", static_cast<int64_t>(rest.size()));
  // Removing what was listed must not hide what was not.
  rewinddir(stream);
  int removed = 0;
  while ((entry = readdir(stream))) {
    std::string name = entry->d_name;
    if (name != "." && name != ".." && call(SYS_unlink, arg("many/" + name)) == 0) removed++;
  }
  say("removing while listing removes all", removed);
  rewinddir(stream);
  int left = 0;
  while (readdir(stream)) left++;
  say("what is left", left);
  closedir(stream);
  int64_t fd = call(SYS_open, arg("many"), O_RDONLY);
  make_file("many/later");
  say("a name made after open is listed", list(fd, 4096));
  shut({fd});
  struct stat s;
  call(SYS_stat, arg("many"), arg(&s));
  say("links of a directory", static_cast<int64_t>(s.st_nlink));
}

SUITE_PART(working_directory) {
  call(SYS_mkdir, arg("a"), 0755);
  call(SYS_mkdir, arg("a/b"), 0755);
  call(SYS_symlink, arg("a/b"), arg("l"));
  say("at the top", where());
  say("chdir a/b", call(SYS_chdir, arg("a/b")));
  say("then", where());
  say("chdir ..", call(SYS_chdir, arg("..")));
  say("then", where());
  say("chdir ../l", call(SYS_chdir, arg("../l")));
  say("then", where());
  make_file("made here", "x");
  say("a relative file", read_file(top + "/a/b/made here"));
  char small[4];
  say("getcwd in 4 bytes", call(SYS_getcwd, arg(small), 4));
  say("getcwd in 0 bytes", call(SYS_getcwd, arg(small), 0));
  say("rename of the directory above", call(SYS_rename, arg(top + "/a"), arg(top + "/renamed")));
  say("then", where());
  struct stat s;
  say("stat of a relative name", call(SYS_stat, arg("made here"), arg(&s)));
  say("chdir ..", call(SYS_chdir, arg("..")));
  say("then", where());
  call(SYS_mkdir, arg("gone"), 0755);
  call(SYS_chdir, arg("gone"));
  say("rmdir of the working directory", call(SYS_rmdir, arg("../gone")));
  say("getcwd", where());
  say("open of a name in it", call(SYS_open, arg("x"), O_CREAT | O_RDWR, 0600));
  go_to_top();
  say("chdir away", call(SYS_chdir, arg("/")));
  say("relative from there", call(SYS_stat, arg("dev/null"), arg(&s)));
  say("relative to the top from there", call(SYS_stat, arg(top.substr(1) + "/renamed"), arg(&s)));
  int64_t fd = call(SYS_open, arg("." + top + "/renamed/b/made here"), O_RDONLY);
  say("open relative from there", ok(fd));
  shut({fd});
  say("chdir relative from there", call(SYS_chdir, arg("." + top + "/renamed/b")));
  say("then", where());
  fd = call(SYS_open, arg(top), O_RDONLY | O_DIRECTORY);
  say("fchdir", call(SYS_fchdir, fd));
  say("then", where());
  shut({fd});
}

}  // namespace suite
