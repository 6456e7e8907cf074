// SPDX-License-Identifier: MIT
#include "cli/hook/map_view_printer.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace bt::cli {
namespace {

const uint8_t* bytes(const void* data) { return static_cast<const uint8_t*>(data); }

bool all_zero(const uint8_t* data, size_t size) {
  return std::all_of(data, data + size, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

std::string map_type_name(uint32_t type) {
  switch (type) {
    case BPF_MAP_TYPE_ARRAY:
      return "array";
    case BPF_MAP_TYPE_HASH:
      return "hash";
    case BPF_MAP_TYPE_LRU_HASH:
      return "lru_hash";
    case BPF_MAP_TYPE_PERCPU_ARRAY:
      return "percpu_array";
    case BPF_MAP_TYPE_PERCPU_HASH:
      return "percpu_hash";
    case BPF_MAP_TYPE_LRU_PERCPU_HASH:
      return "lru_percpu_hash";
    case BPF_MAP_TYPE_RINGBUF:
      return "ringbuf";
    case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
      return "perf_event_array";
    case BPF_MAP_TYPE_PROG_ARRAY:
      return "prog_array";
    case BPF_MAP_TYPE_QUEUE:
      return "queue";
    case BPF_MAP_TYPE_STACK:
      return "stack";
    case BPF_MAP_TYPE_STACK_TRACE:
      return "stack_trace";
    case BPF_MAP_TYPE_CGROUP_ARRAY:
      return "cgroup_array";
    default:
      return std::to_string(type);
  }
}

MapViewPrinter::MapViewPrinter(const loader::Store& store, const loader::LoadedObject& object)
    : store_(store), object_(object), files_(store.directory(), object.id), types_(files_.btf()) {}

bool MapViewPrinter::skips(uint32_t index, const std::string& only) const {
  return !only.empty() && only != files_.map(index).name;
}

bool MapViewPrinter::is_loaded() const {
  for (const hooks::RegistryEntry& entry : store_.registry().entries)
    if (entry.id.load() == object_.id) return true;
  return false;
}

// A per-CPU value is the sum of its slots where it is one number, else the list of the slots that hold something.
std::string MapViewPrinter::value_json(const hooks::MapView& map, uint32_t index,
                                       uint32_t element) const {
  uint32_t type = files_.types(index).value;
  if (!map.layout.slot_stride)
    return types_.json(type, bytes(hooks::value_at(map, element, 0)), map.value_size);
  if (map.value_size == 8 || map.value_size == 4) {
    uint64_t sum = 0;
    for (uint32_t slot = 0; slot < hooks::kThreadSlots; slot++) {
      uint64_t part = 0;
      std::memcpy(&part, hooks::value_at(map, element, slot), map.value_size);
      sum += part;
    }
    return std::to_string(sum);
  }
  std::string out = "[";
  for (uint32_t slot = 0; slot < hooks::kThreadSlots; slot++) {
    const uint8_t* value = bytes(hooks::value_at(map, element, slot));
    if (all_zero(value, map.value_size)) continue;
    out += (out.size() > 1 ? "," : "") + types_.json(type, value, map.value_size);
  }
  return out + "]";
}

// Elements as `{"key":…,"value":…}`; of arrays only those that are not zero.
std::string MapViewPrinter::entries(uint32_t index, const char* separator) const {
  hooks::MapView map = files_.view(index, &store_.registry().header.slots_used);
  std::string out;
  auto add = [&](const std::string& key, const std::string& value) {
    out += (out.empty() ? "" : separator) + ("{\"key\":" + key + ",\"value\":" + value + "}");
  };
  if (hooks::is_array_type(map.type) || map.type == BPF_MAP_TYPE_PROG_ARRAY) {
    for (uint32_t i = 0; i < map.max_entries; i++) {
      bool empty = true;
      for (uint32_t slot = 0; empty && slot < (map.layout.slot_stride ? hooks::kThreadSlots : 1);
           slot++)
        empty = all_zero(bytes(hooks::value_at(map, i, slot)), map.value_size);
      if (!empty) add(std::to_string(i), value_json(map, index, i));
    }
  } else if (hooks::is_hash_type(map.type)) {
    const void* key = nullptr;
    bool used = false;
    for (uint32_t i = 0; hooks::hash_element_at(map, i, key, used); i++)
      if (used)
        add(types_.json(files_.types(index).key, bytes(key), map.key_size),
            value_json(map, index, i));
  }
  return out;
}

std::string MapViewPrinter::head_json(uint32_t index, const hooks::MapView& map) const {
  const hooks::MapControl& control = *map.control;
  std::string out = "\"object\":" + loader::json_string(object_.name) +
                    ",\"id\":" + std::to_string(object_.id) +
                    ",\"map\":" + loader::json_string(files_.map(index).name) + ",\"type\":\"" +
                    map_type_name(map.type) + "\",\"key_size\":" + std::to_string(map.key_size) +
                    ",\"value_size\":" + std::to_string(map.value_size) +
                    ",\"max_entries\":" + std::to_string(map.max_entries) +
                    ",\"repairs\":" + std::to_string(control.repairs.load());
  if (hooks::is_ring_type(map.type))
    out += ",\"pending_bytes\":" + std::to_string(control.head.load() - control.tail.load()) +
           ",\"lost\":" + std::to_string(control.lost.load());
  if (hooks::is_queue_type(map.type))
    out += ",\"count\":" + std::to_string(control.head.load() - control.tail.load());
  return out;
}

void MapViewPrinter::append_json(std::string& out, const std::string& only) const {
  for (uint32_t i = 0; i < files_.header().map_count; i++) {
    if (skips(i, only)) continue;
    hooks::MapView map = files_.view(i, nullptr);
    out += (out.empty() ? "{" : ",\n{") + head_json(i, map) + ",\"entries\":[" + entries(i, ",") +
           "]}";
  }
}

void MapViewPrinter::print(const std::string& only) const {
  for (uint32_t i = 0; i < files_.header().map_count; i++) {
    if (skips(i, only)) continue;
    const hooks::ImageMap& map = files_.map(i);
    std::printf("%s %s (%s, %u entries)\n", object_.name.c_str(), map.name,
                map_type_name(map.type).c_str(), map.max_entries);
    std::string rows = entries(i, "\n    ");
    if (!rows.empty()) std::printf("    %s\n", rows.c_str());
  }
}

bool MapViewPrinter::print_records(const std::string& only) const {
  bool any = false;
  for (uint32_t i = 0; i < files_.header().map_count; i++) {
    hooks::MapView map = files_.view(i, nullptr);
    if (!hooks::is_ring_type(map.type) || skips(i, only)) continue;
    bool is_log = std::strcmp(files_.map(i).name, hooks::kLogMapName) == 0;
    uint32_t type = types_.record_type(files_.map(i).name);
    uint32_t size = 0;
    while (const hooks::RingRecord* record = hooks::ring_peek(map, size)) {
      const auto* data = bytes(record + 1);
      if (is_log)
        std::printf("%.*s\n", static_cast<int>(strnlen(reinterpret_cast<const char*>(data), size)),
                    reinterpret_cast<const char*>(data));
      else
        std::printf("%s\n", types_.json(type, data, size).c_str());
      hooks::ring_consumed(map, record);
      any = true;
    }
  }
  return any;
}

}  // namespace bt::cli
