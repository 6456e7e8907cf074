// SPDX-License-Identifier: MIT
#include "loader/object.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>

#include "hooks/map_format.h"
#include "loader/bpf_divert.h"
#include "loader/control_flow.h"
#include "loader/core_btf.h"
#include "loader/sections.h"
#include "loader/settings.h"
#include "loader/simplify.h"

namespace bt::loader {
namespace {

constexpr off_t kObjectSizeMax = 16 << 20;

// What libbpf warned of last: its return values alone say little.
thread_local std::string last_warning;

int keep_warning(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  int size = vsnprintf(line, sizeof line, format, arguments);
  last_warning.assign(line,
                      static_cast<size_t>(std::clamp(size, 0, static_cast<int>(sizeof line) - 1)));
  while (!last_warning.empty() && last_warning.back() == '\n') last_warning.pop_back();
  if (last_warning.rfind("libbpf: ", 0) == 0) last_warning.erase(0, 8);
  return 0;
}

// libbpf would refuse sections it does not know.
void register_sections() {
  static std::once_flag once;
  std::call_once(once, [] {
    libbpf_register_prog_handler("btfuse+", BPF_PROG_TYPE_TRACEPOINT,
                                 static_cast<bpf_attach_type>(0), nullptr);
  });
}

struct Program {
  bpf_program* handle;
  std::string name, section;
  Attachment attachment;
  std::vector<bpf_insn> insns;
  uint32_t context_words = 0;
};

class Builder {
 public:
  Builder(const std::string& path, const BuildOptions& options) : path_(path), options_(options) {}
  ~Builder() {
    if (object_) bpf_object__close(object_);
  }

