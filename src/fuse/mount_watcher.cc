// SPDX-License-Identifier: MIT
#include "fuse/mount_watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "engine/covers.h"
#include "engine/thread.h"
#include "fuse/kernel_mount.h"
#include "fuse/log.h"

namespace bt::fuse {
namespace {

constexpr int kLookEveryMs = 200;  // whether to stop

// The inode a path below the root leads to; 0: it is gone by now.
uint64_t find_inode(engine::Context& context, const std::string& path) {
  engine::Found found{engine::kRootInode, 0, 0, 0};
  std::istringstream names(path);
  for (std::string name; std::getline(names, name, '/');) {
    if (name.empty()) continue;
    base::Text text = {name.data(), static_cast<uint32_t>(name.size())};
    if (!engine::lookup(context, found.inode, text, found)) return 0;
  }
  return found.inode.value;
}

}  // namespace

std::vector<std::string> covered_paths(std::istream& table, const std::string& mount_point,
                                       uint64_t device) {
  std::vector<MountRow> rows;
  std::set<int> ours;
  for (std::string line; std::getline(table, line);) {
    MountRow row;
    if (!parse_mount_row(line, row)) continue;
    if (row.point == mount_point && row.device == device) ours.insert(row.id);
    rows.push_back(row);
  }
  std::vector<std::string> covered;
  for (const MountRow& row : rows) {
    bool is_below = row.point.compare(0, mount_point.size() + 1, mount_point + "/") == 0;
    if (ours.count(row.parent) && (row.point == mount_point || is_below))
      covered.push_back(row.point.substr(mount_point.size()));
  }
  return covered;
}

MountWatcher::MountWatcher(engine::Volume& volume, format::SessionIndex session,
                           const std::string& mount_point)
    : volume_(volume), session_(session), mount_point_(mount_point), thread_([this] { run(); }) {}

MountWatcher::~MountWatcher() {
  stop_.store(true);
  thread_.join();
}

void MountWatcher::read_table(engine::Context& context) {
  std::ifstream table("/proc/self/mountinfo");
  uint64_t device = __atomic_load_n(&volume_.superblock().kernel_device, __ATOMIC_ACQUIRE);
  std::set<uint64_t> now;
  for (const std::string& path : covered_paths(table, mount_point_, device))
    if (uint64_t inode = find_inode(context, path)) now.insert(inode);
  if (now != covered_ || !published_) {
    for (uint64_t inode : covered_)
      if (!now.count(inode)) (void)engine::mark_covered(context, {inode}, false).has_value();
    for (uint64_t inode : now) (void)engine::mark_covered(context, {inode}, true).has_value();
    engine::publish_covers(volume_, !now.empty());
    BT_LOG(kDebug, "%zu places of the mount are covered by other mounts", now.size());
    covered_ = now;
    published_ = true;
  }
  __atomic_add_fetch(&volume_.superblock().mounts_read, 1, __ATOMIC_RELEASE);
}

void MountWatcher::run() {
  engine::Thread thread;
  thread.volume = &volume_;
  int changes = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  if (changes < 0 || !engine::attach_thread(thread, session_)) {
    BT_LOG(kError, "mounts of others below %s are not seen", mount_point_.c_str());
    if (changes >= 0) close(changes);
    return;
  }
  engine::Credentials daemon;
  daemon.trusted = true;
  engine::Context context{thread, daemon};
  read_table(context);
  while (!stop_.load()) {
    pollfd polled{changes, POLLPRI, 0};
    if (poll(&polled, 1, kLookEveryMs) > 0) read_table(context);
  }
  engine::detach_thread(thread);
  close(changes);
}

}  // namespace bt::fuse
