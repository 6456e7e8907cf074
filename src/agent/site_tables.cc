// SPDX-License-Identifier: MIT
#include "agent/site_tables.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/bytes.h"
#include "base/syscall.h"

namespace bt::agent {
namespace {

#include "agent/site_tables.inc"

using base::raw_argument;
using base::raw_syscall;

const char* cache_folder = nullptr;

bool same_build_id(const uint8_t* a, const uint8_t* b) {
  for (uint32_t i = 0; i < base::kBuildIdSizeBytes; i++)
    if (a[i] != b[i]) return false;
  return true;
}

class PathWriter {
 public:
  PathWriter(char* path, uint32_t size) : path_(path), end_(path + size - 1) {}
  PathWriter& text(base::Text text) {
    for (uint32_t i = 0; i < text.size; i++) put(text[i]);
    return *this;
  }
  PathWriter& hexadecimal(const uint8_t* bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
      put("0123456789abcdef"[bytes[i] >> 4]);
      put("0123456789abcdef"[bytes[i] & 15]);
    }
    return *this;
  }
  // False when it was too long.
  bool finish() {
    *path_ = 0;
    return path_ < end_;
  }

 private:
  void put(char c) {
    if (path_ < end_) *path_++ = c;
  }
  char* path_;
  char* end_;
};

// Only files that nobody but root and this user can have written.
bool is_trusted(const struct stat& status) {
  return S_ISREG(status.st_mode) && !(status.st_mode & 022) &&
         (status.st_uid == 0 || status.st_uid == static_cast<uint32_t>(raw_syscall(SYS_geteuid)));
}

const base::SiteTableHeader* map_cache_file(const char* path) {
  int64_t fd = raw_syscall(SYS_open, raw_argument(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return nullptr;
  struct stat status;
  int64_t memory = -1;
  uint64_t size = 0;
  if (raw_syscall(SYS_fstat, fd, raw_argument(&status)) == 0 && is_trusted(status)) {
    size = static_cast<uint64_t>(status.st_size);
    if (size >= sizeof(base::SiteTableHeader))
      memory = raw_syscall(SYS_mmap, 0, static_cast<int64_t>(size), PROT_READ, MAP_PRIVATE, fd, 0);
  }
  raw_syscall(SYS_close, fd);
  if (memory < 0 && memory > -4096) return nullptr;
  auto* header = reinterpret_cast<const base::SiteTableHeader*>(memory);
  if (header->magic == base::kSiteTableMagic && header->count <= base::kSitesMax &&
      size == sizeof *header + header->count * sizeof(base::Site) &&
      header->text_begin < header->text_end)
    return header;
  raw_syscall(SYS_munmap, memory, static_cast<int64_t>(size));
  return nullptr;
}

}  // namespace

// A folder that is not there is asked for once, not for every library.
bool set_site_cache(const char* folder) {
  bool there = folder && raw_syscall(SYS_access, raw_argument(folder), 0) == 0;
  cache_folder = there ? folder : nullptr;
  return there;
}

int64_t open_site_image(const base::SiteTable& table, const char* agent_path) {
  if (!table.image || !agent_path) return -1;
  base::Text folder = base::text_of(agent_path);
  while (folder.size && folder[folder.size - 1] != '/') folder.size--;
  char path[512];
  PathWriter writer(path, sizeof path);
  writer.text(folder).text(base::text_of(base::kImageFolder)).text(base::text_of("/"));
  if (!writer.hexadecimal(table.header->build_id, base::kBuildIdSizeBytes)
           .text(base::text_of("/libc.so.6"))
           .finish())
    return -1;
  int64_t fd = raw_syscall(SYS_open, raw_argument(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fd;
  struct stat status;
  if (raw_syscall(SYS_fstat, fd, raw_argument(&status)) == 0 && is_trusted(status) &&
      status.st_size == static_cast<int64_t>(table.image->stubs_offset) + table.image->stubs_size)
    return fd;
  raw_syscall(SYS_close, fd);
  return -1;
}

bool find_site_table(const uint8_t* build_id, base::SiteTable& table) {
  for (const base::SiteTable& known : kBuiltIn) {
    if (!same_build_id(known.header->build_id, build_id)) continue;
    table = known;
    return true;
  }
  if (!cache_folder) return false;
  char path[512];
  PathWriter writer(path, sizeof path);
  writer.text(base::text_of(cache_folder)).text(base::text_of("/"));
  if (!writer.hexadecimal(build_id, base::kBuildIdSizeBytes).finish()) return false;
  const base::SiteTableHeader* header = map_cache_file(path);
  if (!header || !same_build_id(header->build_id, build_id)) return false;
  table = {header, reinterpret_cast<const base::Site*>(header + 1), nullptr};
  return true;
}

}  // namespace bt::agent
