// SPDX-License-Identifier: MIT
#include "shm/lock.h"

#include <gtest/gtest.h>

#include <thread>

namespace bt::shm {
namespace {
using format::LockRecord;
using format::SlotIndex;

TEST(Lock, tag_carries_slot_and_generation) {
  uint64_t tag = make_tag(SlotIndex{7}, 0x7fffffff);
  EXPECT_EQ(slot_of(tag), SlotIndex{7});
  EXPECT_EQ(generation_of(tag), 0x7fffffffu);
  EXPECT_EQ(owner_of(tag | kWaitersBit), tag);
}

TEST(Lock, is_taken_once) {
  LockRecord lock = {};
  EXPECT_TRUE(try_acquire(lock, make_tag(SlotIndex{1}, 1)));
  EXPECT_FALSE(try_acquire(lock, make_tag(SlotIndex{2}, 1)));
  release(lock);
  EXPECT_TRUE(try_acquire(lock, make_tag(SlotIndex{2}, 1)));
}

TEST(Lock, readers_look_again_after_a_change) {
  LockRecord lock = {};
  uint64_t seq = read_begin(lock);
  EXPECT_FALSE(read_retry(lock, seq));
  begin_change(lock);
  EXPECT_TRUE(read_retry(lock, seq));
  EXPECT_TRUE(read_retry(lock, read_begin(lock)));
  end_change(lock);
  EXPECT_TRUE(read_retry(lock, seq));
  EXPECT_FALSE(read_retry(lock, read_begin(lock)));
}

TEST(Lock, an_odd_sequence_left_by_damage_still_grows) {
  LockRecord lock = {.tag = 0, .seq = 5};
  begin_change(lock);
  EXPECT_EQ(lock.seq, 7u);
  end_change(lock);
  EXPECT_EQ(lock.seq, 8u);
}

TEST(Lock, release_wakes_a_sleeper) {
  LockRecord lock = {.tag = make_tag(SlotIndex{1}, 1) | kWaitersBit, .seq = 0};
  std::thread sleeper([&] {
    uint32_t expected = static_cast<uint32_t>(load_tag(lock));
    while (load_tag(lock) != 0) futex_wait(futex_word_of(lock), expected, 10000);
  });
  release(lock);
  sleeper.join();
  EXPECT_EQ(lock.tag, 0u);
}
}  // namespace
}  // namespace bt::shm
