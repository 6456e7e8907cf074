// SPDX-License-Identifier: MIT
// Any byte of a volume may be anything, at any moment: operations give errors, and never crash, hang or leave the volume's
// memory. Each round is a process of its own that works on a small volume whose bytes are changed between its operations (or,
// in the second test, during them, by its parent). The liveness token's links are left out: libc itself follows those
// (docs/locking.md, Liveness).
//
// BT_HOSTILE_ROUNDS=N for longer runs, BT_HOSTILE_SEED=N to repeat one round.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/data.h"
#include "engine/descriptions.h"
#include "engine/mapping.h"
#include "engine/page_return.h"
#include "engine/test_volume.h"

namespace bt::engine {
namespace {

constexpr unsigned kRoundSeconds = 20;

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint64_t operator()(uint64_t below) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % below;
  }

 private:
  uint64_t state_;
};

// Where what is in use lies.
class Damager {
 public:
  Damager(TestVolume& test, Random& random) : test_(test), random_(random) {
    const Geometry& g = test.volume.geometry();
    areas_ = {
        {offsetof(Superblock, gate), sizeof(Superblock) - offsetof(Superblock, gate)},
        {g.sessions.offset, 6 * sizeof(SessionRecord)},
        {g.stripes.offset, g.stripes.count * sizeof(StripeRecord)},
        {g.heads.offset, g.heads.count * 4},
        {g.inodes.offset, 24 * sizeof(InodeRecord)},
        {g.dentries.offset, 40 * sizeof(DentryRecord)},
        {g.descriptions.offset, 12 * sizeof(DescriptionRecord)},
        {g.file_locks.offset, 8 * sizeof(FileLockRecord)},
        {g.page_descriptors.offset, 100 * sizeof(PageDescriptor)},
        {g.pages.offset, 100 * kPageSizeBytes},
    };
    for (uint32_t slot = 1; slot < 5; slot++)
      areas_.push_back({g.slots.offset + slot * sizeof(SlotRecord) + sizeof(TokenRecord),
                        offsetof(SlotRecord, log) + 512});
  }
  void strike() {
    auto [offset, size] = areas_[random_(areas_.size())];
    auto* byte = reinterpret_cast<volatile uint8_t*>(test_.volume.base() + offset + random_(size));
    switch (random_(4)) {
      case 0:
        *byte = static_cast<uint8_t>(random_(256));
        break;
      case 1:
        *byte = 0;
        break;
      case 2:
        *byte = *byte ^ static_cast<uint8_t>(1 << random_(8));
        break;
      // A small number where an index may stand.
      default:
        *reinterpret_cast<volatile uint32_t*>(reinterpret_cast<uintptr_t>(byte) & ~3ul) =
            static_cast<uint32_t>(random_(30));
    }
  }

 private:
  TestVolume& test_;
  Random& random_;
  std::vector<std::pair<uint64_t, uint64_t>> areas_;
};

// Does all kinds of things to a few files; nobody looks at the results.
class Worker {
 public:
  Worker(TestThread& thread, Random& random) : context_(thread.context), random_(random) {}

