// SPDX-License-Identifier: MIT
// The callbacks of gcc's and clang's -fsanitize=thread, and the memory functions the engine calls (it is freestanding, so
// constant-size copies are calls too). See store_runtime.h. Compiled without the sanitizer and without builtins.
#include "store_runtime.h"

#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "base/syscall.h"

namespace bt::crash {
namespace {

char* volume_begin;
char* volume_end;
StoreBoard* board;
uint64_t kill_at;
bool armed;
uint8_t* lines;
LineFlags line_flags;

// Kill points within copies of file data: one each so many bytes.
constexpr uint64_t kCopyGranule = 2048;

[[noreturn]] void die() {
  for (;;) base::raw_syscall(SYS_kill, base::raw_syscall(SYS_getpid), SIGKILL);
}

inline void note_lines(const char* at, uint64_t size, uint8_t flag) {
  uint64_t first = static_cast<uint64_t>(at - volume_begin) >> 6,
           last = static_cast<uint64_t>(at + size - 1 - volume_begin) >> 6;
  for (uint64_t line = first; line <= last; line++) lines[line] |= flag;
}

inline void on_load(const volatile void* place, uint64_t size) {
  if (!lines) return;
  const char* at = const_cast<const char*>(static_cast<const volatile char*>(place));
  if (at >= volume_begin && at < volume_end) note_lines(at, size, line_flags.read);
}

inline void on_store(const volatile void* place, uint64_t size) {
  const char* at = const_cast<const char*>(static_cast<const volatile char*>(place));
  if (at < volume_begin || at >= volume_end) return;
  if (lines) note_lines(at, size, line_flags.write);
  if (armed) {
    if (++board->stores == kill_at) die();
  }
  uint64_t first = static_cast<uint64_t>(at - volume_begin) >> 12,
           last = static_cast<uint64_t>(at + size - 1 - volume_begin) >> 12;
  for (uint64_t page = first; page <= last; page++) board->touched()[page] = 1;
}

}  // namespace

void watch_volume(char* volume, uint64_t size, StoreBoard* shared) {
  volume_begin = volume;
  volume_end = volume + size;
  board = shared;
  board->volume_page_count = (size + 4095) >> 12;
}

void arm_stores(uint64_t at) {
  kill_at = at;
  board->stores = 0;
  armed = true;
}

void disarm_stores() { armed = false; }

void record_lines(uint8_t* into, LineFlags flags) {
  lines = into;
  line_flags = flags;
}

void note_touched(const void* place, uint64_t size) {
  bool was = armed;
  armed = false;
  on_store(place, size);
  armed = was;
}

}  // namespace bt::crash

using bt::crash::on_load;
using bt::crash::on_store;

extern "C" {

// ---- plain accesses ----------------------------------------------------------------------------------------------------
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
#define READ_WRITE(n)                                                 \
  void __tsan_read##n(void* place) { on_load(place, n); }             \
  void __tsan_write##n(void* place) { on_store(place, n); }           \
  void __tsan_volatile_read##n(void* place) { on_load(place, n); }    \
  void __tsan_volatile_write##n(void* place) { on_store(place, n); }  \
  void __tsan_unaligned_read##n(void* place) { on_load(place, n); }   \
  void __tsan_unaligned_write##n(void* place) { on_store(place, n); } \
  void __tsan_read_write##n(void* place) { on_store(place, n); }
READ_WRITE(1)
READ_WRITE(2)
READ_WRITE(4)
READ_WRITE(8)
READ_WRITE(16)
void __tsan_read_range(void* place, unsigned long size) { on_load(place, size); }
void __tsan_write_range(void* place, unsigned long size) { on_store(place, size); }

// ---- atomic accesses -----------------------------------------------------------------------------------------------------
#define ATOMICS(bits)                                                                              \
  uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t* p, int) {               \
    on_load(p, sizeof(*p));                                                                        \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                   \
  }                                                                                                \
  void __tsan_atomic##bits##_store(volatile uint##bits##_t* p, uint##bits##_t v, int) {            \
    on_store(p, sizeof(v));                                                                        \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                      \
  }                                                                                                \
  uint##bits##_t __tsan_atomic##bits##_exchange(volatile uint##bits##_t* p, uint##bits##_t v,      \
                                                int) {                                             \
    on_store(p, sizeof(v));                                                                        \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                            \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t* p, uint##bits##_t* e, \
                                                    uint##bits##_t v, int, int) {                  \
    on_store(p, sizeof(v));                                                                        \
    return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile uint##bits##_t* p, uint##bits##_t* e,   \
                                                  uint##bits##_t v, int, int) {                    \
    on_store(p, sizeof(v));                                                                        \
    return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
  }                                                                                                \
  uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                       \
      volatile uint##bits##_t* p, uint##bits##_t e, uint##bits##_t v, int, int) {                  \
    on_store(p, sizeof(v));                                                                        \
    __atomic_compare_exchange_n(p, &e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);              \
    return e;                                                                                      \
  }
