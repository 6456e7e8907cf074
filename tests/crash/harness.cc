// SPDX-License-Identifier: MIT
#include "harness.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/clock.h"

namespace {
int64_t clock_value;
}

// Instead of engine/clock.cc: the same run must give the same bytes.
int64_t bt::engine::clock_now_ns(const Thread&) { return ++clock_value; }

namespace bt::crash {

void set_clock(int64_t now) { clock_value = now; }

namespace {

constexpr int64_t kFixtureClock = 1'000'000, kVictimClock = 2'000'000, kBystanderClock = 3'000'000;
constexpr uint64_t kProveEach = 64;
constexpr uint64_t kEndStores = 30;

[[noreturn]] void die_of(const char* what) {
  fprintf(stderr, "crash harness: %s\n", what);
  exit(3);
}

// The harness's own copy: neither counted nor replaced by the runtime's memcpy.
void raw_copy(void* to, const void* from, uint64_t size) {
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

void raw_clear(void* place, uint64_t size) {
  asm volatile("rep stosb" : "+D"(place), "+c"(size) : "a"(0) : "memory");
}

void* shared_memory(uint64_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die_of("no memory");
  return memory;
}

uint32_t own_pid() { return static_cast<uint32_t>(getpid()); }

}  // namespace

Harness::Harness(Act fixture) {
  FormatOptions options;
  options.volume_size = 16 << 20;
  options.inodes_max = 512;
  options.id = 1;
  options.now_ns = kFixtureClock;
  size_ = Volume::volume_size_for(options);
  memory_ = static_cast<char*>(shared_memory(size_));
  board_ = static_cast<StoreBoard*>(shared_memory(sizeof(StoreBoard) + (size_ >> 12) + 1));
  watch_volume(memory_, size_, board_);
  if (!Volume::format(memory_, size_, options) || !Volume::attach(memory_, size_, volume_))
    die_of("format failed");
  set_clock(kFixtureClock);
  bystander_ = std::make_unique<Actor>(volume_, own_pid());
  fixture(*bystander_);
  if (bystander_->failed())
    die_of(("the fixture fails: " + std::string(strerror(bystander_->failed()))).c_str());
  bystander_->tolerate();
  scratch_size_ = check_scratch_size(volume_);
  scratch_ =
      mmap(nullptr, scratch_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  // Shared, lest each fork copies its page tables; sparse like the volume. No victim needs what only the judge looks at.
  snapshot_ = static_cast<char*>(shared_memory(size_));
  madvise(snapshot_, size_, MADV_DONTFORK);
  madvise(scratch_, scratch_size_, MADV_DONTFORK);
  each_page([&](uint64_t at) {
    if (board_->touched()[at >> 12]) raw_copy(snapshot_ + at, memory_ + at, 4096);
  });
  memset(board_->touched(), 0, board_->volume_page_count);
}

// All but the counters of metrics/, which are added to by inline assembly and mean nothing to the engine.
template <typename Use>
void Harness::each_page(Use use) {
  const Region& metrics = volume_.geometry().metrics;
  uint64_t metrics_end = metrics.offset + metrics.count * volume_.geometry().metrics_block_size;
  for (uint64_t at = 0; at < size_; at += 4096) {
    if (at == metrics.offset) at = metrics_end;
    use(at);
  }
}

void Harness::restore() {
  note_touched(&volume_.superblock(), sizeof(Superblock));
  // What the kernel writes: the tokens of the dead.
  for (uint32_t i = 1; i < volume_.superblock().slots_used; i++)
    note_touched(volume_.slot(SlotIndex{i}), 64);
  each_page([&](uint64_t at) {
    if (!board_->touched()[at >> 12]) return;
    raw_copy(memory_ + at, snapshot_ + at, 4096);
    board_->touched()[at >> 12] = 0;
  });
  if (restores_++ % kProveEach == 0) prove_restored();
}

// Byte by byte, wherever one of the two has memory; where neither has, both are zero. (Looking there would make them have it.)
void Harness::prove_restored() {
  std::vector<unsigned char> here((size_ >> 12) + 1), there((size_ >> 12) + 1);
  if (mincore(memory_, size_, here.data()) != 0 || mincore(snapshot_, size_, there.data()) != 0)
    die_of("mincore failed");
  each_page([&](uint64_t at) {
    bool present = (here[at >> 12] | there[at >> 12]) & 1;
    if (present && memcmp(memory_ + at, snapshot_ + at, 4096) != 0)
      die_of(("the volume was not restored exactly: page at " + std::to_string(at)).c_str());
  });
  totals_.restores_proven++;
}

pid_t Harness::start_victim(const Scenario& scenario, uint64_t kill_at) {
  pid_t child = fork();
  if (child < 0) die_of("fork failed");
  if (child) return child;
  alarm(hang_seconds_);
  set_clock(kVictimClock);
  Actor victim(volume_, own_pid());
  if (scenario.prelude) scenario.prelude(victim);
  if (victim.failed()) _exit(victim.failed());
  arm_stores(kill_at);
  scenario.operation(victim);
  disarm_stores();
  if (victim.failed()) _exit(victim.failed());
  kill(getpid(), SIGKILL);
  _exit(255);
}

bool Harness::await(pid_t child, const char* whom) {
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
  std::string why = WIFSIGNALED(status) ? "died of signal " + std::to_string(WTERMSIG(status))
                                        : std::string("failed: ") + strerror(WEXITSTATUS(status));
  fail(std::string(whom) + " " + why);
  return false;
}

void Harness::fail(const std::string& what) {
  totals_.failures++;
  if (totals_.failures <= 20) printf("FAIL %s: %s\n", label_.c_str(), what.c_str());
  fflush(stdout);
}

void Harness::act_second(const Scenario& scenario, Second second) {
  set_clock(kBystanderClock);
  if (second == Second::kConflict && scenario.conflict) scenario.conflict(*bystander_);
  if (second == Second::kNeighbour) {
    // Under locks that no victim holds, but through the same pools and counters.
    bystander_->make_file("neighbour/n");
    bystander_->append("neighbour/log", 5000, 'n');
    bystander_->rename("neighbour/n", "neighbour/m");
    bystander_->make_directory("neighbour/d");
    bystander_->rename("neighbour/d", "neighbour/e");
    bystander_->remove_directory("neighbour/e");
  }
}

Harness::Expected Harness::expect(const Scenario& scenario, Second second) {
  Expected expected{};
  Scenario nothing = scenario;
  nothing.operation = [](Actor&) {};
  for (bool done : {false, true}) {
    restore();
    pid_t victim = start_victim(done ? scenario : nothing, 0);
    await(victim, "the uncut victim");
    if (done) expected.stores = board_->stores;
    act_second(scenario, second);
    sweep(bystander_->context(), volume_, static_cast<uint32_t>(victim));
    (done ? expected.after : expected.before) = look_at(*bystander_);
  }
  return expected;
}

void Harness::recover(pid_t dead) {
  // Sums that everybody adds to must survive a rollback.
  uint64_t dirtree_seq = volume_.superblock().dirtree_seq;
  sweep(bystander_->context(), volume_, static_cast<uint32_t>(dead));
  if (volume_.superblock().dirtree_seq < dirtree_seq) fail("recovery set dirtree_seq back");
}

bool Harness::judge(const Scenario& scenario, const Expected& expected) {
  totals_.states++;
  if (volume_.is_frozen()) {
    fail("the volume is frozen (damage found)");
    return false;
  }
  struct Report {
    std::string text;
    int count = 0;
  } report;
  raw_clear(scratch_, scratch_size_);
  CheckReport result{};
  auto take = [](void* argument, const Violation& v) {
    auto& r = *static_cast<Report*>(argument);
    if (r.count++ < 3)
      r.text += std::string(" ") + v.rule + " of " + std::to_string(v.object) + ": " +
                std::to_string(v.found) + ", not " + std::to_string(v.expected) + ";";
  };
  auto checked = check_volume(bystander_->context(), scratch_, take, &report, result);
  if (!checked || report.count) {
    fail(checked ? "check:" + report.text : std::string("check: ") + checked.error().text());
    return false;
  }
  State now = look_at(*bystander_);
  if (now == expected.before || now == expected.after) return true;
  if (scenario.kind == Scenario::kPagesLater) {
    State before = expected.before, after = expected.after;
    for (State* state : {&now, &before, &after})
      for (Entry& entry : state->entries) entry.page_count = 0;
    if (now == before || now == after) return true;
  }
  bool torn = scenario.kind == Scenario::kTorn;
  bool steps = torn || scenario.kind == Scenario::kInSteps;
  if (steps && is_between(now, expected.before, expected.after, torn)) return true;
  fail("neither before (" + difference(now, expected.before) + ") nor after (" +
       difference(now, expected.after) + ")");
  return false;
}

// Steps that give at most `points` of `stores`; odd, so that a pattern of even length is not met at one place only.
static uint64_t stride_for(uint64_t stores, uint64_t points) {
  return stores <= points ? 1 : ((stores + points - 1) / points) | 1;
}

void Harness::run(const Scenario& scenario, Second second, uint64_t points_max) {
  static const char* const kNames[] = {"alone", "conflict", "neighbour"};
  alarm(2 * hang_seconds_);
  std::string label = std::string(scenario.name) + ", " + kNames[static_cast<int>(second)];
  label_ = label + ", uncut";
  Expected expected = expect(scenario, second);
  uint64_t stride = stride_for(expected.stores, points_max);
  // The end, where the log is cleared and locks go one by one, in full: its windows are one store wide.
  uint64_t end = second == Second::kConflict && expected.stores > kEndStores
                     ? expected.stores - kEndStores
                     : UINT64_MAX;
  for (uint64_t k = 1; k <= expected.stores && !stopped(); k += k >= end ? 1 : stride) {
    label_ = label + ", store " + std::to_string(k) + " of " + std::to_string(expected.stores);
    alarm(hang_seconds_);
    restore();
    pid_t victim = start_victim(scenario, k);
    if (!await(victim, "the victim")) continue;
    act_second(scenario, second);
    recover(victim);
    judge(scenario, expected);
    totals_.points++;
  }
  alarm(0);
}

pid_t Harness::start_recoverer(pid_t victim, uint64_t kill_at, bool on_arrival) {
  pid_t child = fork();
  if (child < 0) die_of("fork failed");
  if (child) return child;
  alarm(hang_seconds_);
  set_clock(kBystanderClock);
  // Its arrival may be what recovers: a thread that needs a slot takes over a dead one.
  if (on_arrival) arm_stores(kill_at);
  Actor recoverer(volume_, own_pid());
  if (!on_arrival) arm_stores(kill_at);
  sweep(recoverer.context(), volume_, static_cast<uint32_t>(victim));
  disarm_stores();
  _exit(0);
}

void Harness::run_killed_recovery(const Scenario& scenario, uint64_t points_max,
                                  uint64_t recoverer_points_max) {
  alarm(2 * hang_seconds_);
  std::string label = std::string(scenario.name) + ", recoverer killed";
  label_ = label + ", uncut";
  Expected expected = expect(scenario, Second::kNobody);
  Expected beside = scenario.conflict ? expect(scenario, Second::kConflict) : expected;
  uint64_t stride = stride_for(expected.stores, points_max);
  for (uint64_t k = 1; k <= expected.stores && !stopped(); k += stride) {
    // How many stores recovery makes is known after its first whole run; about as many as the last one made until then.
    bool whole = false;
    uint64_t recoverer_stride = stride_for(recoverer_stores_, recoverer_points_max);
    for (uint64_t j = 1; !whole && !stopped(); j += recoverer_stride) {
      label_ = label + " at " + std::to_string(j) + ", store " + std::to_string(k) + " of " +
               std::to_string(expected.stores);
      alarm(hang_seconds_);
      restore();
      pid_t victim = start_victim(scenario, k);
      if (!await(victim, "the victim")) break;
      pid_t recoverer = start_recoverer(victim, j, k / stride % 2);
      int status = 0;
      waitpid(recoverer, &status, 0);
      whole = WIFEXITED(status);
      if (!whole && WTERMSIG(status) != SIGKILL)
        fail("the recoverer died of signal " + std::to_string(WTERMSIG(status)));
      if (whole) recoverer_stores_ = board_->stores;
      bool conflict = scenario.conflict && (j / recoverer_stride) % 2;
      act_second(scenario, conflict ? Second::kConflict : Second::kNobody);
      recover(victim);
      recover(recoverer);
      judge(scenario, conflict ? beside : expected);
      totals_.points++;
    }
  }
  alarm(0);
}

}  // namespace bt::crash
