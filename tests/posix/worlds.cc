// SPDX-License-Identifier: MIT
// Other roots and namespaces: what a refused call leaves as it was, and what a successful one makes of open files.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/posix/suite.h"

namespace suite {
namespace {

int64_t file, directory;

std::string read_some(int64_t fd) {
  char text[8] = {};
  int64_t size = call(SYS_read, fd, arg(text), 4);
  return size < 0 ? shown(size) : std::string(text, static_cast<size_t>(size));
}

std::string content_at(int64_t from, const char* path) {
  int64_t fd = call(SYS_openat, from, arg(path), O_RDONLY);
  std::string text = fd < 0 ? shown(fd) : read_some(fd);
  shut({fd});
  return text;
}

// Everything that might mean something else by now, in one line.
std::string state() {
  char path[4096] = "?";
  int64_t got = call(SYS_getcwd, arg(path), sizeof path);
  std::string where = got < 0 ? shown(got) : path;
  if (where.compare(0, top.size(), top) == 0) where = "TOP" + where.substr(top.size());
  return where + " " + content_at(AT_FDCWD, "d/inside") + " " + content_at(directory, "inside") +
         " " + content_at(AT_FDCWD, "/d/inside") + " " +
         content_at(AT_FDCWD, (top + "/d/inside").c_str()) + " " + read_some(file);
}

void make_world() {
  call(SYS_mkdir, arg("d"), 0755);
  make_file("d/inside", "here");
  make_file("f", std::string("0123456789abcdefghijklmnopqrstuvwxyz") + pattern(5000, 1));
  file = call(SYS_open, arg("f"), O_RDWR);
  directory = call(SYS_open, arg("d"), O_RDONLY | O_DIRECTORY);
}

// What the kernel refuses, in this process, and how it goes on.
void refused(const std::string& what, int64_t number, int64_t a, int64_t b = 0) {
  int64_t result = call(number, a, b);
  say(what, result == -EPERM ? "EPERM" : shown(result));
  say("goes on", state());
}

std::string in_new_root() {
  std::string answer = shown(call(SYS_chroot, arg(".")));
  answer += " " + state();
  int64_t made = call(SYS_open, arg("/made"), O_WRONLY | O_CREAT, 0644);
  answer += " " + shown(made < 0 ? made : call(SYS_write, made, arg("made"), 4));
  answer += " " + shown(call(SYS_fchdir, directory)) + " " + content_at(AT_FDCWD, "inside");
  return answer + " " + content_at(AT_FDCWD, "/made");
}

std::string in_new_namespace() {
  std::string answer = shown(call(SYS_unshare, CLONE_NEWNS | CLONE_FS | CLONE_FILES));
  answer += " " + state();
  call(SYS_mount, 0, arg("/"), 0, MS_REC | MS_PRIVATE);
  answer += " " + shown(call(SYS_mount, arg("other"), arg("d"), arg("tmpfs"), 0, 0));
  answer += " " + content_at(AT_FDCWD, "d/inside") + " " + content_at(directory, "inside");
  return answer;
}

}  // namespace

SUITE_PART(refused_worlds) {
  make_world();
  refused("chroot to nothing", SYS_chroot, arg("nowhere"));
  refused("chroot to a file", SYS_chroot, arg("f"));
  refused("chroot to bad memory", SYS_chroot, 8);
  refused("chroot to too long a name", SYS_chroot, arg(std::string(300, 'n')));
  refused("setns of a file", SYS_setns, file, 0);
  refused("setns of a directory", SYS_setns, directory, CLONE_NEWNS);
  refused("setns of nothing", SYS_setns, 9999, 0);
  refused("unshare of what there is not", SYS_unshare, 0x80000);
  refused("unshare of that and descriptors", SYS_unshare, 0x80000 | CLONE_FILES);
  refused("pivot_root to a file", SYS_pivot_root, arg("f"), arg("f"));
  refused("pivot_root within", SYS_pivot_root, arg("d"), arg("d"));
  refused("mount of nonsense", SYS_mount, arg("nonsense"), arg("d"));
  refused("a ring of nothing", SYS_io_uring_setup, 0, arg("x"));
  shut({file, directory});
}

SUITE_PART(other_worlds) {
  make_world();
  say("in another root", in_child(in_new_root));
  say("back", state());
  say("in another namespace", in_child(in_new_namespace));
  say("back", state());
  // A child of vfork that leaves takes nobody along.
  int64_t root = arg(top);
  for (int round = 0; round < 3; round++) {
    pid_t pid = vfork();
    if (pid == 0) {
      int64_t result = call(SYS_chroot, root);
      if (result == 0) call(SYS_open, arg("/"), O_RDONLY);
      _exit(result < 0 ? static_cast<int>(-result) : 0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    say("chroot in a vfork child", WEXITSTATUS(status));
    say("its parent", state());
  }
  shut({file, directory});
}

}  // namespace suite
