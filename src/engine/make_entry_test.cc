// SPDX-License-Identifier: MIT
#include "engine/make_entry.h"

#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class MakeEntryTest : public NameTest {};

TEST_F(MakeEntryTest, rolled_back_it_leaves_no_trace) {
  uint64_t inodes = free_inodes(), pages = free_pages();
  NewInode what;
  std::string target(3000, 't');
  what.mode = kModeLink | 0777;
  what.link_target = text(target);
  std::string name(255, 'n');
  ASSERT_TRUE(prepare(volume.thread(), needs_of_entry(root, kRootInode, text(name), what)));
  MadeInode made;
  {
    Transaction txn(volume.thread());
    ASSERT_TRUE(make_entry(txn, root, kRootInode, text(name), what, made));
  }
  EXPECT_EQ(made.record->mode, 0u) << "free records have none";
  EXPECT_EQ(find_error(root, kRootInode, name), ENOENT);
  EXPECT_EQ(free_inodes(), inodes);
  EXPECT_EQ(free_pages(), pages);
  EXPECT_EQ(make_error(root, kRootInode, name), 0);
}

TEST_F(MakeEntryTest, an_unnamed_file_belongs_to_its_directorys_rules) {
  InodeNumber closed = make_directory(kRootInode, "closed", 0755);
  NewInode what;
  what.mode = kModeRegular | 0600;
  MadeInode made;
  ASSERT_TRUE(prepare(volume.thread(), {.inodes = 1}));
  {
    Transaction txn(volume.thread());
    EXPECT_EQ(errno_of(make_unnamed(txn, user, closed, what, true, made)), EACCES);
  }
  ASSERT_EQ(change_mode(root, closed, 02777), 0);
  ASSERT_EQ(change_owner(root, closed, 0, 55), 0);
  {
    Transaction txn(volume.thread());
    ASSERT_TRUE(make_unnamed(txn, user, closed, what, true, made));
    made.record->opens = 1;
    txn.commit();
  }
  EXPECT_EQ(attributes(made.number).nlink, 0u);
  EXPECT_EQ(attributes(made.number).gid, 55u);
  EXPECT_EQ(names(closed).size(), 2u);
  EXPECT_FALSE(drop_open(volume.thread(), made.number));
  EXPECT_TRUE(is_gone(made.number));
}

}  // namespace
}  // namespace bt::engine
