// SPDX-License-Identifier: MIT
#include "engine/xattr_store.h"

#include "engine/name_fixture.h"

namespace bt::engine {
namespace {

class XattrStoreTest : public NameTest {};

TEST_F(XattrStoreTest, what_is_staged_before_the_lock_arrives_whole) {
  InodeNumber file = make(kRootInode, "f");
  Thread& thread = volume.thread();
  ASSERT_TRUE(prepare(thread, {.pages = 4}));
  uint64_t pages = free_pages();
  std::string value(9000, 'v');
  XattrWriter writer(thread, file.index(), 4);
  ASSERT_TRUE(writer.put_entry(text("user.a"), 9000));
  ASSERT_TRUE(writer.put_bytes(value.data(), value.size()));
  ASSERT_TRUE(writer.pad());
  EXPECT_EQ(free_pages(), pages) << "nothing is taken by staging";
  Transaction txn(thread);
  ASSERT_TRUE(txn.lock(record(file).lock, shm::LockRank::kInode));
  ASSERT_TRUE(writer.adopt(txn));
  ASSERT_TRUE(writer.put_entry(text("user.b"), 1));
  ASSERT_TRUE(writer.put_bytes("x", 1));
  ASSERT_TRUE(writer.pad());
  txn.store(record(file).xattrs, writer.seal(2));
  txn.commit();
  EXPECT_EQ(free_pages(), pages - 3);
  XattrReader reader(volume.volume, PageIndex::kNone);
  uint32_t size = 0;
  ASSERT_EQ(find_xattr(volume.volume, record(file).xattrs, text("user.a"), reader, size),
            XattrLook::kFound);
  std::string read(size, 0);
  ASSERT_TRUE(reader.read(read.data(), size));
  EXPECT_EQ(read, value);
  EXPECT_EQ(find_xattr(volume.volume, record(file).xattrs, text("user.b"), reader, size),
            XattrLook::kFound);
  EXPECT_EQ(find_xattr(volume.volume, record(file).xattrs, text("user.c"), reader, size),
            XattrLook::kAbsent);
}

TEST_F(XattrStoreTest, more_than_was_prepared_is_ENOSPC) {
  ASSERT_TRUE(prepare(volume.thread(), {.pages = 1}));
  XattrWriter writer(volume.thread(), kRootInode.index(), 1);
  std::string value(4096, 'v');
  EXPECT_EQ(errno_of(writer.put_bytes(value.data(), value.size())), ENOSPC);
}

TEST_F(XattrStoreTest, a_chain_of_pages_that_never_ends_is_nonsense) {
  InodeNumber file = make(kRootInode, "f");
  std::string value(9000, 'v');
  ASSERT_TRUE(set_xattr(root, file, text("user.a"), value.data(), value.size(), 0));
  PageIndex first = record(file).xattrs;
  volume.check_at_end = false;
  volume.volume.page_descriptor(first)->next = first;
  auto* entry = reinterpret_cast<XattrEntry*>(volume.volume.page(first) + sizeof(XattrHeader));
  entry->value_size = 0x7fffffff;
  XattrReader reader(volume.volume, PageIndex::kNone);
  uint32_t size = 0;
  EXPECT_EQ(find_xattr(volume.volume, first, text("user.z"), reader, size), XattrLook::kNonsense);
}

}  // namespace
}  // namespace bt::engine
