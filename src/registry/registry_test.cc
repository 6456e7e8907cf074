// SPDX-License-Identifier: MIT
// Reader and writer against each other in a directory of the test's own.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "registry/reader.h"
#include "registry/writer.h"

namespace bt::registry {
namespace {

class RegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/btfuse-registry.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::system(("rm -rf " + directory_).c_str()); }

  MountRecord record(uint64_t id, const char* path) {
    MountRecord mount{};
    mount.volume_id = id;
    mount.daemon_pid = static_cast<uint32_t>(getpid());
    mount.daemon_start_time = process_start_time(mount.daemon_pid);
    mount.mount_point_size = static_cast<uint32_t>(std::strlen(path));
    std::strcpy(mount.mount_point, path);
    return mount;
  }
  std::string directory_;
};

TEST_F(RegistryTest, no_file_means_no_mounts) {
  EXPECT_TRUE(all_mounts(directory_).empty());
  EXPECT_EQ(find_mount(directory_, "/mnt").volume_id, 0u);
}

TEST_F(RegistryTest, what_is_added_is_found_until_it_is_removed) {
  ASSERT_TRUE(add_mount(directory_, record(7, "/mnt/a")));
  ASSERT_TRUE(add_mount(directory_, record(8, "/mnt/b")));
  EXPECT_EQ(all_mounts(directory_).size(), 2u);
  EXPECT_EQ(find_mount(directory_, "/mnt/b").volume_id, 8u);
  ASSERT_TRUE(remove_mount(directory_, 8));
  EXPECT_EQ(find_mount(directory_, "/mnt/b").volume_id, 0u);
  EXPECT_EQ(find_mount(directory_, "/mnt/a").volume_id, 7u);
}

TEST_F(RegistryTest, one_record_a_mount_point) {
  ASSERT_TRUE(add_mount(directory_, record(7, "/mnt/a")));
  ASSERT_TRUE(add_mount(directory_, record(9, "/mnt/a")));
  ASSERT_EQ(all_mounts(directory_).size(), 1u);
  EXPECT_EQ(all_mounts(directory_)[0].volume_id, 9u);
}

TEST_F(RegistryTest, records_of_dead_daemons_are_dropped) {
  MountRecord dead = record(7, "/mnt/dead");
  pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  dead.daemon_pid = static_cast<uint32_t>(child);
  ASSERT_TRUE(add_mount(directory_, dead));
  EXPECT_EQ(remove_stale_mounts(directory_).value_or(99), 1u);
  EXPECT_TRUE(all_mounts(directory_).empty());
}

TEST_F(RegistryTest, mount_points_are_read_alone) {
  MountPoint points[2];
  EXPECT_EQ(read_mount_points(directory_.c_str(), geteuid(), points, 2).value_or(99), 0u);
  ASSERT_TRUE(add_mount(directory_, record(7, "/mnt/a")));
  ASSERT_TRUE(add_mount(directory_, record(8, "/mnt/bb")));
  ASSERT_EQ(read_mount_points(directory_.c_str(), geteuid(), points, 2).value_or(99), 2u);
  EXPECT_STREQ(points[0].path, "/mnt/a");
  EXPECT_EQ(points[1].size, 7u);
  EXPECT_STREQ(points[1].path, "/mnt/bb");
}

TEST_F(RegistryTest, what_does_not_fit_is_said) {
  MountPoint points[2];
  std::string longest(kShortPathBytes - 1, 'x'), longer(kShortPathBytes, 'x');
  longest[0] = longer[0] = '/';
  ASSERT_TRUE(add_mount(directory_, record(7, longest.c_str())));
  ASSERT_EQ(read_mount_points(directory_.c_str(), geteuid(), points, 2).value_or(99), 1u);
  EXPECT_EQ(points[0].path, longest);
  ASSERT_TRUE(add_mount(directory_, record(8, "/mnt/b")));
  EXPECT_EQ(read_mount_points(directory_.c_str(), geteuid(), points, 1).error().errno_value(),
            ENAMETOOLONG);
  ASSERT_TRUE(add_mount(directory_, record(9, longer.c_str())));
  EXPECT_EQ(read_mount_points(directory_.c_str(), geteuid(), points, 2).error().errno_value(),
            ENAMETOOLONG);
}

TEST_F(RegistryTest, mount_points_of_a_file_that_others_may_write_are_refused) {
  ASSERT_TRUE(add_mount(directory_, record(7, "/mnt/a")));
  chmod((directory_ + "/mounts").c_str(), 0666);
  MountPoint points[1];
  EXPECT_EQ(read_mount_points(directory_.c_str(), geteuid(), points, 1).error().errno_value(),
            EPERM);
  std::ofstream(directory_ + "/mounts", std::ios::trunc) << "not a registry at all";
  chmod((directory_ + "/mounts").c_str(), 0644);
  EXPECT_EQ(read_mount_points(directory_.c_str(), geteuid(), points, 1).error().errno_value(),
            EINVAL);
}

TEST_F(RegistryTest, a_file_that_others_may_write_is_refused) {
  ASSERT_TRUE(add_mount(directory_, record(7, "/mnt/a")));
  chmod((directory_ + "/mounts").c_str(), 0666);
  MountRecord mounts[1];
  EXPECT_EQ(read_mounts(directory_.c_str(), geteuid(), mounts, 1).error().errno_value(), EPERM);
}

TEST_F(RegistryTest, a_torn_or_foreign_file_is_refused) {
  std::ofstream(directory_ + "/mounts") << "not a registry at all";
  chmod((directory_ + "/mounts").c_str(), 0644);
  MountRecord mounts[1];
  EXPECT_EQ(read_mounts(directory_.c_str(), geteuid(), mounts, 1).error().errno_value(), EINVAL);
}

TEST_F(RegistryTest, the_run_directory_follows_the_environment) {
  char directory[kDirectoryBytes];
  const char* own[] = {"A=b", "BTFUSE_RUN_DIR=/tmp/x", nullptr};
  ASSERT_TRUE(run_directory(own, 0, directory));
  EXPECT_STREQ(directory, "/tmp/x");
  const char* runtime[] = {"XDG_RUNTIME_DIR=/run/user/7", nullptr};
  ASSERT_TRUE(run_directory(runtime, 7, directory));
  EXPECT_STREQ(directory, "/run/user/7/btfuse");
  ASSERT_TRUE(run_directory(runtime, 0, directory));
  EXPECT_STREQ(directory, "/run/btfuse");
  ASSERT_TRUE(run_directory(nullptr, 7, directory));
  EXPECT_STREQ(directory, "/tmp/btfuse-7");
}

TEST_F(RegistryTest, the_volume_opens_through_the_daemons_descriptor) {
  int file = memfd_create("volume", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(file, 8192), 0);
  MountRecord mount = record(7, "/mnt/a");
  mount.volume_descriptor = file;
  mount.volume_size = 8192;
  auto opened = open_volume(mount);
  ASSERT_TRUE(opened);
  close(*opened);
  mount.volume_size = 4096;
  EXPECT_EQ(open_volume(mount).error().errno_value(), ESTALE);
  close(file);
}

}  // namespace
}  // namespace bt::registry
