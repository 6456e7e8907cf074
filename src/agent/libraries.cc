// SPDX-License-Identifier: MIT
#include "agent/libraries.h"

#include <elf.h>
#include <link.h>

#include "base/bytes.h"
#include "base/site_table.h"

namespace bt::agent {
namespace {

using base::Text;

uint64_t auxiliary_value(char** environment, uint64_t type) {
  char** end = environment;
  while (*end) end++;
  for (auto* entry = reinterpret_cast<Elf64_auxv_t*>(end + 1); entry->a_type != AT_NULL; entry++)
    if (entry->a_type == type) return entry->a_un.a_val;
  return 0;
}

// DT_DEBUG of the program.
const r_debug* debug_of(const Elf64_Phdr* headers, uint64_t count) {
  uint64_t base = 0;
  const Elf64_Dyn* dynamic = nullptr;
  for (uint64_t i = 0; i < count; i++)
    if (headers[i].p_type == PT_PHDR)
      base = reinterpret_cast<uint64_t>(headers) - headers[i].p_vaddr;
  for (uint64_t i = 0; i < count; i++)
    if (headers[i].p_type == PT_DYNAMIC)
      dynamic = reinterpret_cast<Elf64_Dyn*>(base + headers[i].p_vaddr);
  for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++)
    if (dynamic->d_tag == DT_DEBUG) return reinterpret_cast<const r_debug*>(dynamic->d_un.d_ptr);
  return nullptr;
}

Text file_name(const char* path) {
  Text text = base::text_of(path);
  uint32_t start = 0;
  for (uint32_t i = 0; i < text.size; i++)
    if (text[i] == '/') start = i + 1;
  return {text.data + start, text.size - start};
}
bool starts_with(Text text, const char* prefix) {
  Text wanted = base::text_of(prefix);
  return text.size >= wanted.size && base::equal({text.data, wanted.size}, wanted);
}

}  // namespace

link_map* first_library(char** environment) {
  auto* headers = reinterpret_cast<const Elf64_Phdr*>(auxiliary_value(environment, AT_PHDR));
  const r_debug* debug =
      headers ? debug_of(headers, auxiliary_value(environment, AT_PHNUM)) : nullptr;
  return debug ? debug->r_map : nullptr;
}

bool is_dynamic_loader(const link_map* library) {
  return library->l_name && starts_with(file_name(library->l_name), "ld-linux");
}

const uint8_t* build_id_at(uint64_t base) {
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(base);
  if (header->e_ident[0] != ELFMAG0 || header->e_ident[1] != ELFMAG1 || header->e_phoff > 4096 ||
      header->e_phnum > 40)
    return nullptr;
  auto* headers = reinterpret_cast<const Elf64_Phdr*>(base + header->e_phoff);
  for (int i = 0; i < header->e_phnum; i++) {
    if (headers[i].p_type != PT_NOTE) continue;
    uint64_t at = base + headers[i].p_vaddr, end = at + headers[i].p_memsz;
    while (at + sizeof(Elf64_Nhdr) <= end) {
      auto* note = reinterpret_cast<const Elf64_Nhdr*>(at);
      uint64_t data = at + sizeof *note + base::align_up(note->n_namesz, 4);
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
          note->n_descsz == base::kBuildIdSizeBytes)
        return reinterpret_cast<const uint8_t*>(data);
      at = data + base::align_up(note->n_descsz, 4);
    }
  }
  return nullptr;
}

void make_way_for_sanitizer(link_map* first) {
  link_map* own = nullptr;
  bool sanitized = false;
  for (link_map* map = first; map; map = map->l_next) {
    if (!map->l_name) continue;
    Text name = file_name(map->l_name);
    if (starts_with(name, "libbtfuse_agent.so")) own = map;
    if (starts_with(name, "libasan.so") || starts_with(name, "libclang_rt.asan")) sanitized = true;
  }
  static char empty[1] = "";
  if (sanitized && own) own->l_name = empty;
}

}  // namespace bt::agent
