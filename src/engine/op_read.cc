// SPDX-License-Identifier: MIT
// Reading. Without any lock: copy, then look whether the inode's sequence stood still. Each run of 64 KiB is validated by
// itself, so that a writer can disturb no more than that. What a failed try put into the program's buffer is overwritten
// by the next; nothing is returned before it was validated. After kOptimisticTries the lock decides; the buffer has been
// touched by then, so that a fault under the lock (whose handling might need this very lock) is not to be expected.
#include <sys/stat.h>

#include "engine/data.h"
#include "engine/data_pieces.h"
#include "engine/file_pages_internal.h"
#include "engine/kernel_pages.h"
#include "engine/origin.h"
#include "shm/lock.h"

namespace bt::engine {

namespace {

constexpr uint64_t kValidatedBytes = 64 << 10;
constexpr int kOptimisticTries = 4;
constexpr int kSpinsMax = 200;
constexpr uint32_t kFillsMax = 100;

enum class Outcome : uint8_t { kCopied, kFault, kNonsense, kNotHere };

// Tells the evictor. The first read of a page is the one that it was brought for, and no visit. Only the first reader after the
// evictor's look writes; a mark that is lost to somebody else's costs a miss.
void mark_visited(const Volume& volume, const PageRun& run) {
  for (uint64_t i = 0; i < run.count; i++) {
    PageDescriptor* descriptor =
        volume.page_descriptor(PageIndex{static_cast<uint32_t>(raw(run.page) + i)});
    if (!descriptor) return;
    uint8_t flags = __atomic_load_n(&descriptor->flags, __ATOMIC_RELAXED);
    if (flags & kPageVisited) continue;
    uint8_t mark = flags & kPageRead ? kPageVisited : kPageRead;
    __atomic_fetch_or(&descriptor->flags, mark, __ATOMIC_RELAXED);
  }
}

// Copies [offset, offset + size) of the file as it looks now.
[[gnu::always_inline]] inline Outcome copy_out(const Volume& volume, const InodeRecord& inode,
                                               bool cached, uint64_t offset, uint64_t size,
                                               PieceCursor& pieces) {
  while (size > 0) {
    uint64_t in_page = offset % kPageSizeBytes;
    PageRun run = find_run(volume, inode, offset / kPageSizeBytes,
                           base::divide_up(in_page + size, kPageSizeBytes));
    uint64_t part = base::min(size, run.count * kPageSizeBytes - in_page);
    if (run.page == PageIndex::kNone) {
      if (cached) [[unlikely]]
        return Outcome::kNotHere;
      if (!pieces.clear_to(part)) return Outcome::kFault;
    } else {
      const char* first = volume.page(run.page);
      if (!first || !volume.page(PageIndex{static_cast<uint32_t>(raw(run.page) + run.count - 1)}))
        return Outcome::kNonsense;
      if (cached) [[unlikely]]
        mark_visited(volume, run);
      if (!pieces.copy_to(first + in_page, part)) return Outcome::kFault;
    }
    offset += part;
    size -= part;
  }
  return Outcome::kCopied;
}

// An even sequence, or 0 when writers would not let us: sequences of locks that were ever taken are greater.
bool settle_sequence(const LockRecord& lock, uint64_t& seq) {
  for (int spins = 0; spins < kSpinsMax; spins++) {
    seq = shm::read_begin(lock);
    if (!(seq & 1)) [[likely]]
      return true;
    __builtin_ia32_pause();
  }
  return false;
}

struct Request {
  InodeNumber number;
  uint64_t offset;
  uint64_t size;
  bool cached;       // holes are pages that are not here
  uint32_t refused;  // flags of files that the kernel has to read
};

// The number names this inode still, and it has bytes to read here.
[[gnu::always_inline]] inline Result<void> check_file(const InodeRecord& inode,
                                                      const Request& want) {
  uint32_t mode = __atomic_load_n(&inode.mode, __ATOMIC_RELAXED);
  if (__atomic_load_n(&inode.generation, __ATOMIC_RELAXED) != want.number.generation() || mode == 0)
    return Error(ESTALE);
  if (!S_ISREG(mode)) [[unlikely]]
    return Error(S_ISDIR(mode) ? EISDIR : EINVAL);
  if (__atomic_load_n(&inode.flags, __ATOMIC_RELAXED) & want.refused) [[unlikely]]
    return error::kernel_has_pages;
  return {};
}

// One validated run. How much of it lies within the file is the answer.
[[gnu::always_inline]] inline Result<uint64_t> read_now(const Volume& volume,
                                                        const InodeRecord& inode,
                                                        const Request& want, PieceCursor& pieces,
                                                        Outcome& outcome) {
  BT_TRY(check_file(inode, want));
  uint64_t size = __atomic_load_n(&inode.size, __ATOMIC_RELAXED);
  outcome = Outcome::kCopied;
  if (want.offset >= size) return uint64_t{0};
  uint64_t part = base::min(want.size, size - want.offset);
  bool cached = want.cached && !is_all_here(inode);
  outcome = copy_out(volume, inode, cached, want.offset, part, pieces);
  return part;
}

[[gnu::always_inline]] inline Result<uint64_t> finish(const Volume& volume, Result<uint64_t> result,
                                                      Outcome outcome) {
  if (result && outcome == Outcome::kFault) return Error(EFAULT);
  if (result && outcome == Outcome::kNonsense) return BT_DAMAGED(volume);
  if (result && outcome == Outcome::kNotHere) return error::page_not_here;
  return result;
}

[[gnu::noinline]] Result<uint64_t> read_locked(Context& context, InodeRecord& inode,
                                               const Request& want, PieceCursor& pieces) {
  Transaction txn(context.thread);
  txn.count(metrics::Event::k_locked_reads);
  BT_TRY(txn.lock(inode.lock, shm::LockRank::kInode));
  PieceCursor from_here = pieces;
  Outcome outcome = Outcome::kCopied;
  auto result = read_now(context.volume(), inode, want, from_here, outcome);
  txn.roll_back();
  Result<uint64_t> finished = finish(context.volume(), result, outcome);
  if (finished) pieces = from_here;
  return finished;
}

Result<uint64_t> read_run(Context& context, InodeRecord& inode, const Request& want,
                          PieceCursor& pieces) {
  const Volume& volume = context.volume();
  for (int tries = 0; tries < kOptimisticTries; tries++) {
    uint64_t seq;
    if (!settle_sequence(inode.lock, seq)) break;
    PieceCursor from_here = pieces;
    Outcome outcome = Outcome::kCopied;
    auto result = read_now(volume, inode, want, from_here, outcome);
    if (shm::read_retry(inode.lock, seq)) [[unlikely]]
      continue;
    Result<uint64_t> finished = finish(volume, result, outcome);
    if (finished) pieces = from_here;
    return finished;
  }
  return read_locked(context, inode, want, pieces);
}

}  // namespace

Result<uint64_t> read(Context& context, InodeNumber number, uint64_t offset, const Piece* pieces,
                      uint32_t piece_count) {
  InodeRecord* inode = context.volume().inode(number.index());
  if (!inode) return Error(ESTALE);
  BT_TRY_ASSIGN(uint64_t total, total_size(pieces, piece_count, offset));
  const OriginTable* origin = origin_of(context);
  if (origin) [[unlikely]]
    BT_TRY(require_attributes(context, number));
  PieceCursor cursor(pieces, piece_count);
  uint64_t done = 0;
  uint32_t fills = 0, refused = context.thread.serves_kernel ? 0 : kInodeKernelStores;
  do {
    Request want{number, offset + done, base::min(total - done, kValidatedBytes), origin != nullptr,
                 refused};
    auto part = read_run(context, *inode, want, cursor);
    if (!part && part.error() == error::page_not_here && fills++ < kFillsMax) {
      // Evicted again before they were read, now and then.
      BT_TRY(origin->fill_pages(
          context, number, want.offset / kPageSizeBytes,
          base::divide_up(want.offset % kPageSizeBytes + want.size, kPageSizeBytes)));
      continue;
    }
    if (!part) {
      if (done == 0) return part;
      break;
    }
    fills = 0;
    done += *part;
    if (*part < want.size) break;
  } while (done < total);
  return done;
}

}  // namespace bt::engine
