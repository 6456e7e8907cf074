// SPDX-License-Identifier: MIT
// For tests: a volume with a real directory behind it, which is empty and goes with the test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/data.h"
#include "engine/operations.h"
#include "engine/test_volume.h"
#include "origin/directory.h"

namespace bt::origin {

using engine::InodeNumber;
using format::kRootInode;

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

  std::string get(const std::string& path) {
    std::ifstream file(source / path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Result<InodeNumber> look(InodeNumber directory, const std::string& name) {
    engine::Found found;
    BT_TRY(engine::lookup(test.context(), directory, base::text_of(name.c_str()), found));
    return found.inode;
  }
  InodeNumber look(const std::string& name) {
    auto found = look(kRootInode, name);
    EXPECT_TRUE(found.has_value()) << name;
    return found ? *found : InodeNumber{};
  }
  std::string read(InodeNumber inode, uint64_t offset = 0, uint64_t size = 1 << 20) {
    std::string bytes(size, 0);
    engine::Piece piece{bytes.data(), size};
    auto got = engine::read(test.context(), inode, offset, &piece, 1);
    EXPECT_TRUE(got.has_value()) << got.error().errno_value();
    bytes.resize(got ? *got : 0);
    return bytes;
  }
  void write(InodeNumber inode, uint64_t offset, std::string bytes) {
    engine::Piece piece{bytes.data(), bytes.size()};
    uint64_t end;
    auto wrote = engine::write(test.context(), inode, offset, &piece, 1, {}, end);
    ASSERT_TRUE(wrote.has_value()) << wrote.error().errno_value();
    ASSERT_EQ(*wrote, bytes.size());
  }
  InodeNumber make(const std::string& name, uint32_t mode) {
    engine::NewInode what;
    what.mode = mode;
    engine::Attributes made;
    auto result =
        engine::create(test.context(), kRootInode, base::text_of(name.c_str()), what, made);
    EXPECT_TRUE(result.has_value()) << result.error().errno_value();
    return made.inode;
  }
  void next_epoch() { superblock.origin_epoch++; }

  std::filesystem::path source;
  Source root;
  engine::TestVolume test;
  format::Superblock& superblock = test.volume.superblock();
};

}  // namespace bt::origin
