// SPDX-License-Identifier: MIT
// What requests do to a description: tests/posix, exec (a static child shares the offset).
#include "fuse/shared_offsets.h"

#include <gtest/gtest.h>

namespace bt::fuse {
namespace {

using format::DescriptionIndex;

TEST(SharedOffsets, each_open_of_a_description_has_an_offset_of_its_own) {
  SharedOffsets offsets;
  uint64_t first = offsets.open({DescriptionIndex{5}, {9}, 100}),
           second = offsets.open({DescriptionIndex{5}, {9}, 200});
  EXPECT_NE(first, second);
  EXPECT_EQ(description_of(first), DescriptionIndex{5});
  EXPECT_TRUE(offsets.is_at(first, 100));
  EXPECT_FALSE(offsets.is_at(first, 200));
  EXPECT_TRUE(offsets.is_at(second, 200));
  offsets.moved_to(first, 110);
  EXPECT_TRUE(offsets.is_at(first, 110));
  EXPECT_FALSE(offsets.is_at(first, 100));
}

TEST(SharedOffsets, of_a_closed_or_unknown_handle_nothing_is_known) {
  SharedOffsets offsets;
  uint64_t handle = offsets.open({DescriptionIndex{5}, {9}, 100});
  offsets.close(handle);
  EXPECT_FALSE(offsets.is_at(handle, 100));
  offsets.moved_to(handle, 100);
  EXPECT_FALSE(offsets.is_at(handle, 100));
}

}  // namespace
}  // namespace bt::fuse
