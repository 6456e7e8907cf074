// SPDX-License-Identifier: MIT
#include "agent/stub_writer.h"

#include <cstddef>

#include "agent/agent.h"
#include "agent/look.h"
#include "posix/first_look.h"

extern "C" BT_HIDDEN void bt_entry();
extern "C" BT_HIDDEN void bt_entry_computed();

namespace bt::agent {
namespace {

constexpr uint8_t kIfAboveOrEqual = 0x83;
constexpr uint8_t kIfEqual = 0x84;
constexpr uint8_t kIfNotEqual = 0x85;

// Where thread_table is, relative to the thread pointer: the same in every thread.
uint32_t thread_table_offset() {
  uint64_t thread_pointer;
  asm("mov %%fs:0, %0" : "=r"(thread_pointer));
  return static_cast<uint32_t>(reinterpret_cast<uint64_t>(&posix::thread_table) - thread_pointer);
}

}  // namespace

StubWriter::StubWriter(uint8_t* region) : region_(region), at_(region + kRegionHeaderBytes) {
  auto* slots = reinterpret_cast<uint64_t*>(region_);
  slots[0] = reinterpret_cast<uint64_t>(&bt_entry);
  slots[1] = reinterpret_cast<uint64_t>(&bt_entry_computed);
}

void StubWriter::word(uint32_t value) {
  for (int i = 0; i < 4; i++) *at_++ = static_cast<uint8_t>(value >> (8 * i));
}
void StubWriter::quad(uint64_t value) {
  word(static_cast<uint32_t>(value));
  word(static_cast<uint32_t>(value >> 32));
}

StubWriter::Jump StubWriter::jump_if(uint8_t condition) {
  bytes({0x0f, condition});
  Jump jump{at_};
  word(0);
  return jump;
}
void StubWriter::land(Jump jump) {
  uint8_t* here = at_;
  at_ = jump.field;
  distance_to(reinterpret_cast<uint64_t>(here));
  at_ = here;
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
  bytes({0x64, 0x48, 0x8b, 0x0c, 0x25});  // mov %fs:thread_table, %rcx
  word(thread_table_offset());
  bytes({0x48, 0x85, 0xc9});  // test %rcx, %rcx
  ours_[ours_count_++] = jump_if(kIfEqual);
  // mov %reg32, %r11d: the number's upper half may be anything.
  bytes({static_cast<uint8_t>(reg.extended ? 0x45 : 0x41), 0x89,
         static_cast<uint8_t>(0xc3 | reg.number << 3)});
  bytes({0x4a, 0x83, 0x3c, 0xd9, 0x00});  // cmpq $0, (%rcx,%r11,8)
  ours_[ours_count_++] = jump_if(kIfNotEqual);
  land(not_ours);
}

// Jumps to "ours" when a 32-bit flag of posix::first_look is set.
void StubWriter::look_at_flag(uint64_t flag_offset) {
  bytes({0x49, 0xbb});  // movabs $flag, %r11
  quad(reinterpret_cast<uint64_t>(&posix::first_look) + flag_offset);
  bytes({0x41, 0x83, 0x3b, 0x00});  // cmpl $0, (%r11)
  ours_[ours_count_++] = jump_if(kIfNotEqual);
}

const uint8_t* StubWriter::write(const base::Site& site, uint64_t base) {
  at_ += -reinterpret_cast<uint64_t>(at_) & 15;
  const uint8_t* stub = at_;
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
    if (look & kAttached) look_at_flag(offsetof(posix::FirstLook, attached));
    bytes({0xe9});  // jmp to the site's syscall
    distance_to(base + site.syscall);
    for (int i = 0; i < ours_count_; i++) land(ours_[i]);
  }
  bytes({0x48, 0x8d, 0x0d});  // lea after(%rip), %rcx
  distance_to(base + site.syscall + 2);
  bytes({0xff, 0x25});  // jmp *slot(%rip)
  distance_to(reinterpret_cast<uint64_t>(region_) + (site.number < 0 ? 8 : 0));
  return stub;
}

}  // namespace bt::agent
