// SPDX-License-Identifier: MIT
// btfuse sync: when it comes back, the directory behind the mount has everything that was written on the mount before.
#include <unistd.h>

#include "cli/command.h"
#include "cli/volume_view.h"
#include "engine/data.h"
#include "origin/directory.h"
#include "registry/reader.h"
#include "registry/writer.h"

namespace bt::cli {
namespace {

// A session of our own, for as long as the work takes.
class Visit {
 public:
  explicit Visit(engine::Volume& volume) {
    thread_.volume = &volume;
    auto pid = static_cast<uint32_t>(getpid());
    auto session = engine::open_session(thread_, pid, registry::process_start_time(pid), geteuid());
    if (!session) throw command_error("sync", session.error());
    session_ = *session;
    credentials_.trusted = true;
  }
  ~Visit() { (void)engine::close_session(context_, session_).has_value(); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  engine::Context& context() { return context_; }

 private:
  engine::Thread thread_;
  engine::Credentials credentials_;
  engine::Context context_{thread_, credentials_};
  format::SessionIndex session_{};
};

}  // namespace

int cmd_sync(Arguments& arguments) {
  VolumeView view(arguments.words(1, 1)[0]);
  Result<int32_t> source = registry::open_source(view.mount());
  if (!source && source.error().errno_value() == ENOENT)
    return 0;  // a scratch volume: nothing is behind it
  if (!source) throw command_error(view.mount_point() + ": its directory", source.error());
  origin::Source directory{*source};
  origin::install(view.volume(), directory);
  Visit visit(view.volume());
  if (Result<void> synced = engine::sync_volume(visit.context()); !synced)
    throw command_error("sync " + view.mount_point(), synced.error());
  ::sync();
  close(*source);
  return 0;
}

}  // namespace bt::cli
