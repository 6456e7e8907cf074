// SPDX-License-Identifier: MIT
#include "engine/check.h"

#include "engine/check_state.h"
#include "engine/lock_wait.h"

namespace bt::engine {
namespace {

constexpr uint32_t kQuietTimeoutMs = 2000;

// Hands out the scratch memory, array after array; without memory it only adds up.
class Carver {
 public:
  explicit Carver(void* memory) : memory_(static_cast<char*>(memory)) {}
  template <typename T>
  void carve(T*& array, uint64_t count) {
    array = memory_ ? reinterpret_cast<T*>(memory_ + used_) : nullptr;
    used_ = base::align_up(used_ + count * sizeof(T), 64);
  }
  uint64_t used() const { return used_; }

 private:
  char* memory_;
  uint64_t used_ = 0;
};

bool holds_legally(const Volume& volume, const LockRecord& lock, uint64_t tag) {
  const SlotRecord* slot = volume.slot(shm::slot_of(tag));
  return slot && shm::is_alive(shm::token_word(slot->token)) && slot->held_count == 1 &&
         slot->held[0] == volume.offset_of(&lock);
}

// Only an OffsetLock is held while no transaction runs.
void check_lock(CheckState& state, const LockRecord& lock, uint64_t object, bool may_be_held) {
  uint64_t tag = shm::load_tag(lock);
  if (tag != 0 && !(may_be_held && holds_legally(state.volume, lock, tag))) {
    state.result.dead_locks++;
    state.violation("lock held by nobody", object, 0, tag);
  }
  if (lock.seq & 1) state.violation("sequence left odd", object, lock.seq + 1, lock.seq);
}

void run(CheckState& state) {
  check_locks(state);
  check_free_lists(state);
  check_names(state);
  check_origin_index(state);
  check_sessions(state);
  check_pages(state);
  check_file_locks(state);
  check_counts(state);
}
}  // namespace

CheckState::CheckState(Context& context_in, void* scratch, ReportViolation report, void* argument,
                       CheckReport& result_in)
    : context(context_in),
      volume(*context_in.thread.volume),
      super(volume.superblock()),
      result(result_in),
      report_(report),
      argument_(argument) {
  const Geometry& g = volume.geometry();
  Carver carver(scratch);
  carver.carve(names, g.inodes.count);
  carver.carve(subdirectories, g.inodes.count);
  carver.carve(opens, g.inodes.count);
  carver.carve(references, g.descriptions.count);
  carver.carve(pins, g.pages.count);
  carver.carve(inode_marks_, g.inodes.count);
  carver.carve(dentry_marks_, g.dentries.count);
  carver.carve(page_marks_, g.pages.count);
  carver.carve(description_marks_, g.descriptions.count);
  carver.carve(file_lock_marks_, g.file_locks.count);
}

uint64_t CheckState::scratch_size(const Volume& volume) {
  const Geometry& g = volume.geometry();
  return g.inodes.count * 13 + g.descriptions.count * 5 + g.pages.count * 5 + g.dentries.count +
         g.file_locks.count + 10 * 64;
}

uint64_t check_scratch_size(const Volume& volume) { return CheckState::scratch_size(volume); }

void check_locks(CheckState& state) {
  const Volume& volume = state.volume;
  for (uint32_t i = 1; i < state.fresh(InodeIndex{}); i++)
    check_lock(state, volume.inode(InodeIndex{i})->lock, i, false);
  for (uint32_t i = 1; i < state.fresh(DescriptionIndex{}); i++)
    check_lock(state, volume.description(DescriptionIndex{i})->lock, i, true);
  for (uint32_t i = 1; i < volume.sessions_used(); i++)
    check_lock(state, volume.session(SessionIndex{i})->lock, i, false);
  for (uint32_t i = 0; i < volume.geometry().stripes.count; i++)
    check_lock(state, volume.stripe(i).lock, i, false);
  const Superblock& super = state.super;
  const LockRecord* single[] = {&super.rename_lock,
                                &super.orphan_lock,
                                &super.free_inodes.lock,
                                &super.free_dentries.lock,
                                &super.free_pages.lock,
                                &super.returned_pages.lock,
                                &super.free_descriptions.lock,
                                &super.free_file_locks.lock};
  for (const LockRecord* lock : single)
    check_lock(state, *lock, static_cast<uint64_t>(volume.offset_of(lock)), false);
  for (uint32_t i = 1; i < volume.slots_used(); i++) {
    const SlotRecord& slot = *volume.slot(SlotIndex{i});
    if (slot.token.word == 0) continue;
    state.result.slots++;
    if (shm::is_dead(slot.token.word)) state.violation("slot not recovered", i, 0, slot.token.word);
    state.expect("log not empty", i, 0, slot.log_count);
  }
}

Result<void> check_volume(Context& context, void* scratch, ReportViolation report, void* argument,
                          CheckReport& result) {
  Thread& thread = context.thread;
  result = {};
  sweep_slots(thread);
  BT_TRY(close_gate(thread, kQuietTimeoutMs));
  CheckState state(context, scratch, report, argument, result);
  run(state);
  open_gate(thread);
  return {};
}

}  // namespace bt::engine
