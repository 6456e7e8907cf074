// SPDX-License-Identifier: MIT
#include <map>
#include <random>

#include "engine/name_fixture.h"
#include "engine/xattr_store.h"

namespace bt::engine {
namespace {

class XattrTest : public NameTest {
 protected:
  int set(Context& context, InodeNumber inode, std::string_view name, std::string_view value,
          uint32_t flags = 0) {
    return errno_of(set_xattr(context, inode, text(name), value.data(), value.size(), flags));
  }
  std::string get(Context& context, InodeNumber inode, std::string_view name) {
    std::string value(70000, 0);
    auto size = get_xattr(context, inode, text(name), value.data(), value.size());
    if (!size) return "error " + std::to_string(size.error().errno_value());
    return value.substr(0, *size);
  }
  std::string list_all(Context& context, InodeNumber inode) {
    std::string all(70000, 0);
    auto size = list_xattrs(context, inode, all.data(), all.size());
    EXPECT_TRUE(size);
    all.resize(*size);
    for (char& c : all) c = c ? c : ' ';
    return all;
  }
  int drop(Context& context, InodeNumber inode, std::string_view name) {
    return errno_of(remove_xattr(context, inode, text(name)));
  }

  InodeNumber file = make(kRootInode, "file");
};

TEST_F(XattrTest, set_get_list_remove) {
  Attributes before = attributes(file);
  EXPECT_EQ(set(root, file, "user.a", "one"), 0);
  EXPECT_EQ(set(root, file, "user.b", ""), 0);
  EXPECT_EQ(get(root, file, "user.a"), "one");
  EXPECT_EQ(get(root, file, "user.b"), "");
  EXPECT_EQ(set(root, file, "user.a", "another value"), 0);
  EXPECT_EQ(get(root, file, "user.a"), "another value");
  EXPECT_EQ(list_all(root, file), "user.a user.b ");
  EXPECT_EQ(drop(root, file, "user.a"), 0);
  EXPECT_EQ(list_all(root, file), "user.b ");
  EXPECT_GT(attributes(file).ctime_ns, before.ctime_ns);
  EXPECT_EQ(attributes(file).mtime_ns, before.mtime_ns);
}

TEST_F(XattrTest, errors) {
  EXPECT_EQ(get(root, file, "user.none"), "error " + std::to_string(ENODATA));
  EXPECT_EQ(drop(root, file, "user.none"), ENODATA);
  EXPECT_EQ(set(root, file, "user.a", "x", 2), ENODATA);
  EXPECT_EQ(set(root, file, "user.a", "x", 1), 0);
  EXPECT_EQ(set(root, file, "user.a", "x", 1), EEXIST);
  EXPECT_EQ(set(root, file, "user.a", "x", 4), EINVAL);
  EXPECT_EQ(set(root, file, "user.", "x"), EINVAL);
  EXPECT_EQ(set(root, file, "", "x"), ERANGE);
  EXPECT_EQ(set(root, file, "user." + std::string(251, 'x'), "x"), ERANGE);
  EXPECT_EQ(set(root, file, "other.a", "x"), EOPNOTSUPP);
  EXPECT_EQ(set(root, file, "user.big", std::string(65537, 'x')), E2BIG);
  char small[1];
  EXPECT_EQ(*get_xattr(root, file, text("user.a"), nullptr, 0), 1u);
  ASSERT_EQ(set(root, file, "user.a", "long"), 0);
  EXPECT_EQ(errno_of(get_xattr(root, file, text("user.a"), small, 1)), ERANGE);
  EXPECT_EQ(errno_of(list_xattrs(root, file, small, 1)), ERANGE);
  EXPECT_EQ(*list_xattrs(root, file, nullptr, 0), 7u);
}

TEST_F(XattrTest, who_may) {
  EXPECT_EQ(set(user, file, "user.a", "x"), EACCES);
  EXPECT_EQ(set(root, file, "trusted.t", "x"), 0);
  EXPECT_EQ(set(user, file, "trusted.t", "x"), EPERM);
  EXPECT_EQ(get(user, file, "trusted.t"), "error " + std::to_string(ENODATA));
  EXPECT_EQ(list_all(user, file), "");
  EXPECT_EQ(list_all(root, file), "trusted.t ");
  EXPECT_EQ(set(user, file, "security.s", "x"), EPERM);
  InodeNumber fifo = make(kRootInode, "p", kModeFifo | 0666);
  EXPECT_EQ(set(root, fifo, "user.a", "x"), EPERM);
  EXPECT_EQ(get(root, fifo, "user.a"), "error " + std::to_string(ENODATA));
}

TEST_F(XattrTest, a_model_agrees_over_many_steps_and_no_page_is_lost) {
  std::mt19937 random(42);
  std::map<std::string, std::string> model;
  uint64_t pages = free_pages();
  for (int step = 0; step < 2000; step++) {
    std::string name = "user." + std::to_string(random() % 12);
    if (random() % 3 == 0) {
      EXPECT_EQ(drop(root, file, name), model.erase(name) ? 0 : ENODATA);
      continue;
    }
    std::string value(random() % (random() % 10 == 0 ? 20000 : 60), 'a' + step % 26);
    uint64_t total = 8;
    for (auto& [key, old] : model)
      if (key != name) total += xattr_entry_size(key.size(), old.size());
    int result = set(root, file, name, value);
    if (result == ENOSPC) {
      EXPECT_GT(total + value.size(), (kXattrPagesMax - 8) * kPageSizeBytes);
      continue;
    }
    ASSERT_EQ(result, 0);
    model[name] = value;
    if (step % 16) continue;
    for (auto& [key, kept] : model) {
      ASSERT_EQ(get(root, file, key), kept) << key;
    }
  }
  while (!model.empty()) {
    EXPECT_EQ(drop(root, file, model.begin()->first), 0);
    model.erase(model.begin());
  }
  EXPECT_EQ(free_pages(), pages);
  ASSERT_EQ(set(root, file, "user.last", std::string(60000, 'l')), 0);
  ASSERT_TRUE(unlink(root, kRootInode, text("file")));
  EXPECT_EQ(free_pages(), pages);
}

std::string acl_bytes(std::vector<AclEntry> entries) {
  std::string bytes(4 + entries.size() * sizeof(AclEntry), 0);
  memcpy(bytes.data(), &kAclVersion, 4);
  memcpy(bytes.data() + 4, entries.data(), entries.size() * sizeof(AclEntry));
  return bytes;
}

TEST_F(XattrTest, an_acl_that_says_no_more_than_a_mode_becomes_one) {
  EXPECT_EQ(set(root, file, "system.posix_acl_access",
                acl_bytes({{kAclUserObj, 7, 0}, {kAclGroupObj, 1, 0}, {kAclOther, 0, 0}})),
            0);
  EXPECT_EQ(attributes(file).mode, kModeRegular | 0710u);
  EXPECT_EQ(list_all(root, file), "");
  EXPECT_EQ(set(user, file, "system.posix_acl_access", acl_bytes({{kAclUserObj, 7, 0}})), EINVAL);
  EXPECT_EQ(set(root, file, "system.posix_acl_default",
                acl_bytes({{kAclUserObj, 7, 0}, {kAclGroupObj, 1, 0}, {kAclOther, 0, 0}})),
            EACCES);
}

TEST_F(XattrTest, a_default_acl_is_inherited_and_rules_instead_of_the_umask) {
  InodeNumber directory = make_directory(kRootInode, "d");
  std::string acl = acl_bytes({{kAclUserObj, 7, 0},
                               {kAclUser, 7, kUser},
                               {kAclGroupObj, 5, 0},
                               {kAclMask, 6, 0},
                               {kAclOther, 0, 0}});
  ASSERT_EQ(set(root, directory, "system.posix_acl_default", acl), 0);
  NewInode what;
  what.mode = kModeRegular | 0666;
  what.umask = 077;
  Attributes made{};
  ASSERT_TRUE(create(root, directory, text("f"), what, made));
  EXPECT_EQ(made.mode, kModeRegular | 0660u);
  EXPECT_EQ(errno_of(check_access(user, made.inode, kMayRead | kMayWrite)), 0);
  InodeNumber inner = make(directory, "inner", kModeDirectory | 0777);
  EXPECT_EQ(get(root, inner, "system.posix_acl_default"), acl);
  EXPECT_EQ(list_all(root, inner), "system.posix_acl_default system.posix_acl_access ");
  EXPECT_EQ(drop(root, directory, "system.posix_acl_default"), 0);
  ASSERT_TRUE(create(root, directory, text("g"), what, made));
  EXPECT_EQ(made.mode, kModeRegular | 0600u);
}

TEST_F(XattrTest, pages_that_make_no_sense_are_damage) {
  ASSERT_EQ(set(root, file, "user.a", "x"), 0);
  auto* header = reinterpret_cast<XattrHeader*>(volume.volume.page(record(file).xattrs));
  header->count = 1000;
  volume.check_at_end = false;
  EXPECT_EQ(get(root, file, "user.b"), "error " + std::to_string(EIO));
}

}  // namespace
}  // namespace bt::engine
