// SPDX-License-Identifier: MIT
#include "hooks/refresh.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/mman.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/syscall.h"
#include "hooks/clock.h"
#include "hooks/identity.h"

namespace bt::hooks {

Registry* registry = nullptr;
std::atomic<const State*> current_state{nullptr};
Watched watched;

namespace {

using base::raw_argument;
using base::raw_syscall;

constexpr uint32_t kThreadsMax = 8192;
constexpr uint32_t kNoSlot = ~0u;

std::atomic<uint32_t> refreshing{0};  // 1: a thread is in refresh(). atomic: refresh() → refresh()
State* retired = nullptr;             // guarded by refreshing
char directory_path[256];             // const after init()
bool can_membarrier = false;          // guarded by refreshing

std::atomic<Thread*>
    threads[kThreadsMax];  // atomic: alloc_thread() → refresh(); blocks are reused, never unmapped
std::atomic<uint32_t> thread_count{0};

void* map_memory(uint64_t size) {
  int64_t result = raw_syscall(__NR_mmap, 0, static_cast<int64_t>(size), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return result < 0 && result > -4096 ? nullptr : reinterpret_cast<void*>(result);
}

// The program owns the descriptor numbers: none is kept open between two refreshes.
int64_t open_directory() {
  return raw_syscall(__NR_openat, AT_FDCWD, raw_argument(directory_path),
                     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool applies(const LoadedProgram& program, AttachKind kind, int64_t nr, bool global) {
  if (program.attach_kind != kind) return false;
  if (program.attach_number == -1) {
    // A program for every operation sees calls that are an operation.
    return global && (kind <= AttachKind::kSysExit || op_of_call(nr) != 0xffff);
  }
  if (global) return false;
  return kind <= AttachKind::kSysExit
             ? program.attach_number == nr
             : static_cast<uint32_t>(program.attach_number) == op_of_call(nr);
}

// Appends the programs of one list, in the order of loading, specific ones first. With `out` null it only counts.
uint32_t list_programs(const State& state, AttachKind kind, int64_t nr, const LoadedProgram** out) {
  uint32_t count = 0;
  for (int global = 0; global < 2; global++)
    for (uint32_t i = 0; i < state.image_count; i++)
      for (uint32_t p = 0; p < state.images[i]->program_count; p++) {
        const LoadedProgram& program = state.images[i]->programs[p];
        if (!applies(program, kind, nr, global)) continue;
        if (out) out[count] = &program;
        count++;
      }
  return count;
}

template <typename Visit>
void each_list(Visit visit) {
  for (uint32_t nr = 0; nr < kSyscallsMax; nr++)
    for (uint32_t kind = 1; kind < static_cast<uint32_t>(AttachKind::kAttachKindCount); kind++)
      visit(nr, kind);
}

// The images of the registry, those that `old` has already from there.
void collect_images(State& state, const State* old) {
  int64_t directory = open_directory();
  for (uint32_t i = 0; i < kRegistryEntriesMax; i++) {
    uint64_t id = registry->entries[i].id.load(std::memory_order_acquire);
    if (!id) continue;
    LoadedImage* image = nullptr;
    for (uint32_t k = 0; old && k < old->image_count; k++)
      if (old->images[k]->id == id) image = old->images[k];
    if (!image && directory >= 0) {
      image = load_image(directory, id);
      if (!image) registry->header.load_failures.fetch_add(1, std::memory_order_relaxed);
    }
    if (!image) continue;
    image->references++;
    state.needs_slot |= image->needs_slot;
    uint32_t at = state.image_count++;
    for (; at && state.images[at - 1]->id > id; at--) state.images[at] = state.images[at - 1];
    state.images[at] = image;
    for (uint32_t m = 0; m < image->map_count; m++)
      image->maps[m].slots_used = &registry->header.slots_used;
  }
  if (directory >= 0) raw_syscall(__NR_close, directory);
}

void release_images(State& state) {
  for (uint32_t i = 0; i < state.image_count; i++)
    if (--state.images[i]->references == 0) free_image(state.images[i]);
}

// One program before the call and nothing else.
void find_quick(const State& state, CallRow& row) {
  const ProgramList& list = row.lists[static_cast<uint32_t>(AttachKind::kSysEnter)];
  if (list.count == 1 && !row.has_op && !row.wants_exit)
    row.quick = state.programs[list.start]->quick;
}

State* build_state(uint64_t word, const State* old) {
  State scratch;
  collect_images(scratch, old);
  uint32_t total = 0;
  each_list([&](uint32_t nr, uint32_t kind) {
    total += list_programs(scratch, static_cast<AttachKind>(kind), nr, nullptr);
  });
  uint64_t size = sizeof(State) + uint64_t{total} * sizeof(LoadedProgram*);
  auto* state = static_cast<State*>(map_memory(size));
  if (!state) {
    release_images(scratch);
    return nullptr;
  }
  __builtin_memcpy(static_cast<void*>(state), &scratch, sizeof scratch);
  state->word = word;
  state->block_size = size;
  if (state->needs_slot) state->slot_max = kThreadSlots - 2;
  state->programs = reinterpret_cast<const LoadedProgram**>(state + 1);
  uint32_t at = 0;
  each_list([&](uint32_t nr, uint32_t kind) {
    uint32_t count = list_programs(*state, static_cast<AttachKind>(kind), nr, state->programs + at);
    CallRow& row = state->rows[nr];
    row.op = op_call(nr);
    row.lists[kind] = {at, count};
    at += count;
    auto attach = static_cast<AttachKind>(kind);
    for (uint32_t i = 0; attach >= AttachKind::kDecide && i < count; i++)
      row.context_words |= state->programs[row.lists[kind].start + i]->context_words;
    if (count && (attach == AttachKind::kDecide || attach == AttachKind::kOpEnter))
      row.has_op = true;
    if (count && (attach == AttachKind::kSysExit || attach == AttachKind::kOpExit))
      row.wants_exit = true;
    if (changes_identity(nr)) row.wants_exit = row.changes_identity = true;
  });
  for (CallRow& row : state->rows) find_quick(*state, row);
  return state;
}

bool runs_somewhere(const State* state) {
  uint32_t count = base::min(thread_count.load(std::memory_order_acquire), kThreadsMax);
  for (uint32_t i = 0; i < count; i++) {
    const Thread* thread = threads[i].load(std::memory_order_acquire);
    if (thread && thread->running.load(std::memory_order_relaxed) == state) return true;
  }
  return false;
}

void free_retired() {
  if (!retired || !can_membarrier) return;
  // After it, a thread that has not yet said which State it runs will find the current one.
  if (raw_syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)) return;
  for (State** link = &retired; *link;) {
    State* state = *link;
    if (runs_somewhere(state)) {
      link = &state->next_retired;
      continue;
    }
    *link = state->next_retired;
    release_images(*state);
    raw_syscall(__NR_munmap, raw_argument(state), static_cast<int64_t>(state->block_size));
  }
}

Watch watch_of(const CallRow& row) {
  if (row.quick) return kQuickCall;
  bool any = row.wants_exit;
  for (const ProgramList& list : row.lists) any |= list.count != 0;
  return any ? kWatchedCall : kNotWatched;
}

// Until the word is told, threads that read it take the long way.
void tell_watched(const State& state) {
  for (uint32_t nr = 0; nr < kSyscallsMax; nr++)
    watched.calls[nr].store(watch_of(state.rows[nr]), std::memory_order_relaxed);
  watched.word.store(state.word, std::memory_order_release);
}

void rebuild(uint64_t word) {
  auto* old = const_cast<State*>(current_state.load(std::memory_order_relaxed));
  State* state = build_state(word, old);
  if (!state) return;
  // Only who has had a State can have one to retire.
  if (!can_membarrier)
    can_membarrier =
        raw_syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  current_state.store(state, std::memory_order_release);
  tell_watched(*state);
  identity_changed();
  if (old) {
    old->next_retired = retired;
    retired = old;
  }
}

// Creates what is missing; the result is checked by map_registry().
// Every program pays for this when it starts: one path walk, as a rule.
int64_t open_registry_file() {
  constexpr char kName[] = "/registry";
  char path[sizeof directory_path + sizeof kName];
  uint32_t size = base::text_of(directory_path).size;
  __builtin_memcpy(path, directory_path, size);
  __builtin_memcpy(path + size, kName, sizeof kName);
  for (bool made = false;; made = true) {
    int64_t fd = raw_syscall(__NR_openat, AT_FDCWD, raw_argument(path),
                             O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd != -ENOENT || made) return fd;
    raw_syscall(__NR_mkdirat, AT_FDCWD, raw_argument(directory_path), 0700);
  }
}

}  // namespace

void open_registry(const char* run_directory) {
  constexpr char kSuffix[] = "/hooks";
  uint32_t size = base::text_of(run_directory).size;
  if (size + sizeof kSuffix > sizeof directory_path) return;
  __builtin_memcpy(directory_path, run_directory, size);
  __builtin_memcpy(directory_path + size, kSuffix, sizeof kSuffix);
  int64_t fd = open_registry_file();
  if (fd < 0) return;
  int64_t end = raw_syscall(__NR_lseek, fd, 0, 2 /* SEEK_END */);
  // A new file of zeros is a registry without programs: `btfuse hook load` formats it.
  if (end >= static_cast<int64_t>(kRegistrySize) ||
      (end == 0 && raw_syscall(__NR_ftruncate, fd, kRegistrySize) == 0)) {
    int64_t at =
        raw_syscall(__NR_mmap, 0, kRegistrySize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at > 0 || at < -4095) registry = reinterpret_cast<Registry*>(at);
  }
  raw_syscall(__NR_close, fd);
}

void refresh(uint64_t word) {
  uint32_t idle = 0;
  if (!refreshing.compare_exchange_strong(idle, 1, std::memory_order_acquire)) return;
  free_retired();
  if (word) clock_init();
  const State* state = current_state.load(std::memory_order_relaxed);
  if (!state || state->word != word) rebuild(word);
  refreshing.store(0, std::memory_order_release);
}

void forget_refresh_lock() { refreshing.store(0, std::memory_order_relaxed); }

Thread* alloc_thread() {
  uint32_t count = base::min(thread_count.load(std::memory_order_acquire), kThreadsMax);
  Thread* thread = nullptr;
  for (uint32_t i = 0; i < count && !thread; i++) {
    Thread* other = threads[i].load(std::memory_order_acquire);
    bool free = false;
    if (other && other->in_use.compare_exchange_strong(free, true, std::memory_order_acquire))
      thread = other;
  }
  if (!thread) {
    thread = static_cast<Thread*>(map_memory(sizeof(Thread)));
    if (!thread) return nullptr;
    thread->in_use.store(true, std::memory_order_relaxed);
    uint32_t index = thread_count.fetch_add(1, std::memory_order_relaxed);
    if (index >= kThreadsMax) {
      thread_count.store(kThreadsMax, std::memory_order_relaxed);
      raw_syscall(__NR_munmap, raw_argument(thread), sizeof(Thread));
      return nullptr;
    }
    threads[index].store(thread, std::memory_order_release);
  }
  thread->stack_top = reinterpret_cast<uint64_t>(thread->stack) + sizeof thread->stack;
  thread->user.token = token_of_this_thread();
  thread->slot = thread->user.slot = kNoSlot;
  thread->identity_generation = 0;
  thread->shared_slot = false;
  thread->running.store(nullptr, std::memory_order_relaxed);
  thread->random =
      reinterpret_cast<uint64_t>(thread) ^ (thread->user.token * 0x9e37'79b9'7f4a'7c15);
  return thread;
}

void free_thread(Thread* thread) {
  if (registry && thread->slot < kThreadSlots - 1)
    registry->slots[thread->slot].owner.store(0, std::memory_order_release);
  thread->running.store(nullptr, std::memory_order_relaxed);
  thread->in_use.store(false, std::memory_order_release);
}

void keep_only(Thread* thread) {
  uint32_t count = base::min(thread_count.load(std::memory_order_relaxed), kThreadsMax);
  for (uint32_t i = 0; i < count; i++) {
    Thread* other = threads[i].load(std::memory_order_relaxed);
    if (!other || other == thread) continue;
    other->running.store(nullptr, std::memory_order_relaxed);
    other->in_use.store(false, std::memory_order_relaxed);
  }
}

bool claim_slot(Thread& thread) {
  if (thread.slot == kThreadSlots - 1) {
    thread.shared_slot =
        owner_lock(registry->header.shared_slot_lock, thread.user.token) != Acquired::kNo;
    return thread.shared_slot;
  }
  // First the free ones, then those of the dead; whoever finds neither shares the last.
  for (int round = 0; round < 2; round++)
    for (uint32_t i = 0; i < kThreadSlots - 1; i++) {
      uint64_t owner = registry->slots[i].owner.load(std::memory_order_relaxed);
      if (owner && (round == 0 || owner_lives(owner))) continue;
      if (!registry->slots[i].owner.compare_exchange_strong(owner, thread.user.token)) continue;
      thread.slot = thread.user.slot = i;
      uint32_t used = registry->header.slots_used.load(std::memory_order_relaxed);
      while (used < i + 1 && !registry->header.slots_used.compare_exchange_weak(used, i + 1)) {
      }
      return true;
    }
  thread.slot = thread.user.slot = kThreadSlots - 1;
  registry->header.slots_used.store(kThreadSlots, std::memory_order_relaxed);
  return claim_slot(thread);
}

void release_shared_slot(Thread& thread) {
  thread.shared_slot = false;
  owner_unlock(registry->header.shared_slot_lock);
}

}  // namespace bt::hooks
