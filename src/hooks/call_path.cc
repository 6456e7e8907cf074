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

constexpr uint64_t kOnes = 0x0101'0101'0101'0101, kHigh = kOnes * 0x80;

// Looks at a path by words for what its normal form does not have: a slash or a dot behind a slash. Exact. A name that
// begins with a dot is taken for one too: the long way leaves it alone.
//
// The usual detection of zero bytes, here of slashes, borrows from the byte above a slash; that byte is wrongly taken for one
// only where it is one more than a slash exclusive-ors to, which is a dot: just what is looked for.
class NormalForm {
 public:
  static_assert(('/' ^ '.') == 1);

  // The next eight bytes, of which `mask` belong to the path.
  void look(uint64_t word, uint64_t mask = ~uint64_t{0}) {
    uint64_t x = word ^ (kOnes * '/');
    uint64_t marks = (x - kOnes - slash_) & ~x & kHigh & mask;
    wrong_ |= (marks << 8 | slash_ << 7) & marks;
    slash_ = marks >> 63;
  }
  bool is_broken() const { return wrong_ != 0; }

 private:
  uint64_t slash_ = 0;  // 1: the byte before was one
  uint64_t wrong_ = 0;
};

// Most paths have nothing to take out; one pass by words says so. Beyond `size` the buffer may hold anything (kPathSlack), so
// the last word is cut.
bool is_normal(const char* path, uint32_t size) {
  NormalForm form;
  for (uint32_t at = 0; at < size; at += 8)
    form.look(load_word(path + at), base::low_bytes(size - at));
  return !form.is_broken() && (size == 1 || path[size - 1] != '/');
}

// The usual case in one pass: an absolute path in normal form that ends on the OS page where it begins. 0: take the long way.
[[gnu::noinline]] uint32_t read_normal_path(uint64_t address, char* out) {
  if (!may_load_words(address)) return 0;
  NormalForm form;
  const uint32_t end = (4096 - (address & 4095)) & ~7u;
  for (uint32_t at = 0; at < end; at += 8) {
    uint64_t word;
    if (!base::load_user_u64(reinterpret_cast<const void*>(address + at), word)) return 0;
    __builtin_memcpy(out + at, &word, 8);
    uint64_t zeros = (word - kOnes) & ~word & kHigh;  // the lowest is exact
    if (zeros == 0) [[likely]] {
      form.look(word);
      continue;
    }
    uint32_t length = static_cast<uint32_t>(__builtin_ctzll(zeros)) / 8, size = at + length;
    form.look(word, base::low_bytes(length));
    bool ends_well = size > 0 && out[0] == '/' && (size == 1 || out[size - 1] != '/');
    return form.is_broken() || !ends_well ? 0 : size;
  }
  return 0;
}

[[gnu::noinline]] void read_path(const Call& call, const OpCall& op, uint32_t which,
                                 CachedPath& out) {
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

void make_path_of_call(Thread& thread, uint32_t which) {
  CachedPath& path = thread.paths[which];
  path.known = true;
  path.size = 0;
  if (!thread.call) return;
  int8_t at = thread.op->path_argument[which];
  if (at >= 0) path.size = read_normal_path(thread.call->args[at], path.text);
  if (!path.size) read_path(*thread.call, *thread.op, which, path);
}

}  // namespace bt::hooks
