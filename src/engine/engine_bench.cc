// SPDX-License-Identifier: MIT
// Question: what does the engine itself cost, called directly, without posix, agent or kernel, and does it cost the same in
// a volume of a million files? Workload: one thread, one operation over and over; each figure is the best of many
// rounds of a fraction of a millisecond, so that a busy machine shows less.
// Does not show: contention, cold caches, page faults of fresh memory, the path walk.
//
//   engine_bench [files…]     default 1000 and 1000000
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "engine/data.h"
#include "engine/operations.h"

namespace {

using namespace bt;          // NOLINT
using namespace bt::engine;  // NOLINT

constexpr int kRounds = 300;

[[noreturn]] void fail(const char* what, Error error) {
  std::fprintf(stderr, "engine_bench: %s: %s\n", what, error.text());
  std::exit(1);
}
template <typename Result>
void must(const char* what, const Result& result) {
  if (!result) fail(what, result.error());
}

uint64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

Text text(const std::string& name) { return {name.data(), static_cast<uint32_t>(name.size())}; }

struct Bench {
  Context& context;
  uint64_t files;
  InodeNumber hot_directory;     // of the last thousand files
  std::vector<std::string> hot;  // their names
  InodeNumber other_directory;
  InodeNumber file;  // 64 KiB

  template <typename Body>
  void measure(const char* name, uint64_t repeats, Body body) {
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < kRounds; round++) {
      uint64_t start = now_ns();
      for (uint64_t i = 0; i < repeats; i++) body(i);
      best = std::min(best, now_ns() - start);
    }
    std::printf("%-28s %10lu files %10.1f ns\n", name, files,
                static_cast<double>(best) / static_cast<double>(repeats));
  }
};

void make_files(Bench& bench) {
  NewInode file_kind, directory_kind;
  file_kind.mode = 0100644;
  directory_kind.mode = 0040755;
  Attributes made{};
  for (uint64_t i = 0; i < bench.files; i++) {
    if (i % 1000 == 0) {
      std::string name = "directory" + std::to_string(i / 1000);
      must("mkdir", create(bench.context, kRootInode, text(name), directory_kind, made));
      bench.hot_directory = made.inode;
      bench.hot.clear();
    }
    bench.hot.push_back("file-" + std::to_string(i));
    must("create",
         create(bench.context, bench.hot_directory, text(bench.hot.back()), file_kind, made));
  }
  must("mkdir", create(bench.context, kRootInode, text("other"), directory_kind, made));
  bench.other_directory = made.inode;
  must("create", create(bench.context, kRootInode, text("data"), file_kind, made));
  bench.file = made.inode;
  std::vector<char> bytes(65536, 'd');
  Piece piece{bytes.data(), bytes.size()};
  uint64_t end;
  must("write", write(bench.context, bench.file, 0, &piece, 1, {}, end));
}

void measure_reads(Bench& bench) {
  Found found{};
  Attributes attributes{};
  const std::string hot = bench.hot[bench.hot.size() / 2], none = "no-such-file";
  bench.measure("lookup, one name", 10'000, [&](uint64_t) {
    (void)lookup(bench.context, bench.hot_directory, text(hot), found).has_value();
  });
  bench.measure("lookup, 1,000 names", 10'000, [&](uint64_t i) {
    (void)lookup(bench.context, bench.hot_directory, text(bench.hot[i * 7 % bench.hot.size()]),
                 found)
        .has_value();
  });
  bench.measure("lookup, ENOENT", 10'000, [&](uint64_t) {
    (void)lookup(bench.context, bench.hot_directory, text(none), found).has_value();
  });
  bench.measure("attributes", 10'000, [&](uint64_t) {
    (void)read_attributes(bench.context, bench.file, attributes).has_value();
  });
  std::vector<char> bytes(4096);
  Piece piece{bytes.data(), bytes.size()};
  bench.measure("read 4 KiB", 2'000, [&](uint64_t i) {
    (void)read(bench.context, bench.file, i % 16 * 4096, &piece, 1).has_value();
  });
  uint64_t end;
  bench.measure("write 4 KiB", 2'000, [&](uint64_t i) {
    (void)write(bench.context, bench.file, i % 16 * 4096, &piece, 1, {}, end).has_value();
  });
  uint64_t listed = 0;
  auto take = [](void* sum, const ListedName& entry) {
    *static_cast<uint64_t*>(sum) += entry.name_size;
    return true;
  };
  bench.measure("list 1,000 names", 20, [&](uint64_t) {
    DentryIndex hint{};
    (void)list(bench.context, bench.hot_directory, 0, hint, take, &listed).has_value();
  });
}

void measure_changes(Bench& bench) {
  NewInode file_kind, directory_kind;
  file_kind.mode = 0100644;
  directory_kind.mode = 0040755;
  Attributes made{};
  bench.measure("create + unlink", 2'000, [&](uint64_t) {
    must("create", create(bench.context, bench.hot_directory, text("new-file"), file_kind, made));
    must("unlink", unlink(bench.context, bench.hot_directory, text("new-file")));
  });
  bench.measure("mkdir + rmdir", 2'000, [&](uint64_t) {
    must("mkdir",
         create(bench.context, bench.hot_directory, text("new-dir"), directory_kind, made));
    must("rmdir", remove_directory(bench.context, bench.hot_directory, text("new-dir")));
  });
  must("create", create(bench.context, bench.hot_directory, text("moving-a"), file_kind, made));
  bench.measure("rename, same directory", 2'000, [&](uint64_t i) {
    const char* names[] = {"moving-a", "moving-b"};
    must("rename", rename(bench.context, bench.hot_directory, base::text_of(names[i % 2]),
                          bench.hot_directory, base::text_of(names[1 - i % 2]), 0));
  });
  bench.measure("rename, two directories", 2'000, [&](uint64_t i) {
    InodeNumber directories[] = {bench.hot_directory, bench.other_directory};
    must("rename", rename(bench.context, directories[i % 2], text("moving-a"),
                          directories[1 - i % 2], text("moving-a"), 0));
  });
  must("unlink", unlink(bench.context, bench.hot_directory, text("moving-a")));
  AttributeChange change;
  change.which = AttributeChange::kMode;
  bench.measure("chmod", 2'000, [&](uint64_t i) {
    change.mode = 0600 + (i & 077);
    must("chmod", set_attributes(bench.context, bench.file, change, made));
  });
}

void run(uint64_t files) {
  FormatOptions options;
  options.volume_size = (256ull << 20) + files * 1024;
  options.inodes_max = files + 10'000;
  options.id = 1;
  uint64_t size = Volume::volume_size_for(options);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  Volume volume;
  must("format", Volume::format(memory, size, options));
  must("attach", Volume::attach(memory, size, volume));
  Thread thread;
  thread.volume = &volume;
  must("session", open_session(thread, static_cast<uint32_t>(getpid()), 1, getuid()));
  Credentials root{
      .dac_override = true, .dac_read_search = true, .fowner = true, .chown = true, .fsetid = true};
  Context context{thread, root};
  Bench bench{context, files, {}, {}, {}, {}};
  make_files(bench);
  measure_reads(bench);
  measure_changes(bench);
  detach_thread(thread);
  munmap(memory, size);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    run(1'000);
    run(1'000'000);
  }
  for (int i = 1; i < count; i++) run(std::strtoull(arguments[i], nullptr, 10));
  return 0;
}
