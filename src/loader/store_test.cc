// SPDX-License-Identifier: MIT
// From an object file to a call: the store on one side, the runtime as the agent uses it on the other, in one process.
#include "loader/store.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "hooks/call_path.h"
#include "hooks/hooks.h"
#include "hooks/printk.h"
#include "hooks/safe_copy.h"

namespace bt::loader {
namespace {

uint64_t address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

// One run directory and one runtime for the whole program, as a process has.
class Runtime : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char path[] = "/tmp/btfuse-store-test.XXXXXX";
    directory = mkdtemp(path);
    store = new Store(directory);
    hooks::Host host;
    host.absolute_path = [](int32_t, uint64_t relative, char* out, uint32_t) {
      return static_cast<uint32_t>(
          snprintf(out, 4096, "/cwd/%s", reinterpret_cast<const char*>(relative)));
    };
    hooks::init(directory.c_str(), host);
  }
  static void TearDownTestSuite() {
    delete store;
    std::filesystem::remove_all(directory);
  }
  void TearDown() override {
    for (const LoadedObject& object : store->list()) store->unload(object.id);
  }

  uint64_t load(const std::string& program,
                std::vector<std::pair<std::string, std::string>> settings = {}) {
    BuildOptions options;
    options.settings = std::move(settings);
    return store->load(build_object(std::string(BT_PROGRAMS) + "/" + program + ".bpf.o", options),
                       program);
  }
  hooks::Call open_call(const char* path, uint64_t flags = 0) {
    hooks::Call call;
    call.nr = __NR_openat;
    call.args[0] = static_cast<uint64_t>(AT_FDCWD);
    call.args[1] = address(path);
    call.args[2] = flags;
    return call;
  }
  int64_t denied(const char* path, uint64_t flags = 0) {
    hooks::Call call = open_call(path, flags);
    return hooks::run_enter(thread, call) == hooks::Verdict::kAnswered ? call.result : 0;
  }

  static inline std::string directory;
  static inline Store* store = nullptr;
  static inline hooks::Thread* thread = nullptr;
};

TEST_F(Runtime, nothing_is_loaded_at_first_and_again_after_an_unload) {
  EXPECT_FALSE(hooks::any_loaded());
  uint64_t id = load("opens");
  EXPECT_TRUE(hooks::any_loaded());
  EXPECT_TRUE(store->unload(id));
  EXPECT_FALSE(store->unload(id));
  EXPECT_FALSE(hooks::any_loaded());
}

TEST_F(Runtime, a_policy_denies_by_prefix_suffix_and_made_absolute) {
  load("deny", {{"read_only", "/a/b"}, {"suffix_0", ".exe"}});
  EXPECT_EQ(denied("/a/b/c", O_WRONLY), -EROFS);
  EXPECT_EQ(denied("/a/b", O_WRONLY), -EROFS);
  EXPECT_EQ(denied("/a//x/.././b/c", O_RDWR), -EROFS);
  EXPECT_EQ(denied("/a/b/c", O_RDONLY), 0);
  EXPECT_EQ(denied("/a/bc", O_WRONLY), 0);
  EXPECT_EQ(denied("/a/b/../c", O_WRONLY), 0);
  EXPECT_EQ(denied("/x.exe"), -EACCES);
  EXPECT_EQ(denied("x.exe"), -EACCES);
  EXPECT_EQ(denied("exe"), 0);
  EXPECT_EQ(denied(reinterpret_cast<const char*>(8), O_WRONLY),
            0);  // bad memory: the kernel will say EFAULT
}

