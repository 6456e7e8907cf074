// SPDX-License-Identifier: MIT
// What a change of ours leaves to be asked for later is true whenever somebody asks; a stranger's change behind it is seen; and
// news of attributes come where somebody looks at them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "engine/cached.h"
#include "engine/data.h"
#include "origin/test_source.h"
#include "origin/watcher.h"

namespace bt::origin {
namespace {

using engine::InodeNumber;
using format::kRootInode;
namespace fs = std::filesystem;

int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

class OwnChangeTest : public SourceTest {
 protected:
  ~OwnChangeTest() override {
    watcher.reset();
    if (root.watch >= 0) close(root.watch);
  }
  // False: there is no inotify here.
  bool watch() {
    root.watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (root.watch < 0) return false;
    superblock.origin_watched = 1;
    watcher = std::make_unique<Watcher>(test.volume, test.session(), root.watch);
    return true;
  }
  InodeNumber look(InodeNumber directory, const std::string& name) {
    engine::Found found{};
    EXPECT_TRUE(
        engine::lookup(test.context(), directory, base::text_of(name.c_str()), found).has_value())
        << name;
    return found.inode;
  }
  engine::Attributes attributes_of(InodeNumber inode) {
    engine::Attributes attributes{};
    EXPECT_TRUE(engine::read_attributes(test.context(), inode, attributes).has_value());
    return attributes;
  }
  void set_mode(InodeNumber inode, uint32_t mode) {
    engine::AttributeChange change;
    change.which = engine::AttributeChange::kMode;
    change.mode = mode;
    engine::Attributes after;
    ASSERT_TRUE(engine::set_attributes(test.context(), inode, change, after).has_value());
  }
  std::string read(InodeNumber inode) {
    std::string bytes(1 << 16, 0);
    engine::Piece piece{bytes.data(), bytes.size()};
    auto got = engine::read(test.context(), inode, 0, &piece, 1);
    bytes.resize(got ? *got : 0);
    return bytes;
  }
  uint64_t counted(metrics::Event event) {
    return engine::load_relaxed(test.thread().block->events[static_cast<uint32_t>(event)]);
  }
  void expect_the_sources_times(InodeNumber inode, const fs::path& path) {
    struct stat status;
    ASSERT_EQ(lstat(path.c_str(), &status), 0);
    engine::Attributes attributes = attributes_of(inode);
    EXPECT_EQ(attributes.mode, status.st_mode) << path;
    EXPECT_EQ(attributes.mtime_ns, nanoseconds(status.st_mtim)) << path;
    EXPECT_EQ(attributes.ctime_ns, nanoseconds(status.st_ctim)) << path;
  }
  uint32_t told_of(InodeNumber directory) {
    return __atomic_load_n(&test.volume.inode(directory.index())->directory.children_epoch,
                           __ATOMIC_ACQUIRE);
  }
  template <typename Condition>
  bool eventually(Condition condition) {
    for (int i = 0; i < 30'000; i++) {
      if (condition()) return true;
      usleep(1'000);
    }
    return false;
  }
  std::unique_ptr<Watcher> watcher;
};

TEST_F(OwnChangeTest, the_times_after_a_change_of_rights_are_the_sources) {
  put("f", "bytes");
  InodeNumber file = look(kRootInode, "f");
  EXPECT_EQ(read(file), "bytes");
  uint64_t misses = counted(metrics::Event::k_page_misses);
  for (uint32_t mode : {0600u, 0640u, 0444u}) {
    set_mode(file, mode);
    EXPECT_TRUE(test.volume.inode(file.index())->flags & format::kInodeChangedHere);
    expect_the_sources_times(file, source / "f");
    EXPECT_FALSE(test.volume.inode(file.index())->flags & format::kInodeChangedHere);
  }
  EXPECT_EQ(read(file), "bytes");
  EXPECT_EQ(counted(metrics::Event::k_page_misses), misses);
}

TEST_F(OwnChangeTest, a_strangers_bytes_behind_our_change_are_seen) {
  put("f", "old bytes");
  InodeNumber file = look(kRootInode, "f");
  EXPECT_EQ(read(file), "old bytes");
  struct stat before;
  ASSERT_EQ(stat((source / "f").c_str(), &before), 0);
  set_mode(file, 0600);
  // The same size and the same mtime: the ctime alone tells, once the kernel's clock has moved on.
  usleep(50'000);
  int descriptor = open((source / "f").c_str(), O_WRONLY);
  ASSERT_EQ(pwrite(descriptor, "new bytes", 9, 0), 9);
  timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(futimens(descriptor, times), 0);
  close(descriptor);
  superblock.origin_epoch++;
  EXPECT_EQ(read(file), "new bytes");
}

TEST_F(OwnChangeTest, a_directorys_times_after_changes_of_names_are_the_sources) {
  if (!watch()) GTEST_SKIP() << "no inotify";
  put("d/f", "bytes");
  put("e/g", "bytes");
  InodeNumber d = look(kRootInode, "d"), e = look(kRootInode, "e"), file = look(d, "f");
  EXPECT_EQ(read(file), "bytes");
  look(e, "g");
  uint64_t names = counted(metrics::Event::k_name_misses);
  uint64_t pages = counted(metrics::Event::k_page_misses);
  auto context = test.context();
  for (int i = 0; i < 10; i++) {
    auto move = [&](InodeNumber from, const char* old_name, InodeNumber to, const char* name) {
      ASSERT_TRUE(engine::rename(context, from, base::text_of(old_name), to, base::text_of(name), 0)
                      .has_value());
    };
    move(d, "f", e, "h");
    expect_the_sources_times(d, source / "d");
    expect_the_sources_times(e, source / "e");
    expect_the_sources_times(file, source / "e/h");
    move(e, "h", d, "f");
    engine::NewInode what;
    what.mode = S_IFREG | 0644;
    engine::Attributes made;
    ASSERT_TRUE(engine::create(context, d, base::text_of("made"), what, made).has_value());
    expect_the_sources_times(d, source / "d");
    ASSERT_TRUE(engine::unlink(context, d, base::text_of("made")).has_value());
    expect_the_sources_times(d, source / "d");
    superblock.origin_epoch++;
  }
  EXPECT_EQ(read(file), "bytes");
  // Where the watcher looks between the change at the source and the one here, it has a directory listed once more.
  EXPECT_LE(counted(metrics::Event::k_name_misses), names + 5);
  EXPECT_EQ(counted(metrics::Event::k_page_misses), pages);
}

TEST_F(OwnChangeTest, who_looks_at_attributes_is_told_of_them) {
  if (!watch()) GTEST_SKIP() << "no inotify";
  put("d/f", "bytes");
  InodeNumber d = look(kRootInode, "d");
  auto context = test.context();
  ASSERT_TRUE(engine::require_names(context, d).has_value());
  EXPECT_EQ(told_of(d), format::kToldOfNames);
  look(d, "f");
  EXPECT_LT(told_of(d), format::kToldOfNamesForNow);
}

TEST_F(OwnChangeTest, at_rest_the_daemon_asks_for_news_of_attributes) {
  if (!watch()) GTEST_SKIP() << "no inotify";
  put("d/f", "bytes");
  InodeNumber d = look(kRootInode, "d");
  auto context = test.context();
  ASSERT_TRUE(engine::require_names(context, d).has_value());
  EXPECT_TRUE(eventually([&] { return told_of(d) < format::kToldOfNamesForNow; }));
  fs::permissions(source / "d", fs::perms::owner_all);
  EXPECT_TRUE(eventually([&] { return (attributes_of(d).mode & 0777) == 0700; }));
}

TEST_F(OwnChangeTest, of_many_changes_of_ours_it_is_not_told_for_now) {
  if (!watch()) GTEST_SKIP() << "no inotify";
  put("d/f", "bytes");
  put("d/g", "bytes");
  InodeNumber d = look(kRootInode, "d"), f = look(d, "f"), g = look(d, "g");
  EXPECT_TRUE(eventually([&] {
    for (uint32_t i = 0; i < 200; i++) set_mode(f, 0600 | (i & 7));
    return told_of(d) == format::kToldOfNamesForNow;
  }));
  // A stranger's change is seen all the same, in the next epoch.
  fs::permissions(source / "d/g", fs::perms::owner_read);
  superblock.origin_epoch++;
  EXPECT_EQ(attributes_of(g).mode & 0777, 0400u);
  // And told of, when it is over.
  EXPECT_TRUE(eventually([&] { return told_of(d) < format::kToldOfNamesForNow; }));
  EXPECT_EQ(attributes_of(g).mode & 0777, 0400u);
  fs::permissions(source / "d/g", fs::perms::owner_all);
  EXPECT_TRUE(eventually([&] { return (attributes_of(g).mode & 0777) == 0700; }));
}

}  // namespace
}  // namespace bt::origin
