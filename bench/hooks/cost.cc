// SPDX-License-Identifier: MIT
// What does an eBPF program add to a call, beside everything else that a call costs?
//
//   btfuse-hook-cost PROGRAMS [OPENSNOOP.o]             a table, ns a call
//   btfuse-hook-cost PROGRAMS --loop NAME CALLS [OPENSNOOP.o]   one row's calls and nothing else: for instruction counts
//   btfuse-hook-cost PROGRAMS --instructions [OPENSNOOP.o]      a table of instructions a call, by valgrind
//
// Workload: what the agent does around a handler (agent/dispatch.cc, agent/hooked.cc), with a handler that
// does nothing; openat of a path of 27 characters. Each figure is the least of many short batches, interleaved with batches of
// the handler alone, which are subtracted. It does not show cache misses of a real program, nor contention; bench/hooks/run
// shows the whole way.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "hooks/quick_call.h"
#include "loader/object.h"
#include "loader/store.h"

namespace {

using namespace bt;

struct Row {
  const char* name;
  const char* object;  // in PROGRAMS; null: nothing is loaded; "": OPENSNOOP.o
  int number;          // the call
  double bar;          // ns; 0 = none
  bool interpret;
};
constexpr Row kRows[] = {
    {"nothing-loaded", nullptr, SYS_openat, 1, false},
    {"not-attached", "deny_prefix.bpf.o", SYS_openat, 0, false},
    {"array-counter", "count_array.bpf.o", SYS_openat, 5, false},
    {"per-cpu-counter", "count_per_cpu.bpf.o", SYS_openat, 5, false},
    {"hash-counter", "count_hash.bpf.o", SYS_openat, 15, false},
    {"deny-by-prefix", "deny_prefix.bpf.o", SYS_newfstatat, 30, false},
    {"opensnoop", "", SYS_openat, 90, false},
    {"array-interpreted", "count_array.bpf.o", SYS_openat, 0, true},
};

hooks::Thread* thread_of_hooks = nullptr;
char path[] = "/mnt/some/dir/with/file.txt";

[[gnu::noinline]] int64_t handler(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
  asm volatile("");
  return 3;
}

[[gnu::noinline]] int64_t hooked(hooks::Call& call) {
  if (hooks::run_enter(thread_of_hooks, call) == hooks::Verdict::kAnswered) return call.result;
  int64_t result =
      handler(call.args[0], call.args[1], call.args[2], call.args[3], call.args[4], call.args[5]);
  if (!call.wants_exit) return result;
  call.served = hooks::Served::kInProcess;
  return hooks::run_exit(thread_of_hooks, call, result);
}

// One instance a call, as agent/dispatch.cc has them.
template <int number>
[[gnu::noinline]] int64_t call_watched(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                                       uint64_t f) {
  hooks::Call call;
  call.nr = number;
  call.args[0] = a, call.args[1] = b, call.args[2] = c;
  call.args[3] = d, call.args[4] = e, call.args[5] = f;
  return hooked(call);
}
template <int number>
[[gnu::noinline]] int64_t watched(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                                  uint64_t f) {
  hooks::Thread* thread = thread_of_hooks;
  if (const void* entry = hooks::begin_quick(thread, number)) [[likely]] {
    hooks::call_quick(entry, thread, number, a, b, c, d, e, f);
    hooks::end_quick(*thread);
    return handler(a, b, c, d, e, f);
  }
  return call_watched<number>(a, b, c, d, e, f);
}
template <int number>
[[gnu::noinline]] int64_t guarded(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                                  uint64_t f) {
  if (hooks::is_watched(number)) [[unlikely]]
    return watched<number>(a, b, c, d, e, f);
  return handler(a, b, c, d, e, f);
}
// The same without programs: what guarded() is measured against.
[[gnu::noinline]] int64_t unguarded(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                                    uint64_t f) {
  asm volatile("");
  return handler(a, b, c, d, e, f);
}

[[gnu::noinline]] void calls(int number, uint32_t count, bool plain) {
  auto at = static_cast<uint64_t>(AT_FDCWD);
  auto name = reinterpret_cast<uint64_t>(path);
  auto* call = plain                  ? unguarded
               : number == SYS_openat ? guarded<SYS_openat>
                                      : guarded<SYS_newfstatat>;
  for (uint32_t i = 0; i < count; i++) {
    asm volatile("" : "+r"(call));
    call(at, name, O_RDONLY, 0, 0, 0);
  }
}

double now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double batch(int number, bool plain) {
  constexpr uint32_t kCalls = 1000;
  double begin = now_ns();
  calls(number, kCalls, plain);
  return (now_ns() - begin) / kCalls;
}

// A ring that is full would not be written to: its reader keeps up.
void empty_rings(const loader::Store& store) {
  for (const loader::LoadedObject& object : store.list()) {
    loader::ObjectFiles files(store.directory(), object.id);
    for (uint32_t i = 0; i < files.header().map_count; i++) {
      hooks::MapView map = files.view(i, nullptr);
      uint32_t size = 0;
      if (!hooks::is_ring_type(map.type)) continue;
      while (const hooks::RingRecord* record = hooks::ring_peek(map, size))
        hooks::ring_consumed(map, record);
    }
  }
}

struct Setting {
  std::string programs, opensnoop;
};

bool load(loader::Store& store, const Row& row, const Setting& setting) {
  for (const loader::LoadedObject& object : store.list()) store.unload(object.id);
  if (!row.object) return true;
  std::string file = *row.object ? setting.programs + "/" + row.object : setting.opensnoop;
  if (file.empty()) return false;
  loader::BuildOptions options;
  options.interpret = row.interpret;
  store.load(loader::build_object(file, options), "cost");
  return true;
}

void print_times(loader::Store& store, const Setting& setting) {
  std::printf("%-20s %10s %10s %10s\n", "ns a call", "least", "median", "bar");
  for (const Row& row : kRows) {
    if (!load(store, row, setting)) continue;
    constexpr size_t kRounds = 4001;
    std::vector<double> with, without;
    for (size_t round = 0; round < kRounds; round++) {
      with.push_back(batch(row.number, false));
      without.push_back(batch(row.number, true));
      if (round % 2 == 0 && row.object && !*row.object) empty_rings(store);
    }
    std::sort(with.begin(), with.end());
    std::sort(without.begin(), without.end());
    char bar[16] = "-";
    if (row.bar > 0) std::snprintf(bar, sizeof bar, "%.0f", row.bar);
    std::printf("%-20s %10.1f %10.1f %10s\n", row.name, with[0] - without[0],
                with[kRounds / 2] - without[kRounds / 2], bar);
  }
}

int loop(loader::Store& store, const Setting& setting, const std::string& name, uint32_t count) {
  for (const Row& row : kRows)
    if (row.name == name && load(store, row, setting)) {
      calls(row.number, count, false);
      return 0;
    }
  return 1;
}

// Instructions of one more call: of two runs that differ by 1,000 calls.
void print_instructions(const std::string& self, const Setting& setting) {
  std::printf("%-20s %10s\n", "instructions a call", "added");
  auto count = [&](const Row& row, int number_of_calls) {
    std::string out = "/tmp/btfuse-hook-cost." + std::to_string(getpid());
    std::string command =
        "valgrind --tool=none --version >/dev/null && valgrind --tool=callgrind "
        "--callgrind-out-file=" +
        out + " '" + self + "' '" + setting.programs + "' --loop " + row.name + " " +
        std::to_string(number_of_calls) + " '" + setting.opensnoop +
        "' >/dev/null 2>&1; sed -n 's/^summary: //p' " + out + "; rm -f " + out;
    double instructions = 0;
    if (FILE* pipe = popen(command.c_str(), "r")) {
      if (std::fscanf(pipe, "%lf", &instructions) != 1) instructions = 0;
      pclose(pipe);
    }
    return instructions;
  };
  double plain = 0;
  for (const Row& row : kRows) {
    if (row.object && !*row.object && setting.opensnoop.empty()) continue;
    double each = (count(row, 2000) - count(row, 1000)) / 1000;
    if (!row.object) plain = each;
    std::printf("%-20s %10.1f\n", row.name, each - plain);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Setting setting{argv[1], ""};
  std::string verb = argc > 2 && argv[2][0] == '-' ? argv[2] : "";
  int next = verb.empty() ? 2 : verb == "--loop" ? 5 : 3;
  if (argc > next) setting.opensnoop = argv[next];
  if (verb == "--instructions") {
    print_instructions(std::filesystem::canonical("/proc/self/exe"), setting);
    return 0;
  }
  char directory[] = "/tmp/btfuse-hook-cost.XXXXXX";
  if (!mkdtemp(directory)) return 1;
  int status = 0;
  {
    loader::Store store(directory);
    hooks::Host host;
    host.faults_handled = true;  // no address here is bad
    hooks::init(directory, host);
    if (verb == "--loop")
      status = loop(store, setting, argv[3], static_cast<uint32_t>(std::atol(argv[4])));
    else
      print_times(store, setting);
  }
  std::filesystem::remove_all(directory);
  return status;
}
