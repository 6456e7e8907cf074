// SPDX-License-Identifier: MIT
// Names that an origin has told of. What is dropped here is dropped by the operations that remove names anyway, told that
// the origin is at work.
#include "engine/cached.h"
#include "engine/directory_index.h"
#include "engine/inode_lock.h"
#include "engine/make_entry.h"
#include "engine/origin.h"
#include "engine/origin_index.h"
#include "shm/token.h"

namespace bt::engine {
namespace {

// A name that changes its meaning faster than it can be entered.
constexpr uint32_t kEnterAttempts = 16;

// What a listing marks the names with that it finds: another mark than the last listing's; never 0, which is what names get that no
// listing entered.
uint8_t mark_of(uint32_t listings) { return static_cast<uint8_t>(1 + listings % 254); }

// kind, type, size and mark of a dentry are one logged word (directory_index.cc).
void mark_seen(Transaction& txn, DentryRecord& dentry, uint8_t seen) {
  if (dentry.seen == seen) return;
  auto& word = reinterpret_cast<uint32_t&>(dentry.kind);
  txn.store(word, (word & 0x00ffffff) | static_cast<uint32_t>(seen) << 24);
}

void init_stub(InodeRecord& record, InodeNumber parent, uint64_t number, uint32_t type) {
  clear_record(record, 0, 0, 0);
  clear_cached_part(record, number);
  store_unseen(record.nlink, type == kModeDirectory ? 2 : 1);
  if (type == kModeDirectory) make_directory_part(record, parent);
}

// Preconditions: directory and stripe locked, the name is not there, its dentries are prepared.
Result<void> insert_name(Transaction& txn, Thread& thread, InodeRecord& directory, uint32_t hash,
                         const SourceName& name, InodeNumber child, InodeRecord& record) {
  BT_TRY(insert_entry(txn, thread, directory, name.directory.index(), name.name, hash, child,
                      entry_type(name.type)));
  DentryIndex entry = directory.directory.last;  // where it was just put
  DentryRecord* dentry = thread.volume->dentry(entry);
  if (!dentry) return BT_DAMAGED(*thread.volume);
  store_unseen(record.name, entry);
  mark_seen(txn, *dentry, name.seen);
  return {};
}

// An inode of which nothing is known but the name, and its number and type. Preconditions: as above, and an inode is prepared.
Result<InodeNumber> make_stub(Transaction& txn, Thread& thread, InodeRecord& directory,
                              uint32_t hash, const SourceName& name) {
  Volume& volume = *thread.volume;
  InodeIndex index = take_inode(txn, thread);
  InodeRecord* record = volume.inode(index);
  if (!record) return BT_DAMAGED(volume);
  init_stub(*record, name.directory, name.number, name.type);
  txn.store(record->mode, name.type);
  InodeNumber made = InodeNumber::of(index, record->generation);
  BT_TRY(insert_name(txn, thread, directory, hash, name, made, *record));
  if (name.type == kModeDirectory)
    txn.store(directory.nlink, directory.nlink + 1);
  else
    BT_TRY(enter_origin_index(txn, volume, *record, index));
  return made;
}

// One more name of a file that is here. 0: it has gone since the caller found it.
Result<InodeNumber> add_name(Transaction& txn, Context& context, InodeRecord& directory,
                             uint32_t hash, const SourceName& name, InodeNumber file) {
  InodeRecord* record = context.volume().inode(file.index());
  // A directory's lock would come before the stripe's.
  if (!record || is_directory(load_relaxed(record->mode))) return InodeNumber{};
  BT_TRY(txn.lock(record->lock, shm::LockRank::kInode));
  bool is_it = record->generation == file.generation() && is_in_origin_index(*record) &&
               record->origin == name.number;
  if (!is_it) return InodeNumber{};
  BT_TRY(insert_name(txn, context.thread, directory, hash, name, file, *record));
  txn.store(record->nlink, record->nlink + 1);
  return file;
}

// The name is not there. 0: with a namesake, that is to be looked at, without, once more.
Result<InodeNumber> enter_new(Transaction& txn, Context& context, InodeRecord& directory,
                              uint32_t hash, const SourceName& name, Namesake& namesake) {
  const Volume& volume = context.volume();
  if (namesake.is_same) {
    BT_TRY_ASSIGN(InodeNumber added, add_name(txn, context, directory, hash, name, namesake.inode));
    if (!added) namesake = {};
    return added;
  }
  if (name.type == kModeDirectory) return make_stub(txn, context.thread, directory, hash, name);
  BT_TRY_ASSIGN(InodeIndex found,
                find_in_origin_index(txn, volume, name.number, name.type, namesake.inode.index()));
  if (found == InodeIndex::kNone) return make_stub(txn, context.thread, directory, hash, name);
  namesake.inode = InodeNumber::of(found, volume.inode(found)->generation);
  return InodeNumber{};
}

enum class Outcome : uint32_t { kEntered, kMeansSomethingElse, kOnceMore };

Result<Outcome> enter_once(Context& context, const SourceName& name, Namesake& namesake,
                           InodeNumber& entered) {
  Thread& thread = context.thread;
  Volume& volume = context.volume();
  Needs needs;
  needs.inodes = 1;
  needs.dentries = dentries_for(name.name.size);
  BT_TRY(prepare(thread, needs));
  Transaction txn(thread);
  BT_TRY_ASSIGN(InodeRecord * directory, lock_directory(txn, context, name.directory));
  if (is_removed(*directory)) return Error(ESTALE);
  // Another listing has ended. Our mark would take the place of one that a third has just made, who would drop the name for it.
  if (name.seen && name.seen != mark_of(directory->directory.listings)) return Error(EAGAIN);
  uint32_t hash = hash_name(name.directory.index(), name.name);
  BT_TRY(txn.lock(volume.stripe(hash).lock, shm::LockRank::kStripe));
  EntryPlace place;
  BT_TRY(find_place(volume, name.directory.index(), name.name, hash, place));
  if (!place.dentry) {
    BT_TRY_ASSIGN(entered, enter_new(txn, context, *directory, hash, name, namesake));
    if (entered) txn.commit();
    return entered ? Outcome::kEntered : Outcome::kOnceMore;
  }
  InodeRecord* child = volume.inode(place.child().index());
  if (!child) return BT_DAMAGED(volume);
  bool same = load_relaxed(child->origin) == name.number &&
              (load_relaxed(child->mode) & kModeType) == name.type;
  if (!same) return Outcome::kMeansSomethingElse;
  entered = place.child();
  // Without a listing it keeps the mark of one that is under way, who would drop the name for another.
  if (name.seen) mark_seen(txn, *place.dentry, name.seen);
  child->name = place.index;  // A hint: no lock, no log.
  txn.commit();
  return Outcome::kEntered;
}

// The first name of the directory with a cookie below `limit` that carries another mark; size 0: none. EAGAIN: another listing has
// ended, so that the mark may be that of a third, which has just found the name at the source.
Result<void> find_unseen(Context& context, InodeNumber directory, const Listing& listing,
                         char* name, uint32_t& size) {
  Volume& volume = context.volume();
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
  size = 0;
  if (record->directory.listings != listing.listings) return Error(EAGAIN);
  uint64_t limit = volume.geometry().dentries.count;
  for (DentryIndex index = record->directory.first; index != DentryIndex::kNone;) {
    DentryRecord* dentry = volume.dentry(index);
    if (!dentry || limit-- == 0) return BT_DAMAGED(volume);
    if (dentry->cookie >= listing.next_cookie) break;
    if (dentry->seen != listing.seen) {
      if (!copy_name(volume, *dentry, name, size)) return BT_DAMAGED(volume);
      break;
    }
    index = dentry->directory_next;
  }
  txn.roll_back();
  return {};
}

// Whatever stands below a directory that is gone. Depth first, without recursion: the directory with the deepest first
// name loses it until nothing is left.
Result<void> empty_directory(Context& context, InodeNumber top) {
  uint64_t steps = context.volume().geometry().dentries.count * 2;
  InodeNumber at = top;
  while (steps-- > 0) {
    ListedName entry;
    DentryIndex hint = DentryIndex::kNone;
    auto found = next_entry(context, at, 2, hint, entry);
    if (!found && found.error() != Error(ENOENT)) return found;
    if (!found) {
      if (at == top) return {};
      BT_TRY_ASSIGN(at, parent_of(context, at));
      continue;
    }
    Text name{entry.name, entry.name_size};
    if (entry.type != entry_type(kModeDirectory)) {
      BT_TRY(unlink(context, at, name));
      continue;
    }
    auto removed = remove_directory(context, at, name);
    if (!removed && removed.error() == Error(ENOTEMPTY))
      at = entry.inode;
    else
      BT_TRY(removed);
  }
  return BT_DAMAGED(context.volume());
}

// It stands for none of the source's files. Precondition: its lock.
Result<void> leave_number(Transaction& txn, const Volume& volume, InodeRecord& record,
                          InodeIndex index) {
  if (!is_in_origin_index(record)) return {};
  BT_TRY(leave_origin_index(txn, volume, record, index));
  txn.store(record.origin, uint64_t{0});
  txn.store(record.valid_epoch, 0u);
  return {};
}

// The source has a name of it no more. Who has it open when the last is gone, and asks for bytes that are not here, must not be
// told that they are a hole. Where we take the name away ourselves, the remover brings them (origin/removal.h).
void note_lost(Volume& volume, InodeIndex index) {
  InodeRecord* file = volume.inode(index);
  bool may_miss_bytes =
      file && (load_relaxed(file->mode) & kModeType) == kModeRegular && !has_all_pages(*file);
  uint64_t nobody = 0;
  if (may_miss_bytes)
    __atomic_compare_exchange_n(&file->cached.remove_tag, &nobody, kLostTag, false,
                                __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

}  // namespace

Result<InodeNumber> enter_name(Context& context, const SourceName& name, Namesake& namesake) {
  for (uint32_t attempt = 0; attempt < kEnterAttempts; attempt++) {
    InodeNumber entered;
    BT_TRY_ASSIGN(Outcome outcome, enter_once(context, name, namesake, entered));
    if (outcome == Outcome::kEntered) return entered;
    if (outcome == Outcome::kOnceMore && namesake.inode) return InodeNumber{};
    if (outcome == Outcome::kMeansSomethingElse)
      BT_TRY(drop_name(context, name.directory, name.name));
  }
  return Error(EAGAIN);
}

Result<void> disown(Context& context, InodeNumber inode) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  BT_TRY(leave_number(txn, context.volume(), *record, inode.index()));
  txn.commit();
  return {};
}

Result<void> adopt_number(Context& context, InodeNumber inode, uint64_t number) {
  auto nothing_seen = [](const InodeRecord& record) {
    return record.nlink == 1 && record.page_count == 0 && !(record.flags & kInodeDirty) &&
           (record.mode & kModeType) == kModeRegular;
  };
  {
    Transaction txn(context.thread);
    BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
    if (!nothing_seen(*record)) return Error(ESTALE);
    BT_TRY(leave_number(txn, context.volume(), *record, inode.index()));
    txn.commit();
  }
  // Numbers of two stripes are not locked at the same time.
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  if (record->origin != 0 || !nothing_seen(*record)) return Error(ESTALE);
  txn.store(record->origin, number);
  BT_TRY(enter_origin_index(txn, context.volume(), *record, inode.index()));
  txn.commit();
  return {};
}

Result<void> drop_name(Context& context, InodeNumber directory, Text name) {
  OriginAtWork working(context.thread);
  Credentials trusted;
  trusted.trusted = true;
  Context own{context.thread, trusted};
  Found found;
  auto there = lookup(own, directory, name, found);
  if (!there) return there.error() == Error(ENOENT) ? Result<void>{} : there;
  Result<void> dropped;
  if (is_directory(found.mode)) {
    BT_TRY(empty_directory(own, found.inode));
    dropped = remove_directory(own, directory, name);
  } else {
    note_lost(own.volume(), found.inode.index());
    dropped = unlink(own, directory, name);
    // Its other names show what has changed with this one.
    if (dropped) (void)invalidate(own, found.inode, false).has_value();
  }
  if (!dropped && dropped.error() == Error(ENOENT)) return {};
  return dropped;
}

bool is_changed_elsewhere(const Context& context, InodeNumber directory) {
  const Volume& volume = context.volume();
  for (uint32_t i = 1; i < volume.slots_used(); i++) {
    const SlotRecord& slot = *volume.slot(SlotIndex{i});
    bool changes = false;
    for (const InodeNumber& changing : slot.changing)
      changes |= __atomic_load_n(&changing.value, __ATOMIC_ACQUIRE) == directory.value;
    if (changes && i != raw(context.thread.slot_index) &&
        shm::is_alive(shm::token_word(slot.token)))
      return true;
  }
  return false;
}

Result<void> begin_listing(Context& context, InodeNumber directory, Listing& listing) {
  return read_inode(context.thread, directory, [&](const InodeRecord& record) {
    listing.change = load_relaxed(record.change);
    listing.next_cookie = load_relaxed(record.directory.next_cookie);
    listing.news = load_relaxed(record.directory.news);
    listing.listings = load_relaxed(record.directory.listings);
    listing.seen = mark_of(listing.listings);
  });
}

Result<void> end_listing(Context& context, InodeNumber directory, const Listing& listing,
                         const SourceAttributes& source) {
  // A name that is not at the source any more, and still here, may be one that somebody is just moving, with all that is newer here.
  bool changes = is_changed_elsewhere(context, directory);
  uint64_t dropped = 0;
  for (; !changes; dropped++) {
    char name[kNameMax + 1];
    uint32_t size = 0;
    Result<void> looked = find_unseen(context, directory, listing, name, size);
    if (!looked && looked.error() != Error(EAGAIN)) return looked;
    if (!looked || size == 0) break;
    BT_TRY(drop_name(context, directory, {name, size}));
  }
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
  DirectoryPart& part = record->directory;
  bool alone = part.listings == listing.listings;
  txn.store(part.listings, part.listings + 1);
  bool undisturbed = alone && !changes && record->change == listing.change + dropped &&
                     load_relaxed(part.news) == listing.news;
  // What was dropped may have been entered anew by a listing that is the truth by now.
  if (!alone && dropped) txn.store(part.names_epoch, 0u);
  if (undisturbed) {
    txn.store(part.source_mtime_ns, source.mtime_ns);
    txn.store(part.source_ctime_ns, source.ctime_ns);
    txn.store(part.names_epoch, source.epoch);
  }
  txn.commit();
  if (!undisturbed) return Error(EAGAIN);
  return {};
}

Result<void> name_again(Context& context, InodeNumber directory, Text name) {
  Volume& volume = context.volume();
  uint32_t hash = hash_name(directory.index(), name);
  Transaction txn(context.thread);
  BT_TRY(txn.lock(volume.stripe(hash).lock, shm::LockRank::kStripe));
  EntryPlace place;
  BT_TRY(find_place(volume, directory.index(), name, hash, place));
  InodeRecord* child = place.dentry ? volume.inode(place.child().index()) : nullptr;
  if (child) child->name = place.index;  // A hint: no log.
  txn.roll_back();
  return {};
}

Result<void> note_xattrs_known(Context& context, InodeNumber inode) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  txn.store(record->flags, record->flags | kInodeXattrsKnown);
  txn.commit();
  return {};
}

Result<void> keep_names(Context& context, InodeNumber directory, uint32_t epoch) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_directory(txn, context, directory));
  // 0: somebody has found out otherwise meanwhile.
  if (record->directory.names_epoch) txn.store(record->directory.names_epoch, epoch ? epoch : 1u);
  txn.commit();
  return {};
}

Result<void> invalidate(Context& context, InodeNumber inode, bool names_too) {
  Transaction txn(context.thread);
  BT_TRY_ASSIGN(InodeRecord * record, lock_inode(txn, context, inode));
  txn.store(record->valid_epoch, 0u);
  if (names_too && is_directory(record->mode)) {
    txn.store(record->directory.names_epoch, 0u);
    txn.bump_dirtree();  // Paths through it are walked again.
  }
  txn.commit();
  return {};
}

}  // namespace bt::engine
