// SPDX-License-Identifier: MIT
// What is cut: each operation of the engine in the states that take different ways through it, and for each what a second
// process does that meets the victim's locks.
#include "scenarios.h"

#include <fcntl.h>

#include "engine/allocator.h"

namespace bt::crash {

namespace {

const char kLongName[] =
    "a/a name that is longer than one dentry record holds, and than one continuation record holds "
    "too";

// ---- second processes --------------------------------------------------------------------------------------------------------
void c_create_x(Actor& p) { p.make_file("a/x"); }
void c_unlink_file(Actor& p) { p.unlink("a/file"); }
void c_look_file(Actor& p) { p.look("a/file"); }
void c_look_x(Actor& p) {
  p.look("a/x");
  p.make_file("a/y");
}
void c_append_file(Actor& p) { p.append("a/file", 300, 'c'); }
void c_rename_over(Actor& p) { p.rename("a/small", "a/file"); }
void c_fill_directory(Actor& p) { p.make_file("a/empty/late"); }
void c_move_back(Actor& p) { p.rename("b/file", "a/back"); }
void c_truncate_file(Actor& p) { p.truncate("a/file", 4096); }
void c_truncate_big(Actor& p) { p.truncate("a/big", 5000); }
void c_append_big(Actor& p) { p.append("a/big", 300, 'c'); }
void c_write_sparse(Actor& p) { p.write("a/sparse", 4096, 9000, 'c'); }
void c_lock(Actor& p) { p.lock("a/file", kFileLockPosix, 100, 300, false); }
void c_close(Actor& p) { p.close(1); }
void c_xattr(Actor& p) { p.set_xattr("a/file", "user.other", 40, 'c'); }
void c_unlink_told(Actor& p) { p.unlink("b/told"); }
void c_enter_again(Actor& p) { p.enter("a/x", 77); }
void c_mode(Actor& p) { p.set_mode("a/file", 0600); }
void c_create_many(Actor& p) {
  for (char c = 'a'; c < 'e'; c++) p.make_file(std::string("b/many") + c);
}

// ---- preludes ------------------------------------------------------------------------------------------------------------------
void p_open_file(Actor& p) { p.open("a/file", 5, O_RDWR); }
void p_open_and_unlink(Actor& p) {
  p.open("a/file", 5, O_RDWR);
  p.unlink("a/file");
}
void p_open_and_unlink_big(Actor& p) {
  p.open("a/big", 5, O_RDWR);
  p.unlink("a/big");
}
void p_two_descriptors(Actor& p) {
  p.open("a/file", 5, O_RDWR);
  p.open("a/small", 6, O_RDONLY);
}
void p_full_session(Actor& p) {
  p.open("a/file", 5, O_RDWR);
  p.dup(5, 6);
  p.open("a/small", 7, O_RDONLY);
  p.set_directory("a/sub");
  p.lock("a/file", kFileLockPosix, 0, 99, true);
  p.pin("a/file", 0);
  p.open_unnamed("a", 8);
}
void p_locks(Actor& p) {
  p.lock("a/file", kFileLockPosix, 0, 99, true);
  p.lock("a/file", kFileLockPosix, 200, 299, false);
}
void p_pins(Actor& p) {
  for (uint64_t i = 0; i < 3; i++) p.pin("a/file", i);
}
void p_pins_beyond(Actor& p) {
  p_pins(p);
  p.truncate("a/file", 100);
}
void p_pins_of_big(Actor& p) {
  for (uint64_t i = 0; i < 100; i += 9) p.pin("a/big", i);
}
void p_known_to_kernel(Actor& p) {
  p.kernel_looks_up("a/file");
  p.unlink("a/file");
}
void p_known_big(Actor& p) {
  p.kernel_looks_up("a/big");
  p.unlink("a/big");
}
// Uses up what the slot keeps at hand, so that the operation must refill from the pools.
void p_drain(Actor& p) {
  const FreeLists& free = p.context().thread.slot->free;
  p.make_file("b/first");
  for (int i = 0; free.inode_count > 0 && i < 200; i++) p.make_file("b/d" + std::to_string(i));
}
// Fills it up, so that the operation must flush to the pools.
void p_fill_slot(Actor& p) {
  const FreeLists& free = p.context().thread.slot->free;
  for (int i = 0; i < 140; i++) p.make_file("b/d" + std::to_string(i));
  for (int i = 0; free.inode_count < kListRecordsMax && i < 139; i++)
    p.unlink("b/d" + std::to_string(i));
}
void c_grow_big(Actor& p) { p.truncate("a/big", 90 * 4096); }

}  // namespace

void make_fixture(Actor& p) {
  for (const char* directory : {"a", "b", "neighbour", "a/sub", "a/empty", "b/full", "told"})
    p.make_directory(directory);
  p.make_file("neighbour/log");
  p.make_file("a/file");
  p.write("a/file", 0, 3 * 4096 + 100, 'f');
  p.make_file("a/small");
  p.write("a/small", 0, 10, 's');
  p.make_file("a/big");
  p.write("a/big", 0, 100 * 4096, 'g');
  p.make_file("a/sparse");
  p.write("a/sparse", 5 << 20, 5000, 'p');
  p.make_file("b/full/inside");
  p.make_file("a/twice");
  p.link("a/twice", "b/twice");
  p.enter("b/told", 77);
  p.enter("b/of two", 78);
  p.enter("told/of two", 78);
  p.enter("b/neighbour in the chain", 78 + (1ull << 31));
  p.make_symlink("a/short", "file");
  p.make_symlink("a/long", std::string(200, 'l'));
  p.set_xattr("a/file", "user.first", 20, 'x');
  p.make_file("a/attributed");
  p.set_xattr("a/attributed", "user.one", 100, 'x');
  p.set_xattr("a/attributed", "user.two", 3000, 'y');
  p.make_file("a/gone");
  p.open("a/gone", 1, O_RDWR);
  p.write("a/gone", 0, 5000, 'o');
  p.unlink("a/gone");
  p.open("a/small", 2, O_RDONLY);
  p.dup(2, 3);
  p.lock("a/small", kFileLockPosix, 0, 9, true);
}

// clang-format off
const Scenario kScenarios[] = {
    // name, prelude, operation, conflict, kind
    {"create", nullptr, [](Actor& p) { p.make_file("a/x"); }, c_create_x},
    {"create in an empty directory", nullptr, [](Actor& p) { p.make_file("a/empty/x"); }, c_fill_directory},
    {"create with a long name", nullptr, [](Actor& p) { p.make_file(kLongName); }, c_look_x},
    {"create after a refill", p_drain, [](Actor& p) { p.make_file("b/x"); }, c_create_many},
    {"mkdir", nullptr, [](Actor& p) { p.make_directory("a/x"); }, c_create_x},
    {"symlink, short", nullptr, [](Actor& p) { p.make_symlink("a/x", "target"); }, c_create_x},
    {"symlink, long", nullptr, [](Actor& p) { p.make_symlink("a/x", std::string(300, 't')); }, c_create_x},
    {"link", nullptr, [](Actor& p) { p.link("a/file", "b/x"); }, c_append_file},
    {"unlink", nullptr, [](Actor& p) { p.unlink("a/file"); }, c_append_file},
    {"unlink one of two", nullptr, [](Actor& p) { p.unlink("a/twice"); }, c_look_x},
    {"unlink an open file", p_open_file, [](Actor& p) { p.unlink("a/file"); }, c_rename_over},
    {"unlink a big file", nullptr, [](Actor& p) { p.unlink("a/big"); }, c_append_big},
    {"unlink with xattrs", nullptr, [](Actor& p) { p.unlink("a/attributed"); }, c_look_x},
    {"unlink a long link", nullptr, [](Actor& p) { p.unlink("a/long"); }, c_look_x},
    {"unlink and flush", p_fill_slot, [](Actor& p) { p.unlink("b/d139"); }, c_create_many},
    {"rmdir", nullptr, [](Actor& p) { p.remove_directory("a/empty"); }, c_fill_directory},
    {"rename", nullptr, [](Actor& p) { p.rename("a/file", "a/x"); }, c_look_file},
    {"rename to another directory", nullptr, [](Actor& p) { p.rename("a/file", "b/file"); }, c_move_back},
    {"rename over a file", nullptr, [](Actor& p) { p.rename("a/file", "a/small"); }, c_append_file},
    {"rename over the last link", nullptr, [](Actor& p) { p.rename("a/small", "a/file"); }, c_append_file},
    {"rename over one of two", nullptr, [](Actor& p) { p.rename("a/file", "b/twice"); }, c_unlink_file},
    {"rename a directory", nullptr, [](Actor& p) { p.rename("a/sub", "a/x"); }, c_create_x},
    {"move a directory", nullptr, [](Actor& p) { p.rename("a/sub", "b/sub"); }, c_look_file},
    {"rename over an empty directory", nullptr, [](Actor& p) { p.rename("a/sub", "a/empty"); }, c_fill_directory},
    {"rename to a long name", nullptr, [](Actor& p) { p.rename("a/file", kLongName); }, c_look_file},
    {"exchange files", nullptr, [](Actor& p) { p.rename("a/file", "a/small", kRenameExchange); }, c_append_file},
    {"exchange file and directory", nullptr, [](Actor& p) { p.rename("a/file", "b/full", kRenameExchange); }, c_look_file},
    {"rename, no replace", nullptr, [](Actor& p) { p.rename("a/file", "b/x", kRenameNoReplace); }, c_unlink_file},
    {"open", nullptr, [](Actor& p) { p.open("a/file", 5, O_RDWR); }, c_unlink_file},
    {"open in a new table page", nullptr, [](Actor& p) { p.open("a/file", 3000, O_RDWR); }, c_unlink_file},
    {"open and truncate", nullptr, [](Actor& p) { p.open("a/file", 5, O_RDWR | O_TRUNC); }, c_append_file},
    {"create and open", nullptr, [](Actor& p) { p.create_open("a/x", 5); }, c_create_x},
    {"open unnamed", nullptr, [](Actor& p) { p.open_unnamed("a", 5); }, c_create_x},
    {"close", p_open_file, [](Actor& p) { p.close(5); }, c_unlink_file},
    {"close an unlinked file", p_open_and_unlink, [](Actor& p) { p.close(5); }, c_create_x},
    {"close a big unlinked file", p_open_and_unlink_big, [](Actor& p) { p.close(5); }, c_create_x},
    {"dup", p_open_file, [](Actor& p) { p.dup(5, 6); }, c_unlink_file},
    {"dup over", p_two_descriptors, [](Actor& p) { p.dup(5, 6); }, c_unlink_file},
    {"chdir", nullptr, [](Actor& p) { p.set_directory("a/empty"); }, [](Actor& p) { p.remove_directory("a/empty"); }},
    {"fork that fails", p_full_session, [](Actor& p) { p.fork_and_abandon(); }, c_close},
    {"end of a session", p_full_session, [](Actor& p) { (void)close_session(p.context(), p.session()); }, c_append_file, Scenario::kInSteps},
    {"chmod", nullptr, [](Actor& p) { p.set_mode("a/file", 0600); }, c_append_file},
    {"write 64 bytes", nullptr, [](Actor& p) { p.write("a/file", 1000, 64, 'w'); }, c_look_file},
    {"write 64 bytes, odd place", nullptr, [](Actor& p) { p.write("a/file", 1003, 61, 'w'); }, c_append_file},
    {"write a page", nullptr, [](Actor& p) { p.write("a/file", 4096, 4096, 'w'); }, c_append_file},
    {"write across pages", nullptr, [](Actor& p) { p.write("a/file", 3000, 6000, 'w'); }, c_truncate_file},
    {"write past the end", nullptr, [](Actor& p) { p.write("a/file", 50000, 700, 'w'); }, c_truncate_file},
    {"write far past the end", nullptr, [](Actor& p) { p.write("a/small", 9 << 20, 100, 'w'); }, c_look_file},
    {"write into a hole", nullptr, [](Actor& p) { p.write("a/sparse", 1 << 20, 10000, 'w'); }, c_write_sparse},
    {"write a new file", nullptr, [](Actor& p) { p.write("b/full/inside", 0, 20000, 'w'); }, c_look_file},
    {"write much", nullptr, [](Actor& p) { p.write("a/big", 1000, 90 * 4096, 'w'); }, c_truncate_big, Scenario::kInSteps},
    {"append", nullptr, [](Actor& p) { p.append("a/file", 100, 'w'); }, c_append_file},
    {"append a page", nullptr, [](Actor& p) { p.append("a/file", 5000, 'w'); }, c_append_file},
    {"append much", nullptr, [](Actor& p) { p.append("a/file", 70 * 4096, 'w'); }, c_truncate_file, Scenario::kInSteps},
    {"write a mapped page", p_pins, [](Actor& p) { p.write("a/file", 4096, 4096, 'w'); }, c_look_file, Scenario::kTorn},
    {"truncate to nothing", nullptr, [](Actor& p) { p.truncate("a/file", 0); }, c_append_file},
    {"truncate within a page", nullptr, [](Actor& p) { p.truncate("a/file", 5000); }, c_append_file},
    {"truncate up", nullptr, [](Actor& p) { p.truncate("a/file", 1 << 20); }, c_append_file},
    {"truncate much", nullptr, [](Actor& p) { p.truncate("a/big", 100); }, c_grow_big, Scenario::kPagesLater},
    {"truncate a mapped file", p_pins, [](Actor& p) { p.truncate("a/file", 100); }, c_append_file, Scenario::kPagesLater},
    {"truncate a big mapped file", p_pins_of_big, [](Actor& p) { p.truncate("a/big", 100); }, c_grow_big, Scenario::kPagesLater},
    {"truncate up what is mapped beyond", p_pins_beyond, [](Actor& p) { p.truncate("a/file", 9000); }, c_append_file},
    {"write what is mapped beyond", p_pins_beyond, [](Actor& p) { p.write("a/file", 8000, 1000, 'w'); }, c_append_file},
    {"drop pins beyond the end", p_pins_beyond, [](Actor& p) { p.unpin_all(); }, c_append_file},
    {"unlink what is mapped beyond", p_pins_beyond, [](Actor& p) { p.unlink("a/file"); }, c_look_x},
    {"punch a hole in a mapped file", p_pins, [](Actor& p) { p.allocate("a/file", 3, 1000, 9000); }, c_append_file, Scenario::kTorn},
    {"allocate", nullptr, [](Actor& p) { p.allocate("a/file", 0, 8192, 40000); }, c_append_file, Scenario::kInSteps},
    {"allocate beyond the end", nullptr, [](Actor& p) { p.allocate("a/file", 1, 8192, 40000); }, c_append_file, Scenario::kInSteps},
    {"punch a hole", nullptr, [](Actor& p) { p.allocate("a/file", 3, 1000, 9000); }, c_append_file, Scenario::kInSteps},
    {"zero a range", nullptr, [](Actor& p) { p.allocate("a/file", 16, 1000, 9000); }, c_append_file, Scenario::kInSteps},
    {"set xattr", nullptr, [](Actor& p) { p.set_xattr("a/file", "user.x", 50, 'w'); }, c_xattr},
    {"set a first xattr", nullptr, [](Actor& p) { p.set_xattr("a/small", "user.x", 50, 'w'); }, c_look_file},
    {"replace an xattr", nullptr, [](Actor& p) { p.set_xattr("a/attributed", "user.one", 900, 'w'); }, c_look_file},
    {"remove an xattr", nullptr, [](Actor& p) { p.remove_xattr("a/file", "user.first"); }, c_mode},
    {"lock", nullptr, [](Actor& p) { p.lock("a/file", kFileLockPosix, 50, 250, true); }, c_lock},
    {"lock, merging", p_locks, [](Actor& p) { p.lock("a/file", kFileLockPosix, 50, 250, true); }, c_lock},
    {"lock, splitting", p_locks, [](Actor& p) { p.lock("a/file", kFileLockPosix, 220, 230, true); }, c_lock},
    {"unlock the middle", p_locks, [](Actor& p) { p.unlock("a/file", kFileLockPosix, 20, 30); }, c_lock},
    {"unlock all", p_locks, [](Actor& p) { p.unlock("a/file", kFileLockPosix, 0, UINT64_MAX); }, c_lock},
    {"pin a page", nullptr, [](Actor& p) { p.pin("a/file", 1); }, c_truncate_file},
    {"pin a hole", nullptr, [](Actor& p) { p.pin("a/sparse", 3); }, c_write_sparse},
    {"lookup by the kernel", nullptr, [](Actor& p) { p.kernel_looks_up("a/small"); }, c_rename_over},
    {"forget the last reference", p_known_to_kernel, [](Actor& p) { p.kernel_forgets(); }, c_create_x},
    {"forget a big file", p_known_big, [](Actor& p) { p.kernel_forgets(); }, c_create_x},
    {"enter a name", nullptr, [](Actor& p) { p.enter("a/x", 79); }, c_create_x},
    {"enter another name of a file", nullptr, [](Actor& p) { p.enter("a/x", 77); }, c_unlink_told},
    {"unlink a file in the origin index", nullptr, [](Actor& p) { p.unlink("b/told"); }, c_enter_again},
    {"disown", nullptr, [](Actor& p) { p.disown("b/told"); }, c_enter_again},
    {"throw out names", nullptr, [](Actor& p) { p.throw_out_names("told"); }, [](Actor& p) { p.unlink("b/of two"); }},
    {"drop pins", p_pins, [](Actor& p) { p.unpin_all(); }, c_truncate_file},
};
// clang-format on
const size_t kScenarioCount = sizeof(kScenarios) / sizeof(kScenarios[0]);

}  // namespace bt::crash
