// SPDX-License-Identifier: MIT
#include "fuse/volume_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "metrics/meter.h"

namespace bt::fuse {
namespace {

int64_t clock_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000 + now.tv_nsec;
}

Result<void> format_file(const engine::FormatOptions& options, const VolumeFile& file) {
  void* memory =
      mmap(nullptr, file.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file.file, 0);
  if (memory == MAP_FAILED) return Error(errno);
  Result<void> result = engine::Volume::format(memory, file.size, options);
  engine::Volume volume;
  if (result) result = engine::Volume::attach(memory, file.size, volume);
  if (result) {
    // Readers turn clock ticks into time with these two.
    auto& control = volume.control();
    control.origin_ticks = metrics::clock_ticks();
    control.origin_ns = static_cast<uint64_t>(clock_ns(CLOCK_MONOTONIC));
  }
  munmap(memory, file.size);
  return result;
}

}  // namespace

Result<void> make_volume(engine::FormatOptions options, VolumeFile& made) {
  while (options.id == 0)
    if (getrandom(&options.id, sizeof options.id, 0) != sizeof options.id) return Error(errno);
  options.now_ns = clock_ns(CLOCK_REALTIME);
  VolumeFile file;
  file.id = options.id;
  file.size = engine::Volume::volume_size_for(options);
  file.file = memfd_create("btfuse-volume", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file.file < 0) return Error(errno);
  Result<void> result;
  if (ftruncate(file.file, static_cast<off_t>(file.size)) != 0 ||
      // Nobody who maps it can make our accesses fault by shrinking it.
      fcntl(file.file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    result = Error(errno);
  else
    result = format_file(options, file);
  if (!result) {
    close(file.file);
    return result;
  }
  made = file;
  return {};
}

Result<void> map_volume(const VolumeFile& file, engine::Volume& volume) {
  void* memory =
      mmap(nullptr, file.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file.file, 0);
  if (memory == MAP_FAILED) return Error(errno);
  // A core of ours must not drag the volume along.
  madvise(memory, file.size, MADV_DONTDUMP);
  return engine::Volume::attach(memory, file.size, volume);
}

}  // namespace bt::fuse
