// SPDX-License-Identifier: MIT
// What does the work itself cost? The figures of bench/micro.c by calling the engine directly: no interception, no system call,
// no path but names. This is the limit that `btfuse run` can come near to; the distance is what agent and POSIX layer cost.
//
//   btfuse-engine
//
// A volume of its own in anonymous memory; medians of batches of about 4 ms as in micro.c, plus memcpy of the same sizes. Names
// of several components are walked one lookup each, as a path walk must.
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/data.h"
#include "engine/descriptions.h"
#include "engine/operations.h"

using namespace bt;
using namespace bt::engine;

namespace {

int batches = 21;

double now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

template <typename T>
void need(const Result<T>& result, const char* what) {
  if (result.has_value()) return;
  std::fprintf(stderr, "btfuse-engine: %s: %s %s\n", what,
               std::strerror(result.error().errno_value()), result.error().text());
  std::exit(1);
}

template <typename Call>
void measure(const char* name, Call call) {
  long calls = 1;
  while (true) {
    double start = now_ns();
    for (long i = 0; i < calls; i++) call(i);
    double took = now_ns() - start;
    if (took > 4e6 || calls > 4000000) break;
    calls =
        took < 1e5 ? calls * 10 : static_cast<long>(static_cast<double>(calls) * 4.4e6 / took) + 1;
  }
  std::vector<double> result;
  for (int batch = 0; batch < batches; batch++) {
    double start = now_ns();
    for (long i = 0; i < calls; i++) call(i);
    result.push_back((now_ns() - start) / static_cast<double>(calls));
  }
  std::sort(result.begin(), result.end());
  std::printf("%-26s %10.1f\n", name, result[result.size() / 2]);
  std::fflush(stdout);
}

constexpr int32_t kFd = 100;
constexpr int kListed = 1000;
constexpr int kLevels = 5;
char page[4096], big[131072];

struct Bench {
  Volume volume;
  Thread thread;
  Credentials credentials{
      .dac_override = true, .dac_read_search = true, .fowner = true, .chown = true, .fsetid = true};
  Context context{thread, credentials};
  InodeNumber dir, file, link, list, leaf;
  Text f = base::text_of("f"), g = base::text_of("g"), h = base::text_of("h"),
       level = base::text_of("level");

  InodeNumber make(InodeNumber where, Text name, uint32_t mode, Text target = {}) {
    Attributes made{};
    need(engine::create(context, where, name, {.mode = mode, .link_target = target}, made),
         "create");
    return made.inode;
  }
  // One step more than the engine: micro.c names its files by a path of two components below the mount point.
  InodeNumber walk(Text name) {
    Found found{};
    need(lookup(context, kRootInode, base::text_of("micro"), found), "lookup");
    need(lookup(context, found.inode, name, found), "lookup");
    return found.inode;
  }
  InodeNumber walk_deep() {
    Found found{};
    InodeNumber at = dir;
    need(lookup(context, kRootInode, base::text_of("micro"), found), "lookup");
    for (int i = 0; i < kLevels; i++) {
      need(lookup(context, at, level, found), "lookup");
      at = found.inode;
    }
    need(lookup(context, at, base::text_of("leaf"), found), "lookup");
    return found.inode;
  }
  void open_at(InodeNumber inode, uint32_t flags) {
    need(open_description(context, thread.session, kFd, inode, flags, false, false), "open");
  }
  void close_it() { need(close_descriptor(context, thread.session, kFd), "close"); }
  void read_at(InodeNumber inode, uint64_t offset, uint64_t size) {
    Piece piece{big, size};
    need(engine::read(context, inode, offset, &piece, 1), "read");
  }
  void write_at(InodeNumber inode, char* data, uint64_t offset, uint64_t size,
                bool append = false) {
    Piece piece{data, size};
    uint64_t end = 0;
    need(engine::write(context, inode, offset, &piece, 1, {.append = append}, end), "write");
  }
  void create_open(Text name) {
    Opened opened{};
    need(create_and_open(context, dir, name, S_IFREG | 0644, 0, thread.session, kFd, O_WRONLY,
                         false, opened),
         "create");
  }

  void set_up();
  void lookups();
  void data();
  void names();
};

void Bench::set_up() {
  FormatOptions options;
  options.volume_size = 256ull << 20;
  options.id = 1;
  options.now_ns = 1;
  uint64_t size = Volume::volume_size_for(options);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) std::exit(1);
  need(Volume::format(memory, size, options), "format");
  need(Volume::attach(memory, size, volume), "attach");
  thread.volume = &volume;
  need(open_session(thread, static_cast<uint32_t>(getpid()), 1, 0), "session");
  dir = make(kRootInode, base::text_of("micro"), S_IFDIR | 0755);
  file = make(dir, f, S_IFREG | 0644);
  write_at(file, big, 0, sizeof big);
  link = make(dir, base::text_of("link"), S_IFLNK | 0777, f);
  list = make(dir, base::text_of("list"), S_IFDIR | 0755);
  for (int i = 0; i < kListed; i++) {
    char name[16];
    std::snprintf(name, sizeof name, "entry-%04d", i);
    make(list, base::text_of(name), S_IFREG | 0644);
  }
  InodeNumber at = dir;
  for (int i = 0; i < kLevels; i++) at = make(at, level, S_IFDIR | 0755);
  leaf = make(at, base::text_of("leaf"), S_IFREG | 0644);
  write_at(leaf, page, 0, sizeof page);
}

