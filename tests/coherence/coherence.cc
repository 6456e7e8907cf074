// SPDX-License-Identifier: MIT
// One volume, two ways to it, and a file system of the kernel as oracle.
//
//   coherence BTFUSE MOUNT ORACLE SEED STEPS     the driver
//   coherence actor                              executes commands from stdin in its working directory
//
// Two actors work on the mount, one started with `btfuse run` (in-process), one without (through the kernel); a third does
// everything again on the oracle, a tmpfs. Each step is one call, made by the one or the other actor at random, on few names
// so that it often meets something: its result must be the oracle's. Right after it the OTHER actor must see the whole tree as
// the oracle has it: names, types, modes, owners, links, sizes, contents, targets, attributes, which names are one file.
// Descriptors that actors keep open are read, written and looked at after their names are gone.
//
// Not covered: times, other users, mappings, locks; one call at a time (tests/stress has the concurrent ones).
#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Words = std::vector<std::string>;

// ---- frames: a length, then so many bytes ------------------------------------------------------------------------------
bool write_all(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, bytes, size);
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}
bool read_all(int fd, char* bytes, size_t size) {
  while (size > 0) {
    ssize_t got = read(fd, bytes, size);
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}
bool send_frame(int fd, const std::string& text) {
  uint32_t size = static_cast<uint32_t>(text.size());
  std::string frame(reinterpret_cast<char*>(&size), 4);
  frame += text;
  return write_all(fd, frame.data(), frame.size());
}
bool receive_frame(int fd, std::string& text) {
  uint32_t size;
  if (!read_all(fd, reinterpret_cast<char*>(&size), 4)) return false;
  text.resize(size);
  return read_all(fd, text.data(), size);
}

// ---- what the tree looks like -----------------------------------------------------------------------------------------------
std::string hash_of(const std::string& bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  char text[20];
  std::snprintf(text, sizeof text, "%016lx", hash);
  return text;
}

std::string contents(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY);
  if (fd < 0) return "unreadable " + std::to_string(errno);
  std::string all;
  char buffer[16384];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) all.append(buffer, static_cast<size_t>(got));
  int error = got < 0 ? errno : 0;
  close(fd);
  return error ? "read failed " + std::to_string(error)
               : std::to_string(all.size()) + ":" + hash_of(all);
}

std::string attributes_of(const std::string& path) {
  char names[4096], value[4096];
  ssize_t size = llistxattr(path.c_str(), names, sizeof names);
  if (size < 0) return errno == EOPNOTSUPP ? "" : " list " + std::to_string(errno);
  std::vector<std::string> found;
  for (char* name = names; name < names + size; name += strlen(name) + 1) {
    if (strncmp(name, "user.", 5) != 0) continue;
    ssize_t length = lgetxattr(path.c_str(), name, value, sizeof value);
    found.push_back(std::string(name) + "=" +
                    (length < 0 ? "?" + std::to_string(errno)
                                : std::string(value, static_cast<size_t>(length))));
  }
  std::sort(found.begin(), found.end());
  std::string all;
  for (const auto& one : found) all += " " + one;
  return all;
}

struct Snapshot {
  std::string text;
  std::map<ino_t, int> seen;
};

void describe(const std::string& path, Snapshot& snapshot) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) {
    snapshot.text += path + " lstat " + std::to_string(errno) + "\n";
    return;
  }
  int identity =
      snapshot.seen.emplace(status.st_ino, static_cast<int>(snapshot.seen.size())).first->second;
  std::ostringstream line;
  line << path << " #" << identity << " mode " << std::oct << status.st_mode << std::dec
       << " links " << status.st_nlink << " owner " << status.st_uid << ":" << status.st_gid;
  if (!S_ISDIR(status.st_mode)) line << " size " << status.st_size;
  if (S_ISREG(status.st_mode)) line << " data " << contents(path);
  if (S_ISLNK(status.st_mode)) {
    char target[4096];
    ssize_t size = readlink(path.c_str(), target, sizeof target);
    line << " -> " << (size < 0 ? "?" : std::string(target, static_cast<size_t>(size)));
  }
  line << attributes_of(path) << "\n";
  snapshot.text += line.str();
}

void walk(const std::string& directory, Snapshot& snapshot) {
  DIR* stream = opendir(directory.c_str());
  if (!stream) {
    snapshot.text += directory + " opendir " + std::to_string(errno) + "\n";
    return;
  }
  std::vector<std::pair<std::string, int>> entries;
  while (dirent* entry = readdir(stream)) entries.emplace_back(entry->d_name, entry->d_type);
  closedir(stream);
  std::sort(entries.begin(), entries.end());
  for (const auto& [name, type] : entries) {
    if (name == "." || name == "..") continue;
    std::string path = directory == "." ? name : directory + "/" + name;
    describe(path, snapshot);
    struct stat status;
    if (lstat(path.c_str(), &status) == 0 && IFTODT(status.st_mode) != static_cast<unsigned>(type))
      snapshot.text += path + " d_type " + std::to_string(type) + "\n";
    if (S_ISDIR(status.st_mode)) walk(path, snapshot);
  }
}

