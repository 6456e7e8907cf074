// SPDX-License-Identifier: MIT
// A value or an Error, in two registers. The member names are those of std::expected (C++23), so that it can take over.
// T is trivially copyable and at most 8 bytes; bigger outputs go through a last reference argument, written on success.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/error.h"

namespace bt::base {

template <typename T>
concept FitsRegister = std::is_trivially_copyable_v<T> && sizeof(T) <= 8;

template <typename T = void>
class [[nodiscard]] Result;

template <FitsRegister T>
class [[nodiscard]] Result<T> {
 public:
  constexpr Result(T value) noexcept : value_(value), code_(0) {}  // NOLINT: implicit by design
  constexpr Result(Error error) noexcept : value_(), code_(error.code()) {}  // NOLINT

  constexpr bool has_value() const { return code_ == 0; }
  constexpr explicit operator bool() const { return has_value(); }
  // Precondition of value and *: has_value(). Of error: !has_value().
  constexpr T value() const { return value_; }
  constexpr T operator*() const { return value_; }
  constexpr T value_or(T other) const { return has_value() ? value_ : other; }
  constexpr Error error() const { return Error(code_); }

 private:
  T value_;
  uint32_t code_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  constexpr Result() noexcept : code_(0) {}
  constexpr Result(Error error) noexcept : code_(error.code()) {}  // NOLINT

  constexpr bool has_value() const { return code_ == 0; }
  constexpr explicit operator bool() const { return has_value(); }
  constexpr Error error() const { return Error(code_); }

 private:
  uint32_t code_;
};

// The only place where our errors become the kernel's ABI: −errno, or the value.
inline int64_t to_kernel_return(Result<void> result) {
  return result ? 0 : -static_cast<int64_t>(result.error().errno_value());
}
template <FitsRegister T>
inline int64_t to_kernel_return(Result<T> result) {
  return result ? static_cast<int64_t>(result.value())
                : -static_cast<int64_t>(result.error().errno_value());
}

}  // namespace bt::base

namespace bt {
using base::Result;
}

#define BT_CONCAT_(a, b) a##b
#define BT_CONCAT(a, b) BT_CONCAT_(a, b)

// BT_TRY(expr): return the error to the caller, if it is one.
// BT_TRY_ASSIGN(declaration, expr): the same, else the value.
#define BT_TRY(expression)                                      \
  do {                                                          \
    if (auto bt_result = (expression); !bt_result) [[unlikely]] \
      return bt_result.error();                                 \
  } while (0)
#define BT_TRY_ASSIGN(declaration, expression)         \
  auto BT_CONCAT(bt_result_, __LINE__) = (expression); \
  if (!BT_CONCAT(bt_result_, __LINE__)) [[unlikely]]   \
    return BT_CONCAT(bt_result_, __LINE__).error();    \
  declaration = *BT_CONCAT(bt_result_, __LINE__)
