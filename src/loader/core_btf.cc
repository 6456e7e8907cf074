// SPDX-License-Identifier: MIT
#include "loader/core_btf.h"

#include <bpf/btf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <stdexcept>

#include "hooks/context_format.h"
#include "hooks/thread.h"

namespace bt::loader {
namespace {

int checked(int id) {
  if (id < 0) throw std::runtime_error("cannot build the types for CO-RE");
  return id;
}

struct Builder {
  std::unique_ptr<btf, decltype(&btf__free)> types{btf__new_empty(), &btf__free};

  btf* get() const { return types.get(); }
  int integer(const char* name, size_t size, int encoding) {
    return checked(btf__add_int(get(), name, size, encoding));
  }
  int begin(const char* name, size_t size) {
    return checked(btf__add_struct(get(), name, static_cast<uint32_t>(size)));
  }
  void field(const char* name, int type, size_t offset) {
    checked(btf__add_field(get(), name, type, static_cast<uint32_t>(offset * 8), 0));
  }
};

void add_tracepoint_contexts(Builder& b, int u8, int u16, int s32, int s64, int u64, int index) {
  using namespace hooks;
  int args = checked(btf__add_array(b.get(), index, u64, 6));
  int data = checked(btf__add_array(b.get(), index, u8, 0));
  int entry = b.begin("trace_entry", 8);
  b.field("type", u16, 0);
  b.field("flags", u8, 2);
  b.field("preempt_count", u8, 3);
  b.field("pid", s32, 4);
  b.begin("trace_event_raw_sys_enter", sizeof(SysEnterContext));
  b.field("ent", entry, 0);
  b.field("id", s64, offsetof(SysEnterContext, id));
  b.field("args", args, offsetof(SysEnterContext, args));
  b.field("__data", data, sizeof(SysEnterContext));
  b.begin("trace_event_raw_sys_exit", sizeof(SysExitContext));
  b.field("ent", entry, 0);
  b.field("id", s64, offsetof(SysExitContext, id));
  b.field("ret", s64, offsetof(SysExitContext, ret));
  b.field("__data", data, sizeof(SysExitContext));
}

void add_task(Builder& b, int s32, int u64, int s8, int index) {
  using hooks::ShadowTask;
  int comm = checked(btf__add_array(b.get(), index, s8, sizeof(ShadowTask::comm)));
  int next = static_cast<int>(btf__type_cnt(b.get()));
  int pointer = checked(btf__add_ptr(b.get(), next + 1));
  b.begin("task_struct", sizeof(ShadowTask));
  b.field("pid", s32, offsetof(ShadowTask, pid));
  b.field("tgid", s32, offsetof(ShadowTask, tgid));
  b.field("group_leader", pointer, offsetof(ShadowTask, group_leader));
  b.field("real_parent", pointer, offsetof(ShadowTask, real_parent));
  b.field("start_time", u64, offsetof(ShadowTask, start_time));
  b.field("exit_code", s32, offsetof(ShadowTask, exit_code));
  b.field("comm", comm, offsetof(ShadowTask, comm));
}

}  // namespace

std::vector<unsigned char> core_btf() {
  Builder b;
  if (!b.get()) throw std::runtime_error("cannot build the types for CO-RE");
  int s8 = b.integer("char", 1, BTF_INT_SIGNED);
  int u8 = b.integer("unsigned char", 1, 0);
  int u16 = b.integer("unsigned short", 2, 0);
  int s32 = b.integer("int", 4, BTF_INT_SIGNED);
  int u32 = b.integer("unsigned int", 4, 0);
  int s64 = b.integer("long", 8, BTF_INT_SIGNED);
  int u64 = b.integer("unsigned long", 8, 0);
  add_tracepoint_contexts(b, u8, u16, s32, s64, u64, u32);
  add_task(b, s32, u64, s8, u32);
  uint32_t size = 0;
  const auto* raw = static_cast<const unsigned char*>(btf__raw_data(b.get(), &size));
  if (!raw) throw std::runtime_error("cannot build the types for CO-RE");
  return {raw, raw + size};
}

CoreBtfFile::CoreBtfFile() : fd_(memfd_create("btfuse-core-btf", MFD_CLOEXEC)) {
  std::vector<unsigned char> raw = core_btf();
  if (fd_ < 0 || write(fd_, raw.data(), raw.size()) != static_cast<ssize_t>(raw.size()))
    throw std::runtime_error("cannot hold the types for CO-RE in memory");
  path_ = "/proc/self/fd/" + std::to_string(fd_);
}
CoreBtfFile::~CoreBtfFile() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace bt::loader
