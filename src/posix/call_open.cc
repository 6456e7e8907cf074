// SPDX-License-Identifier: MIT
// open, openat, openat2, creat.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "base/user_copy.h"
#include "posix/cwd.h"
#include "posix/executing.h"
#include "posix/mapping.h"
#include "posix/serve.h"
#include "posix/through_kernel.h"
#include "posix/walk.h"

namespace bt::posix {

namespace {

constexpr uint32_t kLargeFile = 0100000;  // what the kernel adds to every open of a 64-bit program
constexpr uint32_t kTmpfileBit = O_TMPFILE & ~O_DIRECTORY;
constexpr uint32_t kValidFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                                 O_NONBLOCK | O_SYNC | O_DSYNC | FASYNC | O_DIRECT | kLargeFile |
                                 O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
                                 kTmpfileBit;
constexpr uint32_t kPathFlags = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
constexpr uint32_t kNotKept = O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC;

struct Request {
  int32_t directory;
  const char* path;
  uint32_t flags;
  uint32_t mode;
  uint32_t walk_flags;

  bool has(uint32_t flag) const { return (flags & flag) == flag; }
  bool makes() const { return flags & O_CREAT; }
  uint32_t kept() const { return (flags & ~kNotKept) | (has(O_PATH) ? 0 : kLargeFile); }
  bool wants_to_write() const { return flags & O_ACCMODE; }
};

// Runs `open_at(number)` with a number that is free and enters what it opened there.
template <typename OpenAt>
Result<int32_t> open_number(Walk& walk, uint32_t flags, bool directory, OpenAt open_at) {
  Files& files = *walk.self->files;
  int32_t number = take_kept_number(files);
  if (number < 0) [[unlikely]] {
    FilesGuard guard(files);
    BT_TRY_ASSIGN(number, take_number(files, *walk.mount, 0));
  }
  Result<engine::DescriptionIndex> opened = open_at(number);
  if (!opened) {
    FilesGuard guard(files);
    give_number(files, number);
    return opened.error();
  }
  note_opened_in(number, walk.directory);
  write_entry(files, number, make_entry(*walk.mount, *opened, flags, directory));
  return number;
}

Result<int32_t> open_unnamed(Walk& walk, const Request& request) {
  if (!walk.exists) return Error(ENOENT);
  if (!S_ISDIR(walk.found.mode)) return Error(ENOTDIR);
  engine::Context context = walk.context();
  engine::SessionIndex session = walk.self->files->session[walk.mount->index];
  uint32_t mode = S_IFREG | (request.mode & 07777);
  // O_EXCL is what makes it impossible to name the file later, so it is kept for this.
  uint32_t flags = request.kept() | (request.flags & O_EXCL);
  return open_number(walk, request.flags, false, [&](int32_t fd) {
    return engine::open_unnamed(context, walk.found.inode, mode, current_umask(), session, fd,
                                flags, request.has(O_CLOEXEC));
  });
}

Result<int32_t> create(Walk& walk, const Request& request) {
  engine::Context context = walk.context();
  engine::SessionIndex session = walk.self->files->session[walk.mount->index];
  uint32_t mode = S_IFREG | (request.mode & 07777);
  uint32_t flags = request.kept() | (request.flags & O_EXCL);
  return open_number(
      walk, request.flags, false, [&](int32_t fd) -> Result<engine::DescriptionIndex> {
        engine::Opened opened;
        BT_TRY(engine::create_and_open(context, walk.directory, walk.last, mode, current_umask(),
                                       session, fd, flags, request.has(O_CLOEXEC), opened));
        // Nobody else has it yet. For F_CREATED_QUERY; F_GETFL never shows it.
        auto* description = walk.mount->volume.description(opened.description);
        if (opened.made && description)
          __atomic_store_n(&description->flags, description->flags | O_CREAT, __ATOMIC_RELAXED);
        return opened.description;
      });
}

// What open(2) refuses about an inode that exists, in the kernel's order.
Result<void> check_existing(const Walk& walk, const Request& request) {
  uint32_t mode = walk.found.mode;
  if (request.has(O_CREAT | O_EXCL)) return Error(EEXIST);
  if (S_ISLNK(mode) && !request.has(O_PATH))
    return Error(request.has(O_DIRECTORY) ? ENOTDIR : ELOOP);
  if (request.makes() && S_ISDIR(mode)) return Error(EISDIR);
  if (request.has(O_DIRECTORY) && !S_ISDIR(mode)) return Error(ENOTDIR);
  if (request.has(O_PATH)) return {};
  if (S_ISDIR(mode) && request.wants_to_write()) return Error(EISDIR);
  if (S_ISDIR(mode) && (request.flags & O_TRUNC)) return Error(EISDIR);
  return {};
}

Result<int32_t> open_existing(Walk& walk, const Request& request) {
  BT_TRY(check_existing(walk, request));
  bool directory = S_ISDIR(walk.found.mode);
  if (!directory && !S_ISREG(walk.found.mode) && !request.has(O_PATH))
    return pass_at(request.directory, Way::k_passed_special_file, walk);
  bool writes = (request.wants_to_write() || request.has(O_TRUNC)) && !request.has(O_PATH);
  if (writes) BT_TRY(check_not_executing(walk, request.directory, request.path));
  engine::Context context = walk.context();
  engine::SessionIndex session = walk.self->files->session[walk.mount->index];
  auto opened = open_number(walk, request.flags, directory, [&](int32_t fd) {
    return engine::open_description(context, session, fd, walk.found.inode, request.kept(),
                                    request.has(O_CLOEXEC), false);
  });
  if (opened && request.has(O_TRUNC)) drop_file_pages(*walk.mount, walk.found.inode, 0, UINT64_MAX);
  return opened;
}

Result<int32_t> open_request(const Request& request) {
  Walk walk;
  uint32_t flags = request.walk_flags;
  bool nofollow = request.has(O_NOFOLLOW) || request.has(O_CREAT | O_EXCL);
  if (!nofollow) flags |= kWalkFollow;
  if (request.makes()) flags |= kWalkMayLack | kWalkCreate;
  BT_TRY(walk_at(request.directory, request.path, flags, walk));
  // Access mode 3 asks for ioctl alone, on devices.
  if ((request.flags & O_ACCMODE) == O_ACCMODE)
    return pass_at(request.directory, Way::k_passed_unsupported, walk);
  if (request.flags & kTmpfileBit) return open_unnamed(walk, request);
  auto opened = walk.exists ? open_existing(walk, request) : create(walk, request);
  if (!opened && is_for_kernel(opened.error())) [[unlikely]]
    return pass_at(request.directory, Way::k_passed_unsupported, walk);
  return opened;
}

// Answers, or makes room for the kernel to give a number the program would expect.
int64_t open_or_pass(const Request& request) {
  auto opened = open_request(request);
  if (!opened && opened.error() == error::not_ours) release_pool(*thread_state.files);
  return answer(opened);
}

// open and openat ignore what they do not know, and what O_PATH makes meaningless.
int64_t open_lenient(int32_t directory, const char* path, uint32_t flags, uint32_t mode) {
  flags &= kValidFlags;
  if (flags & O_PATH) flags &= kPathFlags;
  // What the kernel refuses before it looks at the path.
  if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT)) return -EINVAL;
  if (flags & kTmpfileBit) {
    if ((flags & O_TMPFILE) != O_TMPFILE || !(flags & O_ACCMODE)) return -EINVAL;
  }
  return open_or_pass({directory, path, flags, mode, 0});
}

