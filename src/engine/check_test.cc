// SPDX-License-Identifier: MIT
#include "engine/check.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <functional>

#include "engine/data.h"
#include "engine/descriptions.h"
#include "engine/directory_index.h"
#include "engine/file_pages.h"
#include "engine/test_volume.h"

namespace bt::engine {
namespace {
using base::text_of;

// A volume with a bit of everything.
class CheckTest : public testing::Test {
 protected:
  CheckTest() {
    test.check_at_end = false;
    directory = make(kRootInode, "directory", 0040755);
    nested = make(directory, "nested", 0040755);
    file = make(directory, "a name that is far too long for a single record", 0100644);
    link_inode = make(nested, "link", 0120777);
    Attributes after;
    EXPECT_TRUE(link(context, file, kRootInode, text_of("second name"), after));
    char bytes[20000] = "x";
    Piece piece{bytes, sizeof(bytes)};
    uint64_t end;
    EXPECT_TRUE(write(context, file, 3 << 20, &piece, 1, {}, end));
    EXPECT_TRUE(set_xattr(context, file, text_of("user.k"), "v", 1, 0));
    EXPECT_TRUE(open_description(context, test.session(), 3, file, O_RDWR, false, false));
    EXPECT_TRUE(set_working_directory(context, test.session(), nested));
    EXPECT_TRUE(set_file_lock(context, file,
                              {kFileLockPosix, lock_owner_of(test.volume, test.session()), 1},
                              {.exclusive = true}));
    EXPECT_TRUE(pin_page(context, file, (3 << 20) / 4096, false));
  }
  InodeNumber make(InodeNumber parent, const char* name, uint32_t mode) {
    NewInode what;
    what.mode = mode;
    if ((mode & 0170000) == 0120000) what.link_target = text_of("target");
    Attributes made;
    EXPECT_TRUE(create(context, parent, text_of(name), what, made));
    return made.inode;
  }
  InodeRecord& record(InodeNumber inode) { return *test.volume.inode(inode.index()); }

