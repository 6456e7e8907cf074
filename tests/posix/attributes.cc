// SPDX-License-Identifier: MIT
// Modes, owners, times, extended attributes, and who may do what.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "tests/posix/suite.h"

namespace suite {
namespace {

std::string octal(uint32_t mode) {
  char text[16];
  snprintf(text, sizeof text, "%o", mode);
  return text;
}
std::string mode_of(const std::string& path) {
  struct stat s;
  int64_t r = call(SYS_lstat, arg(path), arg(&s));
  return r ? shown(r)
           : octal(s.st_mode) + " " + std::to_string(s.st_uid) + ":" + std::to_string(s.st_gid);
}

// Another user for the length of its life; root only.
class As {
 public:
  As(uid_t uid, gid_t gid, std::vector<gid_t> groups = {}) {
    call(SYS_setgroups, static_cast<int64_t>(groups.size()), arg(groups.data()));
    call(SYS_setresgid, -1, gid, -1);
    call(SYS_setresuid, -1, uid, -1);
  }
  ~As() {
    call(SYS_setresuid, -1, 0, -1);
    call(SYS_setresgid, -1, 0, -1);
    call(SYS_setgroups, 0, 0);
  }
};

}  // namespace

SUITE_PART(modes) {
  for (int mask : {0, 022, 077, 0777, 027}) {
    call(SYS_umask, mask);
    for (int mode : {0, 0644, 0777, 04755, 02755, 01777, 07777, 0100644}) {
      std::string claim =
          octal(static_cast<uint32_t>(mode)) + " umask " + octal(static_cast<uint32_t>(mask));
      call(SYS_close, call(SYS_open, arg("f"), O_CREAT | O_RDWR, mode));
      say("open " + claim, mode_of("f"));
      call(SYS_unlink, arg("f"));
      call(SYS_mkdir, arg("d"), mode);
      say("mkdir " + claim, mode_of("d"));
      call(SYS_rmdir, arg("d"));
      say("mknod " + claim, call(SYS_mknod, arg("n"), S_IFIFO | (mode & 07777), 0));
      say("its mode", mode_of("n"));
      call(SYS_unlink, arg("n"));
      call(SYS_symlink, arg("x"), arg("s"));
      say("symlink " + claim, mode_of("s"));
      call(SYS_unlink, arg("s"));
      make_file("c");
      say("chmod " + claim, call(SYS_chmod, arg("c"), mode));
      say("its mode", mode_of("c"));
      call(SYS_unlink, arg("c"));
    }
  }
  say("umask answers the old one", call(SYS_umask, 022));
  say("umask keeps 9 bits", (call(SYS_umask, 07777), call(SYS_umask, 022)));
}

SUITE_PART(groups_from_directories) {
  if (getuid() != 0) return;
  call(SYS_mkdir, arg("g"), 0777);
  call(SYS_chown, arg("g"), 0, 1234);
  call(SYS_chmod, arg("g"), 02777);
  make_file("g/f", "", 0644);
  say("a file in a setgid directory", mode_of("g/f"));
  call(SYS_mkdir, arg("g/d"), 0755);
  say("a directory in one", mode_of("g/d"));
  call(SYS_close, call(SYS_open, arg("g/x"), O_CREAT | O_RDWR, 02775));
  say("an executable setgid file in one", mode_of("g/x"));
  call(SYS_symlink, arg("t"), arg("g/s"));
  say("a symlink in one", mode_of("g/s"));
  As other(1000, 1000);
  call(SYS_close, call(SYS_open, arg("g/y"), O_CREAT | O_RDWR, 02775));
  say("one made by somebody outside the group", mode_of("g/y"));
  call(SYS_mkdir, arg("g/e"), 02755);
  say("a directory made by them", mode_of("g/e"));
}

SUITE_PART(privileged_bits) {
  if (getuid() != 0) return;
  for (int mode : {04755, 02755, 06755, 02644, 06777}) {
    std::string claim = octal(static_cast<uint32_t>(mode));
    auto again = [&] {
      call(SYS_unlink, arg("f"));
      make_file("f", "0123456789");
      call(SYS_chown, arg("f"), 1000, 1000);
      call(SYS_chmod, arg("f"), mode);
    };
    again();
    say("chmod " + claim, mode_of("f"));
    say("chown by root of " + claim, (call(SYS_chown, arg("f"), 1000, 1000), mode_of("f")));
    again();
    say("chown of nothing by root of " + claim, (call(SYS_chown, arg("f"), -1, -1), mode_of("f")));
    again();
    make_file("f", "x");
    say("write by root to " + claim, mode_of("f"));
    again();
    say("truncate by root of " + claim, (call(SYS_truncate, arg("f"), 1), mode_of("f")));
    again();
    {
      As other(1000, 1000);
      int64_t fd = call(SYS_open, arg("f"), O_WRONLY);
      call(SYS_write, fd, arg("y"), 1);
      say("write by the owner to " + claim, mode_of("f"));
      call(SYS_fchmod, fd, mode);
      say("fchmod by the owner " + claim, mode_of("f"));
      call(SYS_ftruncate, fd, 3);
      say("ftruncate by the owner of " + claim, mode_of("f"));
      call(SYS_fchmod, fd, mode);
      call(SYS_fallocate, fd, 0, 0, 100);
      say("fallocate by the owner of " + claim, mode_of("f"));
      call(SYS_fchmod, fd, mode);
      call(SYS_fchown, fd, -1, 1000);
      say("fchown by the owner of " + claim, mode_of("f"));
      shut({fd});
    }
    // Who may write, and is not of the group, takes the group's bit along whatever it means.
    for (std::string how : {"write", "append", "ftruncate", "truncate", "fallocate beyond the end",
                            "fallocate", "a hole punched"}) {
      call(SYS_chown, arg("f"), 1000, 1000);
      call(SYS_chmod, arg("f"), mode | 0666);
      As stranger(1001, 1001);
      int64_t fd = call(SYS_open, arg("f"), O_WRONLY | (how == "append" ? O_APPEND : 0));
      if (how == "write" || how == "append") call(SYS_write, fd, arg("y"), 1);
      if (how == "ftruncate") call(SYS_ftruncate, fd, 5);
      if (how == "truncate") call(SYS_truncate, arg("f"), 7);
      if (how == "fallocate") call(SYS_fallocate, fd, 0, 0, 100);
      if (how == "fallocate beyond the end")
        call(SYS_fallocate, fd, FALLOC_FL_KEEP_SIZE, 5000, 100);
      if (how == "a hole punched")
        call(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3);
      shut({fd});
      say(how + " by a stranger to " + claim, mode_of("f"));
    }
    {
      As member(1000, 1000, {1001});
      call(SYS_chmod, arg("f"), mode);
      say("chown to a group one is in, of " + claim, call(SYS_chown, arg("f"), -1, 1001));
      say("its mode", mode_of("f"));
      say("chown to a group one is not in", call(SYS_chown, arg("f"), -1, 1002));
      say("chown to another user", call(SYS_chown, arg("f"), 1001, -1));
      call(SYS_chmod, arg("f"), mode);
      say("chmod " + claim + " by a member", mode_of("f"));
    }
    As outsider(1000, 1000);
    say("chmod " + claim + " by an owner outside the group", call(SYS_chmod, arg("f"), mode));
    say("its mode", mode_of("f"));
  }
}

SUITE_PART(access_control_lists) {
  if (getuid() != 0) return;
  struct Entry {
    uint16_t tag, permissions;
    uint32_t id;
  };
  constexpr uint32_t kNobody = ~0u;
  struct List {
    uint32_t version = 2;
    Entry entry[5];
  };
  // What user 2000 may, what group 1000 may, what bounds both, what all others may.
  auto list = [&](uint16_t user, uint16_t group, uint16_t mask, uint16_t others) {
    return List{2,
                {{1, 7, kNobody},
                 {2, user, 2000},
                 {4, group, kNobody},
                 {16, mask, kNobody},
                 {32, others, kNobody}}};
  };
  auto ask = [](const std::string& what) {
    struct Who {
      const char* name;
      uid_t uid;
      gid_t gid;
    };
    for (Who who : {Who{"the owner", 1000, 3000}, Who{"the named user", 2000, 2000},
                    Who{"a member", 3000, 1000}, Who{"another", 4000, 4000}}) {
      As user(who.uid, who.gid);
      std::string claim = what + " by " + who.name;
      for (int flags : {O_RDONLY, O_WRONLY}) {
        int64_t fd = call(SYS_open, arg("n"), flags | O_NONBLOCK);
        say("open for " + std::string(flags ? "writing " : "reading ") + claim, ok(fd));
        shut({fd});
      }
      for (int rights : {R_OK, W_OK, X_OK})
        say("access " + std::to_string(rights) + " " + claim,
            call(SYS_faccessat2, AT_FDCWD, arg("n"), rights, AT_EACCESS));
    }
  };
  const List lists[] = {list(6, 4, 6, 0), list(6, 4, 4, 0), list(0, 6, 7, 4), list(7, 0, 7, 0)};
  for (int type : {S_IFREG, S_IFIFO})
    for (size_t i = 0; i < 4; i++) {
      std::string claim =
          std::string(type == S_IFREG ? "a file" : "a pipe") + " with list " + std::to_string(i);
      call(SYS_mknod, arg("n"), type | 0640, 0);
      call(SYS_chown, arg("n"), 1000, 1000);
      say("setxattr " + claim, call(SYS_setxattr, arg("n"), arg("system.posix_acl_access"),
                                    arg(&lists[i]), sizeof(List), 0));
      say("its mode", mode_of("n"));
      ask(claim);
      say("chmod " + claim, call(SYS_chmod, arg("n"), 0620));
      ask("the same after chmod");
      call(SYS_unlink, arg("n"));
    }
  call(SYS_mkdir, arg("d"), 0700);
  call(SYS_setxattr, arg("d"), arg("system.posix_acl_access"), arg(&lists[3]), sizeof(List), 0);
  call(SYS_setxattr, arg("d"), arg("system.posix_acl_default"), arg(&lists[0]), sizeof(List), 0);
  call(SYS_umask, 027);
  make_file("d/f", "x", 0666);
  call(SYS_mkdir, arg("d/d"), 0777);
  call(SYS_umask, 022);
  say("the mode of a file made below a default list", mode_of("d/f"));
  say("of a directory", mode_of("d/d"));
  for (uid_t uid : {2000u, 4000u}) {
    As user(uid, uid);
    std::string claim = " by user " + std::to_string(uid);
    say("a search" + claim, ok(call(SYS_open, arg("d/f"), O_RDONLY)));
    say("a new name" + claim, ok(call(SYS_mkdir, arg("d/" + std::to_string(uid)), 0700)));
    say("a listing" + claim, ok(call(SYS_open, arg("d"), O_RDONLY | O_DIRECTORY)));
  }
}

SUITE_PART(permissions_of_special_files) {
  if (getuid() != 0) return;
  for (int mode : {0600, 0060, 0006, 0400, 0200, 0000, 0666}) {
    call(SYS_mknod, arg("p"), S_IFIFO | 0600, 0);
    call(SYS_chown, arg("p"), 1000, 1000);
    call(SYS_chmod, arg("p"), mode);
    for (uid_t uid : {1000u, 2000u, 3000u}) {
      As user(uid, uid == 2000 ? 1000 : uid);
      for (int flags : {O_RDONLY, O_RDWR, O_WRONLY}) {
        int64_t fd = call(SYS_open, arg("p"), flags | O_NONBLOCK);
        say("open " + std::to_string(flags) + " of a pipe " + octal(static_cast<uint32_t>(mode)) +
                " by user " + std::to_string(uid),
            ok(fd));
        shut({fd});
      }
    }
    call(SYS_unlink, arg("p"));
  }
}

SUITE_PART(permissions) {
  if (getuid() != 0) return;
  struct Who {
    uid_t uid;
    gid_t gid;
    std::vector<gid_t> groups;
    const char* name;
  };
  const Who everybody[] = {{1000, 1000, {}, "owner"},
                           {1001, 1000, {}, "group"},
                           {1001, 1001, {1000}, "member"},
                           {1002, 1002, {}, "other"}};
  for (int mode : {0,    0400, 0200, 0100, 0600, 0700, 0040, 0020, 0010, 0060,
                   0004, 0002, 0001, 0644, 0755, 0777, 0077, 0070, 0007, 01777}) {
    fresh();
    make_file("f", "content");
    call(SYS_mkdir, arg("d"), 0777);
    make_file("d/inside", "x");
    for (const char* path : {"f", "d"}) {
      call(SYS_chown, arg(path), 1000, 1000);
      call(SYS_chmod, arg(path), mode);
    }
    for (const auto& who : everybody) {
      As somebody(who.uid, who.gid, who.groups);
      std::string claim = octal(static_cast<uint32_t>(mode)) + " " + who.name, answers;
      struct stat s;
      auto note = [&](int64_t result) { answers += ok(result) + " "; };
      auto open_and_close = [&](const char* path, int flags) {
        int64_t fd = call(SYS_open, arg(path), flags, 0600);
        note(fd);
        shut({fd});
      };
      for (int access :
           {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_RDONLY | O_NOATIME, O_PATH})
        open_and_close("f", access);
      say("opening " + claim, answers);
      answers = "";
      for (int bits : {4, 2, 1, 6, 7})
        note(call(SYS_faccessat2, AT_FDCWD, arg("f"), bits, AT_EACCESS));
      say("faccessat2 AT_EACCESS " + claim, answers);
      answers = "";
      note(call(SYS_access, arg("f"), 4));
      note(call(SYS_access, arg("f"), 1));
      say("access " + claim, answers);
      answers = "";
      note(call(SYS_stat, arg("d/inside"), arg(&s)));
      note(call(SYS_stat, arg("d/."), arg(&s)));
      note(call(SYS_stat, arg("d/.."), arg(&s)));
      open_and_close("d", O_RDONLY | O_DIRECTORY);
      open_and_close("d/new", O_CREAT | O_RDWR);
      note(call(SYS_unlink, arg("d/new")));
      note(call(SYS_mkdir, arg("d/dir"), 0755));
      note(call(SYS_rmdir, arg("d/dir")));
      note(call(SYS_rename, arg("d/inside"), arg("d/moved")));
      note(call(SYS_rename, arg("d/moved"), arg("d/inside")));
      note(call(SYS_link, arg("d/inside"), arg("d/second")));
      note(call(SYS_unlink, arg("d/second")));
      note(call(SYS_chdir, arg("d")));
      go_to_top();
      say("in the directory " + claim, answers);
      answers = "";
      timespec explicit_times[2] = {{1, 0}, {2, 0}};
      note(call(SYS_utimensat, AT_FDCWD, arg("f"), 0, 0));
      note(call(SYS_utimensat, AT_FDCWD, arg("f"), arg(explicit_times), 0));
      note(call(SYS_truncate, arg("f"), 3));
      char value[8];
      note(call(SYS_getxattr, arg("f"), arg("user.none"), arg(value), 8));
      note(call(SYS_setxattr, arg("f"), arg("user.one"), arg("x"), 1, 0));
      note(call(SYS_removexattr, arg("f"), arg("user.one")));
      if (who.uid != 1000) note(call(SYS_chmod, arg("f"), mode));
      say("attributes " + claim, answers);
    }
  }
}

SUITE_PART(sticky) {
  if (getuid() != 0) return;
  for (uid_t owner : {1000u, 1001u})
    for (uid_t who : {1000u, 1001u, 1002u}) {
      std::string claim = std::to_string(who) + " of a file of " + std::to_string(owner);
      fresh();
      call(SYS_mkdir, arg("t"), 0777);
      call(SYS_chown, arg("t"), 1000, 1000);
      call(SYS_chmod, arg("t"), 01777);
      make_file("t/f", "x");
      make_file("t/g", "x");
      call(SYS_mkdir, arg("t/d"), 0777);
      for (const char* path : {"t/f", "t/d", "t/g"}) call(SYS_chown, arg(path), owner, owner);
      As somebody(who, who);
      say("rename by " + claim, call(SYS_rename, arg("t/f"), arg("t/h")));
      call(SYS_close, call(SYS_open, arg("t/mine"), O_CREAT | O_RDWR, 0600));
      say("rename onto by " + claim, call(SYS_rename, arg("t/mine"), arg("t/g")));
      say("unlink by " + claim, call(SYS_unlink, arg("t/g")));
      say("rmdir by " + claim, call(SYS_rmdir, arg("t/d")));
    }
}

SUITE_PART(times) {
  make_file("f", "x");
  auto times = [](const char* path) {
    struct stat s;
    int64_t r = call(SYS_lstat, arg(path), arg(&s));
    if (r) return shown(r);
    return std::to_string(s.st_atim.tv_sec) + "." + std::to_string(s.st_atim.tv_nsec) + " " +
           std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec);
  };
  const timespec values[] = {{0, 0},          {1, 999999999},  {1700000000, 5}, {-1, 5}, {-1000, 0},
                             {4000000000, 0}, {5, UTIME_OMIT}, {0, 1000000000}, {0, -5}};
  for (const auto& a : values)
    for (const auto& m : values) {
      timespec t[2] = {a, m}, reset[2] = {{100, 0}, {200, 0}};
      std::string claim = std::to_string(a.tv_sec) + "." + std::to_string(a.tv_nsec) + " " +
                          std::to_string(m.tv_sec) + "." + std::to_string(m.tv_nsec);
      call(SYS_utimensat, AT_FDCWD, arg("f"), arg(reset), 0);
      say("utimensat " + claim, call(SYS_utimensat, AT_FDCWD, arg("f"), arg(t), 0));
      say("then", times("f"));
    }
  timeval micro[2] = {{10, 999999}, {20, 5}};
  say("utimes", call(SYS_utimes, arg("f"), arg(micro)));
  say("then", times("f"));
  micro[0].tv_usec = 1000000;
  say("utimes with bad microseconds", call(SYS_utimes, arg("f"), arg(micro)));
  call(SYS_symlink, arg("f"), arg("l"));
  timespec t[2] = {{7, 0}, {8, 0}};
  say("of a link itself", call(SYS_utimensat, AT_FDCWD, arg("l"), arg(t), AT_SYMLINK_NOFOLLOW));
  // What changes a time and what does not, as "later" or "same" than a year long gone.
  auto changed = [&](const std::string& claim, const char* path, auto&& action) {
    timespec old[2] = {{1000, 0}, {1000, 0}};
    call(SYS_utimensat, AT_FDCWD, arg(path), arg(old), 0);
    struct stat before, after;
    call(SYS_stat, arg(path), arg(&before));
    // Longer than the kernel's clock tick, so that its times differ too.
    usleep(10000);
    action();
    call(SYS_stat, arg(path), arg(&after));
    bool ctime = after.st_ctim.tv_sec != before.st_ctim.tv_sec ||
                 after.st_ctim.tv_nsec != before.st_ctim.tv_nsec;
    say(claim, std::string("atime ") + (after.st_atim.tv_sec > 1000 ? "later" : "same") +
                   " mtime " + (after.st_mtim.tv_sec > 1000 ? "later" : "same") + " ctime " +
                   (ctime ? "later" : "same"));
  };
  call(SYS_mkdir, arg("d"), 0755);
  changed("write changes", "f", [] {
    int64_t fd = call(SYS_open, arg("f"), O_WRONLY);
    call(SYS_write, fd, arg("y"), 1);
    shut({fd});
  });
  changed("write of nothing changes", "f", [] {
    int64_t fd = call(SYS_open, arg("f"), O_WRONLY);
    call(SYS_write, fd, arg("y"), 0);
    shut({fd});
  });
  changed("read changes", "f", [] { read_file("f"); });
  changed("chmod changes", "f", [] { call(SYS_chmod, arg("f"), 0600); });
  changed("truncate to another size changes", "f", [] { call(SYS_truncate, arg("f"), 100); });
  changed("open O_TRUNC changes", "f",
          [] { call(SYS_close, call(SYS_open, arg("f"), O_WRONLY | O_TRUNC)); });
  changed("link changes", "f", [] { call(SYS_link, arg("f"), arg("second")); });
  changed("rename changes the file", "f", [] { call(SYS_rename, arg("second"), arg("third")); });
  changed("unlink of another name changes", "f", [] { call(SYS_unlink, arg("third")); });
  changed("setxattr changes", "f",
          [] { call(SYS_setxattr, arg("f"), arg("user.a"), arg("b"), 1, 0); });
  changed("creat changes the directory", "d", [] { make_file("d/x"); });
  changed("rename within changes the directory", "d",
          [] { call(SYS_rename, arg("d/x"), arg("d/y")); });
  changed("unlink changes the directory", "d", [] { call(SYS_unlink, arg("d/y")); });
  changed("mkdir changes the directory", "d", [] { call(SYS_mkdir, arg("d/z"), 0755); });
  changed("listing changes the directory", "d", [] {
    int64_t fd = call(SYS_open, arg("d"), O_RDONLY);
    char b[4096];
    call(SYS_getdents64, fd, arg(b), sizeof b);
    shut({fd});
  });
  changed("stat changes nothing", "f", [] {
    struct stat s;
    call(SYS_stat, arg("f"), arg(&s));
  });
}

