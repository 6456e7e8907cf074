// SPDX-License-Identifier: MIT
// The helpers. Each takes what the verifier proved (helpers.def) and the running thread; none allocates, blocks or prints.
#include "hooks/helpers.h"

#include <asm/unistd.h>
#include <time.h>

#include <cerrno>

#include "base/syscall.h"
#include "hooks/call_path.h"
#include "hooks/callback.h"
#include "hooks/clock.h"
#include "hooks/identity.h"
#include "hooks/maps_internal.h"
#include "hooks/printk.h"
#include "hooks/safe_copy.h"
#include "hooks/words.h"

namespace bt::hooks {
namespace {

#define HELPER(name)                                                               \
  uint64_t helper_##name([[maybe_unused]] uint64_t a, [[maybe_unused]] uint64_t b, \
                         [[maybe_unused]] uint64_t c, [[maybe_unused]] uint64_t d, \
                         [[maybe_unused]] uint64_t e, [[maybe_unused]] Thread* thread)

template <typename T = void>
T* pointer(uint64_t value) {
  return reinterpret_cast<T*>(value);
}
const MapView& map_of(uint64_t value) { return *pointer<const MapView>(value); }
uint64_t signed_result(int64_t value) { return static_cast<uint64_t>(value); }

HELPER(map_lookup_elem) {
  return reinterpret_cast<uint64_t>(map_lookup(map_of(a), pointer(b), thread->slot));
}
HELPER(map_update_elem) {
  return signed_result(map_update(map_of(a), pointer(b), pointer(c), d, thread->user));
}
HELPER(map_delete_elem) { return signed_result(map_delete(map_of(a), pointer(b), thread->user)); }
HELPER(map_push_elem) { return signed_result(map_push(map_of(a), pointer(b), c, thread->user)); }
HELPER(map_pop_elem) { return signed_result(map_pop(map_of(a), pointer(b), true, thread->user)); }
HELPER(map_peek_elem) { return signed_result(map_pop(map_of(a), pointer(b), false, thread->user)); }

HELPER(probe_read) { return signed_result(safe_read(pointer(a), b, c)); }
HELPER(probe_read_str) { return signed_result(safe_read_string(pointer<char>(a), b, c)); }
HELPER(probe_read_user) { return helper_probe_read(a, b, c, d, e, thread); }
HELPER(probe_read_kernel) { return helper_probe_read(a, b, c, d, e, thread); }
HELPER(probe_read_user_str) { return helper_probe_read_str(a, b, c, d, e, thread); }
HELPER(probe_read_kernel_str) { return helper_probe_read_str(a, b, c, d, e, thread); }

HELPER(ktime_get_ns) { return clock_ns(CLOCK_MONOTONIC); }
HELPER(ktime_get_boot_ns) { return clock_ns(CLOCK_BOOTTIME); }
HELPER(ktime_get_coarse_ns) { return clock_ns(CLOCK_MONOTONIC_COARSE); }

HELPER(get_prandom_u32) {
  uint64_t x = thread->random;  // xorshift64*
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  thread->random = x;
  return (x * 0x2545'f491'4f6c'dd1d) >> 32;
}
HELPER(get_smp_processor_id) { return thread->slot; }
HELPER(get_current_pid_tgid) { return identity(*thread).pid_tgid; }
HELPER(get_current_uid_gid) { return identity(*thread).uid_gid; }
HELPER(get_current_comm) {
  const char* comm = identity(*thread).task.comm;
  auto* out = pointer<char>(a);
  if (b == sizeof(ShadowTask::comm)) {  // which ends with a zero
    copy_words(out, comm, sizeof(ShadowTask::comm));
    return 0;
  }
  uint64_t kept = base::min(b, uint64_t{sizeof(ShadowTask::comm)});
  copy_words(out, comm, kept);
  __builtin_memset(out + kept, 0, b - kept);
  out[b - 1] = 0;
  return 0;
}
HELPER(get_current_task) { return reinterpret_cast<uint64_t>(&identity(*thread).task); }
HELPER(current_task_under_cgroup) { return 1; }
HELPER(get_current_cgroup_id) { return 0; }
HELPER(get_attach_cookie) { return 0; }

// Stack traces of the application would need its unwind tables; an empty trace is a valid answer.
HELPER(get_stackid) { return signed_result(-EFAULT); }
HELPER(get_stack) {
  __builtin_memset(pointer(b), 0, c);
  return 0;
}

// Both answer how many rounds there were.
HELPER(loop) {
  auto rounds = static_cast<uint32_t>(a);
  if (d) return signed_result(-EINVAL);
  if (rounds > kLoopsMax) return signed_result(-E2BIG);
  CallbackRun run(*thread);
  for (uint32_t i = 0; i < rounds; i++)
    if (!run.once(b, i, c)) return i + 1;
  return rounds;
}
HELPER(for_each_map_elem) {
  if (d) return signed_result(-EINVAL);
  const MapView& map = map_of(a);
  const bool array = is_array_type(map.type);
  CallbackRun run(*thread);
  uint64_t rounds = 0;
  for (uint32_t i = 0;; i++) {
    uint32_t index = i;
    const void* key = &index;
    bool used = array;
    if (array ? i >= map.max_entries : !hash_element_at(map, i, key, used)) return rounds;
    if (!used) continue;
    rounds++;
    auto value = reinterpret_cast<uint64_t>(value_at(map, i, thread->slot));
    if (!run.once(b, a, reinterpret_cast<uint64_t>(key), value, c)) return rounds;
  }
}

HELPER(perf_event_output) {
  void* record = ring_reserve(map_of(b), e, thread->user);
  if (!record) return signed_result(-ENOSPC);
  copy_words(record, pointer(d), e);
  ring_commit(record, false);
  return 0;
}
HELPER(ringbuf_output) {
  void* record = ring_reserve(map_of(a), c, thread->user);
  if (!record) return signed_result(-EAGAIN);
  copy_words(record, pointer(b), c);
  ring_commit(record, false);
  return 0;
}
HELPER(ringbuf_reserve) {
  return reinterpret_cast<uint64_t>(ring_reserve(map_of(a), b, thread->user));
}
HELPER(ringbuf_submit) {
  ring_commit(pointer(a), false);
  return 0;
}
HELPER(ringbuf_discard) {
  ring_commit(pointer(a), true);
  return 0;
}
HELPER(ringbuf_query) { return ring_query(map_of(a), b); }

int64_t print(Thread& thread, uint64_t format, uint64_t size, const uint64_t* values,
              uint32_t count) {
  if (!thread.image || !thread.image->log) return -EINVAL;
  char line[kPrintkLineMax];
  uint32_t length = format_printk(line, pointer<const char>(format), size, values, count);
  void* record = ring_reserve(*thread.image->log, length + 1, thread.user);
  if (!record) return -EAGAIN;
  __builtin_memcpy(record, line, length + 1);
  ring_commit(record, false);
  return length;
}
HELPER(trace_printk) {
  uint64_t values[3] = {c, d, e};
  return signed_result(print(*thread, a, b, values, 3));
}
HELPER(trace_vprintk) {
  return signed_result(
      print(*thread, a, b, pointer<const uint64_t>(c), static_cast<uint32_t>(d / 8)));
}

HELPER(strncmp) {
  const auto* x = pointer<const unsigned char>(a);
  const auto* y = pointer<const unsigned char>(c);
  for (uint64_t i = 0; i < b; i++)
    if (x[i] != y[i] || x[i] == 0) return signed_result(int64_t{x[i]} - y[i]);
  return 0;
}

int64_t override_result(Thread& thread, uint64_t value) {
  if (!thread.may_override) return -EINVAL;
  thread.overridden = true;
  thread.override_value = static_cast<int64_t>(value);
  return 0;
}
HELPER(override_return) { return signed_result(override_result(*thread, b)); }
HELPER(set_retval) { return signed_result(override_result(*thread, a)); }

// Whole names only: /a/b is above /a/b/c, not above /a/bc. Text constants come with their terminator, which is not
// compared.
bool has_prefix(base::Text path, const char* prefix, uint64_t size) {
  while (size && prefix[size - 1] == 0) size--;
  if (size > 1 && prefix[size - 1] == '/') size--;
  if (path.size < size || size == 0 || !same_bytes(path.data, prefix, size)) return false;
  return path.size == size || path.data[size] == '/' || size == 1;
}
HELPER(btfuse_path_has_prefix) {
  return has_prefix(path_of_call(*thread, 0), pointer<const char>(b), c);
}
HELPER(btfuse_path2_has_prefix) {
  return has_prefix(path_of_call(*thread, 1), pointer<const char>(b), c);
}
HELPER(btfuse_path_has_suffix) {
  base::Text path = path_of_call(*thread, 0);
  const auto* suffix = pointer<const char>(b);
  uint64_t size = c;
  while (size && suffix[size - 1] == 0) size--;
  if (path.size < size || size == 0) return 0;
  return same_bytes(path.data + path.size - size, suffix, size);
}
HELPER(btfuse_path_copy) {
  base::Text path = path_of_call(*thread, 0);
  auto* out = pointer<char>(b);
  uint64_t size = base::min(uint64_t{path.size}, c - 1);
  copy_words(out, path.data, size);
  __builtin_memset(out + size, 0, c - size);
  return size + 1;
}

// Interpreter and JIT take tail calls themselves; this is what an unfilled array does.
HELPER(tail_call) { return signed_result(-ENOENT); }

// Without addresses, which ld.so would have to write at every start.
#define BT_HELPER(id, name, returns, a1, a2, a3, a4, a5) \
  {id,                                                   \
   #name,                                                \
   Returns::returns,                                     \
   {Argument::a1, Argument::a2, Argument::a3, Argument::a4, Argument::a5}},
constexpr HelperRow kHelpers[] = {
#include "hooks/helpers.def"
};
#undef BT_HELPER

}  // namespace

const HelperRow* helper_row(uint32_t id) {
  uint32_t low = 0, high = sizeof(kHelpers) / sizeof(kHelpers[0]);
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (kHelpers[middle].id == id) return &kHelpers[middle];
    if (kHelpers[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return nullptr;
}

HelperFunction helper_function(uint32_t id) {
  switch (id) {
#define BT_HELPER(id, name, returns, a1, a2, a3, a4, a5) \
  case id:                                               \
    return helper_##name;
#include "hooks/helpers.def"
#undef BT_HELPER
    default:
      return helper_tail_call;
  }
}

namespace {
template <uint32_t key_size>
HELPER(map_lookup_hash) {
  return reinterpret_cast<uint64_t>(hash_lookup_plain<key_size>(map_of(a), pointer(b)));
}
}  // namespace

HelperFunction lookup_function(const MapView& map) {
  if (map.type == BPF_MAP_TYPE_HASH) {
    if (map.key_size == 4) return helper_map_lookup_hash<4>;
    if (map.key_size == 8) return helper_map_lookup_hash<8>;
    if (map.key_size == 16) return helper_map_lookup_hash<16>;
  }
  return helper_map_lookup_elem;
}
#undef HELPER

const LoadedProgram* find_tail_call(const MapView& map, uint32_t index, Thread& thread) {
  if (map.type != BPF_MAP_TYPE_PROG_ARRAY || index >= map.max_entries || !thread.image)
    return nullptr;
  if (thread.tail_calls >= kTailCallsMax) return nullptr;
  auto value = *static_cast<const volatile uint32_t*>(value_at(map, index, 0));
  if (value == 0 || value > thread.image->program_count) return nullptr;
  thread.tail_calls++;
  return &thread.image->programs[value - 1];
}

}  // namespace bt::hooks
