// SPDX-License-Identifier: MIT
// What a subcommand throws when it cannot do its work; main() prints it as one line `btfuse: what: why`.
#pragma once

#include <stdexcept>
#include <string>

#include "base/error.h"

namespace bt::cli {

// what: the thing that failed, in the user's words ("mount /mnt/x", "--size 3Q"); why: the reason.
class CommandError : public std::runtime_error {
 public:
  CommandError(const std::string& what, const std::string& why)
      : std::runtime_error(what + ": " + why) {}
};

// The same with a reason that is an errno value or one of our named errors.
CommandError command_error(const std::string& what, int errno_value);
CommandError command_error(const std::string& what, base::Error error);

}  // namespace bt::cli
