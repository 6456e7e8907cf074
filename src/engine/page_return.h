// SPDX-License-Identifier: MIT
// Memory of free pages goes back to the machine. The daemon calls return_free_pages about once a second; half of the pages
// above the reserve go each time, so what a program frees and soon needs again mostly stays, and nothing stays for long.
//
// A page is taken to the calling thread's list first, like for a file, so nobody can get it while its memory is punched out;
// killed in between, it is a free page as before. Readers that lost a race may still read the hole, which gives it memory
// again; they throw away what they read. That is why what was punched the last time is punched again.
#pragma once

#include "engine/thread.h"

namespace bt::engine {

// Kept by the caller from one call to the next.
struct PageReturn {
  uint64_t keep_pages = 4096;  // free pages that keep their memory: 16 MiB
  uint64_t again = 0;          // pages punched by the last call
};
// Pages returned by this call. EIO.
Result<uint64_t> return_free_pages(Thread& thread, PageReturn& state);
// All free pages beyond keep_pages, at once: for tests, and when memory is short.
Result<uint64_t> return_all_free_pages(Thread& thread, PageReturn& state);

}  // namespace bt::engine
