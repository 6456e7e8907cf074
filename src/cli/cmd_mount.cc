// SPDX-License-Identifier: MIT
// btfuse mount: checks what was asked for, makes a volume, mounts it, and leaves a supervisor behind (docs/daemon.md). Every
// reason not to is one line, given before anything is changed where that is possible.
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/command.h"
#include "cli/mount_table.h"
#include "fuse/kernel_mount.h"
#include "fuse/supervisor.h"
#include "registry/writer.h"

namespace bt::cli {
namespace {

constexpr uint64_t kSizeMin = 16ull << 20;
constexpr uint64_t kSizeMax = 16ull << 40;
// Of a cache before a directory: inodes that it has room for, and what their records and names' take. A hair less than a power
// of two, for there is an index of as many words: each name touches a page of it, so it should not be larger than it must.
constexpr uint64_t kInodesOfOrigin = (2 << 20) - 16;
constexpr uint64_t kRecordsBytes = kInodesOfOrigin * 384;
constexpr uint64_t kBytesPerInodeOfOrigin = 32 << 10;  // of a very large one

bool is_below(const std::string& path, const std::string& directory) {
  if (directory == "/") return true;
  return path.size() > directory.size() && path.compare(0, directory.size(), directory) == 0 &&
         path[directory.size()] == '/';
}

void check_is_free(const std::string& path, const std::string& what) {
  for (const MountEntry& mount : our_mounts()) {
    if (mount.mountpoint == path) throw CommandError(what, "already mounted");
    if (is_below(path, mount.mountpoint))
      throw CommandError(what, "lies in the bt_fuse mount " + mount.mountpoint);
  }
}

void check_is_empty(const std::string& path, const std::string& what) {
  std::error_code error;
  std::filesystem::directory_iterator entries(path, error);
  if (error) throw CommandError(what, std::strerror(error.value()));
  if (entries != std::filesystem::directory_iterator())
    throw CommandError(what, "the directory is not empty");
}

// The real path of a directory that can be mounted on.
std::string check_mount_point(const std::string& word) {
  std::string what = "mount " + word;
  char real[PATH_MAX];
  if (!realpath(word.c_str(), real)) {
    int error = errno;
    if (error == ENOTCONN)
      throw CommandError(what,
                         "a mount whose daemon is gone is there (btfuse umount takes it away)");
    throw CommandError(what, error == ENOENT ? "no such directory" : std::strerror(error));
  }
  struct stat status;
  if (stat(real, &status) != 0)
    throw CommandError(what,
                       errno == ENOTCONN
                           ? "a mount whose daemon is gone is there (btfuse umount takes it away)"
                           : std::strerror(errno));
  check_is_free(real, what);
  if (!S_ISDIR(status.st_mode)) throw CommandError(what, "not a directory");
  check_is_empty(real, what);
  return real;
}

// Half the memory of the machine, as tmpfs has it.
uint64_t default_size() {
  struct sysinfo info;
  if (sysinfo(&info) != 0) return 1ull << 30;
  return std::clamp(static_cast<uint64_t>(info.totalram) * info.mem_unit / 2, kSizeMin, kSizeMax);
}

uint64_t check_size(const std::string& option, const std::string& text) {
  std::string what = option + " " + text;
  std::optional<uint64_t> size = parse_size(text);
  if (!size) throw CommandError(what, "not a size (examples: 512M, 4G, 1.5T)");
  if (*size < kSizeMin) throw CommandError(what, "too small: at least 16M");
  if (*size > kSizeMax) throw CommandError(what, "too large: at most 16T");
  return *size;
}

// One log a mount point, begun anew with each mount, so that logs do not pile up.
std::string log_name_for(const std::string& directory, const std::string& mount_point) {
  std::string name = mount_point;
  std::replace(name.begin(), name.end(), '/', '-');
  if (name.size() > 200) name = name.substr(name.size() - 200);
  return directory + "/log" + name;
}

int open_log_file(const std::string& name) {
  int file =
      open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) throw command_error("log " + name, errno);
  return file;
}

// The daemon keeps its three descriptors and nothing that the caller's shell or test happened to have open.
void let_go_of_the_caller(const fuse::Mount& mount, int ready) {
  setsid();
  if (chdir("/") != 0) std::abort();
  int null = open("/dev/null", O_RDWR);
  for (int i = 0; i < 3; i++) dup2(null, i);
  std::vector<int> kept = {mount.volume.file, mount.device, mount.log_file, ready};
  if (mount.origin.source >= 0) kept.push_back(mount.origin.source);
  if (mount.origin.watch >= 0) kept.push_back(mount.origin.watch);
  std::sort(kept.begin(), kept.end());
  unsigned next = 3;
  for (int number : kept) {
    if (static_cast<unsigned>(number) > next)
      syscall(SYS_close_range, next, static_cast<unsigned>(number) - 1, 0);
    next = static_cast<unsigned>(number) + 1;
  }
  syscall(SYS_close_range, next, ~0u, 0);
}

[[noreturn]] void run_in_background(const fuse::Mount& mount, int ready) {
  let_go_of_the_caller(mount, ready);
  int status = fuse::supervise(mount, [&](const std::string& problem) {
    std::string answer = (problem.empty() ? "+" : "-" + problem) + "\n";
    [[maybe_unused]] ssize_t written = write(ready, answer.data(), answer.size());
    close(ready);
  });
  _exit(status);
}

// What the supervisor said once it knew: "" or why it does not serve.
std::string wait_until_ready(int pipe) {
  // Up to the end of the line: workers hold the other end too, so there may be no end of file.
  std::string answer;
  char part[512];
  while (answer.empty() || answer.back() != '\n') {
    ssize_t got = read(pipe, part, sizeof part);
    if (got == 0 || (got < 0 && errno != EINTR)) break;
    if (got > 0) answer.append(part, static_cast<size_t>(got));
  }
  if (answer.empty()) return "the daemon died while it started";
  if (answer.back() == '\n') answer.pop_back();
  return answer[0] == '+' ? "" : answer.substr(1);
}

void start_in_background(const fuse::Mount& mount, const std::string& what) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) throw command_error(what, errno);
  pid_t child = fork();
  if (child < 0) throw command_error(what, errno);
  if (child == 0) run_in_background(mount, ready[1]);
  close(ready[1]);
  std::string problem = wait_until_ready(ready[0]);
  close(ready[0]);
  if (problem.empty()) return;
  fuse::abandon_mount(mount);
  throw CommandError(what, problem + " (log: " + mount.log_name + ")");
}

