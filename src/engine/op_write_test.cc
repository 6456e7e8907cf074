// SPDX-License-Identifier: MIT
// The bytes of files against a model that is one std::string a file: random operations with fixed seeds, then the edges by
// name. Covers op_read, op_write, op_allocate_range, op_seek, file_pages and set_attributes(kSize).
#include <fcntl.h>
#include <linux/falloc.h>

#include <map>
#include <random>
#include <string>

#include "engine/allocator.h"
#include "engine/data.h"
#include "engine/file_pages_internal.h"
#include "engine/operations.h"
#include "engine/test_volume.h"

namespace bt::engine {
namespace {

class DataTest : public testing::Test {
 protected:
  InodeNumber make_file(const std::string& name) {
    NewInode what;
    what.mode = 0100644;
    Attributes made;
    auto result = create(context(), kRootInode, {name.data(), static_cast<uint32_t>(name.size())},
                         what, made);
    EXPECT_TRUE(result.has_value()) << result.error().text();
    return made.inode;
  }
  uint64_t write_text(InodeNumber inode, uint64_t offset, const std::string& text,
                      WriteOptions options = {}) {
    Piece piece{const_cast<char*>(text.data()), text.size()};
    auto result = write(context(), inode, offset, &piece, 1, options, end);
    error = result ? 0 : result.error().errno_value();
    return result.value_or(0);
  }
  std::string read_text(InodeNumber inode, uint64_t offset, uint64_t size) {
    std::string text(size, '?');
    Piece piece{text.data(), size};
    auto result = read(context(), inode, offset, &piece, 1);
    error = result ? 0 : result.error().errno_value();
    text.resize(result.value_or(0));
    return text;
  }
  void set_size(InodeNumber inode, uint64_t size) {
    AttributeChange change;
    change.which = AttributeChange::kSize;
    change.size = size;
    Attributes after;
    auto result = set_attributes(context(), inode, change, after);
    ASSERT_TRUE(result.has_value()) << result.error().text();
    ASSERT_EQ(after.size, size);
  }
  Attributes attributes(InodeNumber inode) {
    Attributes a{};
    EXPECT_TRUE(read_attributes(context(), inode, a).has_value());
    return a;
  }
  uint64_t pages_free() { return measure_space(volume.volume).pages_free; }
  Context& context() { return volume.context(); }

  TestVolume volume{64ull << 20};
  uint64_t end = 0;
  int error = 0;
};

std::string random_text(std::mt19937_64& random, uint64_t size) {
  std::string text(size, 0);
  char seed = static_cast<char>(random());
  for (uint64_t i = 0; i < size; i++) text[i] = static_cast<char>(seed + i * 7 + (i >> 8));
  return text;
}

// What the file's bytes should be. Sizes are kept under 3 MiB so that the tree has heights 0 to 2.
struct Model {
  std::string bytes;
  void put(uint64_t offset, const std::string& text) {
    if (text.empty()) return;
    if (bytes.size() < offset + text.size()) bytes.resize(offset + text.size(), 0);
    bytes.replace(offset, text.size(), text);
  }
  void clear(uint64_t offset, uint64_t to) {
    for (uint64_t i = offset; i < to && i < bytes.size(); i++) bytes[i] = 0;
  }
};

class RandomDataTest : public DataTest, public testing::WithParamInterface<int> {
 protected:
  void step(std::mt19937_64& random, InodeNumber inode, Model& model) {
    uint64_t span = random() % 3 == 0 ? 5 << 20 : 40000;
    uint64_t offset = random() % span;
    static const uint64_t kSizes[] = {1, 7, 64, 100, 1000, 4096, 9000, 100000, 400000};
    uint64_t size = kSizes[random() % 9];
    if (random() % 3 == 0) offset &= ~4095ull;
    if (random() % 3 == 0) size = (size + 4095) & ~4095ull;
    uint64_t old = model.bytes.size();
    auto kind = random() % 12;
    last_step = " after " + std::to_string(kind) + " at " + std::to_string(offset) + " size " +
                std::to_string(size) + " old size " + std::to_string(old);
    switch (kind) {
      case 0:
      case 1:
      case 2:
      case 3: {
        std::string text = random_text(random, size);
        ASSERT_EQ(write_text(inode, offset, text), size) << error;
        model.put(offset, text);
        break;
      }
      case 4:
      case 5: {
        std::string text = random_text(random, size % 20000);
        WriteOptions options;
        options.append = true;
        ASSERT_EQ(write_text(inode, 12345, text, options), text.size());
        ASSERT_EQ(end, old + text.size());
        model.put(old, text);
        break;
      }
      case 6:
        set_size(inode, offset);
        model.bytes.resize(offset, 0);
        break;
      case 7:
        set_size(inode, old - std::min<uint64_t>(old, size));
        model.bytes.resize(old - std::min<uint64_t>(old, size), 0);
        break;
      case 8:
        ASSERT_TRUE(allocate_range(context(), inode, 0, offset, size, UINT64_MAX).has_value());
        model.bytes.resize(std::max(old, offset + size), 0);
        break;
      case 9:
        ASSERT_TRUE(allocate_range(context(), inode, FALLOC_FL_KEEP_SIZE, offset, size, UINT64_MAX)
                        .has_value());
        break;
      case 10:
        ASSERT_TRUE(allocate_range(context(), inode, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
                                   offset, size, UINT64_MAX)
                        .has_value());
        model.clear(offset, offset + size);
        break;
      case 11:
        ASSERT_TRUE(allocate_range(context(), inode, FALLOC_FL_ZERO_RANGE, offset, size, UINT64_MAX)
                        .has_value());
        model.bytes.resize(std::max(old, offset + size), 0);
        model.clear(offset, offset + size);
        break;
    }
  }
  std::string last_step;

