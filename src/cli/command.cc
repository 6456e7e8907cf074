// SPDX-License-Identifier: MIT
#include "cli/command.h"

namespace bt::cli {
namespace {
constexpr Command kCommands[] = {
#define BT_COMMAND(name, usage, summary) {#name, usage, summary, cmd_##name},
#include "cli/commands.def"
#undef BT_COMMAND
    {nullptr, nullptr, nullptr, nullptr},
};
}  // namespace

const Command* find_command(const std::string& name) {
  for (const Command* command = kCommands; command->name; command++)
    if (name == command->name) return command;
  return nullptr;
}

const Command* all_commands() { return kCommands; }

}  // namespace bt::cli
