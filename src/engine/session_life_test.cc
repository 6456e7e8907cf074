// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>

#include "engine/allocator.h"
#include "engine/descriptor_table.h"
#include "engine/test_volume.h"

namespace bt::engine {
namespace {

class SessionTest : public testing::Test {
 protected:
  InodeNumber make(const char* name, uint32_t mode) {
    NewInode what;
    what.mode = mode;
    Attributes made;
    EXPECT_TRUE(create(context, kRootInode, base::text_of(name), what, made));
    return made.inode;
  }
  const InodeRecord& record(InodeNumber inode) { return *test.volume.inode(inode.index()); }
  DescriptionIndex at(SessionIndex session, int32_t fd) {
    bool ignored;
    return find_descriptor(test.volume, session, fd, ignored);
  }
  TestVolume test;
  Context& context = test.context();
  InodeNumber file = make("f", 0100644), directory = make("d", 0040755);
};

TEST_F(SessionTest, close_session_drops_all_it_holds) {
  TestThread other(test.volume);
  SessionIndex session = other.thread.session;
  Space before = measure_space(test.volume);
  for (int32_t fd : {0, 1023, 1024, 5000})
    ASSERT_TRUE(open_description(other.context, session, fd, file, O_RDWR, false, false));
  ASSERT_TRUE(set_working_directory(other.context, session, directory));
  EXPECT_EQ(record(file).opens, 4u);
  EXPECT_EQ(record(directory).opens, 1u);
  ASSERT_TRUE(close_session(context, session));
  EXPECT_EQ(record(file).opens, 0u);
  EXPECT_EQ(record(directory).opens, 0u);
  EXPECT_EQ(test.volume.session(session)->state, uint32_t{kSessionFree});
  EXPECT_EQ(measure_space(test.volume).pages_free, before.pages_free);
  EXPECT_EQ(close_session(context, session).error().errno_value(), EINVAL);
}

TEST_F(SessionTest, working_directory_keeps_a_removed_directory) {
  ASSERT_TRUE(set_working_directory(context, test.session(), directory));
  ASSERT_TRUE(remove_directory(context, kRootInode, base::text_of("d")));
  EXPECT_NE(record(directory).mode, 0u);
  ASSERT_TRUE(set_working_directory(context, test.session(), kRootInode));
  EXPECT_EQ(record(directory).mode, 0u);
  EXPECT_EQ(record(kRootInode).opens, 1u);
  EXPECT_EQ(set_working_directory(context, test.session(), file).error().errno_value(), ENOTDIR);
}

TEST_F(SessionTest, a_clone_shares_descriptions_and_lives_on) {
  ASSERT_TRUE(open_description(context, test.session(), 3, file, O_RDWR, false, false));
  ASSERT_TRUE(open_description(context, test.session(), 2000, file, O_RDWR, true, false));
  ASSERT_TRUE(set_working_directory(context, test.session(), directory));
  auto clone = clone_session(context, test.session());
  ASSERT_TRUE(clone);
  EXPECT_EQ(at((*clone).index, 3), at(test.session(), 3));
  EXPECT_EQ(test.volume.description(at((*clone).index, 3))->references, 2u);
  EXPECT_EQ(record(directory).opens, 2u);
  ASSERT_TRUE(adopt_session(context, *clone, 4711, 99));
  EXPECT_FALSE(adopt_session(context, *clone, 4711, 99));
  ASSERT_TRUE(close_session(context, test.session()));
  EXPECT_EQ(record(file).opens, 2u);
  ASSERT_TRUE(close_session(context, (*clone).index));
  EXPECT_EQ(record(file).opens, 0u);
}

TEST_F(SessionTest, exec_keeps_what_is_not_close_on_exec) {
  ASSERT_TRUE(open_description(context, test.session(), 3, file, O_RDWR, false, false));
  ASSERT_TRUE(open_description(context, test.session(), 4, file, O_RDWR, true, false));
  SessionRecord& session = *test.volume.session(test.session());
  Thread image;
  image.volume = &test.volume;
  EXPECT_FALSE(claim_session(image, test.session(), session.pid, session.start_time));
  name_heir(test.volume, test.session(), session.pid);
  EXPECT_FALSE(claim_session(image, test.session(), session.pid, session.start_time + 1));
  EXPECT_FALSE(claim_session(image, test.session(), session.pid + 1, session.start_time));
  EXPECT_EQ(image.slot, nullptr);
  ASSERT_TRUE(claim_session(image, test.session(), session.pid, session.start_time));
  EXPECT_NE(at(test.session(), 3), DescriptionIndex::kNone);
  EXPECT_EQ(at(test.session(), 4), DescriptionIndex::kNone);
  EXPECT_EQ(next_descriptor(test.volume, test.session(), 0), 3);
  EXPECT_EQ(next_descriptor(test.volume, test.session(), 4), -1);
  detach_thread(image);
  EXPECT_FALSE(claim_session(image, test.session(), session.pid, session.start_time));
}

TEST_F(SessionTest, a_fork_child_that_only_execs_claims_the_clone) {
  ASSERT_TRUE(open_description(context, test.session(), 3, file, O_RDWR, false, false));
  auto clone = clone_session(context, test.session());
  ASSERT_TRUE(clone);
  name_heir(test.volume, (*clone).index, 4711);
  Thread image;
  image.volume = &test.volume;
  ASSERT_TRUE(claim_session(image, (*clone).index, 4711, 99));
  const SessionRecord& session = *test.volume.session((*clone).index);
  EXPECT_EQ(session.pid, 4711u);
  EXPECT_EQ(session.start_time, 99u);
  EXPECT_FALSE(adopt_session(context, *clone, 4711, 99));  // the parent comes late
  EXPECT_NE(at((*clone).index, 3), DescriptionIndex::kNone);
  detach_thread(image);
}

TEST_F(SessionTest, a_killed_process_with_10000_descriptors_is_closed_in_under_10_ms) {
  SessionIndex session{};
  test.in_killed_process([&](TestThread& child) {
    for (int32_t fd = 0; fd < 10000; fd++)
      if (!open_description(child.context, child.thread.session, fd, file, O_RDONLY, false, false))
        _exit(1);
    auto* txn = new Transaction(child.thread);  // and it was in the middle of something
    if (!txn->lock(test.volume.inode(file.index())->lock, shm::LockRank::kInode)) _exit(1);
    txn->store(test.volume.inode(file.index())->opens, 1u);
  });
  for (uint32_t i = 1; i < test.volume.sessions_used(); i++)
    if (test.volume.session(SessionIndex{i})->descriptor_count == 10000) session = SessionIndex{i};
  ASSERT_NE(session, SessionIndex::kNone);
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(sweep_slots(test.thread()), 1u);
  ASSERT_TRUE(close_session(context, session));
  std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  printf("recovered in %.2f ms\n", took.count());
  EXPECT_EQ(record(file).opens, 0u);
}

TEST_F(SessionTest, offset_is_shared_and_its_lock_dies_with_its_holder) {
  auto opened = open_description(context, test.session(), 3, file, O_RDWR, false, false);
  ASSERT_TRUE(opened);
  {
    OffsetLock lock;
    ASSERT_TRUE(OffsetLock::acquire(context, *opened, lock));
    lock.set_offset(42);
    Transaction txn(test.thread());  // as a write through the offset does
    ASSERT_TRUE(txn.lock(test.volume.inode(file.index())->lock, shm::LockRank::kInode));
    txn.commit();
    EXPECT_EQ(test.thread().slot->held_count, 1u);
    OffsetLock again;
    EXPECT_EQ(OffsetLock::acquire(context, *opened, again).error(), error::signal_in_section);
  }
  EXPECT_EQ(test.thread().slot->held_count, 0u);
  test.in_killed_process([&](TestThread& child) {
    auto* lock = new OffsetLock;
    if (!OffsetLock::acquire(child.context, *opened, *lock)) _exit(1);
    lock->set_offset(43);
  });
  OffsetLock lock;
  ASSERT_TRUE(OffsetLock::acquire(context, *opened, lock));
  EXPECT_EQ(lock.offset(), 43u);
}
}  // namespace
}  // namespace bt::engine
