// SPDX-License-Identifier: MIT
#include "cli/crossings/connection.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/command_error.h"

namespace bt::cli {
namespace {

// The kernel names the connection of an open /dev/fuse in its fdinfo since 6.x. Before, every opener is a candidate.
enum class Serves { kYes, kNo, kUnknown };

Serves serves(const std::filesystem::path& fdinfo, uint32_t number) {
  std::ifstream file(fdinfo);
  std::string word;
  while (file >> word) {
    if (word != "fuse_connection:") continue;
    uint32_t found = 0;
    file >> found;
    return found == number ? Serves::kYes : Serves::kNo;
  }
  return Serves::kUnknown;
}

Serves process_serves(const std::filesystem::path& process, uint32_t number) {
  Serves best = Serves::kNo;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(process / "fd", failure)) {
    std::error_code unreadable;
    if (std::filesystem::read_symlink(entry.path(), unreadable) != "/dev/fuse") continue;
    Serves found = serves(process / "fdinfo" / entry.path().filename(), number);
    if (found == Serves::kYes) return found;
    if (found == Serves::kUnknown) best = found;
  }
  return best;
}

std::vector<int> find_daemons(uint32_t number) {
  std::vector<int> certain, possible;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    Serves found = process_serves(entry.path(), number);
    if (found == Serves::kYes) certain.push_back(pid);
    if (found == Serves::kUnknown) possible.push_back(pid);
  }
  return certain.empty() ? possible : certain;
}

}  // namespace

FuseConnection find_connection(const std::string& mountpoint) {
  char real[PATH_MAX];
  if (!realpath(mountpoint.c_str(), real)) throw command_error(mountpoint, errno);
  FuseConnection connection;
  std::ifstream mounts("/proc/self/mountinfo");
  std::string line;
  while (std::getline(mounts, line)) {
    std::istringstream fields(line);
    std::string id, parent, device, root, place, field;
    fields >> id >> parent >> device >> root >> place;
    if (place != real) continue;
    while (fields >> field && field != "-") {
    }
    fields >> connection.type >> connection.source;
    connection.number = static_cast<uint32_t>(std::atoi(device.c_str() + device.find(':') + 1));
  }
  if (connection.type != "fuse" && connection.type != "fuseblk" &&
      connection.type.rfind("fuse.", 0) != 0)
    throw CommandError(mountpoint, "not the mount point of a FUSE file system");
  connection.mountpoint = real;
  connection.daemons = find_daemons(connection.number);
  return connection;
}

}  // namespace bt::cli
