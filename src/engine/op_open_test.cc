// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>

#include "engine/allocator.h"
#include "engine/descriptor_table.h"
#include "engine/test_volume.h"

namespace bt::engine {
namespace {

class OpenTest : public testing::Test {
 protected:
  InodeNumber make(const char* name, uint32_t mode = 0100644) {
    NewInode what;
    what.mode = mode;
    if ((mode & 0170000) == 0120000) what.link_target = base::text_of("target");
    Attributes made;
    auto result = create(context, kRootInode, base::text_of(name), what, made);
    EXPECT_TRUE(result) << result.error().errno_value();
    return made.inode;
  }
  uint32_t opens(InodeNumber inode) { return test.volume.inode(inode.index())->opens; }
  int open_errno(InodeNumber inode, uint32_t flags) {
    auto opened = open_description(context, test.session(), 3, inode, flags, false, false);
    if (!opened) return opened.error().errno_value();
    EXPECT_TRUE(close_descriptor(context, test.session(), 3));
    return 0;
  }
  DescriptionIndex at(int32_t fd) {
    bool ignored;
    return find_descriptor(test.volume, test.session(), fd, ignored);
  }
  TestVolume test;
  Context& context = test.context();
  const SessionRecord& session = *test.volume.session(test.session());
};

TEST_F(OpenTest, open_counts_and_close_gives_back) {
  InodeNumber file = make("f");
  auto opened = open_description(context, test.session(), 5, file, O_RDWR, true, false);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opens(file), 1u);
  EXPECT_EQ(session.descriptor_count, 1u);
  bool close_on_exec = false;
  EXPECT_EQ(find_descriptor(test.volume, test.session(), 5, close_on_exec), *opened);
  EXPECT_TRUE(close_on_exec);
  EXPECT_TRUE(close_descriptor(context, test.session(), 5));
  EXPECT_EQ(opens(file), 0u);
  EXPECT_EQ(session.descriptor_count, 0u);
  EXPECT_EQ(close_descriptor(context, test.session(), 5).error().errno_value(), EBADF);
}

TEST_F(OpenTest, types_and_flags_are_checked_as_linux_does) {
  InodeNumber directory = make("d", 0040755), link = make("l", 0120777), fifo = make("p", 0010644);
  EXPECT_EQ(open_errno(directory, O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(open_errno(directory, O_WRONLY), EISDIR);
  EXPECT_EQ(open_errno(directory, O_RDONLY | O_TRUNC), EISDIR);
  EXPECT_EQ(open_errno(link, O_RDONLY | O_NOFOLLOW), ELOOP);
  EXPECT_EQ(open_errno(link, O_PATH | O_NOFOLLOW), 0);
  EXPECT_EQ(open_errno(fifo, O_RDONLY), ENXIO);
  EXPECT_EQ(open_errno(fifo, O_PATH), 0);
  EXPECT_EQ(open_errno(make("f"), O_RDONLY | O_DIRECTORY), ENOTDIR);
  EXPECT_EQ(open_errno(InodeNumber::of(InodeIndex{77}, 3), O_RDONLY), ESTALE);
}

TEST_F(OpenTest, rights_are_those_of_the_access_mode_unless_just_created) {
  InodeNumber file = make("f", 0100000);
  Credentials user{.uid = 1000, .gid = 1000};
  Context as_user{test.thread(), user};
  auto attempt = [&](uint32_t flags, bool created) {
    auto opened = open_description(as_user, test.session(), 3, file, flags, false, created);
    if (!opened) return opened.error().errno_value();
    EXPECT_TRUE(close_descriptor(context, test.session(), 3));
    return 0;
  };
  EXPECT_EQ(attempt(O_RDONLY, false), EACCES);
  EXPECT_EQ(attempt(O_RDWR, true), 0);
  EXPECT_EQ(attempt(O_PATH, false), 0);
}

TEST_F(OpenTest, create_and_open_makes_once_and_opens_afterwards) {
  Opened first, second;
  base::Text name = base::text_of("new");
  ASSERT_TRUE(create_and_open(context, kRootInode, name, 0600, 022, test.session(), 3,
                              O_CREAT | O_RDWR, false, first));
  EXPECT_TRUE(first.made);
  EXPECT_EQ(first.mode, 0100600u);
  ASSERT_TRUE(create_and_open(context, kRootInode, name, 0600, 022, test.session(), 4,
                              O_CREAT | O_RDWR, false, second));
  EXPECT_FALSE(second.made);
  EXPECT_EQ(second.inode, first.inode);
  EXPECT_EQ(opens(first.inode), 2u);
  EXPECT_EQ(create_and_open(context, kRootInode, name, 0600, 0, test.session(), 6, O_CREAT | O_EXCL,
                            false, second)
                .error()
                .errno_value(),
            EEXIST);
}

TEST_F(OpenTest, an_unlinked_file_goes_with_its_last_descriptor) {
  Space before = measure_space(test.volume);
  Opened opened;
  base::Text name = base::text_of("f");
  ASSERT_TRUE(create_and_open(context, kRootInode, name, 0600, 0, test.session(), 3,
                              O_CREAT | O_RDWR, false, opened));
  ASSERT_TRUE(copy_descriptor(context, test.session(), 3, 9, false));
  ASSERT_TRUE(unlink(context, kRootInode, name));
  EXPECT_TRUE(close_descriptor(context, test.session(), 3));
  EXPECT_NE(test.volume.inode(opened.inode.index())->mode, 0u);
  EXPECT_TRUE(close_descriptor(context, test.session(), 9));
  EXPECT_EQ(test.volume.inode(opened.inode.index())->mode, 0u);
  EXPECT_EQ(measure_space(test.volume).inodes_free, before.inodes_free);
}

TEST_F(OpenTest, unnamed_file_lives_while_open) {
  Space before = measure_space(test.volume);
  auto opened =
      open_unnamed(context, kRootInode, 0600, 0, test.session(), 3, O_RDWR | O_TMPFILE, false);
  ASSERT_TRUE(opened);
  InodeNumber inode = test.volume.description(*opened)->inode;
  EXPECT_TRUE(test.volume.inode(inode.index())->flags & kInodeTmpfile);
  EXPECT_TRUE(close_descriptor(context, test.session(), 3));
  EXPECT_EQ(measure_space(test.volume).inodes_free, before.inodes_free);
}

TEST_F(OpenTest, copy_shares_the_description_and_replaces_what_was_there) {
  InodeNumber a = make("a"), b = make("b");
  ASSERT_TRUE(open_description(context, test.session(), 3, a, O_RDWR, false, false));
  ASSERT_TRUE(open_description(context, test.session(), 4, b, O_RDWR, false, false));
  ASSERT_TRUE(copy_descriptor(context, test.session(), 3, 4, true));
  EXPECT_EQ(at(3), at(4));
  EXPECT_EQ(opens(b), 0u);
  EXPECT_EQ(test.volume.description(at(3))->references, 2u);
  ASSERT_TRUE(copy_descriptor(context, test.session(), 3, 4, false));
  EXPECT_EQ(test.volume.description(at(3))->references, 2u);
  EXPECT_EQ(copy_descriptor(context, test.session(), 8, 9, false).error().errno_value(), EBADF);
  EXPECT_EQ(copy_descriptor(context, test.session(), 3, 1 << 20, false).error().errno_value(),
            EMFILE);
}

TEST_F(OpenTest, a_number_closed_behind_our_back_is_taken_over) {
  InodeNumber a = make("a"), b = make("b");
  ASSERT_TRUE(open_description(context, test.session(), 3, a, O_RDWR, false, false));
  ASSERT_TRUE(open_description(context, test.session(), 3, b, O_RDWR, false, false));
  EXPECT_EQ(opens(a), 0u);
  EXPECT_EQ(opens(b), 1u);
}

TEST_F(OpenTest, file_locks_of_a_description_go_with_its_last_reference) {
  InodeNumber file = make("f");
  auto opened = open_description(context, test.session(), 3, file, O_RDWR, false, false);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(copy_descriptor(context, test.session(), 3, 4, false));
  LockOwner flock_owner{kFileLockFlock, raw(*opened), 1};
  ASSERT_TRUE(set_file_lock(context, file, flock_owner, {.exclusive = true}));
  ASSERT_TRUE(close_descriptor(context, test.session(), 3));
  EXPECT_NE(test.volume.inode(file.index())->file_locks, FileLockIndex::kNone);
  ASSERT_TRUE(close_descriptor(context, test.session(), 4));
  EXPECT_EQ(test.volume.inode(file.index())->file_locks, FileLockIndex::kNone);
}

TEST_F(OpenTest, opening_fails_with_ENFILE_when_no_description_is_left_and_recovers) {
  InodeNumber file = make("f");
  int32_t fd = 0;
  Error error(0);
  for (; fd < kDescriptorsMax; fd++) {
    auto opened = open_description(context, test.session(), fd, file, O_RDONLY, false, false);
    if (!opened) {
      error = opened.error();
      break;
    }
  }
  EXPECT_EQ(error, Error(ENFILE));
  EXPECT_EQ(static_cast<uint64_t>(fd), test.volume.geometry().descriptions.count - 1);
  EXPECT_TRUE(close_descriptor(context, test.session(), 7));
  EXPECT_TRUE(open_description(context, test.session(), 7, file, O_RDONLY, false, false));
}

TEST_F(OpenTest, open_and_close_cost_little) {
  InodeNumber file = make("f");
  double best_ns = 1e9;
  for (int round = 0; round < 30; round++) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; i++) {
      if (!open_description(context, test.session(), 3, file, O_RDONLY, false, false)) FAIL();
      if (!close_descriptor(context, test.session(), 3)) FAIL();
    }
    std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best_ns = std::min(best_ns, took.count() / 1000);
  }
  printf("open and close: %.0f ns\n", best_ns);
}

TEST_F(OpenTest, create_and_unlink_cost_little) {
  double best_ns = 1e9;
  base::Text name = base::text_of("f");
  NewInode what;
  what.mode = 0100644;
  Attributes made;
  for (int round = 0; round < 30; round++) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; i++) {
      if (!create(context, kRootInode, name, what, made)) FAIL();
      if (!unlink(context, kRootInode, name)) FAIL();
    }
    std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best_ns = std::min(best_ns, took.count() / 1000);
  }
  printf("create and unlink: %.0f ns\n", best_ns);
}
}  // namespace
}  // namespace bt::engine
