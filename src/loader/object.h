// SPDX-License-Identifier: MIT
// From an eBPF object file to an image: libbpf reads and relocates it, the verifier judges every program, and what comes
// out is all that an agent needs. Nothing is written anywhere.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hooks/image_format.h"
#include "loader/verifier.h"

namespace bt::loader {

// One line: what is wrong with the object, and where.
class ObjectError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct InitialElement {
  uint32_t map;
  std::vector<uint8_t> key;
  std::vector<uint8_t> value;
};

struct MapTypes {  // BTF type ids, 0 = none
  uint32_t key = 0;
  uint32_t value = 0;
};

struct BuiltObject {
  std::vector<uint8_t> image;
  uint64_t maps_file_size = 0;
  std::vector<InitialElement> elements;
  std::vector<MapTypes> map_types;
  std::vector<uint8_t> btf;
  std::vector<std::string> programs;  // "name: attach point, N instructions, verified in M steps"
};

struct BuildOptions {
  std::string name;  // default: from the file's name
  std::vector<std::pair<std::string, std::string>>
      settings;            // NAME=VALUE of `const volatile` variables
  bool interpret = false;  // agents do not compile it
};

// Throws ObjectError.
BuiltObject build_object(const std::string& path, const BuildOptions& options);

}  // namespace bt::loader
