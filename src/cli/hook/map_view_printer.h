// SPDX-License-Identifier: MIT
// One loaded object's maps, read in shared memory while programs run: as text, as JSON, and the records of its rings as
// JSON lines. Reading takes no lock; a value that changes meanwhile may be printed half old.
#pragma once

#include <string>

#include "loader/printing.h"
#include "loader/store.h"

namespace bt::cli {

class MapViewPrinter {
 public:
  MapViewPrinter(const loader::Store& store, const loader::LoadedObject& object);

  // `only` names one map; empty = all.
  void print(const std::string& only) const;
  void append_json(std::string& out, const std::string& only) const;
  // Consumes what the rings hold; whether there was anything.
  bool print_records(const std::string& only) const;
  bool is_loaded() const;

 private:
  bool skips(uint32_t index, const std::string& only) const;
  std::string entries(uint32_t index, const char* separator) const;
  std::string value_json(const hooks::MapView& map, uint32_t index, uint32_t element) const;
  std::string head_json(uint32_t index, const hooks::MapView& map) const;

  const loader::Store& store_;
  loader::LoadedObject object_;
  loader::ObjectFiles files_;
  loader::TypePrinter types_;
};

std::string map_type_name(uint32_t type);

}  // namespace bt::cli
