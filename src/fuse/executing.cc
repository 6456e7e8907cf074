// SPDX-License-Identifier: MIT
#include "fuse/executing.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/writers.h"
#include "fuse/housekeeper.h"

namespace bt::fuse {
namespace {

// A process whose new image has not been to the volume. Who has ended, waited for or not, holds nothing any more.
bool still_runs(const SessionView& view) {
  int pidfd = static_cast<int>(syscall(SYS_pidfd_open, view.pid, 0));
  if (pidfd < 0) return false;
  pollfd ended{pidfd, POLLIN, 0};
  bool runs = session_is_alive(view) && poll(&ended, 1, 0) == 0;
  close(pidfd);
  return runs;
}

}  // namespace

bool is_being_written(const engine::Volume& volume, format::InodeNumber inode) {
  using format::SessionIndex;
  SessionIndex session = SessionIndex::kNone;
  while ((session = engine::next_writer(volume, inode, session)) != SessionIndex::kNone) {
    SessionView view = view_session(*volume.session(session));
    if (view.heir ? still_runs(view) : engine::has_live_thread(volume, session)) return true;
  }
  return false;
}

}  // namespace bt::fuse
