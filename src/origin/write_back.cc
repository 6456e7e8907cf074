// SPDX-License-Identifier: MIT
// Write-back: pages that are newer here go to the source, in runs that are copied under the inode's lock and written without
// any. A page is clean only after the source has it, so a process that dies anywhere costs nothing but a second write.
//
// One writer a file at a time (flush_tag): two could bring an older copy of a page after a newer one. The tag names a slot;
// that of a dead one is taken over.
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "engine/seq_read.h"
#include "origin/evict.h"
#include "origin/removal.h"
#include "origin/source.h"
#include "origin/watch.h"

namespace bt::origin {
namespace {

using base::raw_argument;
using base::raw_syscall;
using engine::load_relaxed;

constexpr uint32_t kTagTries = 20000;
constexpr int64_t kTagPauseNs = 200'000;

class FlushTag {
 public:
  FlushTag(Context& context, format::InodeRecord& record)
      : tag_(record.cached.flush_tag), own_(context.thread.tag) {}
  ~FlushTag() {
    if (held_) __atomic_store_n(&tag_, 0, __ATOMIC_RELEASE);
  }
  FlushTag(const FlushTag&) = delete;
  FlushTag& operator=(const FlushTag&) = delete;

  // EAGAIN: somebody who lives has held it for seconds.
  Result<void> acquire(Context& context) {
    for (uint32_t tries = 0; tries < kTagTries; tries++) {
      uint64_t seen = 0;
      held_ = __atomic_compare_exchange_n(&tag_, &seen, own_, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED);
      if (held_) return {};
      if (is_dead_tag(context.volume(), seen)) {
        held_ = __atomic_compare_exchange_n(&tag_, &seen, own_, false, __ATOMIC_ACQUIRE,
                                            __ATOMIC_RELAXED);
        if (held_) return {};
      }
      int64_t pause[2] = {0, kTagPauseNs};
      (void)raw_syscall(SYS_nanosleep, raw_argument(pause), 0);
    }
    return Error(EAGAIN);
  }

 private:
  uint64_t& tag_;
  uint64_t own_;
  bool held_ = false;
};

Result<void> write_run(int32_t descriptor, const engine::DirtyRun& run, const char* bytes) {
  for (uint64_t done = 0; done < run.size;) {
    int64_t wrote = raw_syscall(SYS_pwrite64, descriptor, raw_argument(bytes + done),
                                static_cast<int64_t>(run.size - done),
                                static_cast<int64_t>(run.first * format::kPageSizeBytes + done));
    BT_TRY_ASSIGN(uint64_t part, source_result(wrote));
    done += part;
  }
  return {};
}

Result<void> write_all(Context& context, InodeNumber inode, int32_t descriptor, Scratch& scratch) {
  engine::DirtyRun run;
  for (uint64_t from = 0;; from = run.first + run.count) {
    BT_TRY(engine::take_dirty(context, inode, from, run, scratch.pages));
    if (run.count == 0) return {};
    BT_TRY(write_run(descriptor, run, scratch.pages));
    BT_TRY(engine::mark_clean(context, inode, run));
  }
}

// The source's time is when we wrote; the file's is when the program did.
void keep_mtime(int32_t descriptor, int64_t mtime_ns) {
  int64_t times[4] = {0, UTIME_OMIT, mtime_ns / 1'000'000'000, mtime_ns % 1'000'000'000};
  if (mtime_ns >= 0) (void)raw_syscall(SYS_utimensat, descriptor, 0, raw_argument(times), 0);
}

Result<void> flush_open(Context& context, InodeNumber inode, format::InodeRecord& record,
                        Scratch& scratch) {
  BT_TRY_ASSIGN(const char* path, source_path(context, inode, {}, scratch.path[0]));
  SourceFile file;
  BT_TRY(file.open(context, path, O_WRONLY));
  SourceAttributes before;
  BT_TRY(ask_source(context, file.descriptor(), "", before));
  // Another file has the name by now: what is here is not its content.
  if (before.number != load_relaxed(record.origin)) return Error(ESTALE);
  int64_t mtime_ns = load_relaxed(record.mtime_ns);
  BT_TRY(write_all(context, inode, file.descriptor(), scratch));
  keep_mtime(file.descriptor(), mtime_ns);
  SourceAttributes source;
  BT_TRY(ask_source(context, file.descriptor(), "", source));
  return engine::finish_flush(context, inode, source);
}

Result<void> make_durable(Context& context, InodeNumber inode, Scratch& scratch) {
  BT_TRY_ASSIGN(const char* path, source_path(context, inode, {}, scratch.path[0]));
  SourceFile file;
  BT_TRY(file.open(context, path, O_RDONLY | O_NONBLOCK));
  BT_TRY(source_result(raw_syscall(SYS_fsync, file.descriptor())));
  return {};
}

}  // namespace

Result<void> flush(Context& context, InodeNumber inode, bool durable) {
  engine::OriginAtWork working(context.thread);
  format::InodeRecord* record = context.volume().inode(inode.index());
  if (!record || load_relaxed(record->generation) != inode.generation()) return Error(ESTALE);
  if (load_relaxed(record->nlink) == 0) return {};
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context));
  if (load_relaxed(record->flags) & format::kInodeDirty) {
    count(context, metrics::Event::k_writebacks);
    FlushTag tag(context, *record);
    BT_TRY(tag.acquire(context));
    Result<void> flushed = flush_open(context, inode, *record, *scratch);
    // Moved, or known by another name.
    if (!flushed && !was_removed(context, inode) && ask_again(context, inode))
      flushed = flush_open(context, inode, *record, *scratch);
    if (!flushed && was_removed(context, inode)) return {};
    if (!flushed) {
      (void)engine::note_write_error(context, inode, flushed.error().errno_value()).has_value();
      return flushed;
    }
    // Writers come here when they have used up their allowance, and what they wrote can be evicted now.
    make_room(context, 0);
  }
  return durable ? make_durable(context, inode, *scratch) : Result<void>{};
}

}  // namespace bt::origin
