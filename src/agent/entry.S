// SPDX-License-Identifier: MIT
// The way from a stub to a handler and back. A stub arrives here by a jump with
//   rax  the system call's number        rcx  the address after the site's `syscall` instruction
// and every other register and the stack as the program left them; DF is clear, as at every call. rcx and r11 are free,
// because `syscall` destroys them; nothing else may differ when we go back: after the site when the call was served, to
// its `syscall` instruction when it is passed on.
//
// The frame below the program's red zone is described to unwinders throughout: to them the site has called us.
#include "agent/thread_block.h"

#define RED_ZONE 128
// From the frame's lowest word up to the program's stack pointer.
#define TO_CFA (BT_FRAME_SIZE + RED_ZONE)

.macro THREAD register
  mov     bt_thread@gottpoff(%rip), \register
.endm

// On the frame: give the program its registers back, except rax, rcx, r11.
.macro RESTORE_FRAME base
  mov     BT_FRAME_R9(\base), %r9
  mov     BT_FRAME_R8(\base), %r8
  mov     BT_FRAME_R10(\base), %r10
  mov     BT_FRAME_RDX(\base), %rdx
  mov     BT_FRAME_RSI(\base), %rsi
  mov     BT_FRAME_RDI(\base), %rdi
.endm

  .text
// A site whose number is computed: most of its calls are not in the table.
  .globl bt_entry_computed
  .hidden bt_entry_computed
  .type bt_entry_computed,@function
  .p2align 5
bt_entry_computed:
  .cfi_startproc
  .cfi_undefined rip
  cmp     $BT_HANDLER_COUNT, %rax
  jae     1f
  lea     bt_handlers(%rip), %r11
  cmpl    $0, (%r11,%rax,4)
  jne     bt_entry
1:
  sub     $2, %rcx
  jmp     *%rcx
  .cfi_endproc
  .size bt_entry_computed, . - bt_entry_computed

  .globl bt_entry
  .hidden bt_entry
  .type bt_entry,@function
  .p2align 6
bt_entry:
  .cfi_startproc
  .cfi_register rip, rcx
  .cfi_def_cfa rsp, 0
  lea     -RED_ZONE(%rsp), %rsp
  .cfi_def_cfa_offset RED_ZONE
  push    %rcx
  .cfi_def_cfa_offset RED_ZONE + 8
  .cfi_offset rip, -(RED_ZONE + 8)
  push    %rbp
  .cfi_def_cfa_offset RED_ZONE + 16
  .cfi_offset rbp, -(RED_ZONE + 16)
  push    %rdi
  push    %rsi
  push    %rdx
  push    %r10
  push    %r8
  push    %r9
  push    %rax
  .cfi_def_cfa_offset TO_CFA
  mov     %rsp, %rbp
  .cfi_def_cfa_register rbp
  THREAD  %r11
  cmpl    $0, %fs:BT_THREAD_DEPTH(%r11)
  jne     .Lpass
  cmpl    $BT_STATE_READY, %fs:BT_THREAD_STATE(%r11)
  jne     .Lprepare
.Lprepared:
  movl    $1, %fs:BT_THREAD_DEPTH(%r11)
  mov     %fs:BT_THREAD_STACK(%r11), %rsp
  mov     %rbp, BT_AREA_FRAME(%rsp)
  mov     %r10, %rcx
  lea     bt_handlers(%rip), %r11
  movslq  (%r11,%rax,4), %rax
  add     %r11, %rax
  call    *%rax
.Lanswered:
  THREAD  %r11
  mov     %rbp, %rsp
  .cfi_def_cfa_register rsp
  movl    $0, %fs:BT_THREAD_DEPTH(%r11)
  cmpl    $0, %fs:BT_THREAD_ATTENTION(%r11)
  jne     .Lattention
.Lattended:
  // Overflows for kPassthrough, kSplit, kWatched and kRestart alone.
  cmp     $4, %rax
  jo      .Lnot_served
  RESTORE_FRAME %rsp
  mov     BT_FRAME_AFTER(%rsp), %rcx
  mov     BT_FRAME_RBP(%rsp), %rbp
  .cfi_restore rbp
  lea     TO_CFA(%rsp), %rsp
  .cfi_def_cfa_offset 0
  .cfi_register rip, rcx
  jmp     *%rcx

  .cfi_def_cfa rsp, TO_CFA
  .cfi_offset rip, -(RED_ZONE + 8)
  .cfi_offset rbp, -(RED_ZONE + 16)
.Lnot_served:
  cmp     $3, %rax
  jno     .Lrestart
  cmp     $2, %rax
  jno     .Lwatched
  cmp     $1, %rax
  jno     .Lsplit
