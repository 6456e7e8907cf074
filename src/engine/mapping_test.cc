// SPDX-License-Identifier: MIT
#include "engine/mapping.h"

#include <linux/falloc.h>

#include "engine/allocator.h"
#include "engine/test_volume.h"

namespace bt::engine {
namespace {

class MappingTest : public testing::Test {
 protected:
  MappingTest() {
    NewInode what;
    what.mode = 0100644;
    Attributes made;
    EXPECT_TRUE(create(context(), kRootInode, base::text_of("f"), what, made).has_value());
    file = made.inode;
    std::string text(3 * 4096, 'x');
    write_text(0, text);
  }
  void write_text(uint64_t offset, const std::string& text) {
    Piece piece{const_cast<char*>(text.data()), text.size()};
    uint64_t end;
    EXPECT_TRUE(write(context(), file, offset, &piece, 1, {}, end).has_value());
  }
  void set_size(uint64_t size) {
    AttributeChange change;
    change.which = AttributeChange::kSize;
    change.size = size;
    Attributes after;
    EXPECT_TRUE(set_attributes(context(), file, change, after).has_value());
  }
  void allocate(uint32_t mode, uint64_t offset, uint64_t size) {
    auto done = allocate_range(context(), file, mode, offset, size, UINT64_MAX);
    EXPECT_TRUE(done.has_value()) << done.error().errno_value();
  }
  std::string text_at(uint64_t offset, uint64_t size) {
    std::string text(size, '?');
    Piece piece{text.data(), size};
    auto done = read(context(), file, offset, &piece, 1);
    EXPECT_TRUE(done.has_value());
    text.resize(done ? *done : 0);
    return text;
  }
  uint64_t pages_free() { return measure_space(volume.volume).pages_free; }
  Context& context() { return volume.context(); }

