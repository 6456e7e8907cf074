// SPDX-License-Identifier: MIT
// btfuse crossings: how often a FUSE mount makes programs enter the kernel and wake its daemon. On any FUSE mount; with
// --compare on one of ours, through the kernel path and in-process, side by side.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "cli/command.h"
#include "cli/crossings/meter.h"
#include "cli/crossings/opcodes.h"
#include "cli/crossings/run.h"
#include "cli/json_writer.h"

namespace bt::cli {
namespace {

struct Measured {
  std::string path;  // "as started", "kernel path", "in-process"
  Crossings crossings;
  int status = 0;
  double seconds = 0;
};

volatile sig_atomic_t interrupted = 0;
void on_interrupt(int) { interrupted = 1; }

Measured measure_program(const FuseConnection& connection, const std::string& level,
                         const std::vector<std::string>& words, bool disabled) {
  auto meter = make_meter(connection, level);
  HeldProgram program = hold_program(words, disabled);
  meter->start(program.pid);
  auto begin = std::chrono::steady_clock::now();
  Measured measured;
  measured.status = run_to_end(program);
  measured.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  measured.crossings = meter->stop();
  measured.path = "as started";
  return measured;
}

Measured measure_while(const FuseConnection& connection, const std::string& level,
                       std::optional<uint64_t> seconds) {
  auto meter = make_meter(connection, level);
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
  if (isatty(2)) std::fprintf(stderr, "measuring %s; Ctrl-C ends\n", connection.mountpoint.c_str());
  meter->start(0);
  auto begin = std::chrono::steady_clock::now();
  Measured measured;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    measured.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  } while (!interrupted && (!seconds || measured.seconds < static_cast<double>(*seconds)));
  measured.crossings = meter->stop();
  measured.path = "everybody";
  return measured;
}

std::vector<Measured> measure_both(const FuseConnection& connection, const std::string& level,
                                   const std::vector<std::string>& words) {
  std::vector<std::string> served = {std::filesystem::read_symlink("/proc/self/exe"), "run", "--"};
  served.insert(served.end(), words.begin(), words.end());
  std::vector<Measured> both;
  both.push_back(measure_program(connection, level, words, true));
  both.back().path = "kernel path";
  both.push_back(measure_program(connection, level, served, false));
  both.back().path = "in-process";
  return both;
}

std::string number(std::optional<uint64_t> value) {
  return value ? std::to_string(*value) : std::string("–");
}

void print_row(const char* name, const std::vector<std::string>& cells) {
  std::printf("%-28s", name);
  for (const std::string& cell : cells) {
    int bytes_beyond_columns = cell == "–" ? 2 : 0;
    std::printf(" %*s", 16 + bytes_beyond_columns, cell.c_str());
  }
  std::puts("");
}

template <typename Cell>
void print_line(const char* name, const std::vector<Measured>& runs, Cell cell) {
  std::vector<std::string> cells;
  for (const Measured& run : runs) cells.push_back(cell(run));
  print_row(name, cells);
}

void print_opcodes(const std::vector<Measured>& runs) {
  for (uint32_t opcode = 0; opcode < kCrossingsOpcodesMax; opcode++) {
    bool used = false;
    for (const Measured& run : runs) used |= run.crossings.opcodes[opcode].sent > 0;
    if (!used) continue;
    std::string name = std::string("  ") + fuse_opcode_name(opcode);
    print_line(name.c_str(), runs, [opcode](const Measured& run) {
      const crossings_requests& row = run.crossings.opcodes[opcode];
      char text[48] = "0";
      if (row.sent)
        std::snprintf(text, sizeof text, "%llu, %.1f us", row.sent,
                      row.answered ? static_cast<double>(row.total_ns) /
                                         static_cast<double>(row.answered) / 1e3
                                   : 0.0);
      return std::string(text);
    });
  }
}

void print_table(const FuseConnection& connection, const std::vector<Measured>& runs) {
  std::printf("%s (%s), daemon", connection.mountpoint.c_str(), connection.type.c_str());
  for (int daemon : connection.daemons) std::printf(" %d", daemon);
  std::printf(", level %s\n\n", runs[0].crossings.level.c_str());
  print_line("", runs, [](const Measured& run) { return run.path; });
  print_line("seconds", runs, [](const Measured& run) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", run.seconds);
    return std::string(text);
  });
  print_line("FUSE requests", runs, [](const Measured& r) { return number(r.crossings.requests); });
  print_opcodes(runs);
  struct Line {
    const char* name;
    std::optional<uint64_t> (*value)(const Crossings&);
  };
  const Line lines[] = {
      {"program: system calls", [](const Crossings& c) { return c.program.system_calls; }},
      {"program: context switches", [](const Crossings& c) { return c.program.switches; }},
      {"daemon: system calls", [](const Crossings& c) { return c.daemon.system_calls; }},
      {"daemon: context switches", [](const Crossings& c) { return c.daemon.switches; }},
  };
  for (const Line& line : lines)
    print_line(line.name, runs,
               [&line](const Measured& run) { return number(line.value(run.crossings)); });
}

