// SPDX-License-Identifier: MIT
// Opening: a description, its entry in the session's table and the inode's open count, in one transaction. Locks: session,
// then directory and stripe if a file is made, or the inode. Log: at most 12 entries beyond make_entry's.
#include <fcntl.h>

#include "engine/descriptor_table.h"
#include "engine/inode_lock.h"
#include "engine/make_entry.h"
#include "engine/origin.h"
#include "engine/reclaim.h"

namespace bt::engine {
namespace {

struct Entry {
  SessionIndex session;
  int32_t fd;
  bool close_on_exec;
};

// What is left of open's flags in a description; the rest has done its work.
constexpr uint32_t kKeptFlags =
    ~static_cast<uint32_t>(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);

uint32_t wanted_rights(uint32_t flags) {
  if (flags & O_PATH) return 0;
  uint32_t access = flags & O_ACCMODE;
  uint32_t rights = (access == O_RDONLY ? kMayRead : 0) | (access == O_WRONLY ? kMayWrite : 0) |
                    (access == O_RDWR || access == O_ACCMODE ? kMayRead | kMayWrite : 0);
  return flags & O_TRUNC ? rights | kMayWrite : rights;
}

Result<void> check_type(uint32_t mode, uint32_t flags) {
  uint32_t type = mode & kModeType;
  if ((flags & O_DIRECTORY) && type != kModeDirectory) return Error(ENOTDIR);
  if (flags & O_PATH) return {};
  if (type == kModeLink) return Error(ELOOP);
  if (type == kModeDirectory && ((wanted_rights(flags) & kMayWrite) || (flags & O_CREAT)))
    return Error(EISDIR);
  if (type != kModeDirectory && type != kModeRegular) return Error(ENXIO);
  return {};
}

Result<void> check_open(Context& context, const AccessView& view, uint32_t flags) {
  BT_TRY(check_type(view.mode, flags));
  uint32_t rights = wanted_rights(flags);
  if ((rights & kMayWrite) && context.volume().is_read_only()) return Error(EROFS);
  if (rights) BT_TRY(check_permission(context, view, rights, true));
  if ((flags & O_NOATIME) && !(flags & O_PATH) &&
      !is_owner_or_capable(context.credentials, view.uid))
    return Error(EPERM);
  return {};
}

// The description is invisible until its entry is stored: only what a free one must look like is logged.
Result<DescriptionIndex> make_description(Transaction& txn, Thread& thread, InodeNumber inode,
                                          uint32_t flags) {
  DescriptionIndex index = take_description(txn, thread);
  DescriptionRecord* record = thread.volume->description(index);
  if (!record) return error::volume_corrupt;
  store_unseen(record->inode, inode);
  store_unseen(record->flags, flags & kKeptFlags);
  store_unseen(record->references, 1);
  store_unseen(record->offset, 0);
  store_unseen(record->list_hint, DentryIndex::kNone);
  store_unseen(record->origin, 0);
  store_unseen(record->kernel_state, 0);
  txn.store(record->in_use, 1u);
  return index;
}

// A transaction that ends in an entry of a table, or a reference of the caller's when there is no fd.
class Opening {
 public:
  Opening(Context& context, const Entry& entry)
      : context_(context), entry_(entry), txn_(context.thread) {}

  static Result<void> prepare_for(Context& context, const Entry& entry, Needs needs) {
    needs.descriptions++;
    const SessionRecord* session = context.volume().session(entry.session);
    if (entry.fd >= 0 && session && !find_entry_place(context.volume(), *session, entry.fd))
      needs.pages++;
    return prepare(context.thread, needs);
  }

  // Locks the session. EBUSY: an entry is there that its process closed behind our back.
  Result<void> begin() {
    if (entry_.fd < 0) return {};
    BT_TRY_ASSIGN(session_, lock_session(txn_, context_.volume(), entry_.session));
    BT_TRY_ASSIGN(place_, make_entry_place(txn_, context_.thread, *session_, entry_.fd));
    if (*place_ != 0) [[unlikely]]
      return Error(EBUSY);
    return {};
  }
  Result<DescriptionIndex> finish(InodeNumber inode, uint32_t flags) {
    BT_TRY_ASSIGN(DescriptionIndex description,
                  make_description(txn_, context_.thread, inode, flags));
    if (place_)
      store_entry(txn_, *session_, *place_, make_entry_word(description, entry_.close_on_exec));
    txn_.commit();
    return description;
  }
  Transaction& txn() { return txn_; }

