// SPDX-License-Identifier: MIT
// Writes JSON, and knows where the commas go. Every --json output is made by it. Wrong nesting is a bug and aborts.
//
//   JsonWriter json;
//   json.begin_object();
//   json.member("size_bytes", 4096);
//   json.key("sessions"); json.begin_array(); … json.end_array();
//   json.end_object();
//   puts(json.text().c_str());
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bt::cli {

class JsonWriter {
 public:
  // kOneLine: no line feeds, for streams of one document a line.
  enum class Layout { kIndented, kOneLine };
  explicit JsonWriter(Layout layout = Layout::kIndented) : layout_(layout) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  void key(std::string_view name);
  // Bytes that are not UTF-8 (a path may hold any) become U+FFFD.
  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(bool flag) { scalar(flag ? "true" : "false"); }
  // Not a number and infinities become null.
  void value(double number);
  template <std::integral T>
  void value(T number) {
    scalar(std::to_string(number));
  }
  void null() { scalar("null"); }

  template <typename T>
  void member(std::string_view name, const T& item) {
    key(name);
    value(item);
  }

  // The finished document. Precondition: everything that was begun was ended.
  const std::string& text() const;

 private:
  void open(char bracket);
  void close(char bracket);
  void scalar(std::string_view text);
  void separate();
  void new_line();

  Layout layout_;
  std::string text_;
  std::vector<char> nesting_;
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace bt::cli
