// SPDX-License-Identifier: MIT
#include "loader/printing.h"

#include <bpf/btf.h>

#include <cstring>

namespace bt::loader {
namespace {

constexpr int kDepthMax = 8;

std::string number(const uint8_t* data, size_t size, bool is_signed) {
  uint64_t value = 0;
  std::memcpy(&value, data, size);
  if (!is_signed) return std::to_string(value);
  unsigned unused = static_cast<unsigned>(64 - 8 * size);
  return std::to_string(static_cast<int64_t>(value << unused) >> unused);
}

std::string untyped(const uint8_t* data, size_t size) {
  if (size == 1 || size == 2 || size == 4 || size == 8) return number(data, size, false);
  std::string out = "\"";
  for (size_t i = 0; i < size; i++) {
    out += "0123456789abcdef"[data[i] >> 4];
    out += "0123456789abcdef"[data[i] & 15];
  }
  return out + "\"";
}

const btf_type* resolve(const btf* types, uint32_t& id) {
  const btf_type* type = btf__type_by_id(types, id);
  for (int i = 0; i < 32 && type && (btf_is_mod(type) || btf_is_typedef(type)); i++) {
    id = type->type;
    type = btf__type_by_id(types, id);
  }
  return type;
}

// The length of a well-formed UTF-8 sequence at the start, 0 = none.
size_t utf8_length(const std::string& text, size_t at) {
  auto c = static_cast<unsigned char>(text[at]);
  size_t length = c < 0x80                ? 1
                  : c >= 0xc2 && c < 0xe0 ? 2
                  : c >= 0xe0 && c < 0xf0 ? 3
                  : c >= 0xf0 && c < 0xf5 ? 4
                                          : 0;
  if (!length || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; i++)
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 0;
  return length;
}

}  // namespace

std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    size_t length = utf8_length(text, i);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c < 0x20) {
      char escaped[8];
      snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out += escaped;
    } else if (length == 0) {
      out += "\xef\xbf\xbd";
      length = 1;
    } else {
      out.append(text, i, length);
    }
    i += length ? length : 1;
  }
  return out + "\"";
}

TypePrinter::TypePrinter(const std::vector<uint8_t>& raw) {
  if (!raw.empty()) types_ = btf__new(raw.data(), static_cast<uint32_t>(raw.size()));
}
TypePrinter::~TypePrinter() { btf__free(types_); }

uint32_t TypePrinter::record_type(const std::string& map) const {
  if (!types_) return 0;
  for (const std::string& name : {map + "_record", std::string("event")})
    if (int id = btf__find_by_name_kind(types_, name.c_str(), BTF_KIND_STRUCT); id > 0)
      return static_cast<uint32_t>(id);
  return 0;
}

size_t TypePrinter::size_of(uint32_t type) const {
  int64_t size = types_ && type ? btf__resolve_size(types_, type) : 0;
  return size > 0 ? static_cast<size_t>(size) : 0;
}

std::string TypePrinter::json(uint32_t type, const uint8_t* data, size_t size) const {
  if (!types_ || !type || size_of(type) == 0 || size_of(type) > size) return untyped(data, size);
  return value(type, data, size_of(type), 0);
}

std::string TypePrinter::value(uint32_t id, const uint8_t* data, size_t size, int depth) const {
  const btf_type* type = resolve(types_, id);
  if (!type || depth > kDepthMax) return untyped(data, size);
  if (btf_is_int(type)) {
    size_t bytes = std::min<size_t>(type->size, size);
    if (bytes > 8) return untyped(data, bytes);
    return number(data, bytes, btf_int_encoding(type) & BTF_INT_SIGNED);
  }
  if (btf_is_any_enum(type)) return number(data, std::min<size_t>(type->size, 8), true);
  if (btf_is_struct(type)) return members(id, data, size, depth);
  if (btf_is_array(type)) return elements(id, data, size, depth);
  return untyped(data, size);
}

std::string TypePrinter::members(uint32_t id, const uint8_t* data, size_t size, int depth) const {
  const btf_type* type = btf__type_by_id(types_, id);
  std::string out = "{";
  for (int i = 0; i < btf_vlen(type); i++) {
    const btf_member* member = btf_members(type) + i;
    uint32_t offset = btf_member_bit_offset(type, static_cast<uint32_t>(i)) / 8;
    const char* name = btf__name_by_offset(types_, member->name_off);
    size_t bytes = size_of(member->type);
    if (!name || !*name || std::strncmp(name, "reserved", 8) == 0 || offset + bytes > size)
      continue;
    if (out.size() > 1) out += ",";
    out += json_string(name) + ":" + value(member->type, data + offset, bytes, depth + 1);
  }
  return out + "}";
}

std::string TypePrinter::elements(uint32_t id, const uint8_t* data, size_t size, int depth) const {
  const struct btf_array* array = btf_array(btf__type_by_id(types_, id));
  size_t element = size_of(array->type);
  uint32_t element_type = array->type;
  const btf_type* type = resolve(types_, element_type);
  bool text = type && btf_is_int(type) && type->size == 1 &&
              std::string(btf__name_by_offset(types_, type->name_off)) == "char";
  if (text) {
    const char* chars = reinterpret_cast<const char*>(data);
    return json_string(std::string(chars, strnlen(chars, size)));
  }
  std::string out = "[";
  for (size_t at = 0; element && at + element <= size; at += element)
    out += (at ? "," : "") + value(array->type, data + at, element, depth + 1);
  return out + "]";
}

}  // namespace bt::loader
