// SPDX-License-Identifier: MIT
#include "fuse/huge_pages.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

namespace bt::fuse {
namespace {

constexpr uint64_t kExtentBytes = 2 << 20;
constexpr uint32_t kExtentsAtOnce = 64;  // some 50 ms
constexpr int kCollapse = 25;            // MADV_COLLAPSE, which Debian 12's headers lack

}  // namespace

HugePages::HugePages(int file, uint64_t begin, uint64_t end)
    : file_(file), begin_(base::align_up(begin, kExtentBytes)) {
  if (begin_ + kExtentBytes > end) return;
  done_.resize((end - begin_) / kExtentBytes);
  uint64_t size = done_.size() * kExtentBytes;
  reserved_size_ = size + kExtentBytes;
  void* reserved = mmap(nullptr, reserved_size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED) return;
  reserved_ = static_cast<char*>(reserved);
  uint64_t aligned = base::align_up(reinterpret_cast<uint64_t>(reserved), kExtentBytes);
  void* mapped = mmap(reinterpret_cast<void*>(aligned), size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_FIXED | MAP_NORESERVE, file, static_cast<off_t>(begin_));
  if (mapped == MAP_FAILED) return;
  madvise(mapped, size, MADV_DONTDUMP);
  mapped_ = static_cast<char*>(mapped);
}

HugePages::~HugePages() {
  if (reserved_) munmap(reserved_, reserved_size_);
}

uint32_t HugePages::step() {
  struct stat state;
  if (!mapped_ || fstat(file_, &state) != 0 || state.st_blocks == blocks_) return 0;
  uint32_t collapsed = 0;
  for (uint64_t i = 0; i < done_.size(); i++) {
    if (done_[i]) continue;
    auto offset = static_cast<off_t>(begin_ + i * kExtentBytes);
    if (lseek(file_, offset, SEEK_HOLE) < offset + static_cast<off_t>(kExtentBytes)) continue;
    if (collapsed == kExtentsAtOnce) return collapsed;
    done_[i] =
        true;  // also when the kernel could not: no memory in one piece, or a kernel that cannot
    collapsed += madvise(mapped_ + i * kExtentBytes, kExtentBytes, kCollapse) == 0;
  }
  blocks_ = state.st_blocks;
  return collapsed;
}

}  // namespace bt::fuse
