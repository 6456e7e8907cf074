// SPDX-License-Identifier: MIT
// Calls that return twice: what the rest of the agent asks about them.
#pragma once

namespace bt::agent {

// Another task lives in this memory, or has done so: a thread, or what clone(CLONE_VM) made.
bool shares_memory();

}  // namespace bt::agent
