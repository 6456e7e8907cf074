// SPDX-License-Identifier: MIT
#include "policy.h"

#include <algorithm>
#include <deque>
#include <list>
#include <unordered_map>
#include <unordered_set>

namespace bt::cachesim {
namespace {

// A queue of keys with a small number kept of each, newest first, searchable.
class Queue {
 public:
  struct Item {
    Key key;
    uint8_t count;
  };
  using Place = std::list<Item>::iterator;

  size_t size() const { return items_.size(); }
  Item* find(Key key) {
    auto found = index_.find(key);
    return found == index_.end() ? nullptr : &*found->second;
  }
  void push(Key key, uint8_t count = 0) {
    items_.push_front({key, count});
    index_[key] = items_.begin();
  }
  Item pop() {
    Item last = items_.back();
    index_.erase(last.key);
    items_.pop_back();
    return last;
  }
  void remove(Key key) {
    auto found = index_.find(key);
    items_.erase(found->second);
    index_.erase(found);
  }
  void to_front(Key key) { items_.splice(items_.begin(), items_, index_[key]); }
  Key oldest() const { return items_.back().key; }

 private:
  std::list<Item> items_;
  std::unordered_map<Key, Place> index_;
};

class Lru : public Policy {
 public:
  explicit Lru(size_t capacity) : capacity_(capacity) {}
  bool access(Key key) override {
    if (queue_.find(key)) {
      queue_.to_front(key);
      return true;
    }
    if (queue_.size() == capacity_) queue_.pop();
    queue_.push(key);
    return false;
  }

 private:
  size_t capacity_;
  Queue queue_;
};

class Clock : public Policy {
 public:
  explicit Clock(size_t capacity) : capacity_(capacity) {}
  bool access(Key key) override {
    if (auto* item = queue_.find(key)) {
      item->count = 1;
      return true;
    }
    while (queue_.size() == capacity_) {
      Queue::Item last = queue_.pop();
      if (last.count) queue_.push(last.key, 0);
    }
    queue_.push(key);
    return false;
  }

 private:
  size_t capacity_;
  Queue queue_;
};

class TwoQueues : public Policy {
 public:
  explicit TwoQueues(size_t capacity)
      : capacity_(capacity),
        in_max_(std::max<size_t>(1, capacity / 4)),
        out_max_(std::max<size_t>(1, capacity / 2)) {}
  bool access(Key key) override {
    if (main_.find(key)) {
      main_.to_front(key);
      return true;
    }
    if (in_.find(key)) return true;
    make_room();
    if (out_.find(key)) {
      out_.remove(key);
      main_.push(key);
    } else {
      in_.push(key);
    }
    return false;
  }

 private:
  void make_room() {
    if (in_.size() + main_.size() < capacity_) return;
    if (in_.size() > in_max_ || main_.size() == 0) {
      out_.push(in_.pop().key);
      if (out_.size() > out_max_) out_.pop();
    } else {
      main_.pop();
    }
  }

  size_t capacity_, in_max_, out_max_;
  Queue in_, out_, main_;
};

class Sieve : public Policy {
 public:
  explicit Sieve(size_t capacity) : capacity_(capacity) { slots_.reserve(capacity); }
  bool access(Key key) override {
    auto found = index_.find(key);
    if (found != index_.end()) {
      found->second->visited = true;
      return true;
    }
    if (items_.size() == capacity_) evict();
    items_.push_front({key, false});
    index_[key] = items_.begin();
    return false;
  }

 private:
  struct Item {
    Key key;
    bool visited;
  };
  void evict() {
    auto hand = hand_valid_ ? hand_ : std::prev(items_.end());
    while (hand->visited) {
      hand->visited = false;
      hand = hand == items_.begin() ? std::prev(items_.end()) : std::prev(hand);
    }
    hand_valid_ = hand != items_.begin();
    if (hand_valid_) hand_ = std::prev(hand);
    index_.erase(hand->key);
    items_.erase(hand);
  }

  size_t capacity_;
  std::list<Item> items_;
  std::unordered_map<Key, std::list<Item>::iterator> index_;
  std::list<Item>::iterator hand_;
  bool hand_valid_ = false;
  std::vector<Key> slots_;
};

// The engine's: CLOCK in an array, with a tenth on probation (src/origin/evict.cc).
class ProbationClock : public Policy {
 public:
  explicit ProbationClock(size_t capacity) : slots_(capacity) {}
  bool access(Key key) override {
    auto found = index_.find(key);
    if (found != index_.end()) {
      slots_[found->second].visited = true;
      return true;
    }
    size_t place = used_ < slots_.size() ? used_++ : evict();
    auto gone = gone_.find(key);
    bool comes_back = gone != gone_.end() && evictions_ - gone->second < slots_.size();
    slots_[place] = {key, false, !comes_back};
    index_[key] = place;
    probation_ += !comes_back;
    return false;
  }

