// SPDX-License-Identifier: MIT
#include "engine/origin_index.h"

#include <gtest/gtest.h>

#include "engine/cached.h"
#include "engine/directory_index.h"
#include "engine/test_volume.h"

namespace bt::engine {
namespace {

class OriginIndexTest : public testing::Test {
 protected:
  InodeNumber enter(const char* name, uint64_t number, Namesake namesake = {},
                    uint32_t type = kModeRegular) {
    auto entered =
        enter_name(test.context(), {kRootInode, base::text_of(name), number, type, 0}, namesake);
    EXPECT_TRUE(entered.has_value());
    return entered.value_or(InodeNumber{});
  }
  InodeIndex find(uint64_t number, InodeIndex after = InodeIndex::kNone,
                  uint32_t type = kModeRegular) {
    Transaction txn(test.thread());
    return find_in_origin_index(txn, test.volume, number, type, after).value_or(InodeIndex::kNone);
  }
  TestVolume test;
};

TEST_F(OriginIndexTest, a_file_is_found_by_its_number_until_its_last_name_goes) {
  InodeNumber file = enter("a", 5);
  EXPECT_EQ(find(5), file.index());
  EXPECT_FALSE(enter("b", 5));  // there is a namesake
  EXPECT_EQ(enter("b", 5, {file, true}), file);
  EXPECT_EQ(test.volume.inode(file.index())->nlink, 2u);
  ASSERT_TRUE(drop_name(test.context(), kRootInode, base::text_of("a")));
  EXPECT_EQ(find(5), file.index());
  ASSERT_TRUE(drop_name(test.context(), kRootInode, base::text_of("b")));
  EXPECT_EQ(find(5), InodeIndex::kNone);
}

TEST_F(OriginIndexTest, the_newest_of_a_number_comes_first_and_leads_to_the_older_ones) {
  InodeNumber older = enter("a", 5), newer = enter("b", 5, {older, false});
  EXPECT_EQ(find(5), newer.index());
  EXPECT_EQ(find(5, newer.index()), older.index());
  EXPECT_EQ(find(5, older.index()), InodeIndex::kNone);
  ASSERT_TRUE(disown(test.context(), newer));
  EXPECT_EQ(find(5), older.index());
  // What was disowned is not what the name says any more.
  EXPECT_EQ(enter("b", 5, {older, true}), older);
}

TEST_F(OriginIndexTest, numbers_that_share_a_chain_are_told_apart_and_so_are_types) {
  uint64_t number = 5, heads = test.volume.geometry().origin_stripes.count * kHeadsAnOriginStripe;
  InodeNumber first = enter("a", number), second = enter("b", number + heads),
              third = enter("c", number + 2 * heads), link = enter("d", number, {}, kModeLink);
  EXPECT_EQ(place_in_origin_index(test.volume, number).head,
            place_in_origin_index(test.volume, number + heads).head);
  EXPECT_EQ(find(number), first.index());
  EXPECT_EQ(find(number, InodeIndex::kNone, kModeLink), link.index());
  ASSERT_TRUE(drop_name(test.context(), kRootInode, base::text_of("b")));
  EXPECT_EQ(find(number + heads), InodeIndex::kNone);
  EXPECT_EQ(find(number), first.index());
  EXPECT_EQ(find(number + 2 * heads), third.index());
  EXPECT_NE(second, first);
}

TEST_F(OriginIndexTest, a_namesake_that_has_gone_meanwhile_is_nobodys_twin) {
  InodeNumber file = enter("a", 5);
  ASSERT_TRUE(drop_name(test.context(), kRootInode, base::text_of("a")));
  InodeNumber other = enter("b", 5, {file, true});
  EXPECT_TRUE(other);
  EXPECT_NE(other, file);
  EXPECT_EQ(find(5), other.index());
}

TEST_F(OriginIndexTest, damage_is_found) {
  InodeNumber file = enter("a", 5), other = enter("b", 5 + (uint64_t{1} << 31));
  InodeRecord& record = *test.volume.inode(file.index());
  record.flags &= ~kInodeInOriginIndex;
  EXPECT_NE(test.check().find("in the origin index"), std::string::npos);
  record.flags |= kInodeInOriginIndex;
  InodeIndex* head = place_in_origin_index(test.volume, 5).head;
  InodeIndex first = *head;
  *head = InodeIndex::kNone;
  EXPECT_NE(test.check().find("not in the origin index"), std::string::npos);
  *head = first;
  EXPECT_EQ(test.check(), "");
  // A chain that is a ring, and one that leads out of the table.
  record.next = file.index();
  Namesake namesake;
  EXPECT_FALSE(
      enter_name(test.context(),
                 {kRootInode, base::text_of("c"), 5 + (uint64_t{1} << 30), kModeRegular, 0},
                 namesake)
          .has_value());
  EXPECT_TRUE(test.volume.is_frozen());
  test.check_at_end = false;
  EXPECT_TRUE(other);
}

}  // namespace
}  // namespace bt::engine
