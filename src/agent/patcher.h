// SPDX-License-Identifier: MIT
// Patches the sites of one library: stubs first, then the jumps to them; or maps a copy that is patched already. Nobody may be running the library's code: at
// load there is one thread, and it is ours; a library that dlopen maps is patched before anyone learns of it (late.cc).
#pragma once

#include <cstdint>

#include "base/site_table.h"

namespace bt::agent {

// only_number: −1 = all sites of the table; else those of this system call (ld.so: mmap; its reads are the kernel's).
// The number of sites patched; 0 also when memory cannot be had or made writable, which leaves the library as it was.
uint32_t patch_library(uint64_t base, const base::SiteTable& table, int only_number);

// Of ld.so only mmap, by which libraries arrive. Remembered at load and done when libraries that come late can matter: then, if
// tables of other libraries are kept; else when a thread is first inside while volumes are attached, or before a second thread
// is made. No-op afterwards.
void remember_loader(uint64_t base, const base::SiteTable& table);
void patch_loader();

// The same for a whole library by way of its image (base::SiteImage), in three steps. The place of its stubs is reserved
// before anything large is mapped, which would else lie there; released when the image cannot be used after all.
bool reserve_image(uint64_t base, const base::SiteTable& table);
void release_image(uint64_t base, const base::SiteTable& table);
// `fd`: the image, open. False: nothing of the library was changed.
bool map_image(uint64_t base, const base::SiteTable& table, int64_t fd);

}  // namespace bt::agent