  void shift(std::mt19937_64& random, InodeNumber inode, Model& model) {
    uint64_t pages = model.bytes.size() / 4096;
    if (pages < 4) return;
    uint64_t from = random() % (pages - 2), by = 1 + random() % 2;
    if (random() % 2) {
      ASSERT_TRUE(allocate_range(context(), inode, FALLOC_FL_INSERT_RANGE, from * 4096, by * 4096,
                                 UINT64_MAX)
                      .has_value());
      model.bytes.insert(from * 4096, std::string(by * 4096, 0));
    } else if ((from + by) * 4096 < model.bytes.size()) {
      ASSERT_TRUE(allocate_range(context(), inode, FALLOC_FL_COLLAPSE_RANGE, from * 4096, by * 4096,
                                 UINT64_MAX)
                      .has_value());
      model.bytes.erase(from * 4096, by * 4096);
    }
  }
  // Data and holes alternate, cover the file, and holes read as zeros.
  void check_seek(InodeNumber inode, const Model& model) {
    uint64_t at = 0;
    while (at < model.bytes.size()) {
      auto data = seek_data(context(), inode, at, false);
      uint64_t hole_end = data ? *data : model.bytes.size();
      if (!data) {
        ASSERT_EQ(data.error().errno_value(), ENXIO);
      }
      for (uint64_t i = at; i < hole_end; i++) ASSERT_EQ(model.bytes[i], 0) << i;
      if (!data) break;
      auto hole = seek_data(context(), inode, *data, true);
      ASSERT_TRUE(hole.has_value());
      ASSERT_GT(*hole, *data);
      at = *hole;
    }
  }
};

// Where each word of a copy is looked at, fewer do; only one thread is at work here.
#ifdef __SANITIZE_THREAD__
constexpr int kRandomSteps = 40;
#else
constexpr int kRandomSteps = 600;
#endif

TEST_P(RandomDataTest, files_hold_what_the_model_holds) {
  std::mt19937_64 random(GetParam());
  uint64_t free_before = 0;
  {
    InodeNumber first = make_file("first");
    (void)first;
    free_before = pages_free();
  }
  std::map<int, std::pair<InodeNumber, Model>> files;
  for (int f = 0; f < 3; f++) files[f].first = make_file("f" + std::to_string(f));
  for (int i = 0; i < kRandomSteps; i++) {
    auto& [inode, model] = files[static_cast<int>(random() % 3)];
    if (random() % 12 == 0)
      shift(random, inode, model);
    else
      step(random, inode, model);
    if (HasFatalFailure()) FAIL() << "seed " << GetParam() << " step " << i;
    ASSERT_EQ(attributes(inode).size, model.bytes.size()) << "seed " << GetParam() << " step " << i;
    uint64_t offset = model.bytes.empty() ? 0 : random() % model.bytes.size();
    uint64_t size = random() % 5 == 0 ? model.bytes.size() : 5000;
    if (size == model.bytes.size()) offset = 0;
    std::string got = read_text(inode, offset, size), wanted = model.bytes.substr(offset, size);
    ASSERT_EQ(got.size(), wanted.size());
    auto differs = std::mismatch(got.begin(), got.end(), wanted.begin()).first - got.begin();
    ASSERT_TRUE(got == wanted) << "seed " << GetParam() << " step " << i << " byte "
                               << offset + differs << " of " << model.bytes.size() << last_step;
    if (random() % 20 == 0) check_seek(inode, model);
    if (HasFatalFailure()) FAIL() << "seed " << GetParam() << " step " << i;
  }
  for (auto& [f, file] : files) {
    set_size(file.first, 0);
    ASSERT_EQ(attributes(file.first).page_count, 0u);
  }
  EXPECT_EQ(pages_free(), free_before);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomDataTest, testing::Range(1, 9));

TEST_F(DataTest, reading_at_or_beyond_the_end_gives_nothing) {
  InodeNumber inode = make_file("f");
  write_text(inode, 0, "abc");
  EXPECT_EQ(read_text(inode, 3, 10), "");
  EXPECT_EQ(read_text(inode, 1 << 20, 10), "");
  EXPECT_EQ(read_text(inode, 1, 10), "bc");
}

TEST_F(DataTest, bytes_uncovered_by_growing_are_zeros) {
  InodeNumber inode = make_file("f");
  write_text(inode, 0, std::string(4000, 'x'));
  set_size(inode, 10);
  set_size(inode, 5000);
  EXPECT_EQ(read_text(inode, 0, 5000), std::string(10, 'x') + std::string(4990, 0));
  set_size(inode, 10);
  write_text(inode, 100, "y");
  EXPECT_EQ(read_text(inode, 0, 200), std::string(10, 'x') + std::string(90, 0) + "y");
}

TEST_F(DataTest, pieces_are_gathered_and_scattered) {
  InodeNumber inode = make_file("f");
  std::string a = "abc", b(5000, 'b'), c;
  Piece pieces[] = {
      {a.data(), 3}, {nullptr, 0}, {b.data(), b.size()}, {c.data(), 0}, {a.data(), 2}};
  auto written = write(context(), inode, 4090, pieces, 5, {}, end);
  ASSERT_TRUE(written.has_value());
  EXPECT_EQ(*written, 5005u);
  std::string x(4091, '?'), y(6000, '?');
  Piece into[] = {{x.data(), x.size()}, {y.data(), y.size()}};
  auto got = read(context(), inode, 0, into, 2);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(*got, 9095u);
  EXPECT_EQ(x + y.substr(0, 9095 - 4091), std::string(4090, 0) + "abc" + b + "ab");
}

TEST_F(DataTest, a_file_of_16_TiB_can_be_addressed_and_no_more) {
  InodeNumber inode = make_file("f");
  uint64_t limit = 16ull << 40;
  EXPECT_EQ(write_text(inode, limit - 3, "abcdef"), 3u);
  EXPECT_EQ(attributes(inode).size, limit);
  EXPECT_EQ(read_text(inode, limit - 5, 10), std::string(2, 0) + "abc");
  EXPECT_EQ(write_text(inode, limit, "x"), 0u);
  EXPECT_EQ(error, EFBIG);
  auto data = seek_data(context(), inode, 0, false);
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(*data, limit - 4096);
  write_text(inode, 0, "start");
  EXPECT_EQ(read_text(inode, 0, 6), std::string("start") + '\0');
  set_size(inode, 2);
  EXPECT_EQ(attributes(inode).page_count, 1u);
}

TEST_F(DataTest, the_file_size_limit_cuts_and_then_refuses) {
  InodeNumber inode = make_file("f");
  WriteOptions options;
  options.size_limit = 10;
  EXPECT_EQ(write_text(inode, 8, "abcdef", options), 2u);
  EXPECT_EQ(write_text(inode, 10, "a", options), 0u);
  EXPECT_EQ(error, EFBIG);
}

TEST_F(DataTest, a_full_volume_cuts_a_write_and_takes_more_when_pages_return) {
  InodeNumber big = make_file("big"), small = make_file("small");
  write_text(small, 0, std::string(8192, 's'));
  uint64_t done = 0;
  std::string megabyte(1 << 20, 'm');
  for (;;) {
    uint64_t part = write_text(big, done, megabyte);
    done += part;
    if (part < megabyte.size()) break;
  }
  EXPECT_EQ(attributes(big).size, done);
  EXPECT_EQ(write_text(big, done, megabyte), 0u);
  EXPECT_EQ(error, ENOSPC);
  EXPECT_LT(pages_free(), 8u);
  // Overwriting needs no space.
  EXPECT_EQ(write_text(small, 100, std::string(5000, 't')), 5000u) << error;
  EXPECT_EQ(read_text(small, 0, 8192),
            std::string(100, 's') + std::string(5000, 't') + std::string(3092, 's'));
  set_size(big, 1 << 20);
  EXPECT_EQ(write_text(big, 1 << 20, megabyte), megabyte.size());
  EXPECT_EQ(read_text(big, (2 << 20) - 10, 20), std::string(10, 'm'));
}

TEST_F(DataTest, writing_clears_suid_without_the_right_to_keep_it) {
  InodeNumber inode = make_file("f");
  AttributeChange change;
  change.which = AttributeChange::kMode;
  change.mode = 06755;
  Attributes after;
  ASSERT_TRUE(set_attributes(context(), inode, change, after).has_value());
  write_text(inode, 0, "x");
  EXPECT_EQ(attributes(inode).mode & 07777, 06755u);
  volume.main->credentials.fsetid = false;
  write_text(inode, 0, "x");
  EXPECT_EQ(attributes(inode).mode & 07777, 0755u);
  volume.main->credentials.fsetid = true;
  ASSERT_TRUE(set_attributes(context(), inode, change, after).has_value());
  volume.main->credentials.fsetid = false;
  ASSERT_TRUE(allocate_range(context(), inode, FALLOC_FL_KEEP_SIZE, 0, 100, UINT64_MAX));
  EXPECT_EQ(attributes(inode).mode & 07777, 0755u);
}

// A mapping takes a system call for each run of pages that are neighbours in the volume too.
TEST_F(DataTest, a_file_gets_the_pages_of_a_dead_one_in_their_order) {
  constexpr uint64_t kPages = 1000;
  InodeNumber inode = make_file("f");
  auto runs = [&] {
    const InodeRecord& record = *volume.volume.inode(inode.index());
    uint32_t count = 0;
    for (uint64_t at = 0; at < kPages; count++)
      at += find_run(volume.volume, record, at, kPages - at).count;
    return count;
  };
  for (int life = 0; life < 6; life++) {
    write_text(inode, 0, std::string(kPages * kPageSizeBytes, 'x'));
    EXPECT_LT(runs(), 100u) << "life " << life;
    set_size(inode, 0);
  }
}

TEST_F(DataTest, times_and_change_grow_with_every_write) {
  InodeNumber inode = make_file("f");
  Attributes before = attributes(inode);
  for (int i = 0; i < 1000; i++) {
    write_text(inode, 0, "x");
    Attributes now = attributes(inode);
    ASSERT_GT(now.mtime_ns, before.mtime_ns);
    ASSERT_GT(now.ctime_ns, before.ctime_ns);
    ASSERT_GT(now.change, before.change);
    before = now;
  }
}

TEST_F(DataTest, directories_have_no_bytes_and_dead_numbers_no_file) {
  EXPECT_EQ(read_text(kRootInode, 0, 1), "");
  EXPECT_EQ(error, EISDIR);
  write_text(kRootInode, 0, "x");
  EXPECT_EQ(error, EISDIR);
  InodeNumber inode = make_file("f");
  ASSERT_TRUE(unlink(context(), kRootInode, base::text_of("f")).has_value());
  read_text(inode, 0, 1);
  EXPECT_EQ(error, ESTALE);
  write_text(inode, 0, "x");
  EXPECT_EQ(error, ESTALE);
  write_text(InodeNumber{0xffffffff}, 0, "x");
  EXPECT_EQ(error, ESTALE);
}

TEST_F(DataTest, a_killed_writer_leaves_whole_pages_of_old_and_new) {
  InodeNumber inode = make_file("f");
  write_text(inode, 0, std::string(100 * 4096, 'o'));
  volume.in_killed_process([&](TestThread& child) {
    std::string text(90 * 4096, 'n');
    Piece piece{text.data(), text.size()};
    uint64_t at;
    (void)write(child.context, inode, 4096, &piece, 1, {}, at);
  });
  std::string text = read_text(inode, 0, 100 * 4096);
  EXPECT_EQ(text,
            std::string(4096, 'o') + std::string(90 * 4096, 'n') + std::string(9 * 4096, 'o'));
}

}  // namespace
}  // namespace bt::engine
