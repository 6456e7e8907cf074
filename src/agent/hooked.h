// SPDX-License-Identifier: MIT
// Intercepted calls while eBPF programs are loaded: every call enters, ours or not, and the programs run around it.
#pragma once

#include <cstdint>

#include "hooks/hooks.h"

namespace bt::agent {

using PlainHandler = int64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

// What entry.S is to do with the call, or its result. `plain` answers the call as without programs.
int64_t call_hooked(PlainHandler plain, hooks::Call& call);

// Maps the registry of programs. Once, before any library is patched.
void start_hooks(char** environment);

}  // namespace bt::agent
