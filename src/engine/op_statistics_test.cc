// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class StatisticsTest : public NameTest {};

TEST_F(StatisticsTest, counts_follow_what_is_made) {
  VolumeStatistics before{}, after{};
  read_statistics(root, before);
  make(kRootInode, "f");
  read_statistics(root, after);
  EXPECT_EQ(after.inodes_free, before.inodes_free - 1);
  EXPECT_EQ(after.blocks, before.blocks);
  EXPECT_EQ(after.id, volume.volume.superblock().id);
  EXPECT_GT(after.blocks_free, 0u);
}

}  // namespace
}  // namespace bt::engine
