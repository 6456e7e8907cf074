// SPDX-License-Identifier: MIT
#include "engine/volume.h"

#include <gtest/gtest.h>

#include "engine/test_volume.h"

namespace bt::engine {
namespace {

TEST(Volume, default_size_holds_a_million_files_of_at_most_400_bytes_each) {
  FormatOptions options;
  options.volume_size = 4ull << 30;
  uint64_t size = Volume::volume_size_for(options);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  options.id = 1;
  ASSERT_TRUE(Volume::format(memory, size, options));
  Volume volume;
  ASSERT_TRUE(Volume::attach(memory, size, volume));
  EXPECT_GT(volume.geometry().inodes.count, 1'000'000u);
  EXPECT_GT(volume.geometry().dentries.count, 1'000'000u);
  EXPECT_GT(volume.geometry().pages.count * kPageSizeBytes, 3ull << 30);
  // A short name; a long one; both with their share of the hash heads.
  uint64_t head_bytes =
      volume.geometry().heads.count * sizeof(uint32_t) / volume.geometry().inodes.count + 1;
  EXPECT_LE(sizeof(InodeRecord) + 2 * sizeof(DentryRecord) + head_bytes, 400u);
  munmap(memory, size);
}

TEST(Volume, root_is_an_empty_directory) {
  TestVolume test;
  const InodeRecord* root = test.volume.inode(InodeIndex::kRoot);
  EXPECT_EQ(root->mode, 040755u);
  EXPECT_EQ(root->nlink, 2u);
  EXPECT_EQ(root->directory.parent, kRootInode);
}

TEST(Volume, indexes_out_of_range_are_nullptr) {
  TestVolume test;
  EXPECT_EQ(test.volume.inode(InodeIndex::kNone), nullptr);
  EXPECT_EQ(test.volume.inode(InodeIndex{0xffffffff}), nullptr);
  uint32_t pages = static_cast<uint32_t>(test.volume.geometry().pages.count);
  EXPECT_EQ(test.volume.page(PageIndex{pages}), nullptr);
  EXPECT_NE(test.volume.page(PageIndex{pages - 1}), nullptr);
  EXPECT_EQ(test.volume.page(PageIndex{pages - 1}) + kPageSizeBytes,
            test.volume.base() + test.volume.geometry().volume_size);
}

TEST(Volume, too_small_or_too_many_inodes_is_refused) {
  FormatOptions options;
  options.id = 1;
  options.volume_size = 1 << 20;
  Superblock super = {};
  EXPECT_EQ(Volume::format(&super, sizeof(super), options).error().errno_value(), EINVAL);
  options.volume_size = 16 << 20;
  options.inodes_max = 1 << 20;
  EXPECT_EQ(Volume::format(&super, sizeof(super), options).error().errno_value(), EINVAL);
}

// Every word of the superblock's geometry, one at a time, set to values that would lead out of the volume.
TEST(Volume, attach_refuses_a_damaged_superblock) {
  TestVolume test(16ull << 20);
  test.check_at_end = false;
  auto* words = reinterpret_cast<uint64_t*>(&test.volume.superblock().geometry);
  for (size_t i = 0; i < sizeof(Geometry) / 8; i++) {
    uint64_t right = words[i];
    for (uint64_t wrong : {uint64_t{0}, right + 1, right | uint64_t{1} << 63, ~uint64_t{0}}) {
      words[i] = wrong;
      Volume again;
      auto result = Volume::attach(test.memory, test.size, again);
      if (result) {  // smaller counts and sizes may be fine; then nothing lies outside
        const Geometry& g = again.geometry();
        EXPECT_LE(g.pages.offset + g.pages.count * kPageSizeBytes, test.size) << i;
      }
    }
    words[i] = right;
  }
  Volume again;
  EXPECT_TRUE(Volume::attach(test.memory, test.size, again));
  EXPECT_FALSE(Volume::attach(test.memory, 4096, again));
  EXPECT_FALSE(Volume::attach(test.memory, test.size - 4096, again));
  test.volume.superblock().layout_hash++;
  EXPECT_EQ(Volume::attach(test.memory, test.size, again).error(), error::wrong_version);
  test.volume.superblock().magic++;
  EXPECT_EQ(Volume::attach(test.memory, test.size, again).error(), error::wrong_magic);
}

TEST(Volume, first_damage_freezes_and_is_remembered) {
  TestVolume test;
  EXPECT_FALSE(test.volume.is_frozen());
  EXPECT_EQ(test.volume.damaged("/x/engine/here.cc", 42), error::volume_corrupt);
  EXPECT_EQ(test.volume.damaged("/x/engine/there.cc", 43), error::volume_corrupt);
  EXPECT_TRUE(test.volume.is_frozen());
  EXPECT_STREQ(test.volume.superblock().damage_file, "here.cc");
  EXPECT_EQ(test.volume.superblock().damage_line, 42u);
  test.check_at_end = false;
  test.volume.superblock().frozen = 0;  // so that the fixture can detach
}
}  // namespace
}  // namespace bt::engine
