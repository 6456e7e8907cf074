// SPDX-License-Identifier: MIT
// Files with several names: one inode here, whatever is done to the names on either side, and never one for two files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "engine/allocator.h"
#include "engine/cached.h"
#include "origin/evict.h"
#include "origin/source.h"
#include "origin/test_source.h"

namespace bt::origin {
namespace {

using engine::TestThread;
namespace fs = std::filesystem;

class NamesTest : public SourceTest {
 protected:
  NamesTest() {
    put("a/first", "old bytes");
    fs::create_directories(source / "b");
    fs::create_hard_link(source / "a/first", source / "b/second");
  }
  InodeNumber at(const std::string& directory, const std::string& name) {
    auto found = look(look(directory), name);
    EXPECT_TRUE(found.has_value()) << directory << "/" << name;
    return found.value_or(InodeNumber{});
  }
  engine::Attributes attributes(InodeNumber inode) {
    engine::Attributes attributes{};
    auto result = engine::read_attributes(test.context(), inode, attributes);
    EXPECT_TRUE(result.has_value()) << result.error().errno_value();
    return attributes;
  }
  void unlink(const std::string& directory, const std::string& name) {
    auto done = engine::unlink(test.context(), look(directory), base::text_of(name.c_str()));
    EXPECT_TRUE(done.has_value()) << done.error().errno_value();
  }
  format::DescriptionIndex open(InodeNumber inode) {
    auto opened =
        engine::open_description(test.context(), test.session(), -1, inode, O_RDWR, false, false);
    EXPECT_TRUE(opened.has_value());
    return opened.value_or(format::DescriptionIndex::kNone);
  }
  void close(format::DescriptionIndex description) {
    EXPECT_TRUE(engine::drop_reference(test.context(), description).has_value());
  }
};

TEST_F(NamesTest, names_of_one_file_are_one_inode) {
  InodeNumber file = at("a", "first");
  EXPECT_EQ(at("b", "second"), file);
  EXPECT_EQ(attributes(file).nlink, 2u);
  EXPECT_EQ(test.volume.inode(file.index())->nlink, 2u);
  write(file, 0, "newer");
  EXPECT_EQ(read(at("b", "second")), "newerytes");
  ASSERT_TRUE(engine::sync_file(test.context(), file).has_value());
  EXPECT_EQ(get("b/second"), "newerytes");
  EXPECT_TRUE(fs::equivalent(source / "a/first", source / "b/second"));
  EXPECT_EQ(fs::hard_link_count(source / "a/first"), 2u);
}

TEST_F(NamesTest, so_are_those_of_links_and_pipes) {
  fs::create_symlink("somewhere", source / "a/link");
  fs::create_hard_link(source / "a/link", source / "b/link");
  ASSERT_EQ(mkfifo((source / "a/pipe").c_str(), 0600), 0);
  fs::create_hard_link(source / "a/pipe", source / "b/pipe");
  EXPECT_EQ(at("a", "link"), at("b", "link"));
  EXPECT_EQ(at("a", "pipe"), at("b", "pipe"));
  EXPECT_NE(at("a", "pipe"), at("a", "link"));
}

TEST_F(NamesTest, a_listing_says_so_before_anybody_asked_for_attributes) {
  (void)look(look("a"), "none");
  (void)look(look("b"), "none");
  auto number_in = [&](const std::string& directory) {
    engine::ListedName entry;
    format::DentryIndex hint = format::DentryIndex::kNone;
    EXPECT_TRUE(engine::next_entry(test.context(), look(directory), 2, hint, entry).has_value());
    return entry.inode;
  };
  EXPECT_EQ(number_in("a"), number_in("b"));
}

TEST_F(NamesTest, a_second_name_made_at_the_source_leads_to_the_same_inode) {
  put("single", "x");
  InodeNumber file = look("single");
  write(file, 0, "dirty");
  EXPECT_EQ(attributes(file).nlink, 1u);
  fs::create_hard_link(source / "single", source / "a/other");
  next_epoch();
  EXPECT_EQ(at("a", "other"), file);
  EXPECT_EQ(attributes(file).nlink, 2u);
  EXPECT_EQ(read(at("a", "other")), "dirty");
  // And back: the first name goes, the inode stays with what is dirty.
  fs::remove(source / "single");
  next_epoch();
  EXPECT_FALSE(look(kRootInode, "single").has_value());
  EXPECT_EQ(at("a", "other"), file);
  EXPECT_EQ(attributes(file).nlink, 1u);
  ASSERT_TRUE(engine::sync_file(test.context(), file).has_value());
  EXPECT_EQ(get("a/other"), "dirty");
}

TEST_F(NamesTest, what_is_open_by_a_name_that_the_source_lost_has_its_other_one) {
  InodeNumber file = at("b", "second");
  EXPECT_EQ(at("a", "first"), file);
  auto description = open(file);
  fs::remove(source / "a/first");
  next_epoch();
  EXPECT_EQ(attributes(file).nlink, 1u);
  EXPECT_EQ(read(file), "old bytes");
  EXPECT_FALSE(look(look("a"), "first").has_value());
  EXPECT_EQ(at("b", "second"), file);
  close(description);
}

TEST_F(NamesTest, a_number_that_was_given_away_anew_is_another_file) {
  InodeNumber file = at("a", "first");
  EXPECT_EQ(at("b", "second"), file);
  EXPECT_EQ(read(file), "old bytes");
  auto description = open(file);
  uint64_t number = test.volume.inode(file.index())->origin;
  fs::remove(source / "a/first");
  fs::remove(source / "b/second");
  // A listing of a third directory tells of a new file that has it, before those two are looked at again.
  put("c/third", "other");
  next_epoch();
  InodeNumber directory = look("c");
  auto entered = enter(test.context(), {directory, base::text_of("new"), number, S_IFREG, 0});
  ASSERT_TRUE(entered.has_value());
  EXPECT_NE(*entered, file);
  EXPECT_EQ(test.volume.inode(file.index())->origin, 0u);
  EXPECT_FALSE(look(look("a"), "first").has_value());
  EXPECT_FALSE(look(look("b"), "second").has_value());
  EXPECT_EQ(test.volume.inode(file.index())->nlink, 0u);
  close(description);
}

TEST_F(NamesTest, names_go_and_come_back_to_one_inode) {
  InodeNumber file = at("a", "first");
  EXPECT_EQ(at("b", "second"), file);
  // One of two goes although the file is used; the last stays.
  auto description = open(file);
  EXPECT_EQ(*engine::evict_names(test.context(), look("a"), UINT32_MAX), 1u);
  EXPECT_EQ(test.volume.inode(file.index())->nlink, 1u);
  EXPECT_EQ(*engine::evict_names(test.context(), look("b"), UINT32_MAX), 0u);
  EXPECT_EQ(read(file), "old bytes");
  EXPECT_EQ(at("a", "first"), file);
  close(description);
  EXPECT_EQ(*engine::evict_names(test.context(), look("a"), UINT32_MAX), 1u);
  // Not listed since it was emptied as far as it could be.
  EXPECT_EQ(*engine::evict_names(test.context(), look("b"), UINT32_MAX), 0u);
  EXPECT_EQ(at("b", "second"), file);
  EXPECT_EQ(*engine::evict_names(test.context(), look("b"), UINT32_MAX), 1u);
  EXPECT_EQ(at("a", "first"), at("b", "second"));
}

TEST_F(NamesTest, what_is_open_can_be_read_when_all_its_names_are_gone) {
  put("a/first", std::string(300'000, 'x'));
  InodeNumber file = at("a", "first");
  EXPECT_EQ(at("b", "second"), file);
  auto description = open(file);
  write(file, 0, "dirty");
  unlink("a", "first");
  EXPECT_EQ(attributes(file).nlink, 1u);
  unlink("b", "second");
  EXPECT_EQ(read(file), "dirty" + std::string(299'995, 'x'));
  EXPECT_EQ(superblock.dirty_pages, 0u);
  close(description);
}

TEST_F(NamesTest, what_is_dirty_goes_to_a_name_that_was_never_looked_at) {
  InodeNumber file = at("a", "first");
  write(file, 0, "newer");
  unlink("a", "first");
  EXPECT_EQ(get("b/second"), "newerytes");
  EXPECT_EQ(read(at("b", "second")), "newerytes");
}

TEST_F(NamesTest, names_are_linked_renamed_and_removed_through_the_mount) {
  InodeNumber file = at("a", "first");
  engine::Attributes after;
  ASSERT_TRUE(
      engine::link(test.context(), file, look("b"), base::text_of("third"), after).has_value());
  EXPECT_EQ(after.nlink, 3u);
  EXPECT_EQ(at("b", "second"), file);
  // Onto another name of the same file: nothing happens.
  auto rename = [&](const std::string& from, const std::string& from_name, const std::string& to,
                    const std::string& to_name) {
    return engine::rename(test.context(), look(from), base::text_of(from_name.c_str()), look(to),
                          base::text_of(to_name.c_str()), 0)
        .has_value();
  };
  EXPECT_TRUE(rename("a", "first", "b", "second"));
  EXPECT_EQ(at("a", "first"), file);
  EXPECT_TRUE(fs::exists(source / "a/first"));
  EXPECT_TRUE(rename("b", "third", "a", "fourth"));
  put("b/over", "over");
  next_epoch();
  InodeNumber over = at("b", "over");
  EXPECT_NE(over, file);
  EXPECT_TRUE(rename("b", "over", "b", "second"));
  EXPECT_EQ(at("b", "second"), over);
  EXPECT_EQ(attributes(file).nlink, 2u);
  unlink("a", "first");
  EXPECT_EQ(at("a", "fourth"), file);
  EXPECT_EQ(attributes(file).nlink, 1u);
  EXPECT_EQ(fs::hard_link_count(source / "a/fourth"), 1u);
}

TEST_F(NamesTest, a_farm_of_names_is_bounded) {
  superblock.inodes_max = 300;
  put("f", "x");
  for (int d = 0; d < 20; d++) {
    fs::create_directories(source / std::to_string(d));
    for (int i = 0; i < 100; i++)
      fs::create_hard_link(source / "f", source / std::to_string(d) / std::to_string(i));
  }
  InodeNumber file = look("f");
  for (int round = 0; round < 3; round++)
    for (int d = 0; d < 20; d++) {
      EXPECT_EQ(at(std::to_string(d), "99"), file);
      EXPECT_LE(inodes_in_use(test.volume), 300u + 100u + engine::kBatchRecords);
      EXPECT_LE(test.volume.inode(file.index())->nlink, 800u);
    }
}

TEST_F(NamesTest, a_name_that_a_listing_has_found_stays_when_it_is_entered_once_more) {
  InodeNumber directory = look("a");
  uint64_t number = test.volume.inode(at("a", "first").index())->origin;
  engine::Listing listing;
  ASSERT_TRUE(engine::begin_listing(test.context(), directory, listing));
  Text name = base::text_of("first");
  ASSERT_TRUE(enter(test.context(), {directory, name, number, S_IFREG, listing.seen}));
  // By who has just made it, say.
  ASSERT_TRUE(enter(test.context(), {directory, name, number, S_IFREG, 0}));
  SourceAttributes now{};
  now.epoch = superblock.origin_epoch;
  ASSERT_TRUE(engine::end_listing(test.context(), directory, listing, now));
  engine::ListedName entry;
  format::DentryIndex hint = format::DentryIndex::kNone;
  engine::OriginAtWork working(test.thread());
  EXPECT_TRUE(engine::next_entry(test.context(), directory, 2, hint, entry));
}

TEST_F(NamesTest, they_are_one_also_when_several_threads_list_and_throw_out) {
  constexpr int kFiles = 20;
  for (int i = 0; i < kFiles; i++) {
    put("a/" + std::to_string(i), "x");
    fs::create_hard_link(source / "a" / std::to_string(i), source / "b" / std::to_string(i));
  }
  InodeNumber a = look("a"), b = look("b");
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> wrong{0}, same{0};
  std::vector<std::thread> threads;
  for (int looker = 0; looker < 2; looker++)
    threads.emplace_back([&, looker] {
      TestThread own(test.volume, test.session());
      for (int i = 0; !stop.load(); i = (i + 1) % kFiles) {
        std::string name = std::to_string(i);
        engine::Found one, other;
        bool found =
            engine::lookup(own.context, looker ? a : b, base::text_of(name.c_str()), one) &&
            engine::lookup(own.context, looker ? b : a, base::text_of(name.c_str()), other);
        // Between the two it may have been thrown out whole.
        engine::Found again;
        bool steady =
            found &&
            engine::lookup(own.context, looker ? a : b, base::text_of(name.c_str()), again) &&
            again.inode == one.inode;
        if (!found) wrong++;
        if (steady && one.inode != other.inode) wrong++;
        if (steady) same++;
      }
      if (own.thread.origin_scratch) munmap(own.thread.origin_scratch, sizeof(Scratch));
    });
  for (int round = 0; round < 2000 || same.load() < 1000; round++)
    (void)engine::evict_names(test.context(), round % 2 ? a : b, UINT32_MAX).has_value();
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0u);
}

// Home directories of others are often so: what is in them can be had by its name.
TEST_F(NamesTest, a_directory_that_may_be_searched_and_not_listed_has_its_names) {
  put("d/f", "1");
  put("d/sub/g", "2");
  fs::permissions(source / "d", fs::perms{0311});
  fs::permissions(source, fs::perms{0711});
  auto as_nobody = [](auto&& work) {
    long before = syscall(SYS_setfsuid, 65534);
    work();
    syscall(SYS_setfsuid, before);
  };
  InodeNumber directory, file;
  as_nobody([&] {
    directory = look("d");
    auto found = look(directory, "f"), sub = look(directory, "sub");
    ASSERT_TRUE(found.has_value());
    ASSERT_TRUE(sub.has_value());
    file = *found;
    EXPECT_TRUE(look(*sub, "g").has_value());
    EXPECT_EQ(read(file), "1");
    EXPECT_EQ(look(directory, "none").error().errno_value(), ENOENT);
  });
  put("d/none", "3");
  fs::rename(source / "d/sub/g", source / "d/f");
  as_nobody([&] { EXPECT_TRUE(look(directory, "none").has_value()); });
  next_epoch();
  as_nobody([&] {
    auto other = look(directory, "f");
    ASSERT_TRUE(other.has_value());
    EXPECT_NE((*other).value, file.value);
    EXPECT_EQ(read(*other), "2");
  });
  fs::remove(source / "d/f");
  next_epoch();
  as_nobody([&] { EXPECT_EQ(look(directory, "f").error().errno_value(), ENOENT); });
  fs::permissions(source / "d", fs::perms{0700});
}

}  // namespace
}  // namespace bt::origin
