// SPDX-License-Identifier: MIT
// libbpf without the kernel: while a Diversion lives, this thread's bpf(2) calls are answered here. libbpf parses and
// relocates the object and believes that it was loaded; nothing reaches the kernel, so nobody needs a privilege.
//
// The diversion is a definition of syscall(2) of our own, which libbpf's calls bind to whether it is linked statically or
// not. Outside a Diversion it hands on unchanged (btfuse crossings talks to the real kernel).
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bt::loader {

struct DivertedUpdate {
  int map_fd;
  std::vector<uint8_t> key;
  std::vector<uint8_t> value;
};

class Diversion {
 public:
  Diversion();
  ~Diversion();
  Diversion(const Diversion&) = delete;

  // Answers one bpf(2): a descriptor, 0 or −errno.
  long answer(int command, bpf_attr& attributes);

  // Elements that libbpf wrote, in order: .data, .rodata, program arrays.
  const std::vector<DivertedUpdate>& updates() const { return updates_; }
  // Line info of the program whose instructions lie there.
  const std::vector<bpf_line_info>* lines_of(const bpf_insn* insns) const;

 private:
  struct MapSizes {
    uint32_t key_size, value_size;
  };
  long create_map(const bpf_attr& attributes);
  long update(const bpf_attr& attributes);
  long load_program(const bpf_attr& attributes);

  std::map<int, MapSizes> maps_;
  std::vector<DivertedUpdate> updates_;
  std::map<const bpf_insn*, std::vector<bpf_line_info>> lines_;
};

}  // namespace bt::loader
