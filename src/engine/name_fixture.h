// SPDX-License-Identifier: MIT
// For tests of what concerns names and attributes: a volume, root, an ordinary user, and short words for common steps.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/allocator.h"
#include "engine/operations.h"
#include "engine/permissions.h"
#include "engine/reclaim.h"
#include "engine/test_volume.h"

namespace bt::engine {

template <typename T>
int errno_of(const Result<T>& result) {
  return result ? 0 : result.error().errno_value();
}

class NameTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kUser = 1000, kGroup = 100;

  static Text text(std::string_view name) {
    return {name.data(), static_cast<uint32_t>(name.size())};
  }

  InodeNumber make(InodeNumber directory, std::string_view name,
                   uint32_t mode = kModeRegular | 0644) {
    return make_as(root, directory, name, mode);
  }
  static InodeNumber make_as(Context& context, InodeNumber directory, std::string_view name,
                             uint32_t mode) {
    NewInode what;
    what.mode = mode;
    if ((mode & kModeType) == kModeLink) what.link_target = text("target");
    Attributes made{};
    auto result = create(context, directory, text(name), what, made);
    EXPECT_EQ(errno_of(result), 0) << name;
    return made.inode;
  }
  InodeNumber make_directory(InodeNumber directory, std::string_view name, uint32_t mode = 0755) {
    return make(directory, name, kModeDirectory | mode);
  }
  int make_error(Context& context, InodeNumber directory, std::string_view name,
                 uint32_t mode = kModeRegular | 0644) {
    NewInode what;
    what.mode = mode;
    Attributes made{};
    return errno_of(create(context, directory, text(name), what, made));
  }

  InodeNumber find(InodeNumber directory, std::string_view name) {
    Found found{};
    return lookup(root, directory, text(name), found) ? found.inode : InodeNumber{};
  }
  int find_error(Context& context, InodeNumber directory, std::string_view name) {
    Found found{};
    return errno_of(lookup(context, directory, text(name), found));
  }
  Attributes attributes(InodeNumber inode) {
    Attributes result{};
    EXPECT_EQ(errno_of(read_attributes(root, inode, result)), 0);
    return result;
  }
  bool is_gone(InodeNumber inode) {
    Attributes result{};
    return errno_of(read_attributes(root, inode, result)) == ESTALE;
  }
  int change_mode(Context& context, InodeNumber inode, uint32_t mode) {
    AttributeChange change;
    change.which = AttributeChange::kMode;
    change.mode = mode;
    Attributes after{};
    return errno_of(set_attributes(context, inode, change, after));
  }
  int change_owner(Context& context, InodeNumber inode, uint32_t uid, uint32_t gid) {
    AttributeChange change;
    change.which = AttributeChange::kUid | AttributeChange::kGid;
    change.uid = uid;
    change.gid = gid;
    Attributes after{};
    return errno_of(set_attributes(context, inode, change, after));
  }
  std::vector<std::string> names(InodeNumber directory) {
    std::vector<std::string> result;
    DentryIndex hint{};
    auto take = [](void* argument, const ListedName& entry) {
      static_cast<std::vector<std::string>*>(argument)->emplace_back(entry.name, entry.name_size);
      return true;
    };
    EXPECT_EQ(errno_of(list(root, directory, 0, hint, take, &result)), 0);
    return result;
  }
  // The end of the only open description of a file, which the test has only counted. True: it went to the orphan list.
  bool drop_open(Thread& thread, InodeNumber inode) {
    Transaction txn(thread);
    EXPECT_TRUE(txn.lock(record(inode).lock, shm::LockRank::kInode).has_value());
    txn.store(record(inode).opens, 0u);
    auto sweep = reclaim_if_unused(txn, thread, record(inode), inode.index());
    EXPECT_EQ(errno_of(sweep), 0);
    txn.commit();
    return sweep.value_or(false);
  }
  uint64_t free_inodes() { return measure_space(volume.volume).inodes_free; }
  uint64_t free_pages() { return measure_space(volume.volume).pages_free; }
  InodeRecord& record(InodeNumber inode) { return *volume.volume.inode(inode.index()); }

  TestVolume volume;
  Context& root = volume.context();
  Credentials user_credentials{.uid = kUser, .gid = kGroup};
  Context user{volume.thread(), user_credentials};
};

}  // namespace bt::engine