// --dir and what goes with it. The source must be a directory that is not below the mount point, or it would wait for itself.
origin::Settings read_origin(Arguments& arguments, uint64_t size) {
  origin::Settings settings;
  std::optional<std::string> source = arguments.value("--dir");
  std::optional<std::string> valid = arguments.value("--valid");
  bool no_watch = arguments.flag("--no-watch");
  settings.write_through = arguments.flag("--sync");
  settings.prefetch = !arguments.flag("--no-prefetch");
  std::optional<std::string> min = arguments.value("--cache-min"),
                             max = arguments.value("--cache-max");
  if (!source) {
    if (valid || no_watch || settings.write_through || !settings.prefetch || min || max)
      throw CommandError(
          "mount",
          "--valid, --no-watch, --no-prefetch, --sync, --cache-min and --cache-max go "
          "with --dir");
    return settings;
  }
  settings.source = open(source->c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (settings.source < 0) throw command_error("--dir " + *source, errno);
  if (valid) {
    char* end = nullptr;
    double seconds = std::strtod(valid->c_str(), &end);
    if (end == valid->c_str() || (*end && std::string(end) != "s") || seconds < 0 ||
        seconds > 86400)
      throw CommandError("--valid " + *valid, "not a number of seconds from 0 to 86400");
    settings.valid_ms = static_cast<uint32_t>(seconds * 1000);
  }
  // Where there is none to be had, all is as without it: what is cached is looked at again in time.
  bool asks_each_time = settings.valid_ms == 0;
  if (!no_watch && !asks_each_time) settings.watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  settings.cache_max = max ? check_size("--cache-max", *max) : size;
  settings.cache_min =
      min ? check_size("--cache-min", *min) : std::min<uint64_t>(settings.cache_max, kSizeMin);
  if (settings.cache_min > settings.cache_max)
    throw CommandError("--cache-min " + *min, "larger than --cache-max");
  return settings;
}

fuse::MountOptions read_options(Arguments& arguments) {
  fuse::MountOptions options;
  for (const std::string& text : arguments.values("--options", "-o")) {
    std::string word, why;
    if (!fuse::parse_mount_options(text, options, word, why)) throw CommandError("-o " + word, why);
  }
  return options;
}

void complete_format(engine::FormatOptions& format, uint64_t size,
                     const fuse::MountOptions& options) {
  format.volume_size = size;
  format.owner_uid = geteuid();
  format.owner_gid = getegid();
  format.options = options.volume_options;
  format.root_mode = 0755;
}

fuse::LogLevel read_log_level(Arguments& arguments) {
  fuse::LogLevel level = fuse::LogLevel::kInfo;
  if (auto text = arguments.value("--log-level"); text && !fuse::parse_log_level(*text, level))
    throw CommandError("--log-level " + *text, "not one of error, info, debug");
  return level;
}

std::string make_run_directory() {
  std::string directory = registry::run_directory_path();
  if (auto made = registry::make_run_directory(directory); !made)
    throw CommandError("run directory " + directory,
                       made.error().errno_value() == EPERM
                           ? "it belongs to somebody else, or others may write to it"
                           : std::strerror(made.error().errno_value()));
  return directory;
}

}  // namespace

