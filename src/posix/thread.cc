// SPDX-License-Identifier: MIT
#include "posix/thread.h"

#include "posix/credentials.h"
#include "posix/identity.h"
#include "posix/materialise.h"

namespace bt::posix {

thread_local constinit ThreadState thread_state = {};
uint32_t credentials_epoch = 1;

void forget_credentials() { __atomic_fetch_add(&credentials_epoch, 1, __ATOMIC_RELEASE); }

namespace {

// A fork child that runs before its parent has come back from fork tells itself who it is.
Result<void> adopt_if_new(ThreadState& self, Mount& mount, engine::SessionIndex session) {
  const engine::SessionRecord* record = mount.volume.session(session);
  if (!record || __atomic_load_n(&record->state, __ATOMIC_ACQUIRE) != format::kSessionForking)
    return {};
  const Identity& identity = process_identity(*self.files);
  engine::Context context = context_of(self, mount);
  engine::SessionClone own = {session, __atomic_load_n(&record->generation, __ATOMIC_RELAXED)};
  auto adopted = engine::adopt_session(context, own, identity.pid, identity.start_time);
  // EINVAL: the parent was faster.
  if (!adopted && adopted.error().errno_value() != EINVAL) return adopted;
  return {};
}

// Claims the session when this descriptor space has none yet, and this thread's slot.
Result<void> claim(ThreadState& self, Mount& mount) {
  engine::Thread& thread = self.engine[mount.index];
  thread = {};
  thread.volume = &mount.volume;
  Files& files = *self.files;
  FilesGuard guard(files);
  engine::SessionIndex& session = files.session[mount.index];
  if (session != engine::SessionIndex::kNone) {
    BT_TRY(engine::attach_thread(thread, session));
    BT_TRY(adopt_if_new(self, mount, session));
  } else {
    const Identity& identity = process_identity(files);
    BT_TRY_ASSIGN(session, engine::open_session(thread, identity.pid, identity.start_time,
                                                self.credentials.uid));
  }
  self.attached |= 1u << mount.index;
  return {};
}

}  // namespace

namespace {

Result<void> prepare(ThreadState& self, Mount& mount) {
  if (is_gone(mount)) return pass(Way::k_passed_damaged);
  if (self.stands_aside) return pass(Way::k_passed_identity);
  if (self.credentials_epoch != __atomic_load_n(&credentials_epoch, __ATOMIC_ACQUIRE))
    read_credentials(self);
  if (self.not_allowed >> mount.index & 1) return pass(Way::k_passed_identity);
  if (self.attached >> mount.index & 1) return {};
  if (!claim(self, mount)) return pass(Way::k_passed_no_session);
  return {};
}

}  // namespace

Result<void> prepare_thread(ThreadState& self, Mount& mount) {
  auto prepared = prepare(self, mount);
  if (self.attached >> mount.index & 1) self.touched = &self.engine[mount.index];
  return prepared;
}

void forget_slots(ThreadState& self) {
  self.attached = 0;
  self.touched = self.guess = self.guess_before = nullptr;
  for (uint32_t i = 0; i < mount_count; i++) self.engine[i].block = nullptr;
}

Error why_not_open(ThreadState& self, uint64_t fd, uint64_t entry) {
  if (entry == 0) return error::not_ours;
  if ((entry & kEntryOurs) == 0) return Error(EBADF);
  Mount& mount = entry_mount(entry);
  if (is_gone(mount)) return error::volume_gone;
  // A descriptor outlives the right to open it anew; the kernel path serves it from now on, as it would have.
  if (auto made = hand_to_kernel(*self.files, static_cast<int32_t>(fd)); !made) return made.error();
  return pass(Way::k_passed_kernel_descriptor);
}

}  // namespace bt::posix
