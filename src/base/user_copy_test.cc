// SPDX-License-Identifier: MIT
#include "base/user_copy.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace bt::base {
namespace {

// Stands in for agent/fault.cc.
void on_fault(int, siginfo_t*, void* raw) {
  auto& pc = static_cast<ucontext_t*>(raw)->uc_mcontext.gregs[REG_RIP];
  uint64_t fixup = find_fixup(static_cast<uint64_t>(pc));
  if (!fixup) abort();
  pc = static_cast<greg_t>(fixup);
}

class UserCopy : public testing::Test {
 protected:
  void SetUp() override {
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    // Three OS pages, the last of them unmapped.
    memory_ = static_cast<char*>(
        mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    munmap(memory_ + 8192, 4096);
  }
  void TearDown() override { munmap(memory_, 8192); }
  char* end() { return memory_ + 8192; }
  char* memory_ = nullptr;
};

TEST_F(UserCopy, copies_every_size_exactly_and_nothing_around_it) {
  std::vector<char> source(6000), destination(6000);
  for (size_t i = 0; i < source.size(); i++) source[i] = static_cast<char>(i * 7 + (i >> 8));
  for (uint64_t size = 0; size < 5000; size += size < 700 ? 1 : 61) {
    std::fill(destination.begin(), destination.end(), 'x');
    ASSERT_TRUE(copy_to_user(destination.data() + 3, source.data() + 1, size));
    ASSERT_EQ(0, memcmp(destination.data() + 3, source.data() + 1, size)) << size;
    ASSERT_EQ('x', destination[2]);
    ASSERT_EQ('x', destination[3 + size]);
  }
}

TEST_F(UserCopy, a_fault_on_either_side_gives_false) {
  std::vector<char> buffer(5000);
  for (uint64_t size : {1, 2, 3, 5, 9, 17, 100, 255, 256, 300, 4096, 5000}) {
    EXPECT_TRUE(copy_from_user(buffer.data(), end() - size, size)) << size;
    EXPECT_FALSE(copy_from_user(buffer.data(), end() - size + 1, size)) << size;
    EXPECT_FALSE(copy_to_user(end() - size + 1, buffer.data(), size)) << size;
    EXPECT_FALSE(zero_user(end() - size + 1, size)) << size;
    EXPECT_FALSE(copy_to_user(nullptr, buffer.data(), size));
  }
}

TEST_F(UserCopy, vector_registers_survive_copies_and_faults) {
  if (!__builtin_cpu_supports("avx")) GTEST_SKIP();
  std::vector<char> buffer(4096);
  char before[128], after[128];
  for (int i = 0; i < 128; i++) before[i] = static_cast<char>(i + 1);
  for (char* source : {memory_, end() - 100}) {
    bool good;
    void* to = buffer.data();
    const void* from = source;
    uint64_t size = 4096;
    asm volatile(
        "vmovups (%[in]), %%ymm0; vmovups 32(%[in]), %%ymm1\n"
        "vmovups 64(%[in]), %%ymm2; vmovups 96(%[in]), %%ymm3\n"
        "sub $128, %%rsp; call bt_user_copy; add $128, %%rsp\n"
        "vmovups %%ymm0, (%[out]); vmovups %%ymm1, 32(%[out])\n"
        "vmovups %%ymm2, 64(%[out]); vmovups %%ymm3, 96(%[out]); vzeroupper\n"
        : "=&a"(good), "+D"(to), "+S"(from), "+d"(size)
        : [in] "b"(before), [out] "r"(after)
        : "rcx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3");
    EXPECT_EQ(source == memory_, good);
    EXPECT_EQ(0, memcmp(before, after, 128));
  }
}

TEST_F(UserCopy, strings_end_at_their_terminator_even_at_the_end_of_memory) {
  char buffer[64];
  for (size_t length = 0; length < 40; length++) {
    char* string = end() - length - 1;
    memset(string, 'a', length);
    string[length] = 0;
    ASSERT_EQ(static_cast<int64_t>(length), copy_string_from_user(buffer, string, sizeof buffer));
    ASSERT_EQ(length, strlen(buffer));
  }
  memset(end() - 10, 'a', 10);
  EXPECT_EQ(-EFAULT, copy_string_from_user(buffer, end() - 10, sizeof buffer));
  EXPECT_EQ(-ENAMETOOLONG, copy_string_from_user(buffer, end() - 10, 10));
  EXPECT_EQ(-EFAULT, copy_string_from_user(buffer, nullptr, sizeof buffer));
}

TEST_F(UserCopy, words_load_or_say_that_they_cannot) {
  uint64_t word = 0x1122334455667788;
  memcpy(end() - 8, &word, 8);
  uint64_t u64 = 0;
  uint32_t u32 = 0;
  uint8_t u8 = 0;
  EXPECT_TRUE(load_user_u64(end() - 8, u64) && u64 == word);
  EXPECT_TRUE(load_user_u32(end() - 4, u32) && u32 == 0x11223344);
  EXPECT_TRUE(load_user_u8(end() - 1, u8) && u8 == 0x11);
  EXPECT_FALSE(load_user_u64(end() - 7, u64));
  EXPECT_FALSE(load_user_u32(end() - 3, u32));
  EXPECT_FALSE(load_user_u8(end(), u8));
}

}  // namespace
}  // namespace bt::base
