// SPDX-License-Identifier: MIT
#include "cli/hook/loaded.h"

#include <unistd.h>

#include "cli/hook/map_view_printer.h"
#include "loader/object.h"
#include "loader/sections.h"
#include "registry/writer.h"

namespace bt::cli {
namespace {

LoadedMapView view_of(const hooks::ImageMap& image, const hooks::MapView& map) {
  LoadedMapView view;
  view.name = image.name;
  view.type = map_type_name(map.type);
  view.max_entries = map.max_entries;
  const hooks::MapControl& control = *map.control;
  if (hooks::is_hash_type(map.type)) view.used = control.count.load();
  if (hooks::is_ring_type(map.type) || hooks::is_queue_type(map.type))
    view.used = control.head.load() - control.tail.load();
  if (hooks::is_ring_type(map.type)) view.lost = control.lost.load();
  return view;
}

LoadedObjectView view_of(const loader::Store& store, const loader::LoadedObject& object) {
  loader::ObjectFiles files(store.directory(), object.id);
  LoadedObjectView view;
  view.id = object.id;
  view.name = object.name;
  view.loaded_at_ns = object.loaded_at_ns;
  for (uint32_t i = 0; i < files.header().program_count; i++) {
    const hooks::ImageProgram& program = files.program(i);
    view.programs.push_back({program.name,
                             loader::describe(static_cast<hooks::AttachKind>(program.attach_kind),
                                              program.attach_number),
                             program.insn_count, program.section});
  }
  for (uint32_t i = 0; i < files.header().map_count; i++)
    view.maps.push_back(view_of(files.map(i), files.view(i, nullptr)));
  return view;
}

}  // namespace

std::vector<LoadedObjectView> loaded_objects(const loader::Store& store) {
  std::vector<LoadedObjectView> views;
  for (const loader::LoadedObject& object : store.list()) views.push_back(view_of(store, object));
  return views;
}

std::vector<LoadedObjectView> loaded_objects() {
  std::string directory = registry::run_directory_path();
  // A look must not create what a Store creates.
  if (access((directory + "/hooks/registry").c_str(), R_OK | W_OK) != 0) return {};
  try {
    return loaded_objects(loader::Store(directory));
  } catch (const loader::ObjectError&) {
    // Unloaded under our eyes, or another version's: whoever wants to know asks `btfuse hook list`.
    return {};
  }
}

void put_loaded_objects(JsonWriter& json, const std::vector<LoadedObjectView>& objects) {
  json.begin_array();
  for (const LoadedObjectView& object : objects) {
    json.begin_object();
    json.member("id", object.id);
    json.member("name", object.name);
    json.member("loaded_at_ns", object.loaded_at_ns);
    json.key("programs");
    json.begin_array();
    for (const LoadedProgramView& program : object.programs) {
      json.begin_object();
      json.member("name", program.name);
      json.member("section", program.section);
      json.member("attach", program.attach);
      json.member("instructions", program.instructions);
      json.end_object();
    }
    json.end_array();
    json.key("maps");
    json.begin_array();
    for (const LoadedMapView& map : object.maps) {
      json.begin_object();
      json.member("name", map.name);
      json.member("type", map.type);
      json.member("max_entries", map.max_entries);
      json.member("used", map.used);
      json.member("lost", map.lost);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

}  // namespace bt::cli
