// SPDX-License-Identifier: MIT
#include "hooks/printk.h"

#include "hooks/safe_copy.h"

namespace bt::hooks {
namespace {

struct Line {
  char* text;
  uint32_t size = 0;

  void put(char c) {
    if (size + 1 < kPrintkLineMax) text[size++] = c;
  }
  void number(uint64_t value, uint32_t base, bool negative, uint32_t width, char pad) {
    char digits[24];
    uint32_t count = 0;
    do digits[count++] = "0123456789abcdef"[value % base];
    while (value /= base);
    uint32_t length = count + negative;
    if (negative && pad == '0') put('-');
    for (; length < width; length++) put(pad);
    if (negative && pad != '0') put('-');
    while (count) put(digits[--count]);
  }
};

struct Conversion {
  uint32_t width = 0;
  char pad = ' ';
  bool is_long = false;
  char kind = 0;
  uint64_t end = 0;  // of its text
};

Conversion parse(const char* format, uint64_t at, uint64_t size) {
  Conversion conversion;
  if (at < size && format[at] == '0') conversion.pad = '0', at++;
  for (; at < size && format[at] >= '0' && format[at] <= '9'; at++)
    if (conversion.width < 64) conversion.width = conversion.width * 10 + (format[at] - '0');
  for (; at < size && (format[at] == 'l' || format[at] == 'h' || format[at] == 'z'); at++)
    if (format[at] != 'h') conversion.is_long = true;
  if (at < size) conversion.kind = format[at++];
  conversion.end = at;
  return conversion;
}

void put_string(Line& line, uint64_t address) {
  char text[128];
  if (safe_read_string(text, sizeof text, address) < 0) return;
  for (const char* c = text; *c; c++) line.put(*c);
}

bool put_value(Line& line, const Conversion& conversion, uint64_t value) {
  uint64_t narrow = conversion.is_long ? value : static_cast<uint32_t>(value);
  int64_t number = conversion.is_long ? static_cast<int64_t>(value) : static_cast<int32_t>(value);
  bool negative = number < 0;
  switch (conversion.kind) {
    case 'd':
    case 'i':
      line.number(negative ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number), 10,
                  negative, conversion.width, conversion.pad);
      return true;
    case 'u':
      line.number(narrow, 10, false, conversion.width, conversion.pad);
      return true;
    case 'x':
      line.number(narrow, 16, false, conversion.width, conversion.pad);
      return true;
    case 'p':
      line.number(value, 16, false, 16, '0');
      return true;
    case 'c':
      line.put(static_cast<char>(value));
      return true;
    case 's':
      put_string(line, value);
      return true;
    default:
      return false;
  }
}

}  // namespace

uint32_t format_printk(char (&text)[kPrintkLineMax], const char* format, uint64_t format_size,
                       const uint64_t* values, uint32_t value_count) {
  Line line{text};
  uint32_t next = 0;
  for (uint64_t at = 0; at < format_size && format[at];) {
    if (format[at] != '%') {
      line.put(format[at++]);
      continue;
    }
    if (at + 1 < format_size && format[at + 1] == '%') {
      line.put('%');
      at += 2;
      continue;
    }
    Conversion conversion = parse(format, at + 1, format_size);
    if (next < value_count && put_value(line, conversion, values[next])) {
      next++;
      at = conversion.end;
      continue;
    }
    line.put(format[at++]);
  }
  while (line.size && text[line.size - 1] == '\n') line.size--;
  text[line.size] = 0;
  return line.size;
}

}  // namespace bt::hooks
