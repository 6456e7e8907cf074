// SPDX-License-Identifier: MIT
// The process's view of the registry: which State is current, and the pool of Thread blocks. Used by dispatch.cc only.
#pragma once

#include "hooks/registry_format.h"
#include "hooks/runtime.h"

namespace bt::hooks {

extern Registry* registry;  // null: none could be mapped. const after init()
// atomic: refresh() → run_enter()
extern std::atomic<const State*> current_state;

void open_registry(const char* run_directory);

// Makes the current State that of the registry's word. Where another thread is at it, or memory is short, the old one
// stays current. Loads images: about 0.3 ms.
void refresh(uint64_t word);
void forget_refresh_lock();  // in a forked child

// A block for the calling thread; null when memory is refused.
Thread* alloc_thread();
void free_thread(Thread* thread);
// In a forked child: every block but this one belonged to a thread that is not here.
void keep_only(Thread* thread);

// Gives the thread its exclusive slot, or the shared one under its lock. False: the shared one is busy.
bool claim_slot(Thread& thread);
void release_shared_slot(Thread& thread);

}  // namespace bt::hooks
