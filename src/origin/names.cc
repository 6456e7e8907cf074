// SPDX-License-Identifier: MIT
// Names of files that have several: which of them are one file, and which of them the source still has.
//
// A listing tells numbers, and two names with one number are one file if both are there at the same time. So before a name is
// entered whose number an inode has by other names, the source is asked for one of those: is it still there, with that number and
// more than one name, the inode gets the name. If not, the number was given away anew: the inode's file is gone (disown).
#include "engine/directory_index.h"
#include "engine/permissions.h"
#include "engine/seq_read.h"
#include "origin/removal.h"
#include "origin/source.h"

namespace bt::origin {
namespace {

using engine::load_relaxed;

// Names of one file that go while they are asked for.
constexpr uint32_t kNamesTried = 64;
// The same where not even one is found: all names of the volume are looked through for it.
constexpr uint32_t kUnknownTried = 4;
// Inodes that change while a name is entered for them.
constexpr uint32_t kNamesakesTried = 16;

bool says_gone(Error error) {
  int cause = error.errno_value();
  return cause == ENOENT || cause == ENOTDIR || cause == ESTALE;
}

enum class NameIs { kThere, kLost, kLast, kUnknown };

// The source did not have the inode by the name that is remembered. That name is lost to an inode that has others; whoever lists
// its directory next will find out what is there. kThere: it is another name by now; kUnknown: names come and go just now.
NameIs lose_name(Context& context, InodeNumber inode) {
  const engine::Volume& volume = context.volume();
  const format::InodeRecord* record = volume.inode(inode.index());
  auto scratch = scratch_of(context);
  char name[engine::kNameMax + 1];
  uint32_t size = 0;
  auto directory = name_of(volume, inode, name, size);
  if (!record || !scratch || !directory) return NameIs::kUnknown;
  auto path = source_path(context, *directory, {name, size}, (*scratch)->path[0]);
  if (!path) return NameIs::kUnknown;
  SourceAttributes found;
  bool is_there = ask_source(context, source_root(context), *path, found) &&
                  found.number == load_relaxed(record->origin) &&
                  ((found.mode ^ load_relaxed(record->mode)) & engine::kModeType) == 0;
  if (is_there) return NameIs::kThere;
  bool has_others =
      !engine::is_directory(load_relaxed(record->mode)) && load_relaxed(record->nlink) > 1;
  if (has_others && !engine::drop_name(context, *directory, {name, size})) return NameIs::kUnknown;
  (void)engine::invalidate(context, *directory, true).has_value();
  return has_others ? NameIs::kLost : NameIs::kLast;
}

enum class IsSame { kYes, kNo, kAskAgain };

// Whether the file is at the source by the names that are here, and has room for another.
IsSame has_another_name(Context& context, InodeNumber inode) {
  Result<void> asked = ask_again(context, inode);
  const format::InodeRecord* record = context.volume().inode(inode.index());
  if (asked) return record && load_relaxed(record->source_nlink) > 1 ? IsSame::kYes : IsSame::kNo;
  if (asked.error() == Error(ESTALE)) return IsSame::kAskAgain;
  if (asked.error() == Error(ENOENT)) (void)engine::disown(context, inode).has_value();
  return IsSame::kNo;
}

}  // namespace

Result<void> ask_again(Context& context, InodeNumber inode) {
  for (uint32_t tries = 0, unknown = 0; tries < kNamesTried && unknown < kUnknownTried; tries++) {
    Result<void> asked = refresh(context, inode, false);
    if (asked || !says_gone(asked.error())) return asked;
    if (was_removed(context, inode)) return {};
    // One of us may be moving it, or a directory above it.
    wait_for_changes(context);
    if (tries == 0) continue;
    NameIs name = lose_name(context, inode);
    if (name == NameIs::kLast) return Error(ENOENT);
    unknown += name == NameIs::kUnknown;
  }
  return Error(ESTALE);
}

Result<InodeNumber> enter(Context& context, const engine::SourceName& name) {
  engine::Namesake namesake;
  for (uint32_t tries = 0; tries < kNamesakesTried; tries++) {
    BT_TRY_ASSIGN(InodeNumber entered, engine::enter_name(context, name, namesake));
    if (entered) return entered;
    IsSame is_same = has_another_name(context, namesake.inode);
    if (is_same == IsSame::kAskAgain) namesake = {};
    namesake.is_same = is_same == IsSame::kYes;
  }
  return Error(EAGAIN);
}

}  // namespace bt::origin
