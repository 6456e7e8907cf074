// SPDX-License-Identifier: MIT
#include "hooks/call_path.h"

#include "base/user_copy.h"
#include "hooks/hooks.h"
#include "hooks/runtime.h"
#include "hooks/safe_copy.h"
#include "hooks/words.h"

namespace bt::hooks {
namespace {

constexpr uint32_t kPathMax = sizeof(CachedPath::text) - kPathSlack;

// 0x80 in each byte of `word` with which a path stops being in normal form: a slash or a dot behind a slash (`before`: 0x80
// where the byte before the word was one). Exact. A name that begins with a dot is taken for one too: the long way leaves it
// alone.
inline uint64_t abnormal_bytes(uint64_t word, uint64_t& before) {
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101, kSeven = kOnes * 0x7f, kHigh = kOnes * 0x80;
  static_assert(('/' ^ '.') == 1);
  uint64_t x = word ^ (kOnes * '/'), y = x ^ kOnes;
  uint64_t no_slash = ((x & kSeven) + kSeven) | x, no_dot = ((y & kSeven) + kSeven) | y;
  uint64_t slashes = ~no_slash & kHigh;
  uint64_t wrong = (slashes << 8 | before) & ~(no_slash & no_dot);
  before = slashes >> 56;
  return wrong;
}

// Most paths have nothing to take out; one pass by words says so. Beyond `size` the buffer may hold anything (kPathSlack), so
// the last word is cut.
bool is_normal(const char* path, uint32_t size) {
  uint64_t before = 0;
  for (uint32_t at = 0; at < size; at += 8) {
    uint64_t wrong = abnormal_bytes(load_word(path + at), before);
    if (size - at < 8) wrong &= (uint64_t{1} << (8 * (size - at))) - 1;
    if (wrong) return false;
  }
  return size == 1 || path[size - 1] != '/';
}

// The usual case in one pass: an absolute path in normal form that ends on the OS page where it begins. 0: take the long way.
uint32_t read_normal_path(uint64_t address, char* out) {
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101, kHigh = kOnes * 0x80;
  if (!may_load_words(address)) return 0;
  uint64_t before = 0;
  uint64_t words = (4096 - (address & 4095)) / 8;
  for (uint32_t at = 0; at < 8 * words; at += 8) {
    uint64_t word;
    if (!base::load_user_u64(reinterpret_cast<const void*>(address + at), word)) return 0;
    __builtin_memcpy(out + at, &word, 8);
    uint64_t wrong = abnormal_bytes(word, before);
    uint64_t zeros = (word - kOnes) & ~word & kHigh;  // the lowest is exact
    if (zeros == 0) [[likely]] {
      if (wrong) return 0;
      continue;
    }
    uint32_t length = static_cast<uint32_t>(__builtin_ctzll(zeros)) / 8, size = at + length;
    wrong &= (uint64_t{1} << (8 * length)) - 1;
    bool ends_well = size > 0 && out[0] == '/' && (size == 1 || out[size - 1] != '/');
    return wrong || !ends_well ? 0 : size;
  }
  return 0;
}

[[gnu::noinline]] void read_path(const Call& call, OpCall op, uint32_t which, CachedPath& out) {
  int path_at = op.path_argument[which], fd_at = op.fd_argument[which];
  if (path_at < 0 && fd_at < 0) return;
  auto directory = fd_at >= 0 ? static_cast<int32_t>(call.args[fd_at]) : kCurrentDirectory;
  uint64_t path = path_at >= 0 ? call.args[path_at] : 0;
  if (path_at >= 0) {
    int64_t size = safe_read_string(out.text, kPathMax, path);
    if (size <= 0) return;
    out.size = static_cast<uint32_t>(size - 1);
  }
  if (path_at < 0 || out.text[0] != '/')
    out.size = host().absolute_path ? host().absolute_path(directory, path, out.text, kPathMax) : 0;
  if (out.size) out.size = normalise_path(out.text, out.size);
}

// Past the name that ends there, to the slash before it.
uint32_t drop_last_name(const char* path, uint32_t size) {
  while (size > 0 && path[--size] != '/') {
  }
  return size;
}

}  // namespace

uint32_t normalise_path(char* path, uint32_t size) {
  if (is_normal(path, size)) return size;
  uint32_t out = 0;
  for (uint32_t at = 0; at < size;) {
    while (at < size && path[at] == '/') at++;
    uint32_t end = at;
    while (end < size && path[end] != '/') end++;
    uint32_t length = end - at;
    bool dot = length == 1 && path[at] == '.';
    bool parent = length == 2 && path[at] == '.' && path[at + 1] == '.';
    if (parent) {
      out = drop_last_name(path, out);
    } else if (length && !dot) {
      path[out++] = '/';
      for (uint32_t i = 0; i < length; i++) path[out++] = path[at + i];
    }
    at = end;
  }
  if (out == 0) path[out++] = '/';
  return out;
}

base::Text path_of_call(Thread& thread, uint32_t which) {
  if (!thread.call) return {};
  CachedPath& path = thread.paths[which];
  if (!path.known) {
    const Call& call = *thread.call;
    const OpCall op = op_call(call.nr);
    path.known = true;
    int8_t at = op.path_argument[which];
    path.size = at >= 0 ? read_normal_path(call.args[at], path.text) : 0;
    if (!path.size) read_path(call, op, which, path);
  }
  return {path.text, path.size};
}

void forget_paths(Thread& thread) { thread.paths[0].known = thread.paths[1].known = false; }

}  // namespace bt::hooks