  TestVolume volume{16ull << 20};
  InodeNumber file;
};

TEST_F(MappingTest, a_pinned_page_shows_later_writes_in_place) {
  auto page = pin_page(context(), file, 1, false);
  ASSERT_TRUE(page.has_value());
  write_text(4096, std::string(4096, 'y'));
  EXPECT_EQ(volume.volume.page(*page)[0], 'y');
  volume.volume.page(*page)[5] = 'z';
  char byte = 0;
  Piece piece{&byte, 1};
  ASSERT_TRUE(read(context(), file, 4096 + 5, &piece, 1).has_value());
  EXPECT_EQ(byte, 'z');
  EXPECT_TRUE(unpin_page(context(), *page).has_value());
}

TEST_F(MappingTest, a_truncated_page_is_cleared_and_goes_with_its_last_pin) {
  auto first = pin_page(context(), file, 2, false), second = pin_page(context(), file, 2, false);
  ASSERT_TRUE(first && second && *first == *second);
  uint64_t before = pages_free();
  set_size(0);
  EXPECT_EQ(pages_free(), before + 2);  // two data pages; not the pinned one and the way to it
  EXPECT_EQ(volume.volume.page(*first)[0], 0);
  EXPECT_TRUE(unpin_page(context(), *first).has_value());
  EXPECT_EQ(pages_free(), before + 2);
  EXPECT_TRUE(unpin_page(context(), *first).has_value());
  EXPECT_EQ(pages_free(), before + 5);  // and the page of the list
  EXPECT_FALSE(unpin_page(context(), *first).has_value());
}

TEST_F(MappingTest, what_is_written_after_a_truncation_is_written_to_the_mapped_page) {
  auto page = pin_page(context(), file, 2, false);
  ASSERT_TRUE(page.has_value());
  char* mapped = volume.volume.page(*page);
  set_size(100);
  mapped[7] = 's';  // whoever has it mapped may
  write_text(2 * 4096, "again");
  EXPECT_STREQ(mapped, "again");
  EXPECT_EQ(mapped[7], 0);
  set_size(0);
  mapped[9] = 's';
  set_size(3 * 4096);
  EXPECT_EQ(mapped[0], 0);
  EXPECT_EQ(mapped[9], 0);
  mapped[9] = 'm';
  EXPECT_EQ(text_at(2 * 4096 + 9, 1), "m");
  EXPECT_TRUE(unpin_page(context(), *page).has_value());
  EXPECT_EQ(text_at(2 * 4096 + 9, 1), "m");
}

TEST_F(MappingTest, the_check_finds_a_mapped_page_beyond_the_end_that_nobody_knows_of) {
  ASSERT_TRUE(pin_page(context(), file, 2, false).has_value());
  set_size(0);
  uint32_t& flags = volume.volume.inode(file.index())->flags;
  ASSERT_EQ(flags & kInodeMappedBeyond, kInodeMappedBeyond);
  flags &= ~kInodeMappedBeyond;
  EXPECT_NE(volume.check().find("mapped page beyond the end"), std::string::npos);
  flags |= kInodeMappedBeyond;
  ASSERT_TRUE(drop_pins(context(), volume.session()).has_value());
}

TEST_F(MappingTest, the_end_of_the_file_is_cleared_in_the_mapped_page) {
  auto page = pin_page(context(), file, 0, false);
  ASSERT_TRUE(page.has_value());
  set_size(10);
  EXPECT_EQ(volume.volume.page(*page)[9], 'x');
  EXPECT_EQ(volume.volume.page(*page)[10], 0);
  EXPECT_EQ(volume.volume.page(*page)[4095], 0);
  EXPECT_TRUE(unpin_page(context(), *page).has_value());
  EXPECT_EQ(text_at(0, 100), std::string(10, 'x'));
}

TEST_F(MappingTest, a_hole_is_made_in_the_mapped_page) {
  auto page = pin_page(context(), file, 1, false);
  ASSERT_TRUE(page.has_value());
  allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192);
  EXPECT_EQ(volume.volume.page(*page)[0], 0);
  write_text(4096, "new");
  EXPECT_STREQ(volume.volume.page(*page), "new");
  EXPECT_TRUE(unpin_page(context(), *page).has_value());
  EXPECT_EQ(text_at(4096, 3), "new");
}

TEST_F(MappingTest, ranges_move_through_mapped_pages) {
  for (uint64_t i = 0; i < 3; i++) write_text(i * 4096, std::string(4096, char('a' + i)));
  auto page = pin_page(context(), file, 1, false);
  ASSERT_TRUE(page.has_value());
  char* mapped = volume.volume.page(*page);
  allocate(FALLOC_FL_INSERT_RANGE, 0, 2 * 4096);
  EXPECT_EQ(mapped[0], 0);
  EXPECT_EQ(text_at(2 * 4096, 1) + text_at(3 * 4096, 1) + text_at(4 * 4096, 1), "abc");
  allocate(FALLOC_FL_COLLAPSE_RANGE, 0, 2 * 4096);
  EXPECT_EQ(mapped[0], 'b');
  EXPECT_EQ(mapped[4095], 'b');
  EXPECT_EQ(text_at(0, 1) + text_at(4096, 1) + text_at(8192, 1), "abc");
  allocate(FALLOC_FL_COLLAPSE_RANGE, 0, 4096);
  EXPECT_EQ(mapped[0], 'c');
  EXPECT_TRUE(unpin_page(context(), *page).has_value());
  EXPECT_EQ(text_at(0, 1) + text_at(4096, 2) + text_at(8192, 1), "bcc");
}

TEST_F(MappingTest, a_big_truncation_keeps_what_is_mapped_here_and_there) {
  constexpr uint64_t kPages = 1500;
  for (uint64_t i = 0; i < kPages; i++) write_text(i * 4096, std::string(4096, 'f'));
  std::vector<PageIndex> pages;
  for (uint64_t i = 0; i < kPages; i += 7) pages.push_back(*pin_page(context(), file, i, false));
  uint64_t before = pages_free();
  set_size(3);
  EXPECT_EQ(pages_free(), before + kPages - pages.size());
  for (PageIndex page : pages) EXPECT_EQ(volume.volume.page(page)[4095], 0);
  set_size(kPages * 4096);
  for (uint64_t i = 0; i < kPages; i += 7) {
    write_text(i * 4096, "back");
    EXPECT_STREQ(volume.volume.page(pages[i / 7]), "back");
  }
  set_size(0);
  ASSERT_TRUE(drop_pins(context(), volume.session()).has_value());
  EXPECT_EQ(pages_free(), before + kPages + 3 + 1);  // and the ways there, and the list
}

TEST_F(MappingTest, a_removed_file_leaves_its_mapped_pages_what_they_are) {
  auto page = pin_page(context(), file, 1, false), beyond = pin_page(context(), file, 2, false);
  ASSERT_TRUE(page && beyond);
  set_size(2 * 4096);
  uint64_t before = pages_free();
  ASSERT_TRUE(unlink(context(), kRootInode, base::text_of("f")).has_value());
  EXPECT_EQ(pages_free(), before + 2);  // page 0 and the way
  EXPECT_EQ(volume.volume.page(*page)[0], 'x');
  ASSERT_TRUE(drop_pins(context(), volume.session()).has_value());
  EXPECT_EQ(pages_free(), before + 5);
}

TEST_F(MappingTest, holes_are_filled_only_for_writing_and_nothing_is_behind_the_end) {
  set_size(10 * 4096);
  auto hole = pin_page(context(), file, 7, false);
  ASSERT_TRUE(hole.has_value());
  EXPECT_EQ(*hole, PageIndex::kNone);
  auto page = pin_page(context(), file, 7, true);
  ASSERT_TRUE(page.has_value());
  EXPECT_NE(*page, PageIndex::kNone);
  EXPECT_EQ(pin_page(context(), file, 10, true).error().errno_value(), ENXIO);
  EXPECT_TRUE(drop_pins(context(), volume.session()).has_value());
}

TEST_F(MappingTest, many_pins_are_cloned_and_dropped) {
  set_size(3000 * 4096);
  for (uint64_t i = 0; i < 1500; i++) ASSERT_TRUE(pin_page(context(), file, i, true).has_value());
  TestThread other(volume.volume);
  uint64_t before = pages_free();
  ASSERT_TRUE(clone_pins(context(), volume.session(), other.thread.session).has_value());
  ASSERT_TRUE(drop_pins(context(), volume.session()).has_value());
  set_size(0);
  // Still pinned by the other session: all of them, and two pages of its list in place of ours.
  EXPECT_EQ(pages_free(), before);
  ASSERT_TRUE(drop_pins(other.context, other.thread.session).has_value());
  EXPECT_EQ(pages_free(), before + 3 + 1500 + 2);  // and radix pages
}

}  // namespace
}  // namespace bt::engine
