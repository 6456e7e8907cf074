// SPDX-License-Identifier: MIT
// The compiled crossings.bpf.c, carried inside btfuse.
        .section .rodata
        .balign 8
        .globl bt_crossings_object
bt_crossings_object:
        .incbin BT_CROSSINGS_OBJECT
        .globl bt_crossings_object_end
bt_crossings_object_end:
        .byte 0
        .section .note.GNU-stack, "", @progbits
