// SPDX-License-Identifier: MIT
#include "cli/hook/shipped.h"

#include <unistd.h>

#include <filesystem>

namespace bt::cli {

std::string shipped_or_file(const std::string& word) {
  std::error_code error;
  if (word.find('/') != std::string::npos || std::filesystem::exists(word, error)) return word;
  std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  // Beside the binary in the build tree; in lib once installed.
  for (const char* place : {"programs", "../lib/btfuse/programs"}) {
    std::filesystem::path candidate = here / place / (word + ".bpf.o");
    if (std::filesystem::exists(candidate, error)) return candidate.string();
  }
  return word;
}

}  // namespace bt::cli
