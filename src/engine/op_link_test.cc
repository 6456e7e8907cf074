// SPDX-License-Identifier: MIT
#include "engine/make_entry.h"
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class LinkTest : public NameTest {
 protected:
  int join(Context& context, InodeNumber inode, InodeNumber directory, std::string_view name) {
    Attributes after{};
    return errno_of(link(context, inode, directory, text(name), after));
  }
};

TEST_F(LinkTest, two_names_are_one_file) {
  InodeNumber file = make(kRootInode, "f");
  InodeNumber directory = make_directory(kRootInode, "d");
  Attributes before = attributes(file), after{};
  ASSERT_EQ(errno_of(link(root, file, directory, text("g"), after)), 0);
  EXPECT_EQ(after.nlink, 2u);
  EXPECT_GT(after.ctime_ns, before.ctime_ns);
  EXPECT_EQ(after.mtime_ns, before.mtime_ns);
  EXPECT_EQ(find(directory, "g"), file);
  EXPECT_EQ(find(kRootInode, "f"), file);
}

TEST_F(LinkTest, errors) {
  InodeNumber file = make(kRootInode, "f");
  InodeNumber directory = make_directory(kRootInode, "d");
  EXPECT_EQ(join(root, directory, kRootInode, "x"), EPERM);
  EXPECT_EQ(join(root, kRootInode, directory, "x"), EPERM);
  EXPECT_EQ(join(root, directory, directory, "x"), EPERM);
  EXPECT_EQ(join(root, file, kRootInode, "d"), EEXIST);
  EXPECT_EQ(join(user, file, kRootInode, "x"), EACCES);
  EXPECT_EQ(join(root, file, file, "x"), ENOTDIR);
  EXPECT_EQ(join(root, file, kRootInode, std::string(256, 'x')), ENAMETOOLONG);
  record(file).nlink = 1u << 30;
  EXPECT_EQ(join(root, file, kRootInode, "x"), EMLINK);
  record(file).nlink = 1;
}

TEST_F(LinkTest, a_file_without_names_gets_one_only_if_it_was_made_so) {
  for (bool linkable : {true, false}) {
    MadeInode made;
    NewInode what;
    what.mode = kModeRegular | 0600;
    ASSERT_TRUE(prepare(volume.thread(), {.inodes = 1}));
    {
      Transaction txn(volume.thread());
      ASSERT_TRUE(make_unnamed(txn, root, kRootInode, what, linkable, made));
      made.record->opens = 1;
      txn.commit();
    }
    EXPECT_EQ(attributes(made.number).nlink, 0u);
    EXPECT_EQ(join(root, made.number, kRootInode, "named"), linkable ? 0 : ENOENT);
    EXPECT_EQ(find(kRootInode, "named"), linkable ? made.number : InodeNumber{});
    EXPECT_EQ(errno_of(unlink(root, kRootInode, text("named"))), linkable ? 0 : ENOENT);
    drop_open(volume.thread(), made.number);
  }
}

}  // namespace
}  // namespace bt::engine
