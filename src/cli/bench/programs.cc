// SPDX-License-Identifier: MIT
#include "cli/bench/programs.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "cli/command_error.h"
#include "registry/reader.h"
#include "registry/writer.h"

namespace bt::cli::bench {
namespace {

// Reads until the writer closes; false when that takes longer than the limit.
bool read_all(int fd, unsigned limit_seconds, std::string& output) {
  time_t stop = time(nullptr) + static_cast<time_t>(limit_seconds);
  char buffer[4096];
  while (time(nullptr) <= stop) {
    pollfd wait{fd, POLLIN, 0};
    if (poll(&wait, 1, 1000) == 0) continue;
    ssize_t size = read(fd, buffer, sizeof buffer);
    if (size <= 0) return true;
    output.append(buffer, static_cast<size_t>(size));
  }
  return false;
}

}  // namespace

std::string run_program(const std::vector<std::string>& words, unsigned limit_seconds) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw command_error("pipe", errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  pid_t child;
  int problem = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string output;
  bool in_time = problem == 0 && read_all(ends[0], limit_seconds, output);
  close(ends[0]);
  if (problem != 0) throw command_error(words[0], problem);
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  if (!in_time)
    throw CommandError(words[0], "took longer than " + std::to_string(limit_seconds) + " s");
  if (WIFSIGNALED(status))
    throw CommandError(words[0], std::string("died of ") + strsignal(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    throw CommandError(words[0], "exit status " + std::to_string(WEXITSTATUS(status)));
  return output;
}

std::vector<std::pair<std::string, double>> parse_figures(const std::string& output) {
  std::vector<std::pair<std::string, double>> figures;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, rest;
    double value = 0;
    if (words >> name >> value && !(words >> rest)) figures.emplace_back(name, value);
  }
  return figures;
}

std::string companion(const std::string& name) {
  std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  if (std::filesystem::exists(folder / name)) return folder / name;
  // Installed: btfuse-cli and the workloads are in libexec/btfuse, btfuse in bin.
  std::filesystem::path installed = folder.parent_path().parent_path() / "bin" / name;
  if (std::filesystem::exists(installed)) return installed;
  throw CommandError(name, "is missing beside " + folder.string());
}

Workshop::Workshop(const std::string& size) {
  char root[] = "/tmp/btfuse-bench.XXXXXX", native[] = "/dev/shm/btfuse-bench.XXXXXX";
  if (!mkdtemp(root)) throw command_error(root, errno);
  root_ = root;
  if (!mkdtemp(native)) throw command_error(native, errno);
  native_ = native;
  mount_point_ = root_ + "/mount";
  std::filesystem::create_directory(mount_point_);
  std::filesystem::create_directory(root_ + "/run");
  chmod((root_ + "/run").c_str(), 0700);
  setenv("BTFUSE_RUN_DIR", (root_ + "/run").c_str(), 1);
  run_program({companion("btfuse"), "mount", mount_point_, "--size", size}, 60);
}

Workshop::~Workshop() {
  try {
    run_program({companion("btfuse"), "umount", mount_point_}, 60);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "btfuse: bench: %s\n", problem.what());
    return;  // Something is still mounted below: nothing is removed.
  }
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
  std::filesystem::remove_all(native_, ignored);
}

uint64_t Workshop::memory_bytes() const {
  registry::MountRecord mount = registry::find_mount(registry::run_directory_path(), mount_point_);
  Result<int32_t> descriptor = registry::open_volume(mount);
  if (!descriptor) throw command_error(mount_point_, descriptor.error());
  struct stat attributes {};
  fstat(*descriptor, &attributes);
  close(*descriptor);
  return static_cast<uint64_t>(attributes.st_blocks) * 512;
}

}  // namespace bt::cli::bench
