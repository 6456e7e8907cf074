// SPDX-License-Identifier: MIT
//   posix_suite DIRECTORY [PART…]   SUITE_MIX=0|1: see below
//   posix_suite --parts             their names
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "tests/posix/suite.h"

namespace suite {

std::string top;

namespace {

Part* parts;
std::string part_name;
std::map<std::string, int> claims;
struct stat top_is;

[[noreturn]] void lost(const char* why) {
  fflush(stdout);
  fprintf(stderr, "posix_suite: %s; nothing more is done\n", why);
  _exit(3);
}

// Removes what is in `directory`, which is the top or a directory found below it, on the same file system.
void remove_content(int directory) {
  std::vector<std::string> names;
  alignas(8) char buffer[8192];
  int64_t size;
  while ((size = call(SYS_getdents64, directory, arg(buffer), sizeof buffer)) > 0)
    for (int64_t at = 0; at < size;) {
      auto* entry = reinterpret_cast<dirent64*>(buffer + at);
      names.push_back(entry->d_name);
      at += entry->d_reclen;
    }
  for (const auto& name : names) {
    if (name == "." || name == "..") continue;
    struct stat s;
    if (call(SYS_newfstatat, directory, arg(name), arg(&s), AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (s.st_dev != top_is.st_dev) lost("another file system below the top");
    if (!S_ISDIR(s.st_mode)) {
      call(SYS_unlinkat, directory, arg(name), 0);
      continue;
    }
    int64_t inner =
        call(SYS_openat, directory, arg(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat opened;
    if (inner >= 0 && call(SYS_fstat, inner, arg(&opened)) == 0 && opened.st_ino == s.st_ino)
      remove_content(static_cast<int>(inner));
    if (inner >= 0) call(SYS_close, inner);
    call(SYS_unlinkat, directory, arg(name), AT_REMOVEDIR);
  }
}

}  // namespace

Part::Part(const char* name_, void (*run_)()) : name(name_), run(run_), next(nullptr) {
  Part** place = &parts;
  while (*place && strcmp((*place)->name, name_) < 0) place = &(*place)->next;
  next = *place;
  *place = this;
}

namespace {

// SUITE_MIX=0 and SUITE_MIX=1, under `btfuse run`: every other call (the odd ones, the even ones) that names files by paths
// alone is made here, where the agent knows no site: it takes the kernel path, and the next looks at what it did in-process.
struct Mix {
  bool on = false;
  uint64_t turn = 0;
  Mix() {
    if (const char* which = getenv("SUITE_MIX")) on = true, turn = *which == '1';
  }
} mix;

int64_t call_kernel(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e) {
  register int64_t r10 asm("r10") = d;
  register int64_t r8 asm("r8") = e;
  asm volatile("syscall"
               : "+a"(number)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return number;
}

bool is_plain_path(int64_t path) {
  // Not a bad pointer, which belongs to the test, and not a name of a descriptor.
  if (static_cast<uint64_t>(path) < 4096 || path < 0) return false;
  int64_t probe = call_kernel(SYS_access, path, 0, 0, 0, 0);
  if (probe == -EFAULT) return false;
  auto* text = reinterpret_cast<const char*>(path);
  return strncmp(text, "/proc/", 6) != 0 && strncmp(text, "/dev/", 5) != 0;
}

bool names_paths_alone(long number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e) {
  auto here = [](int64_t directory) { return static_cast<int32_t>(directory) == AT_FDCWD; };
  switch (number) {
    case SYS_stat:
    case SYS_lstat:
    case SYS_access:
    case SYS_readlink:
    case SYS_mkdir:
    case SYS_rmdir:
    case SYS_unlink:
    case SYS_mknod:
    case SYS_chmod:
    case SYS_chown:
    case SYS_lchown:
    case SYS_truncate:
    case SYS_utimes:
    case SYS_statfs:
    case SYS_setxattr:
    case SYS_lsetxattr:
    case SYS_getxattr:
    case SYS_lgetxattr:
    case SYS_listxattr:
    case SYS_removexattr:
      return is_plain_path(a);
    case SYS_rename:
    case SYS_link:
    case SYS_symlink:
      return is_plain_path(a) && is_plain_path(b);
    case SYS_newfstatat:
    case SYS_fchownat:
      return here(a) && is_plain_path(b) && !((number == SYS_fchownat ? e : d) & AT_EMPTY_PATH);
    case SYS_mkdirat:
    case SYS_unlinkat:
    case SYS_fchmodat:
    case SYS_readlinkat:
      return here(a) && is_plain_path(b);
    case SYS_renameat2:
      return here(a) && is_plain_path(b) && here(c) && is_plain_path(d);
    default:
      return false;
  }
}

}  // namespace

int64_t call(long number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f) {
  if (mix.on && names_paths_alone(number, a, b, c, d, e) && ++mix.turn % 2)
    return call_kernel(number, a, b, c, d, e);
  int64_t result = syscall(number, a, b, c, d, e, f);
  return result == -1 ? -static_cast<int64_t>(errno) : result;
}

void say(const std::string& claim, const std::string& answer) {
  std::string text = part_name + ": " + claim;
  int times = ++claims[text];
  if (times > 1) text += " #" + std::to_string(times);
  printf("%s = %s\n", text.c_str(), answer.c_str());
}
void say(const std::string& claim, int64_t number) { say(claim, shown(number)); }

std::string shown(int64_t result) {
  if (result >= 0 || result < -4095) return std::to_string(result);
  const char* name = strerrorname_np(static_cast<int>(-result));
  return name ? name : std::to_string(result);
}
std::string ok(int64_t result) { return result >= 0 ? "ok" : shown(result); }

void go_to_top() {
  if (call(SYS_chdir, arg(top)) < 0) lost("the top cannot be entered");
}

void fresh() {
  go_to_top();
  call(SYS_umask, 022);
  int64_t here = call(SYS_open, arg("."), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat s;
  if (here < 0 || call(SYS_fstat, here, arg(&s)) != 0)
    lost("the working directory cannot be opened");
  if (s.st_dev != top_is.st_dev || s.st_ino != top_is.st_ino)
    lost("the working directory is not the top");
  remove_content(static_cast<int>(here));
  call(SYS_close, here);
}

void make_file(const std::string& path, const std::string& content, int mode) {
  int64_t fd = call(SYS_open, arg(path), O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (fd < 0) return say("make_file " + path, shown(fd));
  if (!content.empty()) {
    int64_t wrote = call(SYS_write, fd, arg(content.data()), static_cast<int64_t>(content.size()));
    if (wrote != static_cast<int64_t>(content.size()))
      say("make_file writes all of " + path, shown(wrote));
  }
  call(SYS_close, fd);
}

std::string read_file(const std::string& path) {
  int64_t fd = call(SYS_open, arg(path), O_RDONLY);
  if (fd < 0) return shown(fd);
  std::string content;
  char buffer[65536];
  int64_t size;
  while ((size = call(SYS_read, fd, arg(buffer), sizeof buffer)) > 0)
    content.append(buffer, static_cast<size_t>(size));
  call(SYS_close, fd);
  return size < 0 ? shown(size) : content;
}

std::string hash(const std::string& text) {
  uint64_t value = 1469598103934665603ull;
  for (unsigned char c : text) value = (value ^ c) * 1099511628211ull;
  char out[20];
  snprintf(out, sizeof out, "%016lx", static_cast<unsigned long>(value));
  return out;
}

std::string pattern(size_t size, unsigned seed) {
  std::string text(size, 0);
  for (size_t i = 0; i < size; i++) text[i] = static_cast<char>((i * 7 + i / 251 + seed) & 0xff);
  return text;
}

std::string describe_tree(const std::string& path) {
  struct stat s;
  int64_t got = call(SYS_lstat, arg(path), arg(&s));
  if (got < 0) return shown(got);
  char text[64];
  snprintf(text, sizeof text, "%o/%lu/%u:%u", s.st_mode, s.st_nlink, s.st_uid, s.st_gid);
  std::string out = text;
  if (S_ISREG(s.st_mode))
    return out + "/" + std::to_string(s.st_size) + "/" + hash(read_file(path));
  if (S_ISLNK(s.st_mode)) {
    char target[4097] = {};
    call(SYS_readlink, arg(path), arg(target), 4096);
    return out + "->" + target;
  }
  if (!S_ISDIR(s.st_mode)) return out;
  int64_t fd = call(SYS_open, arg(path), O_RDONLY | O_DIRECTORY);
  if (fd < 0) return out + "(" + shown(fd) + ")";
  std::vector<std::string> names;
  alignas(8) char buffer[8192];
  int64_t size;
  while ((size = call(SYS_getdents64, fd, arg(buffer), sizeof buffer)) > 0)
    for (int64_t at = 0; at < size;) {
      auto* entry = reinterpret_cast<dirent64*>(buffer + at);
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name + "#" + std::to_string(entry->d_type));
      at += entry->d_reclen;
    }
  call(SYS_close, fd);
  std::sort(names.begin(), names.end());
  out += "{";
  for (const auto& name : names)
    out += name + "=" + describe_tree(path + "/" + name.substr(0, name.rfind('#'))) + " ";
  return out + "}";
}

void shut(std::initializer_list<int64_t> fds) {
  for (int64_t fd : fds)
    if (fd >= 0) call(SYS_close, fd);
}

std::string in_child(std::string (*body)()) {
  int ends[2];
  if (pipe(ends) < 0) return "no pipe";
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    std::string answer = body();
    ssize_t wrote = write(ends[1], answer.data(), answer.size());
    _exit(wrote == static_cast<ssize_t>(answer.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string answer;
  char buffer[4096];
  ssize_t size;
  while ((size = read(ends[0], buffer, sizeof buffer)) > 0)
    answer.append(buffer, static_cast<size_t>(size));
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return answer;
}

// DIRECTORY/suite/top: what goes up one level from the top is still ours.
void set_up(const char* directory) {
  std::string above = std::string(directory) + "/suite";
  top = above + "/top";
  call(SYS_mkdir, arg(above), 0755);
  call(SYS_mkdir, arg(top), 0755);
  if (top[0] != '/' || call(SYS_lstat, arg(top), arg(&top_is)) != 0 || !S_ISDIR(top_is.st_mode))
    lost("there is no top");
}

void list_parts() {
  for (Part* part = parts; part; part = part->next) printf("%s\n", part->name);
}

void run_parts(int count, char** wanted) {
  for (Part* part = parts; part; part = part->next) {
    bool selected = count == 0;
    for (int i = 0; i < count; i++) selected |= strcmp(wanted[i], part->name) == 0;
    if (!selected) continue;
    part_name = part->name;
    fresh();
    part->run();
    fflush(stdout);
  }
  fresh();
}

}  // namespace suite

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: posix_suite DIRECTORY [PART…] | --parts\n");
    return 2;
  }
  if (strcmp(argv[1], "--parts") == 0) {
    suite::list_parts();
    return 0;
  }
  // What a run inherits must not show in its answers.
  for (int fd = 3; fd < 64; fd++) close(fd);
  struct rlimit limit = {1024, 1024};
  setrlimit(RLIMIT_NOFILE, &limit);
  suite::set_up(argv[1]);
  suite::run_parts(argc - 2, argv + 2);
  return 0;
}
