// SPDX-License-Identifier: MIT
// For tests and benchmarks: images made in memory from instructions and map geometries, as the loader would write them.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "hooks/image_format.h"
#include "hooks/map_format.h"
#include "hooks/runtime.h"

namespace bt::hooks {

struct TestProgram {
  std::vector<bpf_insn> insns;
  AttachKind kind = AttachKind::kSysEnter;
  int32_t number = -1;
};

class TestImage {
 public:
  TestImage(const std::vector<TestProgram>& programs, const std::vector<MapGeometry>& maps,
            bool interpret = false) {
    append_all(programs, maps, interpret);
    maps_size_ = std::max<uint64_t>(header().maps_file_size, kPageSize);
    maps_ = static_cast<unsigned char*>(
        mmap(nullptr, maps_size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    image_ = load_image_from(bytes_.data(), bytes_.size(), maps_);
  }
  ~TestImage() {
    if (image_) free_image(image_);
    munmap(maps_, maps_size_);
  }
  TestImage(const TestImage&) = delete;

  LoadedImage* image() { return image_; }
  const MapView& map(uint32_t index) const { return image_->maps[index]; }
  const LoadedProgram& program(uint32_t index) const { return image_->programs[index]; }
  std::vector<unsigned char>& bytes() { return bytes_; }
  unsigned char* maps_memory() { return maps_; }

 private:
  ImageHeader& header() { return *reinterpret_cast<ImageHeader*>(bytes_.data()); }
  template <typename T>
  void append(const T& item) {
    const auto* at = reinterpret_cast<const unsigned char*>(&item);
    bytes_.insert(bytes_.end(), at, at + sizeof item);
  }
  void append_all(const std::vector<TestProgram>& programs, const std::vector<MapGeometry>& maps,
                  bool interpret) {
    ImageHeader head{};
    head.magic = kImageMagic, head.version = kImageVersion;
    head.program_count = static_cast<uint32_t>(programs.size());
    head.map_count = static_cast<uint32_t>(maps.size());
    head.flags = interpret ? kImageInterpret : 0;
    append(head);
    uint32_t insns = 0;
    for (const TestProgram& program : programs) {
      ImageProgram row{};
      row.attach_kind = static_cast<uint32_t>(program.kind);
      row.attach_number = program.number;
      row.insn_start = insns;
      row.insn_count = static_cast<uint32_t>(program.insns.size());
      row.context_words = ~0u;
      insns += row.insn_count;
      append(row);
    }
    uint64_t offset = 0;
    for (const MapGeometry& geometry : maps) {
      ImageMap row{};
      row.type = geometry.type, row.key_size = geometry.key_size;
      row.value_size = geometry.value_size, row.max_entries = geometry.max_entries;
      row.offset = offset;
      row.size = layout_of(geometry).size;
      offset += row.size;
      append(row);
    }
    for (const TestProgram& program : programs)
      for (const bpf_insn& insn : program.insns) append(insn);
    header().insn_count = insns;
    header().maps_file_size = offset;
    header().total_size = bytes_.size();
    header().checksum =
        image_checksum(bytes_.data() + sizeof(ImageHeader), bytes_.size() - sizeof(ImageHeader));
  }

  std::vector<unsigned char> bytes_;
  unsigned char* maps_ = nullptr;
  uint64_t maps_size_ = 0;
  LoadedImage* image_ = nullptr;
};

// A Thread as alloc_thread() makes it, without a registry.
inline void prepare_thread(Thread& thread) {
  thread.stack_top = reinterpret_cast<uint64_t>(thread.stack) + sizeof thread.stack;
  thread.user = {token_of_this_thread(), 0};
  thread.slot = 0;
}

}  // namespace bt::hooks
