// SPDX-License-Identifier: MIT
#include "metrics/incidents.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace bt::metrics {
namespace {

TEST(Incidents, are_read_back_and_the_oldest_are_overwritten) {
  auto control = std::make_unique<Control>();
  Incident out{};
  EXPECT_FALSE(read_incident(*control, 0, out));
  EXPECT_FALSE(read_incident(*control, 1, out));
  for (uint32_t i = 1; i <= kIncidentsMax + 1; i++)
    note_incident(*control, IncidentKind::kThreadRepaired, i, 1, 2 * i);
  EXPECT_EQ(control->incident_count, kIncidentsMax + 1);
  EXPECT_FALSE(read_incident(*control, 1, out));
  ASSERT_TRUE(read_incident(*control, 2, out));
  EXPECT_EQ(out.who, 2u);
  EXPECT_EQ(out.detail, 4u);
  EXPECT_EQ(std::string(incident_name(out.kind)), "thread_repaired");
  EXPECT_FALSE(read_incident(*control, kIncidentsMax + 2, out));
}

}  // namespace
}  // namespace bt::metrics
