// SPDX-License-Identifier: MIT
// Are the operations on names linearizable, also when processes are killed in the middle of them?
//
//   linear SEED OPERATIONS [plant]
//
// plant: falsifies one answer of the history, a lookup that says what was true long before; the check must find it.
//
// Several processes work on four names in two directories of one volume in shared memory, as fast as they can, and write down
// what they did: when each call began and ended, and what it said. All the while the parent kills them at random and starts
// others. Then the history is checked against a model of four words: is there an order of the calls that respects time and in
// which each answer is right? A call cut short by a kill may have happened or not.
//
// The check is exact. A configuration is how far each process has come and the model's state; since a process does one call at
// a time, the configurations reachable after n calls are few, and one set of them follows from the one before.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/assert.h"
#include "engine/check.h"
#include "engine/operations.h"

namespace {

using namespace bt;          // NOLINT
using namespace bt::engine;  // NOLINT

constexpr int kLanes = 3;
constexpr int kNames = 4;
constexpr uint64_t kNever = UINT64_MAX;

enum Verb : uint32_t {
  kLookup,
  kCreate,
  kUnlink,
  kRename,
  kNoReplace,
  kExchange,
  kLink,
  kLinks,
  kList,
  kVerbs
};
const char* const kVerbNames[] = {"lookup",   "create", "unlink",   "rename", "rename_noreplace",
                                  "exchange", "link",   "links_of", "list"};

struct Call {
  uint64_t began, ended;  // ns; ended == kNever: not yet
  Verb verb;
  uint8_t name, to;
  bool cut;  // its process was killed in it: it may have happened
  int32_t error;
  uint64_t argument;  // an inode number: link, links_of
  uint64_t value;  // inode number, link count, or of a list: 16 bits a name, mixed from the number
  uint64_t value2;
};

// Its calls follow it in memory.
struct Lane {
  uint64_t count;  // calls begun

  Call* calls() { return reinterpret_cast<Call*>(this + 1); }
};

struct World {
  Volume volume;
  InodeNumber directory[2];
  uint64_t lane_bytes, calls_max;
  char* lanes;
  uint32_t* stop;

  Lane& lane(int index) const {
    return *reinterpret_cast<Lane*>(lanes + static_cast<uint64_t>(index) * lane_bytes);
  }
};

uint64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "linear: %s\n", what);
  std::exit(2);
}

Text text_of_name(int name) { return base::text_of(name % 2 ? "y" : "x"); }

// ---- the processes -----------------------------------------------------------------------------------------------------------------
void perform(Context& context, const World& world, Call& call) {
  InodeNumber from = world.directory[call.name / 2], to = world.directory[call.to / 2];
  Text name = text_of_name(call.name), to_name = text_of_name(call.to);
  auto finish = [&](const Result<void>& result) {
    call.error = result ? 0 : result.error().errno_value();
  };
  Attributes attributes{};
  switch (call.verb) {
    case kLookup: {
      Found found{};
      finish(lookup(context, from, name, found));
      call.value = call.error ? 0 : found.inode.value;
      break;
    }
    case kCreate: {
      NewInode what;
      what.mode = 0100644;
      finish(create(context, from, name, what, attributes));
      call.value = call.error ? 0 : attributes.inode.value;
      break;
    }
    case kUnlink:
      finish(unlink(context, from, name));
      break;
    case kRename:
      finish(rename(context, from, name, to, to_name, 0));
      break;
    case kNoReplace:
      finish(rename(context, from, name, to, to_name, kRenameNoReplace));
      break;
    case kExchange:
      finish(rename(context, from, name, to, to_name, kRenameExchange));
      break;
    case kLink:
      finish(link(context, InodeNumber{call.argument}, to, to_name, attributes));
      break;
    case kLinks:
      finish(read_attributes(context, InodeNumber{call.argument}, attributes));
      call.value = call.error ? 0 : attributes.nlink;
      break;
    default: {
      uint64_t seen[2] = {0, 0};
      DentryIndex hint{};
      auto take = [](void* argument, const ListedName& entry) {
        if (entry.name[0] != '.')
          static_cast<uint64_t*>(argument)[entry.name[0] == 'y'] = entry.inode.value;
        return true;
      };
      auto listed = list(context, from, 0, hint, take, seen);
      call.error = listed ? 0 : listed.error().errno_value();
      call.value = seen[0];
      call.value2 = seen[1];
    }
  }
}

