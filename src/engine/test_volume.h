// SPDX-License-Identifier: MIT
// For tests: a formatted volume in shared memory of this process, so that fork children work on it too, with the calling
// thread attached as root.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/assert.h"
#include "engine/check.h"
#include "engine/thread.h"

namespace bt::engine {

// A thread of any process, attached to a volume somebody else made. Its token is given back at the end.
class TestThread {
 public:
  // session kNone: opens one of its own.
  explicit TestThread(Volume& volume, SessionIndex session = SessionIndex::kNone) {
    thread.volume = &volume;
    if (session == SessionIndex::kNone) {
      auto opened = open_session(thread, static_cast<uint32_t>(getpid()), ++start_times, getuid());
      refused = !opened;
    } else {
      refused = !attach_thread(thread, session);
    }
  }
  ~TestThread() { detach_thread(thread); }
  TestThread(const TestThread&) = delete;

  bool refused = false;
  Thread thread;
  Credentials credentials{.dac_override = true,
                          .dac_read_search = true,
                          .fowner = true,
                          .chown = true,
                          .fsetid = true,
                          .mknod = true,
                          .sys_admin = true};
  Context context{thread, credentials};

 private:
  static inline uint64_t start_times = 0;
};

class TestVolume {
 public:
  explicit TestVolume(uint64_t volume_size = 64ull << 20, uint32_t options = 0) {
    base::assertion_handler = [](const char* expression, const char* file, uint32_t line) {
      ADD_FAILURE_AT(file, static_cast<int>(line)) << expression;
      std::abort();
    };
    FormatOptions format_options;
    format_options.volume_size = volume_size;
    format_options.options = options;
    format_options.id = 0x7e57;
    format_options.now_ns = 1'700'000'000'000'000'000;
    size = Volume::volume_size_for(format_options);
    memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
                  -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    EXPECT_TRUE(Volume::format(memory, size, format_options).has_value());
    EXPECT_TRUE(Volume::attach(memory, size, volume).has_value());
    main = std::make_unique<TestThread>(volume);
    EXPECT_FALSE(main->refused);
  }
  // Every test ends with a check of all invariants, unless it damaged something on purpose.
  ~TestVolume() {
    if (check_at_end) {
      EXPECT_EQ(check(), "");
    }
    main.reset();
    EXPECT_FALSE(is_linked()) << "a token is on this thread's robust list still";
    munmap(memory, size);
  }
  TestVolume(const TestVolume&) = delete;

  Context& context() { return main->context; }
  Thread& thread() { return main->thread; }
  SessionIndex session() const { return main->thread.session; }

  // The broken rules, one a line; "" when all is well.
  std::string check() {
    std::vector<char> scratch(check_scratch_size(volume));
    std::ostringstream broken;
    auto add = [](void* argument, const Violation& v) {
      *static_cast<std::ostringstream*>(argument)
          << v.rule << ": object " << v.object << ", expected " << v.expected << ", found "
          << v.found << "\n";
    };
    auto checked = check_volume(context(), scratch.data(), add, &broken, report);
    if (!checked) broken << "not checked: " << checked.error().errno_value() << "\n";
    return broken.str();
  }

  // Leaves a volume whose slot has rubbish in it: only the token is given back.
  void abandon() {
    shm::detach_token(main->thread.robust, main->thread.slot->token);
    main->thread.slot = nullptr;
  }

  // Whether the calling thread's list of robust futexes leads into the volume, which is about to be unmapped.
  bool is_linked() const {
    shm::RobustList list;
    if (!shm::find_robust_list(list)) return true;
    auto begin = reinterpret_cast<uint64_t>(memory);
    for (const robust_list* at = list.head->list.next; at != &list.head->list; at = at->next) {
      auto entry = reinterpret_cast<uint64_t>(at);
      if (entry >= begin && entry < begin + size) return true;
    }
    return false;
  }

  // Runs `body(TestThread&)` in a fork child with a session of its own, which then dies by SIGKILL, and waits until the
  // kernel has marked its token.
  template <typename Body>
  void in_killed_process(Body body) {
    pid_t pid = fork();
    if (pid == 0) {
      TestThread child(volume);
      if (child.refused) _exit(1);
      body(child);
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    for (uint32_t i = 1; i < volume.slots_used(); i++)
      while (shm::token_word(volume.slot(SlotIndex{i})->token) == static_cast<uint32_t>(pid))
        usleep(100);
  }

  bool check_at_end = true;
  CheckReport report = {};
  void* memory = nullptr;
  uint64_t size = 0;
  Volume volume;
  std::unique_ptr<TestThread> main;
};

}  // namespace bt::engine
