// SPDX-License-Identifier: MIT
// execve and execveat. The site's own instruction executes them, with the environment that we put into its register; a
// thread that calls again afterwards has failed to exec, and what was prepared is undone then.
#pragma once

namespace bt::agent {

// For bt_prepare_thread: the execve that this thread passed on has come back.
void undo_exec();
// For the parent of a vfork child, whose exec or failed exec left traces in the thread's block.
void forget_exec_of_child();

}  // namespace bt::agent
