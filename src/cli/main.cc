// SPDX-License-Identifier: MIT
// btfuse: picks the subcommand out of the table, prints help, and turns errors into one line and exit status 1.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/command.h"

namespace bt::cli {
namespace {

void print_help() {
  std::puts(
      "btfuse: a VFS for FUSE that lives in user space\n"
      "\n"
      "usage: btfuse COMMAND ARGUMENTS…    (btfuse COMMAND --help says more)\n");
  for (const Command* command = all_commands(); command->name; command++)
    std::printf("  %-10s %s\n", command->name, command->summary);
  std::puts("\n  --version  print the version");
}

// Only words before `--` are ours; the program's own --help is its own affair.
bool asks_for_help(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--") return false;
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

int run_command(const std::string& name, std::vector<std::string> words) {
  const Command* command = find_command(name);
  if (!command) throw CommandError(name, "no such command (see btfuse --help)");
  if (asks_for_help(words)) {
    std::printf("usage: btfuse %s %s\n\n%s\n", command->name, command->usage, command->summary);
    return 0;
  }
  Arguments arguments(command->name, command->usage, std::move(words));
  return command->run(arguments);
}

}  // namespace
}  // namespace bt::cli

int main(int argc, char** argv) {
  using namespace bt::cli;
  if (argc < 2 || std::string(argv[1]) == "--help" || std::string(argv[1]) == "-h") {
    print_help();
    return argc < 2 ? 1 : 0;
  }
  if (std::string(argv[1]) == "--version") {
    std::puts("btfuse " BT_VERSION);
    return 0;
  }
  try {
    int status = run_command(argv[1], std::vector<std::string>(argv + 2, argv + argc));
    if (std::fflush(stdout) != 0) throw CommandError("standard output", "cannot be written");
    return status;
  } catch (const std::exception& problem) {
    std::fflush(stdout);
    std::fprintf(stderr, "btfuse: %s\n", problem.what());
    return 1;
  }
}
