// SPDX-License-Identifier: MIT
// What a thread is doing, learnt from its misses and from the counters that it keeps anyway, so that what it will want next can
// be fetched ahead by a thread of the daemon (origin/prefetcher.h): names, attributes and small files. docs/cache.md has the states. A hit teaches nothing and costs nothing: what
// somebody uses of what was fetched ahead comes by here once, because it carries an older epoch.
#pragma once

#include "engine/cached.h"
#include "engine/seq_read.h"

namespace bt::origin {

// Private to the thread (Scratch); all zero at first. Wrong guesses cost time, never truth.
struct Habit {
  // A walk: directories that are listed one after the other, and what is done to their entries.
  engine::InodeNumber directory;  // listed last
  engine::InodeNumber parent;     // of it
  uint64_t looks, reads;          // the thread's counters then
  uint32_t siblings;              // listed one after the other in `parent`
  uint32_t walks;                 // listings for which a walk is believed in yet
  uint32_t attributes, pages;     // listings for which these are believed to be wanted yet
  // Entries that are asked for in the order in which they are listed.
  struct Run {
    format::DentryIndex next;
    uint32_t length;
  } asked, opened;
};

// Whoever lists a directory now will look at what is in it.
bool wants_attributes(engine::Context& context);
// Whoever looks at a file now will read it.
bool wants_pages(engine::Context& context);
// Whether a walk goes on below the directory, as the source counts its links.
inline bool has_subdirectories(const format::InodeRecord& directory) {
  constexpr uint32_t kNlinkOfLeaf = 2;
  return engine::load_relaxed(directory.nlink) > kNlinkOfLeaf;
}
// The names of a directory that nobody had listed, or that were fetched ahead, are used for the first time.
void note_listing(engine::Context& context, engine::InodeNumber directory);
// The source is to be asked for the attributes of an inode that nobody has asked for.
void note_attribute_miss(engine::Context& context, const format::InodeRecord& record);
// The source is to be asked for a file's first page.
void note_page_miss(engine::Context& context, engine::InodeNumber inode);
// Asks the daemon's thread to fetch ahead what is in the directory and one level below. what: kAhead… bits.
void ask_ahead(engine::Volume& volume, engine::InodeNumber directory, uint32_t what);

}  // namespace bt::origin