  BuiltObject build() {
    check_file();
    open();
    find_programs();
    apply_settings(object_, options_.settings);
    load();
    find_maps();
    copy_programs();
    collect_elements();
    check_program_arrays();
    verify_programs();
    write_image();
    return std::move(built_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw ObjectError(path_ + ": " + why); }

  // libbpf's messages on files that are no eBPF objects are not for users.
  void check_file() {
    int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(std::strerror(errno));
    struct stat status {};
    unsigned char head[64] = {};
    fstat(fd, &status);
    ssize_t size = S_ISREG(status.st_mode) ? read(fd, head, sizeof head) : -1;
    close(fd);
    if (size < 0) fail("not a regular file");
    if (status.st_size > kObjectSizeMax) fail("larger than 16 MiB");
    if (size < 64 || std::memcmp(head,
                                 "\x7f"
                                 "ELF",
                                 4) != 0)
      fail("not an ELF file");
    if (head[4] != 2 || head[5] != 1 || (head[18] | head[19] << 8) != 247)
      fail("not an eBPF object (compile with clang -target bpf)");
  }

  void open() {
    libbpf_set_print(&keep_warning);
    register_sections();
    last_warning.clear();
    bpf_object_open_opts open_options{};
    open_options.sz = sizeof open_options;
    open_options.btf_custom_path = core_.path().c_str();
    object_ = bpf_object__open_file(path_.c_str(), &open_options);
    if (!object_) fail(why_libbpf(errno));
  }

  std::string why_libbpf(int error) const {
    return last_warning.empty() ? std::strerror(error) : last_warning;
  }

  void find_programs() {
    bpf_program* handle = nullptr;
    while ((handle = bpf_object__next_program(object_, handle))) {
      if (!bpf_program__autoload(handle)) continue;
      Program program{handle, bpf_program__name(handle), bpf_program__section_name(handle), {}, {}};
      std::string why;
      auto attachment = parse_section(program.section, why);
      if (!attachment)
        fail("program " + program.name + ": section \"" + program.section + "\": " + why);
      program.attachment = *attachment;
      programs_.push_back(program);
    }
    if (programs_.empty()) fail("no programs");
    if (programs_.size() > hooks::kImageProgramsMax)
      fail("more than " + std::to_string(hooks::kImageProgramsMax) + " programs");
  }

  void load() {
    int error = bpf_object__load(object_);
    if (error) fail(why_libbpf(-error));
  }

  void find_maps() {
    bpf_map* handle = nullptr;
    while ((handle = bpf_object__next_map(object_, handle))) {
      if (!bpf_map__autocreate(handle)) continue;
      VerifiedMap map{bpf_map__name(handle),
                      bpf_map__type(handle),
                      bpf_map__key_size(handle),
                      bpf_map__value_size(handle),
                      bpf_map__max_entries(handle),
                      false,
                      {}};
      if (size_t dot = map.name.rfind('.');
          bpf_map__is_internal(handle) && dot != std::string::npos)
        map.name.erase(0, dot);
      // libbpf gives a ring of perf events one slot a CPU; here it is one ring.
      if (hooks::is_ring_type(map.type)) map.key_size = map.value_size = 0;
      bool rodata = bpf_map__map_flags(handle) & BPF_F_RDONLY_PROG;
      map.frozen = rodata || map.type == BPF_MAP_TYPE_PROG_ARRAY;
      hooks::MapGeometry geometry{map.type, map.key_size, map.value_size, map.max_entries};
      if (const char* why = hooks::refuse_geometry(geometry)) fail("map " + map.name + ": " + why);
      maps_.push_back(map);
      map_fds_.push_back(bpf_map__fd(handle));
      built_.map_types.push_back(
          {bpf_map__btf_key_type_id(handle), bpf_map__btf_value_type_id(handle)});
    }
    if (maps_.size() >= hooks::kImageMapsMax) fail("too many maps");
  }

  uint32_t map_of_fd(int fd) const {
    auto found = std::find(map_fds_.begin(), map_fds_.end(), fd);
    if (found == map_fds_.end()) fail("a program refers to a map that was not created");
    return static_cast<uint32_t>(found - map_fds_.begin());
  }

  void copy_programs() {
    size_t total = 0;
    bool prints = false;
    for (Program& program : programs_) {
      const bpf_insn* insns = bpf_program__insns(program.handle);
      program.insns.assign(insns, insns + bpf_program__insn_cnt(program.handle));
      total += program.insns.size();
      for (size_t i = 0; i < program.insns.size(); i++) {
        bpf_insn& insn = program.insns[i];
        prints |= is_helper_call(insn) &&
                  (insn.imm == BPF_FUNC_trace_printk || insn.imm == BPF_FUNC_trace_vprintk);
        if (!is_wide(insn)) continue;
        if (insn.src_reg == BPF_PSEUDO_MAP_FD || insn.src_reg == BPF_PSEUDO_MAP_VALUE)
          insn.imm = static_cast<int32_t>(map_of_fd(insn.imm));
        i++;
      }
    }
    if (total > hooks::kImageInsnsMax)
      fail("more than " + std::to_string(hooks::kImageInsnsMax) + " instructions");
    if (!prints) return;
    maps_.push_back(
        {hooks::kLogMapName, BPF_MAP_TYPE_RINGBUF, 0, 0, hooks::kLogMapSize, false, {}});
    map_fds_.push_back(-1);
    built_.map_types.push_back({});
  }

  void collect_elements() {
    for (const DivertedUpdate& update : diversion_.updates()) {
      auto found = std::find(map_fds_.begin(), map_fds_.end(), update.map_fd);
      if (found == map_fds_.end()) continue;  // of one of libbpf's probes
      auto index = static_cast<uint32_t>(found - map_fds_.begin());
      InitialElement element{index, update.key, update.value};
      if (maps_[index].type == BPF_MAP_TYPE_PROG_ARRAY) set_program_index(element);
      if (maps_[index].frozen && maps_[index].max_entries == 1)
        maps_[index].constants = element.value;
      built_.elements.push_back(std::move(element));
    }
  }

  // In an image a program array holds 1 + the program's index.
  void set_program_index(InitialElement& element) {
    int fd;
    std::memcpy(&fd, element.value.data(), sizeof fd);
    for (uint32_t i = 0; i < programs_.size(); i++) {
      if (bpf_program__fd(programs_[i].handle) != fd) continue;
      uint32_t value = i + 1;
      std::memcpy(element.value.data(), &value, sizeof value);
      targets_[element.map].insert(i);
      return;
    }
    fail("map " + maps_[element.map].name + ": holds a program that is not in this object");
  }

  // A tail call keeps r1, so callers and targets of one array must agree on what it points to.
  void check_program_arrays() {
    for (const Program& program : programs_)
      for (size_t i = 0; i < program.insns.size(); i++) {
        const bpf_insn& insn = program.insns[i];
        if (!is_wide(insn)) continue;
        i++;
        if (insn.src_reg != BPF_PSEUDO_MAP_FD) continue;
        auto map = static_cast<uint32_t>(insn.imm);
        for (uint32_t target : targets_[map])
          if (programs_[target].attachment.context != program.attachment.context)
            fail("map " + maps_[map].name + ": program " + program.name + " tail-calls " +
                 programs_[target].name + ", whose context is another");
      }
  }

  std::string place_of(const Program& program, uint32_t insn) const {
    std::string place = "instruction " + std::to_string(insn);
    const std::vector<bpf_line_info>* lines =
        diversion_.lines_of(bpf_program__insns(program.handle));
    const btf* types = bpf_object__btf(object_);
    if (!lines || !types) return place;
    const bpf_line_info* best = nullptr;
    for (const bpf_line_info& line : *lines)
      if (line.insn_off <= insn && (!best || line.insn_off >= best->insn_off)) best = &line;
    if (!best) return place;
    const char* file = btf__str_by_offset(types, best->file_name_off);
    const char* source = btf__str_by_offset(types, best->line_off);
    std::string text = source ? source : "";
    text.erase(0, text.find_first_not_of(" \t"));
    std::string where = file ? std::filesystem::path(file).filename().string() : "?";
    return place + " (" + where + ":" + std::to_string(BPF_LINE_INFO_LINE_NUM(best->line_col)) +
           (text.empty() ? "" : ": `" + text + "`") + ")";
  }

  void verify_programs() {
    for (Program& program : programs_) {
      Verdict verdict = verify({program.insns, maps_, program.attachment.context});
      if (!verdict.accepted)
        fail("program " + program.name + ": " + place_of(program, verdict.insn) + ": " +
             verdict.reason);
      program.insns = simplify(program.insns, maps_, verdict);
      for (size_t i = 0; i < program.insns.size(); i++)
        if (is_helper_call(program.insns[i]))
          program.insns[i].off = static_cast<int16_t>(verdict.map_of_call[i]);
      program.context_words = verdict.context_words;
      // What the target of a tail call reads is its caller's context.
      for (const bpf_insn& insn : program.insns)
        if (is_helper_call(insn) && insn.imm == BPF_FUNC_tail_call) program.context_words = ~0u;
      built_.programs.push_back(
          program.name + ": " + describe(program.attachment.kind, program.attachment.number) +
          ", " + std::to_string(program.insns.size()) + " instructions, verified in " +
          std::to_string(verdict.steps) + " steps");
    }
  }

  template <typename T>
  void append(const T* items, size_t count) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(items);
    built_.image.insert(built_.image.end(), bytes, bytes + count * sizeof(T));
  }

