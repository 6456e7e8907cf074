// SPDX-License-Identifier: MIT
// What the kernel's FUSE protocol has and Debian 12's headers (7.38) and libfuse (3.14) do not, and the one include of
// libfuse's low-level interface.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>

#include <cstdint>

#include "format/types.h"

namespace bt::fuse {

// Linux 6.6: MAP_SHARED works on files opened with FOPEN_DIRECT_IO. Second word of the INIT flags.
inline constexpr uint32_t kInitDirectIoAllowMmap = 1u << (36 - 32);
// Linux 6.9 (7.40): everything read from the device and not answered is queued again, marked in its unique number.
inline constexpr uint32_t kNotifyResend = 7;
inline constexpr uint32_t kResendMinor = 40;
inline constexpr uint64_t kUniqueResend = 1ull << 63;
// In a slot's stamp (docs/daemon.md): the request's reference to an inode was counted; stamp_result is its number.
inline constexpr uint64_t kStampGranted = 1ull << 62;
// Linux 6.18 (7.45): the kernel drops what it remembers of these nodes, as far as nobody uses them, and forgets them.
inline constexpr uint32_t kNotifyPrune = 9;
inline constexpr uint32_t kPruneMinor = 45;
struct PruneNotice {
  uint32_t count;
  uint32_t reserved32;
  uint64_t reserved;
};
inline constexpr uint32_t kOpcodeTmpfile = 51;
// In the flags of OPEN: the kernel opens the file to execute it.
inline constexpr int kOpenForExecution = 0x20;

// A node id is an inode number; the hidden directories (hidden.h) have numbers that no inode gets.
constexpr format::InodeNumber inode_of(fuse_ino_t node) { return {node}; }
constexpr fuse_ino_t node_of(format::InodeNumber inode) { return inode.value; }

}  // namespace bt::fuse
