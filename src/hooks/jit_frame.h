// SPDX-License-Identifier: MIT
// How compiled code is entered and left: what it saves of its caller's, where it finds context, thread and stack.
//
//   plainly   by the C ABI: rdi the context, rsi the Thread
//   quickly   rax the Thread, r10 the call's number, rdi rsi rdx rcx r8 r9 its arguments, which it gives back unchanged;
//             it may change rax, r10 and r11 alone, and its result is lost. Of a context it makes what the program reads.
//
// Quick code's frame, from rsp up:  saved registers | context (64 bytes) | the caller's rsp, where helpers want it aligned
#pragma once

#include "hooks/context_format.h"
#include "hooks/thread.h"
#include "hooks/x86_emitter.h"

namespace bt::hooks {

// What a program needs, as its compiler saw it.
struct FrameNeeds {
  uint32_t registers = 0;      // bit per x86 register that its code writes, helpers' aside
  uint32_t context_words = 0;  // that it may read
  bool context = false;        // it looks at r1 as it was given
  bool thread = false;         // in r12
  bool helpers = false;        // it calls C functions
  bool scratch = false;        // its code uses r10 or r11
  bool uniform =
      false;  // it must save all registers, because others jump into its frame (plain only)
};

class JitFrame {
 public:
  JitFrame(const FrameNeeds& needs, bool quick) : needs_(needs), quick_(quick) {
    for (Register saved : kCalleeSaved)
      if (needs.uniform || (needs.registers >> saved & 1)) saved_[saved_count_++] = saved;
    if (quick) choose_quick();
  }

  // Returns where code that is jumped into from another program's frame begins.
  uint32_t enter(Emitter& out) const {
    if (quick_) {
      enter_quickly(out);
    } else {
      for (uint32_t i = 0; i < saved_count_; i++) out.push(saved_[i]);
      if (saved_count_ % 2 == 0) out.arithmetic_immediate(kSub, kRsp, 8, true);
      if (saves(kR12)) out.move(kR12, kRsi);
    }
    uint32_t inner = out.size();
    Register thread = saves(kR12) ? kR12 : quick_ ? kRax : kRsi;
    if (saves(kRbp)) out.load(kRbp, thread, offsetof(Thread, stack_top), 8);
    return inner;
  }

  void leave(Emitter& out) const {
    if (quick_) return leave_quickly(out);
    if (saved_count_ % 2 == 0) out.arithmetic_immediate(kAdd, kRsp, 8, true);
    for (uint32_t i = saved_count_; i > 0; i--) out.pop(saved_[i - 1]);
    out.ret();
  }

 private:
  static constexpr Register kCalleeSaved[] = {kRbp, kRbx, kR12, kR13, kR14, kR15};
  static constexpr Register kArguments[6] = {kRdi, kRsi, kRdx, kRcx, kR8, kR9};
  static constexpr uint32_t kContextSize = sizeof(SysEnterContext);

  bool saves(Register wanted) const {
    bool found = false;
    for (uint32_t i = 0; i < saved_count_; i++) found |= saved_[i] == wanted;
    return found;
  }
  static int32_t argument_offset(int argument) {
    return static_cast<int32_t>(offsetof(SysEnterContext, args)) + 8 * argument;
  }
  bool reads(int32_t context_offset) const {
    return needs_.context && (needs_.context_words >> (context_offset / 8) & 1);
  }
  bool writes(Register argument) const {
    return needs_.helpers || (needs_.registers >> argument & 1) ||
           (argument == kRdi && needs_.context);
  }

  // An argument that the program destroys waits in the context, in r10 or r11, or in the frame.
  void choose_quick() {
    uint32_t spare = needs_.helpers || needs_.scratch ? 2 : 0;
    for (int i = 0; i < 6; i++) {
      keeper_[i] = kArguments[i];
      if (!writes(kArguments[i]) || reads(argument_offset(i))) continue;
      if (spare < 2)
        keeper_[i] = spare++ == 0 ? kR11 : kR10;
      else
        saved_[saved_count_++] = kArguments[i];
    }
    context_at_ = static_cast<int32_t>(8 * saved_count_);
    size_ = context_at_ + (needs_.context ? static_cast<int32_t>(kContextSize) : 0) +
            (needs_.helpers ? 8 : 0);
  }

  void enter_quickly(Emitter& out) const {
    if (needs_.helpers) out.move(kR11, kRsp);
    if (size_) out.arithmetic_immediate(kSub, kRsp, size_, true);
    if (needs_.helpers) {
      out.arithmetic_immediate(kAnd, kRsp, -16, true);
      out.store(kRsp, size_ - 8, kR11, 8);
    }
    for (uint32_t i = 0; i < saved_count_; i++)
      out.store(kRsp, static_cast<int32_t>(8 * i), saved_[i], 8);
    if (reads(offsetof(SysEnterContext, type))) out.store_immediate(kRsp, context_at_, 0, 8);
    if (reads(offsetof(SysEnterContext, id)))
      out.store(kRsp, context_at_ + static_cast<int32_t>(offsetof(SysEnterContext, id)), kR10, 8);
    for (int i = 0; i < 6; i++) {
      if (reads(argument_offset(i)))
        out.store(kRsp, context_at_ + argument_offset(i), kArguments[i], 8);
      else if (keeper_[i] != kArguments[i])
        out.move(keeper_[i], kArguments[i]);
    }
    if (saves(kR12)) out.move(kR12, kRax);
    if (needs_.context) out.load_address(kRdi, kRsp, context_at_);
  }

  void leave_quickly(Emitter& out) const {
    for (int i = 0; i < 6; i++) {
      if (writes(kArguments[i]) && reads(argument_offset(i)))
        out.load(kArguments[i], kRsp, context_at_ + argument_offset(i), 8);
      else if (keeper_[i] != kArguments[i])
        out.move(kArguments[i], keeper_[i]);
    }
    for (uint32_t i = 0; i < saved_count_; i++)
      out.load(saved_[i], kRsp, static_cast<int32_t>(8 * i), 8);
    if (needs_.helpers)
      out.load(kRsp, kRsp, size_ - 8, 8);
    else if (size_)
      out.arithmetic_immediate(kAdd, kRsp, size_, true);
    out.ret();
  }

  FrameNeeds needs_;
  bool quick_;
  Register saved_[12];
  uint32_t saved_count_ = 0;
  Register keeper_[6] = {kRdi, kRsi, kRdx, kRcx, kR8, kR9};
  int32_t context_at_ = 0;
  int32_t size_ = 0;
};

}  // namespace bt::hooks