TEST_F(Runtime, a_record_says_who_what_and_how) {
  uint64_t id = load("opens");
  const char* path = "/some/file";
  hooks::Call call = open_call(path, O_CREAT);
  EXPECT_EQ(hooks::run_enter(thread, call), hooks::Verdict::kServe);
  EXPECT_TRUE(call.wants_exit);
  call.served = hooks::Served::kInProcess;
  EXPECT_EQ(hooks::run_exit(thread, call, -2), -2);
  ObjectFiles files(store->directory(), id);
  hooks::MapView ring = files.view(0, nullptr);
  uint32_t size = 0;
  const hooks::RingRecord* record = hooks::ring_peek(ring, size);
  ASSERT_NE(record, nullptr);
  struct {
    uint64_t time;
    uint32_t pid, tid, uid;
    int32_t result;
    uint32_t flags, served;
    char comm[16], path[80];
  } found;
  ASSERT_GE(size, sizeof found);
  memcpy(&found, record + 1, sizeof found);
  EXPECT_EQ(found.pid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(found.uid, getuid());
  EXPECT_EQ(found.result, -2);
  EXPECT_EQ(found.flags, static_cast<uint32_t>(O_CREAT));
  EXPECT_EQ(found.served, 1u);
  EXPECT_STREQ(found.path, path);
}

TEST_F(Runtime, a_forked_child_is_another_process) {
  uint64_t id = load("opens");
  hooks::Call call = open_call("/x");
  hooks::run_enter(thread, call);
  hooks::run_exit(thread, call, 1);
  pid_t child = fork();
  if (child == 0) {
    hooks::fork_child(thread);
    hooks::Call again = open_call("/x");
    hooks::run_enter(thread, again);
    hooks::run_exit(thread, again, 2);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  ObjectFiles files(store->directory(), id);
  hooks::MapView ring = files.view(0, nullptr);
  uint32_t size = 0;
  uint32_t pids[2] = {};
  for (uint32_t& pid : pids) {
    const hooks::RingRecord* record = hooks::ring_peek(ring, size);
    ASSERT_NE(record, nullptr);
    memcpy(&pid, reinterpret_cast<const char*>(record + 1) + 8, 4);
    hooks::ring_consumed(ring, record);
  }
  EXPECT_EQ(pids[0], static_cast<uint32_t>(getpid()));
  EXPECT_EQ(pids[1], static_cast<uint32_t>(child));
}

TEST_F(Runtime, a_damaged_image_is_not_run) {
  uint64_t id = load("deny", {{"read_only", "/a"}});
  std::string path = store->directory() + "/" + std::to_string(id) + ".image";
  chmod(path.c_str(), 0600);
  int fd = open(path.c_str(), O_RDWR);
  ASSERT_EQ(pwrite(fd, "\xff", 1, 1500), 1);
  close(fd);
  EXPECT_EQ(denied("/a/x", O_WRONLY), 0);
  EXPECT_GE(store->registry().header.load_failures.load(), 1u);
}

// docs/decisions/0004: what runs is a copy, so that no writer of the file reaches it.
TEST_F(Runtime, an_image_that_is_changed_or_replaced_after_it_was_read_changes_nothing) {
  uint64_t id = load("deny", {{"read_only", "/a"}});
  ASSERT_EQ(denied("/a/x", O_WRONLY), -EROFS);
  std::string path = store->directory() + "/" + std::to_string(id) + ".image";
  chmod(path.c_str(), 0600);
  std::string noise(static_cast<size_t>(std::filesystem::file_size(path)), '\x95');  // all exit
  int fd = open(path.c_str(), O_RDWR);
  ASSERT_EQ(pwrite(fd, noise.data(), noise.size(), 0), static_cast<ssize_t>(noise.size()));
  close(fd);
  EXPECT_EQ(denied("/a/x", O_WRONLY), -EROFS);
  truncate(path.c_str(), 0);
  EXPECT_EQ(denied("/a/x", O_WRONLY), -EROFS);
  unlink(path.c_str());
  EXPECT_EQ(denied("/a/x", O_WRONLY), -EROFS);
  load("opens");  // the table is built anew, of what was read
  EXPECT_EQ(denied("/a/x", O_WRONLY), -EROFS);
}

TEST_F(Runtime, a_link_in_the_place_of_an_image_is_not_followed) {
  uint64_t id = load("deny", {{"read_only", "/a"}});
  std::string path = store->directory() + "/" + std::to_string(id) + ".image";
  std::filesystem::rename(path, path + ".elsewhere");
  std::filesystem::create_symlink(path + ".elsewhere", path);
  EXPECT_EQ(denied("/a/x", O_WRONLY), 0);
  EXPECT_GE(store->registry().header.load_failures.load(), 1u);
  std::filesystem::remove(path + ".elsewhere");
}

TEST_F(Runtime, a_file_that_others_may_write_is_not_run) {
  uint64_t id = load("deny", {{"read_only", "/a"}});
  chmod((store->directory() + "/" + std::to_string(id) + ".image").c_str(), 0666);
  EXPECT_EQ(denied("/a/x", O_WRONLY), 0);
}

TEST_F(Runtime, loads_and_unloads_follow_each_other) {
  for (int i = 0; i < 50; i++) {
    uint64_t id = load("deny", {{"read_only", "/a"}});
    ASSERT_EQ(denied("/a/x", O_WRONLY), -EROFS);
    uint64_t second = load("opens");
    ASSERT_EQ(denied("/a/x", O_WRONLY), -EROFS);
    store->unload(id);
    ASSERT_EQ(denied("/a/x", O_WRONLY), 0);
    store->unload(second);
  }
}

TEST(call_path, is_normalised_by_text) {
  auto normal = [](const char* text) {
    char path[64];
    snprintf(path, sizeof path, "%s", text);
    return std::string(path, hooks::normalise_path(path, static_cast<uint32_t>(strlen(path))));
  };
  EXPECT_EQ(normal("/"), "/");
  EXPECT_EQ(normal("/a/b"), "/a/b");
  EXPECT_EQ(normal("/a/b/"), "/a/b");
  EXPECT_EQ(normal("//a///b"), "/a/b");
  EXPECT_EQ(normal("/a/./b/."), "/a/b");
  EXPECT_EQ(normal("/a/../b"), "/b");
  EXPECT_EQ(normal("/../.."), "/");
  EXPECT_EQ(normal("/a/..b/.c"), "/a/..b/.c");
  EXPECT_EQ(normal("/a/b/../../c/"), "/c");
}

TEST(printk, formats_as_the_kernel_does) {
  char line[hooks::kPrintkLineMax];
  uint64_t values[] = {static_cast<uint64_t>(-5), 255, address("text")};
  char format[] = "%d %x %s%%\n";
  hooks::format_printk(line, format, sizeof format, values, 3);
  EXPECT_STREQ(line, "-5 ff text%");
  char wide[] = "%05d|%ld|%llx";
  uint64_t more[] = {42, static_cast<uint64_t>(-1), 0xabcdef0123456789};
  hooks::format_printk(line, wide, sizeof wide, more, 3);
  EXPECT_STREQ(line, "00042|-1|abcdef0123456789");
  char unknown[] = "%q %d";
  hooks::format_printk(line, unknown, sizeof unknown, more, 3);
  EXPECT_STREQ(line, "%q 42");
}

TEST(safe_copy, bad_memory_is_EFAULT_and_zeros) {
  char out[16] = "unchanged";
  EXPECT_EQ(hooks::safe_read(out, sizeof out, 64), -EFAULT);
  EXPECT_EQ(out[0], 0);
  EXPECT_EQ(hooks::safe_read_string(out, sizeof out, 0xffff'ffff'8000'0000), -EFAULT);
  EXPECT_EQ(hooks::safe_read_string(out, sizeof out, address("four")), 5);
  EXPECT_STREQ(out, "four");
  EXPECT_EQ(hooks::safe_read_string(out, 3, address("four")), 3);
  EXPECT_STREQ(out, "fo");
}

}  // namespace
}  // namespace bt::loader
