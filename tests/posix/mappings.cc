// SPDX-License-Identifier: MIT
// Mappings: of one process, and what others do to a file that it has mapped.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "tests/posix/suite.h"

namespace suite {

namespace {

// PROT_EXEC or nothing: executable mappings are the kernel's, others of a scratch volume are the volume's own pages.
int executable = 0;

int64_t map(int64_t fd, int64_t size, int protection, int flags, int64_t offset) {
  return call(SYS_mmap, 0, size, protection | executable, flags, fd, offset);
}

void map_alone() {
  make_file("m", std::string(3 * 4096 + 100, 'm'));
  int64_t fd = call(SYS_open, arg("m"), O_RDWR), read_only = call(SYS_open, arg("m"), O_RDONLY),
          write_only = call(SYS_open, arg("m"), O_WRONLY);
  auto bad = [](int64_t r) { return r < 0 && r > -4096; };
  int64_t at = map(fd, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
  say("a shared mapping", bad(at) ? shown(at) : "ok");
  if (bad(at)) return;
  auto* shared = reinterpret_cast<char*>(at);
  say("has the content", std::string(shared, 5));
  say("is zero after the end", static_cast<int64_t>(shared[3 * 4096 + 100]));
  memcpy(shared, "STORED", 6);
  char b[8] = {};
  call(SYS_pread64, fd, arg(b), 6, 0);
  say("a store is read", b);
  call(SYS_pwrite64, fd, arg("WRITTEN"), 7, 4096);
  say("a write is seen", std::string(shared + 4096, 7));
  auto* second = reinterpret_cast<char*>(map(read_only, 16384, PROT_READ, MAP_SHARED, 0));
  say("another mapping sees the store", std::string(second, 6));
  auto* own =
      reinterpret_cast<char*>(map(read_only, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, 4096));
  say("a private mapping", std::string(own, 7));
  memcpy(own, "private", 7);
  call(SYS_pread64, fd, arg(b), 7, 4096);
  say("its stores are its own", b);
  say("msync", call(SYS_msync, arg(shared), 16384, MS_SYNC));
  say("mprotect", call(SYS_mprotect, arg(shared), 4096, PROT_READ));
  say("shared writing of a read-only descriptor",
      shown(map(read_only, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0)));
  say("mapping a write-only descriptor", shown(map(write_only, 4096, PROT_READ, MAP_SHARED, 0)));
  int64_t directory = call(SYS_open, arg("."), O_RDONLY | O_DIRECTORY);
  say("mapping a directory", shown(map(directory, 4096, PROT_READ, MAP_SHARED, 0)));
  say("for storing", shown(map(directory, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0)));
  shut({directory});
  say("mapping it in no way", shown(map(write_only, 4096, PROT_READ, 0, 0)));
  say("mapping nothing", shown(map(fd, 0, PROT_READ, MAP_SHARED, 0)));
  say("an odd offset", shown(map(fd, 4096, PROT_READ, MAP_SHARED, 100)));
  say("no kind", shown(map(fd, 4096, PROT_READ, 0, 0)));
  shut({fd, read_only, write_only});
  say("a mapping outlives its descriptor", std::string(shared + 4096, 7));
  say("unlink", call(SYS_unlink, arg("m")));
  say("and its name", std::string(shared + 4096, 7));
  say("munmap of a part", call(SYS_munmap, arg(shared), 4096));
  say("the rest is there", std::string(shared + 4096, 7));
  say("munmap", call(SYS_munmap, arg(shared), 16384));
  call(SYS_munmap, arg(second), 16384);
  call(SYS_munmap, arg(own), 8192);
  fd = call(SYS_open, arg("g"), O_RDWR | O_CREAT, 0644);
  call(SYS_ftruncate, fd, 65536);
  auto* sparse = reinterpret_cast<char*>(map(fd, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
  say("a mapping of holes", static_cast<int64_t>(sparse[40000]));
  sparse[40000] = 'h';
  call(SYS_pread64, fd, arg(b), 1, 40000);
  say("a store into a hole is read", std::string(b, 1));
  call(SYS_munmap, arg(sparse), 65536);
  call(SYS_ftruncate, fd, 4096);
  say("what grows under a mapping is in it", in_child([] {
        int64_t f = call(SYS_open, arg("g"), O_RDWR);
        auto* growing =
            reinterpret_cast<char*>(map(f, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
        call(SYS_pwrite64, f, arg("grown"), 5, 8192);
        return std::string(growing + 8192, 5);
      }));
  call(SYS_pwrite64, fd, arg("grown"), 5, 8192);
  int64_t moved = map(fd, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
  int64_t larger = call(SYS_mremap, moved, 8192, 12288, MREMAP_MAYMOVE);
  say("mremap", bad(larger) ? shown(larger) : "ok");
  if (!bad(larger))
    say("has the file's bytes", std::string(reinterpret_cast<char*>(larger) + 8192, 5));
  if (!bad(larger)) call(SYS_munmap, larger, 12288);
  shut({fd});
  say("a store beyond the end", in_child([] {
        int64_t f = call(SYS_open, arg("g"), O_RDWR);
        auto* p =
            reinterpret_cast<volatile char*>(map(f, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
        p[40000] = 'x';
        return std::string("went through");
      }));
}

// What others do to a file that this process has mapped: `m` of four pages, and a mapping of it.
char* map_four_pages(int64_t& fd, int protection, int flags) {
  make_file("m", std::string(4 * 4096, 'o'));
  fd = call(SYS_open, arg("m"), O_RDWR);
  int64_t at = map(fd, 4 * 4096, protection, flags, 0);
  if (at < 0 && at > -4096) return nullptr;
  auto* mapped = reinterpret_cast<char*>(at);
  for (int page = 0; page < 4; page++) (void)*const_cast<volatile char*>(mapped + page * 4096);
  return mapped;
}

// First and last byte of each page, '.' for zero.
std::string edges(const char* mapped, int pages) {
  std::string text;
  for (int page = 0; page < pages; page++)
    for (int at : {0, 4095}) {
      char c = const_cast<volatile const char*>(mapped)[page * 4096 + at];
      text += c ? c : '.';
    }
  return text;
}

std::string edges_of_file() {
  std::string text = read_file("m");
  return std::to_string(text.size()) + " " +
         edges(text.data(), static_cast<int>(text.size()) / 4096);
}

std::string written(const char* text, int64_t offset) {
  int64_t fd = call(SYS_open, arg("m"), O_RDWR);
  int64_t done = call(SYS_pwrite64, fd, arg(text), static_cast<int64_t>(strlen(text)), offset);
  shut({fd});
  return shown(done);
}

std::string allocated(int mode, int64_t offset, int64_t size) {
  int64_t fd = call(SYS_open, arg("m"), O_RDWR);
  int64_t done = call(SYS_fallocate, fd, mode, offset, size);
  shut({fd});
  return shown(done);
}

std::string resized(int64_t size) { return shown(call(SYS_truncate, arg("m"), size)); }

void map_beside_others() {
  int64_t fd;
  char* mapped = map_four_pages(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  if (!mapped) return say("no mapping", "");
  say("truncated by another", in_child([] { return resized(0); }));
  say("and made longer", in_child([] { return resized(4 * 4096); }));
  say("is zeros", edges(mapped, 4));
  say("then written", in_child([] { return written("wrote", 2 * 4096); }));
  say("is seen", edges(mapped, 4));
  say("whole pages", in_child([] { return written(std::string(8192, 'p').c_str(), 4096); }));
  say("are seen", edges(mapped, 4));
  mapped[0] = 'S';
  say("a store is read by others", in_child(edges_of_file));
  say("cut in the middle of a page", in_child([] { return resized(4096 + 10); }));
  say("the end reads as zeros", edges(mapped, 2));
  say("made longer by a write", in_child([] { return written("end", 4 * 4096 - 3); }));
  say("between are zeros", edges(mapped, 4));
  say("a file of the mapping", in_child(edges_of_file));
  say("a hole",
      in_child([] { return allocated(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3 * 4096); }));
  say("is seen", edges(mapped, 4));
  say("filled by another", in_child([] { return written("fill", 4096); }));
  say("is seen", edges(mapped, 4));
  mapped[8192] = 'S';
  say("a store into the hole is read", in_child(edges_of_file));
  say("a part of a page punched", in_child([] {
        return allocated(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4097, 2 * 4096 - 2);
      }));
  say("is seen", edges(mapped, 4));
  say("opened with O_TRUNC and written", in_child([] {
        make_file("m", std::string(3 * 4096 + 4000, 'n'));
        return edges_of_file();
      }));
  say("is seen", edges(mapped, 3) + mapped[3 * 4096 + 3999]);
  say("many times", in_child([] {
        std::string answers;
        for (int i = 0; i < 200; i++) {
          resized(i % 3 * 5000);
          written(std::string(4096 + i, static_cast<char>('a' + i % 26)).c_str(), i % 4 * 3000);
        }
        resized(4 * 4096);
        written("last", 4096);
        return edges_of_file();
      }));
  say("seen", edges(mapped, 4));
  call(SYS_ftruncate, fd, 4096);
  say("cut by this process, grown by another", in_child([] { return written("grown", 3 * 4096); }));
  say("is seen", edges(mapped, 4));
  say("munmap", call(SYS_munmap, arg(mapped), 4 * 4096));
  say("the file", edges_of_file());
  shut({fd});

  mapped = map_four_pages(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  if (!mapped) return say("no private mapping", "");
  say("a private one: truncated and made longer", in_child([] {
        resized(0);
        resized(4 * 4096);
        return written("private", 0);
      }));
  say("is the file's", edges(mapped, 4));
  call(SYS_munmap, arg(mapped), 4 * 4096);
  shut({fd});

  make_file("m");
  fd = call(SYS_open, arg("m"), O_RDWR);
  call(SYS_ftruncate, fd, 2 * 4096);
  mapped = reinterpret_cast<char*>(map(fd, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
  say("holes and what is behind the end", edges(mapped, 2));
  say("written by another", in_child([] {
        written("hole", 0);
        return written("far", 3 * 4096);
      }));
  say("is seen", edges(mapped, 4));
  mapped[3 * 4096] = 'S';
  say("a store is read", in_child(edges_of_file));
  say("unlinked by another", in_child([] { return shown(call(SYS_unlink, arg("m"))); }));
  call(SYS_pwrite64, fd, arg("still"), 5, 4096);
  say("is the same file", edges(mapped, 4));
  call(SYS_munmap, arg(mapped), 4 * 4096);
  shut({fd});
}

}  // namespace

SUITE_PART(mappings) { map_alone(); }
SUITE_PART(mappings_of_others) { map_beside_others(); }
SUITE_PART(mappings_by_the_kernel) {
  executable = PROT_EXEC;
  map_alone();
}
SUITE_PART(mappings_by_the_kernel_of_others) {
  executable = PROT_EXEC;
  map_beside_others();
}

// The pages that stay for a mapping go with it: nothing is left of a process that is killed.
SUITE_PART(mappings_of_the_dead) {
  make_file("m", std::string(4 * 4096, 'o'));
  int gate[2], ready[2];
  if (pipe(gate) < 0 || pipe(ready) < 0) return;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    int64_t fd = call(SYS_open, arg("m"), O_RDWR);
    auto* mapped = reinterpret_cast<volatile char*>(
        call(SYS_mmap, 0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    mapped[3 * 4096] = 'd';
    char c = 'r';
    (void)!write(ready[1], &c, 1);
    pause();
    _exit(0);
  }
  char c;
  say("mapped", read(ready[0], &c, 1));
  say("truncated", resized(100));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  say("made longer", resized(4 * 4096));
  say("zeros", edges_of_file());
  say("written", written("last", 3 * 4096));
  say("content", edges_of_file());
  shut({gate[0], gate[1], ready[0], ready[1]});
}

}  // namespace suite
