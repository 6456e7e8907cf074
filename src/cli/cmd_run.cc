// SPDX-License-Identifier: MIT
// btfuse run is done by the launcher (src/launcher), which is `btfuse` itself; this row of the table is for --help, and for those
// who call btfuse-cli directly.
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "cli/command.h"

namespace bt::cli {

int cmd_run(Arguments& arguments) {
  char self[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", self, sizeof self);
  if (size <= 0) throw command_error("/proc/self/exe", errno);
  std::string launcher(self, static_cast<size_t>(size));
  launcher.resize(launcher.rfind('/') + 1);
  launcher += "btfuse";
  std::vector<std::string> words = {"btfuse", "run"};
  if (auto only = arguments.value("--only")) words.insert(words.end(), {"--only", *only});
  words.emplace_back("--");
  const std::vector<std::string> before = arguments.words(0, SIZE_MAX);
  words.insert(words.end(), before.begin(), before.end());
  words.insert(words.end(), arguments.program().begin(), arguments.program().end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execv(launcher.c_str(), pointers.data());
  throw command_error(launcher, errno);
}

}  // namespace bt::cli
