// SPDX-License-Identifier: MIT
// The directory origin: what is behind the volume is an ordinary directory, reached by system calls relative to one
// descriptor of it, in whatever process needs something (misses and write-through happen in the calling process, with its
// own rights). INSIDE. docs/cache.md has the states and the order of steps.
#pragma once

#include "engine/origin.h"

namespace bt::origin {

// One a process and volume, for as long as the volume is attached.
struct Source {
  int32_t root =
      -1;  // O_PATH descriptor of the directory; the agent keeps it out of the program's sight
  int32_t watch =
      -1;  // inotify instance that the daemon reads, likewise; -1: changes are found by looking
};

// From now on the engine's operations on `volume` in this process ask the directory.
void install(engine::Volume& volume, Source& source);

// Before anything else of a new volume: the root inode is the source's root. The daemon alone.
Result<void> adopt_root(engine::Context& context);

}  // namespace bt::origin
