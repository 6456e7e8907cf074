// SPDX-License-Identifier: MIT
// What is loaded for this user's programs: for `btfuse hook list` and for the views that show it beside a mount.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/json_writer.h"
#include "loader/store.h"

namespace bt::cli {

struct LoadedProgramView {
  std::string name, attach;
  uint32_t instructions = 0;
  std::string section;
};
struct LoadedMapView {
  std::string name, type;
  uint32_t max_entries = 0;
  uint64_t used = 0;  // hash: elements; queue: elements; ring: bytes not yet read; else 0
  uint64_t lost = 0;  // ring: records that found no room
};
struct LoadedObjectView {
  uint64_t id = 0;
  std::string name;
  std::vector<LoadedProgramView> programs;
  std::vector<LoadedMapView> maps;
  uint64_t loaded_at_ns = 0;
};

std::vector<LoadedObjectView> loaded_objects(const loader::Store& store);  // throws ObjectError
// Empty where nothing was ever loaded, and where what is loaded cannot be read.
std::vector<LoadedObjectView> loaded_objects();

void put_loaded_objects(JsonWriter& json, const std::vector<LoadedObjectView>& objects);

}  // namespace bt::cli
