// SPDX-License-Identifier: MIT
#include "hooks/call_path.h"

#include "hooks/hooks.h"
#include "hooks/runtime.h"
#include "hooks/safe_copy.h"

namespace bt::hooks {
namespace {

// Most paths have nothing to take out; one pass says so.
bool is_normal(const char* path, uint32_t size) {
  for (uint32_t i = 0; i + 1 < size; i++)
    if (path[i] == '/' && (path[i + 1] == '/' || path[i + 1] == '.')) return false;
  return size == 1 || path[size - 1] != '/';
}

void read_path(const CallContext& call, uint32_t which, CachedPath& out) {
  OpCall op = op_call(call.nr);
  int path_at = op.path_argument[which], fd_at = op.fd_argument[which];
  if (path_at < 0 && fd_at < 0) return;
  auto directory = fd_at >= 0 ? static_cast<int32_t>(call.args[fd_at]) : kCurrentDirectory;
  uint64_t path = path_at >= 0 ? call.args[path_at] : 0;
  if (path_at >= 0) {
    int64_t size = safe_read_string(out.text, sizeof out.text, path);
    if (size <= 0) return;
    out.size = static_cast<uint32_t>(size - 1);
  }
  if (path_at < 0 || out.text[0] != '/')
    out.size =
        host().absolute_path ? host().absolute_path(directory, path, out.text, sizeof out.text) : 0;
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
    path.known = true;
    path.size = 0;
    read_path(*thread.call, which, path);
  }
  return {path.text, path.size};
}

void forget_paths(Thread& thread) { thread.paths[0].known = thread.paths[1].known = false; }

}  // namespace bt::hooks
