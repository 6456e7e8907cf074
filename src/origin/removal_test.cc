// SPDX-License-Identifier: MIT
// Files that are removed while somebody has them open, opens them, or does not.
#include "origin/removal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "engine/cached.h"
#include "origin/test_source.h"

namespace bt::origin {
namespace {

using engine::TestThread;
namespace fs = std::filesystem;
constexpr uint64_t kBytes = 300'000;

class RemovalTest : public SourceTest {
 protected:
  RemovalTest() { put("f", bytes); }
  void unlink(const char* name) {
    auto done = engine::unlink(test.context(), kRootInode, base::text_of(name));
    EXPECT_TRUE(done.has_value()) << done.error().errno_value();
  }
  uint64_t pages_here(InodeNumber inode) { return test.volume.inode(inode.index())->page_count; }
  const std::string bytes = std::string(kBytes, 'x');
};

TEST_F(RemovalTest, what_nobody_has_open_is_removed_unread) {
  InodeNumber file = look("f");
  ASSERT_TRUE(engine::add_kernel_lookup(test.context(), file).has_value());
  ASSERT_TRUE(engine::add_kernel_open(test.context(), file).has_value());
  ASSERT_TRUE(engine::drop_kernel_open(test.context(), file).has_value());
  unlink("f");
  EXPECT_EQ(pages_here(file), 0u);
  // Who has walked to it, and opens it now, is told that it is gone.
  auto known = engine::add_kernel_open(test.context(), file);
  ASSERT_FALSE(known.has_value());
  EXPECT_EQ(known.error().errno_value(), ESTALE);
  auto opened =
      engine::open_description(test.context(), test.session(), -1, file, O_RDONLY, false, false);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().errno_value(), ESTALE);
  ASSERT_TRUE(engine::forget_kernel_lookups(test.context(), file, 1).has_value());
}

TEST_F(RemovalTest, what_the_kernel_has_open_is_read_to_its_end) {
  put("over", "y");
  for (bool renamed_over : {false, true}) {
    InodeNumber file = look("f");
    ASSERT_TRUE(engine::add_kernel_lookup(test.context(), file).has_value());
    ASSERT_TRUE(engine::add_kernel_open(test.context(), file).has_value());
    if (renamed_over) {
      ASSERT_TRUE(engine::rename(test.context(), kRootInode, base::text_of("over"), kRootInode,
                                 base::text_of("f"), 0));
    } else {
      unlink("f");
    }
    next_epoch();
    EXPECT_EQ(read(file), bytes);
    // And may be opened again by whoever can name it: it is all here.
    EXPECT_TRUE(engine::add_kernel_open(test.context(), file).has_value());
    for (int i = 0; i < 2; i++)
      ASSERT_TRUE(engine::drop_kernel_open(test.context(), file).has_value());
    ASSERT_TRUE(engine::forget_kernel_lookups(test.context(), file, 1).has_value());
    put("f", bytes);
    next_epoch();
  }
}

TEST_F(RemovalTest, the_daemon_that_dies_forgets_no_open_file) {
  InodeNumber file = look("f");
  ASSERT_TRUE(engine::add_kernel_lookup(test.context(), file).has_value());
  test.in_killed_process([&](TestThread& child) {
    EXPECT_TRUE(engine::add_kernel_open(child.context, file).has_value());
  });
  unlink("f");
  EXPECT_EQ(read(file), bytes);
  ASSERT_TRUE(engine::forget_kernel_lookups(test.context(), file, 1).has_value());
}

TEST_F(RemovalTest, tags_of_the_living_are_told_from_those_of_the_dead) {
  EXPECT_FALSE(is_dead_tag(test.volume, test.thread().tag));
  std::thread([&] {
    TestThread own(test.volume, test.session());
    EXPECT_FALSE(is_dead_tag(test.volume, own.thread.tag));
    EXPECT_FALSE(is_dead_tag(test.volume, test.thread().tag));
  }).join();
  auto* tag = static_cast<uint64_t*>(
      mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(tag, MAP_FAILED);
  test.in_killed_process([&](TestThread& child) { *tag = child.thread.tag; });
  EXPECT_TRUE(is_dead_tag(test.volume, *tag));
  EXPECT_TRUE(is_dead_tag(test.volume, format::kLostTag));
  munmap(tag, sizeof(uint64_t));
}

TEST_F(RemovalTest, what_a_stranger_replaces_is_never_read_as_a_hole) {
  InodeNumber file = look("f");
  auto opened =
      engine::open_description(test.context(), test.session(), -1, file, O_RDONLY, false, false);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(read(file, 0, 10), std::string(10, 'x'));
  ASSERT_LT(pages_here(file), kBytes / 4096);
  put("other", std::string(kBytes, 'y'));
  fs::rename(source / "other", source / "f");
  auto read_the_end = [&] {
    char byte = 0;
    engine::Piece piece{&byte, 1};
    return engine::read(test.context(), file, kBytes - 1, &piece, 1);
  };
  // Before anybody has noticed, and when the name stands for the new file.
  EXPECT_FALSE(read_the_end().has_value());
  next_epoch();
  EXPECT_NE(look("f"), file);
  auto got = read_the_end();
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().errno_value(), EIO);
  EXPECT_EQ(read(file, 0, 10), std::string(10, 'x'));
  EXPECT_TRUE(engine::drop_reference(test.context(), *opened).has_value());
}

TEST_F(RemovalTest, what_a_stranger_replaces_before_it_was_read_is_read_as_the_new_file) {
  InodeNumber file = look("f");
  auto opened =
      engine::open_description(test.context(), test.session(), -1, file, O_RDONLY, false, false);
  ASSERT_TRUE(opened.has_value());
  put("other", std::string(2 * kBytes, 'y'));
  fs::rename(source / "other", source / "f");
  EXPECT_EQ(read(file), std::string(2 * kBytes, 'y'));
  next_epoch();
  EXPECT_EQ(look("f"), file);
  EXPECT_TRUE(engine::drop_reference(test.context(), *opened).has_value());
}

TEST_F(RemovalTest, a_file_that_lost_one_of_its_names_is_read_by_another) {
  fs::create_hard_link(source / "f", source / "g");
  InodeNumber file = look("f");
  EXPECT_EQ(look("g"), file);
  look("f");
  fs::remove(source / "f");
  EXPECT_EQ(read(file), bytes);
  next_epoch();
  EXPECT_EQ(look("g"), file);
}

// Whoever gets it open, at whatever moment, reads all of it.
TEST_F(RemovalTest, what_is_open_and_has_no_name_has_no_links_and_can_be_allocated) {
  fs::create_hard_link(source / "f", source / "other");
  InodeNumber file = look("f");
  ASSERT_EQ(look("other").value, file.value);
  auto fd =
      engine::open_description(test.context(), test.session(), -1, file, O_RDWR, false, false);
  ASSERT_TRUE(fd.has_value());
  auto links = [&] {
    engine::Attributes attributes;
    EXPECT_TRUE(engine::read_attributes(test.context(), file, attributes).has_value());
    return attributes.nlink;
  };
  EXPECT_EQ(links(), 2u);
  unlink("f");
  unlink("other");
  EXPECT_EQ(links(), 0u);
  ASSERT_TRUE(
      engine::allocate_range(test.context(), file, 0, kBytes, 10'000, UINT64_MAX).has_value());
  ASSERT_TRUE(engine::allocate_range(test.context(), file,
                                     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096,
                                     UINT64_MAX)
                  .has_value());
  EXPECT_EQ(read(file), std::string(4096, 0) + bytes.substr(4096) + std::string(10'000, 0));
  auto data = engine::seek_data(test.context(), file, 0, false);
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(*data, 4096u);
}

TEST_F(RemovalTest, a_removed_directory_has_no_links) {
  fs::create_directory(source / "d");
  InodeNumber directory = look("d");
  ASSERT_TRUE(engine::add_kernel_lookup(test.context(), directory).has_value());
  ASSERT_TRUE(engine::remove_directory(test.context(), kRootInode, base::text_of("d")).has_value());
  engine::Attributes attributes;
  ASSERT_TRUE(engine::read_attributes(test.context(), directory, attributes).has_value());
  EXPECT_EQ(attributes.nlink, 0u);
  EXPECT_EQ(look(directory, "x").error().errno_value(), ENOENT);
  auto size = engine::list_xattrs(test.context(), directory, nullptr, 0);
  EXPECT_TRUE(size.has_value());
  ASSERT_TRUE(engine::forget_kernel_lookups(test.context(), directory, 1).has_value());
}

TEST_F(RemovalTest, a_file_is_opened_and_read_or_removed) {
  unlink("f");
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> reads{0}, wrong{0};
  std::thread reader([&] {
    TestThread own(test.volume, test.session());
    std::string got(kBytes, 0);
    while (!stop.load()) {
      engine::Found found;
      if (!engine::lookup(own.context, kRootInode, base::text_of("f"), found)) continue;
      auto opened = engine::open_description(own.context, test.session(), -1, found.inode, O_RDONLY,
                                             false, false);
      if (!opened) continue;
      engine::Piece piece{got.data(), got.size()};
      auto size = engine::read(own.context, found.inode, 0, &piece, 1);
      if (!size || *size != kBytes || got != bytes) wrong++;
      reads++;
      EXPECT_TRUE(engine::drop_reference(own.context, *opened).has_value());
    }
    if (own.thread.origin_scratch) munmap(own.thread.origin_scratch, sizeof(Scratch));
  });
  fs::path elsewhere = source.string() + ".next";
  for (int round = 0; round < 300 || (reads.load() < 100 && round < 20'000); round++) {
    std::ofstream(elsewhere) << bytes;
    fs::rename(elsewhere, source / "f");
    next_epoch();
    InodeNumber file = look("f");
    // In half of the rounds the kernel knows it.
    bool known = round % 2 && engine::add_kernel_lookup(test.context(), file).has_value();
    usleep(static_cast<useconds_t>(round * 7 % 150));
    unlink("f");
    if (known) {
      EXPECT_TRUE(engine::forget_kernel_lookups(test.context(), file, 1).has_value());
    }
  }
  stop.store(true);
  reader.join();
  EXPECT_EQ(wrong.load(), 0u);
}

}  // namespace
}  // namespace bt::origin