constexpr uint64_t kResolveKnown = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
                                   RESOLVE_BENEATH | RESOLVE_IN_ROOT;

uint32_t walk_flags_of_resolve(uint64_t resolve) {
  uint32_t flags = 0;
  if (resolve & RESOLVE_NO_SYMLINKS) flags |= kWalkNoSymlinks;
  if (resolve & RESOLVE_BENEATH) flags |= kWalkBeneath;
  if (resolve & RESOLVE_IN_ROOT) flags |= kWalkInRoot;
  return flags;
}

}  // namespace

BT_SERVE(open) { return open_lenient(AT_FDCWD, pointer_of(a), uint_of(b), uint_of(c)); }
BT_SERVE(openat) { return open_lenient(int_of(a), pointer_of(b), uint_of(c), uint_of(d)); }
BT_SERVE(creat) {
  return open_lenient(AT_FDCWD, pointer_of(a), O_CREAT | O_WRONLY | O_TRUNC, uint_of(b));
}

// Anything unusual about the request itself is the kernel's to judge; it refuses without looking at descriptors.
BT_SERVE(openat2) {
  open_how how;
  if (d != sizeof how || !base::copy_from_user(&how, pointer_of<void>(c), sizeof how))
    return kPassthrough;
  uint32_t flags = static_cast<uint32_t>(how.flags);
  bool makes = flags & (O_CREAT | kTmpfileBit);
  bool odd =
      (how.flags & ~static_cast<uint64_t>(kValidFlags)) || (how.resolve & ~kResolveKnown) ||
      (!makes && how.mode) || (how.mode & ~07777ull) ||
      (how.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == (RESOLVE_BENEATH | RESOLVE_IN_ROOT) ||
      ((flags & O_PATH) && (flags & ~kPathFlags)) ||
      (flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT) ||
      ((flags & kTmpfileBit) && ((flags & O_TMPFILE) != O_TMPFILE || !(flags & O_ACCMODE)));
  // Crossing mounts and magic links never happens inside ours; getting there by a path from outside would be both.
  bool from_outside = how.resolve && !is_ours(static_cast<uint32_t>(a)) && !first_look.cwd_is_ours;
  if (odd || from_outside) {
    release_pool(*thread_state.files);
    return kPassthrough;
  }
  return open_or_pass({int_of(a), pointer_of(b), flags, static_cast<uint32_t>(how.mode),
                       walk_flags_of_resolve(how.resolve)});
}

}  // namespace bt::posix
