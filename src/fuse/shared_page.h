// SPDX-License-Identifier: MIT
// What the supervisor and its successive workers share: an anonymous page that survives a worker. It holds what the next
// worker must know of the kernel connection, and how far this one has got.
#pragma once

#include <atomic>
#include <cstdint>

namespace bt::fuse {

inline constexpr uint32_t kInitBytesMax = 512;

struct SharedPage {
  std::atomic<uint32_t> init_size{0};  // bytes of init_request; 0: the kernel has not spoken yet
  std::atomic<uint32_t> init_answered{
      0};  // the kernel has its reply: a later worker only teaches libfuse
  std::atomic<uint32_t> protocol_minor{0};
  std::atomic<uint32_t> is_serving{
      0};  // threads are reading the device; cleared by the supervisor at a restart
  std::atomic<uint32_t> generation{0};  // which worker this is, from 1
  std::atomic<uint32_t> stop{0};        // the supervisor wants the worker to end
  std::atomic<uint64_t> requests{0};    // hint: read by all workers so far, for the log
  char init_request[kInitBytesMax];     // the INIT request, byte for byte
  char problem[512];                    // why the worker ended without serving; terminated
};
static_assert(sizeof(SharedPage) <= 4096);

}  // namespace bt::fuse
