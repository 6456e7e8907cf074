// SPDX-License-Identifier: MIT
#include "origin/removal.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "engine/permissions.h"
#include "engine/seq_read.h"

namespace bt::origin {
namespace {

using engine::load_relaxed;

constexpr uint32_t kWaits = 20000;
constexpr int64_t kPauseNs = 200'000;

uint64_t pages_of(const format::InodeRecord& file) {
  return base::divide_up(load_relaxed(file.size), format::kPageSizeBytes);
}

format::InodeRecord* regular_file(const Context& context, InodeNumber inode) {
  format::InodeRecord* record = context.volume().inode(inode.index());
  bool is_it = record && load_relaxed(record->generation) == inode.generation() &&
               (load_relaxed(record->mode) & engine::kModeType) == engine::kModeRegular;
  return is_it ? record : nullptr;
}

Result<void> fetch_rest(Context& context, InodeNumber inode, const format::InodeRecord& record,
                        int32_t descriptor) {
  uint64_t change = load_relaxed(record.change), size = load_relaxed(record.size);
  for (uint64_t at = 0; at < pages_of(record); at += engine::kCachedPagesAtOnce) {
    auto part = base::min<uint64_t>(engine::kCachedPagesAtOnce, pages_of(record) - at);
    BT_TRY(fetch_pages(context, inode, descriptor, change, size, at, static_cast<uint32_t>(part)));
  }
  return {};
}

}  // namespace

format::InodeRecord* Removal::file() { return regular_file(context_, inode_); }

Result<void> Removal::begin() {
  format::InodeRecord* record = file();
  if (!record) return {};
  if (load_relaxed(record->nlink) == 1) {
    // Perhaps a name at the source that was never looked at here: it shall have what is dirty.
    if (load_relaxed(record->source_nlink) > 1) {
      BT_TRY(flush(context_, inode_, false));
      (void)refresh(context_, inode_, false).has_value();
    }
    if (engine::is_file_open(*record)) {
      BT_TRY(fill_pages(context_, inode_, 0, pages_of(*record)));
      (void)engine::require_xattrs(context_, inode_).has_value();
    }
  }
  marked_ = true;
  __atomic_store_n(&record->cached.remove_tag, context_.thread.tag, __ATOMIC_SEQ_CST);
  if (engine::has_all_pages(*record)) return {};
  BT_TRY_ASSIGN(Scratch * scratch, scratch_of(context_));
  BT_TRY_ASSIGN(const char* path, source_path(context_, inode_, {}, scratch->path[0]));
  // Who may not read it removes it all the same.
  (void)kept_.open_in(source_root(context_), path, O_RDONLY | O_NONBLOCK).has_value();
  return {};
}

void Removal::finish() {
  const format::InodeRecord* record = marked_ ? file() : nullptr;
  bool needed = record && load_relaxed(record->nlink) == 0 && engine::is_file_open(*record) &&
                !engine::has_all_pages(*record);
  Result<void> fetched = needed ? Error(EAGAIN) : Result<void>{};
  // EAGAIN: somebody writes to it.
  for (uint32_t tries = 0; !fetched && fetched.error() == Error(EAGAIN) && tries < kWaits; tries++)
    fetched = fetch_rest(context_, inode_, *record, kept_.descriptor());
  end(fetched ? 0 : format::kLostTag);
}

void Removal::end(uint64_t next_tag) {
  format::InodeRecord* record = marked_ ? file() : nullptr;
  uint64_t own = context_.thread.tag;
  if (record)
    __atomic_compare_exchange_n(&record->cached.remove_tag, &own, next_tag, false, __ATOMIC_RELEASE,
                                __ATOMIC_RELAXED);
  marked_ = false;
}

bool was_removed(Context& context, InodeNumber inode) {
  const format::InodeRecord* record = regular_file(context, inode);
  for (uint32_t waits = 0; record && waits < kWaits; waits++) {
    uint64_t tag = __atomic_load_n(&record->cached.remove_tag, __ATOMIC_ACQUIRE);
    if (!tag || tag == context.thread.tag || is_dead_tag(context.volume(), tag)) break;
    int64_t pause[2] = {0, kPauseNs};
    (void)base::raw_syscall(SYS_nanosleep, base::raw_argument(pause), 0);
    record = regular_file(context, inode);
  }
  return record && load_relaxed(record->nlink) == 0;
}

}  // namespace bt::origin