void Bench::lookups() {
  Attributes attributes{};
  measure("stat", [&](long) { need(read_attributes(context, walk(f), attributes), "stat"); });
  measure("stat_deep",
          [&](long) { need(read_attributes(context, walk_deep(), attributes), "stat"); });
  measure("stat_missing", [&](long) {
    Found found{};
    need(lookup(context, kRootInode, base::text_of("micro"), found), "lookup");
    if (lookup(context, dir, base::text_of("missing"), found).has_value()) std::exit(1);
  });
  measure("fstat", [&](long) { need(read_attributes(context, file, attributes), "fstat"); });
  measure("access", [&](long) { need(check_access(context, walk(f), 4), "access"); });
  measure("readlink", [&](long) {
    need(read_link(context, walk(base::text_of("link")), big, 256), "readlink");
  });
  measure("open_close", [&](long) {
    open_at(walk(f), O_RDONLY);
    close_it();
  });
}

void Bench::data() {
  measure("open_read4k_close", [&](long) {
    InodeNumber inode = walk_deep();
    open_at(inode, O_RDONLY);
    read_at(inode, 0, 4096);
    close_it();
  });
  measure("pread64", [&](long) { read_at(file, 128, 64); });
  measure("pread4k", [&](long) { read_at(file, 4096, 4096); });
  measure("pread128k", [&](long) { read_at(file, 0, 131072); });
  measure("pwrite64", [&](long) { write_at(file, page, 128, 64); });
  measure("pwrite4k", [&](long) { write_at(file, page, 4096, 4096); });
  measure("pwrite128k", [&](long) { write_at(file, big, 0, 131072); });
  InodeNumber appended = make(dir, g, S_IFREG | 0644);
  long count = 0;
  measure("append100", [&](long) {
    write_at(appended, page, 0, 100, true);
    if (++count % 100000 != 0) return;
    Attributes after{};
    need(set_attributes(context, appended, {.which = AttributeChange::kSize, .size = 0}, after),
         "truncate");
  });
  need(unlink(context, dir, g), "unlink");
}

void Bench::names() {
  measure("create_unlink", [&](long) {
    create_open(g);
    close_it();
    need(unlink(context, dir, g), "unlink");
  });
  measure("create_write4k_unlink", [&](long) {
    Opened opened{};
    need(create_and_open(context, dir, g, S_IFREG | 0644, 0, thread.session, kFd, O_WRONLY, false,
                         opened),
         "create");
    write_at(opened.inode, page, 0, 4096);
    close_it();
    need(unlink(context, dir, g), "unlink");
  });
  measure("mkdir_rmdir", [&](long) {
    make(dir, g, S_IFDIR | 0755);
    need(remove_directory(context, dir, g), "rmdir");
  });
  measure("rename_pair", [&](long) {
    need(engine::rename(context, dir, f, dir, h, 0), "rename");
    need(engine::rename(context, dir, h, dir, f, 0), "rename");
  });
  measure("chmod", [&](long i) {
    Attributes after{};
    uint32_t mode = 0600 + (static_cast<uint32_t>(i) & 7);
    need(set_attributes(context, walk(f), {.which = AttributeChange::kMode, .mode = mode}, after),
         "chmod");
  });
  measure("list1000", [&](long) {
    int count = 0;
    DentryIndex hint = DentryIndex::kNone;
    auto take = [](void* argument, const ListedName&) {
      ++*static_cast<int*>(argument);
      return true;
    };
    need(engine::list(context, list, 0, hint, take, &count), "list");
    if (count != kListed + 2) std::exit(1);
  });
}

}  // namespace

int main() {
  const char* wanted = std::getenv("MICRO_BATCHES");
  if (wanted) batches = std::clamp(std::atoi(wanted), 1, 101);
  static Bench bench;
  bench.set_up();
  bench.lookups();
  bench.data();
  bench.names();
  auto copy = [](uint64_t size) {
    return [size](long) {
      std::memcpy(big + 65536 - size / 2, page, size);
      asm volatile("" : : : "memory");
    };
  };
  measure("memcpy64", copy(64));
  measure("memcpy4k", copy(4096));
}
