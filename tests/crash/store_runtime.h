// SPDX-License-Identifier: MIT
// Kill at every store. The engine is compiled once more with -fsanitize=thread, which calls a function before each memory
// access and *instead of* each atomic one; store_runtime.cc is what it calls, in place of libtsan. Stores that fall into the
// volume are counted, remembered by OS page (so that a snapshot can be restored exactly), and the k-th one kills the
// process. Nothing in the engine's source knows of it. The volume is shared with the harness's other processes.
#pragma once

#include <cstdint>

namespace bt::crash {

// What all processes of the harness share, in anonymous shared memory.
struct StoreBoard {
  uint64_t stores;  // by the last armed process, up to its death
  uint64_t volume_page_count;
  // One byte an OS page of the volume: stored to since the last restore. Behind the structure.
  uint8_t* touched() { return reinterpret_cast<uint8_t*>(this + 1); }
};

// Before any engine code runs. Memory of the board: sizeof(StoreBoard) + pages.
void watch_volume(char* volume, uint64_t size, StoreBoard* board);
// From now on this process counts; before store number `kill_at` (from 1) it dies by SIGKILL. 0: never.
void arm_stores(uint64_t kill_at);
void disarm_stores();
// Notes for each cache line of the volume which flags its accesses had; null: no more. `lines`: a byte for each 64 of it.
struct LineFlags {
  uint8_t read, write;
};
void record_lines(uint8_t* lines, LineFlags flags);
// For writes that the runtime does not see (the harness's own, the kernel's): marks the bytes as touched.
void note_touched(const void* place, uint64_t size);

}  // namespace bt::crash
