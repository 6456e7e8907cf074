// SPDX-License-Identifier: MIT
// Sessions and what they hold: table entries against references of descriptions, descriptions and working directories
// against opens of inodes, pin lists against pins of pages. And the locks on files.
#include "engine/check_state.h"
#include "engine/descriptor_table.h"

namespace bt::engine {
namespace {

constexpr uint32_t kPinsPerPage = sizeof(PinPage::pin) / sizeof(PageIndex);

bool claim_page(CheckState& state, PageIndex page, uint8_t use, const char* rule) {
  if (!state.claim(page, kInUse, rule)) return false;
  state.expect("use of a page", raw(page), use, state.volume.page_descriptor(page)->use);
  state.result.pages_used++;
  return true;
}

void check_open(CheckState& state, InodeNumber number, uint64_t holder) {
  if (!number) return;
  const InodeRecord* inode = state.volume.inode(number.index());
  if (!inode || !is_alive(*inode) || inode->generation != number.generation())
    return state.violation("open of nothing", holder, number.value, inode ? inode->generation : 0);
  state.opens[raw(number.index())]++;
}

void check_table(CheckState& state, const SessionRecord& session, uint32_t number) {
  uint32_t count = 0;
  for (PageIndex page : session.descriptors) {
    if (page == PageIndex::kNone) continue;
    if (!claim_page(state, page, kPageDescriptors, "descriptor page")) continue;
    for (uint32_t entry : reinterpret_cast<DescriptorPage*>(state.volume.page(page))->entry) {
      if (entry == 0) continue;
      count++;
      DescriptionIndex description = description_of(entry);
      if (raw(description) == 0 || raw(description) >= state.fresh(description))
        state.violation("descriptor", number, 0, entry);
      else
        state.references[raw(description)]++;
    }
  }
  state.expect("descriptor count", number, count, session.descriptor_count);
}

void check_pins(CheckState& state, const SessionRecord& session, uint32_t number) {
  for (PageIndex at = session.pins; at != PageIndex::kNone;) {
    if (!claim_page(state, at, kPagePins, "pin list")) return;
    const PinPage& list = *reinterpret_cast<PinPage*>(state.volume.page(at));
    if (list.count > kPinsPerPage)
      return state.violation("pin list", number, kPinsPerPage, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
      PageIndex pin = list.pin[i];
      if (raw(pin) == 0 || raw(pin) >= state.fresh(pin))
        state.violation("pin", number, 0, raw(pin));
      else
        state.pins[raw(pin)]++;
    }
    at = list.next;
  }
}

void check_description(CheckState& state, DescriptionIndex index, const DescriptionRecord& record) {
  uint32_t tabled = state.references[raw(index)];
  if (!record.in_use) {
    if (tabled) state.violation("descriptor of nothing", raw(index), 0, tabled);
    return;
  }
  state.result.descriptions++;
  state.claim(index, kInUse, "description");
  if (record.references == 0 || record.references < tabled)
    state.violation("references", raw(index), tabled, record.references);
  else
    state.result.loose_references += record.references - tabled;
  check_open(state, record.inode, raw(index));
}

// The owner is there still; of POSIX locks that a kernel client set we cannot know.
void check_lock_owner(CheckState& state, FileLockIndex index, const FileLockRecord& lock) {
  if (lock.kind != kFileLockDescription && lock.kind != kFileLockFlock) return;
  const DescriptionRecord* owner =
      state.volume.description(DescriptionIndex{static_cast<uint32_t>(lock.owner)});
  if (!owner || lock.owner >> 32 || owner->in_use != 1)
    state.violation("owner of a file lock", raw(index), 1, lock.owner);
}
}  // namespace

void check_sessions(CheckState& state) {
  for (uint32_t i = 1; i < state.volume.sessions_used(); i++) {
    const SessionRecord& session = *state.volume.session(SessionIndex{i});
    if (session.state == kSessionFree) continue;
    state.result.sessions++;
    check_table(state, session, i);
    check_pins(state, session, i);
    check_open(state, session.cwd, i);
    check_open(state, session.leaving, i);
  }
  for (uint32_t i = 1; i < state.fresh(DescriptionIndex{}); i++)
    check_description(state, DescriptionIndex{i}, *state.volume.description(DescriptionIndex{i}));
}

void check_file_locks(CheckState& state) {
  for (uint32_t i = 1; i < state.fresh(InodeIndex{}); i++) {
    const InodeRecord& inode = *state.volume.inode(InodeIndex{i});
    if (!is_alive(inode)) continue;
    for (FileLockIndex at = inode.file_locks; at != FileLockIndex::kNone;) {
      if (!state.claim(at, kInUse, "file lock list")) break;
      const FileLockRecord& lock = *state.volume.file_lock(at);
      state.expect("inode of a file lock", raw(at), i, raw(lock.inode));
      check_lock_owner(state, at, lock);
      state.result.file_locks++;
      at = lock.next;
    }
  }
}

}  // namespace bt::engine
