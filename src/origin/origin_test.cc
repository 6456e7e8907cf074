// SPDX-License-Identifier: MIT
// The directory origin over a real directory: what the volume says is what the directory says, and what is done to one is
// done to the other.
#include "origin/directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "engine/allocator.h"
#include "engine/cached.h"
#include "engine/data.h"
#include "engine/test_volume.h"
#include "origin/evict.h"
#include "origin/test_source.h"
#include "origin/watcher.h"

namespace bt::origin {
namespace {

using engine::Context;
using engine::TestThread;
using engine::TestVolume;
namespace fs = std::filesystem;

class OriginTest : public SourceTest {};

TEST_F(OriginTest, names_attributes_and_bytes_are_the_sources) {
  fs::create_directories(source / "d/e");
  put("d/e/f", "hello");
  fs::create_symlink("d/e/f", source / "link");
  InodeNumber directory = *look(look("d"), "e");
  InodeNumber file = *look(directory, "f");
  struct stat status;
  ASSERT_EQ(stat((source / "d/e/f").c_str(), &status), 0);
  engine::Attributes attributes;
  ASSERT_TRUE(engine::read_attributes(test.context(), file, attributes).has_value());
  EXPECT_EQ(attributes.size, 5u);
  EXPECT_EQ(attributes.mode, status.st_mode);
  EXPECT_EQ(attributes.mtime_ns, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec);
  EXPECT_EQ(read(file), "hello");
  char target[32];
  auto length = engine::read_link(test.context(), look("link"), target, sizeof target);
  ASSERT_TRUE(length.has_value());
  EXPECT_EQ(std::string(target, *length), "d/e/f");
}

TEST_F(OriginTest, a_listed_directory_answers_absences_alone) {
  put("a", "1");
  EXPECT_TRUE(look("a"));
  put("b", "2");  // behind our back, and nobody said so
  EXPECT_FALSE(look(kRootInode, "b").has_value());
  next_epoch();
  EXPECT_TRUE(look("b"));
}

TEST_F(OriginTest, changes_at_the_source_are_seen_in_the_next_epoch) {
  put("f", "old");
  InodeNumber file = look("f");
  EXPECT_EQ(read(file), "old");
  put("f", "newer");
  next_epoch();
  EXPECT_EQ(read(file), "newer");
  fs::remove(source / "f");
  next_epoch();
  EXPECT_FALSE(look(kRootInode, "f").has_value());
}

TEST_F(OriginTest, epoch_zero_asks_each_time) {
  test.volume.superblock().origin_epoch = 0;
  put("f", "one");
  EXPECT_EQ(read(look("f")), "one");
  put("f", "three");
  EXPECT_EQ(read(look("f")), "three");
}

TEST_F(OriginTest, made_names_are_at_the_source_at_once) {
  make("dir", S_IFDIR | 0750);
  make("file", S_IFREG | 0640);
  EXPECT_TRUE(fs::is_directory(source / "dir"));
  EXPECT_TRUE(fs::is_regular_file(source / "file"));
  ASSERT_TRUE(engine::rename(test.context(), kRootInode, base::text_of("file"), look("dir"),
                             base::text_of("moved"), 0)
                  .has_value());
  EXPECT_TRUE(fs::exists(source / "dir/moved"));
  engine::Attributes after;
  ASSERT_TRUE(engine::link(test.context(), *look(look("dir"), "moved"), kRootInode,
                           base::text_of("second"), after)
                  .has_value());
  EXPECT_EQ(after.nlink, 2u);
  EXPECT_EQ(fs::hard_link_count(source / "second"), 2u);
  ASSERT_TRUE(engine::unlink(test.context(), kRootInode, base::text_of("second")).has_value());
  EXPECT_FALSE(fs::exists(source / "second"));
  ASSERT_TRUE(engine::unlink(test.context(), look("dir"), base::text_of("moved")).has_value());
  ASSERT_TRUE(
      engine::remove_directory(test.context(), kRootInode, base::text_of("dir")).has_value());
  EXPECT_TRUE(fs::is_empty(source));
}

TEST_F(OriginTest, written_bytes_come_to_the_source_with_the_flush) {
  InodeNumber file = make("f", S_IFREG | 0644);
  std::string bytes(300'000, 'x');
  write(file, 0, bytes);
  EXPECT_EQ(read(file), bytes);
  EXPECT_EQ(get("f"), "");
  ASSERT_TRUE(engine::sync_file(test.context(), file).has_value());
  EXPECT_EQ(get("f"), bytes);
  EXPECT_EQ(test.volume.superblock().dirty_count, 0u);
  EXPECT_EQ(test.volume.superblock().dirty_pages, 0u);
  write(file, 150'000, "middle");
  ASSERT_TRUE(engine::sync_volume(test.context()).has_value());
  bytes.replace(150'000, 6, "middle");
  EXPECT_EQ(get("f"), bytes);
}

TEST_F(OriginTest, a_part_of_a_page_is_written_into_what_the_source_has) {
  std::string bytes(10'000, 'o');
  put("f", bytes);
  InodeNumber file = look("f");
  write(file, 5'000, "new");
  bytes.replace(5'000, 3, "new");
  EXPECT_EQ(read(file), bytes);
  ASSERT_TRUE(engine::sync_file(test.context(), file).has_value());
  EXPECT_EQ(get("f"), bytes);
}

TEST_F(OriginTest, evicted_pages_are_fetched_again_and_dirty_ones_stay) {
  std::string bytes(100'000, 'e');
  put("f", bytes);
  InodeNumber file = look("f");
  EXPECT_EQ(read(file), bytes);
  write(file, 0, "dirty");
  uint32_t freed = 0;
  for (uint64_t next = 0, again = 1; again;) {
    auto some = engine::evict_pages(test.context(), file, next, next);
    ASSERT_TRUE(some.has_value());
    again = *some;
    freed += *some;
  }
  EXPECT_EQ(freed, 24u);  // 25 pages, one of them dirty
  bytes.replace(0, 5, "dirty");
  EXPECT_TRUE(read(file) == bytes);
}

TEST_F(OriginTest, an_unlinked_file_is_whole_as_long_as_it_is_open) {
  put("f", std::string(50'000, 'u'));
  InodeNumber file = look("f");
  auto description =
      engine::open_description(test.context(), test.session(), -1, file, O_RDWR, false, false);
  ASSERT_TRUE(description.has_value());
  ASSERT_TRUE(engine::unlink(test.context(), kRootInode, base::text_of("f")).has_value());
  next_epoch();
  EXPECT_EQ(read(file), std::string(50'000, 'u'));
  ASSERT_TRUE(engine::drop_reference(test.context(), *description).has_value());
}

TEST_F(OriginTest, a_file_that_lost_the_name_it_was_found_by_has_its_other_one) {
  InodeNumber file = make("first", S_IFREG | 0644);
  write(file, 0, "bytes");
  engine::Attributes after;
  ASSERT_TRUE(
      engine::link(test.context(), file, kRootInode, base::text_of("second"), after).has_value());
  ASSERT_TRUE(engine::unlink(test.context(), kRootInode, base::text_of("first")).has_value());
  next_epoch();
  ASSERT_TRUE(engine::read_attributes(test.context(), file, after).has_value());
  EXPECT_EQ(after.nlink, 1u);
  write(file, 5, " more");
  ASSERT_TRUE(engine::sync_file(test.context(), file).has_value());
  EXPECT_EQ(get("second"), "bytes more");
  EXPECT_EQ(look("second").value, file.value);
}

TEST_F(OriginTest, attributes_are_set_at_the_source) {
  put("f", "0123456789");
  InodeNumber file = look("f");
  write(file, 10, "tail");
  engine::AttributeChange change;
  change.which = engine::AttributeChange::kMode | engine::AttributeChange::kSize |
                 engine::AttributeChange::kMtime;
  change.mode = 0600;
  change.size = 12;
  change.mtime_ns = 1'000'000'000'000'000'007;
  engine::Attributes after;
  ASSERT_TRUE(engine::set_attributes(test.context(), file, change, after).has_value());
  EXPECT_EQ(after.size, 12u);
  EXPECT_EQ(after.mtime_ns, change.mtime_ns);
  struct stat status;
  ASSERT_EQ(stat((source / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 12);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'000'000'000);
  EXPECT_EQ(get("f"), "0123456789ta");
  EXPECT_EQ(read(file), "0123456789ta");
}

TEST_F(OriginTest, nobody_truncates_what_he_may_not_write) {
  put("f", "bytes");
  fs::permissions(source / "f", fs::perms{0444});
  engine::Credentials owner;
  owner.uid = getuid();
  owner.gid = getgid();
  Context context{test.context().thread, owner};
  engine::AttributeChange change;
  change.which = engine::AttributeChange::kSize;
  engine::Attributes after;
  auto refused = engine::set_attributes(context, look("f"), change, after);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().errno_value(), EACCES);
  EXPECT_EQ(get("f"), "bytes");
  // By a descriptor that he has from before he may.
  change.by_descriptor = true;
  EXPECT_TRUE(engine::set_attributes(context, look("f"), change, after).has_value());
  EXPECT_EQ(get("f"), "");
}

TEST_F(OriginTest, creating_open_meets_a_name_that_only_the_source_has) {
  EXPECT_FALSE(look(kRootInode, "f").has_value());
  put("f", "theirs");
  engine::Opened opened;
  ASSERT_TRUE(engine::create_and_open(test.context(), kRootInode, base::text_of("f"), 0644, 0,
                                      test.session(), -1, O_RDWR, false, opened)
                  .has_value());
  EXPECT_FALSE(opened.made);
  EXPECT_EQ(read(opened.inode), "theirs");
  ASSERT_TRUE(engine::drop_reference(test.context(), opened.description).has_value());
  auto exclusive = engine::create_and_open(test.context(), kRootInode, base::text_of("f"), 0644, 0,
                                           test.session(), -1, O_RDWR | O_EXCL, false, opened);
  ASSERT_FALSE(exclusive.has_value());
  EXPECT_EQ(exclusive.error().errno_value(), EEXIST);
}

TEST_F(OriginTest, removed_files_use_up_no_allowance) {
  for (int i = 0; i < 20; i++) {
    write(make("f", S_IFREG | 0644), 0, std::string(20'000, 'x'));
    ASSERT_TRUE(engine::unlink(test.context(), kRootInode, base::text_of("f")).has_value());
  }
  EXPECT_EQ(test.volume.superblock().dirty_pages, 0u);
  EXPECT_EQ(test.volume.superblock().dirty_count, 0u);
}

TEST_F(OriginTest, a_large_dirty_file_is_renamed_over_from_another_directory) {
  fs::create_directories(source / "a");
  put("a/f", "new");
  InodeNumber file = make("f", S_IFREG | 0600);
  write(file, 0, std::string(100 * 4096, 'a'));
  ASSERT_TRUE(engine::rename(test.context(), look("a"), base::text_of("f"), kRootInode,
                             base::text_of("f"), 0)
                  .has_value());
  EXPECT_EQ(get("f"), "new");
  EXPECT_EQ(superblock.dirty_pages, 0u);
}

TEST_F(OriginTest, a_page_that_is_written_again_is_dirty_once) {
  InodeNumber file = make("f", S_IFREG | 0600);
  write(file, 0, std::string(3 * 4096, 'a'));
  EXPECT_EQ(superblock.dirty_pages, 3u);
  for (int i = 0; i < 10; i++) write(file, 4096, std::string(4096, 'b'));
  for (int i = 0; i < 10; i++) write(file, 10, std::string(100, 'c'));
  EXPECT_EQ(superblock.dirty_pages, 3u);
  // Appending, now within a page and now across its end.
  for (uint64_t at = 3ull * 4096; at < 5ull * 4096; at += 128)
    write(file, at, std::string(128, 'd'));
  for (uint64_t at = 5ull * 4096; at < 7ull * 4096 - 100; at += 100)
    write(file, at, std::string(100, 'd'));
  EXPECT_EQ(superblock.dirty_pages, 7u);
  ASSERT_TRUE(test.volume.origin()->flush(test.context(), file, false).has_value());
  EXPECT_EQ(superblock.dirty_pages, 0u);
  EXPECT_EQ(superblock.dirty_count, 0u);
  engine::AttributeChange shorter;
  shorter.which = engine::AttributeChange::kSize;
  shorter.size = 100;
  engine::Attributes after;
  write(file, 0, std::string(3 * 4096, 'e'));
  ASSERT_TRUE(engine::set_attributes(test.context(), file, shorter, after).has_value());
  EXPECT_EQ(superblock.dirty_pages, 0u);
}

TEST_F(OriginTest, what_lost_its_last_name_is_dirty_no_more) {
  InodeNumber file = make("f", S_IFREG | 0600);
  ASSERT_TRUE(engine::add_kernel_lookup(test.context(), file).has_value());
  write(file, 0, std::string(3 * 4096, 'a'));
  ASSERT_TRUE(engine::unlink(test.context(), kRootInode, base::text_of("f")).has_value());
  EXPECT_EQ(superblock.dirty_pages, 0u);
  EXPECT_EQ(superblock.dirty_count, 0u);
  write(file, 4096, std::string(4096, 'b'));
  EXPECT_EQ(superblock.dirty_pages, 0u);
  uint64_t next = 0;
  EXPECT_EQ(engine::evict_pages(test.context(), file, 0, next).value_or(9), 0u);
  EXPECT_EQ(read(file), std::string(4096, 'a') + std::string(4096, 'b') + std::string(4096, 'a'));
  ASSERT_TRUE(engine::forget_kernel_lookups(test.context(), file, 1).has_value());
}

TEST_F(OriginTest, what_makes_a_path_lead_elsewhere_is_told) {
  fs::create_directories(source / "d/e");
  InodeNumber directory = look("d");
  auto bumped = [&, before = superblock.dirtree_seq]() mutable {
    bool is = superblock.dirtree_seq != before;
    before = superblock.dirtree_seq;
    return is;
  };
  ASSERT_EQ(chmod((source / "d").c_str(), 0700), 0);
  next_epoch();
  (void)look("d");
  EXPECT_TRUE(bumped());
  ASSERT_EQ(chown((source / "d").c_str(), getuid(), getgid()), 0);
  next_epoch();
  (void)look("d");
  EXPECT_FALSE(bumped());
  ASSERT_TRUE(engine::invalidate(test.context(), directory, true).has_value());
  EXPECT_TRUE(bumped());
  ASSERT_TRUE(engine::note_news(test.context(), directory, engine::News::kRenamed, 1).has_value());
  EXPECT_TRUE(bumped());
  ASSERT_TRUE(look(directory, "e").has_value());
  fs::rename(source / "d/e", source / "d/other");
  next_epoch();
  EXPECT_FALSE(look(directory, "e").has_value());
  EXPECT_TRUE(bumped());
}

TEST_F(OriginTest, a_failed_write_back_is_told_once) {
  InodeNumber file = make("f", S_IFREG | 0644);
  write(file, 0, "lost");
  fs::remove(source / "f");  // nowhere to write to
  EXPECT_FALSE(engine::sync_file(test.context(), file).has_value());
  engine::Piece piece{const_cast<char*>("x"), 1};
  uint64_t end;
  EXPECT_FALSE(engine::write(test.context(), file, 0, &piece, 1, {}, end).has_value());
  test.check_at_end = false;
}

TEST_F(OriginTest, extended_attributes_go_both_ways) {
  put("f", "x");
  if (setxattr((source / "f").c_str(), "user.k", "v", 1, 0) != 0)
    GTEST_SKIP() << "no xattrs on /tmp";
  InodeNumber file = look("f");
  char value[8];
  auto size = engine::get_xattr(test.context(), file, base::text_of("user.k"), value, sizeof value);
  ASSERT_TRUE(size.has_value());
  EXPECT_EQ(std::string(value, *size), "v");
  ASSERT_TRUE(
      engine::set_xattr(test.context(), file, base::text_of("user.l"), "w2", 2, 0).has_value());
  EXPECT_EQ(getxattr((source / "f").c_str(), "user.l", value, sizeof value), 2);
  ASSERT_TRUE(engine::remove_xattr(test.context(), file, base::text_of("user.k")).has_value());
  EXPECT_EQ(getxattr((source / "f").c_str(), "user.k", value, sizeof value), -1);
}

TEST_F(OriginTest, pages_that_were_read_together_go_together) {
  constexpr int kFiles = 60, kPages = 8;
  fs::create_directories(source / "d");
  for (int i = 0; i < kFiles; i++)
    put("d/" + std::to_string(i), std::string(kPages * format::kPageSizeBytes, 'x'));
  InodeNumber directory = look("d");
  std::vector<InodeNumber> files;
  for (int i = 0; i < kFiles; i++) {
    files.push_back(*look(directory, std::to_string(i)));
    EXPECT_EQ(read(files.back()).size(), kPages * format::kPageSizeBytes);
  }
  test.volume.superblock().cache_pages_max = static_cast<uint32_t>(pages_in_use(test.volume)) - 1;
  make_room(test.context(), 0);
  int gone = 0;
  for (InodeNumber file : files) {
    uint64_t pages = test.volume.inode(file.index())->page_count;
    EXPECT_TRUE(pages == 0 || pages == kPages) << pages;
    gone += pages == 0;
  }
  EXPECT_GT(gone, 0);
  EXPECT_LT(gone, kFiles);
}

TEST_F(OriginTest, names_that_nobody_uses_go_and_come_back) {
  fs::create_directories(source / "d/sub/deep");
  for (int i = 0; i < 100; i++) put("d/name-number-" + std::to_string(i), "bytes");
  InodeNumber directory = look("d");
  auto find = [&](int i) { return look(directory, "name-number-" + std::to_string(i)); };
  InodeNumber opened = *find(1), dirty = *find(2), known = *find(3), linked = *find(4);
  EXPECT_EQ(read(*find(5)), "bytes");
  auto description =
      engine::open_description(test.context(), test.session(), -1, opened, O_RDWR, false, false);
  ASSERT_TRUE(description.has_value());
  write(dirty, 0, "newer");
  ASSERT_TRUE(engine::add_kernel_lookup(test.context(), known).has_value());
  engine::Attributes after;
  ASSERT_TRUE(engine::link(test.context(), linked, directory, base::text_of("other"), after));
  ASSERT_TRUE(look(*look(directory, "sub"), "deep"));
  uint64_t before = inodes_in_use(test.volume);
  EXPECT_EQ(*engine::evict_names(test.context(), directory, UINT32_MAX), 98u);
  EXPECT_EQ(inodes_in_use(test.volume), before - 97);
  EXPECT_EQ(*find(1), opened);
  EXPECT_EQ(*find(2), dirty);
  EXPECT_EQ(*find(3), known);
  EXPECT_EQ(*find(4), *look(directory, "other"));
  for (int i = 0; i < 100; i++) EXPECT_EQ(read(*find(i)), i == 2 ? "newer" : "bytes");
  EXPECT_FALSE(find(100).has_value());
  EXPECT_EQ(inodes_in_use(test.volume), before);
  // An open directory keeps its names.
  auto listing = engine::open_description(test.context(), test.session(), -1, directory, O_RDONLY,
                                          false, false);
  EXPECT_EQ(*engine::evict_names(test.context(), directory, UINT32_MAX), 0u);
  for (auto& held : {description, listing})
    ASSERT_TRUE(engine::drop_reference(test.context(), *held).has_value());
  ASSERT_TRUE(engine::forget_kernel_lookups(test.context(), known, 1).has_value());
}

TEST_F(OriginTest, a_directory_is_synced_like_a_file) {
  put("d/f", "bytes");
  InodeNumber directory = look("d");
  ASSERT_TRUE(look(directory, "f"));
  next_epoch();
  ASSERT_TRUE(look(directory, "f"));
  int64_t changed = test.volume.inode(directory.index())->directory.source_ctime_ns;
  ASSERT_NE(changed >> 32, 0);
  EXPECT_TRUE(engine::sync_file(test.context(), directory));
  EXPECT_EQ(test.volume.inode(directory.index())->directory.source_ctime_ns, changed);
}

TEST_F(OriginTest, attributes_asked_for_before_a_write_back_are_no_news_after_it) {
  put("f", "old");
  InodeNumber file = look("f");
  uint64_t change = test.volume.inode(file.index())->change;
  SourceAttributes before{};
  ASSERT_TRUE(ask_source(test.context(), root.root, "f", before));
  write(file, 0, "newer and longer");
  ASSERT_TRUE(flush(test.context(), file, false));
  auto stored = engine::store_source_attributes(test.context(), file, before, false, {}, change);
  ASSERT_FALSE(stored.has_value());
  EXPECT_EQ(stored.error().errno_value(), EAGAIN);
  // Dirty then, clean now.
  write(file, 0, "NEWER");
  change = test.volume.inode(file.index())->change;
  ASSERT_TRUE(ask_source(test.context(), root.root, "f", before));
  ASSERT_TRUE(flush(test.context(), file, false));
  EXPECT_FALSE(
      engine::store_source_attributes(test.context(), file, before, false, {}, change).has_value());
  EXPECT_EQ(read(file), "NEWER and longer");
}

TEST_F(OriginTest, what_replaces_another_file_comes_with_its_bytes) {
  put("f", "old");
  put("new", "");
  InodeNumber file = look("new");
  look("f");
  write(file, 0, "newer");
  ASSERT_TRUE(engine::rename(test.context(), kRootInode, base::text_of("new"), kRootInode,
                             base::text_of("f"), 0));
  EXPECT_EQ(get("f"), "newer");
}

TEST_F(OriginTest, a_name_on_the_move_is_not_dropped_by_a_listing) {
  fs::create_directories(source / "d");
  put("d/f", "old");
  InodeNumber directory = look("d"), file = *look(directory, "f");
  write(file, 0, "newer");
  TestThread mover(test.volume, test.session());
  {
    // As far as a rename is done at the source, and not here.
    Changing changing(mover.context, directory, format::kRootInode);
    fs::rename(source / "d/f", source / "g");
    engine::Listing listing;
    ASSERT_TRUE(engine::begin_listing(test.context(), directory, listing));
    SourceAttributes now{};
    now.epoch = superblock.origin_epoch;
    auto ended = engine::end_listing(test.context(), directory, listing, now);
    ASSERT_FALSE(ended.has_value());
    EXPECT_EQ(ended.error().errno_value(), EAGAIN);
    EXPECT_EQ(test.volume.inode(file.index())->nlink, 1u);
  }
  fs::rename(source / "g", source / "d/f");
  next_epoch();
  ASSERT_TRUE(flush(test.context(), file, false));
  EXPECT_EQ(get("d/f"), "newer");
}

TEST_F(OriginTest, directories_go_when_they_are_empty_here_and_old) {
  fs::create_directories(source / "d/sub/deep");
  put("d/sub/f", "1");
  InodeNumber directory = look("d"), sub = *look(directory, "sub");
  ASSERT_TRUE(look(sub, "f"));
  ASSERT_TRUE(look(sub, "deep"));
  uint32_t now = test.volume.superblock().origin_epoch;
  uint64_t tree = test.volume.superblock().dirtree_seq;
  EXPECT_EQ(*engine::evict_names(test.context(), directory, now + 1), 0u);  // sub has names
  EXPECT_EQ(*engine::evict_names(test.context(), sub, now), 1u);            // f; deep is in use
  EXPECT_EQ(*engine::evict_names(test.context(), sub, now + 1), 1u);
  EXPECT_EQ(*engine::evict_names(test.context(), directory, now + 1), 1u);
  EXPECT_GT(test.volume.superblock().dirtree_seq, tree);
  EXPECT_FALSE(look(sub, "f").has_value());  // that inode is gone
  EXPECT_TRUE(look(*look(directory, "sub"), "f"));
  EXPECT_TRUE(look(*look(directory, "sub"), "deep"));
}

TEST_F(OriginTest, a_name_that_is_there_is_found_while_others_throw_out_and_list) {
  fs::create_directories(source / "d");
  for (int i = 0; i < 40; i++) put("d/" + std::to_string(i), "x");
  InodeNumber directory = look("d");
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> evicted{0}, failed{0};
  std::vector<std::thread> threads;
  for (int looker = 0; looker < 2; looker++)
    threads.emplace_back([&, looker] {
      TestThread own(test.volume, test.session());
      for (int i = 0; !stop.load(); i = (i + 7) % 40) {
        engine::Found found;
        std::string name = std::to_string((i + looker) % 40);
        if (!engine::lookup(own.context, directory, base::text_of(name.c_str()), found)) failed++;
      }
      if (own.thread.origin_scratch) munmap(own.thread.origin_scratch, sizeof(Scratch));
    });
  for (int round = 0; round < 20'000 && evicted.load() < 4'000; round++)
    evicted += engine::evict_names(test.context(), directory, UINT32_MAX).value_or(0);
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed.load(), 0u);
}

TEST_F(OriginTest, who_lists_more_than_fits_makes_room) {
  test.volume.superblock().inodes_max = 300;
  for (int d = 0; d < 20; d++) {
    fs::create_directories(source / std::to_string(d));
    for (int i = 0; i < 50; i++) put(std::to_string(d) + "/" + std::to_string(i), "x");
  }
  for (int round = 0; round < 3; round++)
    for (int d = 0; d < 20; d++) {
      EXPECT_TRUE(look(look(std::to_string(d)), "49"));
      EXPECT_LE(inodes_in_use(test.volume), 300u + 50u + engine::kBatchRecords);
    }
}

TEST_F(OriginTest, a_process_that_dies_in_a_change_leaves_directories_to_be_listed_anew) {
  put("before", "1");
  EXPECT_TRUE(look("before"));
  test.in_killed_process([&](TestThread& child) {
    child.thread.slot->changing[0] = kRootInode;
    put("made", "2");  // at the source, and then it dies
  });
  engine::recover_slot(test.thread(), format::SlotIndex{2});
  EXPECT_TRUE(look("made"));
}

// With the daemon's watcher: nothing but its events begins an epoch here.
class WatchedTest : public OriginTest {
 protected:
  WatchedTest() {
    root.watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (root.watch < 0) return;
    test.volume.superblock().origin_watched = 1;
    watcher = std::make_unique<Watcher>(test.volume, test.session(), root.watch);
  }
  ~WatchedTest() override {
    watcher.reset();
    if (root.watch >= 0) close(root.watch);
  }
  template <typename Condition>
  bool eventually(Condition condition) {
    for (int i = 0; i < 3000; i++) {
      if (condition()) return true;
      usleep(10'000);
    }
    return false;
  }
  std::unique_ptr<Watcher> watcher;
};

TEST_F(WatchedTest, changes_at_the_source_are_told_of) {
  if (root.watch < 0) GTEST_SKIP() << "no inotify";
  fs::create_directories(source / "d/e");
  put("d/e/f", "old");
  auto file = [&] { return look(*look(look("d"), "e"), "f"); };
  EXPECT_EQ(read(*file()), "old");
  put("d/e/f", "newer");
  EXPECT_TRUE(eventually([&] { return read(*file()) == "newer"; }));
  fs::permissions(source / "d/e/f", fs::perms::owner_read);
  engine::Attributes attributes;
  EXPECT_TRUE(eventually([&] {
    return engine::read_attributes(test.context(), *file(), attributes) &&
           (attributes.mode & 0777) == 0400;
  }));
  put("d/e/g", "made");
  EXPECT_TRUE(eventually([&] { return look(*look(look("d"), "e"), "g").has_value(); }));
  fs::rename(source / "d/e/g", source / "d/e/f");
  EXPECT_TRUE(eventually([&] { return read(*file()) == "made"; }));
  fs::remove(source / "d/e/f");
  EXPECT_TRUE(eventually([&] { return !file().has_value(); }));
  fs::rename(source / "d/e", source / "moved");
  EXPECT_TRUE(eventually(
      [&] { return look(kRootInode, "moved").has_value() && !look(look("d"), "e").has_value(); }));
}

TEST_F(WatchedTest, what_is_watched_is_not_asked_for_again) {
  if (root.watch < 0) GTEST_SKIP() << "no inotify";
  put("f", "bytes");
  put("g", "bytes");
  InodeNumber file = look("f");
  EXPECT_EQ(read(file), "bytes");
  // The directory was listed before anybody looked at what is in it: it is looked at once more.
  next_epoch();
  EXPECT_EQ(look("f"), file);
  // The source is out of reach: only what needs no look at it is answered.
  int reachable = root.root;
  root.root = -1;
  next_epoch();
  next_epoch();
  EXPECT_TRUE(look(kRootInode, "f").has_value());
  EXPECT_EQ(read(file), "bytes");
  EXPECT_FALSE(look(kRootInode, "absent").has_value());
  root.root = reachable;
  EXPECT_TRUE(look("g"));
}

TEST_F(WatchedTest, our_own_changes_are_no_news) {
  if (root.watch < 0) GTEST_SKIP() << "no inotify";
  EXPECT_FALSE(look(kRootInode, "none").has_value());
  for (int i = 0; i < 200; i++) {
    std::string name = "f" + std::to_string(i % 7);
    InodeNumber file = make(name, S_IFREG | 0644);
    write(file, 0, name);
    ASSERT_TRUE(engine::sync_file(test.context(), file).has_value());
    EXPECT_EQ(read(file), name);
    ASSERT_TRUE(
        engine::unlink(test.context(), kRootInode, base::text_of(name.c_str())).has_value());
  }
  EXPECT_TRUE(fs::is_empty(source));
}

}  // namespace
}  // namespace bt::origin
