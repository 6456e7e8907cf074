// SPDX-License-Identifier: MIT
// The launcher's main: finds its companions, and becomes the program or btfuse-cli.
#include <elf.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <cerrno>

#include "base/syscall.h"
#include "launcher/launcher.h"

namespace bt::launcher {
namespace {

constexpr uint32_t kEnvironmentMax = 16384;
constexpr char kAgentName[] = "libbtfuse_agent.so";

// As execve was given it (AT_EXECFN); may be relative, or a link to here.
const char* started_as = nullptr;

const char* find_started_as(char** environment) {
  while (*environment) environment++;
  for (auto* entry = reinterpret_cast<Elf64_auxv_t*>(environment + 1); entry->a_type != AT_NULL;
       entry++)
    if (entry->a_type == AT_EXECFN) return reinterpret_cast<const char*>(entry->a_un.a_val);
  return nullptr;
}

// btfuse: what: why, and exit status 1.
[[noreturn]] void fail(const char* what, const char* why) {
  static constinit Path line;
  line.clear();
  line.append("btfuse: ").append(what).append(": ").append(why).append("\n");
  base::raw_syscall(SYS_write, 2, base::raw_argument(line.c_str()), line.size());
  while (true) base::raw_syscall(SYS_exit_group, 1);
}

const char* reason(int problem) {
  switch (problem) {
    case ENOENT:
      return "no such program";
    case EACCES:
      return "permission denied";
    case E2BIG:
      return "argument list too long";
    case ENOEXEC:
      return "not a program this machine can run";
    case ENOTDIR:
      return "a part of the path is not a directory";
    case ELOOP:
      return "too many symbolic links";
    case ENOMEM:
      return "out of memory";
    case ENAMETOOLONG:
      return "file name too long";
    case EISDIR:
      return "is a directory";
    case ETXTBSY:
      return "the file is being written";
    default:
      return "cannot be started";
  }
}

bool exists(const Path& path) {
  return path.fits() &&
         base::raw_syscall(SYS_faccessat, AT_FDCWD, base::raw_argument(path.c_str()), 0) == 0;
}

// Beside this executable (build folder), or where `cmake --install` puts it relative to bin/.
void find_companion(const char* name, const char* installed_folder, Path& path) {
  static constinit Path folder;
  // Mostly it was started by its full name, and reading the link costs more than a look.
  if (started_as && started_as[0] == '/') {
    path.clear();
    path.append(started_as);
    path.drop_last_component();
    path.append("/").append(name);
    if (exists(path)) return;
  }
  int64_t size = base::raw_syscall(SYS_readlinkat, AT_FDCWD, base::raw_argument("/proc/self/exe"),
                                   base::raw_argument(folder.data()), kPathBytes);
  if (size <= 0) fail("/proc/self/exe", "cannot be read: is /proc mounted?");
  folder.set_size(static_cast<uint32_t>(size));
  folder.drop_last_component();
  path.clear();
  path.append(folder.c_str()).append("/").append(name);
  if (exists(path)) return;
  folder.drop_last_component();
  path.clear();
  path.append(folder.c_str()).append("/").append(installed_folder).append("/").append(name);
  if (!exists(path))
    fail(name, "is missing: it belongs beside btfuse, or where cmake --install puts it");
}

void make_preload(const char* before, Path& preload) {
  static constinit Path agent;
  find_companion(kAgentName, "lib/btfuse", agent);
  for (const char* c = agent.c_str(); *c; c++)
    if (*c == ' ' || *c == ':')
      fail(agent.c_str(), "LD_PRELOAD cannot carry a path with a space or a colon");
  preload.clear();
  preload.append("LD_PRELOAD=");
  if (!before || !list_has(before, agent.c_str())) preload.append(agent.c_str());
  if (before && *before)
    preload.append(preload.c_str()[preload.size() - 1] == '=' ? "" : ":").append(before);
  if (!preload.fits()) fail("LD_PRELOAD", "too long");
}

void make_only(const char* mount_point, Path& only) {
  only.clear();
  only.append("BTFUSE_ONLY=");
  if (mount_point[0] != '/') {
    static char here[kPathBytes];
    if (base::raw_syscall(SYS_getcwd, base::raw_argument(here), sizeof here) < 0)
      fail("--only", "the current directory has no path");
    only.append(here).append("/");
  }
  only.append(mount_point);
  while (only.fits() && only.c_str()[only.size() - 1] == '/') only.set_size(only.size() - 1);
  if (!only.fits()) fail("--only", "path too long");
}

// Where the agent finds the site tables of libraries that the build did not know; `btfuse sites` writes them there.
void make_sites(char* const* environment, Path& sites) {
  const char* cache = variable(environment, "XDG_CACHE_HOME");
  const char* home = variable(environment, "HOME");
  sites.clear();
  sites.append("BTFUSE_SITES=");
  if (base::raw_syscall(SYS_geteuid) == 0)
    sites.append("/var/cache");
  else if (cache && *cache)
    sites.append(cache);
  else
    sites.append(home ? home : "").append("/.cache");
  sites.append("/btfuse/sites");
}

[[noreturn]] void run(char* const* words, char** environment) {
  RunRequest request = parse_run(words);
  if (request.unknown_option) fail("run", "unknown option (see btfuse run --help)");
  if (!request.program || !request.program[0])
    fail("run", "usage: btfuse run [--only MOUNTPOINT] -- PROGRAM ARG…");
  static constinit Path preload, only, sites;
  make_preload(variable(environment, "LD_PRELOAD"), preload);
  if (request.only) make_only(request.only, only);
  static const char* changed[kEnvironmentMax + 1];
  uint32_t count = 0;
  changed[count++] = preload.c_str();
  if (request.only) changed[count++] = only.c_str();
  if (!variable(environment, "BTFUSE_SITES")) {
    make_sites(environment, sites);
    if (sites.fits()) changed[count++] = sites.c_str();
  }
  for (; *environment; environment++) {
    if (begins_with(*environment, "LD_PRELOAD=") ||
        (request.only && begins_with(*environment, "BTFUSE_ONLY=")))
      continue;
    if (count == kEnvironmentMax) fail("run", "too many environment variables");
    changed[count++] = *environment;
  }
  changed[count] = nullptr;
  fail(request.program[0],
       reason(execute_along_path(request.program, const_cast<char* const*>(changed))));
}

}  // namespace

// The stack as the kernel lays it out: argc, argv…, nullptr, envp…, nullptr.
extern "C" [[noreturn]] void bt_launcher_start(int64_t* stack) {
  auto count = static_cast<uint64_t>(stack[0]);
  auto** arguments = reinterpret_cast<char**>(stack + 1);
  char** environment = arguments + count + 1;
  started_as = find_started_as(environment);
  if (count >= 2 && equal(arguments[1], "run") && !parse_run(arguments + 2).wants_help)
    run(arguments + 2, environment);
  static constinit Path cli;
  find_companion("btfuse-cli", "libexec/btfuse", cli);
  int64_t problem =
      base::raw_syscall(SYS_execve, base::raw_argument(cli.c_str()), base::raw_argument(arguments),
                        base::raw_argument(environment));
  fail(cli.c_str(), reason(static_cast<int>(-problem)));
}

}  // namespace bt::launcher

// The compiler may call these for copies and zeroing whatever the flags say.
extern "C" {
void* memcpy(void* to, const void* from, unsigned long size) {
  void* start = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
  return start;
}
void* memset(void* to, int value, unsigned long size) {
  void* start = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return start;
}
}

asm(R"(
.globl _start
.type _start, @function
_start:
  xor %ebp, %ebp
  mov %rsp, %rdi
  and $-16, %rsp
  call bt_launcher_start
  ud2
)");
