// SPDX-License-Identifier: MIT
// Where the `syscall` instructions of one library are and how each is patched: written by tools/sites (at build time for
// this machine's libc and ld.so, by `btfuse run` for others), read by agent/patcher.cc.
//
// Kinds, in the order they are tried; the `syscall` instruction itself is never touched:
//   A  one or more whole instructions of ≥ 5 bytes before it become `jmp rel32 stub`
//   B  one or more whole instructions of ≥ 2 bytes before it become `jmp rel8` to ≥ 5 bytes of padding, which become
//      `jmp rel32 stub`
// A site that allows neither has no row.
//
// A cache file is a SiteTableHeader and its rows. It is named after the build-id and must belong to the reader.
#pragma once

#include <cstdint>

namespace bt::base {

inline constexpr uint64_t kSiteTableMagic = 0x3153455449534642;  // "BFSITES1"
inline constexpr uint32_t kBuildIdSizeBytes = 20;
inline constexpr uint32_t kDisplacedMaxBytes = 16;
inline constexpr uint32_t kSitesMax = 4096;

struct Site {
  uint32_t syscall;  // address of the `syscall` instruction, relative to the library's base
  uint32_t padding;  // kind B: address of the padding; kind A: 0
  int16_t number;    // the system call's number, −1 when it is computed
  uint8_t
      displaced_size;  // bytes of instructions before it that move into the stub, position-independent
  uint8_t reserved;
  uint8_t displaced[kDisplacedMaxBytes];  // what they are; a site whose bytes differ is left alone
};
static_assert(sizeof(Site) == 28);

struct SiteTableHeader {
  uint64_t magic;
  uint8_t build_id[kBuildIdSizeBytes];
  uint32_t count;
  uint32_t text_begin;  // the executable segment, relative to the base
  uint32_t text_end;
};
static_assert(sizeof(SiteTableHeader) == 40);

// A copy of the library's file whose sites are patched already, followed by its stubs: mapped instead of patching, it
// costs a few page faults of shared pages where patching copies every page it touches. Stubs are kImageDistance below the
// library's base; their first OS page is the StubSlots, which the agent fills in. Written beside the agent by the build:
// <agent's folder>/btfuse_patched/<build-id>/<library>.
struct SiteImage {
  uint32_t text_begin;   // OS page of the executable segment, relative to the base
  uint32_t text_size;    // whole OS pages
  uint32_t text_offset;  // in the image
  uint32_t stubs_offset;
  uint32_t stubs_size;  // with the slots
  uint32_t reserved;
};
inline constexpr uint64_t kImageDistance = 256 << 20;
inline constexpr const char* kImageFolder = "btfuse_patched";

struct SiteTable {
  const SiteTableHeader* header;
  const Site* sites;
  const SiteImage* image = nullptr;  // null: none was built
};

}  // namespace bt::base
