// SPDX-License-Identifier: MIT
#include "engine/page_return.h"

#include <gtest/gtest.h>

#include <vector>

#include "engine/allocator.h"
#include "engine/data.h"
#include "engine/test_volume.h"

namespace bt::engine {
namespace {

class PageReturnTest : public testing::Test {
 protected:
  uint64_t resident_pages() {
    std::vector<unsigned char> present(test.size / 4096 + 1);
    EXPECT_EQ(mincore(test.memory, test.size, present.data()), 0);
    uint64_t count = 0;
    for (unsigned char page : present) count += page & 1;
    return count;
  }
  InodeNumber make_file(const char* name, uint64_t size) {
    NewInode what;
    what.mode = 0100644;
    Attributes made;
    EXPECT_TRUE(create(context, kRootInode, base::text_of(name), what, made));
    std::vector<char> bytes(1 << 20, 'x');
    for (uint64_t at = 0; at < size; at += bytes.size()) {
      Piece piece{bytes.data(), bytes.size()};
      uint64_t end;
      EXPECT_TRUE(write(context, made.inode, at, &piece, 1, {}, end));
    }
    return made.inode;
  }
  TestVolume test;
  Context& context = test.context();
};

TEST_F(PageReturnTest, memory_of_a_removed_file_goes_back_to_the_machine) {
  make_file("warm", 1 << 20);
  uint64_t before = resident_pages();
  make_file("big", 32 << 20);
  EXPECT_GT(resident_pages(), before + 8000);
  ASSERT_TRUE(unlink(context, kRootInode, base::text_of("big")));
  Space space = measure_space(test.volume);
  PageReturn state{.keep_pages = 0};
  auto returned = return_all_free_pages(test.thread(), state);
  ASSERT_TRUE(returned);
  EXPECT_GE(*returned, 8192u);
  EXPECT_LT(resident_pages(), before + 300);
  EXPECT_EQ(measure_space(test.volume).pages_free, space.pages_free);
  EXPECT_EQ(test.check(), "");
  InodeNumber again = make_file("again", 32 << 20);
  char bytes[2] = {};
  Piece piece{bytes, 1};
  EXPECT_TRUE(read(context, again, 20 << 20, &piece, 1));
  EXPECT_EQ(bytes[0], 'x');
}

TEST_F(PageReturnTest, a_reserve_stays_and_half_of_the_rest_goes_each_time) {
  make_file("big", 32 << 20);
  ASSERT_TRUE(unlink(context, kRootInode, base::text_of("big")));
  PageReturn state{.keep_pages = 100};
  uint64_t total = 0;
  for (int i = 0; i < 4; i++) {
    auto returned = return_free_pages(test.thread(), state);
    ASSERT_TRUE(returned);
    total += *returned;
  }
  EXPECT_GE(total, 8000u);
  EXPECT_EQ(test.volume.superblock().free_pages.count, 100u);
}
}  // namespace
}  // namespace bt::engine
