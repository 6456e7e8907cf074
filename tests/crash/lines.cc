// SPDX-License-Identifier: MIT
#include "lines.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "actor.h"
#include "store_runtime.h"

namespace bt::crash {
namespace {

constexpr uint8_t kReadByFirst = 1, kWrittenByFirst = 2, kReadBySecond = 4, kWrittenBySecond = 8;
// Fewer than the records a slot fetches at once: what is seen is the usual case, not the refill.
constexpr int kRounds = 20;

struct Work {
  const char* name;
  void (*step)(Actor& actor, const std::string& directory);
  bool one_directory;  // both work in the same
  bool must_share;     // its directory: shows that sharing is seen
};

void read_page(Actor& p, const std::string& directory) {
  static char buffer[4096];
  Piece piece{buffer, sizeof(buffer)};
  (void)engine::read(p.context(), p.walk(directory + "/f"), 0, &piece, 1);
}
void stat_file(Actor& p, const std::string& directory) {
  Attributes a;
  (void)read_attributes(p.context(), p.walk(directory + "/f"), a);
}

const Work kWorks[] = {
    {"create and unlink",
     [](Actor& p, const std::string& d) {
       p.make_file(d + "/x");
       p.unlink(d + "/x");
     },
     false, false},
    {"rename",
     [](Actor& p, const std::string& d) {
       p.rename(d + "/r", d + "/s");
       p.rename(d + "/s", d + "/r");
     },
     false, false},
    {"open and close",
     [](Actor& p, const std::string& d) {
       p.open(d + "/f", 5, O_RDWR);
       p.close(5);
     },
     false, false},
    {"stat", stat_file, false, false},
    {"read a page", read_page, false, false},
    {"write a page", [](Actor& p, const std::string& d) { p.write(d + "/f", 0, 4096, 'w'); }, false,
     false},
    {"append", [](Actor& p, const std::string& d) { p.append(d + "/log", 100, 'a'); }, false,
     false},
    {"stat in one directory", stat_file, true, false},
    {"read one file", read_page, true, false},
    {"create and unlink in one directory",
     [](Actor& p, const std::string& d) {
       std::string name = d + "/x" + std::to_string(raw(p.session()));
       p.make_file(name);
       p.unlink(name);
     },
     true, true},
};

class Observation {
 public:
  Observation() {
    FormatOptions options;
    options.volume_size = 16 << 20;
    options.inodes_max = 512;
    options.id = 1;
    options.now_ns = 1;
    size_ = Volume::volume_size_for(options);
    memory_ = map(size_);
    board_ = reinterpret_cast<StoreBoard*>(map(sizeof(StoreBoard) + (size_ >> 12) + 1));
    watch_volume(memory_, size_, board_);
    if (!Volume::format(memory_, size_, options) || !Volume::attach(memory_, size_, volume_))
      _exit(3);
    lines_.resize((size_ >> 6) + 1);
  }

  // Lines that one wrote and the other touched. The works come one after the other: that is enough to know who touches what.
  int shared(const Work& work) {
    Actor first(volume_, 1), second(volume_, 2);
    std::string directories[] = {"d0", work.one_directory ? "d0" : "d1"};
    prepare(first, "d0");
    prepare(second, "d1");
    // Records at hand, pages with memory.
    for (int i = 0; i < 2 * kRounds; i++) {
      work.step(first, directories[0]);
      work.step(second, directories[1]);
    }
    std::fill(lines_.begin(), lines_.end(), 0);
    observe(work, first, directories[0], {kReadByFirst, kWrittenByFirst});
    observe(work, second, directories[1], {kReadBySecond, kWrittenBySecond});
    int shared = 0;
    for (size_t line = 0; line < lines_.size(); line++) {
      uint8_t seen = lines_[line];
      bool first_wrote = seen & kWrittenByFirst, second_wrote = seen & kWrittenBySecond;
      bool first_touched = first_wrote || (seen & kReadByFirst),
           second_touched = second_wrote || (seen & kReadBySecond);
      if (!(first_wrote && second_touched) && !(second_wrote && first_touched)) continue;
      if (!work.must_share)
        printf("  shared: %s, the line at %zu (%x)\n", region_of(line << 6), line << 6, seen);
      shared++;
    }
    if (first.failed() || second.failed()) {
      printf("  the work itself fails: %d %d\n", first.failed(), second.failed());
      return -1;
    }
    return shared;
  }

 private:
  const char* region_of(uint64_t offset) const {
    const Geometry& g = volume_.geometry();
    const std::pair<const char*, Region> regions[] = {{"sessions", g.sessions},
                                                      {"slots", g.slots},
                                                      {"metrics", g.metrics},
                                                      {"stripes", g.stripes},
                                                      {"heads", g.heads},
                                                      {"inodes", g.inodes},
                                                      {"dentries", g.dentries},
                                                      {"descriptions", g.descriptions},
                                                      {"file locks", g.file_locks},
                                                      {"page descriptors", g.page_descriptors},
                                                      {"pages", g.pages}};
    const char* name = "superblock";
    for (auto& [region_name, region] : regions)
      if (offset >= region.offset) name = region_name;
    return name;
  }

  static char* map(uint64_t size) {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) _exit(3);
    return static_cast<char*>(memory);
  }

  static void prepare(Actor& actor, const std::string& directory) {
    actor.make_directory(directory);
    for (const char* name : {"/f", "/r", "/log"}) actor.make_file(directory + name);
    actor.write(directory + "/f", 0, 4096, 'f');
  }

  void observe(const Work& work, Actor& actor, const std::string& directory, LineFlags flags) {
    record_lines(lines_.data(), flags);
    for (int i = 0; i < kRounds; i++) work.step(actor, directory);
    record_lines(nullptr, {});
  }

  Volume volume_;
  char* memory_;
  uint64_t size_;
  StoreBoard* board_;
  std::vector<uint8_t> lines_;
};

}  // namespace

bool check_shared_lines() {
  bool good = true;
  for (const Work& work : kWorks) {
    Observation observation;
    int shared = observation.shared(work);
    bool bad = (shared != 0) != work.must_share;
    printf("%s cache lines shared and written, %s: %d\n", bad ? "FAIL" : "ok  ", work.name, shared);
    good &= !bad;
  }
  return good;
}

}  // namespace bt::crash