SUITE_PART(xattrs) {
  make_file("f", "x");
  call(SYS_mkdir, arg("d"), 0755);
  call(SYS_symlink, arg("f"), arg("l"));
  static char buffer[70000];
  for (const char* path : {"f", "d"})
    for (const char* name : {"user.a", "user.", "user", "", "trusted.t", "system.x", "other.o",
                             "user.with.dots", "user.UPPER"}) {
      std::string claim = std::string(name) + " of " + path;
      say("set " + claim, call(SYS_setxattr, arg(path), arg(name), arg("value"), 5, 0));
      say("get " + claim, call(SYS_getxattr, arg(path), arg(name), arg(buffer), sizeof buffer));
      say("get its size " + claim, call(SYS_getxattr, arg(path), arg(name), 0, 0));
      say("get in 2 bytes " + claim, call(SYS_getxattr, arg(path), arg(name), arg(buffer), 2));
      say("create again " + claim,
          call(SYS_setxattr, arg(path), arg(name), arg("v"), 1, XATTR_CREATE));
      say("replace " + claim,
          call(SYS_setxattr, arg(path), arg(name), arg("replaced"), 8, XATTR_REPLACE));
      say("bad flags " + claim, call(SYS_setxattr, arg(path), arg(name), arg("v"), 1, 8));
      say("remove " + claim, call(SYS_removexattr, arg(path), arg(name)));
      say("remove again " + claim, call(SYS_removexattr, arg(path), arg(name)));
      say("replace nothing " + claim,
          call(SYS_setxattr, arg(path), arg(name), arg("v"), 1, XATTR_REPLACE));
    }
  say("set user on a link", call(SYS_lsetxattr, arg("l"), arg("user.a"), arg("v"), 1, 0));
  for (size_t size : {0ul, 1ul, 100ul, 1000ul, 4000ul, 20000ul, 65536ul, 65537ul}) {
    std::string value(size, 'v');
    say("a value of " + std::to_string(size),
        call(SYS_setxattr, arg("f"), arg("user.big"), arg(value.data()), static_cast<int64_t>(size),
             0));
    int64_t got = call(SYS_getxattr, arg("f"), arg("user.big"), arg(buffer), sizeof buffer);
    say("read back", got);
    if (got >= 0)
      say("same", std::string(buffer, static_cast<size_t>(got)) == value ? "yes" : "no");
  }
  call(SYS_removexattr, arg("f"), arg("user.big"));
  for (size_t size : {249ul, 250ul, 251ul}) {
    std::string name = "user." + std::string(size, 'n');
    say("a name of " + std::to_string(name.size()),
        call(SYS_setxattr, arg("f"), arg(name), arg("v"), 1, 0));
    call(SYS_removexattr, arg("f"), arg(name));
  }
  for (int i = 0; i < 20; i++)
    call(SYS_setxattr, arg("f"), arg("user.n" + std::to_string(i)), arg("v"), 1, 0);
  say("size of the list", call(SYS_listxattr, arg("f"), 0, 0));
  say("list", call(SYS_listxattr, arg("f"), arg(buffer), sizeof buffer));
  say("list in 3 bytes", call(SYS_listxattr, arg("f"), arg(buffer), 3));
  int64_t fd = call(SYS_open, arg("f"), O_RDONLY);
  say("fsetxattr on a read-only descriptor",
      call(SYS_fsetxattr, fd, arg("user.fd"), arg("v"), 1, 0));
  say("fgetxattr", call(SYS_fgetxattr, fd, arg("user.fd"), arg(buffer), 100));
  say("fremovexattr", call(SYS_fremovexattr, fd, arg("user.fd")));
  say("flistxattr", call(SYS_flistxattr, fd, arg(buffer), sizeof buffer));
  shut({fd});
}

}  // namespace suite
