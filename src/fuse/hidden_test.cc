// SPDX-License-Identifier: MIT
#include "fuse/hidden.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace bt::fuse {
namespace {

using format::DescriptionIndex;

class HiddenTest : public testing::Test {
 protected:
  void SetUp() override {
    engine::FormatOptions options;
    options.volume_size = 16 << 20;
    options.id = 1;
    size_ = engine::Volume::volume_size_for(options);
    memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(memory_, MAP_FAILED);
    ASSERT_TRUE(engine::Volume::format(memory_, size_, options));
    ASSERT_TRUE(engine::Volume::attach(memory_, size_, volume_));
    format::DescriptionRecord& record = *volume_.description(DescriptionIndex{5});
    record.in_use = 1;
    record.inode = {0x300000007};
  }
  void TearDown() override { munmap(memory_, size_); }

  DescriptionIndex find(std::string_view name) {
    return find_named_description(volume_, format::kHiddenPrefix + std::string(name)).description;
  }

  void* memory_ = nullptr;
  size_t size_ = 0;
  engine::Volume volume_;
};

TEST_F(HiddenTest, a_name_leads_to_the_description_that_is_open_on_that_inode) {
  EXPECT_EQ(find("5.300000007.0"), DescriptionIndex{5});
  EXPECT_EQ(find("5.0000000300000007.0"), DescriptionIndex{5});
  EXPECT_EQ(find_named_description(volume_, ".btfuse-ofd.5.300000007.1a").offset, 0x1au);
}

TEST_F(HiddenTest, anything_else_leads_nowhere) {
  for (const char* name :
       {"5.300000008.0", "6.300000007.0", "4000000000.300000007.0", "5", "5.", ".300000007.0",
        "5.300000007", "5.300000007.", "5.300000007.0x", "5.300000007.0.0", "-5.300000007.0", "",
        "99999999999999999999.1.0", "5.300000007.10000000000000000"})
    EXPECT_EQ(find(name), DescriptionIndex::kNone) << name;
}

TEST(PendingOpens, an_open_takes_what_its_thread_looked_up_once) {
  PendingOpens pending;
  pending.expect(7, {DescriptionIndex{5}, {9}});
  EXPECT_EQ(pending.take(8, {9}).description, DescriptionIndex::kNone);
  EXPECT_EQ(pending.take(7, {9}).description, DescriptionIndex{5});
  EXPECT_EQ(pending.take(7, {9}).description, DescriptionIndex::kNone);
}

TEST(PendingOpens, another_inode_or_a_later_lookup_makes_it_an_ordinary_open) {
  PendingOpens pending;
  pending.expect(7, {DescriptionIndex{5}, {9}});
  EXPECT_EQ(pending.take(7, {10}).description, DescriptionIndex::kNone);
  pending.expect(7, {DescriptionIndex{5}, {9}});
  pending.forget(7);
  EXPECT_EQ(pending.take(7, {9}).description, DescriptionIndex::kNone);
}

}  // namespace
}  // namespace bt::fuse
