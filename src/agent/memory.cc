// SPDX-License-Identifier: MIT
// The four functions that a compiler calls on its own. Hidden: the program keeps its libc's.
#include <cstddef>
#include <cstdint>

#include "agent/agent.h"
#include "base/user_copy.h"

extern "C" {

BT_HIDDEN void* memcpy(void* destination, const void* source, size_t size) {
  bt::base::bt_user_copy(destination, source, size);
  return destination;
}

BT_HIDDEN void* memset(void* destination, int value, size_t size) {
  void* at = destination;
  asm volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
  return destination;
}

BT_HIDDEN void* memmove(void* destination, const void* source, size_t size) {
  auto* to = static_cast<unsigned char*>(destination);
  auto* from = static_cast<const unsigned char*>(source);
  if (to <= from || to >= from + size) {
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
  } else {
    to += size - 1;
    from += size - 1;
    asm volatile("std\n rep movsb\n cld" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
  }
  return destination;
}

BT_HIDDEN int memcmp(const void* left, const void* right, size_t size) {
  auto* a = static_cast<const volatile unsigned char*>(left);
  auto* b = static_cast<const volatile unsigned char*>(right);
  for (size_t i = 0; i < size; i++)
    if (int difference = a[i] - b[i]) return difference;
  return 0;
}

}  // extern "C"
