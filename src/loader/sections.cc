// SPDX-License-Identifier: MIT
#include "loader/sections.h"

#include <iterator>

namespace bt::loader {
namespace {

using hooks::AttachKind;

struct Name {
  const char* name;
  int32_t number;
};
constexpr Name kSyscalls[] = {
#include "syscall_names.inc"
};
constexpr const char* kOps[] = {
#define BT_OP(name) #name,
#include "hooks/ops.def"
};

// Tracepoints are named after the kernel's functions, which differ from the call's name here.
constexpr struct {
  const char* tracepoint;
  const char* call;
} kAliases[] = {{"newstat", "stat"},   {"newlstat", "lstat"},      {"newfstat", "fstat"},
                {"umount", "umount2"}, {"sendfile64", "sendfile"}, {"newuname", "uname"}};

bool take_prefix(std::string& text, const std::string& prefix) {
  if (text.compare(0, prefix.size(), prefix) != 0) return false;
  text.erase(0, prefix.size());
  return true;
}

std::optional<Attachment> tracepoint(std::string rest, std::string& why) {
  Attachment at;
  if (rest == "raw_syscalls/sys_enter")
    return Attachment{AttachKind::kSysEnter, -1, ContextKind::kSysEnter};
  if (rest == "raw_syscalls/sys_exit")
    return Attachment{AttachKind::kSysExit, -1, ContextKind::kSysExit};
  if (take_prefix(rest, "syscalls/sys_enter_")) {
    at = {AttachKind::kSysEnter, syscall_number(rest), ContextKind::kSysEnter};
  } else if (take_prefix(rest, "syscalls/sys_exit_")) {
    at = {AttachKind::kSysExit, syscall_number(rest), ContextKind::kSysExit};
  } else {
    why = "only the tracepoints of system calls exist in user space";
    return {};
  }
  if (at.number >= 0) return at;
  why = "there is no system call " + rest;
  return {};
}

std::optional<Attachment> tail_target(std::string rest, std::string& why) {
  std::string kind = rest.substr(0, rest.find('/'));
  if (kind == "sys_enter") return Attachment{AttachKind::kNone, -1, ContextKind::kSysEnter};
  if (kind == "sys_exit") return Attachment{AttachKind::kNone, -1, ContextKind::kSysExit};
  if (kind == "decide") return Attachment{AttachKind::kNone, -1, ContextKind::kDecide};
  if (kind == "call") return Attachment{AttachKind::kNone, -1, ContextKind::kCall};
  why = "a tail-call target is btfuse/tail/sys_enter, sys_exit, decide or call";
  return {};
}

std::optional<Attachment> own(std::string rest, std::string& why) {
  Attachment at;
  if (take_prefix(rest, "tail/")) return tail_target(rest, why);
  if (take_prefix(rest, "decide/")) {
    at = {AttachKind::kDecide, -1, ContextKind::kDecide};
  } else if (take_prefix(rest, "enter/")) {
    at = {AttachKind::kOpEnter, -1, ContextKind::kCall};
  } else if (take_prefix(rest, "exit/")) {
    at = {AttachKind::kOpExit, -1, ContextKind::kCall};
  } else {
    why = "expected btfuse/decide/OP, btfuse/enter/OP or btfuse/exit/OP";
    return {};
  }
  if (rest == "all") return at;
  at.number = op_number(rest);
  if (at.number >= 0) return at;
  why = "there is no operation " + rest;
  return {};
}

}  // namespace

int32_t syscall_number(const std::string& name) {
  for (const auto& alias : kAliases)
    if (name == alias.tracepoint) return syscall_number(alias.call);
  for (const Name& row : kSyscalls)
    if (name == row.name) return row.number;
  return -1;
}
std::string syscall_name(int32_t number) {
  for (const Name& row : kSyscalls)
    if (number == row.number) return row.name;
  return std::to_string(number);
}
int32_t op_number(const std::string& name) {
  for (size_t i = 0; i < std::size(kOps); i++)
    if (name == kOps[i]) return static_cast<int32_t>(i);
  return -1;
}
std::string op_name(int32_t number) {
  return number >= 0 && static_cast<size_t>(number) < std::size(kOps) ? kOps[number]
                                                                      : std::to_string(number);
}

std::optional<Attachment> parse_section(const std::string& section, std::string& why) {
  std::string rest = section;
  if (take_prefix(rest, "tracepoint/") || take_prefix(rest, "tp/")) return tracepoint(rest, why);
  if (take_prefix(rest, "btfuse/")) return own(rest, why);
  why = "not an attach point of bt_fuse";
  return {};
}

std::string describe(AttachKind kind, int32_t number) {
  bool op = kind >= AttachKind::kDecide;
  std::string what = number < 0 ? "all" : op ? op_name(number) : syscall_name(number);
  switch (kind) {
    case AttachKind::kSysEnter:
      return "sys_enter " + what;
    case AttachKind::kSysExit:
      return "sys_exit " + what;
    case AttachKind::kDecide:
      return "decide " + what;
    case AttachKind::kOpEnter:
      return "enter " + what;
    case AttachKind::kOpExit:
      return "exit " + what;
    default:
      return "tail call";
  }
}

}  // namespace bt::loader
