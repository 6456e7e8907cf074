// SPDX-License-Identifier: MIT
// agent_torture DIRECTORY: what a process does to itself while it works on files of a mount. Each part ends by comparing
// every byte; prints one line a part, exit status 0 when all agree.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

extern char** environ;

namespace {

std::string directory;
// BT_LONG: 10,000 children of 8 threads, and a minute of signals.
bool is_long = false;
int wrong = 0;

void require(bool condition, const char* what) {
  if (condition) return;
  wrong++;
  std::printf("FAIL %s, errno %s\n", what, std::strerror(errno));
}
void note(const char* what, int error) { std::printf("%s: %s\n", what, std::strerror(error)); }
std::string path_of(const std::string& name) { return directory + "/" + name; }

std::string contents(const std::string& path) {
  std::string text;
  char block[4096];
  int fd = open(path.c_str(), O_RDONLY);
  ssize_t size;
  while (fd >= 0 && (size = read(fd, block, sizeof block)) > 0)
    text.append(block, static_cast<size_t>(size));
  if (fd >= 0) close(fd);
  return text;
}

int wait_for(pid_t pid) {
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

// Children of posix_spawn open, dup2 and close in the shared memory of a parent whose other threads do the same.
void spawn_with_file_actions() {
  std::atomic<bool> stop = false;
  std::atomic<int> bad = 0;
  std::vector<std::thread> workers, spawners;
  for (int i = 0; i < 2; i++)
    workers.emplace_back([&, i] {
      std::string path = path_of("worker" + std::to_string(i));
      for (int round = 0; !stop; round++) {
        std::string text(1 + round % 3000, static_cast<char>('a' + round % 26));
        int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
        if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
          note("worker cannot write", errno);
          bad++;
        }
        if (close(fd) != 0 || contents(path) != text) {
          note("worker reads other bytes", errno);
          bad++;
        }
      }
    });
  for (int i = 0; i < (is_long ? 8 : 4); i++)
    spawners.emplace_back([&, i] {
      for (int round = 0; round < (is_long ? 1250 : 40); round++) {
        std::string path = path_of("spawn" + std::to_string(i)),
                    word = std::to_string(i * 1000 + round);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 9, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                         0644);
        posix_spawn_file_actions_adddup2(&actions, 9, 1);
        posix_spawn_file_actions_addclose(&actions, 9);
        const char* arguments[] = {"echo", word.c_str(), nullptr};
        pid_t pid;
        int error = posix_spawn(&pid, "/bin/echo", &actions, nullptr, const_cast<char**>(arguments),
                                environ);
        int status = error ? 0 : wait_for(pid);
        std::string found = contents(path);
        if (error || status || found != word + "\n") {
          note(("spawned child left '" + found + "', status " + std::to_string(status)).c_str(),
               error);
          bad++;
        }
        posix_spawn_file_actions_destroy(&actions);
      }
    });
  for (auto& thread : spawners) thread.join();
  stop = true;
  for (auto& thread : workers) thread.join();
  require(bad == 0, "spawn_with_file_actions");
}

int signal_file;
volatile sig_atomic_t signals;
void write_in_handler(int) {
  char mark = static_cast<char>('A' + signals % 26);
  if (pwrite(signal_file, &mark, 1, 100000 + signals % 1000) == 1) signals = signals + 1;
}
void handlers_write_to_the_same_file() {
  signal_file = open(path_of("signals").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
  struct sigaction action = {};
  action.sa_handler = write_in_handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  itimerval timer = {{0, 100}, {0, 100}};
  setitimer(ITIMER_REAL, &timer, nullptr);
  bool good = true;
  char block[5000], back[5000];
  signals = 0;
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (int round = 0; good && (is_long ? std::chrono::steady_clock::now() < end : round < 20000);
       round++) {
    size_t size = 1 + static_cast<size_t>(round) * 7 % sizeof block;
    memset(block, round, size);
    good = pwrite(signal_file, block, size, round % 50) == static_cast<ssize_t>(size) &&
           pread(signal_file, back, size, round % 50) == static_cast<ssize_t>(size) &&
           memcmp(block, back, size) == 0;
  }
  timer = {};
  setitimer(ITIMER_REAL, &timer, nullptr);
  require(good && signals > 10, "handlers_write_to_the_same_file");
  if (is_long) std::printf("     %d signals\n", static_cast<int>(signals));
  close(signal_file);
}

sigjmp_buf place;
void jump_out(int) { siglongjmp(place, 1); }
void jumping_out_of_handlers() {
  signal(SIGALRM, jump_out);
  std::string path = path_of("jumps");
  volatile int rounds = 0;
  for (volatile int i = 0; i < 200;) {
    i = i + 1;
    if (sigsetjmp(place, 1) == 0) {
      itimerval timer = {{0, 0}, {0, 300 + i}};
      setitimer(ITIMER_REAL, &timer, nullptr);
      for (;;) {
        int fd = open(path.c_str(), O_RDWR | O_CREAT, 0644);
        (void)!write(fd, "0123456789", 10);
        close(fd);
        rounds = rounds + 1;
      }
    }
  }
  // Descriptors that a jump left open are the program's own loss; the file and the process are whole.
  for (int fd = 3; fd < 512; fd++) close(fd);
  require(contents(path) == "0123456789" && rounds > 0, "jumping_out_of_handlers");
  signal(SIGALRM, SIG_DFL);
}

void children_share_the_offset() {
  std::string path = path_of("offset");
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
  for (volatile int i = 0; i < 50;) {
    i = i + 1;
    pid_t pid = fork();
    if (pid == 0) _exit(write(fd, "c", 1) == 1 ? 0 : 1);
    require(wait_for(pid) == 0 && write(fd, "p", 1) == 1, "children_share_the_offset");
    pid = vfork();
    if (pid == 0) _exit(write(fd, "v", 1) == 1 ? 0 : 1);
    require(wait_for(pid) == 0, "children_share_the_offset");
  }
  std::string expected;
  for (int i = 0; i < 50; i++) expected += "cpv";
  require(contents(path) == expected && lseek(fd, 0, SEEK_CUR) == 150, "children_share_the_offset");
  close(fd);
}

// A vfork child closes and replaces descriptors; the parent's must not notice.
void vfork_children_change_only_their_own() {
  std::string path = path_of("vfork");
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644),
      other = open("/dev/null", O_WRONLY);
  for (volatile int i = 0; i < 50;) {
    i = i + 1;
    pid_t pid = vfork();
    if (pid == 0) {
      close(fd);
      _exit(dup2(other, fd) == fd && write(fd, "lost", 4) == 4 ? 0 : 1);
    }
    require(wait_for(pid) == 0, "vfork_children_change_only_their_own: child");
    require(write(fd, "x", 1) == 1, "vfork_children_change_only_their_own: parent");
  }
  require(contents(path) == std::string(50, 'x'), "vfork_children_change_only_their_own");
  close(fd);
  close(other);
}

