// SPDX-License-Identifier: MIT
#include "fuse/huge_pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace bt::fuse {
namespace {

constexpr uint64_t kExtent = 2 << 20;

class HugePagesTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ = memfd_create("huge_pages_test", MFD_CLOEXEC);
    ASSERT_GE(file_, 0);
    ASSERT_EQ(ftruncate(file_, 8 * kExtent), 0);
  }
  void TearDown() override { close(file_); }
  void fill(uint64_t offset, uint64_t size) {
    std::string bytes(size, 'x');
    ASSERT_EQ(pwrite(file_, bytes.data(), size, static_cast<off_t>(offset)),
              static_cast<ssize_t>(size));
  }
  int file_ = -1;
};

TEST_F(HugePagesTest, full_extents_are_collapsed_once_and_keep_their_bytes) {
  HugePages pages(file_, kExtent / 2, 8 * kExtent);
  EXPECT_EQ(pages.step(), 0u) << "nothing is there";
  fill(kExtent, 2 * kExtent);
  uint32_t collapsed = pages.step();
  if (collapsed == 0) GTEST_SKIP() << "no huge pages to be had on this machine";
  EXPECT_EQ(collapsed, 2u);
  EXPECT_EQ(pages.step(), 0u) << "both are done";
  std::string read(2 * kExtent, 0);
  ASSERT_EQ(pread(file_, read.data(), read.size(), kExtent), static_cast<ssize_t>(read.size()));
  EXPECT_EQ(read, std::string(read.size(), 'x'));
}

TEST_F(HugePagesTest, an_extent_with_a_hole_waits_until_it_is_full) {
  HugePages pages(file_, 0, 8 * kExtent);
  fill(0, kExtent - 4096);
  EXPECT_EQ(pages.step(), 0u);
  fill(kExtent - 4096, 4096);
  EXPECT_LE(pages.step(), 1u);
}

TEST_F(HugePagesTest, less_than_an_extent_is_nothing_to_look_at) {
  fill(0, 2 * kExtent);
  HugePages pages(file_, 1, kExtent + 4096);
  EXPECT_EQ(pages.step(), 0u);
}

}  // namespace
}  // namespace bt::fuse
