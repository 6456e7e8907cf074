// SPDX-License-Identifier: MIT
// agent_probe: tests of what the agent must not disturb. `agent_probe --list` names them (those that need the agent with
// a star), `agent_probe NAME` runs one: exit status 0, or a line that says what was wrong.
#include "probe.h"

#include <cstdio>
#include <vector>

namespace bt::probe {
namespace {
std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}
}  // namespace

Registration::Registration(const char* name, bool needs_agent, std::string (*run)()) {
  tests().push_back({name, needs_agent, run});
}

int main_of(int argc, char** argv) {
  std::string wanted = argc > 1 ? argv[1] : "--list";
  for (const Test& test : tests()) {
    if (wanted == "--list") {
      std::printf("%s%s\n", test.name, test.needs_agent ? "*" : "");
      continue;
    }
    if (wanted != test.name) continue;
    std::string problem = test.run();
    if (!problem.empty()) std::fprintf(stderr, "%s\n", problem.c_str());
    return problem.empty() ? 0 : 1;
  }
  return wanted == "--list" ? 0 : 2;
}

}  // namespace bt::probe

int main(int argc, char** argv) { return bt::probe::main_of(argc, argv); }