// ---- the actor -----------------------------------------------------------------------------------------------------------------
std::string outcome(long result) {
  return result < 0 ? "error " + std::to_string(errno) : "ok " + std::to_string(result);
}

std::string with_file(const std::string& path, int flags, long (*use)(int, const Words&),
                      const Words& words) {
  int fd = open(path.c_str(), flags, 0644);
  if (fd < 0) return outcome(-1);
  std::string result = outcome(use(fd, words));
  close(fd);
  return result;
}

long number(const std::string& word) { return std::strtol(word.c_str(), nullptr, 0); }

std::string on_descriptor(std::map<std::string, int>& kept, const Words& w) {
  const std::string& verb = w[0];
  auto held = kept.find(w[1]);
  if (verb == "keep") {
    int fd = open(w[2].c_str(), static_cast<int>(number(w[3])), 0644);
    if (fd < 0) return outcome(-1);
    if (held != kept.end()) close(held->second);
    kept[w[1]] = fd;
    return "kept";
  }
  if (held == kept.end()) return "none";
  int fd = held->second;
  std::string buffer(4096, 0);
  if (verb == "drop") {
    kept.erase(held);
    return outcome(close(fd));
  }
  if (verb == "readkept") {
    ssize_t got = read(fd, buffer.data(), static_cast<size_t>(number(w[2])));
    return outcome(got) +
           (got > 0 ? " " + hash_of(buffer.substr(0, static_cast<size_t>(got))) : "");
  }
  if (verb == "writekept")
    return outcome(write(fd, std::string(static_cast<size_t>(number(w[2])), w[3][0]).data(),
                         static_cast<size_t>(number(w[2]))));
  if (verb == "seekkept") return outcome(lseek(fd, number(w[2]), static_cast<int>(number(w[3]))));
  if (verb == "cutkept") return outcome(ftruncate(fd, number(w[2])));
  struct stat status;
  if (fstat(fd, &status) != 0) return outcome(-1);
  std::ostringstream text;
  text << "mode " << std::oct << status.st_mode << std::dec << " links " << status.st_nlink;
  if (S_ISREG(status.st_mode)) text << " size " << status.st_size;
  return text.str();
}

std::string perform_on_file(const Words& w) {
  const std::string& verb = w[0];
  if (verb == "create")
    return with_file(
        w[1], O_CREAT | O_EXCL | O_WRONLY, [](int, const Words&) { return 0L; }, w);
  if (verb == "open")
    return with_file(
        w[1], static_cast<int>(number(w[2])), [](int, const Words&) { return 0L; }, w);
  if (verb == "write")
    return with_file(
        w[1], O_WRONLY | O_NONBLOCK,
        [](int fd, const Words& v) {
          std::string bytes(static_cast<size_t>(number(v[3])), v[4][0]);
          return static_cast<long>(pwrite(fd, bytes.data(), bytes.size(), number(v[2])));
        },
        w);
  if (verb == "append")
    return with_file(
        w[1], O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK,
        [](int fd, const Words& v) {
          std::string bytes(static_cast<size_t>(number(v[2])), v[3][0]);
          return static_cast<long>(write(fd, bytes.data(), bytes.size()));
        },
        w);
  return with_file(
      w[1], O_WRONLY | O_NONBLOCK,
      [](int fd, const Words& v) {
        return static_cast<long>(
            fallocate(fd, static_cast<int>(number(v[2])), number(v[3]), number(v[4])));
      },
      w);
}

