// SPDX-License-Identifier: MIT
// The files of the web page, carried inside btfuse: it needs no folder beside it and no network.
#pragma once

#include <string_view>

namespace bt::dashboard {

struct Asset {
  const char* path;  // as a browser asks for it
  const char* type;
  std::string_view content;
};

// Ended by a row without a path.
const Asset* all_assets();

}  // namespace bt::dashboard
