// SPDX-License-Identifier: MIT
// mmap and its relatives. The kernel maps the file through the mount, with a descriptor that lives only for the call; what
// is shared is then covered with the volume's own pages (posix/mapping.h).
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/syscall.h"
#include "posix/mapping.h"
#include "posix/materialise.h"
#include "posix/serve.h"

namespace bt::posix {

using base::raw_syscall;

namespace {

Result<uint64_t> map_through_kernel(const OpenFile& file, const MapRequest& request) {
  Files& files = *file.self->files;
  Result<int32_t> fd = Error(EBADF);
  {
    FilesGuard guard(files);
    fd = open_for_kernel(files, file.entry);
  }
  if (!fd) return fd.error();
  auto mapped = from_kernel(raw_syscall(SYS_mmap, static_cast<int64_t>(request.address),
                                        static_cast<int64_t>(request.size), request.protection,
                                        request.flags, *fd, static_cast<int64_t>(request.offset)));
  raw_syscall(SYS_close, *fd);
  if (!mapped) return mapped.error();
  return static_cast<uint64_t>(*mapped);
}

Result<uint64_t> map_file(uint64_t fd, const MapRequest& request) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  if (!file.is_readable()) return Error(EACCES);
  if (file.is_directory()) return Error(ENODEV);
  BT_TRY_ASSIGN(uint64_t address, map_through_kernel(file, request));
  if (may_overlay(request)) overlay_volume_pages(file, request, address);
  return address;
}

}  // namespace

BT_SERVE(mmap) {
  MapRequest request{a, b, int_of(c), int_of(d), f};
  if (request.flags & MAP_FIXED) forget_mappings(a, b);
  if ((request.flags & MAP_ANONYMOUS) || !is_ours(e)) return kPassthrough;
  return answer(map_file(e, request));
}

BT_SERVE(munmap) {
  if (!any_mapping_in(a, b)) return kPassthrough;
  int64_t result = raw_syscall(SYS_munmap, static_cast<int64_t>(a), static_cast<int64_t>(b));
  if (result == 0) forget_mappings(a, b);
  return result;
}

BT_SERVE(mremap) {
  if (!any_mapping_in(a, b)) return kPassthrough;
  return answer(remap_volume_pages({a, b, c, uint_of(d), e}));
}

// Rights are those of the mapping, which the kernel keeps; nothing of ours depends on them.
BT_SERVE(mprotect) { return kPassthrough; }

// The pages are the file: nothing to write back.
BT_SERVE(msync) { return kPassthrough; }

}  // namespace bt::posix
