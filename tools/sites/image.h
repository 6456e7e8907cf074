// SPDX-License-Identifier: MIT
// Makes the patched copy of a library that the agent maps instead of patching (SiteImage in base/site_table.h).
#pragma once

#include <string>
#include <vector>

#include "sites/scanner.h"

namespace bt::sites {

struct Image {
  base::SiteImage layout = {};
  std::vector<uint8_t> bytes;  // of the file
};

// Throws std::runtime_error when the file cannot be read.
Image make_image(const std::string& path, const ScanResult& scan);

// Writes FOLDER/<build-id>/libc.so.6. Throws std::runtime_error.
void write_image(const Image& image, const ScanResult& scan, const std::string& folder);

}  // namespace bt::sites
