// SPDX-License-Identifier: MIT
// A process at work on the volume: a session, a slot, and short forms of the engine's operations on paths. An operation
// that fails is remembered in `failed`; scenarios are written so that nothing fails unless it says so.
#pragma once

#include <string>
#include <vector>

#include "engine/check.h"
#include "engine/data.h"
#include "engine/descriptions.h"
#include "engine/mapping.h"
#include "engine/operations.h"

namespace bt::crash {

using namespace engine;

class Actor {
 public:
  Actor(Volume& volume, uint32_t pid);

  Context& context() { return context_; }
  SessionIndex session() const { return session_; }
  int failed() const { return failed_; }

  InodeNumber walk(const std::string& path);  // 0 when there is no such path
  void make_file(const std::string& path, uint32_t mode = 0644) { make(path, 0100000 | mode); }
  void make_directory(const std::string& path) { make(path, 0040755); }
  void make_symlink(const std::string& path, const std::string& target);
  void unlink(const std::string& path);
  void remove_directory(const std::string& path);
  void rename(const std::string& from, const std::string& to, uint32_t flags = 0);
  void link(const std::string& from, const std::string& to);
  void write(const std::string& path, uint64_t offset, uint64_t size, char seed);
  void append(const std::string& path, uint64_t size, char seed);
  void truncate(const std::string& path, uint64_t size);
  void allocate(const std::string& path, uint32_t mode, uint64_t offset, uint64_t size);
  void set_mode(const std::string& path, uint32_t mode);
  void set_xattr(const std::string& path, const std::string& name, uint64_t size, char seed);
  void remove_xattr(const std::string& path, const std::string& name);
  void open(const std::string& path, int fd, uint32_t flags);
  void create_open(const std::string& path, int fd);
  void open_unnamed(const std::string& directory, int fd);
  void close(int fd);
  void dup(int from, int to);
  void lock(const std::string& path, FileLockKind kind, uint64_t start, uint64_t end,
            bool exclusive);
  void unlock(const std::string& path, FileLockKind kind, uint64_t start, uint64_t end);
  // The file that `fd` has open; nothing when it has none.
  void lock_open_file(int fd, uint64_t start, uint64_t end, bool exclusive);
  void pin(const std::string& path, uint64_t index);
  void unpin_all() { note(drop_pins(context_, session_)); }
  // As the daemon counts what the kernel knows: `path` once more; then that inode, named or not, no more.
  void kernel_looks_up(const std::string& path);
  void kernel_forgets();
  // As a listing of an origin tells of a file; disown and throw_out: engine/cached.h.
  void enter(const std::string& path, uint64_t number);
  void disown(const std::string& path);
  void throw_out_names(const std::string& directory);
  void fork_and_abandon();  // clone_session, then the child never comes: close it again
  void set_directory(const std::string& path);
  void look(const std::string&
                path);  // lookup, attributes, read: what a bystander does; may find nothing

  // For conflicting operations, which may meet either state: errors of the kind "it is (not) there" are no failure.
  void tolerate() { tolerant_ = true; }

 private:
  void make(const std::string& path, uint32_t mode);
  InodeNumber parent(const std::string& path, std::string& name);
  template <typename R>
  bool note(const R& result) {
    if (result) return true;
    if (!tolerant_) failed_ = result.error().errno_value();
    return false;
  }

  Thread thread_;
  Credentials credentials_;
  Context context_;
  SessionIndex session_{};
  InodeNumber known_to_kernel_{};
  int failed_ = 0;
  bool tolerant_ = false;
};

// Repairs what the dead have left: their slots, then their sessions. As the daemon does it.
void sweep(Context& context, Volume& volume, uint32_t victim_pid);

}  // namespace bt::crash
