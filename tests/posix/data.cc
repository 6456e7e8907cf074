// SPDX-License-Identifier: MIT
// Reading, writing, seeking, sizes, ranges.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vector>

#include "tests/posix/suite.h"

namespace suite {
namespace {

int64_t size_of(int64_t fd) {
  struct stat s;
  int64_t r = call(SYS_fstat, fd, arg(&s));
  return r ? r : s.st_size;
}

std::string content(int64_t fd) {
  std::string all;
  static char buffer[65536];
  int64_t got, at = 0;
  while ((got = call(SYS_pread64, fd, arg(buffer), sizeof buffer, at)) > 0) {
    all.append(buffer, static_cast<size_t>(got));
    at += got;
  }
  return std::to_string(all.size()) + "/" + hash(all);
}

const size_t kSizes[] = {0,    1,     7,     100,   4095,   4096,   4097,
                         8192, 12289, 65536, 65537, 131072, 1048577};

int signals;
void count_signal(int) { signals++; }

}  // namespace

SUITE_PART(data_sizes) {
  for (size_t size : kSizes)
    for (size_t offset : {0ul, 1ul, 4095ul, 4096ul, 10000ul, 5000000ul}) {
      std::string text = pattern(size, 3),
                  claim = std::to_string(size) + " bytes at " + std::to_string(offset);
      int64_t fd = call(SYS_open, arg("data"), O_RDWR | O_CREAT | O_TRUNC, 0644);
      say("pwrite " + claim, call(SYS_pwrite64, fd, arg(text.data()), static_cast<int64_t>(size),
                                  static_cast<int64_t>(offset)));
      say("size after pwrite " + claim, size_of(fd));
      std::string back(size + 10, '?');
      int64_t got = call(SYS_pread64, fd, arg(back.data()), static_cast<int64_t>(back.size()),
                         static_cast<int64_t>(offset));
      say("pread " + claim, got);
      say("same bytes " + claim,
          got >= 0 && back.substr(0, static_cast<size_t>(got)) == text ? "yes" : "no");
      say("content " + claim, content(fd));
      say("offset untouched " + claim, call(SYS_lseek, fd, 0, SEEK_CUR));
      shut({fd});
    }
}

SUITE_PART(data_stream) {
  int64_t fd = call(SYS_open, arg("stream"), O_RDWR | O_CREAT, 0644);
  for (size_t size : kSizes) {
    std::string text = pattern(size, 9);
    say("write " + std::to_string(size),
        call(SYS_write, fd, arg(text.data()), static_cast<int64_t>(size)));
    say("offset", call(SYS_lseek, fd, 0, SEEK_CUR));
  }
  say("content", content(fd));
  call(SYS_lseek, fd, 0, SEEK_SET);
  std::string buffer(2000000, 0);
  for (size_t size : kSizes) {
    say("read " + std::to_string(size),
        call(SYS_read, fd, arg(buffer.data()), static_cast<int64_t>(size)));
    say("its bytes", hash(buffer.substr(0, size)));
  }
  say("read at the end", call(SYS_read, fd, arg(buffer.data()), 100));
  say("pread beyond the end", call(SYS_pread64, fd, arg(buffer.data()), 100, 1 << 30));
  say("pread at a negative offset", call(SYS_pread64, fd, arg(buffer.data()), 100, -1));
  say("pwrite at a negative offset", call(SYS_pwrite64, fd, arg(buffer.data()), 100, -5));
  say("pread far beyond", call(SYS_pread64, fd, arg(buffer.data()), 100, INT64_MAX));
  shut({fd});
  for (int flags : {O_RDONLY, O_WRONLY, O_RDWR}) {
    fd = call(SYS_open, arg("stream"), flags);
    std::string mode = std::to_string(flags);
    say("read with access mode " + mode, call(SYS_read, fd, arg(buffer.data()), 5));
    say("write with access mode " + mode, call(SYS_write, fd, arg("abc"), 3));
    say("pread with access mode " + mode, call(SYS_pread64, fd, arg(buffer.data()), 5, 0));
    say("write of nothing with access mode " + mode, call(SYS_write, fd, arg("abc"), 0));
    say("read of nothing with access mode " + mode, call(SYS_read, fd, arg(buffer.data()), 0));
    say("ftruncate with access mode " + mode, call(SYS_ftruncate, fd, 1000));
    say("fallocate with access mode " + mode, call(SYS_fallocate, fd, 0, 0, 10));
    shut({fd});
  }
}

SUITE_PART(data_vectors) {
  int64_t fd = call(SYS_open, arg("v"), O_RDWR | O_CREAT, 0644);
  std::string a = pattern(5, 1), b = pattern(5000, 2), c = pattern(70000, 3);
  iovec three[3] = {{a.data(), a.size()}, {b.data(), b.size()}, {c.data(), c.size()}};
  say("writev", call(SYS_writev, fd, arg(three), 3));
  say("pwritev at 10", call(SYS_pwritev, fd, arg(three), 3, 10, 0));
  say("pwritev2 at -1", call(SYS_pwritev2, fd, arg(three), 1, -1, -1, 0));
  say("content", content(fd));
  std::string x(3, 0), y(4000, 0), z(100000, 0);
  iovec back[3] = {{x.data(), x.size()}, {y.data(), y.size()}, {z.data(), z.size()}};
  say("preadv at 2", call(SYS_preadv, fd, arg(back), 3, 2, 0));
  say("its bytes", hash(x + y + z));
  call(SYS_lseek, fd, 0, SEEK_SET);
  say("readv", call(SYS_readv, fd, arg(back), 2));
  say("its bytes", hash(x + y));
  say("offset", call(SYS_lseek, fd, 0, SEEK_CUR));
  say("preadv2 at -1 moves the offset", call(SYS_preadv2, fd, arg(back), 1, -1, -1, 0));
  say("offset", call(SYS_lseek, fd, 0, SEEK_CUR));
  say("readv of no vector", call(SYS_readv, fd, 0, 0));
  std::vector<iovec> many(1025);
  say("readv of 1024 vectors of nothing", call(SYS_readv, fd, arg(many.data()), 1024));
  say("readv of 1025 vectors", call(SYS_readv, fd, arg(many.data()), 1025));
  say("readv of a negative count", call(SYS_readv, fd, arg(back), -1));
  iovec negative[2] = {{x.data(), 3}, {y.data(), static_cast<size_t>(-1)}};
  say("readv with a negative length", call(SYS_readv, fd, arg(negative), 2));
  say("preadv at a negative offset", call(SYS_preadv, fd, arg(back), 1, -1, 0));
  say("pwritev at a negative offset", call(SYS_pwritev, fd, arg(back), 1, -2, 0));
  for (int flags : {0, 1, 2, 4, 8, 16, 32, 48, 64, 128, 256, 1 << 30})
    say("preadv2 with flags " + std::to_string(flags),
        call(SYS_preadv2, fd, arg(back), 1, 0, 0, flags));
  for (int flags : {0, 1, 2, 4, 16, 64, 128, 256, 1 << 30}) {
    say("pwritev2 with flags " + std::to_string(flags),
        call(SYS_pwritev2, fd, arg(three), 1, 0, 0, flags));
    say("size after it", size_of(fd));
  }
  iovec mixed[3] = {{x.data(), 3}, {nullptr, 0}, {y.data(), 10}};
  say("preadv with an empty null piece", call(SYS_preadv, fd, arg(mixed), 3, 0, 0));
  shut({fd});
}

SUITE_PART(data_append) {
  int64_t a = call(SYS_open, arg("log"), O_RDWR | O_CREAT | O_APPEND, 0644),
          b = call(SYS_open, arg("log"), O_RDWR);
  say("append", call(SYS_write, a, arg("one"), 3));
  say("write elsewhere", call(SYS_write, b, arg("XXXXXX"), 6));
  say("append again", call(SYS_write, a, arg("two"), 3));
  say("offset after append", call(SYS_lseek, a, 0, SEEK_CUR));
  say("content", read_file("log"));
  call(SYS_lseek, a, 0, SEEK_SET);
  say("append from offset 0", call(SYS_write, a, arg("three"), 5));
  say("offset", call(SYS_lseek, a, 0, SEEK_CUR));
  say("pwrite appends on Linux", call(SYS_pwrite64, a, arg("four"), 4, 0));
  say("offset is not moved by it", call(SYS_lseek, a, 0, SEEK_CUR));
  say("content", read_file("log"));
  say("O_APPEND off", call(SYS_fcntl, a, F_SETFL, 0));
  call(SYS_lseek, a, 0, SEEK_SET);
  say("write at 0", call(SYS_write, a, arg("zero"), 4));
  say("O_APPEND on", call(SYS_fcntl, a, F_SETFL, O_APPEND));
  say("flags", call(SYS_fcntl, a, F_GETFL));
  say("append", call(SYS_write, a, arg("end"), 3));
  say("content", read_file("log"));
  int64_t copy = call(SYS_dup, a);
  say("flags are the description's", call(SYS_fcntl, copy, F_GETFL));
  call(SYS_fcntl, copy, F_SETFL, 0);
  say("so is a change of them", call(SYS_fcntl, a, F_GETFL));
  shut({a, b, copy});
}

SUITE_PART(seek) {
  make_file("s", std::string(100, 's'));
  call(SYS_mkdir, arg("dir"), 0755);
  int64_t file = call(SYS_open, arg("s"), O_RDWR), directory = call(SYS_open, arg("dir"), O_RDONLY);
  for (int whence = -1; whence <= 6; whence++)
    for (int64_t offset : {0l, 1l, 50l, 99l, 100l, 101l, -1l, -100l, -101l, 1l << 40, INT64_MAX,
                           INT64_MAX - 1, INT64_MIN}) {
      std::string claim = "whence " + std::to_string(whence) + " offset " + std::to_string(offset);
      call(SYS_lseek, file, 10, SEEK_SET);
      say("file " + claim, call(SYS_lseek, file, offset, whence));
      say("then at", call(SYS_lseek, file, 0, SEEK_CUR));
      call(SYS_lseek, directory, 0, SEEK_SET);
      if (offset <= 0 && whence < SEEK_END)
        say("directory " + claim, call(SYS_lseek, directory, offset, whence));
    }
  shut({file, directory});
  // Pages 0, 4, 5 and 300 hold data.
  int64_t fd = call(SYS_open, arg("sparse"), O_RDWR | O_CREAT, 0644);
  std::string page = pattern(4096, 5);
  for (int64_t at : {0, 4, 5, 300}) call(SYS_pwrite64, fd, arg(page.data()), 4096, at * 4096);
  call(SYS_ftruncate, fd, 400 * 4096 + 17);
  for (int64_t at :
       {0l, 1l, 4095l, 4096l, 8192l, 16383l, 16384l, 20000l, 24576l, 300l * 4096, 301l * 4096,
        400l * 4096, 400l * 4096 + 16, 400l * 4096 + 17, 400l * 4096 + 18, -1l}) {
    say("SEEK_DATA " + std::to_string(at), call(SYS_lseek, fd, at, SEEK_DATA));
    say("SEEK_HOLE " + std::to_string(at), call(SYS_lseek, fd, at, SEEK_HOLE));
  }
  shut({fd});
}

SUITE_PART(truncate) {
  std::string text = pattern(20000, 8);
  for (int64_t from : {0l, 100l, 4096l, 5000l, 20000l})
    for (int64_t to : {0l, 1l, 99l, 4095l, 4096l, 4097l, 8192l, 30000l, 3000000l}) {
      int64_t fd = call(SYS_open, arg("t"), O_RDWR | O_CREAT | O_TRUNC, 0644);
      call(SYS_write, fd, arg(text.data()), from);
      std::string claim = std::to_string(from) + " to " + std::to_string(to);
      say("ftruncate " + claim, call(SYS_ftruncate, fd, to));
      say("content " + claim, content(fd));
      // What was cut off must not come back.
      call(SYS_ftruncate, fd, 25000);
      say("content grown again " + claim, content(fd));
      say("offset stays", call(SYS_lseek, fd, 0, SEEK_CUR));
      shut({fd});
    }
  int64_t fd = call(SYS_open, arg("t"), O_RDONLY);
  say("ftruncate of a read-only descriptor", call(SYS_ftruncate, fd, 0));
  shut({fd});
  fd = call(SYS_open, arg("t"), O_RDWR);
  say("ftruncate to a negative size", call(SYS_ftruncate, fd, -1));
  shut({fd});
}

SUITE_PART(ranges) {
  for (int mode : {0, 1, 2, 3, 8, 9, 16, 17, 32, 33, 64, 128})
    for (int64_t offset : {0l, 1l, 4096l, 5000l, 8192l, 19000l, 40960l, -1l})
      for (int64_t size : {0l, 1l, 4096l, 8192l, 12000l, -1l}) {
        int64_t fd = call(SYS_open, arg("r"), O_RDWR | O_CREAT | O_TRUNC, 0644);
        std::string text = pattern(20480, 4);
        call(SYS_write, fd, arg(text.data()), static_cast<int64_t>(text.size()));
        int64_t r = call(SYS_fallocate, fd, mode, offset, size);
        say("fallocate mode " + std::to_string(mode) + " offset " + std::to_string(offset) +
                " size " + std::to_string(size),
            shown(r) + " " + content(fd));
        shut({fd});
      }
  int64_t fd = call(SYS_open, arg("r"), O_RDWR | O_CREAT | O_TRUNC, 0644);
  say("fallocate beyond everything", call(SYS_fallocate, fd, 0, INT64_MAX - 10, 100));
  shut({fd});
}

SUITE_PART(unlinked) {
  make_file("u", "still here");
  int64_t fd = call(SYS_open, arg("u"), O_RDWR);
  say("unlink of an open file", call(SYS_unlink, arg("u")));
  struct stat s;
  say("fstat of it", call(SYS_fstat, fd, arg(&s)));
  say("links", static_cast<int64_t>(s.st_nlink));
  char b[32];
  say("read of it", call(SYS_read, fd, arg(b), sizeof b));
  say("write to it", call(SYS_write, fd, arg("more"), 4));
  say("a new file of its name is another", (make_file("u", "new"), read_file("u")));
  say("its content", content(fd));
  say("linkat by descriptor of what had a name",
      call(SYS_linkat, fd, arg(""), AT_FDCWD, arg("again"), AT_EMPTY_PATH));
  shut({fd});
  fd = call(SYS_open, arg("."), O_RDWR | O_TMPFILE, 0600);
  say("O_TMPFILE", ok(fd));
  say("write", call(SYS_write, fd, arg("nameless"), 8));
  say("links of O_TMPFILE", (call(SYS_fstat, fd, arg(&s)), static_cast<int64_t>(s.st_nlink)));
  say("mode of O_TMPFILE", static_cast<int64_t>(s.st_mode));
  say("linkat gives it a name",
      call(SYS_linkat, fd, arg(""), AT_FDCWD, arg("named"), AT_EMPTY_PATH));
  say("content under that name", read_file("named"));
  say("linkat again", call(SYS_linkat, fd, arg(""), AT_FDCWD, arg("named2"), AT_EMPTY_PATH));
  shut({fd});
  fd = call(SYS_open, arg("."), O_RDWR | O_TMPFILE | O_EXCL, 0600);
  say("O_TMPFILE|O_EXCL can have no name",
      call(SYS_linkat, fd, arg(""), AT_FDCWD, arg("named3"), AT_EMPTY_PATH));
  shut({fd});
  fd = call(SYS_open, arg("."), O_WRONLY | O_TMPFILE, 0600);
  std::string name = "/proc/self/fd/" + std::to_string(fd);
  say("linkat through /proc/self/fd",
      call(SYS_linkat, AT_FDCWD, arg(name), AT_FDCWD, arg("named4"), AT_SYMLINK_FOLLOW));
  shut({fd});
  call(SYS_mkdir, arg("gone"), 0755);
  int64_t directory = call(SYS_open, arg("gone"), O_RDONLY);
  say("rmdir of an open directory", call(SYS_rmdir, arg("gone")));
  say("openat in it", call(SYS_openat, directory, arg("x"), O_RDWR | O_CREAT, 0600));
  say("mkdirat in it", call(SYS_mkdirat, directory, arg("x"), 0700));
  say("fstatat . in it", call(SYS_newfstatat, directory, arg("."), arg(&s), 0));
  say("getdents64 of it", call(SYS_getdents64, directory, arg(b), sizeof b));
  say("fstat of it", call(SYS_fstat, directory, arg(&s)));
  say("its links", static_cast<int64_t>(s.st_nlink));
  shut({directory});
}

SUITE_PART(size_limit) {
  struct sigaction action = {};
  action.sa_handler = count_signal;
  sigaction(SIGXFSZ, &action, nullptr);
  struct rlimit limit, old;
  getrlimit(RLIMIT_FSIZE, &old);
  limit = {5000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  signals = 0;
  int64_t fd = call(SYS_open, arg("limited"), O_RDWR | O_CREAT, 0644);
  std::string text = pattern(10000, 1);
  say("write up to the limit", call(SYS_write, fd, arg(text.data()), 10000));
  say("signals", signals);
  say("write at the limit", call(SYS_write, fd, arg(text.data()), 1));
  say("signals", signals);
  say("pwrite beyond it", call(SYS_pwrite64, fd, arg(text.data()), 1, 6000));
  say("pwrite across it", call(SYS_pwrite64, fd, arg(text.data()), 100, 4950));
  say("ftruncate beyond it", call(SYS_ftruncate, fd, 5001));
  say("ftruncate to it", call(SYS_ftruncate, fd, 5000));
  say("truncate beyond it", call(SYS_truncate, arg("limited"), 6000));
  say("fallocate beyond it", call(SYS_fallocate, fd, 0, 0, 6000));
  say("signals", signals);
  setrlimit(RLIMIT_FSIZE, &old);
  say("write without a limit", call(SYS_write, fd, arg(text.data()), 10));
  shut({fd});
}

}  // namespace suite