  void step() {
    Attributes attributes;
    Found found;
    InodeNumber in = directory(), to = directory();
    Text name = some_name(), other = some_name();
    NewInode what;
    static constexpr uint32_t kModes[] = {0100644, 0040755, 0120777, 0100600};
    what.mode = kModes[random_(4)];
    if (what.mode == 0120777) what.link_target = base::text_of("somewhere");
    if (lookup(context_, in, name, found)) last_ = found.inode;
    switch (random_(26)) {
      case 0:
      case 1:
      case 2:
        use(create(context_, in, name, what, attributes));
        break;
      case 3:
      case 4:
        use(unlink(context_, in, name));
        break;
      case 5:
        use(remove_directory(context_, in, name));
        break;
      case 6:
      case 7:
        use(rename(context_, in, name, to, other, static_cast<uint32_t>(random_(3))));
        break;
      case 8:
        use(link(context_, last_, to, other, attributes));
        break;
      case 9:
        use(parent_of(context_, last_));
        break;
      case 10:
      case 11:
        write_some();
        break;
      case 12:
        read_some();
        break;
      case 13:
        truncate_some();
        break;
      case 14:
      case 15:
        open_some(in, name);
        break;
      case 16:
        use(close_descriptor(context_, session(), fd()));
        break;
      case 17:
        use(copy_descriptor(context_, session(), fd(), fd(), false));
        break;
      case 18:
        use(set_xattr(context_, last_, base::text_of("user.key"), buffer_, random_(9000), 0));
        break;
      case 19:
        use(get_xattr(context_, last_, base::text_of("user.key"), buffer_, sizeof(buffer_)));
        break;
      case 20:
        use(read_link(context_, last_, buffer_, sizeof(buffer_)));
        break;
      case 21:
        list_some(in);
        break;
      case 22:
        lock_some();
        break;
      case 23:
        use(allocate_range(context_, last_, static_cast<uint32_t>(1 << random_(6)),
                           random_(40) * 4096, (1 + random_(20)) * 4096, UINT64_MAX));
        break;
      case 24:
        pin_some();
        break;
      case 25:
        fork_some();
        break;
    }
  }

 private:
  template <typename R>
  void use(R result) {
    (void)result.has_value();
  }
  SessionIndex session() const { return context_.thread.session; }
  int32_t fd() { return static_cast<int32_t>(random_(8)) * 300; }
  Text some_name() {
    static constexpr const char* kNames[] = {
        "a",   "b",    "c",
        "dir", "dir2", "a rather long name that needs continuation records to be kept"};
    return base::text_of(kNames[random_(6)]);
  }
  InodeNumber directory() {
    Found found;
    if (random_(2) && lookup(context_, kRootInode, base::text_of("dir"), found)) return found.inode;
    return kRootInode;
  }
  void write_some() {
    Piece piece{buffer_, random_(sizeof(buffer_))};
    uint64_t end;
    WriteOptions options;
    options.append = random_(2);
    use(write(context_, last_, random_(100) * 4000, &piece, 1, options, end));
  }
  void read_some() {
    Piece piece{buffer_, random_(sizeof(buffer_))};
    use(read(context_, last_, random_(100) * 4000, &piece, 1));
    use(seek_data(context_, last_, random_(100) * 4000, random_(2)));
    touch_atime(context_, last_);
  }
  void truncate_some() {
    AttributeChange change;
    change.which = AttributeChange::kSize;
    change.size = random_(100) * 4001;
    Attributes after;
    use(set_attributes(context_, last_, change, after));
    use(read_attributes(context_, last_, after));
  }
  void open_some(InodeNumber in, Text name) {
    Opened opened;
    use(create_and_open(context_, in, name, 0644, 0, session(), fd(), O_RDWR | O_CREAT, random_(2),
                        opened));
    use(open_description(context_, session(), fd(), last_, O_RDONLY, false, false));
    use(open_unnamed(context_, in, 0600, 0, session(), fd(), O_RDWR, false));
    use(set_working_directory(context_, session(), last_));
    bool ignored;
    DescriptionIndex description = find_descriptor(context_.volume(), session(), fd(), ignored);
    OffsetLock lock;
    if (OffsetLock::acquire(context_, description, lock)) lock.set_offset(lock.offset() + 1);
  }
  void list_some(InodeNumber in) {
    DentryIndex hint{static_cast<uint32_t>(random_(3))};
    auto take = [](void*, const ListedName&) { return true; };
    use(list(context_, in, random_(6), hint, take, nullptr));
    use(list_xattrs(context_, last_, buffer_, sizeof(buffer_)));
    use(remove_xattr(context_, last_, base::text_of("user.key")));
  }
  void lock_some() {
    LockOwner owner{kFileLockPosix, lock_owner_of(context_.volume(), session()), 1}, holder;
    LockRange range{random_(50), 50 + random_(50), random_(2) != 0}, held;
    use(set_file_lock(context_, last_, owner, range));
    use(test_file_lock(context_, last_, owner, range, holder, held));
    if (random_(2)) use(clear_file_lock(context_, last_, owner, range));
  }
  void pin_some() {
    auto page = pin_page(context_, last_, random_(30), random_(2));
    if (page && random_(2)) use(unpin_page(context_, *page));
    PageReturn state{.keep_pages = 10};
    use(return_free_pages(context_.thread, state));
  }
  void fork_some() {
    auto clone = clone_session(context_, session());
    if (clone) use(close_session(context_, (*clone).index));
  }

