// SPDX-License-Identifier: MIT
#include "fuse/mount_options.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "format/superblock_format.h"

namespace bt::fuse {
namespace {

bool parse(const std::string& text, MountOptions& options) {
  std::string word, why;
  return parse_mount_options(text, options, word, why);
}

TEST(MountOptions, set_id_bits_and_devices_are_off_unless_asked_for) {
  MountOptions options;
  ASSERT_TRUE(parse("", options));
  EXPECT_EQ(options.flags, static_cast<unsigned long>(MS_NOSUID | MS_NODEV));
  ASSERT_TRUE(parse("suid,dev", options));
  EXPECT_EQ(options.flags, 0ul);
  EXPECT_EQ(options.volume_options & format::kOptionNoSuid, 0u);
}

TEST(MountOptions, the_last_word_counts) {
  MountOptions options;
  ASSERT_TRUE(parse("ro,rw", options));
  EXPECT_FALSE(options.flags & MS_RDONLY);
  ASSERT_TRUE(parse("ro", options));
  EXPECT_TRUE(options.flags & MS_RDONLY);
  EXPECT_TRUE(options.volume_options & format::kOptionReadOnly);
}

TEST(MountOptions, an_unknown_word_is_named) {
  MountOptions options;
  std::string word, why;
  EXPECT_FALSE(parse_mount_options("ro,nonsense", options, word, why));
  EXPECT_EQ(word, "nonsense");
  EXPECT_FALSE(why.empty());
}

TEST(MountOptions, fusermount_gets_what_mount_would) {
  MountOptions options;
  ASSERT_TRUE(parse("ro,allow_other,fsname=x", options));
  // Who lets others in has the kernel check what they may.
  EXPECT_EQ(fusermount_options(options),
            "fsname=x,subtype=bt_fuse,ro,allow_other,default_permissions");
}

}  // namespace
}  // namespace bt::fuse