[[noreturn]] void work(World& world, int index, uint64_t seed) {
  Thread thread;
  thread.volume = &world.volume;
  if (!open_session(thread, static_cast<uint32_t>(getpid()), seed, 0)) _exit(3);
  Credentials root{
      .dac_override = true, .dac_read_search = true, .fowner = true, .chown = true, .fsetid = true};
  Context context{thread, root};
  std::mt19937_64 random(seed);
  Lane& lane = world.lane(index);
  uint64_t known = 0;  // an inode that was seen
  while (!__atomic_load_n(world.stop, __ATOMIC_RELAXED) && lane.count < world.calls_max) {
    Call& call = lane.calls()[lane.count];
    call = {};
    call.verb = static_cast<Verb>(random() % kVerbs);
    call.name = random() % kNames;
    call.to = random() % kNames;
    call.argument = known;
    if (known == 0 && (call.verb == kLink || call.verb == kLinks)) call.verb = kLookup;
    call.ended = kNever;
    call.began = now_ns();
    __atomic_store_n(&lane.count, lane.count + 1, __ATOMIC_RELEASE);
    perform(context, world, call);
    __atomic_store_n(&call.ended, now_ns(), __ATOMIC_RELEASE);
    if ((call.verb == kLookup || call.verb == kCreate) && call.value) known = call.value;
  }
  detach_thread(thread);
  _exit(0);
}

// ---- the model -------------------------------------------------------------------------------------------------------------------------
using State = std::array<uint64_t, kNames>;  // the inode each name stands for, 0 = none

// Does the call, in this state, say what it said? Then the state it leaves.
bool apply(const Call& call, State& state) {
  uint64_t &from = state[call.name], &to = state[call.to];
  auto links = [&](uint64_t inode) {
    return static_cast<uint64_t>(std::count(state.begin(), state.end(), inode));
  };
  auto says = [&](int error) { return call.cut || call.error == error; };
  switch (call.verb) {
    case kLookup:
      return from ? says(0) && (call.cut || call.value == from) : says(ENOENT);
    case kCreate:
      if (from) return says(EEXIST);
      // A cut create made an inode whose number nobody was told: its name's next reader tells (see learn).
      from = call.value;
      return says(0);
    case kUnlink:
      if (!from) return says(ENOENT);
      from = 0;
      return says(0);
    case kRename:
    case kNoReplace:
      if (!from) return says(ENOENT);
      if (call.verb == kNoReplace && to) return says(EEXIST);
      if (from != to) {
        uint64_t moved = from;
        from = 0;
        to = moved;
      }
      return says(0);
    case kExchange:
      if (!from || !to) return says(ENOENT);
      std::swap(from, to);
      return says(0);
    case kLink:
      if (to) return says(EEXIST);
      // Of an inode that is gone; whether its number is known to be gone or its links are seen to be none.
      if (!links(call.argument)) return says(ESTALE) || says(ENOENT);
      to = call.argument;
      return says(0);
    case kLinks: {
      uint64_t count = links(call.argument);
      return count ? says(0) && (call.cut || call.value == count) : says(ESTALE);
    }
    default: {
      int first = call.name / 2 * 2;
      return says(0) &&
             (call.cut || (state[first] == call.value && state[first + 1] == call.value2));
    }
  }
}

struct Configuration {
  std::array<uint32_t, kLanes> done;
  State state;
  auto operator<=>(const Configuration&) const = default;
};

void print_call(int lane, const Call& call) {
  std::printf("  lane %d  %lu–%lu  %s name %d to %d inode %lx → error %d value %lx %lx%s\n", lane,
              call.began, call.ended, kVerbNames[call.verb], call.name, call.to, call.argument,
              call.error, call.value, call.value2, call.cut ? "  (killed)" : "");
}

// The inodes that cut creates may have made: the numbers that others saw and no finished create was told.
std::vector<uint64_t> unexplained(const World& world) {
  std::set<uint64_t> seen, made;
  for (int lane = 0; lane < kLanes; lane++)
    for (uint64_t i = 0; i < world.lane(lane).count; i++) {
      const Call& call = world.lane(lane).calls()[i];
      if (call.cut) continue;
      if (call.verb == kCreate && !call.error) made.insert(call.value);
      if (call.verb == kLookup && call.value) seen.insert(call.value);
      if (call.verb == kList && call.value) seen.insert(call.value);
      if (call.verb == kList && call.value2) seen.insert(call.value2);
    }
  std::vector<uint64_t> result;
  std::set_difference(seen.begin(), seen.end(), made.begin(), made.end(),
                      std::back_inserter(result));
  return result;
}

