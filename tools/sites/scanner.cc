// SPDX-License-Identifier: MIT
#include "sites/scanner.h"

#include <Zydis/Zydis.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <stdexcept>

namespace bt::sites {
namespace {

class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw std::runtime_error("cannot be opened");
    struct stat status;
    if (fstat(fd, &status) == 0 && status.st_size > static_cast<off_t>(sizeof(Elf64_Ehdr))) {
      size_ = static_cast<size_t>(status.st_size);
      data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    if (data_ == MAP_FAILED) throw std::runtime_error("cannot be mapped");
  }
  ~MappedFile() { munmap(data_, size_); }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const uint8_t* at(uint64_t offset, uint64_t size) const {
    if (offset > size_ || size > size_ - offset) throw std::runtime_error("is cut short");
    return static_cast<const uint8_t*>(data_) + offset;
  }

 private:
  void* data_ = MAP_FAILED;
  size_t size_ = 0;
};

struct Instruction {
  uint32_t address;
  uint8_t size;
  bool ends_flow;           // ret, jmp, hlt, ud2: the next byte is not reached from here
  bool branches;            // jumps, calls, returns: cannot move
  bool position_dependent;  // rip-relative operand
  bool is_syscall;
  bool is_padding;  // nop or int3
  enum { kKeeps, kConstant, kComputes } eax;
  uint32_t eax_value;
};

struct Text {
  uint32_t begin = 0;
  uint32_t end = 0;
  const uint8_t* bytes = nullptr;
  const uint8_t* at(uint32_t address) const { return bytes + (address - begin); }
};

std::vector<Elf64_Phdr> program_headers(const MappedFile& file) {
  Elf64_Ehdr header;
  memcpy(&header, file.at(0, sizeof header), sizeof header);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_machine != EM_X86_64 || header.e_phentsize != sizeof(Elf64_Phdr))
    throw std::runtime_error("is not an x86-64 ELF file");
  std::vector<Elf64_Phdr> headers(header.e_phnum);
  memcpy(headers.data(), file.at(header.e_phoff, headers.size() * sizeof(Elf64_Phdr)),
         headers.size() * sizeof(Elf64_Phdr));
  return headers;
}

bool find_build_id(const MappedFile& file, const std::vector<Elf64_Phdr>& headers,
                   uint8_t* build_id) {
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_NOTE) continue;
    for (uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= header.p_filesz;) {
      Elf64_Nhdr note;
      memcpy(&note, file.at(header.p_offset + at, sizeof note), sizeof note);
      uint64_t name = at + sizeof note;
      uint64_t data = name + ((note.n_namesz + 3u) & ~3u);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_descsz == base::kBuildIdSizeBytes &&
          note.n_namesz == 4 && memcmp(file.at(header.p_offset + name, 4), "GNU", 4) == 0) {
        memcpy(build_id, file.at(header.p_offset + data, note.n_descsz), note.n_descsz);
        return true;
      }
      at = data + ((note.n_descsz + 3u) & ~3u);
    }
  }
  return false;
}

