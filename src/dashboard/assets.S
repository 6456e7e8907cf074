// SPDX-License-Identifier: MIT
// The page's files as they are; paths are relative to this folder (-I).
        .macro asset name file
        .globl bt_\name
bt_\name:
        .incbin "\file"
        .globl bt_\name\()_end
bt_\name\()_end:
        .byte 0
        .endm
        .section .rodata
        asset index_html index.html
        asset dash_css dash.css
        asset dash_js dash.js
        asset uplot_css vendor/uPlot.min.css
        asset uplot_js vendor/uPlot.iife.min.js
        .section .note.GNU-stack, "", @progbits