// All that may follow from doing `call` now: nothing, one state, or of a cut call several.
template <typename Reach>
void follow(const Call& call, const State& state, const std::vector<uint64_t>& candidates,
            Reach reach) {
  State next = state;
  if (!call.cut) {
    if (apply(call, next)) reach(next);
    return;
  }
  reach(state);
  if (call.verb != kCreate) {
    if (apply(call, next)) reach(next);
    return;
  }
  if (state[call.name]) return;
  // Made, and known to nobody but those who saw it later; or replaced before anybody saw it: a number of its own.
  for (uint64_t inode : candidates) {
    next = state;
    next[call.name] = inode;
    reach(next);
  }
  next[call.name] = 1ull << 63 | call.began;
  reach(next);
}

bool check(const World& world, uint64_t& widest) {
  std::vector<uint64_t> candidates = unexplained(world);
  std::set<Configuration> level{Configuration{}};
  uint64_t total = 0;
  for (int lane = 0; lane < kLanes; lane++) total += world.lane(lane).count;
  for (uint64_t done = 0; done < total; done++) {
    std::set<Configuration> next;
    for (const Configuration& configuration : level) {
      // A call may come next if no other that is still to come had ended before it began.
      uint64_t first_end = kNever;
      auto pending = [&](int lane) -> const Call* {
        uint32_t at = configuration.done[lane];
        return at < world.lane(lane).count ? &world.lane(lane).calls()[at] : nullptr;
      };
      for (int lane = 0; lane < kLanes; lane++)
        if (const Call* call = pending(lane)) first_end = std::min(first_end, call->ended);
      for (int lane = 0; lane < kLanes; lane++) {
        const Call* call = pending(lane);
        if (!call || call->began > first_end) continue;
        follow(*call, configuration.state, candidates, [&](const State& state) {
          Configuration reached = configuration;
          reached.done[lane]++;
          reached.state = state;
          next.insert(reached);
        });
      }
    }
    widest = std::max<uint64_t>(widest, next.size());
    if (next.empty()) {
      std::printf("not linearizable after %lu of %lu calls; what could come next:\n", done, total);
      for (int lane = 0; lane < kLanes; lane++) {
        uint32_t at = level.begin()->done[lane];
        for (uint32_t i = at > 2 ? at - 2 : 0; i < at + 2 && i < world.lane(lane).count; i++)
          print_call(lane, world.lane(lane).calls()[i]);
      }
      for (int name = 0; name < kNames; name++)
        std::printf("  name %d is %lx\n", name, level.begin()->state[name]);
      return false;
    }
    level.swap(next);
  }
  return true;
}

