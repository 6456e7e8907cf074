// SPDX-License-Identifier: MIT
#include "loader/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace bt::loader {
namespace {

using hooks::kRegistryEntriesMax;

// ID.btf: this, then one MapTypes a map, then raw BTF.
struct BtfFileHeader {
  uint64_t magic;
  uint32_t map_count;
  uint32_t btf_size;
};
constexpr uint64_t kBtfFileMagic = 0x3146'5442'4b48'5442;  // "BTHKBTF1"

[[noreturn]] void fail(const std::string& what, int error) {
  throw ObjectError(what + ": " + std::strerror(error));
}

// Refuses a directory that another user could have put files into.
void make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) && errno != EEXIST) fail(path, errno);
  struct stat status {};
  if (lstat(path.c_str(), &status)) fail(path, errno);
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022))
    throw ObjectError(path + ": not a directory that only this user can write");
}

void write_file(const std::string& path, const void* data, size_t size) {
  std::string temporary = path + ".tmp";
  int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) fail(temporary, errno);
  bool written = write(fd, data, size) == static_cast<ssize_t>(size);
  int error = errno;
  fchmod(fd, 0400);
  close(fd);
  if (!written || rename(temporary.c_str(), path.c_str())) fail(path, written ? errno : error);
}

std::vector<uint8_t> read_file(const std::string& path, size_t max) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) fail(path, errno);
  struct stat status {};
  fstat(fd, &status);
  std::vector<uint8_t> bytes(std::min(static_cast<size_t>(status.st_size), max));
  ssize_t size = read(fd, bytes.data(), bytes.size());
  close(fd);
  if (size != static_cast<ssize_t>(bytes.size())) throw ObjectError(path + ": cannot be read");
  return bytes;
}

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

ObjectFiles::ObjectFiles(const std::string& directory, uint64_t id) {
  std::string base = directory + "/" + std::to_string(id);
  image_ = read_file(base + ".image", hooks::kImageSizeMax);
  if (image_.size() < sizeof(hooks::ImageHeader) || header().magic != hooks::kImageMagic ||
      header().version != hooks::kImageVersion || header().total_size != image_.size() ||
      hooks::image_checksum(image_.data() + sizeof(hooks::ImageHeader),
                            image_.size() - sizeof(hooks::ImageHeader)) != header().checksum)
    throw ObjectError(base + ".image: damaged");
  std::vector<uint8_t> types = read_file(base + ".btf", 64 << 20);
  BtfFileHeader head{};
  if (types.size() >= sizeof head) std::memcpy(&head, types.data(), sizeof head);
  size_t rows = size_t{head.map_count} * sizeof(MapTypes);
  if (head.magic == kBtfFileMagic && head.map_count == header().map_count &&
      sizeof head + rows + head.btf_size == types.size()) {
    types_.resize(head.map_count);
    std::memcpy(types_.data(), types.data() + sizeof head, rows);
    btf_.assign(types.begin() + static_cast<int64_t>(sizeof head + rows), types.end());
  }
  int fd = open((base + ".maps").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status)) fail(base + ".maps", errno);
  maps_size_ = header().maps_file_size;
  void* at = static_cast<uint64_t>(status.st_size) < maps_size_
                 ? MAP_FAILED
                 : mmap(nullptr, maps_size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at == MAP_FAILED) throw ObjectError(base + ".maps: cannot be mapped");
  maps_ = static_cast<unsigned char*>(at);
}

ObjectFiles::~ObjectFiles() {
  if (maps_) munmap(maps_, maps_size_);
}

const hooks::ImageProgram& ObjectFiles::program(uint32_t index) const {
  return reinterpret_cast<const hooks::ImageProgram*>(image_.data() +
                                                      sizeof(hooks::ImageHeader))[index];
}
const hooks::ImageMap& ObjectFiles::map(uint32_t index) const {
  return reinterpret_cast<const hooks::ImageMap*>(&program(header().program_count))[index];
}
hooks::MapView ObjectFiles::view(uint32_t index, const std::atomic<uint32_t>* slots_used) const {
  const hooks::ImageMap& from = map(index);
  hooks::MapView view =
      hooks::map_view_at({from.type, from.key_size, from.value_size, from.max_entries}, from.flags,
                         maps_ + from.offset);
  view.slots_used = slots_used;
  return view;
}
MapTypes ObjectFiles::types(uint32_t index) const {
  return index < types_.size() ? types_[index] : MapTypes{};
}

Store::Store(const std::string& run_directory) : directory_(run_directory + "/hooks") {
  make_directory(run_directory);
  make_directory(directory_);
  open_registry();
}

Store::~Store() {
  if (registry_) munmap(registry_, hooks::kRegistrySize);
  if (fd_ >= 0) close(fd_);
}

void Store::open_registry() {
  std::string path = directory_ + "/registry";
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) fail(path, errno);
  lock(true);
  struct stat status {};
  fstat(fd_, &status);
  if (static_cast<uint64_t>(status.st_size) < hooks::kRegistrySize &&
      ftruncate(fd_, hooks::kRegistrySize))
    fail(path, errno);
  void* at = mmap(nullptr, hooks::kRegistrySize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (at == MAP_FAILED) fail(path, errno);
  registry_ = static_cast<hooks::Registry*>(at);
  hooks::RegistryHeader& header = registry_->header;
  if (header.magic == 0)
    header.version = hooks::kRegistryVersion, header.magic = hooks::kRegistryMagic;
  bool ours = header.magic == hooks::kRegistryMagic && header.version == hooks::kRegistryVersion;
  unlock();
  if (!ours) throw ObjectError(path + ": made by another version of bt_fuse");
}

