// SPDX-License-Identifier: MIT
// Which cache lines of the volume two processes share, found with the runtime that sees every load and store: work in
// different directories and on different files must not touch a line that the other writes. Says it for certain, on any
// machine, busy or not; how fast two cores are is measured by `btfuse bench --only cores`.
#pragma once

namespace bt::crash {

// Prints a line for each kind of work; false: some that must not does share.
bool check_shared_lines();

}  // namespace bt::crash
