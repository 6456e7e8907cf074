// SPDX-License-Identifier: MIT
#include "cli/bench/others.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/bench/measure.h"
#include "cli/bench/programs.h"

namespace bt::cli::bench {
namespace {

bool is_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string folders = path ? path : "";
  for (size_t begin = 0; begin <= folders.size();) {
    size_t end = folders.find(':', begin);
    if (end == std::string::npos) end = folders.size();
    if (access((folders.substr(begin, end - begin) + "/" + program).c_str(), X_OK) == 0)
      return true;
    begin = end + 1;
  }
  return false;
}

// By the longest mount point of /proc/self/mounts that the directory is below.
std::string file_system_of(const std::string& directory) {
  std::ifstream mounts("/proc/self/mounts");
  std::string device, place, type, rest, best_type;
  size_t best = 0;
  while (mounts >> device >> place >> type && std::getline(mounts, rest)) {
    bool below = place == "/" || directory == place || directory.starts_with(place + "/");
    if (below && place.size() >= best) best = place.size(), best_type = type;
  }
  return best_type;
}

bool is_mounted(const std::string& directory) {
  struct stat inside {
  }, outside{};
  return stat(directory.c_str(), &inside) == 0 &&
         stat((directory + "/..").c_str(), &outside) == 0 && inside.st_dev != outside.st_dev;
}

}  // namespace

Others::Others(const std::string& native) {
  char root[] = "/var/tmp/btfuse-bench.XXXXXX";
  if (!mkdtemp(root)) {
    say(std::string("/var/tmp: ") + std::strerror(errno) + ": other file systems are not compared");
    return;
  }
  root_ = root;
  add_disk();
  add_fuse(Way::kBindfs, "bindfs", native);
  add_fuse(Way::kPassthrough, "passthrough", native);
}

Others::~Others() {
  if (root_.empty()) return;
  for (const std::string& directory : mounted_) {
    try {
      run_program({"fusermount3", "-u", "-z", directory}, 20);
    } catch (const std::exception& problem) {
      say(problem.what());
      return;  // Something is still mounted below: nothing is removed.
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void Others::add_disk() {
  std::string type = file_system_of(root_);
  if (type == "tmpfs") return;
  disk_type_ = type;
  std::filesystem::create_directory(root_ + "/disk");
  list_.push_back({Way::kDisk, root_ + "/disk"});
}

// bindfs SOURCE MOUNTPOINT; libfuse's example mirrors the whole tree, from the root on.
void Others::add_fuse(Way way, const std::string& program, const std::string& native) {
  if (!is_in_path(program)) return say(program + " is not installed: not compared");
  std::string mount_point = root_ + "/" + program;
  std::filesystem::create_directory(mount_point);
  std::vector<std::string> words = {program};
  if (way == Way::kBindfs) words.push_back(native);
  words.push_back(mount_point);
  try {
    run_program(words, 20);
  } catch (const std::exception& problem) {
    return say(std::string(problem.what()) + ": not compared");
  }
  if (!is_mounted(mount_point)) return say(program + " mounts nothing: not compared");
  mounted_.push_back(mount_point);
  std::string inside = way == Way::kBindfs ? mount_point : mount_point + native;
  std::filesystem::create_directory(inside + "/" + program);
  list_.push_back({way, inside + "/" + program});
}

}  // namespace bt::cli::bench
