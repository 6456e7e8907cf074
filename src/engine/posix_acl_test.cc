// SPDX-License-Identifier: MIT
#include "engine/posix_acl.h"

#include <gtest/gtest.h>

#include <vector>

namespace bt::engine {
namespace {

std::vector<char> bytes_of(std::vector<AclEntry> entries, uint32_t version = kAclVersion) {
  std::vector<char> bytes(4 + entries.size() * sizeof(AclEntry));
  memcpy(bytes.data(), &version, 4);
  memcpy(bytes.data() + 4, entries.data(), entries.size() * sizeof(AclEntry));
  return bytes;
}

int parse(const std::vector<char>& bytes, Acl& acl) {
  auto result = parse_acl(bytes.data(), bytes.size(), acl);
  return result ? 0 : result.error().errno_value();
}

const std::vector<AclEntry> kSimple = {
    {kAclUserObj, 7, 0}, {kAclGroupObj, 5, 0}, {kAclOther, 4, 0}};
const std::vector<AclEntry> kExtended = {{kAclUserObj, 7, 0},
                                         {kAclUser, 6, 42},
                                         {kAclGroupObj, 5, 0},
                                         {kAclMask, 4, 0},
                                         {kAclOther, 1, 0}};

TEST(PosixAcl, simple_list_is_no_more_than_a_mode) {
  Acl acl;
  uint32_t bits;
  ASSERT_EQ(parse(bytes_of(kSimple), acl), 0);
  EXPECT_TRUE(acl_mode(acl, bits));
  EXPECT_EQ(bits, 0754u);
}

TEST(PosixAcl, the_mask_shows_in_the_group_bits) {
  Acl acl;
  uint32_t bits;
  ASSERT_EQ(parse(bytes_of(kExtended), acl), 0);
  EXPECT_FALSE(acl_mode(acl, bits));
  EXPECT_EQ(bits, 0741u);
  apply_mode(acl, 0610);
  EXPECT_FALSE(acl_mode(acl, bits));
  EXPECT_EQ(bits, 0610u);
  EXPECT_EQ(acl.find(kAclGroupObj)->permissions, 5);
}

TEST(PosixAcl, bytes_survive_a_round_trip) {
  Acl acl;
  ASSERT_EQ(parse(bytes_of(kExtended), acl), 0);
  std::vector<char> written(acl.size_bytes());
  write_acl(acl, written.data());
  EXPECT_EQ(written, bytes_of(kExtended));
}

TEST(PosixAcl, nonsense_is_refused) {
  Acl acl;
  EXPECT_EQ(parse(bytes_of(kSimple, 1), acl), EOPNOTSUPP);
  EXPECT_EQ(parse({1, 2, 3}, acl), EINVAL);
  auto broken = kSimple;
  std::swap(broken[0], broken[1]);
  EXPECT_EQ(parse(bytes_of(broken), acl), EINVAL);
  broken = kExtended;
  broken.erase(broken.begin() + 3);  // A named user without a mask.
  EXPECT_EQ(parse(bytes_of(broken), acl), EINVAL);
  broken = kSimple;
  broken[2].permissions = 8;
  EXPECT_EQ(parse(bytes_of(broken), acl), EINVAL);
  broken = kSimple;
  broken[2].tag = 3;
  EXPECT_EQ(parse(bytes_of(broken), acl), EINVAL);
  EXPECT_EQ(parse(bytes_of(std::vector<AclEntry>(kAclEntriesMax + 1, {kAclUser, 1, 1})), acl),
            E2BIG);
}

TEST(PosixAcl, a_new_file_gets_what_default_and_mode_both_allow) {
  Acl acl;
  ASSERT_EQ(parse(bytes_of(kExtended), acl), 0);
  uint32_t mode = 0100666;
  EXPECT_FALSE(inherit_acl(acl, mode));
  EXPECT_EQ(mode, 0100640u);
  EXPECT_EQ(acl.find(kAclUserObj)->permissions, 6);
  EXPECT_EQ(acl.find(kAclMask)->permissions, 4);
  EXPECT_EQ(acl.find(kAclOther)->permissions, 0);
  ASSERT_EQ(parse(bytes_of(kSimple), acl), 0);
  mode = 0100666;
  EXPECT_TRUE(inherit_acl(acl, mode));
  EXPECT_EQ(mode, 0100644u);
}

}  // namespace
}  // namespace bt::engine