  Context& context_;
  Random& random_;
  InodeNumber last_ = kRootInode;
  char buffer_[40000] = "contents";
};

void run_check(TestVolume& test, TestThread& thread) {
  std::vector<char> scratch(check_scratch_size(test.volume));
  CheckReport report;
  (void)check_volume(thread.context, scratch.data(), nullptr, nullptr, report).has_value();
}

// What one process does; it ends by exit, or something is wrong.
[[noreturn]] void run_round(TestVolume& test, uint64_t seed, bool strikes) {
  alarm(kRoundSeconds);
  base::assertion_handler = nullptr;  // rubbish may lead to what our own state never does
  Random random(seed);
  TestThread thread(test.volume);
  if (!thread.thread.slot) _exit(0);  // refused: that is an answer
  auto worker = std::make_unique<Worker>(thread, random);
  Damager damager(test, random);
  for (int i = 0; i < 60; i++) worker->step();
  for (int i = 0; i < 150; i++) {
    if (strikes && random(3) == 0) damager.strike();
    worker->step();
    // Without this everything would be refused after the first find.
    __atomic_store_n(&test.volume.superblock().frozen, 0, __ATOMIC_RELAXED);
    sweep_slots(thread.thread);
  }
  run_check(test, thread);
  (void)close_session(thread.context, thread.thread.session).has_value();
  _exit(0);
}

void expect_clean_exit(pid_t pid, uint64_t seed) {
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
      << "BT_HOSTILE_SEED=" << seed << ": "
      << (WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit status");
}

uint64_t rounds_of(uint64_t usual) {
  const char* text = getenv("BT_HOSTILE_ROUNDS");
  return text ? strtoull(text, nullptr, 10) : usual;
}

TEST(Hostile, operations_survive_changes_between_them) {
  const char* only = getenv("BT_HOSTILE_SEED");
  uint64_t first = only ? strtoull(only, nullptr, 10) : 1;
  for (uint64_t seed = first; seed < first + (only ? 1 : rounds_of(150)); seed++) {
    TestVolume test(16ull << 20);
    test.check_at_end = false;
    pid_t pid = fork();
    if (pid == 0) run_round(test, seed, true);
    expect_clean_exit(pid, seed);
    if (testing::Test::HasFailure()) break;
    // The one who cleans up, as the daemon does, meets the same rubbish.
    pid = fork();
    if (pid == 0) {
      alarm(kRoundSeconds);
      base::assertion_handler = nullptr;
      __atomic_store_n(&test.volume.superblock().frozen, 0, __ATOMIC_RELAXED);
      TestThread cleaner(test.volume, SessionIndex{1});
      if (!cleaner.thread.slot) _exit(0);  // refused: that is an answer
      sweep_slots(cleaner.thread);
      for (uint32_t i = 1; i < test.volume.sessions_used() && i < 10; i++)
        (void)close_session(cleaner.context, SessionIndex{i}).has_value();
      run_check(test, cleaner);
      _exit(0);
    }
    expect_clean_exit(pid, seed);
    if (testing::Test::HasFailure()) break;
    test.abandon();
  }
}

TEST(Hostile, operations_survive_changes_during_them) {
  for (uint64_t seed = 1; seed <= rounds_of(15); seed++) {
    TestVolume test(16ull << 20);
    test.check_at_end = false;
    pid_t pid = fork();
    if (pid == 0) run_round(test, seed + 1000, false);
    Random random(seed);
    Damager damager(test, random);
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
      damager.strike();
      usleep(20);
    }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "seed " << seed << ": " << (WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit");
    test.abandon();
    if (testing::Test::HasFailure()) break;
  }
}
}  // namespace
}  // namespace bt::engine
