// SPDX-License-Identifier: MIT
// The eBPF objects that come with bt_fuse (programs/): named without a path.
#pragma once

#include <string>

namespace bt::cli {

// `word` itself where it is a path or names a file; else the shipped object of that name; else `word`.
std::string shipped_or_file(const std::string& word);

}  // namespace bt::cli
