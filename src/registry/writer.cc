// SPDX-License-Identifier: MIT
#include "registry/writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>

#include "registry/reader.h"

namespace bt::registry {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

Result<void> write_file(const std::string& name, const std::vector<MountRecord>& mounts) {
  Descriptor file(open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (file.get() < 0) return Error(errno);
  // The agent of a program with another umask must be able to rely on this mode.
  if (fchmod(file.get(), 0644) != 0) return Error(errno);
  RegistryHeader header{kRegistryMagic, sizeof(MountRecord), static_cast<uint32_t>(mounts.size())};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(mounts.data()), mounts.size() * sizeof(MountRecord));
  for (size_t done = 0; done < bytes.size();) {
    ssize_t n = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0) return Error(errno);
    done += static_cast<size_t>(n);
  }
  return {};
}

// Reads, lets `edit` change the list, writes it if it says so.
Result<void> edit_mounts(const std::string& directory,
                         const std::function<Result<bool>(std::vector<MountRecord>&)>& edit) {
  Descriptor lock(
      open((directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() < 0) return Error(errno);
  if (flock(lock.get(), LOCK_EX) != 0) return Error(errno);
  std::vector<MountRecord> mounts = all_mounts(directory);
  auto changed = edit(mounts);
  if (!changed) return changed.error();
  if (!*changed) return {};
  std::string fresh = directory + "/mounts.new";
  BT_TRY(write_file(fresh, mounts));
  if (rename(fresh.c_str(), (directory + "/mounts").c_str()) != 0) return Error(errno);
  return {};
}

}  // namespace

std::string run_directory_path() {
  char directory[kDirectoryBytes];
  if (!run_directory(environ, geteuid(), directory))
    return "/tmp/btfuse-" + std::to_string(geteuid());
  return directory;
}

Result<void> make_run_directory(const std::string& directory) {
  if (mkdir(directory.c_str(), geteuid() == 0 ? 0755 : 0700) != 0 && errno != EEXIST)
    return Error(errno);
  struct stat status;
  if (lstat(directory.c_str(), &status) != 0) return Error(errno);
  if (!S_ISDIR(status.st_mode)) return Error(ENOTDIR);
  if (status.st_uid != geteuid() || (status.st_mode & 022)) return Error(EPERM);
  return {};
}

std::vector<MountRecord> all_mounts(const std::string& directory) {
  std::vector<MountRecord> mounts(kMountsMax);
  auto count = read_mounts(directory.c_str(), geteuid(), mounts.data(), kMountsMax);
  mounts.resize(count.value_or(0));
  return mounts;
}

bool is_alive(const MountRecord& mount) {
  return process_start_time(mount.daemon_pid) == mount.daemon_start_time;
}

MountRecord find_mount(const std::string& directory, const std::string& mount_point) {
  for (const MountRecord& mount : all_mounts(directory))
    if (mount_point == mount.mount_point) return mount;
  return {};
}

Result<void> add_mount(const std::string& directory, const MountRecord& mount) {
  return edit_mounts(directory, [&](std::vector<MountRecord>& mounts) -> Result<bool> {
    std::erase_if(mounts, [&](const MountRecord& other) {
      return !is_alive(other) || std::strcmp(other.mount_point, mount.mount_point) == 0;
    });
    if (mounts.size() >= kMountsMax) return Error(ENOSPC);
    mounts.push_back(mount);
    return true;
  });
}

Result<void> remove_mount(const std::string& directory, uint64_t volume_id) {
  return edit_mounts(directory, [&](std::vector<MountRecord>& mounts) -> Result<bool> {
    return std::erase_if(
               mounts, [&](const MountRecord& mount) { return mount.volume_id == volume_id; }) != 0;
  });
}

Result<uint32_t> remove_stale_mounts(const std::string& directory) {
  uint32_t removed = 0;
  std::vector<MountRecord> mounts = all_mounts(directory);
  if (std::all_of(mounts.begin(), mounts.end(), is_alive)) return 0u;
  BT_TRY(edit_mounts(directory, [&](std::vector<MountRecord>& current) -> Result<bool> {
    removed = static_cast<uint32_t>(
        std::erase_if(current, [](const MountRecord& mount) { return !is_alive(mount); }));
    return removed != 0;
  }));
  return removed;
}

uint64_t process_start_time(uint32_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return 0;
  // The command may hold blanks and brackets; what follows the last bracket is regular, and starts with field 3.
  size_t close_bracket = line.rfind(')');
  if (close_bracket == std::string::npos) return 0;
  std::istringstream words(line.substr(close_bracket + 1));
  std::string word;
  words >> word;
  if (word == "Z" || word == "X") return 0;
  for (int field = 4; field <= 22; field++) words >> word;
  return words ? std::strtoull(word.c_str(), nullptr, 10) : 0;
}

}  // namespace bt::registry
