// SPDX-License-Identifier: MIT
#include "cli/mount_table.h"

#include <fstream>
#include <sstream>

namespace bt::cli {
namespace {

// \040 and its like stand for the bytes that would break the table's columns.
std::string unescape(const std::string& text) {
  auto octal = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
  std::string result;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      result +=
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> mounts;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string id, parent, root, word, super_options;
    MountEntry mount;
    words >> id >> parent >> mount.device >> root >> mount.mountpoint >> mount.options;
    while (words >> word && word != "-") {
    }
    if (!(words >> mount.type >> mount.source)) continue;
    mount.mountpoint = unescape(mount.mountpoint);
    mount.source = unescape(mount.source);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::vector<MountEntry> all_mounts() {
  std::ifstream file("/proc/self/mountinfo");
  std::ostringstream text;
  text << file.rdbuf();
  return parse_mountinfo(text.str());
}

std::vector<MountEntry> our_mounts() {
  std::vector<MountEntry> mounts = all_mounts();
  std::erase_if(mounts, [](const MountEntry& mount) { return mount.type != kFilesystemType; });
  return mounts;
}

}  // namespace bt::cli
