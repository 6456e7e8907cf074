// SPDX-License-Identifier: MIT
#include "work.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace bt::stress {

SharedVolume::SharedVolume(uint64_t volume_size) {
  FormatOptions options;
  options.volume_size = volume_size;
  options.inodes_max = 20000;
  options.id = 1;
  options.now_ns = 1;
  size = Volume::volume_size_for(options);
  file = memfd_create("btfuse-stress", MFD_CLOEXEC);
  if (ftruncate(file, static_cast<off_t>(size)) != 0) size = 0;
  memory = static_cast<char*>(
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0));
  if (memory == MAP_FAILED || !Volume::format(memory, size, options) ||
      !Volume::attach(memory, size, volume)) {
    fprintf(stderr, "stress: no volume\n");
    exit(3);
  }
}

SharedVolume::~SharedVolume() {
  munmap(memory, size);
  close(file);
}

void make_directories(Actor& actor) {
  for (int i = 0; i < kDirectories; i++) actor.make_directory("d" + std::to_string(i));
}

static const std::string kLongName(120, 'l');

// As readdir does it, entry by entry.
static void list_all(Actor& actor, const std::string& path) {
  InodeNumber directory = actor.walk(path);
  DentryIndex hint{};
  ListedName entry;
  uint64_t cookie = 0;
  while (directory && next_entry(actor.context(), directory, cookie, hint, entry))
    cookie = entry.cookie;
}

void random_step(Actor& actor, std::mt19937_64& random) {
  auto directory = [&] { return "d" + std::to_string(random() % kDirectories); };
  // Some names are longer than one dentry.
  auto path = [&] {
    uint64_t number = random() % 12;
    return directory() + "/" + (number < 10 ? "n" : kLongName) + std::to_string(number);
  };
  int fd = static_cast<int>(random() % 8);
  static const uint64_t kSizes[] = {1, 64, 700, 4096, 10000, 70000};
  uint64_t size = kSizes[random() % 6], offset = random() % 50000;
  switch (random() % 25) {
    case 0:
    case 1:
      actor.make_file(path());
      break;
    case 2:
    case 3:
      actor.unlink(path());
      break;
    case 4:
    case 5:
      actor.rename(path(), path());
      break;
    case 6:
      actor.rename(path(), path(), kRenameExchange);
      break;
    case 7:
      actor.make_directory(path());
      break;
    case 8:
      actor.remove_directory(path());
      break;
    case 9:
      actor.link(path(), path());
      break;
    case 10:
    case 11:
      actor.write(path(), offset, size, 'w');
      break;
    case 12:
      actor.append(path(), size, 'a');
      break;
    case 13:
      actor.truncate(path(), offset);
      break;
    case 14:
      actor.create_open(path(), fd);
      break;
    case 15:
      actor.close(fd);
      break;
    case 16:
      actor.dup(fd, static_cast<int>(random() % 8));
      break;
    case 17:
      actor.set_xattr(path(), "user.x", size % 3000, 'x');
      break;
    case 18:
      actor.lock_open_file(fd, offset, offset + size, random() % 2);
      break;
    case 19:
      actor.look(path());
      break;
    case 20:
      list_all(actor, directory());
      break;
    case 21:
      actor.set_mode(path(), random() % 2 ? 0640 : 0600);
      break;
    case 22:
      actor.make_symlink(path(), random() % 2 ? "short" : kLongName);
      break;
    case 23:
      actor.write(path(), offset << (random() % 20), 4096, 'f');
      break;
    case 24:
      actor.remove_xattr(path(), "user.x");
      break;
  }
}

namespace {
void remove_tree(Actor& actor, const std::string& path) {
  DentryIndex hint{};
  ListedName entry;
  InodeNumber directory = path.empty() ? kRootInode : actor.walk(path);
  while (next_entry(actor.context(), directory, 2, hint, entry)) {
    std::string child = (path.empty() ? "" : path + "/") + std::string(entry.name, entry.name_size);
    if (entry.type == 4) {
      remove_tree(actor, child);
      actor.remove_directory(child);
    } else {
      actor.unlink(child);
    }
    if (actor.walk(child)) return;  // damage: it cannot be removed
  }
}
}  // namespace

void remove_everything(Actor& actor) { remove_tree(actor, ""); }

int count_violations(Actor& actor) {
  void* scratch = calloc(1, check_scratch_size(actor.context().volume()));
  int count = 0;
  auto report = [](void* argument, const Violation& v) {
    if ((*static_cast<int*>(argument))++ < 5)
      printf("violation: %s of %llu: %llu, not %llu\n", v.rule,
             static_cast<unsigned long long>(v.object), static_cast<unsigned long long>(v.found),
             static_cast<unsigned long long>(v.expected));
  };
  CheckReport result{};
  auto checked = check_volume(actor.context(), scratch, report, &count, result);
  free(scratch);
  if (!checked) printf("check: %s\n", checked.error().text());
  return checked ? count : -1;
}

}  // namespace bt::stress
