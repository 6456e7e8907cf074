// SPDX-License-Identifier: MIT
#include "fuse/kernel_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

namespace bt::fuse {
namespace {

constexpr const char* kType = "fuse.bt_fuse";
constexpr const char* kHelper = "fusermount3";

int mount_directly(const std::string& mount_point, const MountOptions& options, int& error) {
  int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) {
    error = errno;
    return -1;
  }
  std::ostringstream data;
  data << "fd=" << device << ",rootmode=40000,user_id=" << geteuid() << ",group_id=" << getegid();
  if (options.allow_other) data << ",allow_other";
  if (options.default_permissions) data << ",default_permissions";
  if (mount(options.source.c_str(), mount_point.c_str(), kType, options.flags,
            data.str().c_str()) == 0)
    return device;
  error = errno;
  close(device);
  return -1;
}

int receive_descriptor(int socket) {
  char byte;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  cmsghdr* header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (!header || header->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return descriptor;
}

std::string read_to_end(int file) {
  std::string text;
  char part[512];
  ssize_t got;
  while ((got = read(file, part, sizeof part)) > 0) text.append(part, static_cast<size_t>(got));
  return text;
}

// "fusermount3: mount failed: …\n" → "mount failed: …", first line.
std::string tidy_complaint(std::string text) {
  text = text.substr(0, text.find('\n'));
  std::string prefix = std::string(kHelper) + ": ";
  if (text.rfind(prefix, 0) == 0) text = text.substr(prefix.size());
  return text;
}

// Runs the helper; what it says on stderr goes to `complaint`. comm: its end of the socket, or -1. Returns its exit status.
int run_helper(const std::vector<std::string>& words, int comm, std::string& complaint) {
  int errors[2];
  if (pipe2(errors, O_CLOEXEC) != 0) return -1;
  pid_t child = fork();
  if (child == 0) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    if (comm >= 0) {
      fcntl(comm, F_SETFD, 0);
      setenv("_FUSE_COMMFD", std::to_string(comm).c_str(), 1);
    }
    dup2(errors[1], 2);
    execvp(kHelper, arguments.data());
    dprintf(2, "%s: %s\n", kHelper, std::strerror(errno));
    _exit(127);
  }
  close(errors[1]);
  if (child < 0) {
    close(errors[0]);
    return -1;
  }
  complaint = tidy_complaint(read_to_end(errors[0]));
  close(errors[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int mount_by_helper(const std::string& mount_point, const MountOptions& options, std::string& why) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    why = std::strerror(errno);
    return -1;
  }
  std::string complaint;
  int status = run_helper({kHelper, "-o", fusermount_options(options), "--", mount_point},
                          sockets[1], complaint);
  close(sockets[1]);
  int device = status == 0 ? receive_descriptor(sockets[0]) : -1;
  close(sockets[0]);
  if (device < 0)
    why = complaint.empty() ? "fusermount3 failed with status " + std::to_string(status)
                            : "fusermount3 says: " + complaint;
  return device;
}

}  // namespace

int kernel_mount(const std::string& mount_point, const MountOptions& options, std::string& why) {
  int error = EPERM;
  int device = geteuid() == 0 ? mount_directly(mount_point, options, error) : -1;
  if (device >= 0) return device;
  if (geteuid() == 0 && error != EPERM && error != EACCES) {
    why = error == ENOENT || error == ENODEV || error == ENXIO
              ? std::string("/dev/fuse: ") + std::strerror(error) + " (is the fuse module loaded?)"
              : std::strerror(error);
    return -1;
  }
  return mount_by_helper(mount_point, options, why);
}

int kernel_unmount(const std::string& mount_point, Unmount how, std::string& why) {
  int flags = UMOUNT_NOFOLLOW | (how == Unmount::kLazy ? MNT_DETACH : 0);
  if (umount2(mount_point.c_str(), flags) == 0) return 0;
  int error = errno;
  why = std::strerror(error);
  if (error != EPERM) return error;
  std::vector<std::string> words = {kHelper, "-u"};
  if (how == Unmount::kLazy) words.push_back("-z");
  words.push_back("--");
  words.push_back(mount_point);
  std::string complaint;
  if (run_helper(words, -1, complaint) == 0) return 0;
  why = "fusermount3 says: " + complaint;
  return complaint.find("busy") != std::string::npos ? EBUSY : EPERM;
}

namespace {

// Blanks and the like are written in octal.
std::string plain_mount_point(const std::string& written) {
  std::string plain;
  for (size_t i = 0; i < written.size(); i++) {
    if (written[i] == '\\' && i + 3 < written.size()) {
      plain += static_cast<char>(std::stoi(written.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      plain += written[i];
    }
  }
  return plain;
}

}  // namespace

bool parse_mount_row(const std::string& line, MountRow& row) {
  std::istringstream words(line);
  std::string numbers, root, point;
  if (!(words >> row.id >> row.parent >> numbers >> root >> point)) return false;
  unsigned major_number = 0, minor_number = 0;
  if (std::sscanf(numbers.c_str(), "%u:%u", &major_number, &minor_number) != 2) return false;
  row.device = makedev(major_number, minor_number);
  row.point = plain_mount_point(point);
  return true;
}

uint64_t device_of_mount(const std::string& mount_point) {
  std::ifstream table("/proc/self/mountinfo");
  uint64_t device = 0;
  for (std::string line; std::getline(table, line);) {
    MountRow row;
    if (parse_mount_row(line, row) && row.point == mount_point &&
        line.find(std::string(" - ") + kType + " ") != std::string::npos)
      device = row.device;  // the last row is the topmost mount
  }
  return device;
}

}  // namespace bt::fuse
