// SPDX-License-Identifier: MIT
// NAME=VALUE for a `const volatile` variable of an object, before it is loaded: how a policy is told its paths.
#pragma once

#include <bpf/libbpf.h>

#include <string>
#include <utility>
#include <vector>

namespace bt::loader {

// Integers (decimal or 0x), booleans and character arrays. Throws ObjectError: no such variable, value does not fit.
void apply_settings(bpf_object* object,
                    const std::vector<std::pair<std::string, std::string>>& settings);

}  // namespace bt::loader