void note_eax(const ZydisDecodedInstruction& decoded, const ZydisDecodedOperand* operands,
              Instruction& instruction) {
  auto is_eax = [](const ZydisDecodedOperand& operand) {
    return operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
           ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand.reg.value) ==
               ZYDIS_REGISTER_RAX;
  };
  for (uint8_t i = 0; i < decoded.operand_count; i++)
    if (is_eax(operands[i]) && (operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
      instruction.eax = Instruction::kComputes;
  if (decoded.operand_count < 2 || !is_eax(operands[0])) return;
  if (decoded.mnemonic == ZYDIS_MNEMONIC_MOV && operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
      operands[0].size >= 32) {
    instruction.eax = Instruction::kConstant;
    instruction.eax_value = static_cast<uint32_t>(operands[1].imm.value.u);
  } else if (decoded.mnemonic == ZYDIS_MNEMONIC_XOR && is_eax(operands[1])) {
    instruction.eax = Instruction::kConstant;
    instruction.eax_value = 0;
  }
}

struct Sweep {
  std::vector<Instruction> instructions;
  std::set<uint32_t> targets;  // of direct branches
};

// One linear sweep. Data between functions would put it out of step, but only until the next padding, and a site is used
// only if the bytes agree; libc's text has none.
Sweep disassemble(const Text& text) {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  Sweep sweep;
  ZydisDecodedInstruction decoded;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  for (uint32_t address = text.begin; address < text.end;) {
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, text.at(address), text.end - address,
                                             &decoded, operands))) {
      address++;
      continue;
    }
    Instruction instruction = {};
    instruction.address = address;
    instruction.size = decoded.length;
    instruction.is_syscall = decoded.mnemonic == ZYDIS_MNEMONIC_SYSCALL;
    instruction.is_padding =
        decoded.mnemonic == ZYDIS_MNEMONIC_NOP || decoded.mnemonic == ZYDIS_MNEMONIC_INT3;
    auto category = decoded.meta.category;
    instruction.branches = category == ZYDIS_CATEGORY_COND_BR ||
                           category == ZYDIS_CATEGORY_UNCOND_BR ||
                           category == ZYDIS_CATEGORY_CALL || category == ZYDIS_CATEGORY_RET ||
                           category == ZYDIS_CATEGORY_INTERRUPT || instruction.is_syscall;
    instruction.ends_flow =
        category == ZYDIS_CATEGORY_UNCOND_BR || category == ZYDIS_CATEGORY_RET ||
        decoded.mnemonic == ZYDIS_MNEMONIC_HLT || decoded.mnemonic == ZYDIS_MNEMONIC_UD2;
    for (uint8_t i = 0; i < decoded.operand_count; i++) {
      const ZydisDecodedOperand& operand = operands[i];
      if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.base == ZYDIS_REGISTER_RIP)
        instruction.position_dependent = true;
      if (operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand.imm.is_relative)
        sweep.targets.insert(address + decoded.length + static_cast<uint32_t>(operand.imm.value.s));
    }
    note_eax(decoded, operands, instruction);
    sweep.instructions.push_back(instruction);
    address += decoded.length;
  }
  return sweep;
}

bool is_wanted(int number) {
  static const std::set<int> wanted = {
#define BT_SYSCALL(name, look, handler) SYS_##name,
#include "agent/syscalls.def"
#undef BT_SYSCALL
  };
  return number < 0 || wanted.count(number) != 0;
}

class SiteFinder {
 public:
  SiteFinder(const Text& text, const Sweep& sweep) : text_(text), sweep_(sweep) {}

  // The number when the code before instruction `index` sets it to a constant on every way there, else −1.
  int number_at(size_t index) const {
    for (size_t i = index; i > 0 && index - i < 16; i--) {
      if (sweep_.targets.count(sweep_.instructions[i].address)) return -1;
      const Instruction& before = sweep_.instructions[i - 1];
      if (before.address + before.size != sweep_.instructions[i].address || before.branches)
        return -1;
      if (before.eax == Instruction::kConstant) return static_cast<int>(before.eax_value);
      if (before.eax == Instruction::kComputes) return -1;
    }
    return -1;
  }

  std::optional<base::Site> patch(size_t index, int number) {
    base::Site site = {};
    site.syscall = sweep_.instructions[index].address;
    site.number = static_cast<int16_t>(number);
    uint32_t size = displaced_before(index, 5);
    if (!size) {
      size = displaced_before(index, 2);
      if (size) site.padding = take_padding(site.syscall - size);
      if (!site.padding) return std::nullopt;
    }
    site.displaced_size = static_cast<uint8_t>(size);
    memcpy(site.displaced, text_.at(site.syscall - size), size);
    return site;
  }

 private:
  // Bytes of the fewest whole instructions before `index` that make at least `wanted` bytes; 0 when they cannot move.
  uint32_t displaced_before(size_t index, uint32_t wanted) const {
    uint32_t size = 0;
    // Nobody may jump to the second or a later displaced byte; to the `syscall` itself anybody may.
    for (size_t i = index; i > 0; i--) {
      const Instruction& moved = sweep_.instructions[i - 1];
      if (i != index && sweep_.targets.count(sweep_.instructions[i].address)) return 0;
      if (moved.address + moved.size != sweep_.instructions[i].address) return 0;
      if (moved.branches || moved.position_dependent || moved.is_padding) return 0;
      size += moved.size;
      if (size > base::kDisplacedMaxBytes) return 0;
      if (size >= wanted) return size;
    }
    return 0;
  }

