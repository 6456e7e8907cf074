// SPDX-License-Identifier: MIT
// Being told of changes at the source. A directory is watched (inotify) by the process that lists it, in the instance that the
// daemon reads (origin/watcher.h), before it is listed: whatever changes later comes as an event.
//
// So what was found true in an epoch after the watch was set, and after the last event that spoke of it, is true still, and
// needs no look at the source in a new epoch. The daemon's order makes it safe against those who look at the same time: it
// marks what an event speaks of with the present epoch, then begins a new one; who asked the source before carries the marked
// epoch or an older one, and asks again.
//
// Telling of attributes costs more than telling of names: the kernel marks all entries that it has in memory when such a watch
// is set, and each change of ours makes an event. So who lists a directory asks for news of its names, and who looks at an
// entry's attributes for those too; the daemon asks for the rest when nobody does anything, and does without news of attributes
// where they are our own changes, a thousand a second. What is not told of is looked at in each epoch (kToldOf… in
// format/inode_format.h).
//
// What no event tells of: writes through a shared mapping, and through names outside the directory. Files with several names
// are therefore never vouched for, and the daemon ends all vouching once a minute (watch_floor).
#pragma once

#include "origin/source.h"

namespace bt::origin {

// The directory, open as `descriptor`, is watched from now on, if the process may: for news of names, or of attributes too. What
// was found before is not vouched for: with attributes, a new epoch begins, so that what is found now is.
void watch_directory(Context& context, InodeNumber directory, int32_t descriptor, bool attributes);
// The directory, open as `descriptor`, is watched for attributes too: from now on, as above. `from`: kToldOf….
void watch_attributes(Context& context, InodeNumber directory, int32_t descriptor, uint32_t from);
// The same of the directory above an inode, before its attributes are asked for.
void watch_attributes_of(Context& context, const format::InodeRecord& record,
                         format::InodeIndex index);
// The daemon: no news of attributes for now.
void unwatch_attributes(Context& context, InodeNumber directory, int32_t descriptor);
// Attributes of the inode were changed by us.
void count_own_change(Context& context, InodeNumber inode);

// Attributes (names) of the inode that were true in an earlier epoch are true in this one, and carry it now.
bool vouch_for_attributes(Context& context, format::InodeRecord& record, format::InodeIndex index);
bool vouch_for_names(Context& context, format::InodeRecord& directory);

// The next epoch; never 0. Precondition: the epoch is not 0 (which means: ask each time).
void begin_epoch(engine::Volume& volume);

}  // namespace bt::origin
