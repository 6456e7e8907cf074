// SPDX-License-Identifier: MIT
#include "loader/bpf_divert.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "base/syscall.h"

namespace bt::loader {
namespace {

thread_local Diversion* current = nullptr;

// Something that can be closed and duplicated; libbpf keeps one for each map, program and BTF.
long new_descriptor() {
  int fd = memfd_create("btfuse-bpf", MFD_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

const uint8_t* bytes_at(uint64_t address) { return reinterpret_cast<const uint8_t*>(address); }

}  // namespace

Diversion::Diversion() { current = this; }
Diversion::~Diversion() { current = nullptr; }

const std::vector<bpf_line_info>* Diversion::lines_of(const bpf_insn* insns) const {
  auto found = lines_.find(insns);
  return found == lines_.end() ? nullptr : &found->second;
}

long Diversion::create_map(const bpf_attr& attributes) {
  long fd = new_descriptor();
  if (fd >= 0) maps_[static_cast<int>(fd)] = {attributes.key_size, attributes.value_size};
  return fd;
}

long Diversion::update(const bpf_attr& attributes) {
  auto map = maps_.find(static_cast<int>(attributes.map_fd));
  if (map == maps_.end()) return -EBADF;
  const uint8_t* key = bytes_at(attributes.key);
  const uint8_t* value = bytes_at(attributes.value);
  updates_.push_back(
      {map->first, {key, key + map->second.key_size}, {value, value + map->second.value_size}});
  return 0;
}

long Diversion::load_program(const bpf_attr& attributes) {
  auto* insns = reinterpret_cast<const bpf_insn*>(attributes.insns);
  const uint8_t* record = bytes_at(attributes.line_info);
  for (uint32_t i = 0; record && i < attributes.line_info_cnt;
       i++, record += attributes.line_info_rec_size) {
    bpf_line_info line{};
    std::memcpy(&line, record, std::min<size_t>(sizeof line, attributes.line_info_rec_size));
    lines_[insns].push_back(line);
  }
  return new_descriptor();
}

long Diversion::answer(int command, bpf_attr& attributes) {
  switch (command) {
    case BPF_MAP_CREATE:
      return create_map(attributes);
    case BPF_MAP_UPDATE_ELEM:
      return update(attributes);
    case BPF_PROG_LOAD:
      return load_program(attributes);
    case BPF_BTF_LOAD:
      return new_descriptor();
    case BPF_MAP_FREEZE:
    case BPF_PROG_BIND_MAP:
      return 0;
    default:
      return -EINVAL;
  }
}

}  // namespace bt::loader

extern "C" __attribute__((visibility("default"))) long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  long result;
  if (number == SYS_bpf && bt::loader::current) {
    bpf_attr attributes{};
    auto size = std::min<size_t>(sizeof attributes, static_cast<size_t>(arguments[2]));
    std::memcpy(&attributes, reinterpret_cast<const void*>(arguments[1]), size);
    result = bt::loader::current->answer(static_cast<int>(arguments[0]), attributes);
  } else {
    result = bt::base::raw_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                                   arguments[4], arguments[5]);
  }
  if (result < 0 && result > -4096) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return result;
}