  // Five bytes that no flow reaches, within reach of a two-byte jump at `from`. Each is given away once.
  uint32_t take_padding(uint32_t from) {
    const auto& all = sweep_.instructions;
    auto first = std::lower_bound(all.begin(), all.end(), from > 200 ? from - 200 : 0,
                                  [](const Instruction& a, uint32_t b) { return a.address < b; });
    for (auto i = first; i != all.end() && i->address < from + 200; i++) {
      if (!i->ends_flow) continue;
      uint32_t start = i->address + i->size, end = start;
      for (auto j = i + 1; j != all.end() && j->is_padding && !sweep_.targets.count(j->address);
           j++)
        end = j->address + j->size;
      int64_t distance = static_cast<int64_t>(start) - (from + 2);
      if (end - start < 5 || distance < -128 || distance > 127 || taken_.count(start)) continue;
      taken_.insert(start);
      return start;
    }
    return 0;
  }

  const Text& text_;
  const Sweep& sweep_;
  std::set<uint32_t> taken_;
};

}  // namespace

ScanResult scan_library(const std::string& path) {
  MappedFile file(path);
  std::vector<Elf64_Phdr> headers = program_headers(file);
  ScanResult result;
  result.header.magic = base::kSiteTableMagic;
  if (!find_build_id(file, headers, result.header.build_id))
    throw std::runtime_error("has no build-id");
  Text text;
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_LOAD || !(header.p_flags & PF_X)) continue;
    if (text.bytes) throw std::runtime_error("has two executable segments");
    if (header.p_vaddr + header.p_filesz > INT32_MAX) throw std::runtime_error("is too large");
    text.begin = static_cast<uint32_t>(header.p_vaddr);
    text.end = static_cast<uint32_t>(header.p_vaddr + header.p_filesz);
    text.bytes = file.at(header.p_offset, header.p_filesz);
    result.text_offset = header.p_offset;
  }
  if (!text.bytes) throw std::runtime_error("has no executable segment");
  result.header.text_begin = text.begin;
  result.header.text_end = text.end;

  Sweep sweep = disassemble(text);
  SiteFinder finder(text, sweep);
  for (size_t i = 0; i < sweep.instructions.size(); i++) {
    if (!sweep.instructions[i].is_syscall) continue;
    result.found++;
    int number = finder.number_at(i);
    if (!is_wanted(number)) {
      result.uninteresting++;
    } else if (auto site = finder.patch(i, number)) {
      result.sites.push_back(*site);
    } else {
      result.unpatchable.push_back(sweep.instructions[i].address);
    }
  }
  if (result.sites.size() > base::kSitesMax) throw std::runtime_error("has too many sites");
  result.header.count = static_cast<uint32_t>(result.sites.size());
  return result;
}

std::string hexadecimal(const uint8_t* bytes, size_t count) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < count; i++) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

std::string build_id_of(const std::string& path) {
  try {
    MappedFile file(path);
    uint8_t build_id[base::kBuildIdSizeBytes];
    if (find_build_id(file, program_headers(file), build_id))
      return hexadecimal(build_id, sizeof build_id);
  } catch (const std::runtime_error&) {
  }
  return "";
}

bool write_cache_file(const ScanResult& result, const std::string& path) {
  std::string temporary = path + "." + std::to_string(getpid());
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(&result.header), sizeof result.header);
  out.write(reinterpret_cast<const char*>(result.sites.data()),
            static_cast<std::streamsize>(result.sites.size() * sizeof(base::Site)));
  out.close();
  if (out && chmod(temporary.c_str(), 0644) == 0 && rename(temporary.c_str(), path.c_str()) == 0)
    return true;
  unlink(temporary.c_str());
  return false;
}

}  // namespace bt::sites
