// SPDX-License-Identifier: MIT
// The libraries of this process, as ld.so's own list tells, and their build-ids. Read only; nothing is called.
#pragma once

#include <cstdint>

struct link_map;

namespace bt::agent {

// The head of ld.so's list; null when the auxiliary vector (after envp) leads nowhere. `environment` as the kernel gave it.
link_map* first_library(char** environment);

// Whether this is ld.so itself.
bool is_dynamic_loader(const link_map* library);

// The build-id note of the library whose ELF header is mapped at `base`; null when there is none of 20 bytes.
const uint8_t* build_id_at(uint64_t base);

// gcc's address sanitizer ends a program in whose list of libraries it is not the first. Where it is present, our own
// entry gets an empty name, which it skips; ld.so's list is otherwise untouched.
void make_way_for_sanitizer(link_map* first);

}  // namespace bt::agent
