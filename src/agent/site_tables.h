// SPDX-License-Identifier: MIT
// Where the table of a library comes from: compiled in for the libraries the build knew, else a cache file that
// `btfuse run` wrote, in the folder that BTFUSE_SITES names.
#pragma once

#include <cstdint>

#include "base/site_table.h"

namespace bt::agent {

// The folder of cache files; null: none. The text must stay. False: it is not there.
bool set_site_cache(const char* folder);

// Opens the table's image, which stands beside the agent (`agent_path`); negative when there is none to be trusted.
int64_t open_site_image(const base::SiteTable& table, const char* agent_path);

// False when there is none. A cache file stays mapped.
bool find_site_table(const uint8_t* build_id, base::SiteTable& table);

}  // namespace bt::agent
