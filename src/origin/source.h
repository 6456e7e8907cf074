// SPDX-License-Identifier: MIT
// Between the sources of this folder: paths at the source, system calls there, and the thread's scratch memory.
#pragma once

#include "base/syscall.h"
#include "engine/cached.h"
#include "engine/origin.h"
#include "metrics/meter.h"
#include "origin/directory.h"
#include "origin/habit.h"

namespace bt::origin {

using base::Text;
using engine::Context;
using engine::InodeNumber;
using engine::SourceAttributes;

inline constexpr uint32_t kPathBytes = 4352;  // PATH_MAX and a name
inline constexpr uint32_t kNamesBytes = 32 << 10;

// A thread's private memory for work with the source; more than a stranger's stack may hold. One user at a time: nothing of
// this folder calls itself again.
struct Scratch {
  char path[2][kPathBytes];
  char link[kPathBytes];
  char names[kNamesBytes];
  alignas(4096) char pages[engine::kCachedPagesAtOnce * format::kPageSizeBytes];
  Habit habit;
};
// ENOMEM.
Result<Scratch*> scratch_of(Context& context);

// Among the thread's events.
inline void count(const Context& context, metrics::Event event) {
  metrics::count_event(*context.volume().block(context.thread.slot_index), event);
}

inline int32_t source_root(const Context& context) {
  return static_cast<const Source*>(context.volume().origin_state())->root;
}

// The name by which `inode` hangs in its directory (kNameMax + 1 bytes), and that directory. ESTALE: it is not known, or is not
// what it was. Lock-free.
Result<InodeNumber> name_of(const engine::Volume& volume, InodeNumber inode, char* name,
                            uint32_t& size);

// The path of the inode, and of `name` in it if that is not empty, relative to the source's root; in one of the scratch
// paths. ESTALE: no name of it is known. ENAMETOOLONG.
Result<const char*> source_path(Context& context, InodeNumber inode, Text name, char* buffer);

// A value or the negative errno of a system call.
inline Result<uint64_t> source_result(int64_t returned) {
  if (returned < 0) return Error(static_cast<int>(-returned));
  return static_cast<uint64_t>(returned);
}

// What the source says of a path (or of an open descriptor, with an empty path). `epoch` is taken before it is asked.
Result<void> ask_source(Context& context, int32_t directory, const char* path,
                        SourceAttributes& attributes);

// Opens at the source, close-on-exec; the caller closes.
class SourceFile {
 public:
  SourceFile() = default;
  ~SourceFile() { close(); }
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;
  Result<void> open(Context& context, const char* path, int32_t flags, uint32_t mode = 0);
  // The same, of a name in a directory that is open.
  Result<void> open_in(int32_t directory, const char* name, int32_t flags);
  void close();
  int32_t descriptor() const { return descriptor_; }

 private:
  int32_t descriptor_ = -1;
};

// The mark of a slot whose thread has died, or changed hands.
bool is_dead_tag(const engine::Volume& volume, uint64_t tag);

// While it lives, recovery and all others know that this thread changes something in these directories.
class Changing {
 public:
  Changing(Context& context, InodeNumber first, InodeNumber second = {})
      : slot_(*context.thread.slot) {
    slot_.changing[1] = second;
    __atomic_store_n(&slot_.changing[0].value, first.value, __ATOMIC_SEQ_CST);
  }
  ~Changing() {
    for (InodeNumber& directory : slot_.changing)
      __atomic_store_n(&directory.value, uint64_t{0}, __ATOMIC_RELEASE);
  }
  Changing(const Changing&) = delete;
  Changing& operator=(const Changing&) = delete;

 private:
  format::SlotRecord& slot_;
};

// Whatever others were changing of names at the source when this was called is over, here too; or they died, or took a second.
void wait_for_changes(Context& context);

// Takes over the attributes of the inode that the source has; ours: after a change of our own.
Result<void> refresh(Context& context, InodeNumber inode, bool ours);
// The same, by one of its names after the other. ENOENT: the source has none of them any more; ESTALE: no name was found.
Result<void> ask_again(Context& context, InodeNumber inode);
// The name is here, and all names of a file stand for one inode (names.cc).
Result<InodeNumber> enter(Context& context, const engine::SourceName& name);

// The parts of the table.
Result<void> validate(Context& context, InodeNumber inode);
Result<void> fill_names(Context& context, InodeNumber directory);
Result<void> fill_name(Context& context, InodeNumber directory, Text name);
Result<void> fill_pages(Context& context, InodeNumber inode, uint64_t first, uint64_t count);
Result<void> fill_xattrs(Context& context, InodeNumber inode);
// Pages [first, first + count) out of an open file into the volume; at most kCachedPagesAtOnce. `size` and `change` are the
// record's, of before the file was opened. EAGAIN: it has changed since.
Result<void> fetch_pages(Context& context, InodeNumber inode, int32_t descriptor, uint64_t change,
                         uint64_t size, uint64_t first, uint32_t count);
// A regular file of which nothing is known yet: its attributes and, if it is small, its bytes, with one opening of `path` in
// `directory`. make_room: pages of others may go for it. EAGAIN: something is known, or was changed meanwhile.
Result<void> fetch_whole(Context& context, InodeNumber inode, int32_t directory, const char* path,
                         bool make_room);
// The directory is listed before anybody has asked for its names; `file` is left open on it. EAGAIN: somebody is at it.
Result<void> list_ahead(Context& context, InodeNumber directory, SourceFile& file, bool attributes);
// A directory that was listed is looked at: if its times hold, so do its names, in the present epoch.
Result<void> look_again(Context& context, InodeNumber directory);
Result<void> create(Context& context, InodeNumber directory, Text name,
                    const engine::NewInode& what, engine::Attributes& made);
Result<void> create_and_open(Context& context, InodeNumber directory, Text name,
                             const engine::NewInode& what, format::SessionIndex session, int32_t fd,
                             uint32_t flags, bool close_on_exec, engine::Opened& opened);
Result<void> remove(Context& context, InodeNumber directory, Text name, bool is_directory);
Result<void> link(Context& context, InodeNumber inode, InodeNumber directory, Text name,
                  engine::Attributes& after);
Result<void> rename(Context& context, InodeNumber from, Text from_name, InodeNumber to,
                    Text to_name, uint32_t flags);
Result<void> set_attributes(Context& context, InodeNumber inode,
                            const engine::AttributeChange& change, engine::Attributes& after);
Result<void> set_xattr(Context& context, InodeNumber inode, Text name, const void* value,
                       uint64_t size, uint32_t flags);
Result<void> allocate_range(Context& context, InodeNumber inode, uint32_t mode, uint64_t offset,
                            uint64_t size);
Result<uint64_t> seek_data(Context& context, InodeNumber inode, uint64_t offset, bool hole);
Result<void> flush(Context& context, InodeNumber inode, bool durable);
void read_statistics(Context& context, engine::VolumeStatistics& statistics);

}  // namespace bt::origin
