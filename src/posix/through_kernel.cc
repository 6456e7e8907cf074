// SPDX-License-Identifier: MIT
#include "posix/through_kernel.h"

#include <sys/syscall.h>

#include "base/syscall.h"
#include "format/hidden_name.h"
#include "metrics/meter.h"
#include "posix/materialise.h"

namespace bt::posix {

Result<uint64_t> through_kernel(const OpenFile& file, int64_t number, uint64_t b, uint64_t c,
                                uint64_t d, uint64_t e, uint64_t f) {
  metrics::count_event(*file.self->engine[file.mount->index].block,
                       metrics::Event::k_calls_for_kernel_pages);
  BT_TRY_ASSIGN(int32_t fd, open_apart(file, format::kOpenedForOneCall));
  auto word = [](uint64_t value) { return static_cast<int64_t>(value); };
  auto result =
      from_kernel(base::raw_syscall(number, fd, word(b), word(c), word(d), word(e), word(f)));
  base::raw_syscall(SYS_close, fd);
  if (!result) return result.error();
  return static_cast<uint64_t>(*result);
}

}  // namespace bt::posix
