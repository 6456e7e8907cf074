// SPDX-License-Identifier: MIT
#include "state.h"

#include <sys/stat.h>
#include <map>

namespace bt::crash {

namespace {

uint64_t hash_bytes(const char* bytes, uint64_t size) {
  uint64_t hash = 0x9e3779b97f4a7c15 ^ size;
  auto mix = [&](uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 29;
  };
  uint64_t i = 0;
  // Four at a time, which do not wait for one another.
  uint64_t lane[4] = {1, 2, 3, 4};
  for (; i + 32 <= size; i += 32)
    for (int n = 0; n < 4; n++) {
      uint64_t word;
      __builtin_memcpy(&word, bytes + i + n * 8, 8);
      lane[n] = (lane[n] ^ word) * 0xff51afd7ed558ccd;
      lane[n] ^= lane[n] >> 29;
    }
  for (uint64_t word : lane) mix(word);
  for (; i < size; i++) mix(static_cast<uint8_t>(bytes[i]));
  return hash;
}

// Holes are not read, so that sparse files cost nothing; a page of zeros and a hole look alike.
std::vector<uint64_t> hash_pages(Actor& actor, InodeNumber inode, uint64_t size) {
  std::vector<uint64_t> hashes;
  static char bytes[4096];
  static const std::string zeros(4096, 0);
  static const uint64_t hole = hash_bytes(zeros.data(), 4096);
  uint64_t data = 0;
  for (uint64_t offset = 0; offset < size; offset += sizeof(bytes)) {
    if (data <= offset)
      data = seek_data(actor.context(), inode, offset, false).value_or(UINT64_MAX);
    if (data > offset && size - offset >= 4096) {
      hashes.push_back(hole);
      continue;
    }
    Piece piece{bytes, sizeof(bytes)};
    auto got = engine::read(actor.context(), inode, offset, &piece, 1);
    hashes.push_back(got ? hash_bytes(bytes, *got) : 1);
  }
  return hashes;
}

std::string xattrs_of(Actor& actor, InodeNumber inode) {
  char names[1024], value[16384];
  auto size = list_xattrs(actor.context(), inode, names, sizeof(names));
  if (!size) return " xattrs: error";
  std::string result;
  for (uint64_t i = 0; i < *size;) {
    std::string name = names + i;
    i += name.size() + 1;
    auto got = get_xattr(actor.context(), inode, {name.data(), static_cast<uint32_t>(name.size())},
                         value, sizeof(value));
    result += " " + name + "=" + (got ? std::to_string(hash_bytes(value, *got)) : "error");
  }
  return result;
}

// Straight from the records: nothing in the interface lists them.
std::string locks_of(Actor& actor, InodeNumber inode) {
  Volume& volume = actor.context().volume();
  std::string result;
  FileLockIndex at = volume.inode(inode.index())->file_locks;
  for (int n = 0; at != FileLockIndex::kNone && n < 1000; n++) {
    FileLockRecord* record = volume.file_lock(at);
    if (!record) return " locks: nonsense";
    result += " lock" + std::to_string(record->kind) + (record->exclusive ? "x" : "s") +
              std::to_string(record->start) + "-" + std::to_string(record->end);
    at = record->next;
  }
  return result;
}

struct Walk {
  Actor& actor;
  State& state;
  std::map<uint64_t, uint32_t> seen = {};
};

void look_at_inode(Walk& walk, const std::string& path, InodeNumber inode);

void look_at_directory(Walk& walk, const std::string& path, InodeNumber directory) {
  std::vector<std::pair<std::string, InodeNumber>> names;
  DentryIndex hint{};
  uint64_t cookie = 2;  // behind . and ..
  ListedName entry;
  while (next_entry(walk.actor.context(), directory, cookie, hint, entry)) {
    names.emplace_back(std::string(entry.name, entry.name_size), entry.inode);
    cookie = entry.cookie;
    if (names.size() > 10000) break;
  }
  for (auto& [name, inode] : names) {
    Found found;
    bool good = lookup(walk.actor.context(), directory,
                       {name.data(), static_cast<uint32_t>(name.size())}, found) &&
                found.inode == inode;
    look_at_inode(walk, path + "/" + name + (good ? "" : " (listed, but lookup says otherwise)"),
                  inode);
  }
}

void look_at_inode(Walk& walk, const std::string& path, InodeNumber inode) {
  Entry entry{};
  entry.path = path;
  Attributes a;
  if (!read_attributes(walk.actor.context(), inode, a)) {
    entry.extra = "no attributes";
    walk.state.entries.push_back(entry);
    return;
  }
  auto ordinal = static_cast<uint32_t>(walk.state.entries.size());
  entry.identity = walk.seen.try_emplace(inode.value, ordinal).first->second;
  entry.mode = a.mode, entry.uid = a.uid, entry.gid = a.gid, entry.nlink = a.nlink;
  entry.size = a.size, entry.rdev = a.rdev, entry.page_count = a.page_count,
  entry.change = a.change;
  entry.mtime_ns = a.mtime_ns, entry.ctime_ns = a.ctime_ns;
  if (entry.identity == ordinal) {
    entry.extra = xattrs_of(walk.actor, inode) + locks_of(walk.actor, inode);
    if (S_ISREG(a.mode)) entry.pages = hash_pages(walk.actor, inode, a.size);
    if (S_ISLNK(a.mode)) {
      char target[4096];
      auto size = read_link(walk.actor.context(), inode, target, sizeof(target));
      entry.extra += size ? " -> " + std::to_string(hash_bytes(target, *size)) : " -> error";
    }
  }
  walk.state.entries.push_back(entry);
  if (S_ISDIR(a.mode)) look_at_directory(walk, path, inode);
}

bool is_page_between(const Entry& now, const Entry& before, const Entry& after, size_t i) {
  if (i < before.pages.size() && now.pages[i] == before.pages[i]) return true;
  if (i < after.pages.size() && now.pages[i] == after.pages[i]) return true;
  static const std::string zeros(4096, 0);
  uint64_t size = now.size - i * 4096 < 4096 ? now.size - i * 4096 : 4096;
  return now.pages[i] == hash_bytes(zeros.data(), size);  // a hole, or uncovered by the size
}

}  // namespace

State look_at(Actor& actor) {
  State state;
  Walk walk{actor, state};
  look_at_inode(walk, "", kRootInode);
  Volume& volume = actor.context().volume();
  for (int fd = 0; fd < 32; fd++) {
    bool close_on_exec = false;
    DescriptionIndex index = find_descriptor(volume, actor.session(), fd, close_on_exec);
    if (index == DescriptionIndex::kNone) continue;
    DescriptionRecord* record = volume.description(index);
    Attributes a{};
    bool good = record && read_attributes(actor.context(), record->inode, a);
    state.descriptors.push_back(std::to_string(fd) + (close_on_exec ? "c" : "") +
                                (good ? " nlink " + std::to_string(a.nlink) + " size " +
                                            std::to_string(a.size) + " offset " +
                                            std::to_string(record->offset)
                                      : " bad"));
  }
  return state;
}

bool is_between(const State& now, const State& before, const State& after, bool torn) {
  if (now.descriptors != before.descriptors && now.descriptors != after.descriptors) return false;
  if (now.entries.size() != before.entries.size() || now.entries.size() != after.entries.size())
    return false;
  for (size_t i = 0; i < now.entries.size(); i++) {
    const Entry &n = now.entries[i], &b = before.entries[i], &a = after.entries[i];
    if (n == b || n == a) continue;
    if (n.path != b.path || n.path != a.path || n.mode != a.mode || n.nlink != a.nlink ||
        n.uid != a.uid)
      return false;
    if (n.size < std::min(b.size, a.size) || n.size > std::max(b.size, a.size)) return false;
    for (size_t page = 0; page < n.pages.size() && !torn; page++)
      if (!is_page_between(n, b, a, page)) return false;
  }
  return true;
}

std::string difference(const State& a, const State& b) {
  for (size_t i = 0; i < a.entries.size() || i < b.entries.size(); i++) {
    if (i >= a.entries.size()) return "missing " + b.entries[i].path;
    if (i >= b.entries.size()) return "unexpected " + a.entries[i].path;
    const Entry &x = a.entries[i], &y = b.entries[i];
    if (x == y) continue;
    std::string text = x.path + " against " + y.path + ":";
    auto field = [&](const char* name, auto p, auto q) {
      if (p != q)
        text += std::string(" ") + name + " " + std::to_string(p) + "/" + std::to_string(q);
    };
    field("identity", x.identity, y.identity);
    field("mode", x.mode, y.mode), field("nlink", x.nlink, y.nlink), field("size", x.size, y.size);
    field("pages", x.page_count, y.page_count), field("change", x.change, y.change);
    field("mtime", x.mtime_ns, y.mtime_ns), field("ctime", x.ctime_ns, y.ctime_ns);
    if (x.extra != y.extra) text += " extra" + x.extra + "/" + y.extra;
    for (size_t page = 0; page < x.pages.size() && page < y.pages.size(); page++)
      if (x.pages[page] != y.pages[page]) text += " data page " + std::to_string(page);
    return text;
  }
  for (size_t i = 0; i < a.descriptors.size() || i < b.descriptors.size(); i++) {
    std::string x = i < a.descriptors.size() ? a.descriptors[i] : "none",
                y = i < b.descriptors.size() ? b.descriptors[i] : "none";
    if (x != y) return "descriptor " + x + " against " + y;
  }
  return "none";
}

}  // namespace bt::crash
