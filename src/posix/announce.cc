// SPDX-License-Identifier: MIT
#include "posix/announce.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "base/words.h"
#include "posix/first_look.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;
using base::Text;

namespace {

// More mount points, or longer ones, are not remembered: the volumes are mapped at once.
constexpr uint32_t kAnnouncedMax = 2;
// Deeper working directories likewise.
constexpr uint32_t kDirectoryPathBytes = 512;

// All of this is written at load alone.
constinit registry::MountPoint points[kAnnouncedMax] = {};
// Bytes of the mount point up to and with the slash behind the working directory; 0: it does not lie below.
uint32_t below[kAnnouncedMax];
uint32_t point_count = 0;
bool remembers_all = false;  // points[] has every mount that this process may serve
char directory[registry::kDirectoryBytes];
constinit Text only = {};

Text path_of(const registry::MountPoint& point) { return {point.path, point.size}; }

void keep_only_named() {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < point_count; i++)
    if (!only.size || base::equal(only, path_of(points[i]))) points[kept++] = points[i];
  point_count = kept;
}

bool is_at_or_above(Text upper, Text lower) {
  return lower.size >= upper.size && base::equal(upper, {lower.data, upper.size}) &&
         (lower.size == upper.size || lower[upper.size] == '/');
}

// False: on a mount, or not to be told.
bool compare_with_directory() {
  char path[kDirectoryPathBytes];
  int64_t length = raw_syscall(SYS_getcwd, raw_argument(path), sizeof path);
  if (length < 2 || path[0] != '/') return false;
  Text here = {path, static_cast<uint32_t>(length - 1)};
  if (here.size == 1) here.size = 0;  // "/" covers nothing but the slash
  for (uint32_t i = 0; i < point_count; i++) {
    if (is_at_or_above(path_of(points[i]), here)) return false;
    below[i] = is_at_or_above(here, path_of(points[i])) ? here.size + 1 : 0;
  }
  return true;
}

// Whether the program's path begins with `text`, which goes on in it at a slash or ends there.
bool begins_with(const char* path, Text text) {
  for (uint32_t at = 0; at < text.size; at += 8) {
    uint64_t word, wanted = 0;
    uint32_t size = base::min(text.size - at, 8u);
    for (uint32_t i = 0; i < size; i++)
      wanted |= static_cast<uint64_t>(static_cast<uint8_t>(text[at + i])) << (8 * i);
    if (!load_path_start(path + at, word) || ((word ^ wanted) & base::low_bytes(size)) != 0)
      return false;
  }
  uint64_t next;
  return load_path_start(path + text.size, next) && ((next & 0xff) == 0 || (next & 0xff) == '/');
}

}  // namespace

Announcement read_announcement(char** environment) {
  auto uid = static_cast<uint32_t>(raw_syscall(SYS_geteuid));
  if (!registry::run_directory(environment, uid, directory)) return Announcement::kNothing;
  only = registry::find_variable(environment, "BTFUSE_ONLY=");
  auto count = registry::read_mount_points(directory, uid, points, kAnnouncedMax);
  if (!count)
    return count.error().errno_value() == ENAMETOOLONG ? Announcement::kAtOnce
                                                       : Announcement::kNothing;
  point_count = *count;
  keep_only_named();
  remembers_all = true;
  if (point_count == 0) return Announcement::kNothing;
  return compare_with_directory() ? Announcement::kAnnounced : Announcement::kAtOnce;
}

bool is_announced(Text path) {
  if (!remembers_all) return !only.size || base::equal(only, path);
  for (uint32_t i = 0; i < point_count; i++)
    if (base::equal(path, path_of(points[i]))) return true;
  return false;
}

const char* registry_directory() { return directory; }

bool path_may_be_announced(const char* path) {
  constexpr uint64_t kDot = '.', kDotSlash = '.' | '/' << 8;
  uint64_t word;
  if (!load_path_start(path, word)) [[unlikely]]
    return false;
  const bool absolute = (word & 0xff) == '/';
  if ((word & 0xffff) == kDot) return false;  // no mount: else one would be attached
  if ((word & 0xffff) == kDotSlash) path += 2, word >>= 16;
  const bool dotted = !absolute && ((word & 0xff) == '.' || (word & 0xff) == '/');
  for (uint32_t i = 0; i < point_count; i++) {
    Text whole = path_of(points[i]);
    if (absolute && begins_with(path, whole)) return true;
    if (absolute || !below[i]) continue;
    if (dotted || begins_with(path, {whole.data + below[i], whole.size - below[i]})) return true;
  }
  return false;
}

bool at_path_may_be_announced(int32_t from, const char* path) {
  if (!path) return false;
  uint64_t word;
  if (from != AT_FDCWD && (!load_path_start(path, word) || (word & 0xff) != '/')) return false;
  return path_may_be_announced(path);
}

}  // namespace bt::posix
