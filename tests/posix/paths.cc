// SPDX-License-Identifier: MIT
// Every call that takes a path, on every kind of path: what it answers and what it leaves behind.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include <functional>
#include <vector>

#include "tests/posix/suite.h"

namespace suite {
namespace {

// One directory with one of everything.
void fixture() {
  fresh();
  make_file("f", "content");
  call(SYS_mkdir, arg("d"), 0755);
  make_file("d/inner", "inner");
  call(SYS_mkdir, arg("d/sub"), 0755);
  call(SYS_mkdir, arg("empty"), 0755);
  call(SYS_symlink, arg("f"), arg("to_f"));
  call(SYS_symlink, arg("d"), arg("to_d"));
  call(SYS_symlink, arg("missing"), arg("dangling"));
  call(SYS_symlink, arg("loop2"), arg("loop1"));
  call(SYS_symlink, arg("loop1"), arg("loop2"));
  call(SYS_symlink, arg("d/inner"), arg("to_inner"));
  call(SYS_symlink, arg("to_d/sub"), arg("to_sub"));
  call(SYS_symlink, arg("missing_dir/x"), arg("to_lacking"));
  call(SYS_mknod, arg("fifo"), S_IFIFO | 0644, 0);
}

// None of them leads above the suite's own directory.
std::vector<std::string> forms() {
  return {
      "f",         "./f",       "f/",      "f/.",     "f/x",         "f/..",           "d",
      "d/",        "d//",       "d/.",     "d/..",    "d/./inner",   "d/sub/../inner", "d/sub/",
      "empty",     "empty/",    "to_f",    "to_f/",   "to_d",        "to_d/",          "to_d/inner",
      "to_d/.",    "to_inner",  "to_sub",  "to_sub/", "dangling",    "dangling/",      "dangling/x",
      "loop1",     "loop1/",    "loop1/x", "missing", "missing/",    "missing/x",      "to_lacking",
      "",          ".",         "./",      "..",      "d/../d/../f", "fifo",           "fifo/",
      "d/missing", "d/missing/"};
}

std::vector<std::string> all_forms() {
  std::vector<std::string> all = forms();
  all.push_back(std::string(255, 'n'));
  all.push_back(std::string(256, 'n'));
  all.push_back(std::string(256, 'n') + "/x");
  std::string deep;
  while (deep.size() < 4090) deep += "d/../";
  all.push_back(deep.substr(0, 4090) + "f");
  all.push_back(std::string(4096, 'p'));
  return all;
}

std::string name_of(const std::string& path) {
  if (path.empty()) return "\"\"";
  return path.size() > 40 ? path.substr(0, 8) + "…" + std::to_string(path.size()) : path;
}

struct Action {
  const char* name;
  std::function<int64_t(const std::string&)> run;
  bool changes;
};

int64_t open_and_close(const std::string& path, int flags, int mode = 0640) {
  int64_t fd = call(SYS_open, arg(path), flags | O_NONBLOCK, mode);
  if (fd >= 0) call(SYS_close, fd);
  return fd;
}
int64_t mode_or_error(long number, const std::string& path) {
  struct stat s;
  int64_t r = call(number, arg(path), arg(&s));
  return r ? r : int64_t(s.st_mode);
}

std::vector<Action> actions() {
  using P = const std::string&;
  return {
      {"stat", [](P p) { return mode_or_error(SYS_stat, p); }, false},
      {"lstat", [](P p) { return mode_or_error(SYS_lstat, p); }, false},
      {"statx",
       [](P p) {
         struct statx s;
         return call(SYS_statx, AT_FDCWD, arg(p), AT_SYMLINK_NOFOLLOW, STATX_ALL, arg(&s));
       },
       false},
      {"statx bad flags",
       [](P p) {
         struct statx s;
         return call(SYS_statx, AT_FDCWD, arg(p), 0x10000000, STATX_ALL, arg(&s));
       },
       false},
      {"fstatat AT_EMPTY_PATH",
       [](P p) {
         struct stat s;
         return call(SYS_newfstatat, AT_FDCWD, arg(p), arg(&s), AT_EMPTY_PATH);
       },
       false},
      {"access F_OK", [](P p) { return call(SYS_access, arg(p), 0); }, false},
      {"access R_OK", [](P p) { return call(SYS_access, arg(p), 4); }, false},
      {"access X_OK", [](P p) { return call(SYS_access, arg(p), 1); }, false},
      {"access bad mode", [](P p) { return call(SYS_access, arg(p), 8); }, false},
      {"faccessat2 nofollow",
       [](P p) { return call(SYS_faccessat2, AT_FDCWD, arg(p), 4, AT_SYMLINK_NOFOLLOW); }, false},
      {"readlink",
       [](P p) {
         char b[64];
         return call(SYS_readlink, arg(p), arg(b), sizeof b);
       },
       false},
      {"readlink short",
       [](P p) {
         char b[2];
         return call(SYS_readlink, arg(p), arg(b), sizeof b);
       },
       false},
      {"readlink size 0",
       [](P p) {
         char b[2];
         return call(SYS_readlink, arg(p), arg(b), 0);
       },
       false},
      {"open O_RDONLY", [](P p) { return open_and_close(p, O_RDONLY); }, false},
      {"open O_WRONLY", [](P p) { return open_and_close(p, O_WRONLY); }, false},
      {"open O_RDWR|O_TRUNC", [](P p) { return open_and_close(p, O_RDWR | O_TRUNC); }, true},
      {"open O_DIRECTORY", [](P p) { return open_and_close(p, O_DIRECTORY); }, false},
      {"open O_NOFOLLOW", [](P p) { return open_and_close(p, O_NOFOLLOW); }, false},
      {"open O_PATH", [](P p) { return open_and_close(p, O_PATH); }, false},
      {"open O_PATH|O_NOFOLLOW", [](P p) { return open_and_close(p, O_PATH | O_NOFOLLOW); }, false},
      {"open O_CREAT", [](P p) { return open_and_close(p, O_RDWR | O_CREAT); }, true},
      {"open O_CREAT|O_EXCL", [](P p) { return open_and_close(p, O_RDWR | O_CREAT | O_EXCL); },
       true},
      {"open O_CREAT|O_NOFOLLOW",
       [](P p) { return open_and_close(p, O_RDWR | O_CREAT | O_NOFOLLOW); }, true},
      {"open O_CREAT|O_DIRECTORY", [](P p) { return open_and_close(p, O_CREAT | O_DIRECTORY); },
       true},
      {"open O_TMPFILE", [](P p) { return open_and_close(p, O_RDWR | O_TMPFILE); }, true},
      {"mkdir", [](P p) { return call(SYS_mkdir, arg(p), 0755); }, true},
      {"rmdir", [](P p) { return call(SYS_rmdir, arg(p)); }, true},
      {"unlink", [](P p) { return call(SYS_unlink, arg(p)); }, true},
      {"mknod regular", [](P p) { return call(SYS_mknod, arg(p), S_IFREG | 0600, 0); }, true},
      {"mknod fifo", [](P p) { return call(SYS_mknod, arg(p), S_IFIFO | 0600, 0); }, true},
      {"mknod directory", [](P p) { return call(SYS_mknod, arg(p), S_IFDIR | 0700, 0); }, true},
      {"symlink here", [](P p) { return call(SYS_symlink, arg("target"), arg(p)); }, true},
      {"symlink to it", [](P p) { return call(SYS_symlink, arg(p), arg("new")); }, true},
      {"link here", [](P p) { return call(SYS_link, arg("f"), arg(p)); }, true},
      {"link to it", [](P p) { return call(SYS_link, arg(p), arg("new")); }, true},
      {"linkat follow to it",
       [](P p) {
         return call(SYS_linkat, AT_FDCWD, arg(p), AT_FDCWD, arg("new"), AT_SYMLINK_FOLLOW);
       },
       true},
      {"rename to new", [](P p) { return call(SYS_rename, arg(p), arg("new")); }, true},
      {"rename file here", [](P p) { return call(SYS_rename, arg("f"), arg(p)); }, true},
      {"rename directory here", [](P p) { return call(SYS_rename, arg("empty"), arg(p)); }, true},
      {"rename full directory here", [](P p) { return call(SYS_rename, arg("d"), arg(p)); }, true},
      {"rename noreplace here",
       [](P p) { return call(SYS_renameat2, AT_FDCWD, arg("f"), AT_FDCWD, arg(p), 1); }, true},
      {"exchange file",
       [](P p) { return call(SYS_renameat2, AT_FDCWD, arg("f"), AT_FDCWD, arg(p), 2); }, true},
      {"exchange directory",
       [](P p) { return call(SYS_renameat2, AT_FDCWD, arg("empty"), AT_FDCWD, arg(p), 2); }, true},
      {"rename bad flags",
       [](P p) { return call(SYS_renameat2, AT_FDCWD, arg("f"), AT_FDCWD, arg(p), 64); }, true},
      {"chmod", [](P p) { return call(SYS_chmod, arg(p), 0751); }, true},
      {"chown unchanged", [](P p) { return call(SYS_chown, arg(p), -1, -1); }, true},
      {"lchown unchanged", [](P p) { return call(SYS_lchown, arg(p), -1, -1); }, true},
      {"truncate 3", [](P p) { return call(SYS_truncate, arg(p), 3); }, true},
      {"truncate 100", [](P p) { return call(SYS_truncate, arg(p), 100); }, true},
      {"truncate -1", [](P p) { return call(SYS_truncate, arg(p), -1); }, true},
      {"utime",
       [](P p) {
         utimbuf t = {1000, 2000};
         return call(SYS_utime, arg(p), arg(&t));
       },
       false},
      {"utimensat nofollow",
       [](P p) {
         timespec t[2] = {{1, 2}, {3, 4}};
         return call(SYS_utimensat, AT_FDCWD, arg(p), arg(t), AT_SYMLINK_NOFOLLOW);
       },
       false},
      {"statfs",
       [](P p) {
         struct statfs s;
         return call(SYS_statfs, arg(p), arg(&s));
       },
       false},
      {"chdir", [](P p) { return call(SYS_chdir, arg(p)); }, false},
      {"getxattr",
       [](P p) {
         char b[8];
         return call(SYS_getxattr, arg(p), arg("user.none"), arg(b), sizeof b);
       },
       false},
      {"lgetxattr",
       [](P p) {
         char b[8];
         return call(SYS_lgetxattr, arg(p), arg("user.none"), arg(b), sizeof b);
       },
       false},
      {"listxattr",
       [](P p) {
         char b[8];
         return call(SYS_listxattr, arg(p), arg(b), sizeof b);
       },
       false},
      {"setxattr", [](P p) { return call(SYS_setxattr, arg(p), arg("user.x"), arg("v"), 1, 0); },
       false},
      {"lsetxattr", [](P p) { return call(SYS_lsetxattr, arg(p), arg("user.x"), arg("v"), 1, 0); },
       false},
      {"removexattr", [](P p) { return call(SYS_removexattr, arg(p), arg("user.x")); }, false},
  };
}

// A path that was walked before means what its names mean now, whoever changed them.
void ask_again(const std::string& what) {
  for (const char* path : {"a/b/f", "l/b/f", "a/b/../b/f", "./a/b/f", "a/b/missing"}) {
    for (const std::string& start : {std::string(), top + "/"}) {
      struct stat before = {}, again = {};
      std::string asked = start + path;
      int64_t first = call(SYS_stat, arg(asked), arg(&before));
      int64_t second = call(SYS_stat, arg(asked), arg(&again));
      std::string answer = shown(first) + " " + shown(second);
      if (first == 0) answer += " " + std::to_string(before.st_size);
      if (second == 0) answer += " " + std::to_string(again.st_size);
      say(what + (start.empty() ? ": " : ": top/") + path, answer);
    }
  }
}

void change_and_ask(const std::string& who, const std::function<void(std::function<void()>)>& by) {
  fresh();
  for (const char* directory : {"a", "a/b", "x", "x/b"}) call(SYS_mkdir, arg(directory), 0755);
  make_file("a/b/f", "1");
  make_file("x/b/f", "22");
  call(SYS_symlink, arg("a"), arg("l"));
  ask_again(who + " made");
  by([] { call(SYS_rename, arg("a"), arg("y")); });
  ask_again(who + " moved away");
  by([] { call(SYS_rename, arg("x"), arg("a")); });
  ask_again(who + " another moved there");
  by([] {
    call(SYS_symlink, arg("y"), arg("new"));
    call(SYS_rename, arg("new"), arg("l"));
  });
  ask_again(who + " link replaced");
  by([] { call(SYS_unlink, arg("l")); });
  ask_again(who + " link removed");
  by([] {
    call(SYS_unlink, arg("a/b/f"));
    call(SYS_rmdir, arg("a/b"));
  });
  ask_again(who + " removed");
  by([] {
    call(SYS_mkdir, arg("a/b"), 0755);
    make_file("a/b/f", "333");
  });
  ask_again(who + " made again");
}

}  // namespace

SUITE_PART(paths_walked_before) {
  change_and_ask("itself", [](const std::function<void()>& change) { change(); });
  change_and_ask("child", [](const std::function<void()>& change) {
    pid_t child = fork();
    if (child == 0) {
      change();
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  });
}

SUITE_PART(paths) {
  fixture();
  for (const auto& action : actions()) {
    for (const auto& form : all_forms()) {
      if (action.changes) fixture();
      int64_t result = action.run(form);
      go_to_top();
      std::string answer = shown(result);
      if (action.changes) answer += " leaving " + hash(describe_tree("."));
      say(std::string(action.name) + " " + name_of(form), answer);
    }
  }
}

// The same paths from directory descriptors, and absolute.
SUITE_PART(paths_at) {
  fixture();
  int64_t directory = call(SYS_open, arg("."), O_RDONLY | O_DIRECTORY),
          path_only = call(SYS_open, arg("d"), O_PATH), file = call(SYS_open, arg("f"), O_RDONLY);
  for (const auto& form : all_forms()) {
    struct stat s;
    std::string name = name_of(form);
    int64_t r = call(SYS_newfstatat, directory, arg(form), arg(&s), 0);
    say("fstatat from a directory " + name, r ? shown(r) : std::to_string(s.st_mode));
    r = call(SYS_newfstatat, path_only, arg(form), arg(&s), AT_SYMLINK_NOFOLLOW);
    say("fstatat from an O_PATH directory " + name, r ? shown(r) : std::to_string(s.st_mode));
    say("fstatat from a file " + name, shown(call(SYS_newfstatat, file, arg(form), arg(&s), 0)));
    say("fstatat from a bad descriptor " + name,
        shown(call(SYS_newfstatat, 999, arg(form), arg(&s), 0)));
    std::string absolute = top + "/" + form;
    r = call(SYS_newfstatat, 999, arg(absolute), arg(&s), 0);
    if (absolute.size() < 4000 || absolute.size() > 4150)
      say("fstatat absolute " + name, r ? shown(r) : std::to_string(s.st_mode));
    int64_t fd = call(SYS_openat, directory, arg(form), O_RDONLY | O_NONBLOCK);
    say("openat " + name, shown(fd));
    shut({fd});
    char b[64];
    say("faccessat " + name, shown(call(SYS_faccessat, directory, arg(form), 4)));
    say("readlinkat " + name, shown(call(SYS_readlinkat, directory, arg(form), arg(b), sizeof b)));
  }
  for (uint64_t resolve : {0ul, 1ul, 2ul, 4ul, 8ul, 16ul, 24ul, 64ul}) {
    for (const auto& form : forms()) {
      struct {
        uint64_t flags, mode, resolve;
      } how = {O_RDONLY | O_NONBLOCK, 0, resolve};
      int64_t fd = call(SYS_openat2, directory, arg(form), arg(&how), sizeof how);
      say("openat2 resolve " + std::to_string(resolve) + " " + name_of(form), shown(fd));
      shut({fd});
    }
  }
  shut({directory, path_only, file});
}

SUITE_PART(on_descriptors) {
  fixture();
  struct stat s;
  int64_t file = call(SYS_open, arg("f"), O_RDWR), directory = call(SYS_open, arg("d"), O_RDONLY);
  int64_t path = call(SYS_open, arg("f"), O_PATH),
          link = call(SYS_open, arg("to_f"), O_PATH | O_NOFOLLOW);
  int64_t all[] = {file, directory, path, link, 999, AT_FDCWD};
  const char* names[] = {"file", "directory", "O_PATH", "O_PATH link", "bad", "AT_FDCWD"};
  for (int i = 0; i < 6; i++) {
    std::string who = names[i];
    int64_t fd = all[i];
    char b[64];
    int64_t r = call(SYS_newfstatat, fd, arg(""), arg(&s), AT_EMPTY_PATH);
    say("fstatat empty on " + who, r ? shown(r) : std::to_string(s.st_mode));
    say("fstat on " + who, shown(call(SYS_fstat, fd, arg(&s))));
    say("readlinkat empty on " + who, shown(call(SYS_readlinkat, fd, arg(""), arg(b), sizeof b)));
    say("fchownat empty on " + who, shown(call(SYS_fchownat, fd, arg(""), -1, -1, AT_EMPTY_PATH)));
    say("faccessat2 empty on " + who, shown(call(SYS_faccessat2, fd, arg(""), 4, AT_EMPTY_PATH)));
    say("linkat empty on " + who, shown(call(SYS_linkat, fd, arg(""), AT_FDCWD,
                                             arg("new" + std::to_string(i)), AT_EMPTY_PATH)));
    say("fchmod on " + who, shown(call(SYS_fchmod, fd, 0644)));
    say("fchown on " + who, shown(call(SYS_fchown, fd, -1, -1)));
    say("ftruncate on " + who, shown(call(SYS_ftruncate, fd, 5)));
    say("read on " + who, shown(call(SYS_read, fd, arg(b), 4)));
    say("write on " + who, shown(call(SYS_write, fd, arg("xy"), 2)));
    say("pread on " + who, shown(call(SYS_pread64, fd, arg(b), 4, 0)));
    say("lseek on " + who, shown(call(SYS_lseek, fd, 1, SEEK_SET)));
    say("getdents64 size 1 on " + who, shown(call(SYS_getdents64, fd, arg(b), 1)));
    say("fsync on " + who, shown(call(SYS_fsync, fd)));
    say("fdatasync on " + who, shown(call(SYS_fdatasync, fd)));
    say("fallocate on " + who, shown(call(SYS_fallocate, fd, 0, 0, 10)));
    say("fadvise on " + who, shown(call(SYS_fadvise64, fd, 0, 0, 1)));
    say("fadvise bad on " + who, shown(call(SYS_fadvise64, fd, 0, 0, 99)));
    say("readahead on " + who, shown(call(SYS_readahead, fd, 0, 10)));
    say("sync_file_range on " + who, shown(call(SYS_sync_file_range, fd, 0, 10, 2)));
    say("sync_file_range bad on " + who, shown(call(SYS_sync_file_range, fd, 0, 10, 99)));
    say("flock on " + who, shown(call(SYS_flock, fd, 2 | 4)));
    say("fgetxattr on " + who, shown(call(SYS_fgetxattr, fd, arg("user.none"), arg(b), 8)));
    say("flistxattr on " + who, shown(call(SYS_flistxattr, fd, arg(b), 8)));
    say("fsetxattr on " + who, shown(call(SYS_fsetxattr, fd, arg("user.a"), arg("b"), 1, 0)));
    timespec t[2] = {{1, 0}, {2, 0}};
    say("futimens on " + who, shown(call(SYS_utimensat, fd, 0, arg(t), 0)));
    say("futimens nofollow on " + who,
        shown(call(SYS_utimensat, fd, 0, arg(t), AT_SYMLINK_NOFOLLOW)));
    say("fchdir on " + who, shown(call(SYS_fchdir, fd)));
    go_to_top();
    say("F_GETFL on " + who, shown(call(SYS_fcntl, fd, F_GETFL)));
    say("F_GETFD on " + who, shown(call(SYS_fcntl, fd, F_GETFD)));
    say("F_SETFL on " + who, shown(call(SYS_fcntl, fd, F_SETFL, O_APPEND)));
    say("fcntl unknown on " + who, shown(call(SYS_fcntl, fd, 9999)));
    struct flock lock = {};
    lock.l_type = F_RDLCK;
    say("F_GETLK on " + who, shown(call(SYS_fcntl, fd, F_GETLK, arg(&lock))));
    say("ioctl unknown on " + who, shown(call(SYS_ioctl, fd, 0x1234)));
    say("ioctl TCGETS on " + who, shown(call(SYS_ioctl, fd, 0x5401, arg(b))));
  }
  shut({file, directory, path, link});
}

SUITE_PART(symlinks) {
  call(SYS_mkdir, arg("a"), 0755);
  make_file("a/f", "x");
  // 40 links are followed, 41 are too many.
  call(SYS_symlink, arg("a/f"), arg("l0"));
  struct stat s;
  for (int i = 1; i <= 45; i++) {
    call(SYS_symlink, arg("l" + std::to_string(i - 1)), arg("l" + std::to_string(i)));
    say("stat through " + std::to_string(i + 1) + " links",
        call(SYS_stat, arg("l" + std::to_string(i)), arg(&s)));
  }
  call(SYS_symlink, arg(top), arg("absolute"));
  call(SYS_symlink, arg(top + "/a"), arg("absolute_a"));
  call(SYS_symlink, arg("/"), arg("root"));
  call(SYS_symlink, arg("../top"), arg("up"));
  call(SYS_symlink, arg("a//./f"), arg("slashes"));
  call(SYS_symlink, arg("a/"), arg("trailing"));
  for (const char* path :
       {"absolute", "absolute/a/f", "absolute_a/f", "root/dev/null", "root/", "up", "up/a/f",
        "slashes", "trailing", "trailing/f", "absolute/absolute/absolute_a/f"}) {
    int64_t r = call(SYS_stat, arg(path), arg(&s));
    say(std::string("stat ") + path, r ? shown(r) : std::to_string(s.st_mode & S_IFMT));
    int64_t fd = call(SYS_open, arg(path), O_RDONLY);
    say(std::string("open ") + path, ok(fd));
    shut({fd});
  }
  for (size_t size : {1, 20, 87, 88, 89, 200, 1000, 4094, 4095, 4096}) {
    std::string target(size, 't'), name = "s" + std::to_string(size), buffer(5000, '?');
    say("symlink of " + std::to_string(size) + " bytes", call(SYS_symlink, arg(target), arg(name)));
    int64_t r = call(SYS_readlink, arg(name), arg(buffer.data()), 5000);
    say("readlink of " + std::to_string(size) + " bytes", r);
    if (r > 0)
      say("its text", buffer.substr(0, static_cast<size_t>(r)) == target ? "is right" : "is wrong");
    if (call(SYS_lstat, arg(name), arg(&s)) == 0) say("its size", s.st_size);
  }
}

SUITE_PART(bad_pointers) {
  fixture();
  int64_t fd = call(SYS_open, arg("f"), O_RDWR), directory = call(SYS_open, arg("d"), O_RDONLY);
  for (int64_t bad : {int64_t(0), int64_t(8), int64_t(-8), int64_t(0x7fff00000000)}) {
    std::string where = bad == 0 ? "null" : bad == 8 ? "8" : bad < 0 ? "-8" : "unmapped";
    struct stat s;
    say("stat path " + where, call(SYS_stat, bad, arg(&s)));
    say("stat buffer " + where, call(SYS_stat, arg("f"), bad));
    say("fstat buffer " + where, call(SYS_fstat, fd, bad));
    say("open path " + where, call(SYS_open, bad, 0));
    say("read buffer " + where, call(SYS_read, fd, bad, 4));
    say("write buffer " + where, call(SYS_write, fd, bad, 4));
    say("pread buffer " + where, call(SYS_pread64, fd, bad, 4, 0));
    say("pwrite buffer " + where, call(SYS_pwrite64, fd, bad, 4, 0));
    say("readv vector " + where, call(SYS_readv, fd, bad, 2));
    say("readv of 0 from " + where, call(SYS_readv, fd, bad, 0));
    say("getdents64 buffer " + where, call(SYS_getdents64, directory, bad, 4096));
    say("mkdir path " + where, call(SYS_mkdir, bad, 0));
    say("rename from " + where, call(SYS_rename, bad, arg("x")));
    say("rename to " + where, call(SYS_rename, arg("f"), bad));
    say("readlink buffer " + where, call(SYS_readlink, arg("to_f"), bad, 10));
    say("symlink text " + where, call(SYS_symlink, bad, arg("x")));
    say("statfs buffer " + where, call(SYS_statfs, arg("f"), bad));
    say("getxattr name " + where, call(SYS_getxattr, arg("f"), bad, 0, 0));
    say("setxattr value " + where, call(SYS_setxattr, arg("f"), arg("user.v"), bad, 4, 0));
    if (bad) say("utimensat times " + where, call(SYS_utimensat, AT_FDCWD, arg("f"), bad, 0));
    say("F_GETLK lock " + where, call(SYS_fcntl, fd, F_GETLK, bad));
    say("getcwd buffer " + where, call(SYS_getcwd, bad, 4096));
  }
  say("f is as it was", read_file("f"));
  shut({fd, directory});
}

}  // namespace suite
