// SPDX-License-Identifier: MIT
#include "fuse/mount_options.h"

#include <sys/mount.h>

#include <sstream>

#include "format/superblock_format.h"

namespace bt::fuse {
namespace {

// name, its flag, whether the word sets or clears it, what in-process calls must know of it
struct FlagRow {
  const char* name;
  unsigned long flag;
  bool sets;
  uint32_t volume_option;
};
constexpr FlagRow kFlags[] = {
    {"ro", MS_RDONLY, true, format::kOptionReadOnly},
    {"rw", MS_RDONLY, false, format::kOptionReadOnly},
    {"nosuid", MS_NOSUID, true, format::kOptionNoSuid},
    {"suid", MS_NOSUID, false, format::kOptionNoSuid},
    {"nodev", MS_NODEV, true, 0},
    {"dev", MS_NODEV, false, 0},
    {"noexec", MS_NOEXEC, true, format::kOptionNoExec},
    {"exec", MS_NOEXEC, false, format::kOptionNoExec},
    {"noatime", MS_NOATIME, true, format::kOptionNoAtime},
    {"atime", MS_NOATIME, false, format::kOptionNoAtime},
    {"nodiratime", MS_NODIRATIME, true, 0},
    {"sync", MS_SYNCHRONOUS, true, 0},
    {"async", MS_SYNCHRONOUS, false, 0},
};

bool apply_flag(const std::string& word, MountOptions& options) {
  for (const FlagRow& row : kFlags) {
    if (word != row.name) continue;
    options.flags = row.sets ? options.flags | row.flag : options.flags & ~row.flag;
    options.volume_options = row.sets ? options.volume_options | row.volume_option
                                      : options.volume_options & ~row.volume_option;
    return true;
  }
  return false;
}

}  // namespace

MountOptions::MountOptions() : flags(MS_NOSUID | MS_NODEV), volume_options(format::kOptionNoSuid) {}

bool parse_mount_options(const std::string& text, MountOptions& options, std::string& word,
                         std::string& why) {
  std::istringstream words(text);
  while (std::getline(words, word, ',')) {
    if (word.empty() || apply_flag(word, options)) continue;
    if (word == "allow_other") {
      // Nobody but the kernel is asked who may open a pipe, a socket or a device.
      options.allow_other = options.default_permissions = true;
      options.volume_options |= format::kOptionAllowOther;
    } else if (word == "default_permissions") {
      options.default_permissions = true;
    } else if (word.rfind("fsname=", 0) == 0) {
      options.source = word.substr(7);
      if (options.source.empty()) {
        why = "the name is empty";
        return false;
      }
    } else {
      why =
          "not an option of btfuse mount (ro, rw, nosuid, suid, nodev, dev, noexec, exec, noatime, "
          "allow_other, default_permissions, fsname=NAME)";
      return false;
    }
  }
  return true;
}

std::string fusermount_options(const MountOptions& options) {
  std::string text = "fsname=" + options.source + ",subtype=bt_fuse";
  auto add = [&](const char* word, bool wanted) {
    if (wanted) text += std::string(",") + word;
  };
  add("ro", options.flags & MS_RDONLY);
  add("noexec", options.flags & MS_NOEXEC);
  add("noatime", options.flags & MS_NOATIME);
  add("nodiratime", options.flags & MS_NODIRATIME);
  add("sync", options.flags & MS_SYNCHRONOUS);
  add("suid", !(options.flags & MS_NOSUID));
  add("dev", !(options.flags & MS_NODEV));
  add("allow_other", options.allow_other);
  add("default_permissions", options.default_permissions);
  return text;
}

}  // namespace bt::fuse
