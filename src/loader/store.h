// SPDX-License-Identifier: MIT
// The loaded objects of one user: `hooks/` in the run directory, with the registry that agents map (registry_format.h) and
// three files an object:
//
//   ID.image   what agents read          ID.maps   its maps, mapped by all          ID.btf   types, for printing
//
// Whoever changes the registry holds flock on it. A load is visible when the registry's word changes, which is its last
// step; an unload first takes the object out of the registry, then its files, so that a process that is killed anywhere
// leaves at most files without an entry, which the next load sweeps away.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hooks/maps.h"
#include "hooks/registry_format.h"
#include "loader/object.h"

namespace bt::loader {

struct LoadedObject {
  uint64_t id = 0;
  std::string name;
  uint64_t loaded_at_ns = 0;
  uint32_t loader_pid = 0;
};

// One object's files, mapped: for `btfuse hook list` and `maps`. The maps are live.
class ObjectFiles {
 public:
  ObjectFiles(const std::string& directory, uint64_t id);  // throws ObjectError
  ~ObjectFiles();
  ObjectFiles(const ObjectFiles&) = delete;

  const hooks::ImageHeader& header() const {
    return *reinterpret_cast<const hooks::ImageHeader*>(image_.data());
  }
  const hooks::ImageProgram& program(uint32_t index) const;
  const hooks::ImageMap& map(uint32_t index) const;
  // The map in shared memory; `slots_used` is the store's high-water mark.
  hooks::MapView view(uint32_t index, const std::atomic<uint32_t>* slots_used) const;
  MapTypes types(uint32_t index) const;
  const std::vector<uint8_t>& btf() const { return btf_; }

 private:
  std::vector<uint8_t> image_, btf_;
  std::vector<MapTypes> types_;
  unsigned char* maps_ = nullptr;
  uint64_t maps_size_ = 0;
};

class Store {
 public:
  // Creates what is missing. Throws ObjectError: not this user's directory, or another version's.
  explicit Store(const std::string& run_directory);
  ~Store();
  Store(const Store&) = delete;

  std::vector<LoadedObject> list() const;
  uint64_t load(const BuiltObject& object, const std::string& name);
  // False: no such object.
  bool unload(uint64_t id);

  const std::string& directory() const { return directory_; }
  const hooks::Registry& registry() const { return *registry_; }

 private:
  void open_registry();
  void lock(bool exclusive) const;
  void unlock() const;
  void publish();
  void sweep() const;
  std::string file(uint64_t id, const char* suffix) const;
  void write_files(uint64_t id, const BuiltObject& object) const;
  void write_maps(uint64_t id, const BuiltObject& object) const;
  void remove_files(uint64_t id) const;

  std::string directory_;
  int fd_ = -1;
  hooks::Registry* registry_ = nullptr;
};

}  // namespace bt::loader
