// SPDX-License-Identifier: MIT
#include "engine/permissions.h"

#include "engine/name_fixture.h"
#include "engine/xattr_store.h"

namespace bt::engine {
namespace {

class PermissionsTest : public NameTest {
 protected:
  int check(const Credentials& credentials, uint32_t mode, uint32_t mask, uint32_t uid = 1,
            uint32_t gid = 1) {
    Context context{volume.thread(), credentials};
    return errno_of(check_permission(context, {kRootInode, mode, uid, gid}, mask, false));
  }
};

TEST_F(PermissionsTest, the_first_class_that_matches_decides) {
  Credentials owner{.uid = 1, .gid = 9};
  EXPECT_EQ(check(owner, kModeRegular | 0400, kMayRead), 0);
  EXPECT_EQ(check(owner, kModeRegular | 0077, kMayRead), EACCES);
  Credentials member{.uid = 9, .gid = 1};
  EXPECT_EQ(check(member, kModeRegular | 0040, kMayRead), 0);
  EXPECT_EQ(check(member, kModeRegular | 0707, kMayRead), EACCES);
  Credentials other{.uid = 9, .gid = 9};
  EXPECT_EQ(check(other, kModeRegular | 0004, kMayRead), 0);
  EXPECT_EQ(check(other, kModeRegular | 0770, kMayRead), EACCES);
  EXPECT_EQ(check(other, kModeRegular | 0004, kMayRead | kMayWrite), EACCES);
}

TEST_F(PermissionsTest, supplementary_groups_count_and_may_be_fetched_late) {
  const uint32_t groups[] = {5, 1};
  Credentials member{.uid = 9, .gid = 9, .groups = groups, .group_count = 2};
  EXPECT_EQ(check(member, kModeRegular | 0040, kMayRead), 0);
  static uint32_t fetched;
  fetched = 0;
  Credentials lazy{.uid = 9, .gid = 9};
  lazy.load_groups = [](const Credentials&, uint32_t& count) -> const uint32_t* {
    static const uint32_t kLate[] = {1};
    fetched++;
    count = 1;
    return kLate;
  };
  EXPECT_EQ(check(lazy, kModeRegular | 0044, kMayRead), 0);
  EXPECT_EQ(fetched, 0u) << "group and others may the same: no need to ask";
  EXPECT_EQ(check(lazy, kModeRegular | 0040, kMayRead), 0);
  EXPECT_EQ(fetched, 1u);
}

TEST_F(PermissionsTest, capabilities_override_as_in_linux) {
  Credentials strong{.uid = 9, .gid = 9, .dac_override = true};
  EXPECT_EQ(check(strong, kModeRegular | 0, kMayRead | kMayWrite), 0);
  EXPECT_EQ(check(strong, kModeRegular | 0, kMayExec), EACCES);
  EXPECT_EQ(check(strong, kModeRegular | 0100, kMayExec), 0);
  EXPECT_EQ(check(strong, kModeDirectory | 0, kMayRead | kMayWrite | kMayExec), 0);
  Credentials reader{.uid = 9, .gid = 9, .dac_read_search = true};
  EXPECT_EQ(check(reader, kModeRegular | 0, kMayRead), 0);
  EXPECT_EQ(check(reader, kModeRegular | 0, kMayWrite), EACCES);
  EXPECT_EQ(check(reader, kModeDirectory | 0, kMayRead | kMayExec), 0);
  EXPECT_EQ(check(reader, kModeDirectory | 0, kMayWrite), EACCES);
}

TEST_F(PermissionsTest, an_acl_names_users_and_groups) {
  InodeNumber file = make(kRootInode, "f", kModeRegular | 0600);
  const AclEntry entries[] = {{kAclUserObj, 6, 0}, {kAclUser, 6, kUser}, {kAclGroupObj, 0, 0},
                              {kAclGroup, 4, 55},  {kAclMask, 4, 0},     {kAclOther, 0, 0}};
  char bytes[4 + sizeof entries];
  memcpy(bytes, &kAclVersion, 4);
  memcpy(bytes + 4, entries, sizeof entries);
  ASSERT_EQ(errno_of(set_xattr(root, file, kXattrAclAccess, bytes, sizeof bytes, 0)), 0);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 0640u);
  EXPECT_EQ(errno_of(check_access(user, file, kMayRead)), 0);
  EXPECT_EQ(errno_of(check_access(user, file, kMayWrite)), EACCES) << "the mask takes it";
  Credentials named_group{.uid = 7, .gid = 55};
  Context member{volume.thread(), named_group};
  EXPECT_EQ(errno_of(check_access(member, file, kMayRead)), 0);
  Credentials stranger{.uid = 7, .gid = 7};
  Context other{volume.thread(), stranger};
  EXPECT_EQ(errno_of(check_access(other, file, kMayRead)), EACCES);
  ASSERT_EQ(change_mode(root, file, 0600), 0);
  EXPECT_EQ(errno_of(check_access(user, file, kMayRead)), EACCES) << "chmod wrote the mask";
}

}  // namespace
}  // namespace bt::engine
