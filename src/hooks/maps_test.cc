// SPDX-License-Identifier: MIT
// Every map type against a plain model, and what a death inside an operation leaves.
#include "hooks/maps.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <random>
#include <thread>

#include "hooks/maps_internal.h"

namespace bt::hooks {
namespace {

class Region {
 public:
  explicit Region(const MapGeometry& geometry) : size_(layout_of(geometry).size) {
    memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    view = map_view_at(geometry, 0, memory_);
  }
  ~Region() { munmap(memory_, size_); }
  MapView view;

 private:
  uint64_t size_;
  void* memory_;
};

MapUser me(uint32_t slot = 0) { return {token_of_this_thread(), slot}; }

template <typename T = uint64_t>
T* find(const MapView& map, uint32_t key, uint32_t slot = 0) {
  return static_cast<T*>(map_lookup(map, &key, slot));
}
int64_t put(const MapView& map, uint32_t key, uint64_t value, uint64_t flags = 0,
            uint32_t slot = 0) {
  return map_update(map, &key, &value, flags, me(slot));
}

TEST(maps, an_array_holds_its_entries_and_no_others) {
  Region array({BPF_MAP_TYPE_ARRAY, 4, 8, 3});
  EXPECT_EQ(put(array.view, 2, 7), 0);
  EXPECT_EQ(*find(array.view, 2), 7u);
  EXPECT_EQ(find(array.view, 3), nullptr);
  EXPECT_EQ(put(array.view, 3, 1), -E2BIG);
  EXPECT_EQ(put(array.view, 1, 1, BPF_NOEXIST), -EEXIST);
  uint32_t key = 1;
  EXPECT_EQ(map_delete(array.view, &key, me()), -EINVAL);
}

TEST(maps, a_hash_equals_a_model_under_random_changes) {
  Region hash({BPF_MAP_TYPE_HASH, 4, 16, 100});
  std::map<uint32_t, uint64_t> model;
  std::mt19937 random(7);
  MapUser user = me();
  for (int i = 0; i < 100'000; i++) {
    uint32_t key = random() % 150;
    uint64_t value[2] = {random(), 0};
    value[1] = ~value[0];
    switch (random() % 3) {
      case 0: {
        uint64_t flags = random() % 3;
        int64_t expected = 0;
        if (model.count(key))
          expected = flags == BPF_NOEXIST ? -EEXIST : 0;
        else
          expected = flags == BPF_EXIST ? -ENOENT : model.size() == 100 ? -E2BIG : 0;
        ASSERT_EQ(map_update(hash.view, &key, value, flags, user), expected);
        if (expected == 0) model[key] = value[0];
        break;
      }
      case 1:
        ASSERT_EQ(map_delete(hash.view, &key, user), model.erase(key) ? 0 : -ENOENT);
        break;
      default: {
        auto* found = find(hash.view, key);
        ASSERT_EQ(found != nullptr, model.count(key) == 1);
        if (found) {
          ASSERT_EQ(found[0], model[key]);
          ASSERT_EQ(found[1], ~model[key]);
        }
      }
    }
  }
  EXPECT_EQ(hash.view.control->count.load(), model.size());
}

TEST(maps, an_lru_hash_never_refuses_and_keeps_what_is_looked_up) {
  Region lru({BPF_MAP_TYPE_LRU_HASH, 4, 8, 64});
  for (uint32_t i = 0; i < 10'000; i++) {
    ASSERT_EQ(put(lru.view, i, i), 0);
    if (i < 10) continue;
    ASSERT_NE(find(lru.view, 5), nullptr) << i;
  }
  EXPECT_EQ(lru.view.control->count.load(), 64u);
  EXPECT_NE(find(lru.view, 9'999), nullptr);
  EXPECT_EQ(find(lru.view, 100), nullptr);
}

TEST(maps, per_cpu_values_start_at_zero_in_every_slot_and_are_each_ones_own) {
  Region hash({BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4});
  ASSERT_EQ(put(hash.view, 1, 10, 0, 0), 0);
  ASSERT_EQ(put(hash.view, 1, 20, 0, 3), 0);
  EXPECT_EQ(*find(hash.view, 1, 0), 10u);
  EXPECT_EQ(*find(hash.view, 1, 3), 20u);
  uint32_t key = 1;
  ASSERT_EQ(map_delete(hash.view, &key, me()), 0);
  ASSERT_EQ(put(hash.view, 2, 1, 0, 1), 0);  // the same element again
  EXPECT_EQ(*find(hash.view, 2, 3), 0u);
}

TEST(maps, queues_and_stacks_order_and_bound) {
  Region queue({BPF_MAP_TYPE_QUEUE, 0, 8, 2}), stack({BPF_MAP_TYPE_STACK, 0, 8, 2});
  for (const MapView* map : {&queue.view, &stack.view}) {
    uint64_t value = 1, out = 0;
    EXPECT_EQ(map_pop(*map, &out, true, me()), -ENOENT);
    EXPECT_EQ(map_push(*map, &value, 0, me()), 0);
    value = 2;
    EXPECT_EQ(map_push(*map, &value, 0, me()), 0);
    value = 3;
    EXPECT_EQ(map_push(*map, &value, 0, me()), -E2BIG);
    EXPECT_EQ(map_push(*map, &value, BPF_EXIST, me()), 0);  // drops the oldest
    EXPECT_EQ(map_pop(*map, &out, false, me()), 0);
    EXPECT_EQ(out, map == &queue.view ? 2u : 3u);
    EXPECT_EQ(map_pop(*map, &out, true, me()), 0);
    EXPECT_EQ(map_pop(*map, &out, true, me()), 0);
    EXPECT_EQ(out, map == &queue.view ? 3u : 2u);
  }
}

TEST(maps, a_ring_gives_back_what_was_written_in_order_and_counts_what_it_lost) {
  Region ring({BPF_MAP_TYPE_RINGBUF, 0, 0, 4096});
  std::mt19937 random(3);
  MapUser user = me();
  uint64_t written = 0, read = 0, lost = 0;
  for (int i = 0; i < 50'000; i++) {
    uint64_t size = 8 + random() % 200;
    if (auto* record = static_cast<uint64_t*>(ring_reserve(ring.view, size, user))) {
      *record = written;
      bool discard = random() % 4 == 0;
      ring_commit(record, discard);
      written += !discard;
    } else {
      lost++;
    }
    uint32_t found_size;
    for (int k = random() % 3 == 0; k > 0; k--)
      if (const RingRecord* record = ring_peek(ring.view, found_size)) {
        ASSERT_EQ(*reinterpret_cast<const uint64_t*>(record + 1), read++);
        ring_consumed(ring.view, record);
      }
  }
  EXPECT_EQ(ring.view.control->lost.load(), lost);
  EXPECT_GT(lost, 0u);
  EXPECT_GT(read, 10'000u);
}

TEST(maps, a_busy_record_of_a_dead_writer_does_not_stop_the_reader) {
  Region ring({BPF_MAP_TYPE_RINGBUF, 0, 0, 4096});
  pid_t child = fork();
  if (child == 0) {
    ring_reserve(ring.view, 16, me());
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  auto* record = static_cast<uint64_t*>(ring_reserve(ring.view, 8, me()));
  *record = 42;
  ring_commit(record, false);
  uint32_t size;
  const RingRecord* found = ring_peek(ring.view, size);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*reinterpret_cast<const uint64_t*>(found + 1), 42u);
}

TEST(maps, parallel_changes_lose_nothing) {
  Region hash({BPF_MAP_TYPE_HASH, 4, 16, 1000});
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; t++)
    threads.emplace_back([&, t] {
      MapUser user = me();
      for (uint32_t i = 0; i < 20'000; i++) {
        uint32_t key = t * 1000 + i % 200;
        uint64_t value[2] = {i, ~uint64_t{i}};
        ASSERT_EQ(map_update(hash.view, &key, value, 0, user), 0);
        auto* found = find(hash.view, key);
        ASSERT_NE(found, nullptr);
        if (i % 3) continue;
        ASSERT_EQ(map_delete(hash.view, &key, user), 0);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

// What the bystanders of the test below share with it.
struct Bystander {
  std::atomic<uint32_t> updates;
  std::atomic<bool> stop;
};
constexpr uint32_t kBystanders = 2, kFirstBystander = 500, kFirstVictim = 1000, kVictimKeys = 30;
struct LongValue {
  uint64_t words[128];  // copied under the lock, where a kill is then likely to hit
};

// Each counts its own key up; an update that was answered must be there at the end.
[[noreturn]] void stand_by(const MapView& map, Bystander& self, uint32_t key) {
  MapUser user = me();
  while (!self.stop.load()) {
    LongValue value{{self.updates.load() + 1}};
    if (map_update(map, &key, &value, 0, user) == 0) self.updates.fetch_add(1);
  }
  _exit(0);
}
[[noreturn]] void change_for_ever(const MapView& map, Bystander& self) {
  MapUser user = me();
  for (uint32_t i = 0;; i++) {
    uint32_t key = kFirstVictim + i % kVictimKeys;
    LongValue value{{i}};
    map_update(map, &key, &value, 0, user);
    if (i % 2) map_delete(map, &key, user);
    self.updates.store(i + 1);
  }
}
// Once it is at work, after `pause` more; a machine may be slow to start it.
void kill_at_work(const MapView& map, Bystander& self, uint32_t pause) {
  self.updates = 0;
  pid_t victim = fork();
  if (victim == 0) change_for_ever(map, self);
  for (int waited = 0; self.updates.load() == 0 && waited < 600'000; waited++) usleep(100);
  usleep(pause);
  kill(victim, SIGKILL);
  waitpid(victim, nullptr, 0);
}

// A holder that dies at any point of an operation: the next one repairs, and nobody else's update is lost.
TEST(maps, processes_killed_inside_an_update_leave_the_map_whole_and_cost_others_nothing) {
  Region hash({BPF_MAP_TYPE_HASH, 4, sizeof(LongValue), 64});
  auto* bystanders = static_cast<Bystander*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(bystanders, MAP_FAILED);
  pid_t children[kBystanders];
  for (uint32_t i = 0; i < kBystanders; i++)
    if ((children[i] = fork()) == 0) stand_by(hash.view, bystanders[i], kFirstBystander + i);
  const uint32_t wanted = getenv("BT_LONG") && *getenv("BT_LONG") ? 1000 : 100;
  // A kill that hit elsewhere is no test: each that hits costs one repair, by whoever comes next.
  const std::atomic<uint64_t>& inside = hash.view.control->repairs;
  for (uint32_t round = 0; inside < wanted && round < 40 * wanted; round++)
    kill_at_work(hash.view, bystanders[kBystanders], 37 * (round % 20));
  for (uint32_t i = 0; i < kBystanders; i++) {
    bystanders[i].stop = true;
    int status = 1;
    waitpid(children[i], &status, 0);
    EXPECT_EQ(status, 0);
    const void* value = find(hash.view, kFirstBystander + i);
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(static_cast<const LongValue*>(value)->words[0], bystanders[i].updates.load());
  }
  EXPECT_GE(inside.load(), wanted);
  std::printf("%lu killed inside; %u and %u updates beside them\n",
              static_cast<unsigned long>(inside.load()), bystanders[0].updates.load(),
              bystanders[1].updates.load());
  // Everything that is not in the map is free again: it can be filled to its bound.
  MapUser user = me();
  for (uint32_t i = 0; i < kVictimKeys; i++) {
    uint32_t key = kFirstVictim + i;
    map_delete(hash.view, &key, user);
  }
  for (uint32_t key = 2000; key < 2000 + 64 - kBystanders; key++) {
    LongValue value{};
    ASSERT_EQ(map_update(hash.view, &key, &value, 0, user), 0);
  }
  munmap(bystanders, 4096);
}

// The window in the middle of an insertion, which a kill seldom hits: the lock held, an element taken and not yet linked.
TEST(maps, the_lock_of_a_dead_thread_is_taken_over_and_its_element_freed) {
  Region hash({BPF_MAP_TYPE_HASH, 4, 16, 2});
  pid_t child = fork();
  if (child == 0) {
    if (!lock_map(hash.view, me())) _exit(1);
    hash.view.control->fresh.store(2);  // took two elements, linked none
    _exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  MapUser user = me();
  for (uint32_t key = 0; key < 2; key++) {
    uint64_t value[2] = {key, key};
    ASSERT_EQ(map_update(hash.view, &key, value, 0, user), 0);
  }
  EXPECT_EQ(hash.view.control->repairs.load(), 1u);
}

TEST(maps, a_lock_held_by_the_living_is_not_stolen) {
  Region hash({BPF_MAP_TYPE_HASH, 4, 8, 2});
  std::atomic<bool> held{false}, release{false};
  std::thread holder([&] {
    ASSERT_TRUE(lock_map(hash.view, me()));
    held = true;
    while (!release) usleep(100);
    unlock_map(hash.view);
  });
  while (!held) usleep(100);
  EXPECT_EQ(put(hash.view, 1, 1), -EBUSY);
  release = true;
  holder.join();
  EXPECT_EQ(put(hash.view, 1, 1), 0);
  EXPECT_EQ(hash.view.control->repairs.load(), 0u);
}

TEST(maps, geometry_out_of_bounds_is_refused) {
  EXPECT_NE(refuse_geometry({BPF_MAP_TYPE_ARRAY, 8, 8, 1}), nullptr);
  EXPECT_NE(refuse_geometry({BPF_MAP_TYPE_HASH, 0, 8, 1}), nullptr);
  EXPECT_NE(refuse_geometry({BPF_MAP_TYPE_HASH, 4, 8, 0}), nullptr);
  EXPECT_NE(refuse_geometry({BPF_MAP_TYPE_RINGBUF, 0, 0, 5000}), nullptr);
  EXPECT_NE(refuse_geometry({BPF_MAP_TYPE_SOCKMAP, 4, 4, 1}), nullptr);
  EXPECT_NE(refuse_geometry({BPF_MAP_TYPE_ARRAY, 4, 1 << 20, 1 << 24}), nullptr);
  EXPECT_EQ(refuse_geometry({BPF_MAP_TYPE_HASH, 255, 2048, 100}), nullptr);
}

}  // namespace
}  // namespace bt::hooks
