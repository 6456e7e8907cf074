// SPDX-License-Identifier: MIT
// btfuse check: every invariant of a live volume, and exit status 1 if one does not hold. Changes wait while it looks.
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <vector>

#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/volume_view.h"
#include "engine/check.h"
#include "registry/writer.h"

namespace bt::cli {
namespace {

// A damaged volume may break a rule a million times; the count is exact, the list is not.
constexpr size_t kViolationsListed = 1000;

void keep_violation(void* argument, const engine::Violation& violation) {
  auto& kept = *static_cast<std::vector<engine::Violation>*>(argument);
  if (kept.size() < kViolationsListed) kept.push_back(violation);
}

struct CountRow {
  const char* name;
  uint64_t engine::CheckReport::*count;
};
constexpr CountRow kCounts[] = {
    {"inodes", &engine::CheckReport::inodes},
    {"directories", &engine::CheckReport::directories},
    {"dentries", &engine::CheckReport::dentries},
    {"pages_used", &engine::CheckReport::pages_used},
    {"pages_free", &engine::CheckReport::pages_free},
    {"descriptions", &engine::CheckReport::descriptions},
    {"sessions", &engine::CheckReport::sessions},
    {"slots", &engine::CheckReport::slots},
    {"file_locks", &engine::CheckReport::file_locks},
    {"orphans", &engine::CheckReport::orphans},
    {"dead_locks", &engine::CheckReport::dead_locks},
    {"loose_references", &engine::CheckReport::loose_references},
    {"violations", &engine::CheckReport::violations},
};

void print_json(const std::string& mount_point, bool damaged, const engine::CheckReport& report,
                const std::vector<engine::Violation>& violations) {
  JsonWriter json;
  json.begin_object();
  json.member("mountpoint", mount_point);
  json.member("damaged", damaged);
  for (const CountRow& row : kCounts) json.member(row.name, report.*row.count);
  json.key("found");
  json.begin_array();
  for (const engine::Violation& violation : violations) {
    json.begin_object();
    json.member("rule", violation.rule);
    json.member("object", violation.object);
    json.member("expected", violation.expected);
    json.member("found", violation.found);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  std::puts(json.text().c_str());
}

void print_text(const std::string& mount_point, bool damaged, const engine::CheckReport& report,
                const std::vector<engine::Violation>& violations) {
  for (const engine::Violation& violation : violations)
    std::printf("%s: object %" PRIu64 ": expected %" PRIu64 ", found %" PRIu64 "\n", violation.rule,
                violation.object, violation.expected, violation.found);
  for (const CountRow& row : kCounts)
    std::printf("%-17s %" PRIu64 "\n", row.name, report.*row.count);
  std::printf("%s: %s\n", mount_point.c_str(),
              damaged             ? "damaged, refuses changes"
              : report.violations ? "rules are broken"
                                  : "sound");
}

}  // namespace

int cmd_check(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  std::string word = arguments.words(1, 1)[0];
  VolumeView view(word);
  engine::Thread thread;
  thread.volume = &view.volume();
  auto pid = static_cast<uint32_t>(getpid());
  auto session = engine::open_session(thread, pid, registry::process_start_time(pid), geteuid());
  if (!session) throw command_error("check " + word, session.error());
  engine::Credentials credentials;
  credentials.trusted = true;
  engine::Context context{thread, credentials};

  std::vector<char> scratch(engine::check_scratch_size(view.volume()));
  std::vector<engine::Violation> violations;
  engine::CheckReport report{};
  auto checked = engine::check_volume(context, scratch.data(), keep_violation, &violations, report);
  bool damaged = view.volume().is_frozen();
  (void)engine::close_session(context, *session);
  if (!checked) {
    int error = checked.error().errno_value();
    throw CommandError("check " + word,
                       error == ETIMEDOUT
                           ? "a thread in the middle of a change does not go on (stopped?)"
                       : error == EBUSY ? "another check is running"
                                        : checked.error().text());
  }
  if (as_json)
    print_json(view.mount_point(), damaged, report, violations);
  else
    print_text(view.mount_point(), damaged, report, violations);
  return damaged || report.violations ? 1 : 0;
}

}  // namespace bt::cli
