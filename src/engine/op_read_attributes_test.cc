// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class ReadAttributesTest : public NameTest {};

TEST_F(ReadAttributesTest, says_what_was_stored) {
  NewInode what;
  what.mode = kModeCharacter | 0600;
  what.rdev = 0x105;
  Attributes made{};
  ASSERT_TRUE(create(root, kRootInode, text("tty"), what, made));
  Attributes read = attributes(made.inode);
  EXPECT_EQ(memcmp(&made, &read, sizeof read), 0);
  EXPECT_EQ(read.rdev, 0x105u);
  EXPECT_EQ(read.page_count, 0u);
}

TEST_F(ReadAttributesTest, unknown_and_free_numbers_are_stale) {
  Attributes read{};
  EXPECT_EQ(errno_of(read_attributes(root, InodeNumber::of(InodeIndex{0xfffffff}, 0), read)),
            ESTALE);
  EXPECT_EQ(errno_of(read_attributes(root, InodeNumber::of(InodeIndex{5000}, 0), read)), ESTALE);
  EXPECT_EQ(errno_of(read_attributes(root, InodeNumber{}, read)), ESTALE);
  EXPECT_EQ(errno_of(read_attributes(root, InodeNumber::of(InodeIndex::kRoot, 1), read)), ESTALE);
}

TEST_F(ReadAttributesTest, never_sees_half_a_change) {
  InodeNumber file = make(kRootInode, "f");
  ASSERT_EQ(change_owner(root, file, 1, 1), 0);
  pid_t writer = fork();
  if (writer == 0) {
    TestThread self(volume.volume);
    for (uint32_t i = 0; i < 30000; i++) (void)change_owner(self.context, file, i, i);
    _exit(0);
  }
  uint64_t last = 0;
  while (waitpid(writer, nullptr, WNOHANG) == 0) {
    for (int i = 0; i < 1000; i++) {
      Attributes read = attributes(file);
      ASSERT_EQ(read.uid, read.gid);
      ASSERT_GE(read.change, last);
      last = read.change;
    }
  }
}

}  // namespace
}  // namespace bt::engine