.Lpass:
  // rsp is the frame on every way here.
  RESTORE_FRAME %rsp
  mov     BT_FRAME_AFTER(%rsp), %rcx
  mov     BT_FRAME_NUMBER(%rsp), %rax
  mov     BT_FRAME_RBP(%rsp), %rbp
  .cfi_restore rbp
  lea     TO_CFA(%rsp), %rsp
  .cfi_def_cfa_offset 0
  .cfi_register rip, rcx
  sub     $2, %rcx
  jmp     *%rcx

  .cfi_def_cfa rbp, TO_CFA
  .cfi_offset rip, -(RED_ZONE + 8)
  .cfi_offset rbp, -(RED_ZONE + 16)
.Lprepare:
  mov     %rbp, %rdi
  and     $-16, %rsp
  call    bt_prepare_thread
  mov     %rbp, %rsp
  test    %al, %al
  je      .Lpass
  RESTORE_FRAME %rbp
  mov     BT_FRAME_NUMBER(%rbp), %rax
  THREAD  %r11
  jmp     .Lprepared

  // The program's handler has run; the call begins anew.
.Lrestart:
  mov     %rsp, %rbp
  RESTORE_FRAME %rbp
  mov     BT_FRAME_NUMBER(%rbp), %rax
  THREAD  %r11
  jmp     .Lprepared

  // Something came up while we were inside: put a deferred signal back and the mask with it. The handler runs at the
  // second system call, with the program's frame complete and nothing of ours held: it may leave by siglongjmp or
  // unwinding.
.Lattention:
  push    %rax
  sub     $24, %rsp
  and     $-16, %rsp
  lea     8(%rsp), %rdi
  call    bt_attend
  lea     8(%rsp), %rsi
  test    %al, %al
  je      2f
  mov     $2, %edi                   // SIG_SETMASK
  xor     %edx, %edx
  mov     $8, %r10d
  mov     $14, %eax                  // rt_sigprocmask
  syscall
2:
  mov     -8(%rbp), %rax
  mov     %rbp, %rsp
  THREAD  %r11
  jmp     .Lattended

  // A call that a loaded program waits for the end of. It is executed here, outside, with the program's arguments: it may
  // block, and a handler may run and even leave for good. The frame stays below the program's red zone meanwhile.
  .p2align 4
.Lwatched:
  RESTORE_FRAME %rsp
  mov     BT_FRAME_NUMBER(%rsp), %rax
  syscall
  mov     %rsp, %rbp
  THREAD  %r11
  movl    $1, %fs:BT_THREAD_DEPTH(%r11)
  mov     %fs:BT_THREAD_STACK(%r11), %rsp
  mov     %rbp, BT_AREA_FRAME(%rsp)
  mov     %rbp, %rdi
  mov     %rax, %rsi
  call    bt_after_watched
  jmp     .Lanswered

  // A call that returns twice, or into memory that another task changes meanwhile. The handler
  // (split.cc) has blocked all signals. The frame moves to the area: what the parent finds on the stack is the child's.
  .p2align 4
.Lsplit:
  THREAD  %r11
  mov     %fs:BT_THREAD_STACK(%r11), %rcx
  .irp word, BT_FRAME_NUMBER, BT_FRAME_R9, BT_FRAME_R8, BT_FRAME_R10, BT_FRAME_RDX, BT_FRAME_RSI, BT_FRAME_RDI, BT_FRAME_RBP, BT_FRAME_AFTER
  mov     \word(%rsp), %rax
  mov     %rax, \word(%rcx)
  .endr
  RESTORE_FRAME %rsp
  mov     BT_FRAME_NUMBER(%rsp), %rax
  mov     BT_FRAME_RBP(%rsp), %rbp
  lea     TO_CFA(%rsp), %rsp
  .cfi_endproc
  // From here the program's frame is in the area, where unwinders do not look.
  .cfi_startproc
  .cfi_undefined rip
  syscall
  THREAD  %r11
  mov     %fs:BT_THREAD_STACK(%r11), %rcx
  movl    $1, %fs:BT_THREAD_DEPTH(%r11)
  // On the private stack: the program's stack pointer, which differs in a child with a stack of its own, and the result.
  mov     %rsp, %r11
  mov     %rcx, %rsp
  push    %r11
  push    %rax
  mov     %rax, %rdi
  call    bt_after_split
  pop     %rax
  pop     %rsp
  // The frame again, below the program's red zone: a handler that runs when the mask is put back may split itself.
  THREAD  %r11
  mov     %fs:BT_THREAD_STACK(%r11), %rcx
  lea     -RED_ZONE(%rsp), %rsp
  pushq   BT_FRAME_AFTER(%rcx)
  pushq   BT_FRAME_RBP(%rcx)
  pushq   BT_FRAME_RDI(%rcx)
  pushq   BT_FRAME_RSI(%rcx)
  pushq   BT_FRAME_RDX(%rcx)
  pushq   BT_FRAME_R10(%rcx)
  pushq   BT_FRAME_R8(%rcx)
  pushq   BT_FRAME_R9(%rcx)
  pushq   BT_FRAME_NUMBER(%rcx)
  mov     %rsp, %rbp
  .cfi_def_cfa rbp, TO_CFA
  .cfi_offset rip, -(RED_ZONE + 8)
  .cfi_offset rbp, -(RED_ZONE + 16)
  movl    $0, %fs:BT_THREAD_DEPTH(%r11)
  push    %rax
  lea     BT_AREA_SPLIT_MASK(%rcx), %rsi
  mov     $2, %edi                   // SIG_SETMASK
  xor     %edx, %edx
  mov     $8, %r10d
  mov     $14, %eax                  // rt_sigprocmask
  syscall
  pop     %rax
  RESTORE_FRAME %rsp
  mov     BT_FRAME_AFTER(%rsp), %rcx
  mov     BT_FRAME_RBP(%rsp), %rbp
  lea     TO_CFA(%rsp), %rsp
  .cfi_def_cfa rsp, 0
  .cfi_register rip, rcx
  .cfi_restore rbp
  jmp     *%rcx
  .cfi_endproc
  .size bt_entry, . - bt_entry