void put(JsonWriter& json, const char* name, std::optional<uint64_t> value) {
  json.key(name);
  if (value)
    json.value(*value);
  else
    json.null();
}

void put(JsonWriter& json, const char* name, const ProcessActivity& activity) {
  json.key(name);
  json.begin_object();
  put(json, "system_calls", activity.system_calls);
  put(json, "context_switches", activity.switches);
  put(json, "voluntary_switches", activity.voluntary_switches);
  json.end_object();
}

void put_opcodes(JsonWriter& json, const Crossings& crossings) {
  json.key("opcodes");
  json.begin_array();
  for (uint32_t opcode = 0; opcode < kCrossingsOpcodesMax; opcode++) {
    const crossings_requests& row = crossings.opcodes[opcode];
    if (!row.sent) continue;
    json.begin_object();
    json.member("opcode", opcode);
    json.member("name", fuse_opcode_name(opcode));
    json.member("sent", row.sent);
    json.member("answered", row.answered);
    json.member("total_ns", row.total_ns);
    json.key("log2_ns");
    json.begin_array();
    for (unsigned long long bucket : row.buckets) json.value(bucket);
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

void print_json(const FuseConnection& connection, const std::vector<Measured>& runs) {
  JsonWriter json;
  json.begin_object();
  json.member("mountpoint", connection.mountpoint);
  json.member("type", connection.type);
  json.key("runs");
  json.begin_array();
  for (const Measured& run : runs) {
    json.begin_object();
    json.member("path", run.path);
    json.member("level", run.crossings.level);
    json.member("seconds", run.seconds);
    json.member("exit_status", run.status);
    put(json, "requests", run.crossings.requests);
    put_opcodes(json, run.crossings);
    put(json, "program", run.crossings.program);
    put(json, "daemon", run.crossings.daemon);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  std::puts(json.text().c_str());
}

}  // namespace

int cmd_crossings(Arguments& arguments) {
  bool compare = arguments.flag("--compare");
  bool as_json = arguments.flag("--json");
  std::string level = arguments.value("--level").value_or("");
  auto seconds = arguments.number("--seconds", 1, 86400);
  FuseConnection connection = find_connection(arguments.words(1, 1)[0]);
  const std::vector<std::string>& program = arguments.program();
  if (compare && program.empty()) throw CommandError("--compare", "needs -- PROGRAM");
  if (seconds && !program.empty())
    throw CommandError("--seconds", "the program itself says when it has ended");

  std::vector<Measured> runs;
  if (compare)
    runs = measure_both(connection, level, program);
  else if (!program.empty())
    runs.push_back(measure_program(connection, level, program, false));
  else
    runs.push_back(measure_while(connection, level, seconds));
  if (as_json)
    print_json(connection, runs);
  else
    print_table(connection, runs);
  for (const Measured& run : runs)
    if (run.status != 0) return 1;
  return 0;
}

}  // namespace bt::cli
