// SPDX-License-Identifier: MIT
// btfuse top: a live view of one mount in the terminal. Snapshots are taken at the interval and their differences shown; the keys
// stand in the last line. --once prints one picture, or with --json one object, and ends.
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/snapshot.h"
#include "cli/top/rates.h"
#include "cli/top/screen.h"
#include "metrics/names.h"

namespace bt::cli {
namespace {

volatile sig_atomic_t interrupted = 0;

void on_signal(int) { interrupted = 1; }

// Raw mode and the alternate screen for the life of the object.
class Terminal {
 public:
  Terminal() {
    tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    std::fputs("\033[?1049h\033[?25l", stdout);
  }
  ~Terminal() {
    std::fputs("\033[?25h\033[?1049l", stdout);
    std::fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void show(const Snapshot& now, const top::Rates& rates, const top::View& view) {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20 || size.ws_row < 8)
      size = {24, 80, 0, 0};
    std::string out = "\033[H";
    for (const std::string& line : top::draw(now, rates, view, size.ws_col, size.ws_row))
      out += line + "\033[K\r\n";
    out.resize(out.size() - 2);  // no line feed after the last line: it would scroll
    std::fputs((out + "\033[J").c_str(), stdout);
    std::fflush(stdout);
  }

 private:
  termios before_{};
};

// False: the user wants to leave.
bool handle_key(char key, top::View& view) {
  if (view.is_typing_filter) {
    if (key == '\n' || key == '\r' || key == 27)
      view.is_typing_filter = false;
    else if (key == 127 || key == 8)
      view.filter = view.filter.substr(0, view.filter.empty() ? 0 : view.filter.size() - 1);
    else if (key >= 32 && view.filter.size() < 15)
      view.filter += key;
    return true;
  }
  switch (key) {
    case 'q':
      return false;
    case 's':
      view.sort = static_cast<top::SortKey>((static_cast<int>(view.sort) + 1) % top::kSortKeys);
      break;
    case 'f':
      view.filter.clear();
      view.is_typing_filter = true;
      break;
    case 'p':
      view.is_paused = !view.is_paused;
      break;
    default:
      break;
  }
  return true;
}

uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

void run_top(VolumeView& volume, uint64_t interval_ms) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  Terminal terminal;
  top::View view;
  auto before = std::make_unique<Snapshot>(take_snapshot(volume));
  auto shown = std::make_unique<Snapshot>(*before);
  top::Rates rates = top::rates_between(*before, *before);
  uint64_t next_ms = now_ms() + interval_ms;
  while (!interrupted) {
    terminal.show(*shown, rates, view);
    uint64_t now = now_ms();
    pollfd keys{STDIN_FILENO, POLLIN, 0};
    if (poll(&keys, 1, now < next_ms ? static_cast<int>(next_ms - now) : 0) > 0) {
      char key = 0;
      if (read(STDIN_FILENO, &key, 1) != 1 || !handle_key(key, view)) return;
      continue;
    }
    if (now_ms() < next_ms) continue;
    next_ms = now_ms() + interval_ms;
    auto after = std::make_unique<Snapshot>(take_snapshot(volume));
    if (!view.is_paused) {
      rates = top::rates_between(*before, *after);
      top::remember(view, rates, *after);
      *shown = *after;
    }
    before = std::move(after);
  }
}

void print_json(const Snapshot& now, const top::Rates& rates) {
  const std::string unit = "_per_second";
  JsonWriter json;
  json.begin_object();
  put_state_members(json, now);
  json.member("seconds", rates.seconds);
  put_ways(json, unit, rates.in_process, rates.passed, rates.fuse);
  put_share(json, "in_process_share", rates.share);
  put_share(json, "cache_hit_ratio", rates.hit_ratio);
  json.key("operations");
  json.begin_object();
  for (const top::OperationRate& row : rates.operations) {
    json.key(metrics::operation_name(row.operation));
    json.begin_object();
    put_ways(json, unit, row.in_process, row.passed, row.fuse);
    json.member("p50_ns", row.p50_ns);
    json.member("p99_ns", row.p99_ns);
    json.member("fuse_p50_ns", row.fuse_p50_ns);
    json.member("fuse_p99_ns", row.fuse_p99_ns);
    json.end_object();
  }
  json.end_object();
  json.key("reasons");
  json.begin_object();
  for (const top::ReasonRate& row : rates.reasons)
    json.member(metrics::way_name(row.way), row.calls);
  json.end_object();
  json.key("sessions");
  json.begin_array();
  for (const top::SessionRate& row : rates.sessions) {
    json.begin_object();
    put_session_members(json, row.session);
    put_ways(json, unit, row.in_process, row.passed, row.fuse);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  std::puts(json.text().c_str());
}

void run_once(VolumeView& volume, uint64_t interval_ms, bool as_json) {
  auto before = std::make_unique<Snapshot>(take_snapshot(volume));
  usleep(static_cast<useconds_t>(interval_ms * 1000));
  auto after = std::make_unique<Snapshot>(take_snapshot(volume));
  top::Rates rates = top::rates_between(*before, *after);
  if (as_json) return print_json(*after, rates);
  top::View view;
  top::remember(view, rates, *after);
  for (const std::string& line : top::draw(*after, rates, view, 80, 24)) std::puts(line.c_str());
}

}  // namespace

int cmd_top(Arguments& arguments) {
  bool once = arguments.flag("--once"), as_json = arguments.flag("--json");
  uint64_t interval_ms = arguments.number("--interval", 50, 60'000).value_or(1000);
  std::vector<std::string> words = arguments.words(0, 1);
  std::vector<registry::MountRecord> mounts =
      words.empty() ? live_mounts() : std::vector<registry::MountRecord>{};
  if (words.empty() && mounts.size() != 1)
    throw CommandError("top", mounts.empty() ? "nothing is mounted (see btfuse list)"
                                             : "which mount? (see btfuse list)");
  VolumeView volume = words.empty() ? VolumeView(mounts[0]) : VolumeView(words[0]);
  if (as_json && !once) throw CommandError("top", "--json needs --once");
  if (!once && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
    throw CommandError("top", "not a terminal: use --once");
  if (once)
    run_once(volume, interval_ms, as_json);
  else
    run_top(volume, interval_ms);
  return 0;
}

}  // namespace bt::cli