// The stub of ld.so's mmap (patcher.cc): the displaced instruction, and into the agent.
  .globl bt_loader_mmap
  .hidden bt_loader_mmap
  .type bt_loader_mmap,@function
  .p2align 4
bt_loader_mmap:
  .cfi_startproc
  .cfi_undefined rip
  mov     $9, %eax
  mov     bt_loader_mmap_after(%rip), %rcx
  jmp     bt_entry
  .cfi_endproc
  .size bt_loader_mmap, . - bt_loader_mmap

// void bt_call_on_stack(void (*function)(), void* stack)
  .globl bt_call_on_stack
  .hidden bt_call_on_stack
  .type bt_call_on_stack,@function
  .p2align 4
bt_call_on_stack:
  .cfi_startproc
  push    %rbp
  .cfi_def_cfa_offset 16
  .cfi_offset rbp, -16
  mov     %rsp, %rbp
  .cfi_def_cfa_register rbp
  mov     %rsi, %rsp
  call    *%rdi
  mov     %rbp, %rsp
  pop     %rbp
  .cfi_def_cfa rsp, 8
  .cfi_restore rbp
  ret
  .cfi_endproc
  .size bt_call_on_stack, . - bt_call_on_stack

// The same for a handler that runs with SIGSEGV or SIGBUS blocked: calls it makes must open them (thread_block.cc).
  .globl bt_blocking_signal_entry
  .hidden bt_blocking_signal_entry
  .type bt_blocking_signal_entry,@function
  .p2align 5
bt_blocking_signal_entry:
  .cfi_startproc
  THREAD  %rax
  cmpl    $BT_STATE_READY, %fs:BT_THREAD_STATE(%rax)
  jne     bt_signal_entry
  movl    $BT_STATE_FAULTS_BLOCKED, %fs:BT_THREAD_STATE(%rax)
  jmp     bt_signal_entry
  .cfi_endproc
  .size bt_blocking_signal_entry, . - bt_blocking_signal_entry

// The handler that the kernel knows for every signal that has one: on to the program's, or wait.
  .globl bt_signal_entry
  .hidden bt_signal_entry
  .type bt_signal_entry,@function
  .p2align 5
bt_signal_entry:
  .cfi_startproc
  THREAD  %rax
  cmpl    $0, %fs:BT_THREAD_DEPTH(%rax)
  jne     bt_defer_signal
  lea     bt_program_handlers(%rip), %rax
  movslq  %edi, %rcx
  mov     (%rax,%rcx,8), %rcx
  xor     %eax, %eax
  jmp     *%rcx
  .cfi_endproc
  .size bt_signal_entry, . - bt_signal_entry

// The handler of SIGSEGV and SIGBUS: bt_on_fault mends ours (0) or says which handler of the program's is to run.
  .globl bt_fault_entry
  .hidden bt_fault_entry
  .type bt_fault_entry,@function
  .p2align 5
bt_fault_entry:
  .cfi_startproc
  push    %rdi
  .cfi_adjust_cfa_offset 8
  push    %rsi
  .cfi_adjust_cfa_offset 8
  push    %rdx
  .cfi_adjust_cfa_offset 8
  call    bt_on_fault
  pop     %rdx
  .cfi_adjust_cfa_offset -8
  pop     %rsi
  .cfi_adjust_cfa_offset -8
  pop     %rdi
  .cfi_adjust_cfa_offset -8
  test    %rax, %rax
  je      1f
  mov     %rax, %rcx
  xor     %eax, %eax
  jmp     *%rcx
1:
  ret
  .cfi_endproc
  .size bt_fault_entry, . - bt_fault_entry

// Returns from handlers that the program did not install; unwinders know a signal frame by these bytes.
  .globl bt_restorer
  .hidden bt_restorer
  .type bt_restorer,@function
  .p2align 4
  nop
bt_restorer:
  mov     $15, %rax
  syscall
  .size bt_restorer, . - bt_restorer

  .section .note.GNU-stack,"",@progbits
