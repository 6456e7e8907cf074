// SPDX-License-Identifier: MIT
// The table of subcommands. A subcommand reads its Arguments, does its work, and returns the exit status (0 or 1);
// what keeps it from doing so it throws as a CommandError, which main() prints as one line `btfuse: what: why`.
#pragma once

#include <string>

#include "cli/arguments.h"
#include "cli/command_error.h"

namespace bt::cli {

struct Command {
  const char* name;
  const char* usage;
  const char* summary;
  int (*run)(Arguments& arguments);
};

// nullptr when there is none of that name.
const Command* find_command(const std::string& name);
// The whole table, ended by a row without a name.
const Command* all_commands();

#define BT_COMMAND(name, usage, summary) int cmd_##name(Arguments& arguments);
#include "cli/commands.def"
#undef BT_COMMAND

}  // namespace bt::cli
