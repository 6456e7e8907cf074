// SPDX-License-Identifier: MIT
// Section names: where a program is attached, and what stands behind its r1.
//
//   tracepoint/syscalls/sys_enter_NAME   tp/…   sys_exit_NAME   tracepoint/raw_syscalls/sys_enter, sys_exit
//   btfuse/decide/OP   btfuse/enter/OP   btfuse/exit/OP         OP of hooks/ops.def, or `all`
//   btfuse/tail/KIND/NAME                                       KIND sys_enter, sys_exit, decide or call; tail-call targets
#pragma once

#include <optional>
#include <string>

#include "hooks/image_format.h"
#include "loader/verifier.h"

namespace bt::loader {

struct Attachment {
  hooks::AttachKind kind = hooks::AttachKind::kNone;
  int32_t number = -1;
  ContextKind context = ContextKind::kSysEnter;
};

// Empty, and `why` set, where the section is no attach point of ours.
std::optional<Attachment> parse_section(const std::string& section, std::string& why);

// For people: "sys_enter openat", "decide open", "tail call".
std::string describe(hooks::AttachKind kind, int32_t number);

// −1 where there is none of that name; knows the kernel's tracepoint names (newstat is stat).
int32_t syscall_number(const std::string& name);
std::string syscall_name(int32_t number);
int32_t op_number(const std::string& name);
std::string op_name(int32_t number);

}  // namespace bt::loader
