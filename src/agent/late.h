// SPDX-License-Identifier: MIT
// Code that arrives later: a library that dlopen maps is patched before the mmap that brings its text returns, while
// nobody can know of it.
#pragma once

#include <cstdint>

namespace bt::agent {

// `text` has just been mapped executable from offset `offset` of a file whose start is mapped `offset` bytes below it
// (as ld.so does). Patches the library if there is a table for its build-id.
void patch_late_library(uint64_t text, uint64_t offset);

}  // namespace bt::agent
