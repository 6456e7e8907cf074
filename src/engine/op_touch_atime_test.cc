// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class TouchAtimeTest : public NameTest {
 protected:
  int64_t touch(InodeNumber file, int64_t atime, int64_t mtime) {
    record(file).atime_ns = atime;
    record(file).mtime_ns = record(file).ctime_ns = mtime;
    touch_atime(root, file);
    return attributes(file).atime_ns;
  }
};

TEST_F(TouchAtimeTest, moves_when_a_change_was_not_seen_yet_or_a_day_went_by) {
  InodeNumber file = make(kRootInode, "f");
  int64_t now = attributes(file).ctime_ns, hour = 3'600'000'000'000;
  EXPECT_GE(touch(file, now - 2 * hour, now - hour), now);
  EXPECT_EQ(touch(file, now - hour, now - 2 * hour), now - hour);
  EXPECT_GE(touch(file, now - 25 * hour, now - 26 * hour), now);
  EXPECT_GE(touch(file, now - hour, now - hour), now) << "written and read in the same moment";
}

TEST_F(TouchAtimeTest, not_under_noatime) {
  TestVolume quiet(64ull << 20, kOptionNoAtime);
  int64_t before = quiet.volume.inode(InodeIndex::kRoot)->atime_ns;
  touch_atime(quiet.context(), kRootInode);
  EXPECT_EQ(quiet.volume.inode(InodeIndex::kRoot)->atime_ns, before);
}

}  // namespace
}  // namespace bt::engine
