// SPDX-License-Identifier: MIT
// One test of agent_probe: a function that returns nullptr, or what was wrong. It runs in a process of its own, with the
// agent or, where the descriptor 900 plays no part, without.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

namespace bt::probe {

struct Test {
  const char* name;
  bool needs_agent;
  std::string (*run)();
};
// All tests register themselves.
struct Registration {
  Registration(const char* name, bool needs_agent, std::string (*run)());
};

// The descriptor that tests/agent/null_posix.cc serves.
inline constexpr int kServed = 900;

#define PROBE(name, needs_agent)                                                      \
  static std::string name();                                                          \
  static const bt::probe::Registration name##_registration(#name, needs_agent, name); \
  static std::string name()

#define PROBE_STRINGIFY_(x) #x
#define PROBE_STRINGIFY(x) PROBE_STRINGIFY_(x)
#define REQUIRE(condition)                                                                    \
  do {                                                                                        \
    if (!(condition))                                                                         \
      return std::string(__FILE__ ":" PROBE_STRINGIFY(__LINE__) ": " #condition ", errno ") + \
             std::strerror(errno);                                                            \
  } while (0)

}  // namespace bt::probe