int cmd_mount(Arguments& arguments) {
  bool in_front = arguments.flag("--foreground", "-f");
  auto asked_size = arguments.value("--size");
  uint64_t size = asked_size ? check_size("--size", *asked_size) : default_size();
  fuse::Mount mount;
  mount.options = read_options(arguments);
  mount.log_level = read_log_level(arguments);
  mount.threads = static_cast<uint32_t>(arguments.number("--threads", 1, 64).value_or(0));
  mount.origin = read_origin(arguments, size);
  engine::FormatOptions format;
  // Room for records and for pages that are being read while others are thrown out. Names and inodes are not evicted: there is
  // room for many whatever the cache's size; what is not used takes no memory.
  if (mount.origin.source >= 0) {
    size = std::min(kSizeMax, mount.origin.cache_max * 2 + kSizeMin + kRecordsBytes);
    format.inodes_max = std::max(kInodesOfOrigin, size / kBytesPerInodeOfOrigin);
  }
  std::string word = arguments.words(1, 1)[0];
  std::string what = "mount " + word;
  if (arguments.has_program())
    throw CommandError(what, "a FUSE daemon behind the cache is not supported in this version");

  mount.run_directory = make_run_directory();
  (void)registry::remove_stale_mounts(mount.run_directory);
  mount.mount_point = check_mount_point(word);
  complete_format(format, size, mount.options);
  if (auto made = fuse::make_volume(format, mount.volume); !made)
    throw command_error(what + ": volume of " + format_size(size), made.error());
  mount.log_name =
      in_front ? "standard error" : log_name_for(mount.run_directory, mount.mount_point);
  if (!in_front) mount.log_file = open_log_file(mount.log_name);
  std::string why;
  mount.device = fuse::kernel_mount(mount.mount_point, mount.options, why);
  if (mount.device < 0) throw CommandError(what, why);

  if (!in_front) {
    start_in_background(mount, what);
    std::printf("%s is mounted, %s; log: %s\n", mount.mount_point.c_str(),
                format_size(size).c_str(), mount.log_name.c_str());
    return 0;
  }
  std::string problem;
  int status = fuse::supervise(mount, [&](const std::string& said) {
    problem = said;
    if (said.empty())
      std::printf("%s is mounted, %s\n", mount.mount_point.c_str(), format_size(size).c_str());
    std::fflush(stdout);
  });
  if (!problem.empty()) throw CommandError(what, problem);
  return status;
}

}  // namespace bt::cli
