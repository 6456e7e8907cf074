// SPDX-License-Identifier: MIT
#include "posix/walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/user_copy.h"
#include "posix/cwd.h"
#include "posix/descriptor_path.h"
#include "posix/materialise.h"

namespace bt::posix {

using base::Text;

namespace {

constexpr uint32_t kNameMax = 255;
// Beside the caller's flags: something is mounted over inodes of the mount that the walk is on.
constexpr uint32_t kWalkCovered = 1u << 31;

// Where the walk stands: what is left of the text, and the directory it is about.
struct State {
  Walk& walk;
  uint32_t flags;
  uint32_t position;  // in walk.buffer
  uint32_t end;
  uint32_t links = 0;
  engine::InodeNumber start;  // for kWalkBeneath and kWalkInRoot
  // What the path cache is asked with, and the tree it is about.
  engine::InodeNumber cache_start;
  uint64_t tree_seq = 0;
  uint32_t origin_epoch = 0;
  bool may_remember = false;
  bool searched = false;  // walk.directory is out of the cache: it may be searched

  bool at_end() const { return position == end; }
  char here() const { return walk.buffer[position]; }
  void skip_slashes() {
    uint32_t at = position;
    while (at < end && walk.buffer[at] == '/') at++;
    position = at;
  }
};

uint64_t tree_seq_of(const Mount& mount) {
  return __atomic_load_n(&mount.volume.superblock().dirtree_seq, __ATOMIC_ACQUIRE);
}

uint32_t origin_epoch_of(const Mount& mount) {
  return __atomic_load_n(&mount.volume.superblock().origin_epoch, __ATOMIC_ACQUIRE);
}

// Behind the last slash before `end`; `first` when there is none. Eight characters at a time.
uint32_t behind_last_slash(const char* text, uint32_t first, uint32_t end) {
  constexpr uint64_t kOnes = 0x0101010101010101, kLows = 0x7f * kOnes, kSlashes = '/' * kOnes;
  uint32_t at = end;
  for (; at >= first + 8; at -= 8) {
    uint64_t word;
    __builtin_memcpy(&word, text + at - 8, 8);
    word ^= kSlashes;
    uint64_t hit = ~(((word & kLows) + kLows) | word | kLows);
    if (hit) return at - static_cast<uint32_t>(__builtin_clzll(hit)) / 8;
  }
  while (at > first && text[at - 1] != '/') at--;
  return at;
}

// All of the path but its last name, if this thread was led there before and still would be. `start` is 0 for an absolute
// path, whose mount the cache knows.
bool jump(State& state, engine::InodeNumber start) {
  Walk& walk = state.walk;
  PathCache& cache = walk.self->paths;
  if (cache.suspended) [[unlikely]]
    return false;
  uint32_t size = behind_last_slash(walk.buffer, 0, state.end);
  if (size == 0 || size == state.end) return false;
  const CachedPath& entry = PathCache::slot(cache.entries, walk.buffer, size);
  uint32_t seq = __atomic_load_n(&cache.seq, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (entry.size != size || entry.start != start || (seq & 1) ||
      !base::equal_bytes(entry.text, walk.buffer, size))
    return false;
  Mount& mount = mounts[entry.mount];
  engine::InodeNumber directory = entry.directory;
  uint64_t tree_seq = entry.tree_seq;
  uint32_t credentials_of_entry = entry.credentials_epoch, origin_epoch = entry.origin_epoch;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (__atomic_load_n(&cache.seq, __ATOMIC_RELAXED) != seq || (start.value && &mount != walk.mount))
      [[unlikely]]
    return false;
  // The credentials may be read anew here, so it is after it that the entry's are compared.
  if (!start.value && !enter(*walk.self, mount)) [[unlikely]]
    return false;
  if (credentials_of_entry != walk.self->credentials_epoch || tree_seq_of(mount) != tree_seq ||
      origin_epoch_of(mount) != origin_epoch)
    return false;
  walk.mount = &mount;
  walk.self->may_be_stale = origin_epoch != 0;
  walk.directory = directory;
  state.position = size;
  state.searched = true;
  return true;
}

// The walk has come to the last name without a symbolic link, and its directory was found searchable.
void remember(const State& state, uint32_t size) {
  const Walk& walk = state.walk;
  PathCache& cache = walk.self->paths;
  if (size == 0 || size > kCachedPathBytes || (cache.seq & 1) || cache.suspended) return;
  CachedPath& entry = PathCache::slot(cache.entries, walk.buffer, size);
  __atomic_store_n(&cache.seq, cache.seq + 1, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  entry.tree_seq = state.tree_seq;
  entry.start = state.cache_start;
  entry.directory = walk.directory;
  entry.credentials_epoch = walk.self->credentials_epoch;
  entry.origin_epoch = state.origin_epoch;
  entry.mount = static_cast<uint16_t>(walk.mount->index);
  entry.size = static_cast<uint16_t>(size);
  for (uint32_t i = 0; i < size; i++) entry.text[i] = walk.buffer[i];
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&cache.seq, cache.seq + 1, __ATOMIC_RELAXED);
}

// What is mounted over an inode is the kernel's to walk into. Whoever was below it before goes on there, as natively.
[[gnu::noinline, gnu::cold]] Result<void> refuse_covered(const State& state,
                                                         engine::InodeNumber inode) {
  const engine::InodeRecord* record = state.walk.mount->volume.inode(inode.index());
  if (record && __atomic_load_n(&record->flags, __ATOMIC_RELAXED) & format::kInodeCovered)
    return pass(Way::k_passed_mount_crossing);
  return {};
}
inline Result<void> check_covered(const State& state, engine::InodeNumber inode) {
  if (!(state.flags & kWalkCovered)) [[likely]]
    return {};
  return refuse_covered(state, inode);
}

// At the start of a walk, and where a link has led to a mount. by_path: to the mount point, which may be covered itself.
[[gnu::noinline, gnu::cold]] Result<void> watch_for_covers(State& state, bool by_path) {
  state.flags |= kWalkCovered;
  state.may_remember = false;
  return by_path ? refuse_covered(state, state.walk.directory) : Result<void>();
}
inline Result<void> note_covers(State& state, uint64_t tree_seq, bool by_path) {
  if (!(tree_seq & format::kTreeCovered)) [[likely]]
    return {};
  return watch_for_covers(state, by_path);
}

Result<void> begin_at(State& state, Mount& mount, engine::InodeNumber directory) {
  Walk& walk = state.walk;
  walk.mount = &mount;
  walk.directory = directory;
  return enter(*walk.self, mount);
}

// An absolute path that starts on a mount of ours, or names a descriptor of ours.
Result<void> begin_absolute(State& state) {
  Walk& walk = state.walk;
  Text path = {walk.buffer + state.position, state.end - state.position};
  uint32_t prefix;
  if (Mount* mount = match_mount(path, prefix)) {
    state.position += prefix;
    return begin_at(state, *mount, engine::kRootInode);
  }
  return pass(Way::k_passed_other);
}

Result<void> begin_at_descriptor(State& state, int32_t descriptor) {
  OpenFile file;
  BT_TRY(find_open(static_cast<uint32_t>(descriptor), file));
  if (!file.is_directory()) return Error(ENOTDIR);
  return begin_at(state, *file.mount, file.inode);
}

Result<void> begin_relative(State& state, int32_t directory) {
  if (directory != AT_FDCWD) return begin_at_descriptor(state, directory);
  Walk& walk = state.walk;
  WorkingDirectory here = working_directory();
  if (here.mount) return begin_at(state, *here.mount, here.inode);
  uint32_t prefix;
  if (Mount* mount =
          mount_below({walk.buffer + state.position, state.end - state.position}, prefix)) {
    state.position += prefix;
    return begin_at(state, *mount, engine::kRootInode);
  }
  return pass(Way::k_passed_other);
}

// "" with AT_EMPTY_PATH, and /proc/self/fd/N with nothing behind it: the descriptor's own inode.
Result<void> take_descriptor(Walk& walk, int32_t descriptor) {
  OpenFile file;
  BT_TRY(find_open(static_cast<uint32_t>(descriptor), file));
  engine::Context context = file.context();
  engine::Attributes attributes;
  BT_TRY(engine::read_attributes(context, file.inode, attributes));
  walk.mount = file.mount;
  walk.directory = {};
  walk.kind = LastName::kDescriptor;
  walk.found = {file.inode, attributes.mode, attributes.uid, attributes.gid};
  walk.exists = true;
  return {};
}

Result<void> take_working_directory(Walk& walk) {
  WorkingDirectory here = working_directory();
  if (!here.mount) return pass(Way::k_passed_other);
  BT_TRY(enter(*walk.self, *here.mount));
  walk.mount = here.mount;
  engine::Context context = walk.context();
  engine::Attributes attributes;
  BT_TRY(engine::read_attributes(context, here.inode, attributes));
  walk.directory = {};
  walk.kind = LastName::kDescriptor;
  walk.found = {here.inode, attributes.mode, attributes.uid, attributes.gid};
  walk.exists = true;
  return {};
}

// Puts the target of a symbolic link in front of what is left of the path.
Result<void> expand_link(State& state, engine::InodeNumber link) {
  if (state.flags & kWalkNoSymlinks) return Error(ELOOP);
  if (++state.links > kSymlinksMax) return Error(ELOOP);
  Walk& walk = state.walk;
  uint32_t rest = state.end - state.position;
  uint32_t room_start = sizeof walk.buffer - rest;
  // The rest goes to the end of the buffer, so that targets can grow in front of it.
  if (room_start != state.position) {
    for (uint32_t i = rest; i > 0; i--)
      walk.buffer[room_start + i - 1] = walk.buffer[state.position + i - 1];
    state.position = room_start;
    state.end = sizeof walk.buffer;
  }
  engine::Context context = walk.context();
  char target[kPathMax];
  BT_TRY_ASSIGN(uint64_t size, engine::read_link(context, link, target, sizeof target));
  if (size == 0) return Error(ENOENT);
  if (size > sizeof target || size > state.position) return Error(ENAMETOOLONG);
  state.position -= static_cast<uint32_t>(size);
  for (uint32_t i = 0; i < size; i++) walk.buffer[state.position + i] = target[i];
  if (walk.buffer[state.position] != '/') return {};
  if (state.flags & kWalkBeneath) return Error(EXDEV);
  if (state.flags & kWalkInRoot) {
    walk.directory = state.start;
    return {};
  }
  BT_TRY(begin_absolute(state));
  return note_covers(state, tree_seq_of(*walk.mount), true);
}

Result<void> search_permission(Walk& walk) {
  engine::Context context = walk.context();
  return engine::check_access(context, walk.directory, 1);
}

Result<void> go_up(State& state) {
  Walk& walk = state.walk;
  BT_TRY(search_permission(walk));
  if (state.flags & (kWalkBeneath | kWalkInRoot) && walk.directory == state.start)
    return state.flags & kWalkBeneath ? Result<void>(Error(EXDEV)) : Result<void>();
  if (walk.directory == engine::kRootInode) return pass(Way::k_passed_mount_crossing);
  engine::Context context = walk.context();
  BT_TRY_ASSIGN(walk.directory, engine::parent_of(context, walk.directory));
  return check_covered(state, walk.directory);
}

// The walk ended at walk.directory itself.
Result<void> finish_at_directory(State& state, LastName kind) {
  Walk& walk = state.walk;
  walk.kind = kind;
  walk.last = {};
  engine::Context context = walk.context();
  engine::Attributes attributes;
  BT_TRY(engine::read_attributes(context, walk.directory, attributes));
  walk.found = {walk.directory, attributes.mode, attributes.uid, attributes.gid};
  walk.exists = true;
  return {};
}

// Where the next slash is, or `end`: eight characters at a time.
uint32_t find_slash(const char* text, uint32_t at, uint32_t end) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080,
                     kSlashes = '/' * kOnes;
  for (; at + 8 <= end; at += 8) {
    uint64_t word;
    __builtin_memcpy(&word, text + at, 8);
    word ^= kSlashes;
    uint64_t hit = (word - kOnes) & ~word & kHighs;
    if (hit) return at + static_cast<uint32_t>(__builtin_ctzll(hit)) / 8;
  }
  while (at < end && text[at] != '/') at++;
  return at;
}

// The next component and what follows it. Precondition: not at the end, no slash here.
struct Component {
  Text name;
  bool is_last;
  bool slash_behind;
};
Component next_component(State& state) {
  uint32_t first = state.position;
  uint32_t behind = find_slash(state.walk.buffer, first, state.end);
  state.position = behind;
  Text name = {state.walk.buffer + first, behind - first};
  bool slash_behind = behind < state.end;
  state.skip_slashes();
  return {name, state.at_end(), slash_behind};
}

bool is_dot(Text name) { return name.size == 1 && name[0] == '.'; }
bool is_dot_dot(Text name) { return name.size == 2 && name[0] == '.' && name[1] == '.'; }

// Where the path cache has not led, for that knows no covered places.
inline Result<void> look_up(State& state, Text name) {
  Walk& walk = state.walk;
  engine::Context context = walk.context();
  BT_TRY(engine::lookup(context, walk.directory, name, walk.found));
  return check_covered(state, walk.found.inode);
}

// A name to be removed or moved.
[[gnu::noinline, gnu::cold]] Result<void> refuse_covered_name(State& state) {
  engine::Context context = state.walk.context();
  engine::Found found;
  if (!engine::lookup(context, state.walk.directory, state.walk.last, found)) return {};
  return refuse_covered(state, found.inode);
}

// The last name of the path. True: the walk is done; false: a link was put in its place.
Result<bool> finish_at_name(State& state, const Component& component) {
  Walk& walk = state.walk;
  walk.kind = LastName::kNormal;
  walk.last = component.name;
  walk.trailing_slash = component.slash_behind;
  walk.exists = false;
  if (state.flags & kWalkParent) {
    if (state.flags & kWalkCovered) [[unlikely]]
      BT_TRY(refuse_covered_name(state));
    return true;
  }
  if ((state.flags & kWalkCreate) && component.slash_behind) {
    if (!state.searched) BT_TRY(search_permission(walk));
    return Error(EISDIR);
  }
  engine::Context context = walk.context();
  auto looked_up =
      state.searched ? engine::lookup_searched(context, walk.directory, component.name, walk.found)
                     : look_up(state, component.name);
  state.searched = false;
  if (state.may_remember && state.links == 0 &&
      (looked_up || looked_up.error().errno_value() == ENOENT))
    remember(state, static_cast<uint32_t>(component.name.data - walk.buffer));
  if (!looked_up) {
    if (looked_up.error().errno_value() == ENOENT && (state.flags & kWalkMayLack)) return true;
    return looked_up.error();
  }
  walk.exists = true;
  bool is_link = S_ISLNK(walk.found.mode);
  if (is_link && ((state.flags & kWalkFollow) || component.slash_behind)) {
    // What is left is the slash, if any: it must stay for the target.
    if (component.slash_behind) walk.buffer[--state.position] = '/';
    BT_TRY(expand_link(state, walk.found.inode));
    return false;
  }
  if (component.slash_behind && !S_ISDIR(walk.found.mode)) return Error(ENOTDIR);
  return true;
}

Result<void> step_into(State& state, Text name) {
  Walk& walk = state.walk;
  engine::Context context = walk.context();
  engine::Found found;
  BT_TRY(engine::lookup(context, walk.directory, name, found));
  if (S_ISDIR(found.mode)) [[likely]] {
    walk.directory = found.inode;
    return check_covered(state, found.inode);
  }
  if (!S_ISLNK(found.mode)) return Error(ENOTDIR);
  // The slash between the link and the rest was skipped; the target needs it back.
  walk.buffer[--state.position] = '/';
  return expand_link(state, found.inode);
}

Result<void> run(State& state) {
  Walk& walk = state.walk;
  LastName kind = LastName::kRoot;
  for (;;) {
    state.skip_slashes();
    if (state.at_end()) return finish_at_directory(state, kind);
    Component component = next_component(state);
    if (is_dot(component.name)) {
      BT_TRY(search_permission(walk));
      kind = LastName::kDot;
    } else if (is_dot_dot(component.name)) {
      BT_TRY(go_up(state));
      kind = LastName::kDotDot;
    } else if (component.name.size > kNameMax &&
               !(component.is_last && (state.flags & kWalkParent))) {
      // Of a name that is only to be made or taken away the operation says so: the other path's errors come first.
      BT_TRY(search_permission(walk));
      return Error(ENAMETOOLONG);
    } else if (component.is_last) {
      BT_TRY_ASSIGN(bool done, finish_at_name(state, component));
      if (done) return {};
      kind = LastName::kRoot;
    } else {
      BT_TRY(step_into(state, component.name));
      kind = LastName::kRoot;
    }
  }
}

// /proc/self/fd/N and /dev/fd/N: the kernel's magic links, for descriptors of ours.
Result<bool> walk_magic(State& state) {
  Walk& walk = state.walk;
  MagicName magic;
  if (!parse_descriptor_path({walk.buffer, state.end}, magic)) return false;
  if (!is_ours(static_cast<uint32_t>(magic.fd))) return false;
  if (state.flags & kWalkNoSymlinks) return Error(ELOOP);
  state.position = magic.size;
  if (state.at_end()) {
    if ((state.flags & kWalkFollow) == 0) return pass(Way::k_passed_unsupported);
    BT_TRY(take_descriptor(walk, magic.fd));
    return true;
  }
  BT_TRY(begin_at_descriptor(state, magic.fd));
  state.start = walk.directory;
  BT_TRY(note_covers(state, tree_seq_of(*walk.mount), false));
  BT_TRY(run(state));
  return true;
}

Result<void> walk_empty(State& state, int32_t directory) {
  if ((state.flags & kWalkEmpty) == 0) return Error(ENOENT);
  if (directory == AT_FDCWD) return take_working_directory(state.walk);
  return take_descriptor(state.walk, directory);
}

void note_path(Walk& walk, uint32_t size) {
  TracedFacts& facts = walk.self->traced;
  facts.path_size = size;
  uint32_t kept = base::min(size, kTracedPathBytes);
  for (uint32_t i = 0; i < kept; i++) facts.path[i] = walk.buffer[size - kept + i];
}

}  // namespace

Error pass_at(int32_t directory, Way reason, const Walk& walk) {
  if (!walk.absolute && directory != AT_FDCWD && is_ours(static_cast<uint32_t>(directory)))
    if (auto made = make_real(*walk.self->files, directory); !made) return made.error();
  return pass(reason);
}

Result<void> walk_at(int32_t directory, const char* path, uint32_t flags, Walk& walk) {
  auto walked = walk_path(directory, path, flags, walk);
  if (walked || walked.error() != error::not_ours) [[likely]]
    return walked;
  return pass_at(directory, walk.self->passed, walk);
}

Result<void> walk_path(int32_t directory, const char* path, uint32_t flags, Walk& walk) {
  walk.self = &thread_state;
  walk.trailing_slash = false;
  walk.absolute = false;
  walk.last = {};
  walk.kind = LastName::kRoot;
  if (!path && (flags & kWalkEmpty)) {
    State empty{walk, flags, 0, 0};
    return walk_empty(empty, directory);
  }
  int64_t size = base::copy_string_from_user(walk.buffer, path, kPathMax);
  if (size < 0) return Error(static_cast<int>(-size));
  State state{walk, flags, 0, static_cast<uint32_t>(size)};
  if (walk.self->tracing) [[unlikely]]
    note_path(walk, static_cast<uint32_t>(size));
  if (size == 0) return walk_empty(state, directory);
  walk.absolute = walk.buffer[0] == '/';
  constexpr uint32_t kBounded = kWalkBeneath | kWalkInRoot;
  if (walk.absolute) {
    if ((flags & kBounded) == 0 && jump(state, {})) return run(state);
    if (flags & kWalkBeneath)
      return is_ours(static_cast<uint32_t>(directory)) ? Error(EXDEV) : pass(Way::k_passed_other);
    if ((flags & kWalkInRoot) == 0) {
      if (auto begun = begin_absolute(state); !begun) {
        if (begun.error() != error::not_ours) return begun.error();
        BT_TRY_ASSIGN(bool walked, walk_magic(state));
        return walked ? Result<void>() : Result<void>(pass(Way::k_passed_other));
      }
    } else {
      BT_TRY(begin_relative(state, directory));
    }
  } else {
    BT_TRY(begin_relative(state, directory));
    state.cache_start = walk.directory;
    if (state.position == 0 && (flags & kBounded) == 0 && jump(state, walk.directory))
      return run(state);
  }
  state.start = walk.directory;
  walk.self->may_be_stale = walk.mount->volume.origin() != nullptr;
  if ((flags & kBounded) == 0 && (walk.absolute || state.position == 0)) {
    state.origin_epoch = origin_epoch_of(*walk.mount);
    // Epoch 0 of a volume with an origin: every name is asked for each time.
    state.may_remember = state.origin_epoch != 0 || !walk.mount->volume.origin();
  }
  state.tree_seq = tree_seq_of(*walk.mount);
  BT_TRY(note_covers(state, state.tree_seq, walk.absolute || state.position != 0));
  return run(state);
}

uint32_t walk_flags_of(uint64_t at_flags) {
  uint32_t flags = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : kWalkFollow;
  if (at_flags & AT_EMPTY_PATH) flags |= kWalkEmpty;
  return flags;
}

}  // namespace bt::posix
