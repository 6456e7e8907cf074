// SPDX-License-Identifier: MIT
// `btfuse sites`: writes the tables by which the agent patches libraries that the build did not know (a newer libc), named
// by build-id, into the folder where `btfuse run` lets the agent look for them.
#include <dlfcn.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "cli/command.h"
#include "sites/scanner.h"

namespace bt::cli {
namespace {

// As src/launcher/main.cc chooses it.
std::string default_folder() {
  if (const char* folder = getenv("BTFUSE_SITES")) return folder;
  if (geteuid() == 0) return "/var/cache/btfuse/sites";
  const char* cache = getenv("XDG_CACHE_HOME");
  if (cache && *cache) return std::string(cache) + "/btfuse/sites";
  const char* home = getenv("HOME");
  return std::string(home ? home : "") + "/.cache/btfuse/sites";
}

// libc and ld.so, as this very program runs with them.
std::vector<std::string> system_libraries() {
  std::vector<std::string> found = {"/lib64/ld-linux-x86-64.so.2"};
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&getppid), &info) && info.dli_fname)
    found.push_back(info.dli_fname);
  return found;
}

}  // namespace

int cmd_sites(Arguments& arguments) {
  std::string folder = arguments.value("--folder").value_or(default_folder());
  std::vector<std::string> libraries = arguments.words(0, SIZE_MAX);
  if (libraries.empty()) libraries = system_libraries();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw CommandError(folder, error.message());
  for (const std::string& library : libraries) {
    sites::ScanResult result;
    try {
      result = sites::scan_library(library);
    } catch (const std::exception& problem) {
      throw CommandError(library, problem.what());
    }
    std::string name = sites::hexadecimal(result.header.build_id, base::kBuildIdSizeBytes);
    if (!sites::write_cache_file(result, folder + "/" + name))
      throw CommandError(folder, "cannot be written");
    std::printf("%s: %zu of %u system calls, %s/%s\n", library.c_str(), result.sites.size(),
                result.found, folder.c_str(), name.c_str());
  }
  return 0;
}

}  // namespace bt::cli
