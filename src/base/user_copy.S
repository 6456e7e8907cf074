// SPDX-License-Identifier: MIT
// bool bt_user_copy(void* rdi, const void* rsi, uint64_t rdx) and bool bt_user_zero(void* rdi, uint64_t rsi): see
// user_copy.h. Any fault inside gives false. Up to 255 bytes go through general registers; more through four ymm
// registers, saved and restored around the loop, or rep movsb on a processor without AVX.

.macro FIXUP begin, end, fixup
  .pushsection bt_fixups,"a",@progbits
  .balign 4
  .long \begin - ., \end - ., \fixup - .
  .popsection
.endm

  .section .data.bt_user_copy,"aw",@progbits
has_avx:                 // 0 not asked yet, 1 yes, 2 no
  .byte 0

  .text
  .globl bt_user_copy
  .hidden bt_user_copy
  .type bt_user_copy,@function
  .p2align 6
bt_user_copy:
  .cfi_startproc
.Lplain_begin:
  cmp     $16, %rdx
  jb      .Lbelow_16
  cmp     $256, %rdx
  jae     .Lbig
  // 16 to 255: fours of words, a pair, then the last pair, overlapping. %r10 is where the last pair starts.
  lea     -16(%rsi,%rdx), %r10
  lea     -16(%rdi,%rdx), %r11
  sub     $32, %rdx
  jb      2f
1:
  mov     (%rsi), %rax
  mov     8(%rsi), %rcx
  mov     16(%rsi), %r8
  mov     24(%rsi), %r9
  mov     %rax, (%rdi)
  mov     %rcx, 8(%rdi)
  mov     %r8, 16(%rdi)
  mov     %r9, 24(%rdi)
  add     $32, %rsi
  add     $32, %rdi
  sub     $32, %rdx
  jae     1b
2:
  cmp     $-16, %rdx     // 16 bytes or fewer are left: the last pair has them
  jle     4f
  mov     (%rsi), %rax
  mov     8(%rsi), %rcx
  mov     %rax, (%rdi)
  mov     %rcx, 8(%rdi)
4:
  mov     (%r10), %rax
  mov     8(%r10), %rcx
  mov     %rax, (%r11)
  mov     %rcx, 8(%r11)
  mov     $1, %eax
  ret
.Lbelow_16:
  cmp     $8, %edx
  jae     .Lfrom_8
  cmp     $4, %edx
  jae     .Lfrom_4
  test    %edx, %edx
  je      .Ldone
  movzbl  (%rsi), %eax
  movzbl  -1(%rsi,%rdx), %ecx
  cmp     $2, %edx
  jbe     3f
  movzbl  1(%rsi), %r10d
  mov     %r10b, 1(%rdi)
3:
  mov     %al, (%rdi)
  mov     %cl, -1(%rdi,%rdx)
.Ldone:
  mov     $1, %eax
  ret
.Lfrom_4:
  mov     (%rsi), %eax
  mov     -4(%rsi,%rdx), %ecx
  mov     %eax, (%rdi)
  mov     %ecx, -4(%rdi,%rdx)
  mov     $1, %eax
  ret
.Lfrom_8:
  mov     (%rsi), %rax
  mov     -8(%rsi,%rdx), %rcx
  mov     %rax, (%rdi)
  mov     %rcx, -8(%rdi,%rdx)
  mov     $1, %eax
  ret
.Lrep:
  mov     %rdx, %rcx
  rep movsb
  mov     $1, %eax
  ret
.Lplain_end:

.Lask_avx:               // OSXSAVE and AVX in cpuid 1, and the system saves xmm and ymm
  push    %rbx
  .cfi_adjust_cfa_offset 8
  mov     %rdx, %r8
  mov     $1, %eax
  cpuid
  mov     %r8, %rdx
  pop     %rbx
  .cfi_adjust_cfa_offset -8
  and     $0x18000000, %ecx
  cmp     $0x18000000, %ecx
  mov     $2, %r9d
  jne     4f
  xor     %ecx, %ecx
  xgetbv
  mov     %r8, %rdx
  and     $6, %eax
  cmp     $6, %eax
  jne     4f
  mov     $1, %r9d
4:
  mov     %r9b, has_avx(%rip)
.Lbig:
  movzbl  has_avx(%rip), %eax
  cmp     $1, %al
  jb      .Lask_avx
  ja      .Lrep
  sub     $136, %rsp
  .cfi_adjust_cfa_offset 136
  vmovups %ymm0, (%rsp)
  vmovups %ymm1, 32(%rsp)
  vmovups %ymm2, 64(%rsp)
  vmovups %ymm3, 96(%rsp)
  lea     -128(%rsi,%rdx), %r10
  lea     -128(%rdi,%rdx), %r11
  mov     $1, %eax
.Lvector_begin:
  .p2align 5
5:
  vmovups (%rsi), %ymm0
  vmovups 32(%rsi), %ymm1
  vmovups 64(%rsi), %ymm2
  vmovups 96(%rsi), %ymm3
  vmovups %ymm0, (%rdi)
  vmovups %ymm1, 32(%rdi)
  vmovups %ymm2, 64(%rdi)
  vmovups %ymm3, 96(%rdi)
  sub     $-128, %rsi
  sub     $-128, %rdi
  cmp     %r10, %rsi
  jb      5b
  vmovups (%r10), %ymm0
  vmovups 32(%r10), %ymm1
  vmovups 64(%r10), %ymm2
  vmovups 96(%r10), %ymm3
  vmovups %ymm0, (%r11)
  vmovups %ymm1, 32(%r11)
  vmovups %ymm2, 64(%r11)
  vmovups %ymm3, 96(%r11)
.Lvector_end:
.Lrestore:
  vmovups (%rsp), %ymm0
  vmovups 32(%rsp), %ymm1
  vmovups 64(%rsp), %ymm2
  vmovups 96(%rsp), %ymm3
  add     $136, %rsp
  .cfi_adjust_cfa_offset -136
  ret
  .cfi_adjust_cfa_offset 136
.Lvector_fault:
  xor     %eax, %eax
  jmp     .Lrestore
  .cfi_adjust_cfa_offset -136
.Lplain_fault:
  xor     %eax, %eax
  ret
  .cfi_endproc
  .size bt_user_copy, . - bt_user_copy
FIXUP .Lplain_begin, .Lplain_end, .Lplain_fault
FIXUP .Lvector_begin, .Lvector_end, .Lvector_fault

  .globl bt_user_zero
  .hidden bt_user_zero
  .type bt_user_zero,@function
  .p2align 5
bt_user_zero:
  .cfi_startproc
.Lzero_begin:
  mov     %rsi, %rcx
  xor     %eax, %eax
  rep stosb
.Lzero_end:
  mov     $1, %eax
  ret
.Lzero_fault:
  xor     %eax, %eax
  ret
  .cfi_endproc
  .size bt_user_zero, . - bt_user_zero
FIXUP .Lzero_begin, .Lzero_end, .Lzero_fault

  .section .note.GNU-stack,"",@progbits
