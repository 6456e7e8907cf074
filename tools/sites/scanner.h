// SPDX-License-Identifier: MIT
// Finds the `syscall` instructions of a 64-bit ELF library that the agent wants, and how each can be patched
// (base/site_table.h). The only user of the disassembler Zydis; nothing of it runs in a program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/site_table.h"

namespace bt::sites {

struct ScanResult {
  base::SiteTableHeader header = {};
  std::vector<base::Site> sites;
  uint64_t text_offset = 0;  // of the executable segment in the file
  // For the report: all syscall instructions, those about calls we do not want, those that cannot be patched.
  uint32_t found = 0;
  uint32_t uninteresting = 0;
  std::vector<uint32_t> unpatchable;
};

// Throws std::runtime_error (a reason) when the file is not an x86-64 ELF library with a build-id.
ScanResult scan_library(const std::string& path);

// The build-id alone, in hexadecimal; empty when there is none or the file is nothing of the kind.
std::string build_id_of(const std::string& path);
std::string hexadecimal(const uint8_t* bytes, size_t count);

// Writes header and rows to `path` by way of a temporary file, mode 0644. False when that fails.
bool write_cache_file(const ScanResult& result, const std::string& path);

}  // namespace bt::sites
