// SPDX-License-Identifier: MIT
// Stands in for posix/ in tests of the agent alone: every call is looked at, handed to a handler, and passed on. With
// BTFUSE_TEST_LOOK=1 all paths "may be ours" (the slowest way through the agent); BTFUSE_TEST_ASIDE=1: no volume at all.
//
// Descriptor 900 is served here, without any file behind it, so that tests can be inside at will:
//   read    fills the buffer with 'r'          pwrite64  stays inside for `offset` microseconds
//   write   reads the buffer                   fsync     hooks seen: 1 a fork child, 10 a vfork, 100 a failed exec
//   lseek   100 + the given offset
#include <sys/syscall.h>
#include <time.h>
#include <cerrno>
#include "agent/environment.h"

#include "base/syscall.h"
#include "base/user_copy.h"
#include "posix/announce.h"
#include "posix/call_path.h"
#include "posix/calls.h"
#include "posix/first_look.h"
#include "posix/mapping.h"
#include "posix/process.h"

namespace bt::posix {

namespace {
DescriptorTable process_table;
bool every_path = false;
constexpr uint32_t kServedDescriptor = 900;
constexpr uint64_t kOurs = 1ull << 63;
int64_t hooks_seen = 0;

bool is_served(uint64_t fd) { return static_cast<uint32_t>(fd) == kServedDescriptor; }

int64_t now_us() {
  timespec now;
  base::raw_syscall(SYS_clock_gettime, CLOCK_MONOTONIC, base::raw_argument(&now));
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool is_set(char** environment, const char* name) {
  const char* value = agent::find_variable(environment, name);
  return value && value[0] == '1';
}
}  // namespace

FirstLook first_look = {};
thread_local constinit DescriptorTable* thread_table = nullptr;

namespace {

int64_t serve_read(uint64_t buffer, uint64_t size) {
  char block[4096];
  for (char& byte : block) byte = 'r';
  for (uint64_t done = 0; done < size;) {
    uint64_t part = size - done < sizeof block ? size - done : sizeof block;
    if (!base::copy_to_user(reinterpret_cast<char*>(buffer) + done, block, part)) return -EFAULT;
    done += part;
  }
  return static_cast<int64_t>(size);
}

int64_t serve_write(uint64_t buffer, uint64_t size) {
  char block[4096];
  for (uint64_t done = 0; done < size;) {
    uint64_t part = size - done < sizeof block ? size - done : sizeof block;
    if (!base::copy_from_user(block, reinterpret_cast<char*>(buffer) + done, part)) return -EFAULT;
    done += part;
  }
  return static_cast<int64_t>(size);
}

int64_t serve(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  if (!is_served(a)) return kPassthrough;
  switch (number) {
    case SYS_read:
      return serve_read(b, c);
    case SYS_write:
      return serve_write(b, c);
    case SYS_lseek:
      return 100 + static_cast<int64_t>(b);
    case SYS_fsync:
      return hooks_seen;
    case SYS_pwrite64: {
      int64_t end = now_us() + static_cast<int64_t>(d);
      while (now_us() < end) {
      }
      return static_cast<int64_t>(c);
    }
    default:
      return kPassthrough;
  }
}

}  // namespace

#define BT_POSIX_CALL(name)                                                                 \
  int64_t call_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t, uint64_t) { \
    return serve(SYS_##name, a, b, c, d);                                                   \
  }
#include "posix/calls.def"
#undef BT_POSIX_CALL

bool path_may_be_ours(const char*) { return every_path; }
bool at_path_may_be_ours(int32_t, const char*) { return every_path; }

bool attach_process(char** environment, uint32_t) {
  if (is_set(environment, "BTFUSE_TEST_ASIDE=")) return false;
  every_path = is_set(environment, "BTFUSE_TEST_LOOK=");
  first_look.table = &process_table;
  process_table.entry[kServedDescriptor] = kOurs;
  first_look.attached = 1;
  return true;
}
bool attach_announced() { return false; }
bool begin_unattached_split() { return true; }
void end_unattached_split(bool) {}
uint32_t any_session() { return 0; }
bool path_may_be_announced(const char*) { return false; }
bool at_path_may_be_announced(int32_t, const char*) { return false; }
void stand_aside(uint32_t) { first_look.attached = 0; }
bool before_fork() { return true; }
void after_fork(int64_t result) { hooks_seen += result == 0; }
bool begin_vfork() { return true; }
void child_of_vfork() {}
void end_vfork(int64_t result) { hooks_seen += result > 0 ? 10 : 0; }
bool before_exec(bool) { return true; }
void failed_exec() { hooks_seen += 100; }
void thread_started() { thread_table = first_look.table; }
void robust_list_changed() {}
void before_thread_exit() {}
bool has_had_files() { return true; }
SignalDue (*signal_due)() = nullptr;
void before_exit(bool) {}
bool mapping_fault(uint64_t) { return false; }

CallTarget target_of_call(int32_t, const char*) { return {}; }
uint32_t path_of_call(int32_t, const char*, char*, uint32_t) { return 0; }
void make_room_for_kernel() {}

}  // namespace bt::posix