std::string perform(std::map<std::string, int>& kept, const Words& w) {
  const std::string& verb = w[0];
  const char* path = w.size() > 1 ? w[1].c_str() : "";
  if (verb == "mkdir") return outcome(mkdir(path, static_cast<mode_t>(number(w[2]))));
  if (verb == "rmdir") return outcome(rmdir(path));
  if (verb == "unlink") return outcome(unlink(path));
  if (verb == "rename")
    return outcome(
        renameat2(AT_FDCWD, path, AT_FDCWD, w[2].c_str(), static_cast<unsigned>(number(w[3]))));
  if (verb == "link") return outcome(link(path, w[2].c_str()));
  if (verb == "symlink") return outcome(symlink(path, w[2].c_str()));
  if (verb == "mkfifo") return outcome(mkfifo(path, 0600));
  if (verb == "chmod") return outcome(chmod(path, static_cast<mode_t>(number(w[2]))));
  if (verb == "chown")
    return outcome(
        lchown(path, static_cast<uid_t>(number(w[2])), static_cast<gid_t>(number(w[3]))));
  if (verb == "truncate") return outcome(truncate(path, number(w[2])));
  if (verb == "access") return outcome(access(path, static_cast<int>(number(w[2]))));
  if (verb == "setxattr")
    return outcome(
        lsetxattr(path, w[2].c_str(), w[3].data(), w[3].size(), static_cast<int>(number(w[4]))));
  if (verb == "removexattr") return outcome(lremovexattr(path, w[2].c_str()));
  if (verb == "create" || verb == "open" || verb == "write" || verb == "append" ||
      verb == "fallocate")
    return perform_on_file(w);
  return on_descriptor(kept, w);
}

int run_actor() {
  std::map<std::string, int> kept;
  std::string command;
  umask(022);
  while (receive_frame(0, command)) {
    if (command == "snapshot") {
      Snapshot snapshot;
      walk(".", snapshot);
      if (!send_frame(1, snapshot.text)) return 1;
      continue;
    }
    Words words;
    std::istringstream split(command);
    for (std::string word; std::getline(split, word, '\t');) words.push_back(word);
    if (!send_frame(1, perform(kept, words))) return 1;
  }
  return 0;
}

// ---- the driver ----------------------------------------------------------------------------------------------------------------
class Actor {
 public:
  Actor(const char* name, const std::string& directory, std::vector<std::string> command)
      : name_(name) {
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0) std::exit(2);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(to[0], 0);
      dup2(from[1], 1);
      for (int fd = 3; fd < 64; fd++) close(fd);
      std::vector<char*> arguments;
      for (auto& word : command) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      if (chdir(directory.c_str()) == 0) execvp(arguments[0], arguments.data());
      std::perror(name);
      _exit(2);
    }
    close(to[0]);
    close(from[1]);
    to_ = to[1];
    from_ = from[0];
  }
  std::string ask(const std::string& command) {
    std::string answer;
    if (!send_frame(to_, command) || !receive_frame(from_, answer)) {
      std::fprintf(stderr, "the %s actor is gone after: %s\n", name_, command.c_str());
      std::exit(1);
    }
    return answer;
  }
  void finish() {
    close(to_);
    waitpid(pid_, nullptr, 0);
  }
  const char* name() const { return name_; }

 private:
  const char* name_;
  pid_t pid_;
  int to_, from_;
};

class Driver {
 public:
  Driver(const std::string& self, const char* btfuse, const std::string& mount,
         const std::string& oracle, uint64_t seed)
      : random_(seed),
        actors_{Actor("in-process", mount, {btfuse, "run", "--", self, "actor"}),
                Actor("kernel", mount, {self, "actor"})},
        oracles_{Actor("oracle", oracle, {self, "actor"}),
                 Actor("oracle", oracle, {self, "actor"})} {}

  bool run(int steps) {
    for (int step = 0; step < steps; step++) {
      int who = static_cast<int>(pick(2));
      std::string command = make_command();
      std::string found = actors_[who].ask(command), expected = oracles_[who].ask(command);
      history_.push_back(std::string(actors_[who].name()) + ": " + command + "  → " + found);
      if (found != expected) return report(step, command, "oracle says " + expected);
      std::string tree = oracles_[0].ask("snapshot");
      for (int observer : {1 - who, who}) {
        if (observer == who && step % 16) continue;
        std::string seen = actors_[observer].ask("snapshot");
        if (seen != tree)
          return report(step, command, difference(tree, seen, actors_[observer].name()));
      }
    }
    for (auto& actor : actors_) actor.finish();
    for (auto& actor : oracles_) actor.finish();
    return true;
  }
  void print_counts() const {
    std::printf("%zu steps", history_.size());
    for (const auto& [verb, count] : counts_) std::printf(" %s %d", verb.c_str(), count);
    std::printf("\n");
  }

 private:
  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  std::string path() {
    static const char* const kDirectories[] = {"", "", "d0/", "d1/", "d0/d2/", "l0/"};
    static const char* const kNames[] = {
        "f0", "f1", "f2", "d0", "d1", "d2", "l0", "a-name-longer-than-the-record-holds", ""};
    std::string made = kDirectories[pick(6)];
    // Rarely what has rules of its own: a directory with a slash, a dot, the parent.
    switch (pick(60)) {
      case 0:
        return made + "d0/";
      case 1:
        return made + ".";
      case 2:
        return made + "d1/..";
      case 3:
        return made + "f0/";
      case 4:
        return made + std::string(256, 'n');
      default:
        return made + kNames[pick(8)];
    }
  }
  std::string number_below(uint32_t below) { return std::to_string(pick(below)); }

