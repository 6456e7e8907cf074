// SPDX-License-Identifier: MIT
#include "shm/token.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace bt::shm {
namespace {
using format::TokenRecord;

class TokenTest : public testing::Test {
 protected:
  void SetUp() override {
    void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    tokens = static_cast<TokenRecord*>(memory);
  }
  void TearDown() override { munmap(tokens, 4096); }

  // The kernel marks the word while the thread exits; wait() may return a little later or earlier.
  bool dies(const TokenRecord& token) {
    for (int i = 0; i < 10000; i++) {
      if (is_dead(token_word(token))) return true;
      usleep(1000);
    }
    return false;
  }
  template <typename Child>
  void in_killed_child(Child child) {
    pid_t pid = fork();
    if (pid == 0) {
      child();
      raise(SIGKILL);
    }
    int status;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  TokenRecord* tokens = nullptr;
};

TEST_F(TokenTest, is_alive_while_its_thread_lives_and_free_after_detach) {
  RobustList list;
  ASSERT_TRUE(find_robust_list(list));
  EXPECT_EQ(claim_token(list, tokens[0]), Claim::kFresh);
  EXPECT_TRUE(is_alive(token_word(tokens[0])));
  EXPECT_EQ(claim_token(list, tokens[0]), Claim::kBusy);
  EXPECT_TRUE(detach_token(list, tokens[0]));
  EXPECT_EQ(token_word(tokens[0]), 0u);
}

// Whoever may write into the volume may write there; it must not make this process load or store anywhere.
TEST_F(TokenTest, links_that_are_nonsense_are_not_followed) {
  uint64_t bystander[3] = {7, 7, 7};
  for (uint64_t nonsense : {uint64_t{0}, uint64_t{8}, ~uint64_t{7}, uint64_t{1} << 63,
                            reinterpret_cast<uint64_t>(&bystander[1])})
    for (bool forward : {true, false}) {
      RobustList list;
      ASSERT_TRUE(find_robust_list(list));
      ASSERT_EQ(claim_token(list, tokens[0]), Claim::kFresh);
      uint64_t& link = forward ? tokens[0].list_next : tokens[0].list_previous;
      uint64_t sound = link;
      link = nonsense;
      EXPECT_FALSE(detach_token(list, tokens[0]));
      EXPECT_TRUE(is_alive(token_word(tokens[0])));
      link = sound;
      EXPECT_TRUE(detach_token(list, tokens[0]));
    }
  EXPECT_EQ(bystander[0] + bystander[1] + bystander[2], 21u);
}

// The kernel marks only words that hold the dead thread's own number, and follows so many entries and no more.
TEST_F(TokenTest, a_death_with_nonsense_links_harms_nobody) {
  tokens[2].word = static_cast<uint32_t>(getpid());
  for (uint64_t to : {reinterpret_cast<uint64_t>(&tokens[2].list_next),
                      reinterpret_cast<uint64_t>(&tokens[0].list_next), uint64_t{8}}) {
    in_killed_child([&] {
      RobustList list;
      if (!find_robust_list(list) || claim_token(list, tokens[0]) == Claim::kBusy) _exit(1);
      tokens[0].list_next = to;
    });
    EXPECT_TRUE(dies(tokens[0]));
    EXPECT_EQ(tokens[2].word, static_cast<uint32_t>(getpid()));
  }
  tokens[2].word = 0;
}

TEST_F(TokenTest, dies_with_a_killed_process) {
  in_killed_child([&] {
    RobustList list;
    if (!find_robust_list(list) || claim_token(list, tokens[0]) != Claim::kFresh) _exit(1);
  });
  EXPECT_TRUE(dies(tokens[0]));
}

TEST_F(TokenTest, dies_with_a_killed_process_while_held_briefly) {
  in_killed_child([&] {
    RobustList list;
    if (!find_robust_list(list) || claim_token_briefly(list, tokens[0]) != Claim::kFresh) _exit(1);
  });
  EXPECT_TRUE(dies(tokens[0]));
}

TEST_F(TokenTest, claim_of_a_dead_token_tells_so) {
  condemn_token(tokens[0]);
  EXPECT_EQ(token_word(tokens[0]), 0u) << "a free token has nobody to condemn";
  in_killed_child([&] {
    RobustList list;
    if (!find_robust_list(list)) _exit(1);
    claim_token(list, tokens[0]);
  });
  ASSERT_TRUE(dies(tokens[0]));
  RobustList list;
  ASSERT_TRUE(find_robust_list(list));
  EXPECT_EQ(claim_token_briefly(list, tokens[0]), Claim::kDead);
  release_token(list, tokens[0]);
  EXPECT_EQ(token_word(tokens[0]), 0u);
}

TEST_F(TokenTest, dies_with_its_thread_while_the_process_lives) {
  std::thread([&] {
    RobustList list;
    ASSERT_TRUE(find_robust_list(list));
    ASSERT_EQ(claim_token(list, tokens[0]), Claim::kFresh);
  }).join();
  EXPECT_TRUE(dies(tokens[0]));
}

TEST_F(TokenTest, dies_at_exec) {
  pid_t pid = fork();
  if (pid == 0) {
    RobustList list;
    if (!find_robust_list(list) || claim_token(list, tokens[0]) != Claim::kFresh) _exit(1);
    execl("/bin/sleep", "sleep", "10", nullptr);
    _exit(1);
  }
  EXPECT_TRUE(dies(tokens[0]));
  EXPECT_EQ(kill(pid, 0), 0) << "the process outlives its token";
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST_F(TokenTest, a_fork_child_has_none_of_its_parents_tokens) {
  RobustList list;
  ASSERT_TRUE(find_robust_list(list));
  ASSERT_EQ(claim_token(list, tokens[0]), Claim::kFresh);
  pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, nullptr, 0);
  EXPECT_TRUE(is_alive(token_word(tokens[0])));
  detach_token(list, tokens[0]);
}

TEST_F(TokenTest, lives_on_the_list_among_robust_mutexes) {
  in_killed_child([&] {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_t mutexes[3];
    for (auto& mutex : mutexes) pthread_mutex_init(&mutex, &attributes);
    RobustList list;
    if (!find_robust_list(list)) _exit(1);
    pthread_mutex_lock(&mutexes[0]);
    claim_token(list, tokens[0]);
    pthread_mutex_lock(&mutexes[1]);
    claim_token(list, tokens[1]);
    claim_token(list, tokens[2]);
    pthread_mutex_unlock(&mutexes[0]);
    pthread_mutex_lock(&mutexes[2]);
    if (!detach_token(list, tokens[1])) _exit(1);
    pthread_mutex_unlock(&mutexes[1]);
    pthread_mutex_lock(&mutexes[0]);
  });
  EXPECT_TRUE(dies(tokens[0]));
  EXPECT_EQ(token_word(tokens[1]), 0u);
  EXPECT_TRUE(dies(tokens[2]));
}

// The child of vfork, and of a raw clone, has no list registered: ours is.
TEST_F(TokenTest, a_thread_without_a_list_gets_one) {
  static RobustList list;
  pid_t pid = static_cast<pid_t>(syscall(SYS_fork));
  if (pid == 0) {
    bool fine = find_robust_list(list) && list.head == &list.own.head &&
                claim_token(list, tokens[0]) == Claim::kFresh;
    if (!fine) _exit(1);
    raise(SIGKILL);
  }
  int status;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(dies(tokens[0]));
}

TEST_F(TokenTest, is_refused_while_the_list_is_in_use) {
  RobustList list;
  ASSERT_TRUE(find_robust_list(list));
  robust_list* before = list.head->list_op_pending;
  list.head->list_op_pending = &list.head->list;
  EXPECT_EQ(claim_token(list, tokens[0]), Claim::kBusy);
  RobustList again;
  EXPECT_FALSE(find_robust_list(again));
  list.head->list_op_pending = before;
}
}  // namespace
}  // namespace bt::shm
