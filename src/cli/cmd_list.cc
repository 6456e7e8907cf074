// SPDX-License-Identifier: MIT
// btfuse list: the bt_fuse mounts this process can see, from the kernel's own table, so that one whose daemon is gone is
// listed too.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/mount_table.h"

namespace bt::cli {

int cmd_list(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  arguments.words(0, 0);
  std::vector<MountEntry> mounts = our_mounts();
  if (as_json) {
    JsonWriter json;
    json.begin_array();
    for (const MountEntry& mount : mounts) {
      json.begin_object();
      json.member("mountpoint", mount.mountpoint);
      json.member("source", mount.source);
      json.member("options", mount.options);
      json.member("device", mount.device);
      json.end_object();
    }
    json.end_array();
    std::puts(json.text().c_str());
    return 0;
  }
  for (const MountEntry& mount : mounts)
    std::printf("%s  %s  %s\n", mount.mountpoint.c_str(), mount.source.c_str(),
                mount.options.c_str());
  return 0;
}

}  // namespace bt::cli
