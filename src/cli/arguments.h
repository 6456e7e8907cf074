// SPDX-License-Identifier: MIT
// The words of one command line. A subcommand takes its options out one by one, then says how many other words it wants;
// whatever option is left by then is unknown and an error. Words after `--` are never looked at: they are a program.
//
//   bool json = arguments.flag("--json");
//   auto size = arguments.value("--size");               // --size 4G or --size=4G
//   std::string mountpoint = arguments.words(1, 1)[0];
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bt::cli {

class Arguments {
 public:
  // words: what follows the subcommand's name; usage: its row's, for messages.
  Arguments(std::string command, std::string usage, std::vector<std::string> words);

  // Whether the option was given, under any of its spellings ("--foreground", "-f").
  bool flag(const std::string& name, const std::string& short_name = "");
  // The option's value, from `--name value` or `--name=value`. Given twice, the last one counts.
  std::optional<std::string> value(const std::string& name, const std::string& short_name = "");
  // Every value of an option that may be repeated (-o a -o b), in order.
  std::vector<std::string> values(const std::string& name, const std::string& short_name = "");
  // As value(), a whole number between min and max, or a CommandError that names the bounds.
  std::optional<uint64_t> number(const std::string& name, uint64_t min, uint64_t max);

  // What is left, at least min and at most max words. Throws a CommandError on an unknown option or a wrong number.
  std::vector<std::string> words(size_t min, size_t max);
  // The word that names what is to be done (`btfuse hook load …`), before anything is taken out; empty when there is none.
  std::string first_word() const { return words_.empty() ? "" : words_[0]; }
  // Whether there was a `--`, and what followed it.
  bool has_program() const { return has_program_; }
  const std::vector<std::string>& program() const { return program_; }

  const std::string& command() const { return command_; }
  const std::string& usage() const { return usage_; }

 private:
  std::string command_;
  std::string usage_;
  std::vector<std::string> words_;
  std::vector<std::string> program_;
  bool has_program_ = false;
};

// "4G", "512M", "64k", "1.5G", "4096": bytes; nothing when it is no size or does not fit 63 bits.
std::optional<uint64_t> parse_size(const std::string& text);
// "4.0 GiB": at most four digits and a binary unit.
std::string format_size(uint64_t bytes);

}  // namespace bt::cli
