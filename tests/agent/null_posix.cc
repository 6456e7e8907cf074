// SPDX-License-Identifier: MIT
// Stands in for posix/ in tests of the agent alone: every call is looked at, handed to a handler, and passed on. With
// BTFUSE_TEST_LOOK=1 all paths "may be ours" (the slowest way through the agent); BTFUSE_TEST_ASIDE=1: no volume at all.
#include "agent/environment.h"
#include "posix/calls.h"
#include "posix/first_look.h"
#include "posix/process.h"

namespace bt::posix {

namespace {
DescriptorTable process_table;
bool every_path = false;

bool is_set(char** environment, const char* name) {
  const char* value = agent::find_variable(environment, name);
  return value && value[0] == '1';
}
}  // namespace

FirstLook first_look = {};
thread_local constinit DescriptorTable* thread_table = nullptr;

#define BT_POSIX_CALL(name) \
  int64_t call_##name(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return kPassthrough; }
#include "posix/calls.def"
#undef BT_POSIX_CALL

bool path_may_be_ours(const char*) { return every_path; }
bool at_path_may_be_ours(int32_t, const char*) { return every_path; }

bool attach_process(char** environment) {
  if (is_set(environment, "BTFUSE_TEST_ASIDE=")) return false;
  every_path = is_set(environment, "BTFUSE_TEST_LOOK=");
  first_look.table = &process_table;
  first_look.attached = 1;
  return true;
}
void stand_aside(uint32_t) { first_look.attached = 0; }
bool before_fork() { return true; }
void after_fork(int64_t) {}
bool begin_vfork() { return true; }
void child_of_vfork() {}
void end_vfork(int64_t) {}
bool before_exec(bool) { return true; }
void failed_exec() {}
void thread_started() { thread_table = first_look.table; }
void before_thread_exit() {}
void before_exit() {}

}  // namespace bt::posix
