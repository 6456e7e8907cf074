// SPDX-License-Identifier: MIT
// Extended attributes of the source's files: fetched, changed, removed by others, and those of a file that has no name any more.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cstring>
#include <set>
#include <string>

#include "engine/cached.h"
#include "origin/test_source.h"

namespace bt::origin {
namespace {

class XattrsTest : public SourceTest {
 protected:
  void SetUp() override {
    put("f", "x");
    if (!set("user.a", "1") || !set("user.b", "2")) GTEST_SKIP() << "no xattrs on /tmp";
  }
  bool set(const char* name, const char* value) {
    return setxattr((source / "f").c_str(), name, value, strlen(value), 0) == 0;
  }
  std::string names(InodeNumber file) {
    char bytes[256];
    auto size = engine::list_xattrs(test.context(), file, bytes, sizeof bytes);
    std::set<std::string> sorted;
    for (uint64_t at = 0; size && at < *size; at += strlen(bytes + at) + 1)
      sorted.insert(bytes + at);
    std::string all;
    for (const std::string& name : sorted) all += name + " ";
    return all;
  }
  Result<uint64_t> value_of(InodeNumber file, const char* name) {
    char value[16];
    return engine::get_xattr(test.context(), file, base::text_of(name), value, sizeof value);
  }
  Result<void> set_here(InodeNumber file, const char* name) {
    return engine::set_xattr(test.context(), file, base::text_of(name), "new", 3, 0);
  }
  int64_t ctime_here(InodeNumber file) {
    engine::Attributes attributes;
    EXPECT_TRUE(engine::read_attributes(test.context(), file, attributes).has_value());
    return attributes.ctime_ns;
  }
  int64_t ctime_there() {
    struct stat status;
    EXPECT_EQ(stat((source / "f").c_str(), &status), 0);
    return status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec;
  }
};

// git's index and backups look at the ctime, and `ls -l` asks for attributes.
TEST_F(XattrsTest, asking_for_them_changes_no_time_and_setting_them_the_sources) {
  InodeNumber file = look("f");
  EXPECT_EQ(names(file), "user.a user.b ");
  EXPECT_EQ(ctime_here(file), ctime_there());
  ASSERT_TRUE(set_here(file, "user.a").has_value());
  EXPECT_EQ(ctime_here(file), ctime_there());
}

TEST_F(XattrsTest, what_others_removed_is_gone) {
  InodeNumber file = look("f");
  EXPECT_EQ(names(file), "user.a user.b ");
  ASSERT_EQ(removexattr((source / "f").c_str(), "user.b"), 0);
  next_epoch();
  EXPECT_EQ(names(file), "user.a ");
}

TEST_F(XattrsTest, an_open_file_without_a_name_keeps_them) {
  InodeNumber file = look("f");
  auto fd =
      engine::open_description(test.context(), test.session(), -1, file, O_RDWR, false, false);
  ASSERT_TRUE(fd.has_value());
  ASSERT_TRUE(engine::unlink(test.context(), kRootInode, base::text_of("f")).has_value());
  EXPECT_TRUE(value_of(file, "user.a").has_value());
  ASSERT_TRUE(set_here(file, "user.c").has_value());
  ASSERT_TRUE(engine::remove_xattr(test.context(), file, base::text_of("user.a")).has_value());
  EXPECT_EQ(value_of(file, "user.a").error().errno_value(), ENODATA);
  EXPECT_TRUE(value_of(file, "user.c").has_value());
}

}  // namespace
}  // namespace bt::origin