void Store::lock(bool exclusive) const {
  while (flock(fd_, exclusive ? LOCK_EX : LOCK_SH) && errno == EINTR) {
  }
}
void Store::unlock() const { flock(fd_, LOCK_UN); }

// The last step of every change: agents compare the word and look at the entries anew.
void Store::publish() {
  bool any = false;
  for (const hooks::RegistryEntry& entry : registry_->entries) any |= entry.id.load() != 0;
  uint64_t generation = ++registry_->header.next_generation;
  registry_->header.word.store(any ? generation : 0, std::memory_order_release);
}

std::string Store::file(uint64_t id, const char* suffix) const {
  return directory_ + "/" + std::to_string(id) + suffix;
}

void Store::remove_files(uint64_t id) const {
  for (const char* suffix : {".image", ".maps", ".btf", ".image.tmp", ".btf.tmp"})
    unlink(file(id, suffix).c_str());
}

// Files that no entry speaks of: left by a loader that was killed.
void Store::sweep() const {
  DIR* listing = opendir(directory_.c_str());
  if (!listing) return;
  std::vector<uint64_t> stale;
  while (const dirent* row = readdir(listing)) {
    uint64_t id = strtoull(row->d_name, nullptr, 10);
    bool known = id == 0;
    for (const hooks::RegistryEntry& entry : registry_->entries) known |= entry.id.load() == id;
    if (!known) stale.push_back(id);
  }
  closedir(listing);
  for (uint64_t id : stale) remove_files(id);
}

std::vector<LoadedObject> Store::list() const {
  std::vector<LoadedObject> objects;
  lock(false);
  for (const hooks::RegistryEntry& entry : registry_->entries)
    if (uint64_t id = entry.id.load())
      objects.push_back({id, std::string(entry.name, strnlen(entry.name, sizeof entry.name)),
                         entry.loaded_at_ns, entry.loader_pid});
  unlock();
  std::sort(objects.begin(), objects.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return objects;
}

void Store::write_maps(uint64_t id, const BuiltObject& object) const {
  std::string path = file(id, ".maps");
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) fail(path, errno);
  int error = ftruncate(fd, static_cast<off_t>(object.maps_file_size)) ? errno : 0;
  close(fd);
  if (error) fail(path, error);
}

void Store::write_files(uint64_t id, const BuiltObject& object) const {
  write_maps(id, object);
  BtfFileHeader head{kBtfFileMagic, static_cast<uint32_t>(object.map_types.size()),
                     static_cast<uint32_t>(object.btf.size())};
  std::vector<uint8_t> types(sizeof head + object.map_types.size() * sizeof(MapTypes));
  std::memcpy(types.data(), &head, sizeof head);
  std::memcpy(types.data() + sizeof head, object.map_types.data(),
              object.map_types.size() * sizeof(MapTypes));
  types.insert(types.end(), object.btf.begin(), object.btf.end());
  write_file(file(id, ".btf"), types.data(), types.size());
  write_file(file(id, ".image"), object.image.data(), object.image.size());
  ObjectFiles files(directory_, id);
  hooks::MapUser user{hooks::token_of_this_thread(), 0};
  for (const InitialElement& element : object.elements) {
    hooks::MapView map = files.view(element.map, nullptr);
    uint32_t index = 0;
    if (element.key.size() == 4) std::memcpy(&index, element.key.data(), 4);
    int64_t error = 0;
    if (hooks::is_hash_type(map.type))
      error = hooks::map_update(map, element.key.data(), element.value.data(), 0, user);
    else if (index < map.max_entries)
      std::memcpy(hooks::value_at(map, index, 0), element.value.data(), map.value_size);
    if (error)
      throw ObjectError("map " + std::string(files.map(element.map).name) + ": cannot be filled");
  }
}

uint64_t Store::load(const BuiltObject& object, const std::string& name) {
  lock(true);
  hooks::RegistryEntry* entry = nullptr;
  for (hooks::RegistryEntry& row : registry_->entries)
    if (!entry && row.id.load() == 0) entry = &row;
  sweep();
  uint64_t id = ++registry_->header.next_id;
  try {
    if (!entry)
      throw ObjectError("more than " + std::to_string(kRegistryEntriesMax) + " objects are loaded");
    write_files(id, object);
  } catch (...) {
    remove_files(id);
    unlock();
    throw;
  }
  std::memset(entry->name, 0, sizeof entry->name);
  std::memcpy(entry->name, name.data(), std::min(name.size(), sizeof entry->name - 1));
  entry->loaded_at_ns = now_ns();
  entry->loader_pid = static_cast<uint32_t>(getpid());
  entry->loader_uid = geteuid();
  entry->id.store(id, std::memory_order_release);
  publish();
  unlock();
  return id;
}

bool Store::unload(uint64_t id) {
  bool found = false;
  lock(true);
  for (hooks::RegistryEntry& entry : registry_->entries) {
    if (entry.id.load() != id || id == 0) continue;
    entry.id.store(0, std::memory_order_release);
    found = true;
  }
  if (found) {
    publish();
    remove_files(id);
  }
  unlock();
  return found;
}

}  // namespace bt::loader
