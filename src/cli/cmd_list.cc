// SPDX-License-Identifier: MIT
// btfuse list: the bt_fuse mounts this process can see, from the kernel's own table, so that one whose daemon is gone is listed
// too; the daemon is what the registry of this user knows of.
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/mount_table.h"
#include "registry/writer.h"

namespace bt::cli {

int cmd_list(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  arguments.words(0, 0);
  std::map<std::string, uint32_t> daemons;  // by mount point, those alive
  for (const registry::MountRecord& mount : registry::all_mounts(registry::run_directory_path()))
    if (registry::is_alive(mount)) daemons[mount.mount_point] = mount.daemon_pid;
  JsonWriter json;
  json.begin_array();
  for (const MountEntry& mount : our_mounts()) {
    auto daemon = daemons.find(mount.mountpoint);
    uint32_t pid = daemon == daemons.end() ? 0 : daemon->second;
    if (!as_json) {
      std::string who = pid ? "daemon " + std::to_string(pid) : "no daemon of this user";
      std::printf("%s  %s  %s  (%s)\n", mount.mountpoint.c_str(), mount.source.c_str(),
                  mount.options.c_str(), who.c_str());
      continue;
    }
    json.begin_object();
    json.member("mountpoint", mount.mountpoint);
    json.member("source", mount.source);
    json.member("options", mount.options);
    json.member("device", mount.device);
    json.member("daemon_pid", pid);
    json.end_object();
  }
  json.end_array();
  if (as_json) std::puts(json.text().c_str());
  return 0;
}

}  // namespace bt::cli
