// SPDX-License-Identifier: MIT
#include "metrics/names.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

namespace bt::metrics {
namespace {

TEST(Names, come_from_the_table) {
  EXPECT_STREQ(operation_name(static_cast<uint32_t>(Operation::k_rename)), "rename");
  EXPECT_STREQ(way_name(static_cast<uint32_t>(Way::k_in_process)), "in_process");
  EXPECT_STREQ(event_name(static_cast<uint32_t>(Event::k_transactions)), "transactions");
  EXPECT_STREQ(call_name(SYS_openat), "openat");
}

TEST(Names, of_what_is_out_of_range_are_a_question_mark) {
  EXPECT_STREQ(operation_name(kOperations), "?");
  EXPECT_STREQ(way_name(UINT32_MAX), "?");
  EXPECT_STREQ(event_text(kEvents), "?");
  EXPECT_STREQ(call_name(kNoCall), "?");
}

TEST(Names, reasons_and_nothing_else_count_as_passed) {
  for (uint32_t way = 0; way < kWays; way++)
    EXPECT_EQ(is_passed(way), std::string(way_name(way)).starts_with("passed_")) << way_name(way);
}

TEST(CallOperation, maps_system_calls) {
  EXPECT_EQ(call_operation::newfstatat, Operation::k_stat);
  EXPECT_EQ(call_operation::pwritev2, Operation::k_write);
}

}  // namespace
}  // namespace bt::metrics
