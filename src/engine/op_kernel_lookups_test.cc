// SPDX-License-Identifier: MIT
#include "engine/data.h"
#include "engine/name_fixture.h"
#include "engine/reclaim.h"

namespace bt::engine {
namespace {

class KernelLookupsTest : public NameTest {};

TEST_F(KernelLookupsTest, the_last_forget_reclaims_what_has_no_name) {
  InodeNumber file = make(kRootInode, "f");
  for (int i = 0; i < 3; i++) ASSERT_TRUE(add_kernel_lookup(root, file));
  ASSERT_TRUE(unlink(root, kRootInode, text("f")));
  ASSERT_TRUE(forget_kernel_lookups(root, file, 2));
  EXPECT_FALSE(is_gone(file));
  ASSERT_TRUE(forget_kernel_lookups(root, file, 1));
  EXPECT_TRUE(is_gone(file));
  EXPECT_EQ(errno_of(add_kernel_lookup(root, file)), ESTALE);
  EXPECT_EQ(errno_of(forget_kernel_lookups(root, file, 1)), ESTALE);
}

TEST_F(KernelLookupsTest, forgetting_too_much_is_forgetting_all) {
  InodeNumber file = make(kRootInode, "f");
  ASSERT_TRUE(add_kernel_lookup(root, file));
  ASSERT_TRUE(forget_kernel_lookups(root, file, 100));
  EXPECT_EQ(record(file).kernel_lookups, 0u);
  EXPECT_FALSE(is_gone(file)) << "it has a name";
}

TEST_F(KernelLookupsTest, a_file_that_the_kernel_has_pages_of_is_changed_through_it_alone) {
  InodeNumber file = make(kRootInode, "f");
  char bytes[8] = "old";
  Piece piece{bytes, 4};
  AttributeChange cut;
  cut.which = AttributeChange::kSize;
  cut.by_descriptor = true;
  Attributes after;
  uint64_t end;
  auto all_left = [&](bool reading_too) {
    EXPECT_EQ(write(root, file, 0, &piece, 1, {}, end).error(), error::kernel_has_pages);
    EXPECT_EQ(set_attributes(root, file, cut, after).error(), error::kernel_has_pages);
    EXPECT_EQ(allocate_range(root, file, 0, 0, 8192, UINT64_MAX).error(), error::kernel_has_pages);
    auto got = read(root, file, 0, &piece, 1);
    EXPECT_EQ(got.has_value(), !reading_too);
    if (reading_too) {
      EXPECT_EQ(got.error(), error::kernel_has_pages);
    }
  };
  ASSERT_TRUE(write(root, file, 0, &piece, 1, {}, end));
  ASSERT_TRUE(add_kernel_open(root, file));
  ASSERT_TRUE(add_kernel_open(root, file));
  ASSERT_TRUE(note_kernel_pages(root, file, false));
  all_left(false);
  ASSERT_TRUE(note_kernel_pages(root, file, true));
  all_left(true);
  root.thread.serves_kernel = true;
  EXPECT_TRUE(write(root, file, 0, &piece, 1, {}, end));
  EXPECT_TRUE(read(root, file, 0, &piece, 1));
  root.thread.serves_kernel = false;
  ASSERT_TRUE(drop_kernel_open(root, file));
  all_left(true);
  ASSERT_TRUE(drop_kernel_open(root, file));
  EXPECT_TRUE(write(root, file, 0, &piece, 1, {}, end));
  EXPECT_TRUE(read(root, file, 0, &piece, 1));
  EXPECT_TRUE(set_attributes(root, file, cut, after));
}

// A forget is not repeated: what it did not finish is found by looking at all inodes.
TEST_F(KernelLookupsTest, what_a_cut_forget_left_is_freed) {
  InodeNumber cut = make(kRootInode, "cut"), lost = make(kRootInode, "lost");
  InodeNumber known = make(kRootInode, "known");
  for (InodeNumber file : {cut, lost, known}) ASSERT_TRUE(add_kernel_lookup(root, file));
  for (const char* name : {"cut", "lost", "known"})
    ASSERT_TRUE(unlink(root, kRootInode, text(name)));
  volume.volume.inode(cut.index())->kernel_lookups = 0;
  auto is_known = [](void* who, InodeNumber inode) {
    return inode == *static_cast<InodeNumber*>(who);
  };
  auto freed = free_leftovers(root.thread, nullptr, nullptr);
  EXPECT_TRUE(freed && *freed == 1);
  EXPECT_TRUE(is_gone(cut));
  freed = free_leftovers(root.thread, is_known, &known);
  EXPECT_TRUE(freed && *freed == 1);
  EXPECT_TRUE(is_gone(lost));
  EXPECT_FALSE(is_gone(known));
  ASSERT_TRUE(forget_kernel_lookups(root, known, 1));
}

TEST_F(KernelLookupsTest, what_the_kernel_alone_still_knows_is_found) {
  InodeNumber gone[3], named = make(kRootInode, "named");
  ASSERT_TRUE(add_kernel_lookup(root, named));
  for (const char* name : {"a", "b", "c"}) {
    gone[name[0] - 'a'] = make(kRootInode, name);
    ASSERT_TRUE(add_kernel_lookup(root, gone[name[0] - 'a']));
    ASSERT_TRUE(unlink(root, kRootInode, text(name)));
  }
  InodeNumber found[2];
  uint32_t next = 1;
  ASSERT_EQ(find_known_leftovers(volume.volume, next, 1000, found, 2), 2u);
  EXPECT_EQ(found[0], gone[0]);
  EXPECT_EQ(found[1], gone[1]);
  ASSERT_NE(next, 0u);
  ASSERT_EQ(find_known_leftovers(volume.volume, next, 1000, found, 2), 1u);
  EXPECT_EQ(found[0], gone[2]);
  EXPECT_EQ(next, 0u) << "the end of the table";
  next = 1;
  EXPECT_EQ(find_known_leftovers(volume.volume, next, 1, found, 2), 0u) << "the root has a name";
  EXPECT_EQ(next, 2u);
  for (InodeNumber inode : gone) ASSERT_TRUE(forget_kernel_lookups(root, inode, 1));
}

}  // namespace
}  // namespace bt::engine