  TestVolume test;
  Context& context = test.context();
  InodeNumber directory, nested, file, link_inode;
};

TEST_F(CheckTest, a_volume_in_use_is_sound) {
  EXPECT_EQ(test.check(), "");
  EXPECT_EQ(test.report.inodes, 5u);
  EXPECT_EQ(test.report.directories, 3u);
  EXPECT_EQ(test.report.dentries, 5u);
  EXPECT_EQ(test.report.descriptions, 1u);
  EXPECT_EQ(test.report.file_locks, 1u);
  EXPECT_EQ(test.report.loose_references, 0u);
  EXPECT_EQ(test.report.violations, 0u);
}

TEST_F(CheckTest, a_reference_outside_tables_is_told) {
  ASSERT_TRUE(open_description(context, SessionIndex::kNone, -1, file, O_RDONLY, false, false));
  EXPECT_EQ(test.check(), "");
  EXPECT_EQ(test.report.loose_references, 1u);
}

// One planted damage after the other: each is found by the rule it breaks, and undone again.
TEST_F(CheckTest, finds_each_planted_damage) {
  Volume& volume = test.volume;
  Superblock& super = volume.superblock();
  SlotRecord& slot = *test.thread().slot;
  SessionRecord& session = *volume.session(test.session());
  DescriptionRecord& description = *volume.description(DescriptionIndex{1});
  bool ignored;
  ASSERT_EQ(find_descriptor(volume, test.session(), 3, ignored), DescriptionIndex{1});
  PageIndex data_page = find_page(volume, record(file), (3 << 20) / 4096);
  PageDescriptor& page = *volume.page_descriptor(data_page);
  DentryIndex entry_index = record(directory).directory.first;
  DentryRecord& entry = *volume.dentry(entry_index);
  FileLockRecord& file_lock = *volume.file_lock(record(file).file_locks);
  uint32_t& head = volume.head(entry.hash);

  struct Damage {
    const char* rule;
    void* place;
    uint32_t value;
  };
  const Damage damages[] = {
      {"nlink", &record(file).nlink, 3},
      {"nlink", &record(directory).nlink, 2},
      {"opens", &record(file).opens, 0},
      {"opens", &record(nested).opens, 2},
      {"inode nobody uses", &record(link_inode).nlink, 0},
      {"name of nothing", &record(link_inode).mode, 0},
      {"inode neither free nor used", &record(link_inode).mode, 0},
      {"references", &description.references, 0},
      {"descriptor of nothing", &description.in_use, 0},
      {"descriptor count", &session.descriptors[0], 0},
      {"descriptor count", &session.descriptor_count, 7},
      {"page count", &record(file).page_count, 1},
      {"owner of a page", &page.owner, 2},
      {"place of a page", &page.index, 2},
      {"use of a page", &page.use, uint32_t{kPageRadix} | 1u << 16},
      {"pins", &page.use, uint32_t{kPageData} | 9u << 16},
      {"page neither free nor used", &record(file).root, 0},
      {"page of a file", &record(file).root, 1u << 31},
      {"height", &record(file).height, 9},
      {"page of a file", &volume.page_descriptor(record(file).xattrs)->next,
       raw(record(file).xattrs)},
      {"hash", &entry.hash, entry.hash ^ 1u << 31},
      {"hash chain", &head, 0},
      {"entry count", &record(directory).directory.entry_count, 9},
      {"directory list", &record(directory).directory.last, 0},
      {"backward link", &entry.directory_previous, raw(entry_index)},
      {"cookie", &entry.cookie, 1},
      {"parent", &record(nested).directory.parent, 1},
      {"way to the root", &record(nested).directory.parent, raw(nested.index())},
      {"dentry neither free nor used", &record(directory).directory.first, 0},
      {"type of a name", &entry.kind,
       kDentryName | 9u << 8 | static_cast<uint32_t>(entry.name_size) << 16},
      {"name", &volume.dentry(record(directory).directory.last)->continuation, 0},
      {"free list length", &slot.free.inode_count, slot.free.inode_count + 1},
      {"free list", &slot.free.pages, raw(data_page) + (1u << 30)},
      {"free list length", &super.free_dentries.count, 1},
      {"orphan list", &super.orphan_count, 1},
      {"orphan list", &super.orphans, raw(file.index())},
      {"lock held by nobody", &record(file).lock.tag, 2},
      {"sequence left odd", &record(file).lock.seq, 3},
      {"inode of a file lock", &file_lock.inode, 1},
      {"owner of a file lock", &file_lock.kind, kFileLockFlock},
      {"file lock neither free nor used", &record(file).file_locks, 0},
      {"log not empty", &slot.log_count, 1},
      {"open of nothing", &session.cwd, 3000},
  };
  for (const Damage& damage : damages) {
    uint32_t& place = *static_cast<uint32_t*>(damage.place);
    uint32_t right = place;
    place = damage.value;
    std::string broken = test.check();
    EXPECT_NE(broken.find(damage.rule), std::string::npos)
        << damage.rule << " at " << &damage - damages << ": " << broken;
    place = right;
  }
  EXPECT_EQ(test.check(), "");
}

// Whatever the tables hold, the check comes to an end and stays inside.
TEST_F(CheckTest, survives_rubbish) {
  uint64_t random = 0x9e3779b97f4a7c15;
  auto next = [&] { return random = random * 6364136223846793005u + 1442695040888963407u; };
  const Geometry& g = test.volume.geometry();
  const std::pair<uint64_t, uint64_t> areas[] = {
      {g.inodes.offset, 12 * sizeof(InodeRecord)},
      {g.dentries.offset, 40 * sizeof(DentryRecord)},
      {g.page_descriptors.offset, 80 * sizeof(PageDescriptor)},
      {g.descriptions.offset, 4 * sizeof(DescriptionRecord)},
      {g.sessions.offset, 3 * sizeof(SessionRecord)},
      {g.pages.offset, 12 * kPageSizeBytes},
      {g.slots.offset + sizeof(SlotRecord) + offsetof(SlotRecord, free), sizeof(FreeLists)},
      {offsetof(Superblock, orphan_lock), 6 * 64},
  };
  for (int round = 0; round < 300; round++) {
    std::vector<std::pair<uint8_t*, uint8_t>> saved;
    for (int i = 0; i < 4; i++) {
      auto [offset, size] = areas[(next() >> 33) % std::size(areas)];
      auto* byte = reinterpret_cast<uint8_t*>(test.volume.base() + offset + (next() >> 20) % size);
      saved.emplace_back(byte, *byte);
      *byte = static_cast<uint8_t>(next() >> 40);
    }
    (void)test.check();
    for (auto it = saved.rbegin(); it != saved.rend(); ++it) *it->first = it->second;
  }
  EXPECT_EQ(test.check(), "");
}
}  // namespace
}  // namespace bt::engine
