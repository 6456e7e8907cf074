// SPDX-License-Identifier: MIT
// One loaded eBPF object as the loader hands it to agents: a file `ID.image` of the run directory, written once and never
// changed. Agents read it into private memory, check it, resolve map indexes to addresses and compile it; they never see
// ELF and never verify. Nothing in it is a pointer:
//
//   ImageHeader | ImageProgram × program_count | ImageMap × map_count | bpf_insn × insn_count
//
// Instructions are what libbpf would have given the kernel, except
//   ld_imm64, src BPF_PSEUDO_MAP_FD      imm = map index
//   ld_imm64, src BPF_PSEUDO_MAP_VALUE   imm = map index, second imm = offset into the one value
//   ld_imm64, src BPF_PSEUDO_FUNC        the function at this instruction + 1 + imm, for a helper that calls it
//   call, src kElementAddress            r0 = address of element imm of the array of index off - 1; changes no other register
//   call of a helper                     off = 1 + map index where the verifier found every path to pass that map as r1
#pragma once

#include <linux/bpf.h>

#include <cstdint>

namespace bt::hooks {

inline constexpr uint64_t kImageMagic = 0x3147'4d49'4b48'5442;  // "BTHKIMG1"
inline constexpr uint32_t kImageVersion = 3;

// Of a call: no helper, but the address of an element that is always the same (loader/simplify.h).
inline constexpr uint8_t kElementAddress = 9;

// Every bound the loader enforces and the agent checks again: the image is input.
inline constexpr uint32_t kImageProgramsMax = 128;
inline constexpr uint32_t kImageMapsMax = 64;
inline constexpr uint32_t kImageInsnsMax = 256 * 1024;
inline constexpr uint64_t kImageSizeMax = 8u << 20;
inline constexpr uint64_t kMapsFileSizeMax = 4ull << 30;
inline constexpr uint32_t kMapEntriesMax = 1u << 24;
inline constexpr uint32_t kMapKeySizeMax = 512;
inline constexpr uint32_t kMapValueSizeMax = 1u << 20;

enum class AttachKind : uint32_t {
  kNone = 0,      // a tail-call target: reached through a program array only
  kSysEnter = 1,  // number = system call, -1 = all (raw_syscalls)
  kSysExit = 2,
  kDecide = 3,  // number = operation (ops.def), -1 = all
  kOpEnter = 4,
  kOpExit = 5,
  kAttachKindCount
};

struct ImageHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t program_count;
  uint32_t map_count;
  uint32_t insn_count;
  uint32_t flags;  // kImageInterpret
  uint32_t reserved;
  uint64_t total_size;      // of the file
  uint64_t checksum;        // of everything behind this header
  uint64_t maps_file_size;  // of `ID.maps`
  char name[64];
};
static_assert(sizeof(ImageHeader) == 120);

inline constexpr uint32_t kImageInterpret = 1;  // agents do not compile this image

struct ImageProgram {
  char name[64];
  char section[96];
  uint32_t attach_kind;  // AttachKind
  int32_t attach_number;
  uint32_t insn_start;
  uint32_t insn_count;
  uint32_t context_words;  // bit i: it may read 8 bytes at 8·i of its context, as the verifier saw
  uint32_t reserved;
};
static_assert(sizeof(ImageProgram) == 184);

struct ImageMap {
  char name[64];
  uint32_t type;  // enum bpf_map_type
  uint32_t key_size;
  uint32_t value_size;
  uint32_t max_entries;
  uint32_t flags;  // BPF_F_*; kImageMapFrozen
  uint32_t reserved;
  uint64_t offset;  // in `ID.maps`, page aligned
  uint64_t size;
};
static_assert(sizeof(ImageMap) == 104);

// Own bit beside BPF_F_*: contents never change after the load (.rodata), so agents map it read-only.
inline constexpr uint32_t kImageMapFrozen = 1u << 31;

// The ring that bpf_trace_printk writes to; the loader adds it to objects that print.
inline constexpr const char* kLogMapName = ".log";
inline constexpr uint32_t kLogMapSize = 65536;

// FNV-1a with a final mix: finds torn and truncated files; it is not a signature (trust is by uid).
inline uint64_t image_checksum(const void* data, uint64_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (uint64_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 0x100'0000'01b3;
  return hash ^ (hash >> 29);
}

}  // namespace bt::hooks
