// SPDX-License-Identifier: MIT
#include "agent/exec_target.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/syscall.h"

namespace bt::agent {
namespace {

using base::raw_argument;
using base::raw_syscall;

constexpr uint32_t kHeadSizeBytes = 2048;
// The kernel's own bound on `#!` leading to `#!`.
constexpr int kInterpretersMax = 5;
constexpr const char* kGlibcLoader = "/lib64/ld-linux-x86-64.so.2";

class File {
 public:
  File(int32_t directory, const char* path)
      : fd_(raw_syscall(SYS_openat, directory, raw_argument(path),
                        O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) raw_syscall(SYS_close, fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int64_t fd() const { return fd_; }
  int64_t read_at(void* buffer, uint64_t size, uint64_t offset) const {
    return raw_syscall(SYS_pread64, fd_, raw_argument(buffer), static_cast<int64_t>(size),
                       static_cast<int64_t>(offset));
  }

 private:
  int64_t fd_;
};

// The image gains rights, and ld.so then ignores LD_PRELOAD.
bool is_privileged(const File& file) {
  struct stat status;
  if (raw_syscall(SYS_fstat, file.fd(), raw_argument(&status)) != 0) return true;
  if (status.st_mode & (S_ISUID | S_ISGID)) return true;
  return raw_syscall(SYS_fgetxattr, file.fd(), raw_argument("security.capability"), 0, 0) > 0;
}

bool has_glibc_loader(const File& file, const char* head, int64_t head_size) {
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(head);
  for (uint32_t i = 0; i < header->e_phnum; i++) {
    uint64_t at = header->e_phoff + i * sizeof(Elf64_Phdr);
    if (at + sizeof(Elf64_Phdr) > static_cast<uint64_t>(head_size)) return false;
    auto* segment = reinterpret_cast<const Elf64_Phdr*>(head + at);
    if (segment->p_type != PT_INTERP) continue;
    char loader[64] = {};
    if (segment->p_filesz >= sizeof loader) return false;
    file.read_at(loader, segment->p_filesz, segment->p_offset);
    return equal(base::text_of(loader), base::text_of(kGlibcLoader));
  }
  return false;
}

ExecTarget inspect_elf(const File& file, const char* head, int64_t head_size) {
  if (head[EI_CLASS] == ELFCLASS32) return ExecTarget::k32Bit;
  if (head_size < static_cast<int64_t>(sizeof(Elf64_Ehdr))) return ExecTarget::kForeign;
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(head);
  if (header->e_machine != EM_X86_64 || header->e_phentsize != sizeof(Elf64_Phdr))
    return ExecTarget::kForeign;
  if (is_privileged(file) || !has_glibc_loader(file, head, head_size)) return ExecTarget::kForeign;
  return ExecTarget::kServed;
}

// The interpreter named by a `#!` line, in `path`; false when the line is no good.
bool parse_interpreter(const char* head, int64_t size, char* path, uint32_t path_size) {
  int64_t at = 2;
  while (at < size && (head[at] == ' ' || head[at] == '\t')) at++;
  uint32_t length = 0;
  while (at < size && length + 1 < path_size) {
    char c = head[at++];
    if (c == ' ' || c == '\t' || c == '\n' || c == 0) break;
    path[length++] = c;
  }
  path[length] = 0;
  return length != 0;
}

}  // namespace

ExecTarget inspect_target(int32_t directory, const char* path) {
  alignas(8) char head[kHeadSizeBytes];
  char interpreter[256];
  for (int i = 0; i < kInterpretersMax; i++) {
    File file(directory, path);
    if (file.fd() < 0) return file.fd() == -EACCES ? ExecTarget::kForeign : ExecTarget::kMissing;
    int64_t size = file.read_at(head, sizeof head, 0);
    if (size > 16 && head[0] == ELFMAG0 && head[1] == 'E' && head[2] == 'L' && head[3] == 'F')
      return inspect_elf(file, head, size);
    if (size < 4 || head[0] != '#' || head[1] != '!') return ExecTarget::kForeign;
    if (!parse_interpreter(head, size, interpreter, sizeof interpreter))
      return ExecTarget::kForeign;
    path = interpreter;
    directory = AT_FDCWD;
  }
  return ExecTarget::kForeign;
}

}  // namespace bt::agent
