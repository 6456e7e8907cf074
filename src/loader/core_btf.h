// SPDX-License-Identifier: MIT
// The types that CO-RE relocations are resolved against: not the running kernel's but ours, so that `task->tgid` in an
// existing tool reads the shadow task that bpf_get_current_task() returns here, and objects load alike everywhere.
#pragma once

#include <string>
#include <vector>

namespace bt::loader {

// Raw BTF. Throws std::runtime_error when libbpf cannot build it.
std::vector<unsigned char> core_btf();

// The same in a memfd: open as long as this lives, named for libbpf's btf_custom_path.
class CoreBtfFile {
 public:
  CoreBtfFile();
  ~CoreBtfFile();
  CoreBtfFile(const CoreBtfFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  int fd_;
  std::string path_;
};

}  // namespace bt::loader
