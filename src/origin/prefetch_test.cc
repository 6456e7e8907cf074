// SPDX-License-Identifier: MIT
// Fetching ahead: what a thread does is understood, what is asked for is fetched and no more, and nothing that is fetched ahead
// covers what somebody has asked for or changed meanwhile.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "engine/data.h"
#include "origin/evict.h"
#include "origin/prefetcher.h"
#include "origin/test_source.h"
#include "origin/watch.h"

namespace bt::origin {
namespace {

using engine::TestVolume;
using format::kRootInode;
namespace fs = std::filesystem;

class PrefetchTest : public SourceTest {
 protected:
  PrefetchTest() {
    root.watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    superblock.origin_watched = 1;
    superblock.cache_pages_max = 10'000;
    superblock.ahead_allowed = 1;
  }
  ~PrefetchTest() override { close(root.watch); }
  InodeNumber look(InodeNumber directory, const std::string& name) {
    engine::Found found{};
    EXPECT_TRUE(
        engine::lookup(test.context(), directory, base::text_of(name.c_str()), found).has_value())
        << name;
    metrics::count(*test.thread().block, metrics::Operation::k_stat, metrics::Way::k_in_process);
    return found.inode;
  }
  void list(InodeNumber directory) {
    auto take = [](void*, const engine::ListedName&) { return true; };
    format::DentryIndex hint = format::DentryIndex::kNone;
    EXPECT_TRUE(engine::list(test.context(), directory, 0, hint, take, nullptr).has_value());
  }
  // The file as it is known here, without asking anybody.
  const format::InodeRecord* known(InodeNumber directory, const std::string& name) {
    engine::OriginAtWork working(test.thread());
    engine::Found found{};
    if (!engine::lookup(test.context(), directory, base::text_of(name.c_str()), found))
      return nullptr;
    return test.volume.inode(found.inode.index());
  }
  bool is_known(InodeNumber directory, const std::string& name) {
    const format::InodeRecord* record = known(directory, name);
    return record && engine::load_relaxed(record->valid_epoch) != 0;
  }
  uint64_t counted(metrics::Event event) {
    uint64_t sum = 0;
    for (uint32_t i = 1; i < test.volume.slots_used(); i++)
      sum += engine::load_relaxed(
          test.volume.block(format::SlotIndex{i})->events[static_cast<uint32_t>(event)]);
    return sum;
  }
  std::string read(InodeNumber inode) {
    std::string bytes(1 << 20, 0);
    engine::Piece piece{bytes.data(), bytes.size()};
    auto got = engine::read(test.context(), inode, 0, &piece, 1);
    bytes.resize(got ? *got : 0);
    return bytes;
  }
  // Waits, generously, for what a thread is to do.
  template <typename Done>
  bool eventually(Done done) {
    for (int i = 0; i < 30'000 && !done(); i++)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return done();
  }

  std::atomic<bool> allowed{true};
};

TEST(OrderOfFetching, goes_through_chunks_forwards_and_through_each_from_its_end) {
  std::vector<uint32_t> order = order_of_fetching(70);
  ASSERT_EQ(order.size(), 70u);
  EXPECT_EQ(order.back(), 31u);   // the first to be fetched
  EXPECT_EQ(order[70 - 32], 0u);  // the end of the first chunk, where the program began
  EXPECT_EQ(order[70 - 33], 63u);
  EXPECT_EQ(order.front(), 64u);
  EXPECT_TRUE(order_of_fetching(0).empty());
}

TEST_F(PrefetchTest, a_walk_is_understood_at_the_third_sibling) {
  for (int i = 0; i < 6; i++) put("top/d" + std::to_string(i) + "/f", "x");
  InodeNumber top = look(kRootInode, "top");
  list(look(top, "d0"));
  list(look(top, "d1"));
  EXPECT_EQ(superblock.ahead_count, 0u);
  InodeNumber third = look(top, "d2");
  list(third);
  ASSERT_EQ(superblock.ahead_count, 1u) << "below a directory without any there is nothing to list";
  EXPECT_EQ(superblock.ahead[0].directory, top);
  put("top/d3/below/f", "x");
  InodeNumber fourth = look(top, "d3");
  list(fourth);
  ASSERT_EQ(superblock.ahead_count, 2u);
  EXPECT_EQ(superblock.ahead[1].directory, fourth);
}

TEST_F(PrefetchTest, entries_asked_for_in_order_are_understood_in_one_directory) {
  for (int i = 0; i < 20; i++) put("d/f" + std::to_string(i), "x");
  InodeNumber directory = look(kRootInode, "d");
  list(directory);
  std::vector<std::string> names;
  auto take = [](void* argument, const engine::ListedName& listed) {
    if (listed.cookie > 2) static_cast<std::vector<std::string>*>(argument)->push_back(listed.name);
    return true;
  };
  format::DentryIndex hint = format::DentryIndex::kNone;
  ASSERT_TRUE(engine::list(test.context(), directory, 0, hint, take, &names).has_value());
  look(directory, names[7]);
  look(directory, names[3]);
  look(directory, names[11]);
  EXPECT_EQ(superblock.ahead_count, 0u);
  look(directory, names[12]);
  look(directory, names[13]);
  ASSERT_EQ(superblock.ahead_count, 1u);
  EXPECT_EQ(superblock.ahead[0].directory, directory);
  EXPECT_EQ(superblock.ahead[0].what, format::kAheadAttributes);
}

TEST_F(PrefetchTest, nobody_is_asked_where_it_is_switched_off) {
  superblock.ahead_allowed = 0;
  for (int i = 0; i < 6; i++) put("d" + std::to_string(i) + "/f", "x");
  for (int i = 0; i < 6; i++) list(look(kRootInode, "d" + std::to_string(i)));
  EXPECT_EQ(superblock.ahead_count, 0u);
}

TEST_F(PrefetchTest, what_is_asked_for_is_there_before_it_is_used) {
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 40; j++)
      put("top/d" + std::to_string(i) + "/f" + std::to_string(j), "bytes " + std::to_string(j));
  fs::create_symlink("f1", source / "top/d1/link");
  put("top/d1/deep/f", "x");
  put("top/d1/large", std::string(200 << 10, 'l'));
  InodeNumber top = look(kRootInode, "top");
  list(top);
  {
    Prefetcher prefetcher(test.volume, test.session(), allowed);
    ask_ahead(test.volume, top, format::kAheadAttributes | format::kAheadPages);
    // Each directory once, and each file in it.
    ASSERT_TRUE(eventually([&] { return counted(metrics::Event::k_ahead_fetched) >= 3 + 121; }));
  }
  // The directory was listed for its names alone, and is looked at once more.
  InodeNumber d1 = look(top, "d1");
  uint64_t asked = counted(metrics::Event::k_attribute_misses) +
                   counted(metrics::Event::k_name_misses) + counted(metrics::Event::k_page_misses);
  for (int j = 0; j < 40; j++)
    EXPECT_EQ(read(look(d1, "f" + std::to_string(j))), "bytes " + std::to_string(j));
  EXPECT_EQ(counted(metrics::Event::k_name_misses) + counted(metrics::Event::k_page_misses) +
                counted(metrics::Event::k_attribute_misses),
            asked);
  EXPECT_EQ(counted(metrics::Event::k_ahead_used), 41u);
  EXPECT_TRUE(is_known(d1, "large"));
  EXPECT_EQ(known(d1, "large")->page_count, 0u);  // not small
  EXPECT_EQ(std::string(known(d1, "link")->link_target, 2), "f1");
}

TEST_F(PrefetchTest, it_goes_on_down_while_nobody_asks_for_anything) {
  put("top/a/b/c/d/f", "x");
  put("top/a/b/e/f", "x");
  InodeNumber top = look(kRootInode, "top");
  list(top);
  {
    Prefetcher prefetcher(test.volume, test.session(), allowed);
    ask_ahead(test.volume, top, format::kAheadAttributes);
    // Five directories, and a file in two of them.
    EXPECT_TRUE(eventually([&] { return counted(metrics::Event::k_ahead_fetched) == 7; }));
  }
  InodeNumber b = look(look(top, "a"), "b");
  EXPECT_TRUE(is_known(look(b, "e"), "f"));
  EXPECT_TRUE(is_known(look(look(b, "c"), "d"), "f"));
}

TEST_F(PrefetchTest, who_reads_what_he_looks_at_gets_both_at_once) {
  for (int i = 0; i < 20; i++) put("d/f" + std::to_string(i), "bytes");
  put("d/large", std::string(200 << 10, 'l'));
  InodeNumber directory = look(kRootInode, "d");
  list(directory);
  std::vector<std::string> names;
  auto take = [](void* argument, const engine::ListedName& listed) {
    if (listed.name[0] == 'f')
      static_cast<std::vector<std::string>*>(argument)->push_back(listed.name);
    return true;
  };
  format::DentryIndex hint = format::DentryIndex::kNone;
  ASSERT_TRUE(engine::list(test.context(), directory, 0, hint, take, &names).has_value());
  look(directory, names[0]);
  EXPECT_EQ(known(directory, names[0])->page_count, 0u);
  for (int i = 1; i < 10; i++) EXPECT_EQ(read(look(directory, names[i])), "bytes");
  uint64_t asked = counted(metrics::Event::k_page_misses);
  look(directory, names[15]);
  ASSERT_TRUE(is_known(directory, names[15]));
  EXPECT_EQ(known(directory, names[15])->page_count, 1u);
  EXPECT_EQ(read(look(directory, names[15])), "bytes");
  look(directory, "large");
  EXPECT_EQ(known(directory, "large")->page_count, 0u);
  EXPECT_EQ(counted(metrics::Event::k_page_misses), asked);
  // What is known already is left alone.
  InodeNumber known_file = look(directory, names[0]);
  EXPECT_EQ(fetch_whole(test.context(), known_file, root.root, "d/x", true).error(), Error(EAGAIN));
}

TEST_F(PrefetchTest, pages_are_fetched_only_into_free_room) {
  for (int j = 0; j < 10; j++) put("top/d/f" + std::to_string(j), "bytes");
  superblock.cache_pages_max = static_cast<uint32_t>(pages_in_use(test.volume)) + 2;
  InodeNumber top = look(kRootInode, "top");
  list(top);
  {
    Prefetcher prefetcher(test.volume, test.session(), allowed);
    ask_ahead(test.volume, top, format::kAheadAttributes | format::kAheadPages);
    ASSERT_TRUE(eventually([&] { return counted(metrics::Event::k_ahead_fetched) >= 11; }));
  }
  EXPECT_LE(pages_in_use(test.volume), superblock.cache_pages_max);
  EXPECT_EQ(counted(metrics::Event::k_evictions), 0u);
}

TEST_F(PrefetchTest, nothing_is_fetched_while_memory_is_short) {
  put("top/d/f", "x");
  InodeNumber top = look(kRootInode, "top");
  list(top);
  allowed = false;
  {
    Prefetcher prefetcher(test.volume, test.session(), allowed);
    ask_ahead(test.volume, top, format::kAheadAttributes);
    ASSERT_TRUE(eventually([&] { return engine::load_relaxed(superblock.ahead_asleep) != 0; }));
  }
  EXPECT_EQ(counted(metrics::Event::k_ahead_fetched), 0u);
}

TEST_F(PrefetchTest, nonsense_in_the_ring_does_no_harm) {
  put("top/f", "x");
  list(look(kRootInode, "top"));
  Prefetcher prefetcher(test.volume, test.session(), allowed);
  ask_ahead(test.volume, InodeNumber{UINT64_MAX}, UINT32_MAX);
  ask_ahead(test.volume, InodeNumber{}, 0);
  ask_ahead(test.volume, look(look(kRootInode, "top"), "f"), UINT32_MAX);  // no directory
  ask_ahead(test.volume, kRootInode, UINT32_MAX);
  EXPECT_TRUE(eventually([&] { return is_known(look(kRootInode, "top"), "f"); }));
}

TEST_F(PrefetchTest, what_was_asked_before_a_change_does_not_cover_it) {
  put("d/f", "old");
  InodeNumber directory = look(kRootInode, "d");
  list(directory);
  engine::Found found{};
  {
    engine::OriginAtWork working(test.thread());
    ASSERT_TRUE(engine::lookup(test.context(), directory, base::text_of("f"), found).has_value());
  }
  format::InodeRecord* record = test.volume.inode(found.inode.index());
  uint64_t change = record->change;
  SourceAttributes before;
  ASSERT_TRUE(ask_source(test.context(), root.root, "d/f", before).has_value());
  // Somebody changes the file and knows it; then it is doubtful again.
  engine::AttributeChange mode;
  mode.which = engine::AttributeChange::kMode;
  mode.mode = 0600;
  engine::Attributes after;
  ASSERT_TRUE(engine::set_attributes(test.context(), found.inode, mode, after).has_value());
  EXPECT_EQ(engine::store_attributes_ahead(test.context(), found.inode, before, {}, change).error(),
            Error(EAGAIN));
  ASSERT_TRUE(engine::invalidate(test.context(), found.inode, false).has_value());
  EXPECT_EQ(engine::store_attributes_ahead(test.context(), found.inode, before, {}, change).error(),
            Error(EAGAIN));
  EXPECT_EQ(record->mode & 07777, 0600u);
  ASSERT_TRUE(ask_source(test.context(), root.root, "d/f", before).has_value());
  EXPECT_TRUE(
      engine::store_attributes_ahead(test.context(), found.inode, before, {}, record->change)
          .has_value());
}

TEST_F(PrefetchTest, what_changed_before_it_was_used_was_fetched_for_nothing) {
  put("top/d/f", "x");
  InodeNumber top = look(kRootInode, "top");
  list(top);
  {
    Prefetcher prefetcher(test.volume, test.session(), allowed);
    ask_ahead(test.volume, top, format::kAheadAttributes);
    ASSERT_TRUE(eventually([&] { return counted(metrics::Event::k_ahead_fetched) == 2; }));
  }
  // What the watcher would say.
  InodeNumber d = look(top, "d");
  engine::Found found{};
  {
    engine::OriginAtWork working(test.thread());
    ASSERT_TRUE(engine::lookup(test.context(), d, base::text_of("f"), found).has_value());
  }
  put("top/d/f", "longer");
  ASSERT_TRUE(
      engine::note_news(test.context(), found.inode, engine::News::kItself, superblock.origin_epoch)
          .has_value());
  begin_epoch(test.volume);
  EXPECT_EQ(read(look(d, "f")), "longer");
  EXPECT_EQ(counted(metrics::Event::k_ahead_wasted), 1u);
}

}  // namespace
}  // namespace bt::origin