 private:
  struct Slot {
    Key key;
    bool visited, on_probation;
  };
  size_t evict() {
    for (;; hand_ = (hand_ + 1) % slots_.size()) {
      Slot& slot = slots_[hand_];
      bool many = probation_ > slots_.size() / 10;
      if (many != slot.on_probation) continue;
      if (slot.on_probation) probation_--;
      if (!slot.visited) break;
      slot.visited = slot.on_probation = false;
    }
    size_t place = hand_;
    hand_ = (hand_ + 1) % slots_.size();
    index_.erase(slots_[place].key);
    if (slots_[place].on_probation) gone_[slots_[place].key] = evictions_;
    evictions_++;
    return place;
  }

  std::vector<Slot> slots_;
  std::unordered_map<Key, size_t> index_;
  std::unordered_map<Key, uint64_t> gone_;  // when it went from probation, in evictions
  uint64_t evictions_ = 0;
  size_t used_ = 0, hand_ = 0, probation_ = 0;
};

class S3Fifo : public Policy {
 public:
  explicit S3Fifo(size_t capacity)
      : capacity_(capacity), small_max_(std::max<size_t>(1, capacity / 10)) {}
  bool access(Key key) override {
    Queue::Item* item = small_.find(key);
    if (!item) item = main_.find(key);
    if (item) {
      if (item->count < 3) item->count++;
      return true;
    }
    while (small_.size() + main_.size() >= capacity_) evict();
    if (ghost_.find(key)) {
      ghost_.remove(key);
      main_.push(key);
    } else {
      small_.push(key);
    }
    return false;
  }

 private:
  void evict() {
    if (small_.size() >= small_max_ || main_.size() == 0)
      evict_small();
    else
      evict_main();
  }
  void evict_small() {
    Queue::Item last = small_.pop();
    if (last.count > 1) {
      main_.push(last.key);
      return;
    }
    ghost_.push(last.key);
    if (ghost_.size() > capacity_) ghost_.pop();
  }
  void evict_main() {
    Queue::Item last = main_.pop();
    if (last.count) main_.push(last.key, static_cast<uint8_t>(last.count - 1));
  }

  size_t capacity_, small_max_;
  Queue small_, main_, ghost_;
};

// Counts of 4 bits in a count-min sketch, halved every `period` accesses.
class FrequencySketch {
 public:
  explicit FrequencySketch(size_t capacity)
      : rows_(4, std::vector<uint8_t>(std::max<size_t>(64, capacity * 4))),
        period_(capacity * 10) {}
  void add(Key key) {
    for (size_t row = 0; row < rows_.size(); row++) {
      uint8_t& count = cell(row, key);
      if (count < 15) count++;
    }
    if (++added_ < period_) return;
    added_ = 0;
    for (auto& row : rows_)
      for (uint8_t& count : row) count /= 2;
  }
  uint8_t estimate(Key key) {
    uint8_t least = 15;
    for (size_t row = 0; row < rows_.size(); row++) least = std::min(least, cell(row, key));
    return least;
  }

 private:
  uint8_t& cell(size_t row, Key key) {
    uint64_t mixed = (key + row * 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
    mixed ^= mixed >> 29;
    return rows_[row][mixed % rows_[row].size()];
  }
  std::vector<std::vector<uint8_t>> rows_;
  size_t period_, added_ = 0;
};

class TinyLfu : public Policy {
 public:
  explicit TinyLfu(size_t capacity)
      : window_max_(std::max<size_t>(1, capacity / 100)),
        main_max_(capacity > window_max_ ? capacity - window_max_ : 1),
        protected_max_(main_max_ * 8 / 10),
        sketch_(capacity) {}
  bool access(Key key) override {
    sketch_.add(key);
    if (window_.find(key)) {
      window_.to_front(key);
      return true;
    }
    if (protected_.find(key)) {
      protected_.to_front(key);
      return true;
    }
    if (probation_.find(key)) {
      promote(key);
      return true;
    }
    window_.push(key);
    if (window_.size() > window_max_) admit(window_.pop().key);
    return false;
  }

 private:
  void promote(Key key) {
    probation_.remove(key);
    protected_.push(key);
    if (protected_.size() > protected_max_) probation_.push(protected_.pop().key);
  }
  void admit(Key candidate) {
    if (probation_.size() + protected_.size() < main_max_) return probation_.push(candidate);
    Queue& from = probation_.size() ? probation_ : protected_;
    if (sketch_.estimate(candidate) <= sketch_.estimate(from.oldest())) return;
    from.pop();
    probation_.push(candidate);
  }

  size_t window_max_, main_max_, protected_max_;
  FrequencySketch sketch_;
  Queue window_, probation_, protected_;
};

template <typename Kind>
std::unique_ptr<Policy> make(size_t capacity) {
  return std::make_unique<Kind>(capacity);
}

}  // namespace

const std::vector<PolicyKind>& policy_kinds() {
  static const std::vector<PolicyKind> kinds = {
      {"LRU", make<Lru>},
      {"CLOCK", make<Clock>},
      {"2Q", make<TwoQueues>},
      {"SIEVE", make<Sieve>},
      {"CLOCK-P", make<ProbationClock>},
      {"S3-FIFO", make<S3Fifo>},
      {"W-TinyLFU", make<TinyLfu>},
  };
  return kinds;
}

}  // namespace bt::cachesim