  std::string make_command() {
    static const char* const kFlags[] = {"0", "0", "0", "1", "2", "3"};
    static const char* const kModes[] = {"0644", "0600", "0755", "04711", "02755", "01777", "0"};
    static const char* const kKinds[] = {"0", "1", "3"};
    std::string tab = "\t", first = path(), byte(1, static_cast<char>('a' + pick(26)));
    std::vector<std::string> choices = {
        "create" + tab + first,
        "create" + tab + first,
        "mkdir" + tab + first + tab + "0755",
        "mkdir" + tab + first + tab + "0775",
        "append" + tab + first + tab + number_below(3000) + tab + byte,
        "write" + tab + first + tab + number_below(20000) + tab + number_below(9000) + tab + byte,
        "truncate" + tab + first + tab + number_below(20000),
        "mkdir" + tab + first + tab + "0755",
        "rmdir" + tab + first,
        "unlink" + tab + first,
        "rename" + tab + first + tab + path() + tab + kFlags[pick(6)],
        "link" + tab + first + tab + path(),
        "symlink" + tab + (pick(2) ? "d1" : "f1") + tab + first,
        "mkfifo" + tab + first,
        "chmod" + tab + first + tab + kModes[pick(7)],
        "chown" + tab + first + tab + number_below(3) + tab + number_below(3),
        "setxattr" + tab + first + tab + "user.x" + number_below(3) + tab + "v" +
            number_below(1000) + tab + number_below(3),
        "removexattr" + tab + first + tab + "user.x" + number_below(3),
        "fallocate" + tab + first + tab + kKinds[pick(3)] + tab + number_below(20000) + tab +
            number_below(9000),
        "access" + tab + first + tab + number_below(8),
        "open" + tab + first + tab +
            std::to_string(O_NONBLOCK | (pick(2) ? O_RDWR : O_RDONLY) | (pick(4) ? 0 : O_TRUNC) |
                           (pick(3) ? 0 : O_CREAT) | (pick(6) ? 0 : O_DIRECTORY) |
                           (pick(6) ? 0 : O_NOFOLLOW)),
        "keep" + tab + number_below(4) + tab + first + tab +
            std::to_string(O_RDWR | O_NONBLOCK | (pick(3) ? 0 : O_APPEND)),
        "readkept" + tab + number_below(4) + tab + number_below(4000),
        "writekept" + tab + number_below(4) + tab + number_below(2000) + tab + byte,
        "seekkept" + tab + number_below(4) + tab + number_below(9000) + tab + number_below(3),
        "cutkept" + tab + number_below(4) + tab + number_below(9000),
        "statkept" + tab + number_below(4),
        "drop" + tab + number_below(4)};
    std::string chosen = choices[pick(static_cast<uint32_t>(choices.size()))];
    counts_[chosen.substr(0, chosen.find('\t'))]++;
    return chosen;
  }

  static std::string difference(const std::string& expected, const std::string& seen,
                                const char* who) {
    std::istringstream left(expected), right(seen);
    std::string a, b;
    while (true) {
      bool more_a = bool(std::getline(left, a)), more_b = bool(std::getline(right, b));
      if (!more_a && !more_b) return "no difference";
      if (!more_a) a = "(end)";
      if (!more_b) b = "(end)";
      if (a != b)
        return std::string("the ") + who + " actor sees\n  " + b + "\nwhere the oracle has\n  " + a;
    }
  }
  bool report(int step, const std::string& command, const std::string& what) {
    std::printf("step %d, %s: %s\nthe last steps:\n", step, command.c_str(), what.c_str());
    size_t from = history_.size() > 25 ? history_.size() - 25 : 0;
    for (size_t i = from; i < history_.size(); i++) std::printf("  %s\n", history_[i].c_str());
    return false;
  }

  std::mt19937_64 random_;
  Actor actors_[2];
  Actor oracles_[2];
  std::vector<std::string> history_;
  std::map<std::string, int> counts_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && strcmp(arguments[1], "actor") == 0) return run_actor();
  if (count != 6) {
    std::fprintf(stderr, "usage: coherence BTFUSE MOUNT ORACLE SEED STEPS\n");
    return 2;
  }
  char self[4096];
  ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
  if (size < 0) return 2;
  uint64_t seed = std::strtoull(arguments[4], nullptr, 10);
  std::printf("seed %lu\n", seed);
  Driver driver(std::string(self, static_cast<size_t>(size)), arguments[1], arguments[2],
                arguments[3], seed);
  bool good = driver.run(std::atoi(arguments[5]));
  driver.print_counts();
  return good ? 0 : 1;
}