// ---- the parent ----------------------------------------------------------------------------------------------------------------------------
World make_world(uint64_t operations) {
  World world{};
  FormatOptions options;
  options.volume_size = 64ull << 20;
  options.id = 1;
  options.now_ns = 1;
  uint64_t size = Volume::volume_size_for(options);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || !Volume::format(memory, size, options) ||
      !Volume::attach(memory, size, world.volume))
    die("no volume");
  world.calls_max = operations;  // One lane may do it all.
  world.lane_bytes = base::align_up(sizeof(Lane) + operations * sizeof(Call), 4096);
  world.lanes =
      static_cast<char*>(mmap(nullptr, world.lane_bytes * kLanes + 4096, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (world.lanes == MAP_FAILED) die("no memory");
  world.stop = reinterpret_cast<uint32_t*>(world.lanes + world.lane_bytes * kLanes);
  return world;
}

struct Process {
  pid_t pid = 0;
  uint64_t seed = 0;  // also its session's start time
};

// What the daemon does for a process that is gone: its session's references.
void reap(Context& context, const Process& process) {
  sweep_slots(context.thread);
  Volume& volume = context.volume();
  for (uint32_t i = 1; i < volume.sessions_used(); i++) {
    const SessionRecord* session = volume.session(SessionIndex{i});
    if (session->state == kSessionLive && session->pid == static_cast<uint32_t>(process.pid) &&
        session->start_time == process.seed)
      (void)close_session(context, SessionIndex{i}).has_value();
  }
}

void end_process(World& world, int index, Process& process, int signal) {
  if (signal) kill(process.pid, signal);
  int status = 0;
  waitpid(process.pid, &status, 0);
  Lane& lane = world.lane(index);
  Call* last = lane.count ? &lane.calls()[lane.count - 1] : nullptr;
  if (last && last->ended == kNever) {
    last->cut = true;
    last->ended = now_ns();
  }
}

uint64_t run_processes(World& world, Context& context, std::mt19937_64& random,
                       uint64_t operations) {
  Process processes[kLanes];
  uint64_t kills = 0;
  auto start = [&](int lane) {
    processes[lane].seed = random() >> 1;
    processes[lane].pid = fork();
    if (processes[lane].pid == 0) work(world, lane, processes[lane].seed);
  };
  for (int lane = 0; lane < kLanes; lane++) start(lane);
  for (;;) {
    usleep(100 + random() % 900);
    uint64_t done = 0;
    for (int lane = 0; lane < kLanes; lane++)
      done += __atomic_load_n(&world.lane(lane).count, __ATOMIC_ACQUIRE);
    if (done >= operations) break;
    int lane = static_cast<int>(random() % kLanes);
    end_process(world, lane, processes[lane], SIGKILL);
    kills++;
    // Let the others run into what the dead one held before it is swept.
    usleep(random() % 300);
    reap(context, processes[lane]);
    start(lane);
  }
  __atomic_store_n(world.stop, 1, __ATOMIC_RELAXED);
  for (int lane = 0; lane < kLanes; lane++) {
    end_process(world, lane, processes[lane], 0);
    reap(context, processes[lane]);
  }
  return kills;
}

uint64_t count_violations(Context& context) {
  std::vector<char> scratch(check_scratch_size(context.volume()));
  CheckReport report{};
  auto print = [](void*, const Violation& found) {
    std::printf("  %s: object %lu, expected %lu, found %lu\n", found.rule, found.object,
                found.expected, found.found);
  };
  auto checked = check_volume(context, scratch.data(), print, nullptr, report);
  return checked ? report.violations : 1;
}

// A lookup that answers from the past.
bool plant(const World& world) {
  Lane& lane = world.lane(0);
  Call* old = nullptr;
  for (uint64_t i = 0; i < lane.count; i++) {
    Call& call = lane.calls()[i];
    if (call.verb != kLookup || call.error || call.cut) continue;
    if (!old) old = &call;
    if (i < lane.count / 2 || call.value == old->value) continue;
    call.value = old->value;
    return true;
  }
  return false;
}

}  // namespace

int main(int count, char** arguments) {
  base::assertion_handler = [](const char* expression, const char* file, uint32_t line) {
    std::fprintf(stderr, "%s:%u: %s\n", file, line, expression);
    std::abort();
  };
  bool planted = count == 4 && std::strcmp(arguments[3], "plant") == 0;
  if (count != 3 && !planted) die("usage: linear SEED OPERATIONS [plant]");
  uint64_t seed = std::strtoull(arguments[1], nullptr, 10),
           operations = std::strtoull(arguments[2], nullptr, 10);
  std::printf("seed %lu\n", seed);
  std::fflush(stdout);
  std::mt19937_64 random(seed);
  World world = make_world(operations + 100'000);
  Thread thread;
  thread.volume = &world.volume;
  if (!open_session(thread, static_cast<uint32_t>(getpid()), 1, 0)) die("no session");
  Credentials root{
      .dac_override = true, .dac_read_search = true, .fowner = true, .chown = true, .fsetid = true};
  Context context{thread, root};
  NewInode directory;
  directory.mode = 0040755;
  for (int i = 0; i < 2; i++) {
    Attributes made{};
    if (!create(context, kRootInode, base::text_of(i ? "b" : "a"), directory, made))
      die("no directory");
    world.directory[i] = made.inode;
  }
  uint64_t kills = run_processes(world, context, random, operations);
  uint64_t total = 0, succeeded = 0, widest = 0;
  for (int lane = 0; lane < kLanes; lane++) {
    total += world.lane(lane).count;
    for (uint64_t i = 0; i < world.lane(lane).count; i++)
      succeeded += world.lane(lane).calls()[i].error == 0;
  }
  if (planted && !plant(world)) die("nothing to falsify");
  bool good = check(world, widest);
  uint64_t violations = count_violations(context);
  std::printf(
      "%lu calls, %lu succeeded, %lu kills, widest set %lu, %lu violations of the volume's rules: "
      "%s\n",
      total, succeeded, kills, widest, violations, good ? "linearizable" : "NOT linearizable");
  return good && violations == 0 ? 0 : 1;
}
