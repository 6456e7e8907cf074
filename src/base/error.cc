// SPDX-License-Identifier: MIT
#include "base/error.h"

namespace bt::base {
namespace {
struct Row {
  int errno_value;
  const char* text;
};
constexpr Row kRows[] = {
#define BT_ERROR(name, errno_value, text) {errno_value, text},
#include "base/errors.def"
#undef BT_ERROR
};
static_assert(sizeof(kRows) / sizeof(kRows[0]) == detail::kNamedErrorCount);
}  // namespace

int Error::errno_value() const {
  if (code_ < kFirstNamedError) return code_;
  unsigned index = code_ - kFirstNamedError;
  return index < detail::kNamedErrorCount ? kRows[index].errno_value : EIO;
}

const char* Error::text() const {
  if (code_ < kFirstNamedError) return "";
  unsigned index = code_ - kFirstNamedError;
  return index < detail::kNamedErrorCount ? kRows[index].text : "unknown cause";
}

}  // namespace bt::base
