// SPDX-License-Identifier: MIT
// Running the workload programs, and the mount and directories they work in.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bt::cli::bench {

// Runs a program to its end and gives what it wrote to stdout. CommandError: it failed, or took longer than the limit.
std::string run_program(const std::vector<std::string>& words, unsigned limit_seconds);
// The lines "NAME NUMBER" of such an output; others are left out.
std::vector<std::pair<std::string, double>> parse_figures(const std::string& output);

// A file in the folder of this executable: btfuse, btfuse-micro, …
std::string companion(const std::string& name);

// A scratch mount with a registry of its own, and a native directory on tmpfs; both go with the object.
class Workshop {
 public:
  explicit Workshop(const std::string& size);
  ~Workshop();
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  const std::string& mount_point() const { return mount_point_; }
  const std::string& native() const { return native_; }
  // Memory of the machine that the volume holds now, in bytes.
  uint64_t memory_bytes() const;

 private:
  std::string root_;
  std::string mount_point_;
  std::string native_;
};

}  // namespace bt::cli::bench
