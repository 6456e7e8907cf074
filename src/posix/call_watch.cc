// SPDX-License-Identifier: MIT
// inotify, fanotify, name_to_handle_at: asked of the kernel about the mount. Changes made in-process raise no events
// (docs/posix.md); those through the kernel do.
#include <fcntl.h>

#include "posix/materialise.h"
#include "posix/serve.h"

namespace bt::posix {

namespace {

int64_t pass_with_directory(int32_t directory) {
  if (directory != AT_FDCWD && is_ours(static_cast<uint32_t>(directory)))
    if (auto made = hand_to_kernel(*thread_state.files, directory); !made) return answer(made);
  return answer_error(pass(Way::k_passed_unsupported));
}

}  // namespace

BT_SERVE(inotify_add_watch) { return kPassthrough; }
BT_SERVE(fanotify_mark) { return pass_with_directory(int_of(d)); }
BT_SERVE(name_to_handle_at) { return pass_with_directory(int_of(a)); }

}  // namespace bt::posix
