// SPDX-License-Identifier: MIT
// The process that outlives everything: it holds the volume's memory and the kernel's device, starts a worker, and starts
// another one when that dies. It does no file system work, allocates next to nothing and has one thread, so there is little
// that could kill it. docs/daemon.md has the life cycle.
#pragma once

#include <functional>
#include <string>

#include "fuse/worker.h"

namespace bt::fuse {

// Runs until the mount is gone; returns the exit status. `ready` is called once: with "" when the mount serves, else with why
// it never will.
int supervise(const Mount& mount, const std::function<void(const std::string&)>& ready);

}  // namespace bt::fuse
