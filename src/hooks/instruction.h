// SPDX-License-Identifier: MIT
// What interpreter, JIT and verifier must read out of an instruction alike.
#pragma once

#include <linux/bpf.h>

#include <cstdint>

namespace bt::hooks {

// Bytes that a load or store of this code moves.
constexpr uint32_t access_size(uint8_t code) {
  switch (BPF_SIZE(code)) {
    case BPF_B:
      return 1;
    case BPF_H:
      return 2;
    case BPF_W:
      return 4;
    default:
      return 8;
  }
}

}  // namespace bt::hooks
