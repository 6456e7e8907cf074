// SPDX-License-Identifier: MIT
#include "metrics/trace.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

namespace bt::metrics {
namespace {

struct TraceTest : testing::Test {
  std::unique_ptr<Block> block = std::make_unique<Block>();
  uint64_t trace_until = UINT64_MAX;

  void record(const std::string& path, int64_t result) {
    Meter meter(*block, trace_until);
    meter.served(Operation::k_open, Way::k_in_process);
    TracedCall call;
    call.operation = Operation::k_open;
    call.result = result;
    call.path = path.data();
    call.path_size = call.path_kept = static_cast<uint32_t>(path.size());
    trace(*block, meter.timing(), call);
  }
};

TEST_F(TraceTest, gives_back_what_was_recorded) {
  record("/mnt/file", 3);
  TraceRecord out{};
  ASSERT_TRUE(read_trace(*block, 1, out));
  EXPECT_EQ(out.result, 3);
  EXPECT_EQ(std::string(out.path, out.path_size), "/mnt/file");
  EXPECT_FALSE(read_trace(*block, 2, out));
}

TEST_F(TraceTest, keeps_the_end_of_a_long_path) {
  std::string path = std::string(500, 'x') + "/end";
  record(path, 0);
  TraceRecord out{};
  ASSERT_TRUE(read_trace(*block, 1, out));
  EXPECT_EQ(out.path_size, 504);
  EXPECT_TRUE(std::string(out.path, kTracePathBytes).ends_with("/end"));
}

TEST_F(TraceTest, overwritten_records_are_told_from_present_ones) {
  for (uint32_t i = 1; i <= kTraceRecords + 1; i++) record("p", i);
  TraceRecord out{};
  EXPECT_FALSE(read_trace(*block, 1, out));
  ASSERT_TRUE(read_trace(*block, 2, out));
  EXPECT_EQ(out.result, 2);
}

TEST_F(TraceTest, a_reader_beside_the_writer_never_sees_a_torn_record) {
  constexpr int64_t kRecords = 20000;
  std::thread writer([&] {
    for (int64_t i = 1; i <= kRecords; i++)
      record(std::string(static_cast<size_t>(i % 100), static_cast<char>('a' + i % 26)), i);
  });
  uint64_t seen = 0;
  for (uint64_t number = 1; number <= kRecords;) {
    TraceRecord out{};
    if (read_trace(*block, number, out)) {
      seen++;
      ASSERT_EQ(out.result, static_cast<int64_t>(number));
      ASSERT_EQ(out.path_size, number % 100);
      for (uint32_t i = 0; i < out.path_size; i++)
        ASSERT_EQ(out.path[i], static_cast<char>('a' + number % 26));
      number++;
    } else if (__atomic_load_n(&block->trace_head, __ATOMIC_RELAXED) > number) {
      number++;
    } else {
      std::this_thread::yield();
    }
  }
  writer.join();
  EXPECT_GT(seen, 0u);
}

}  // namespace
}  // namespace bt::metrics