  template <size_t N>
  static void set_text(char (&to)[N], const std::string& from) {
    std::memcpy(to, from.data(), std::min(from.size(), N - 1));
  }

  hooks::ImageMap image_map(const VerifiedMap& map, uint64_t& offset) const {
    hooks::ImageMap out{};
    set_text(out.name, map.name);
    out.type = map.type, out.key_size = map.key_size, out.value_size = map.value_size;
    out.max_entries = map.max_entries;
    out.flags = map.frozen ? hooks::kImageMapFrozen : 0;
    out.offset = offset;
    out.size = hooks::layout_of({map.type, map.key_size, map.value_size, map.max_entries}).size;
    offset += out.size;
    return out;
  }

  void write_image() {
    hooks::ImageHeader header{};
    header.magic = hooks::kImageMagic, header.version = hooks::kImageVersion;
    header.program_count = static_cast<uint32_t>(programs_.size());
    header.map_count = static_cast<uint32_t>(maps_.size());
    header.flags = options_.interpret ? hooks::kImageInterpret : 0;
    std::string name = options_.name;
    if (name.empty()) {
      name = std::filesystem::path(path_).filename().string();
      name = name.substr(0, name.find('.'));
    }
    set_text(header.name, name);
    append(&header, 1);
    for (const Program& program : programs_) {
      hooks::ImageProgram out{};
      set_text(out.name, program.name);
      set_text(out.section, program.section);
      out.attach_kind = static_cast<uint32_t>(program.attachment.kind);
      out.attach_number = program.attachment.number;
      out.insn_start = header.insn_count;
      out.insn_count = static_cast<uint32_t>(program.insns.size());
      out.context_words = program.context_words;
      header.insn_count += out.insn_count;
      append(&out, 1);
    }
    uint64_t offset = 0;
    for (const VerifiedMap& map : maps_) {
      hooks::ImageMap out = image_map(map, offset);
      append(&out, 1);
    }
    // An object without maps still has a file, so that agents need no second case.
    header.maps_file_size = built_.maps_file_size = std::max<uint64_t>(offset, hooks::kPageSize);
    if (header.maps_file_size > hooks::kMapsFileSizeMax) fail("its maps are larger than 4 GiB");
    for (const Program& program : programs_) append(program.insns.data(), program.insns.size());
    header.total_size = built_.image.size();
    if (header.total_size > hooks::kImageSizeMax) fail("too large");
    header.checksum = hooks::image_checksum(built_.image.data() + sizeof header,
                                            built_.image.size() - sizeof header);
    std::memcpy(built_.image.data(), &header, sizeof header);
    if (const btf* types = bpf_object__btf(object_)) {
      uint32_t size = 0;
      const auto* raw = static_cast<const uint8_t*>(btf__raw_data(types, &size));
      if (raw) built_.btf.assign(raw, raw + size);
    }
  }

  std::string path_;
  const BuildOptions& options_;
  CoreBtfFile core_;
  Diversion diversion_;
  bpf_object* object_ = nullptr;
  std::vector<Program> programs_;
  std::vector<VerifiedMap> maps_;
  std::vector<int> map_fds_;
  std::map<uint32_t, std::set<uint32_t>> targets_;
  BuiltObject built_;
};

}  // namespace

BuiltObject build_object(const std::string& path, const BuildOptions& options) {
  return Builder(path, options).build();
}

}  // namespace bt::loader
