// SPDX-License-Identifier: MIT
// What can go wrong, in 16 bits. 1–4095 are errno values; above are the named causes of errors.def, each of which maps
// to exactly one errno. Callers branch on the errno only; the cause is for the operator.
#pragma once

#include <cerrno>
#include <cstdint>

namespace bt::base {

inline constexpr uint16_t kFirstNamedError = 4096;

namespace detail {
enum NamedErrorIndex : uint16_t {
#define BT_ERROR(name, errno_value, text) k_##name,
#include "base/errors.def"
#undef BT_ERROR
  kNamedErrorCount
};
}  // namespace detail

class Error {
 public:
  // errno_value: 1..4095.
  constexpr explicit Error(int errno_value) : code_(static_cast<uint16_t>(errno_value)) {}
  constexpr static Error named(detail::NamedErrorIndex index) {
    return Error(kFirstNamedError + index);
  }

  constexpr uint16_t code() const { return code_; }
  // The errno a program is given; always 1..4095.
  int errno_value() const;
  // One line for an operator; a literal.
  const char* text() const;

  constexpr bool operator==(const Error&) const = default;

 private:
  uint16_t code_;
};

// One constant a row of errors.def: kVolumeCorrupt is written error::volume_corrupt.
namespace error {
#define BT_ERROR(name, errno_value, text) \
  inline constexpr Error name = Error::named(detail::k_##name);
#include "base/errors.def"
#undef BT_ERROR
}  // namespace error

}  // namespace bt::base

namespace bt {
using base::Error;
namespace error = base::error;
}  // namespace bt
