// SPDX-License-Identifier: MIT
#include "posix/mapping.h"

namespace bt::posix {

Result<uint64_t> map_volume_pages(const OpenFile&, const MapRequest&) { return pass(Way::k_passed_unsupported); }
Result<uint64_t> remap_volume_pages(const RemapRequest&) { return pass(Way::k_passed_unsupported); }
bool any_mapping_in(uint64_t, uint64_t) { return false; }
void forget_mappings(uint64_t, uint64_t) {}
bool mapping_fault(uint64_t) { return false; }

}  // namespace bt::posix
