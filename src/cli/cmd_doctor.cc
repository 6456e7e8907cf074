// SPDX-License-Identifier: MIT
// btfuse doctor: what of bt_fuse will work on this machine for this user, and what to do about the rest. One finding a
// line; exit status 1 when something needed is missing.
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <vector>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/crossings/meter.h"
#include "cli/json_writer.h"

namespace bt::cli {
namespace {

enum class Verdict { kGood, kLess, kBad };

struct Finding {
  const char* subject;
  Verdict verdict;
  std::string what;    // what was found
  std::string advice;  // what to do; empty when all is well
};

constexpr uint64_t kAddressSpaceWanted = uint64_t{16} << 30;
constexpr uint64_t kDescriptorsWanted = 1024;

Finding examine_kernel() {
  utsname name{};
  uname(&name);
  int major = 0, minor = 0;
  std::sscanf(name.release, "%d.%d", &major, &minor);
  std::string what = std::string("Linux ") + name.release;
  if (major > 6 || (major == 6 && minor >= 6)) return {"kernel", Verdict::kGood, what, ""};
  return {"kernel", Verdict::kLess, what,
          "shared mappings through the kernel path need 6.6; everything in-process works"};
}

Finding examine_device() {
  int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd >= 0) {
    close(fd);
    return {"/dev/fuse", Verdict::kGood, "can be opened", ""};
  }
  std::string advice = errno == ENOENT ? "load the kernel module: modprobe fuse"
                                       : "give this user access: chmod 666 /dev/fuse";
  return {"/dev/fuse", Verdict::kBad, strerror(errno), advice};
}

std::string find_program(const char* name) {
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/local/bin/"})
    if (access((std::string(folder) + name).c_str(), X_OK) == 0) return folder + std::string(name);
  return "";
}

Finding examine_helper() {
  std::string path = find_program("fusermount3");
  if (geteuid() == 0)
    return {"fusermount3", Verdict::kGood, path.empty() ? "not needed by root" : path, ""};
  struct stat status {};
  if (path.empty() || stat(path.c_str(), &status) != 0)
    return {"fusermount3", Verdict::kBad, "not found", "apt-get install fuse3"};
  if ((status.st_mode & S_ISUID) && status.st_uid == 0)
    return {"fusermount3", Verdict::kGood, path, ""};
  return {"fusermount3", Verdict::kBad, path + " is not setuid root", "chmod u+s " + path};
}

Finding examine_limit(const char* subject, int resource, uint64_t wanted, const char* advice) {
  rlimit limit{};
  getrlimit(static_cast<__rlimit_resource>(resource), &limit);
  std::string what = limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur);
  if (limit.rlim_cur >= wanted) return {subject, Verdict::kGood, what, ""};
  return {subject, Verdict::kLess, what, advice};
}

// A program reaches a volume through /proc/PID/fd of the daemon, which the kernel allows to those who may ptrace it.
Finding examine_ptrace() {
  std::ifstream file("/proc/sys/kernel/yama/ptrace_scope");
  int scope = 0;
  file >> scope;
  std::string what = "ptrace_scope " + std::to_string(scope);
  if (scope < 3) return {"admission", Verdict::kGood, what, ""};
  return {
      "admission", Verdict::kLess, what,
      "programs may not map volumes: they use the kernel path (sysctl kernel.yama.ptrace_scope=1)"};
}

Finding examine_libc() {
  std::string what = std::string("glibc ") + gnu_get_libc_version();
  return {"libc", Verdict::kGood, what, ""};
}

Finding examine_bpf() {
  std::string why;
  if (bpf_answers(why)) return {"kernel eBPF", Verdict::kGood, "loads programs", ""};
  return {"kernel eBPF", Verdict::kLess, why,
          "btfuse crossings counts less (levels perf, proc); nothing else needs it"};
}

const char* word(Verdict verdict) {
  return verdict == Verdict::kGood ? "ok" : verdict == Verdict::kLess ? "less" : "bad";
}

void print_json(const std::vector<Finding>& findings) {
  JsonWriter json;
  json.begin_array();
  for (const Finding& finding : findings) {
    json.begin_object();
    json.member("subject", finding.subject);
    json.member("verdict", word(finding.verdict));
    json.member("found", finding.what);
    json.member("advice", finding.advice);
    json.end_object();
  }
  json.end_array();
  std::puts(json.text().c_str());
}

}  // namespace

int cmd_doctor(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  arguments.words(0, 0);
  const std::vector<Finding> findings = {
      examine_kernel(),
      examine_device(),
      examine_helper(),
      examine_libc(),
      examine_ptrace(),
      examine_limit("address space", RLIMIT_AS, kAddressSpaceWanted,
                    "too small to map volumes: programs use the kernel path (ulimit -v unlimited)"),
      examine_limit("descriptors", RLIMIT_NOFILE, kDescriptorsWanted, "raise it: ulimit -n 1024"),
      examine_bpf(),
  };
  bool bad = false;
  for (const Finding& finding : findings) bad |= finding.verdict == Verdict::kBad;
  if (as_json) {
    print_json(findings);
    return bad;
  }
  for (const Finding& finding : findings) {
    std::printf("%-4s %-14s %s\n", word(finding.verdict), finding.subject, finding.what.c_str());
    if (!finding.advice.empty()) std::printf("     %-14s → %s\n", "", finding.advice.c_str());
  }
  return bad;
}

}  // namespace bt::cli
