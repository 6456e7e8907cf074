// SPDX-License-Identifier: MIT
#include "agent/environment.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/bytes.h"
#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/process.h"

namespace bt::agent {
namespace {

using base::raw_syscall;
using base::Text;
using base::text_of;

constexpr uint32_t kKeptSizeBytes = 4096;
constexpr uint32_t kKeptMax = 8;
constexpr uint64_t kEntriesMax = 1 << 20;
constexpr uint64_t kValueMaxBytes = 64 * 1024;
// Values are this long at most, nearly always: a fork child has few pages, and each that it touches on the way to exec is a fault.
constexpr uint64_t kUsualValueBytes = 1024;
constexpr const char* kPreloadName = "LD_PRELOAD=";
// The mark is a colon at the end of LD_PRELOAD and a number behind it, whose bits are written in separators, which ld.so skips.
constexpr uint32_t kClaimBits = 16;
constexpr uint32_t kClaimMarkBytes = 1 + kClaimBits;
constexpr char kOne = ':', kZero = ' ';
constexpr const char* kAgentFileName = "libbtfuse_agent.so";

// Our variables, terminated one after the other; programs overwrite the original place (setproctitle).
char kept_bytes[kKeptSizeBytes];
uint32_t kept_size = 0;
const char* kept[kKeptMax];
uint32_t kept_count = 0;
const char* agent = nullptr;  // its path

bool starts_with(const char* text, const char* prefix) {
  while (*prefix)
    if (*text++ != *prefix++) return false;
  return true;
}

const char* keep(Text text) {
  if (kept_size + text.size + 1 > kKeptSizeBytes) return nullptr;
  char* place = kept_bytes + kept_size;
  for (uint32_t i = 0; i < text.size; i++) place[i] = text[i];
  place[text.size] = 0;
  kept_size += text.size + 1;
  return place;
}

bool is_separator(char c) { return c == ':' || c == ' '; }

// The next entry of a LD_PRELOAD value from `at` on; empty at the end.
Text next_entry(Text value, uint32_t at) {
  while (at < value.size && is_separator(value[at])) at++;
  uint32_t end = at;
  while (end < value.size && !is_separator(value[end])) end++;
  return {value.data + at, end - at};
}
bool is_agent(Text entry) {
  Text name = text_of(kAgentFileName);
  return entry.size >= name.size && equal({entry.data + entry.size - name.size, name.size}, name);
}
// Our entry in a value, or an empty text.
Text find_agent(Text value) {
  for (uint32_t at = 0;;) {
    Text entry = next_entry(value, at);
    if (!entry.size || is_agent(entry)) return entry;
    at = static_cast<uint32_t>(entry.data - value.data) + entry.size;
  }
}

// Where one value of the program's environment is copied to.
struct Buffer {
  char* data;
  uint64_t size;
};

// What the program's environment holds of ours. `kept_seen`: one bit for each kept variable that is there.
struct Survey {
  uint64_t count = 0;
  uint32_t kept_seen = 0;
  bool disabled = false;
  bool unreadable = false;
  bool is_too_long = false;  // a value, for the buffer
  int64_t preload_index = -1;
  uint64_t preload_size = 0;
  bool has_agent = false;
};

uint32_t name_size(const char* variable) {
  uint32_t size = 0;
  while (variable[size] && variable[size] != '=') size++;
  return size + 1;
}

// The first bytes of an entry decide whether it concerns us; most are seen through after one.
void survey_entry(const char* entry, Survey& survey, Buffer values) {
  char* buffer = values.data;
  uint8_t first;
  if (!base::load_user_u8(entry, first)) {
    survey.unreadable = true;
    return;
  }
  if (first != 'L' && first != 'B') return;
  int64_t size = base::copy_string_from_user(buffer, entry, values.size);
  if (size < 0) {
    survey.unreadable = size == -14;
    survey.is_too_long |= size != -14;
    return;
  }
  if (starts_with(buffer, kPreloadName) && survey.preload_index < 0) {
    survey.preload_index = static_cast<int64_t>(survey.count);
    survey.preload_size = static_cast<uint64_t>(size);
    uint32_t skipped = text_of(kPreloadName).size;
    survey.has_agent =
        find_agent({buffer + skipped, static_cast<uint32_t>(size) - skipped}).size != 0;
  }
  if (starts_with(buffer, "BTFUSE_DISABLE=1")) survey.disabled = true;
  for (uint32_t i = 0; i < kept_count; i++)
    if (base::equal({buffer, base::min(name_size(buffer), static_cast<uint32_t>(size))},
                    {kept[i], name_size(kept[i])}))
      survey.kept_seen |= 1u << i;
}

Survey survey_environment(char* const* environment, Buffer values) {
  Survey survey;
  for (; environment && survey.count < kEntriesMax; survey.count++) {
    uint64_t entry;
    if (!base::load_user_u64(environment + survey.count, entry)) survey.unreadable = true;
    if (survey.unreadable || !entry) break;
    survey_entry(reinterpret_cast<const char*>(entry), survey, values);
  }
  return survey;
}

char* append(char* at, Text text) {
  for (uint32_t i = 0; i < text.size; i++) *at++ = text[i];
  return at;
}

// A number that has no room is 0.
char* write_claim_mark(char* at, uint32_t session) {
  *at++ = kOne;
  if (session >> kClaimBits) session = 0;
  for (uint32_t bit = kClaimBits; bit-- > 0;) *at++ = session >> bit & 1 ? kOne : kZero;
  return at;
}

// LD_PRELOAD with our entry first, or without it; its old value is in `value`.
char* write_preload(char* at, Text value, Preload preload, uint32_t session) {
  at = append(at, text_of(kPreloadName));
  bool first = true;
  auto add = [&](Text entry) {
    if (!first) *at++ = ':';
    first = false;
    at = append(at, entry);
  };
  if (preload != Preload::kDrop) add(text_of(agent));
  for (uint32_t from = 0;;) {
    Text entry = next_entry(value, from);
    if (!entry.size) break;
    if (!is_agent(entry)) add(entry);
    from = static_cast<uint32_t>(entry.data - value.data) + entry.size;
  }
  if (session) at = write_claim_mark(at, session);
  *at++ = 0;
  return at;
}

// Copies the entries, with `preload_text` in place of (or after) the old LD_PRELOAD. False: it changed under us.
bool fill(char* const* environment, const Survey& survey, char** out, char* preload_text,
          Preload preload) {
  uint64_t written = 0;
  for (uint64_t i = 0; i < survey.count; i++) {
    uint64_t entry;
    if (!base::load_user_u64(environment + i, entry)) return false;
    if (static_cast<int64_t>(i) == survey.preload_index && preload_text)
      out[written++] = preload_text;
    else
      out[written++] = reinterpret_cast<char*>(entry);
  }
  if (preload != Preload::kDrop) {
    if (survey.preload_index < 0 && preload_text) out[written++] = preload_text;
    for (uint32_t i = 0; i < kept_count; i++)
      if (!(survey.kept_seen & (1u << i))) out[written++] = const_cast<char*>(kept[i]);
  }
  out[written] = nullptr;
  return true;
}

// As prepare_environment. is_too_long: a value has no room in the buffer; nothing was done.
char* const* prepare(char* const* environment, Preload preload, uint32_t session, uint64_t& size,
                     Buffer values, bool& is_too_long) {
  size = 0;
  Survey survey = survey_environment(environment, values);
  is_too_long = survey.is_too_long && values.size < kValueMaxBytes;
  if (is_too_long) return environment;
  uint32_t all_kept = (1u << kept_count) - 1;
  bool unchanged = preload == Preload::kDrop
                       ? !survey.has_agent
                       : !session && survey.has_agent && survey.kept_seen == all_kept;
  if (survey.unreadable || unchanged || survey.disabled || !agent) return environment;

  Text old{};
  if (survey.preload_index >= 0) {
    uint64_t entry;
    if (!base::load_user_u64(environment + survey.preload_index, entry)) return environment;
    int64_t length =
        base::copy_string_from_user(values.data, reinterpret_cast<char*>(entry), values.size);
    uint32_t skipped = text_of(kPreloadName).size;
    if (length < skipped) return environment;
    old = {values.data + skipped, static_cast<uint32_t>(length) - skipped};
  }
  uint64_t array_size = (survey.count + kept_count + 2) * sizeof(char*);
  size = base::align_up(array_size + old.size + text_of(agent).size + 64, 4096);
  int64_t memory = raw_syscall(SYS_mmap, 0, static_cast<int64_t>(size), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory < 0 && memory > -4096) {
    size = 0;
    return environment;
  }
  auto** out = reinterpret_cast<char**>(memory);
  char* preload_text = reinterpret_cast<char*>(memory) + array_size;
  bool rewrite = session || survey.has_agent != (preload == Preload::kCarry);
  if (rewrite) write_preload(preload_text, old, preload, session);
  if (fill(environment, survey, out, rewrite ? preload_text : nullptr, preload)) return out;
  raw_syscall(SYS_munmap, memory, static_cast<int64_t>(size));
  size = 0;
  return environment;
}

// Apart, for its frame.
[[gnu::noinline]] char* const* prepare_with_long_values(char* const* environment, Preload preload,
                                                        uint32_t session, uint64_t& size) {
  char values[kValueMaxBytes];
  bool is_too_long;
  return prepare(environment, preload, session, size, {values, sizeof values}, is_too_long);
}

}  // namespace

const char* find_variable(char** environment, const char* name) {
  for (; *environment; environment++)
    if (starts_with(*environment, name)) return *environment + text_of(name).size;
  return nullptr;
}

void remember_environment(char** environment) {
  if (const char* value = find_variable(environment, kPreloadName)) {
    Text entry = find_agent(text_of(value));
    if (entry.size) agent = keep(entry);
  }
  for (; *environment && kept_count < kKeptMax; environment++)
    if (starts_with(*environment, "BTFUSE_"))
      if (const char* copy = keep(text_of(*environment))) kept[kept_count++] = copy;
}

uint32_t take_claim_mark(char** environment) {
  const char* value = find_variable(environment, kPreloadName);
  uint32_t size = value ? text_of(value).size : 0;
  if (size < kClaimMarkBytes) return 0;
  char* mark = const_cast<char*>(value) + size - kClaimMarkBytes;
  if (*mark != kOne) return 0;
  uint32_t session = 0;
  for (uint32_t i = 1; i < kClaimMarkBytes; i++) {
    if (!is_separator(mark[i])) return 0;
    session = session << 1 | (mark[i] == kOne);
  }
  *mark = 0;
  return session ? session : posix::kUnknownSession;
}

const char* agent_path() { return agent; }

char* const* prepare_environment(char* const* environment, Preload preload, uint32_t session,
                                 uint64_t& size) {
  char values[kUsualValueBytes];
  bool is_too_long;
  auto* prepared =
      prepare(environment, preload, session, size, {values, sizeof values}, is_too_long);
  return is_too_long ? prepare_with_long_values(environment, preload, session, size) : prepared;
}

}  // namespace bt::agent
