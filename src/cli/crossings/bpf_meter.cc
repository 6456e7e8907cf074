// SPDX-License-Identifier: MIT
// Level bpf: crossings.bpf.c in the kernel.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "cli/crossings/meter.h"

// The object file, embedded by crossings_object.S.
extern "C" const char bt_crossings_object[];
extern "C" const char bt_crossings_object_end[];

namespace bt::cli {
namespace {

constexpr int kBpfDeadlineMs = 3000;

int ignore_message(enum libbpf_print_level, const char*, va_list) { return 0; }

struct ObjectDeleter {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};

class BpfMeter : public Meter {
 public:
  BpfMeter(std::unique_ptr<bpf_object, ObjectDeleter> object, const FuseConnection& connection)
      : object_(std::move(object)), daemons_(connection.daemons) {}

  bool attach() {
    bpf_program* program;
    bpf_object__for_each_program(program, object_.get()) {
      links_.emplace_back(bpf_program__attach(program));
      if (!links_.back()) return false;
    }
    return true;
  }

  void start(pid_t program) override {
    if (program) watch(program, kCrossingsProgram);
    for (int daemon : daemons_) watch(daemon, kCrossingsDaemon);
  }

  Crossings stop() override {
    links_.clear();
    Crossings result;
    result.level = "bpf";
    result.program = read_activity(kCrossingsProgram);
    result.daemon = read_activity(kCrossingsDaemon);
    result.requests = 0;
    for (uint32_t opcode = 0; opcode < kCrossingsOpcodesMax; opcode++) {
      result.opcodes[opcode] = read_sum<crossings_requests>("requests", opcode);
      *result.requests += result.opcodes[opcode].sent;
    }
    return result;
  }

 private:
  void watch(int pid, uint32_t role) {
    uint32_t key = static_cast<uint32_t>(pid);
    bpf_map_update_elem(map("watched"), &key, &role, BPF_ANY);
  }

  int map(const char* name) { return bpf_object__find_map_fd_by_name(object_.get(), name); }

  // Per-CPU records are nothing but 64-bit counters: summed word by word.
  template <typename Record>
  Record read_sum(const char* name, uint32_t key) {
    constexpr size_t kWords = sizeof(Record) / sizeof(uint64_t);
    std::vector<uint64_t> values(kWords * static_cast<size_t>(libbpf_num_possible_cpus()));
    uint64_t sums[kWords] = {};
    if (bpf_map_lookup_elem(map(name), &key, values.data()) == 0)
      for (size_t i = 0; i < values.size(); i++) sums[i % kWords] += values[i];
    Record record;
    std::memcpy(&record, sums, sizeof record);
    return record;
  }

  ProcessActivity read_activity(uint32_t role) {
    auto row = read_sum<crossings_activity>("activity", role);
    return {row.system_calls, row.switches, row.voluntary_switches};
  }

  std::unique_ptr<bpf_object, ObjectDeleter> object_;
  std::vector<std::unique_ptr<bpf_link, LinkDeleter>> links_;
  std::vector<int> daemons_;
};

// Loads the two-instruction program; exit status is the errno, 0 for success.
[[noreturn]] void load_trivial_program() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  bpf_insn instructions[2] = {};
  instructions[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  instructions[1].code = BPF_JMP | BPF_EXIT;
  int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, nullptr, "GPL", instructions, 2, nullptr);
  _exit(fd >= 0 ? 0 : -fd);
}

bool set_connection(bpf_object* object, uint32_t number) {
  bpf_map* constants = bpf_object__find_map_by_name(object, ".rodata");
  return constants && bpf_map__set_initial_value(constants, &number, sizeof number) == 0;
}

}  // namespace

bool bpf_answers(std::string& why) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  pid_t child = fork();
  if (child == 0) load_trivial_program();
  close(ends[1]);
  // The pipe's other end closes with the child, however it ends.
  pollfd waiting = {ends[0], POLLIN, 0};
  bool ended = child > 0 && poll(&waiting, 1, kBpfDeadlineMs) > 0;
  close(ends[0]);
  if (!ended) {
    if (child > 0) kill(child, SIGKILL);  // not waited for: it may never end
    why = "bpf(2) does not come back on this machine";
    return false;
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  why = std::string("bpf(2): ") +
        (WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "killed by a signal");
  return false;
}

std::unique_ptr<Meter> make_bpf_meter(const FuseConnection& connection, std::string& why) {
  if (!bpf_answers(why)) return nullptr;
  libbpf_set_print(ignore_message);
  std::unique_ptr<bpf_object, ObjectDeleter> object(bpf_object__open_mem(
      bt_crossings_object, static_cast<size_t>(bt_crossings_object_end - bt_crossings_object),
      nullptr));
  if (!object || !set_connection(object.get(), connection.number)) {
    why = "the embedded object cannot be opened";
    return nullptr;
  }
  if (int failure = bpf_object__load(object.get())) {
    why = std::string("the kernel refuses our programs: ") + strerror(-failure);
    return nullptr;
  }
  auto meter = std::make_unique<BpfMeter>(std::move(object), connection);
  if (meter->attach()) return meter;
  why = "the kernel has no such tracepoints";
  return nullptr;
}

}  // namespace bt::cli
