// SPDX-License-Identifier: MIT
// Bytes of a map or record as their BTF type says: JSON, so that a record becomes one line of an access log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct btf;

namespace bt::loader {

class TypePrinter {
 public:
  explicit TypePrinter(const std::vector<uint8_t>& raw_btf);
  ~TypePrinter();

  // The value as JSON: numbers, strings (character arrays), arrays and objects. Without a type, or with one of another
  // size: a number for 1, 2, 4 and 8 bytes, else a string of hexadecimal digits.
  std::string json(uint32_t type, const uint8_t* data, size_t size) const;
  // The type of a ring's records: struct MAP_record, else struct event; 0 = neither is in the object.
  uint32_t record_type(const std::string& map) const;
  size_t size_of(uint32_t type) const;

 private:
  std::string value(uint32_t type, const uint8_t* data, size_t size, int depth) const;
  std::string members(uint32_t type, const uint8_t* data, size_t size, int depth) const;
  std::string elements(uint32_t type, const uint8_t* data, size_t size, int depth) const;

  btf* types_ = nullptr;
};

std::string json_string(const std::string& text);

}  // namespace bt::loader
