// SPDX-License-Identifier: MIT
// The format of bpf_trace_printk: %d %i %u %x %p %c %s with l and ll, %%, widths and zero padding. Lines are cut at
// kPrintkLineMax - 1 characters; an unknown conversion is copied as it stands.
#pragma once

#include <cstdint>

namespace bt::hooks {

inline constexpr uint32_t kPrintkLineMax = 256;

// Returns the length; `line` is terminated. %s reads its address safely.
uint32_t format_printk(char (&line)[kPrintkLineMax], const char* format, uint64_t format_size,
                       const uint64_t* values, uint32_t value_count);

}  // namespace bt::hooks
