// SPDX-License-Identifier: MIT
// Pins: see mapping.h. One transaction a pin, so that a killed process leaves each counted twice or not at all.
#include "engine/mapping.h"
#include "engine/origin.h"

#include <sys/stat.h>

#include "base/bytes.h"
#include "base/user_copy.h"
#include "engine/file_pages_internal.h"
#include "engine/housekeeping.h"

namespace bt::engine {

namespace {

constexpr uint32_t kPinsPerPage = sizeof(PinPage::pin) / sizeof(PageIndex);

PinPage* pin_page_at(const Volume& volume, PageIndex page) {
  return reinterpret_cast<PinPage*>(volume.page(page));
}

// Enters `page` into the session's list and counts it. Both locks are held; prepare() promised a page.
Result<void> add_pin(Transaction& txn, Thread& thread, SessionRecord& session, PageIndex page) {
  const Volume& volume = *thread.volume;
  PageDescriptor* descriptor = volume.page_descriptor(page);
  if (!descriptor) return BT_DAMAGED(volume);
  if (descriptor->pins == UINT16_MAX) return Error(ENOMEM);
  PinPage* list = pin_page_at(volume, session.pins);
  if (session.pins != PageIndex::kNone && (!list || list->count > kPinsPerPage))
    return BT_DAMAGED(volume);
  if (!list || list->count == kPinsPerPage) {
    PageIndex fresh = take_page(txn, thread, InodeIndex::kNone, 0, kPagePins);
    list = pin_page_at(volume, fresh);
    if (!list) return BT_DAMAGED(volume);
    list->next = session.pins;  // nobody sees the new page yet
    list->count = 0;
    txn.store(session.pins, fresh);
  }
  txn.store(list->pin[list->count], page);
  txn.store(list->count, list->count + 1);
  PageDescriptor pinned = *descriptor;
  pinned.pins++;
  store_descriptor(txn, *descriptor, pinned);
  return {};
}

// Takes entry `slot` of `list` out: the first list page's last entry moves into the gap.
Result<void> remove_entry(Transaction& txn, Thread& thread, SessionRecord& session, PinPage& list,
                          uint32_t slot) {
  const Volume& volume = *thread.volume;
  PinPage* first = pin_page_at(volume, session.pins);
  if (!first || first->count == 0 || first->count > kPinsPerPage) return BT_DAMAGED(volume);
  txn.store(list.pin[slot], first->pin[first->count - 1]);
  txn.store(first->count, first->count - 1);
  if (first->count == 0) {
    PageIndex empty = session.pins;
    txn.store(session.pins, first->next);
    give_page(txn, thread, empty);
  }
  return {};
}

// Nobody but mappings needs it: the file ends before it (or held it ready beyond the end, which is nobody's loss).
bool is_beyond_end(const InodeRecord& inode, const PageDescriptor& page) {
  return (inode.flags & kInodeMappedBeyond) &&
         page.index >= base::divide_up(inode.size, kPageSizeBytes);
}

// One pin less; who takes the last one off a page that is detached or beyond the end frees it. The session's lock is held.
Result<void> uncount_pin(Transaction& txn, Thread& thread, PageIndex page) {
  const Volume& volume = *thread.volume;
  PageDescriptor* descriptor = volume.page_descriptor(page);
  if (!descriptor) return BT_DAMAGED(volume);
  InodeRecord* owner = volume.inode(descriptor->owner);
  if (owner) BT_TRY(txn.lock(owner->lock, shm::LockRank::kInode));
  // Pinned pages are not reused: an owner that has changed is gone for good.
  if (descriptor->owner == InodeIndex::kNone) {
    owner = nullptr;
    BT_TRY(txn.lock(volume.superblock().free_pages.lock, shm::LockRank::kAllocator));
  }
  if (descriptor->pins == 0) return BT_DAMAGED(volume);
  PageDescriptor less = *descriptor;
  less.pins--;
  bool unused = less.pins == 0 && (less.flags & kPageDetached);
  if (unused) less.flags &= ~kPageDetached;
  store_descriptor(txn, *descriptor, less);
  if (unused) give_page(txn, thread, page);
  if (less.pins == 0 && owner && is_beyond_end(*owner, *descriptor))
    (void)free_pages_between(txn, thread, *owner, less.index, uint64_t{less.index} + 1,
                             kPagesFreedAtOnce);
  return {};
}

Result<void> lock_session(Transaction& txn, const Volume& volume, SessionIndex index,
                          SessionRecord*& session) {
  session = volume.session(index);
  if (!session) return Error(EINVAL);
  return txn.lock(session->lock, shm::LockRank::kSession);
}

// The entry of `page`, newest first. Lists are short or the newest entry is meant.
bool find_pin(const Volume& volume, const SessionRecord& session, PageIndex page, PinPage*& list,
              uint32_t& slot) {
  uint64_t pages_left = volume.geometry().pages.count;
  for (PageIndex at = session.pins; (list = pin_page_at(volume, at)) && pages_left-- > 0;
       at = list->next)
    for (slot = base::min(list->count, kPinsPerPage); slot-- > 0;)
      if (list->pin[slot] == page) return true;
  return false;
}

// The hole at `index` gets a page of zeros.
Result<PageIndex> fill_hole(Transaction& txn, Thread& thread, InodeIndex owner, InodeRecord& inode,
                            uint64_t index) {
  PageIndex page = take_page(txn, thread, owner, static_cast<uint32_t>(index), kPageData);
  char* bytes = thread.volume->page(page);
  if (!bytes) return BT_DAMAGED(*thread.volume);
  base::zero_user(bytes, kPageSizeBytes);
  BT_TRY_ASSIGN(PageIndex * place, make_place(txn, thread, owner, inode, index));
  store_place(txn, inode, *place, page);
  txn.store(inode.page_count, inode.page_count + 1);
  return page;
}

constexpr uint32_t kRadixPagesMax = 2 * kRadixHeightMax;

}  // namespace

Result<PageIndex> pin_page(Context& context, InodeNumber number, uint64_t index, bool writable) {
  Thread& thread = context.thread;
  const Volume& volume = context.volume();
  if (const OriginTable* origin = origin_of(context)) [[unlikely]] {
    // Stores through a mapping are seen by nobody: such mappings are the kernel's.
    if (writable) return Error(EOPNOTSUPP);
    BT_TRY(origin->fill_pages(context, number, index, 1));
  }
  BT_TRY(finish_shrinking(context, number));
  Needs needs;
  needs.pages = 1 + (writable ? 1 + kRadixPagesMax : 0);
  BT_TRY(prepare(thread, needs));
  InodeRecord* inode = volume.inode(number.index());
  SessionRecord* session;
  Transaction txn(thread);
  BT_TRY(lock_session(txn, volume, thread.session, session));
  BT_TRY(txn.lock(inode->lock, shm::LockRank::kInode));
  if (inode->generation != number.generation() || !S_ISREG(inode->mode)) return Error(ESTALE);
  if (index >= base::divide_up(inode->size, kPageSizeBytes)) return Error(ENXIO);
  PageIndex page = find_page(volume, *inode, index);
  if (page == PageIndex::kNone) {
    if (!writable) return PageIndex::kNone;
    BT_TRY_ASSIGN(page, fill_hole(txn, thread, number.index(), *inode, index));
  }
  BT_TRY(add_pin(txn, thread, *session, page));
  txn.commit();
  return page;
}

Result<void> unpin_page(Context& context, PageIndex page) {
  {
    SessionRecord* session;
    Transaction txn(context.thread);
    BT_TRY(lock_session(txn, context.volume(), context.thread.session, session));
    PinPage* list;
    uint32_t slot;
    if (!find_pin(context.volume(), *session, page, list, slot)) return Error(EINVAL);
    BT_TRY(remove_entry(txn, context.thread, *session, *list, slot));
    BT_TRY(uncount_pin(txn, context.thread, page));
    txn.commit();
  }
  settle(context.thread);
  return {};
}

Result<void> drop_pins(Context& context, SessionIndex index) {
  const Volume& volume = context.volume();
  SessionRecord* session = volume.session(index);
  Housekeeping housekeeping(context.thread);
  while (session &&
         __atomic_load_n(reinterpret_cast<uint32_t*>(&session->pins), __ATOMIC_RELAXED)) {
    {
      Transaction txn(context.thread);
      BT_TRY(lock_session(txn, volume, index, session));
      PinPage* list = pin_page_at(volume, session->pins);
      if (session->pins == PageIndex::kNone) return {};
      if (!list || list->count == 0 || list->count > kPinsPerPage) return BT_DAMAGED(volume);
      PageIndex page = list->pin[list->count - 1];
      BT_TRY(remove_entry(txn, context.thread, *session, *list, list->count - 1));
      BT_TRY(uncount_pin(txn, context.thread, page));
      txn.commit();
    }
    settle(context.thread);
  }
  return {};
}

// The entries of `from` in their order of age, found again by position in each transaction.
Result<void> clone_pins(Context& context, SessionIndex from, SessionIndex to) {
  const Volume& volume = context.volume();
  SessionRecord* source = volume.session(from);
  if (!source || source->pins == PageIndex::kNone) return {};
  for (uint64_t position = 0;; position++) {
    Needs needs;
    needs.pages = 1;
    BT_TRY(prepare(context.thread, needs));
    SessionRecord *first, *second;
    Transaction txn(context.thread);
    BT_TRY(lock_session(txn, volume, base::min(from, to), first));
    BT_TRY(lock_session(txn, volume, base::max(from, to), second));
    SessionRecord* target = from < to ? second : first;
    uint64_t skip = position;
    PinPage* list = pin_page_at(volume, source->pins);
    while (list && skip >= list->count) {
      skip -= list->count;
      list = pin_page_at(volume, list->next);
    }
    if (!list) return {};
    PageIndex page = list->pin[skip];
    PageDescriptor* descriptor = volume.page_descriptor(page);
    if (!descriptor) return BT_DAMAGED(volume);
    if (InodeRecord* owner = volume.inode(descriptor->owner))
      BT_TRY(txn.lock(owner->lock, shm::LockRank::kInode));
    if (descriptor->owner == InodeIndex::kNone)
      BT_TRY(txn.lock(volume.superblock().free_pages.lock, shm::LockRank::kAllocator));
    BT_TRY(add_pin(txn, context.thread, *target, page));
    txn.commit();
  }
}

}  // namespace bt::engine
