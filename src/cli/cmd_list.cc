// SPDX-License-Identifier: MIT
// btfuse list: the bt_fuse mounts this process can see, from the kernel's own table, so that one whose daemon is gone is
// listed too; and what this user's registry knows of each.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/mount_table.h"
#include "cli/volume_view.h"
#include "registry/writer.h"

namespace bt::cli {
namespace {

// What the registry and the volume say. supervisor 0: not in this user's registry, or dead.
struct Served {
  uint32_t supervisor = 0, worker = 0;
  uint64_t volume_size = 0;
};

Served find_served(const std::string& mount_point) {
  registry::MountRecord record = registry::find_mount(registry::run_directory_path(), mount_point);
  if (record.volume_id == 0 || !registry::is_alive(record)) return {};
  Served served{record.daemon_pid, 0, record.volume_size};
  try {
    VolumeView view(record);
    served.worker = __atomic_load_n(&view.volume().superblock().daemon_pid, __ATOMIC_ACQUIRE);
  } catch (const CommandError&) {
    // It ended while we looked.
  }
  return served;
}

void print_json(const std::vector<MountEntry>& mounts) {
  JsonWriter json;
  json.begin_array();
  for (const MountEntry& mount : mounts) {
    Served served = find_served(mount.mountpoint);
    json.begin_object();
    json.member("mountpoint", mount.mountpoint);
    json.member("source", mount.source);
    json.member("options", mount.options);
    json.member("device", mount.device);
    json.member("served", served.supervisor != 0);
    json.member("supervisor", served.supervisor);
    json.member("worker", served.worker);
    json.member("volume_size", served.volume_size);
    json.end_object();
  }
  json.end_array();
  std::puts(json.text().c_str());
}

}  // namespace

int cmd_list(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  arguments.words(0, 0);
  (void)registry::remove_stale_mounts(registry::run_directory_path());
  std::vector<MountEntry> mounts = our_mounts();
  if (as_json) {
    print_json(mounts);
    return 0;
  }
  for (const MountEntry& mount : mounts) {
    Served served = find_served(mount.mountpoint);
    std::string who = served.supervisor ? "pid " + std::to_string(served.supervisor)
                                        : "not served by this user's daemons";
    std::printf("%s  %s  %s  %s\n", mount.mountpoint.c_str(), mount.source.c_str(),
                mount.options.c_str(), who.c_str());
  }
  return 0;
}

}  // namespace bt::cli