void descriptors_survive_exec_and_its_failure() {
  std::string path = path_of("exec");
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
  std::string script = "echo one >&" + std::to_string(fd) +
                       "; (exec /nonexistent) 2>/dev/null; echo two >&" + std::to_string(fd);
  for (int i = 0; i < 20; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      execl("/nonexistent", "x", nullptr);
      if (write(fd, "0 ", 2) != 2) _exit(3);
      execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
      _exit(2);
    }
    require(wait_for(pid) == 0, "descriptors_survive_exec_and_its_failure: status");
  }
  std::string expected;
  for (int i = 0; i < 20; i++) expected += "0 one\ntwo\n";
  require(contents(path) == expected, "descriptors_survive_exec_and_its_failure");
  close(fd);
}

int bad_fd;
char* bad_page;
volatile sig_atomic_t bad_answers;
void read_to_bad_page(int) {
  if (pread(bad_fd, bad_page, 100, 0) == -1 && errno == EFAULT) bad_answers = bad_answers + 1;
}

void bad_pointers_are_errors() {
  int fd = open(path_of("bad").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
  char* page = static_cast<char*>(
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(page + 4096, 4096);
  require(write(fd, page, 4096) == 4096, "bad_pointers_are_errors: write");
  require(pread(fd, page + 4096, 100, 0) == -1 && errno == EFAULT, "bad_pointers_are_errors: read");
  require(pwrite(fd, page + 4096, 100, 0) == -1 && errno == EFAULT,
          "bad_pointers_are_errors: pwrite");
  require(open(page + 4096, O_RDONLY) == -1 && errno == EFAULT, "bad_pointers_are_errors: open");
  // In handlers that run with SIGSEGV blocked, and after them.
  bad_fd = fd;
  bad_page = page + 4096;
  bad_answers = 0;
  struct sigaction action = {}, before;
  action.sa_handler = read_to_bad_page;
  sigfillset(&action.sa_mask);
  for (int signal : {SIGUSR1, SIGSEGV}) {
    sigaction(signal, &action, &before);
    for (int i = 0; i < 3; i++) {
      raise(signal);
      read_to_bad_page(0);
    }
    sigaction(signal, &before, nullptr);
  }
  require(bad_answers == 12, "bad_pointers_are_errors: in handlers that block all signals");
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  directory = argc > 1 ? argv[1] : ".";
  const char* wanted = getenv("BT_LONG");
  is_long = wanted && *wanted;
  struct Part {
    const char* name;
    void (*run)();
  };
  for (Part part : {Part{"spawn", spawn_with_file_actions},
                    {"signals", handlers_write_to_the_same_file},
                    {"jumps", jumping_out_of_handlers},
                    {"offset", children_share_the_offset},
                    {"vfork", vfork_children_change_only_their_own},
                    {"exec", descriptors_survive_exec_and_its_failure},
                    {"bad pointers", bad_pointers_are_errors}}) {
    if (argc > 2 && std::string(argv[2]) != part.name) continue;
    int before = wrong;
    part.run();
    std::printf("%s %s\n", wrong == before ? "ok  " : "FAIL", part.name);
    std::fflush(stdout);
  }
  return wrong ? 1 : 0;
}
