// SPDX-License-Identifier: MIT
// mmap and its relatives. What is not mapped as the volume's own pages (posix/mapping.h), the kernel maps through the
// mount, with a descriptor that lives only for the call.
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/bytes.h"
#include "base/syscall.h"
#include "format/hidden_name.h"
#include "posix/mapped_ranges.h"
#include "posix/mapping.h"
#include "posix/materialise.h"
#include "posix/serve.h"

namespace bt::posix {

using base::raw_syscall;

namespace {

Result<uint64_t> map_through_kernel(const OpenFile& file, const MapRequest& request) {
  BT_TRY_ASSIGN(int32_t fd, open_apart(file, format::kOpenedToMap));
  auto mapped = from_kernel(raw_syscall(SYS_mmap, static_cast<int64_t>(request.address),
                                        static_cast<int64_t>(request.size), request.protection,
                                        request.flags, fd, static_cast<int64_t>(request.offset)));
  raw_syscall(SYS_close, fd);
  if (!mapped) return mapped.error();
  return static_cast<uint64_t>(*mapped);
}

// What the kernel refuses before it asks the file's own mmap, in its order.
Result<void> check_request(const OpenFile& file, const MapRequest& request) {
  int32_t type = request.flags & MAP_TYPE;
  bool shared = type == MAP_SHARED || type == MAP_SHARED_VALIDATE;
  if (request.offset % kMapPage || request.size == 0) return Error(EINVAL);
  uint64_t size = base::align_up(request.size, kMapPage);
  if (size == 0) return Error(ENOMEM);
  if (request.offset + size < request.offset) return Error(EOVERFLOW);
  if (!shared && type != MAP_PRIVATE) return Error(EINVAL);
  if (shared && (request.protection & PROT_WRITE) && !file.is_writable()) return Error(EACCES);
  if (!file.is_readable()) return Error(EACCES);
  if (file.is_directory()) return Error(ENODEV);
  return {};
}

Result<uint64_t> map_file(uint64_t fd, const MapRequest& request) {
  OpenFile file;
  BT_TRY(find_usable(fd, file));
  BT_TRY(check_request(file, request));
  auto mapped = map_volume_pages(file, request);
  if (mapped || mapped.error() != error::not_ours) return mapped;
  BT_TRY_ASSIGN(uint64_t address, map_through_kernel(file, request));
  if (request.flags & MAP_FIXED) forget_mappings(address, request.size);
  return address;
}

// Something else takes the place of pages of ours, unless the kernel refuses.
int64_t map_over(const MapRequest& request, uint64_t fd) {
  int64_t result =
      raw_syscall(SYS_mmap, static_cast<int64_t>(request.address),
                  static_cast<int64_t>(request.size), request.protection, request.flags,
                  static_cast<int64_t>(fd), static_cast<int64_t>(request.offset));
  if (from_kernel(result)) forget_mappings(request.address, request.size);
  return result;
}

}  // namespace

BT_SERVE_DESCRIPTOR(mmap) {
  MapRequest request{a, b, int_of(c), int_of(d), f};
  if (!(request.flags & MAP_ANONYMOUS) && is_ours(e)) return answer(map_file(e, request));
  if ((request.flags & MAP_FIXED) && any_mapping_in(a, b)) return map_over(request, e);
  return kPassthrough;
}

BT_SERVE_DESCRIPTOR(munmap) {
  if (!any_mapping_in(a, b)) return kPassthrough;
  int64_t result = raw_syscall(SYS_munmap, static_cast<int64_t>(a), static_cast<int64_t>(b));
  if (result == 0) forget_mappings(a, b);
  return result;
}

BT_SERVE_DESCRIPTOR(mremap) {
  if (!any_mapping_in(a, b)) {
    if ((d & MREMAP_FIXED) && any_mapping_in(e, c)) forget_mappings(e, c);
    return kPassthrough;
  }
  return answer(remap_volume_pages({a, b, c, uint_of(d), e}));
}

BT_SERVE(mprotect) {
  if (!any_mapping_in(a, b)) return kPassthrough;
  return answer(protect_volume_pages(a, b, int_of(c)));
}

// The pages are the file: nothing to write back.
BT_SERVE(msync) { return kPassthrough; }

}  // namespace bt::posix
