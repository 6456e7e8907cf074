// SPDX-License-Identifier: MIT
#include "cli/json_writer.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace bt::cli {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

// The length of the UTF-8 sequence at the start of text; 0 when there is none.
size_t sequence_size(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  size_t size = byte(0) < 0x80       ? 1
                : byte(0) >> 5 == 6  ? 2
                : byte(0) >> 4 == 14 ? 3
                : byte(0) >> 3 == 30 ? 4
                                     : 0;
  if (size > text.size()) return 0;
  for (size_t i = 1; i < size; i++)
    if (byte(i) >> 6 != 2) return 0;
  if (size == 2 && byte(0) < 0xc2) return 0;
  if (size == 3 && ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) > 0x9f)))
    return 0;
  if (size == 4 && ((byte(0) == 0xf0 && byte(1) < 0x90) || byte(0) > 0xf4 ||
                    (byte(0) == 0xf4 && byte(1) > 0x8f)))
    return 0;
  return size;
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    char c = text[0];
    size_t size = sequence_size(text);
    if (size == 0) {
      out += "\\ufffd";
      size = 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (size == 1 && static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
}

}  // namespace

void JsonWriter::new_line() {
  if (layout_ == Layout::kOneLine) return;
  text_ += '\n';
  text_.append(nesting_.size() * 2, ' ');
}

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  require(nesting_.empty() ? text_.empty() : nesting_.back() == ']');
  if (nesting_.empty()) return;
  if (!first_) text_ += ',';
  new_line();
}

void JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  nesting_.push_back(bracket == '{' ? '}' : ']');
  first_ = true;
}

void JsonWriter::close(char bracket) {
  require(!nesting_.empty() && nesting_.back() == bracket && !after_key_);
  nesting_.pop_back();
  if (!first_) new_line();
  text_ += bracket;
  first_ = false;
}

void JsonWriter::scalar(std::string_view text) {
  separate();
  text_ += text;
  first_ = false;
}

void JsonWriter::key(std::string_view name) {
  require(!nesting_.empty() && nesting_.back() == '}' && !after_key_);
  if (!first_) text_ += ',';
  new_line();
  text_ += '"';
  append_escaped(text_, name);
  text_ += "\": ";
  first_ = false;
  after_key_ = true;
}

void JsonWriter::value(std::string_view text) {
  std::string escaped = "\"";
  append_escaped(escaped, text);
  scalar(escaped + "\"");
}

void JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  char text[40];
  std::snprintf(text, sizeof text, "%.10g", number);
  scalar(text);
}

const std::string& JsonWriter::text() const {
  require(nesting_.empty() && !after_key_);
  return text_;
}

}  // namespace bt::cli
