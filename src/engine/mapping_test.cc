// SPDX-License-Identifier: MIT
#include "engine/mapping.h"

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

TEST_F(MappingTest, a_truncated_page_stays_with_its_last_pin) {
  auto first = pin_page(context(), file, 2, false), second = pin_page(context(), file, 2, false);
  ASSERT_TRUE(first && second && *first == *second);
  uint64_t before = pages_free();
  set_size(0);
  EXPECT_EQ(pages_free(), before + 3);  // two data pages and the radix page, not the pinned one
  EXPECT_EQ(volume.volume.page(*first)[0], 'x');
  EXPECT_TRUE(unpin_page(context(), *first).has_value());
  EXPECT_EQ(pages_free(), before + 3);
  EXPECT_TRUE(unpin_page(context(), *first).has_value());
  EXPECT_EQ(pages_free(), before + 5);  // and the page of the list
  EXPECT_FALSE(unpin_page(context(), *first).has_value());
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
  EXPECT_EQ(pages_free(), before + 3);  // radix pages
  ASSERT_TRUE(drop_pins(other.context, other.thread.session).has_value());
  EXPECT_EQ(pages_free(), before + 3 + 1500 + 2);
}

}  // namespace
}  // namespace bt::engine
