// SPDX-License-Identifier: MIT
// For tests: a volume with a real directory behind it, which is empty and goes with the test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/test_volume.h"
#include "origin/directory.h"

namespace bt::origin {

class SourceTest : public testing::Test {
 protected:
  SourceTest() {
    char pattern[] = "/tmp/btfuse-origin-test.XXXXXX";
    source = mkdtemp(pattern);
    root.root = open(source.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    install(test.volume, root);
    superblock.origin_mode = 1;
    superblock.origin_epoch = 1;
    superblock.dirty_pages_max = 1000;
    EXPECT_TRUE(adopt_root(test.context()).has_value());
  }
  ~SourceTest() override {
    close(root.root);
    std::filesystem::remove_all(source);
  }

  // A file of the directory, with the directories above it.
  void put(const std::string& path, const std::string& bytes) {
    std::filesystem::create_directories((source / path).parent_path());
    std::ofstream(source / path) << bytes;
  }

  std::filesystem::path source;
  Source root;
  engine::TestVolume test;
  format::Superblock& superblock = test.volume.superblock();
};

}  // namespace bt::origin