 private:
  Context& context_;
  const Entry& entry_;
  Transaction txn_;
  SessionRecord* session_ = nullptr;
  uint32_t* place_ = nullptr;
};

// A process may have closed a number of ours with a call that nobody saw: what it meant goes now.
template <typename Attempt>
auto with_free_entry(Context& context, const Entry& entry, Attempt attempt) {
  auto result = attempt();
  if (!result && result.error() == Error(EBUSY)) [[unlikely]] {
    Result<void> closed = close_descriptor(context, entry.session, entry.fd);
    if (closed) return attempt();
    return decltype(result)(closed.error());
  }
  return result;
}

Result<DescriptionIndex> open_existing(Context& context, const Entry& entry, InodeNumber inode,
                                       uint32_t flags, bool created) {
  BT_TRY(Opening::prepare_for(context, entry, {}));
  Opening opening(context, entry);
  BT_TRY(opening.begin());
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(opening.txn(), context, inode));
  if (is_lost_file(context.volume(), *record)) [[unlikely]]
    return Error(ESTALE);
  if (!created) BT_TRY(check_open(context, access_view(inode.index(), *record), flags));
  opening.txn().store(record->opens, record->opens + 1);
  return opening.finish(inode, flags);
}

// O_TRUNC, after the open: what Linux does between the two, nobody can see either.
Result<void> truncate_opened(Context& context, InodeNumber inode) {
  AttributeChange change;
  change.which = AttributeChange::kSize;
  change.by_descriptor = true;
  Attributes after;
  return set_attributes(context, inode, change, after);
}

Result<DescriptionIndex> open_and_truncate(Context& context, const Entry& entry, InodeNumber inode,
                                           uint32_t flags, bool created) {
  BT_TRY_ASSIGN(DescriptionIndex description, with_free_entry(context, entry, [&] {
                  return open_existing(context, entry, inode, flags, created);
                }));
  if (!(flags & O_TRUNC) || (flags & O_PATH) || created) return description;
  Result<void> truncated = truncate_opened(context, inode);
  if (truncated) return description;
  (void)(entry.fd < 0 ? drop_reference(context, description)
                      : close_descriptor(context, entry.session, entry.fd))
      .has_value();
  return truncated.error();
}

Result<DescriptionIndex> make_and_open(Context& context, const Entry& entry, InodeNumber directory,
                                       Text name, const NewInode& what, uint32_t flags,
                                       MadeInode& made) {
  BT_TRY(Opening::prepare_for(context, entry, needs_of_entry(context, directory, name, what)));
  Opening opening(context, entry);
  BT_TRY(opening.begin());
  BT_TRY(make_entry(opening.txn(), context, directory, name, what, made));
  store_unseen(made.record->opens, 1);
  return opening.finish(made.number, flags);
}
}  // namespace

Result<DescriptionIndex> open_description(Context& context, SessionIndex session, int32_t fd,
                                          InodeNumber inode, uint32_t flags, bool close_on_exec,
                                          bool created) {
  BT_TRY(require_rights(context, inode));
  return open_and_truncate(context, {session, fd, close_on_exec}, inode, flags, created);
}

Result<void> create_and_open(Context& context, InodeNumber directory, Text name, uint32_t mode,
                             uint32_t umask, SessionIndex session, int32_t fd, uint32_t flags,
                             bool close_on_exec, Opened& opened) {
  const Entry entry = {session, fd, close_on_exec};
  NewInode what;
  what.mode = kModeRegular | (mode & kModeBits);
  what.umask = umask;
  if (const OriginTable* origin = origin_of(context)) [[unlikely]]
    return origin->create_and_open(context, directory, name, what, session, fd, flags,
                                   close_on_exec, opened);
  // Somebody may unlink between the two attempts, and make again: each round somebody else got on.
  for (uint32_t round = 0; round < base::kReadRetriesMax; round++) {
    MadeInode made;
    auto description = with_free_entry(context, entry, [&] {
      return make_and_open(context, entry, directory, name, what, flags, made);
    });
    if (description) {
      opened = {*description, made.number, load_relaxed(made.record->mode), true};
      return {};
    }
    if (description.error() != Error(EEXIST) || (flags & O_EXCL)) return description.error();
    Found found;
    Result<void> looked = lookup(context, directory, name, found);
    if (looked) {
      auto existing = open_and_truncate(context, entry, found.inode, flags, false);
      if (existing) {
        opened = {*existing, found.inode, found.mode, false};
        return {};
      }
      if (existing.error() != Error(ESTALE)) return existing.error();
    } else if (looked.error() != Error(ENOENT)) {
      return looked.error();
    }
  }
  return Error(EAGAIN);
}

Result<DescriptionIndex> open_unnamed(Context& context, InodeNumber directory, uint32_t mode,
                                      uint32_t umask, SessionIndex session, int32_t fd,
                                      uint32_t flags, bool close_on_exec) {
  // The source would have to give the file a name at once.
  if (origin_of(context)) return Error(EOPNOTSUPP);
  const Entry entry = {session, fd, close_on_exec};
  NewInode what;
  what.mode = kModeRegular | (mode & kModeBits);
  what.umask = umask;
  return with_free_entry(context, entry, [&]() -> Result<DescriptionIndex> {
    BT_TRY(Opening::prepare_for(context, entry, needs_of_entry(context, directory, {}, what)));
    Opening opening(context, entry);
    BT_TRY(opening.begin());
    MadeInode made;
    BT_TRY(make_unnamed(opening.txn(), context, directory, what, !(flags & O_EXCL), made));
    store_unseen(made.record->opens, 1);
    return opening.finish(made.number, flags);
  });
}

}  // namespace bt::engine
