// SPDX-License-Identifier: MIT
// Planted bugs: places where the crash test (tests/crash) breaks the protocol of transactions on purpose, to prove that it
// would notice. BT_PLANT(name) is the constant false everywhere else, so nothing of them is in what users run.
#pragma once

#include <cstdint>

#ifdef BT_PLANTS
extern uint32_t bt_planted;  // 0: none
namespace bt::base {
enum class Plant : uint32_t {
  kNone,
#define BT_PLANT_ROW(name, what, operation) k_##name,
#include "base/plants.def"
#undef BT_PLANT_ROW
};
}  // namespace bt::base
#define BT_PLANT(name) (bt_planted == static_cast<uint32_t>(::bt::base::Plant::k_##name))
#else
#define BT_PLANT(name) false
#endif
