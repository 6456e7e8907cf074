// SPDX-License-Identifier: MIT
#include "agent/stub_writer.h"

#include <cstddef>

#include "agent/look.h"
#include "agent/thread_block.h"
#include "posix/first_look.h"

namespace bt::agent {
namespace {

constexpr uint8_t kIfAboveOrEqual = 0x83;
constexpr uint8_t kIfEqual = 0x84;
constexpr uint8_t kIfNotEqual = 0x85;

constexpr uint32_t kStubFormat = 3;  // to be raised with every change of this file

constexpr uint64_t mix(uint64_t hash, uint64_t value) { return (hash ^ value) * 0x100000001b3; }

}  // namespace

uint64_t stub_fingerprint() {
  uint64_t hash = mix(0xcbf29ce484222325, kStubFormat);
  for (int number = 0; number < BT_HANDLER_COUNT; number++) hash = mix(hash, look_of(number));
  hash = mix(hash, posix::DescriptorTable::kSize);
  hash = mix(hash, offsetof(posix::FirstLook, attached));
  hash = mix(hash, offsetof(posix::FirstLook, cwd_is_ours));
  hash = mix(hash, offsetof(posix::FirstLook, cwd_above_ours));
  hash = mix(hash, offsetof(posix::FirstLook, announced));
  return mix(hash, offsetof(posix::FirstLook, pool_is_filled));
}

void StubWriter::word(uint32_t value) {
  for (int i = 0; i < 4; i++) *at_++ = static_cast<uint8_t>(value >> (8 * i));
}

StubWriter::Jump StubWriter::jump_if(uint8_t condition) {
  bytes({0x0f, condition});
  Jump jump{at_};
  word(0);
  return jump;
}
void StubWriter::land(Jump jump) {
  uint64_t target = here();
  uint8_t* end = at_;
  at_ = jump.field;
  distance_to(target);
  at_ = end;
}

// Jumps to "ours" when the argument's descriptor has an entry in this thread's table, or the thread has no table yet.
void StubWriter::look_at_descriptor(int argument) {
  struct Register {
    bool extended;
    uint8_t number;
  };
  constexpr Register kArguments[] = {{false, 7}, {false, 6}, {false, 2}, {true, 2}, {true, 0}};
  Register reg = kArguments[argument];
  if (reg.extended) bytes({0x41});
  bytes({0x81, static_cast<uint8_t>(0xf8 | reg.number)});  // cmp $kSize, %reg32
  word(posix::DescriptorTable::kSize);
  Jump not_ours = jump_if(kIfAboveOrEqual);
  bytes({0x48, 0x8b, 0x0d});  // mov slot(%rip), %rcx
  distance_to(region_.address + offsetof(StubSlots, thread_table_offset));
  bytes({0x64, 0x48, 0x8b, 0x09});  // mov %fs:(%rcx), %rcx
  bytes({0x48, 0x85, 0xc9});        // test %rcx, %rcx
  ours_[ours_count_++] = jump_if(kIfEqual);
  // mov %reg32, %r11d: the number's upper half may be anything.
  bytes({static_cast<uint8_t>(reg.extended ? 0x45 : 0x41), 0x89,
         static_cast<uint8_t>(0xc3 | reg.number << 3)});
  bytes({0x4a, 0x83, 0x3c, 0xd9, 0x00});  // cmpq $0, (%rcx,%r11,8)
  ours_[ours_count_++] = jump_if(kIfNotEqual);
  land(not_ours);
}

// Jumps to "ours" when the 32-bit flag at that offset (below 128) of posix::first_look is set.
void StubWriter::look_at_flag(uint64_t flag_offset) {
  bytes({0x4c, 0x8b, 0x1d});  // mov slot(%rip), %r11
  distance_to(region_.address + offsetof(StubSlots, first_look));
  bytes({0x41, 0x83, 0x7b, static_cast<uint8_t>(flag_offset), 0x00});  // cmpl $0, offset(%r11)
  ours_[ours_count_++] = jump_if(kIfNotEqual);
}

// Jumps to "ours" while any eBPF program is loaded.
void StubWriter::look_at_programs() {
  bytes({0x4c, 0x8b, 0x1d});  // mov slot(%rip), %r11
  distance_to(region_.address + offsetof(StubSlots, loaded_programs));
  bytes({0x41, 0x83, 0x3b, 0x00});  // cmpl $0, (%r11)
  ours_[ours_count_++] = jump_if(kIfNotEqual);
}

uint64_t StubWriter::write(const base::Site& site, uint64_t base) {
  at_ += -here() & 15;
  uint64_t stub = here();
  ours_count_ = 0;
  for (uint32_t i = 0; i < site.displaced_size; i++) *at_++ = site.displaced[i];

  uint32_t look = site.number < 0 ? static_cast<uint32_t>(kAlways) : look_of(site.number);
  if (!(look & (kAlways | kNeedsEntry))) {
    for (int argument = 0; argument < 5; argument++)
      if (look & (kFd0 << argument)) look_at_descriptor(argument);
    if (look & kPool) look_at_flag(offsetof(posix::FirstLook, pool_is_filled));
    if (look & kCwd) {
      look_at_flag(offsetof(posix::FirstLook, cwd_is_ours));
      look_at_flag(offsetof(posix::FirstLook, cwd_above_ours));
    }
    if (look & (kAttached | kServing | kAttaches))
      look_at_flag(offsetof(posix::FirstLook, attached));
    if (look & (kServing | kAttaches)) look_at_flag(offsetof(posix::FirstLook, announced));
    // Programs see every call. The low half of the registry's word is not 0 while any is loaded.
    look_at_programs();
    bytes({0xe9});  // jmp to the site's syscall
    distance_to(base + site.syscall);
    for (int i = 0; i < ours_count_; i++) land(ours_[i]);
  }
  bytes({0x48, 0x8d, 0x0d});  // lea after(%rip), %rcx
  distance_to(base + site.syscall + 2);
  bytes({0xff, 0x25});  // jmp *slot(%rip)
  distance_to(region_.address +
              (site.number < 0 ? offsetof(StubSlots, entry_computed) : offsetof(StubSlots, entry)));
  return stub;
}

void redirect_site(const base::Site& site, uint64_t base, Code library, uint64_t stub) {
  uint64_t from = base + site.syscall - site.displaced_size;
  uint64_t long_jump = site.padding ? base + site.padding : from;
  uint8_t* code = library.at(long_jump);
  auto distance = static_cast<uint32_t>(stub - long_jump - 5);
  code[0] = 0xe9;
  for (int i = 0; i < 4; i++) code[1 + i] = static_cast<uint8_t>(distance >> (8 * i));
  if (!site.padding) return;
  code = library.at(from);
  code[0] = 0xeb;
  code[1] = static_cast<uint8_t>(long_jump - from - 2);
}

}  // namespace bt::agent
