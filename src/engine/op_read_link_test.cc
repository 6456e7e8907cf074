// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class ReadLinkTest : public NameTest {
 protected:
  InodeNumber make_link(std::string_view name, const std::string& target) {
    NewInode what;
    what.mode = kModeLink | 0777;
    what.link_target = text(target);
    Attributes made{};
    EXPECT_EQ(errno_of(create(root, kRootInode, text(name), what, made)), 0);
    EXPECT_EQ(made.size, target.size());
    return made.inode;
  }
};

TEST_F(ReadLinkTest, targets_of_every_length_survive) {
  uint64_t pages = free_pages();
  for (uint32_t size : {1u, 87u, 88u, 89u, 4095u}) {
    std::string target(size, 't'), read(5000, 0);
    InodeNumber link = make_link("l", target);
    auto length = read_link(root, link, read.data(), read.size());
    ASSERT_TRUE(length);
    EXPECT_EQ(read.substr(0, *length), target);
    ASSERT_TRUE(unlink(root, kRootInode, text("l")));
  }
  EXPECT_EQ(free_pages(), pages);
}

TEST_F(ReadLinkTest, a_small_buffer_gets_the_beginning) {
  InodeNumber link = make_link("l", "abcdef");
  char read[3];
  EXPECT_EQ(*read_link(root, link, read, 3), 6u);
  EXPECT_EQ(std::string(read, 3), "abc");
}

TEST_F(ReadLinkTest, errors) {
  char read[3];
  EXPECT_EQ(errno_of(read_link(root, make(kRootInode, "f"), read, 3)), EINVAL);
  NewInode what;
  what.mode = kModeLink | 0777;
  Attributes made{};
  EXPECT_EQ(errno_of(create(root, kRootInode, text("l"), what, made)), ENOENT);
  std::string target(4096, 't');
  what.link_target = text(target);
  EXPECT_EQ(errno_of(create(root, kRootInode, text("l"), what, made)), ENAMETOOLONG);
}

}  // namespace
}  // namespace bt::engine
