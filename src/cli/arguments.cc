// SPDX-License-Identifier: MIT
#include "cli/arguments.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "cli/command_error.h"

namespace bt::cli {

Arguments::Arguments(std::string command, std::string usage, std::vector<std::string> words)
    : command_(std::move(command)), usage_(std::move(usage)) {
  for (size_t i = 0; i < words.size(); i++) {
    if (words[i] == "--") {
      has_program_ = true;
      program_.assign(words.begin() + static_cast<long>(i) + 1, words.end());
      return;
    }
    words_.push_back(words[i]);
  }
}

bool Arguments::flag(const std::string& name, const std::string& short_name) {
  size_t removed = std::erase_if(words_, [&](const std::string& word) {
    return word == name || (!short_name.empty() && word == short_name);
  });
  return removed > 0;
}

std::vector<std::string> Arguments::values(const std::string& name, const std::string& short_name) {
  std::vector<std::string> found;
  for (size_t i = 0; i < words_.size();) {
    const std::string word = words_[i];
    if (word == name || (!short_name.empty() && word == short_name)) {
      if (i + 1 == words_.size()) throw CommandError(command_, word + " needs a value");
      found.push_back(words_[i + 1]);
      words_.erase(words_.begin() + static_cast<long>(i),
                   words_.begin() + static_cast<long>(i) + 2);
    } else if (word.starts_with(name + "=")) {
      found.push_back(word.substr(name.size() + 1));
      words_.erase(words_.begin() + static_cast<long>(i));
    } else {
      i++;
    }
  }
  return found;
}

std::optional<std::string> Arguments::value(const std::string& name,
                                            const std::string& short_name) {
  std::vector<std::string> found = values(name, short_name);
  if (found.empty()) return std::nullopt;
  return found.back();
}

std::optional<uint64_t> Arguments::number(const std::string& name, uint64_t min, uint64_t max) {
  std::optional<std::string> text = value(name);
  if (!text) return std::nullopt;
  uint64_t result = 0;
  auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), result);
  if (problem != std::errc() || end != text->data() + text->size() || result < min || result > max)
    throw CommandError(name + " " + *text, "must be a number from " + std::to_string(min) + " to " +
                                               std::to_string(max));
  return result;
}

std::vector<std::string> Arguments::words(size_t min, size_t max) {
  for (const std::string& word : words_)
    if (word.size() > 1 && word[0] == '-')
      throw CommandError(command_,
                         "unknown option " + word + " (see btfuse " + command_ + " --help)");
  if (words_.size() < min || words_.size() > max)
    throw CommandError(command_, "usage: btfuse " + command_ + " " + usage_);
  return words_;
}

std::optional<uint64_t> parse_size(const std::string& text) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  char* end = nullptr;
  double number = std::strtod(text.c_str(), &end);
  std::string unit(end);
  if (unit.ends_with("iB"))
    unit.resize(unit.size() - 2);
  else if (unit.ends_with("B"))
    unit.resize(unit.size() - 1);
  int shift = -1;
  if (unit.empty())
    shift = 0;
  else if (unit.size() == 1) {
    constexpr char kUnits[] = "kmgt";
    for (int i = 0; kUnits[i]; i++)
      if ((unit[0] | 0x20) == kUnits[i]) shift = 10 * (i + 1);
  }
  if (shift < 0) return std::nullopt;
  double bytes = std::ldexp(number, shift);
  if (!(bytes >= 0) || bytes >= 9.2e18) return std::nullopt;
  return static_cast<uint64_t>(bytes);
}

std::string format_size(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double number = static_cast<double>(bytes);
  int unit = 0;
  while (number >= 1000 && unit < 6) {
    number /= 1024;
    unit++;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit && number < 100 ? "%.1f %s" : "%.0f %s", number,
                kUnits[unit]);
  return text;
}

}  // namespace bt::cli
