// SPDX-License-Identifier: MIT
#include "loader/settings.h"

#include <bpf/btf.h>

#include <cerrno>
#include <cstring>

#include "loader/object.h"

namespace bt::loader {
namespace {

struct Variable {
  char* data = nullptr;
  uint32_t size = 0;
  bool is_text = false;
};

const btf_type* skip_qualifiers(const btf* types, uint32_t id) {
  const btf_type* type = btf__type_by_id(types, id);
  while (type && (btf_is_mod(type) || btf_is_typedef(type)))
    type = btf__type_by_id(types, type->type);
  return type;
}

char* initial_value(bpf_object* object, size_t& size) {
  bpf_map* map = nullptr;
  while ((map = bpf_object__next_map(object, map))) {
    std::string name = bpf_map__name(map);
    if (bpf_map__is_internal(map) && name.size() >= 7 &&
        name.compare(name.size() - 7, 7, ".rodata") == 0)
      return static_cast<char*>(const_cast<void*>(bpf_map__initial_value(map, &size)));
  }
  return nullptr;
}

Variable find_variable(bpf_object* object, const std::string& name) {
  const btf* types = bpf_object__btf(object);
  size_t data_size = 0;
  char* data = initial_value(object, data_size);
  int id = types ? btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC) : -1;
  if (!data || id < 0) return {};
  const btf_type* section = btf__type_by_id(types, static_cast<uint32_t>(id));
  const btf_var_secinfo* row = btf_var_secinfos(section);
  for (int i = 0; i < btf_vlen(section); i++, row++) {
    const btf_type* variable = btf__type_by_id(types, row->type);
    if (name != btf__name_by_offset(types, variable->name_off) ||
        row->offset + row->size > data_size)
      continue;
    const btf_type* type = skip_qualifiers(types, variable->type);
    bool is_text = type && btf_is_array(type);
    return {data + row->offset, row->size, is_text};
  }
  return {};
}

void set_number(const Variable& variable, const std::string& name, const std::string& text) {
  errno = 0;
  char* end = nullptr;
  bool negative = !text.empty() && text[0] == '-';
  uint64_t value = text == "true"    ? 1
                   : text == "false" ? 0
                   : negative        ? static_cast<uint64_t>(strtoll(text.c_str(), &end, 0))
                                     : strtoull(text.c_str(), &end, 0);
  bool parsed = text == "true" || text == "false" || (end && !*end && !text.empty() && errno == 0);
  if (!parsed || variable.size > 8) throw ObjectError("--set " + name + ": not a number: " + text);
  uint64_t limit = variable.size == 8 ? UINT64_MAX : (uint64_t{1} << (8 * variable.size)) - 1;
  if (!negative && value > limit)
    throw ObjectError("--set " + name + ": larger than " + std::to_string(limit));
  std::memcpy(variable.data, &value, variable.size);
}

}  // namespace

void apply_settings(bpf_object* object,
                    const std::vector<std::pair<std::string, std::string>>& settings) {
  for (const auto& [name, text] : settings) {
    Variable variable = find_variable(object, name);
    if (!variable.data) throw ObjectError("--set " + name + ": no such `const volatile` variable");
    if (!variable.is_text) {
      set_number(variable, name, text);
      continue;
    }
    if (text.size() >= variable.size)
      throw ObjectError("--set " + name + ": longer than " + std::to_string(variable.size - 1) +
                        " characters");
    std::memset(variable.data, 0, variable.size);
    std::memcpy(variable.data, text.data(), text.size());
  }
}

}  // namespace bt::loader
