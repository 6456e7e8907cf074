// SPDX-License-Identifier: MIT
// btfuse umount: takes a mount away and returns when its daemon is gone. Also cleans up after a daemon that died.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/command.h"
#include "cli/mount_table.h"
#include "fuse/kernel_mount.h"
#include "registry/writer.h"

namespace bt::cli {
namespace {

constexpr int kPatienceSteps = 100, kWaitSteps = 500;
constexpr useconds_t kWaitStepUs = 10000;

// The path as the kernel's table has it. A mount whose daemon is dead cannot be asked, so the parent is.
std::string resolve(const std::string& word) {
  char real[PATH_MAX];
  std::filesystem::path path(word);
  if (!path.has_filename() && path.has_parent_path()) path = path.parent_path();
  std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  if (realpath(word.c_str(), real)) return real;
  if (realpath(parent.c_str(), real)) {
    std::string directory = real;
    return (directory == "/" ? "" : directory) + "/" + path.filename().string();
  }
  return word;
}

// ours: a mount of ours is topmost there.
bool is_mounted(const std::string& path, bool& ours) {
  bool found = false;
  for (const MountEntry& mount : all_mounts())
    if (mount.mountpoint == path) {
      found = true;
      ours = mount.type == kFilesystemType;
    }
  return found;
}

bool wait_for_end(const registry::MountRecord& record, int steps = kWaitSteps) {
  for (int i = 0; i < steps; i++) {
    if (!registry::is_alive(record)) return true;
    usleep(kWaitStepUs);
  }
  return false;
}

// The mount is gone from our table. The daemon ends when the kernel drops it, which it does not while another mount
// namespace (a container, a sandbox) holds a copy: the daemon is told, then, and those who use the copy get errors.
bool end_daemon(const registry::MountRecord& record) {
  if (wait_for_end(record, kPatienceSteps)) return true;
  return kill(static_cast<pid_t>(record.daemon_pid), SIGTERM) != 0 || wait_for_end(record);
}

void unmount(const std::string& path, const std::string& what, fuse::Unmount how) {
  std::string why;
  int error = fuse::kernel_unmount(path, how, why);
  if (error == EBUSY)
    throw CommandError(
        what,
        "in use (--lazy detaches it and serves those who use it; --force ends it for them too)");
  if (error != 0) throw CommandError(what, why);
}

}  // namespace

int cmd_umount(Arguments& arguments) {
  bool lazy = arguments.flag("--lazy", "-l");
  bool force = arguments.flag("--force", "-f");
  std::string word = arguments.words(1, 1)[0];
  std::string what = "umount " + word;
  std::string path = resolve(word);
  std::string directory = registry::run_directory_path();
  registry::MountRecord record = registry::find_mount(directory, path);
  bool is_served = record.volume_id != 0 && registry::is_alive(record);

  bool ours = false;
  if (!is_mounted(path, ours)) {
    struct stat status;
    bool exists = lstat(path.c_str(), &status) == 0;
    (void)registry::remove_stale_mounts(directory);
    throw CommandError(what, exists ? "not mounted" : std::strerror(errno));
  }
  if (!ours) throw CommandError(what, "not a bt_fuse mount");

  if (force && is_served && kill(static_cast<pid_t>(record.daemon_pid), SIGTERM) == 0) {
    if (!wait_for_end(record)) throw CommandError(what, "its daemon does not end");
    return 0;
  }
  struct stat status;
  bool is_dead = stat(path.c_str(), &status) != 0 && errno == ENOTCONN;
  // Nobody serves it: whoever still uses it gets errors anyway, so there is nothing to wait for.
  bool detach = lazy || force || is_dead;
  unmount(path, what, detach ? fuse::Unmount::kLazy : fuse::Unmount::kPlain);
  if (is_served && lazy)
    (void)registry::remove_mount(directory, record.volume_id);
  else if (is_served && !end_daemon(record))
    throw CommandError(what, "unmounted, but its daemon does not end");
  (void)registry::remove_stale_mounts(directory);
  return 0;
}

}  // namespace bt::cli
