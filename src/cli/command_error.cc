// SPDX-License-Identifier: MIT
#include "cli/command_error.h"

#include <cstring>

namespace bt::cli {

CommandError command_error(const std::string& what, int errno_value) {
  return CommandError(what, std::strerror(errno_value));
}

CommandError command_error(const std::string& what, base::Error error) {
  return error.text()[0] ? CommandError(what, error.text())
                         : command_error(what, error.errno_value());
}

}  // namespace bt::cli
