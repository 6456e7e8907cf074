// SPDX-License-Identifier: MIT
#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class KernelLookupsTest : public NameTest {};

TEST_F(KernelLookupsTest, the_last_forget_reclaims_what_has_no_name) {
  InodeNumber file = make(kRootInode, "f");
  for (int i = 0; i < 3; i++) ASSERT_TRUE(add_kernel_lookup(root, file));
  ASSERT_TRUE(unlink(root, kRootInode, text("f")));
  ASSERT_TRUE(forget_kernel_lookups(root, file, 2));
  EXPECT_FALSE(is_gone(file));
  ASSERT_TRUE(forget_kernel_lookups(root, file, 1));
  EXPECT_TRUE(is_gone(file));
  EXPECT_EQ(errno_of(add_kernel_lookup(root, file)), ESTALE);
  EXPECT_EQ(errno_of(forget_kernel_lookups(root, file, 1)), ESTALE);
}

TEST_F(KernelLookupsTest, forgetting_too_much_is_forgetting_all) {
  InodeNumber file = make(kRootInode, "f");
  ASSERT_TRUE(add_kernel_lookup(root, file));
  ASSERT_TRUE(forget_kernel_lookups(root, file, 100));
  EXPECT_EQ(record(file).kernel_lookups, 0u);
  EXPECT_FALSE(is_gone(file)) << "it has a name";
}

}  // namespace
}  // namespace bt::engine