#define FETCH(bits, name)                                                                         \
  uint##bits##_t __tsan_atomic##bits##_fetch_##name(volatile uint##bits##_t* p, uint##bits##_t v, \
                                                    int) {                                        \
    on_store(p, sizeof(v));                                                                       \
    return __atomic_fetch_##name(p, v, __ATOMIC_SEQ_CST);                                         \
  }
#define ALL(bits)  \
  ATOMICS(bits)    \
  FETCH(bits, add) \
  FETCH(bits, sub) FETCH(bits, and) FETCH(bits, or) FETCH(bits, xor) FETCH(bits, nand)
ALL(8)
ALL(16)
ALL(32)
ALL(64)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

// ---- memory functions ------------------------------------------------------------------------------------------------------
// Word by word, each word a kill point: what a structure copy is in the real build.
void* memcpy(void* to, const void* from, size_t size) {
  auto* d = static_cast<char*>(to);
  auto* s = static_cast<const char*>(from);
  on_load(s, size ? size : 1);
  for (; size >= 8; d += 8, s += 8, size -= 8) {
    on_store(d, 8);
    *reinterpret_cast<volatile uint64_t*>(d) = *reinterpret_cast<const volatile uint64_t*>(s);
  }
  for (; size > 0; d++, s++, size--) {
    on_store(d, 1);
    *static_cast<volatile char*>(d) = *static_cast<const volatile char*>(s);
  }
  return to;
}
void* memset(void* to, int value, size_t size) {
  auto* d = static_cast<char*>(to);
  for (size_t i = 0; i < size; i++) {
    if (i % 8 == 0) on_store(d + i, 8 < size - i ? 8 : size - i);
    static_cast<volatile char*>(d)[i] = static_cast<char>(value);
  }
  return to;
}

// base/user_copy.h, which is assembly: file data, a kill point each kCopyGranule bytes.
bool bt_user_copy(void* to, const void* from, uint64_t size) {
  auto* d = static_cast<char*>(to);
  auto* s = static_cast<const char*>(from);
  while (size > 0) {
    uint64_t part = size < bt::crash::kCopyGranule ? size : bt::crash::kCopyGranule;
    on_load(s, part);
    on_store(d, part);
    void *dd = d, *ss = const_cast<char*>(s);
    uint64_t count = part;
    asm volatile("rep movsb" : "+D"(dd), "+S"(ss), "+c"(count) : : "memory");
    d += part, s += part, size -= part;
  }
  return true;
}
bool bt_user_zero(void* to, uint64_t size) {
  auto* d = static_cast<char*>(to);
  while (size > 0) {
    uint64_t part = size < bt::crash::kCopyGranule ? size : bt::crash::kCopyGranule;
    on_store(d, part);
    void* dd = d;
    uint64_t count = part;
    asm volatile("rep stosb" : "+D"(dd), "+c"(count) : "a"(0) : "memory");
    d += part, size -= part;
  }
  return true;
}

}  // extern "C"
