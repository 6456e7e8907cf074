// SPDX-License-Identifier: MIT
// Reads an image into private memory and makes it runnable. The file is input: every count, offset and index is checked
// before it is used, so that a torn or forged image is refused; what the *instructions* may do was the verifier's to say,
// and files of another uid are not opened at all.
#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>

#include "base/bytes.h"
#include "base/syscall.h"
#include "hooks/jit_x86_64.h"
#include "hooks/runtime.h"

namespace bt::hooks {
namespace {

using base::raw_argument;
using base::raw_syscall;

bool failed(int64_t result) { return result < 0 && result > -4096; }

void* map_memory(uint64_t size, int64_t fd, int protection, int flags) {
  int64_t result = raw_syscall(__NR_mmap, 0, static_cast<int64_t>(size), protection, flags, fd, 0);
  return failed(result) ? nullptr : reinterpret_cast<void*>(result);
}
void unmap_memory(void* memory, uint64_t size) {
  raw_syscall(__NR_munmap, reinterpret_cast<int64_t>(memory), static_cast<int64_t>(size));
}

// An open descriptor of a file `ID.suffix` that this user (or root) owns and nobody else may write; or −errno.
int64_t open_trusted(int64_t directory, uint64_t id, const char* suffix, int flags,
                     uint64_t& size) {
  char name[40], digits[24];
  int count = 0, at = 0;
  do digits[count++] = static_cast<char>('0' + id % 10);
  while (id /= 10);
  while (count) name[at++] = digits[--count];
  while (*suffix) name[at++] = *suffix++;
  name[at] = 0;
  int64_t fd =
      raw_syscall(__NR_openat, directory, raw_argument(name), flags | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fd;
  struct statx status {};
  int64_t result = raw_syscall(__NR_statx, fd, raw_argument(""), AT_EMPTY_PATH, STATX_BASIC_STATS,
                               raw_argument(&status));
  auto uid = static_cast<uint32_t>(raw_syscall(__NR_geteuid));
  bool trusted = result == 0 && (status.stx_mode & S_IFMT) == S_IFREG &&
                 (status.stx_uid == uid || status.stx_uid == 0) && (status.stx_mode & 022) == 0;
  if (!trusted) {
    raw_syscall(__NR_close, fd);
    return -1;
  }
  size = status.stx_size;
  return fd;
}

struct ImageView {
  const ImageHeader* header;
  const ImageProgram* programs;
  const ImageMap* maps;
  const bpf_insn* insns;
};

bool program_sound(const ImageHeader& header, const ImageProgram& program) {
  return program.attach_kind < static_cast<uint32_t>(AttachKind::kAttachKindCount) &&
         program.insn_count > 0 && program.insn_start <= header.insn_count &&
         program.insn_count <= header.insn_count - program.insn_start;
}

bool map_sound(const ImageHeader& header, const ImageMap& map) {
  MapGeometry geometry{map.type, map.key_size, map.value_size, map.max_entries};
  return !refuse_geometry(geometry) && map.size == layout_of(geometry).size &&
         map.offset % kPageSize == 0 && map.offset <= header.maps_file_size &&
         map.size <= header.maps_file_size - map.offset;
}

bool parse_image(const void* file, uint64_t size, ImageView& view) {
  if (size < sizeof(ImageHeader)) return false;
  const auto* bytes = static_cast<const unsigned char*>(file);
  const auto& header = *reinterpret_cast<const ImageHeader*>(bytes);
  if (header.magic != kImageMagic || header.version != kImageVersion || header.total_size != size ||
      header.program_count > kImageProgramsMax || header.map_count > kImageMapsMax ||
      header.insn_count > kImageInsnsMax || header.maps_file_size > kMapsFileSizeMax)
    return false;
  uint64_t programs = sizeof(ImageHeader);
  uint64_t maps = programs + header.program_count * sizeof(ImageProgram);
  uint64_t insns = maps + header.map_count * sizeof(ImageMap);
  if (insns + header.insn_count * sizeof(bpf_insn) != size) return false;
  if (image_checksum(bytes + sizeof(ImageHeader), size - sizeof(ImageHeader)) != header.checksum)
    return false;
  view = {&header, reinterpret_cast<const ImageProgram*>(bytes + programs),
          reinterpret_cast<const ImageMap*>(bytes + maps),
          reinterpret_cast<const bpf_insn*>(bytes + insns)};
  for (uint32_t i = 0; i < header.program_count; i++)
    if (!program_sound(header, view.programs[i])) return false;
  for (uint32_t i = 0; i < header.map_count; i++)
    if (!map_sound(header, view.maps[i])) return false;
  return true;
}

// Writes an address into the two halves of a ld_imm64.
void set_address(bpf_insn* insn, const void* address) {
  auto value = reinterpret_cast<uint64_t>(address);
  insn[0].imm = static_cast<int32_t>(value);
  insn[1].imm = static_cast<int32_t>(value >> 32);
}

bool element_sound(const LoadedImage& image, const bpf_insn& insn) {
  if (insn.off <= 0 || static_cast<uint32_t>(insn.off) > image.map_count) return false;
  const MapView& map = image.maps[insn.off - 1];
  return is_array_type(map.type) && static_cast<uint32_t>(insn.imm) < map.max_entries;
}

bool resolve_maps(LoadedImage& image) {
  for (uint32_t i = 0; i < image.insn_count; i++) {
    bpf_insn& insn = image.insns[i];
    if (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == 0 &&
        insn.imm == BPF_FUNC_get_smp_processor_id)
      image.needs_slot = true;
    if (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == kElementAddress &&
        !element_sound(image, insn))
      return false;
    if (insn.code != (BPF_LD | BPF_IMM | BPF_DW)) continue;
    if (i + 1 >= image.insn_count) return false;
    uint8_t kind = insn.src_reg;
    if (kind == BPF_PSEUDO_FUNC) {  // whoever runs it keeps it within the program
      i++;
      continue;
    }
    insn.src_reg = 0;
    if (kind == BPF_PSEUDO_MAP_FD || kind == BPF_PSEUDO_MAP_VALUE) {
      auto index = static_cast<uint32_t>(insn.imm);
      if (index >= image.map_count) return false;
      const MapView& map = image.maps[index];
      auto offset = static_cast<uint32_t>((&insn)[1].imm);
      if (kind == BPF_PSEUDO_MAP_FD)
        set_address(&insn, &map);
      else if (map.type == BPF_MAP_TYPE_ARRAY && offset < map.value_size)
        set_address(&insn, map.values + offset);
      else
        return false;
    } else if (kind != 0) {
      return false;
    }
    i++;
  }
  return true;
}

void fill_image(LoadedImage& image, const ImageView& view) {
  auto* at = reinterpret_cast<unsigned char*>(&image) + base::align_up(sizeof(LoadedImage), 64);
  image.program_count = view.header->program_count;
  image.map_count = view.header->map_count;
  image.insn_count = view.header->insn_count;
  image.interpret = view.header->flags & kImageInterpret;
  image.programs = reinterpret_cast<LoadedProgram*>(at);
  at += image.program_count * sizeof(LoadedProgram);
  image.maps = reinterpret_cast<MapView*>(at);
  at += image.map_count * sizeof(MapView);
  image.insns = reinterpret_cast<bpf_insn*>(at);
  __builtin_memcpy(image.insns, view.insns, image.insn_count * sizeof(bpf_insn));
  for (uint32_t i = 0; i < image.program_count; i++) {
    const ImageProgram& from = view.programs[i];
    image.programs[i] = {&image,
                         image.insns + from.insn_start,
                         from.insn_count,
                         static_cast<AttachKind>(from.attach_kind),
                         from.attach_number,
                         from.context_words,
                         nullptr,
                         nullptr,
                         nullptr};
  }
  for (uint32_t i = 0; i < image.map_count; i++) {
    const ImageMap& from = view.maps[i];
    MapGeometry geometry{from.type, from.key_size, from.value_size, from.max_entries};
    image.maps[i] = map_view_at(geometry, from.flags, image.maps_file + from.offset);
    if (is_per_cpu_type(from.type)) image.needs_slot = true;
    if (from.type == BPF_MAP_TYPE_RINGBUF &&
        base::equal(base::text_of(kLogMapName), {from.name, 5}))
      image.log = &image.maps[i];
  }
}

}  // namespace

LoadedImage* load_image_from(const void* file, uint64_t size, unsigned char* maps_file) {
  ImageView view;
  if (!parse_image(file, size, view)) return nullptr;
  uint64_t block_size =
      base::align_up(sizeof(LoadedImage), 64) + view.header->program_count * sizeof(LoadedProgram) +
      view.header->map_count * sizeof(MapView) + view.header->insn_count * sizeof(bpf_insn);
  auto* image = static_cast<LoadedImage*>(
      map_memory(block_size, -1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS));
  if (!image) return nullptr;
  image->block_size = block_size;
  image->maps_file = maps_file;
  fill_image(*image, view);
  if (!resolve_maps(*image)) {
    unmap_memory(image, block_size);
    return nullptr;
  }
  if (!image->interpret) jit_compile(*image);
  return image;
}

LoadedImage* load_image(int64_t directory, uint64_t id) {
  uint64_t size = 0, maps_size = 0;
  int64_t fd = open_trusted(directory, id, ".image", O_RDONLY, size);
  if (fd < 0) return nullptr;
  void* file = nullptr;
  if (size >= sizeof(ImageHeader) && size <= kImageSizeMax)
    file = map_memory(size, -1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  bool whole = file && raw_syscall(__NR_read, fd, raw_argument(file), static_cast<int64_t>(size)) ==
                           static_cast<int64_t>(size);
  raw_syscall(__NR_close, fd);
  unsigned char* maps_file = nullptr;
  if (whole) {
    uint64_t wanted = static_cast<ImageHeader*>(file)->maps_file_size;
    fd = open_trusted(directory, id, ".maps", O_RDWR, maps_size);
    if (fd >= 0 && wanted && wanted <= maps_size && wanted <= kMapsFileSizeMax)
      maps_file =
          static_cast<unsigned char*>(map_memory(wanted, fd, PROT_READ | PROT_WRITE, MAP_SHARED));
    if (fd >= 0) raw_syscall(__NR_close, fd);
    maps_size = wanted;
  }
  LoadedImage* image = maps_file ? load_image_from(file, size, maps_file) : nullptr;
  if (image) {
    image->id = id;
    image->maps_file_size = maps_size;
    for (uint32_t i = 0; i < image->map_count; i++)
      if (image->maps[i].flags & kImageMapFrozen)
        raw_syscall(__NR_mprotect, raw_argument(image->maps[i].control),
                    static_cast<int64_t>(image->maps[i].layout.size), PROT_READ);
  } else if (maps_file) {
    unmap_memory(maps_file, maps_size);
  }
  if (file) unmap_memory(file, size);
  return image;
}

void free_image(LoadedImage* image) {
  jit_free(*image);
  if (image->maps_file_size) unmap_memory(image->maps_file, image->maps_file_size);
  unmap_memory(image, image->block_size);
}

}  // namespace bt::hooks
