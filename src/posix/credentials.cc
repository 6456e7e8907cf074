// SPDX-License-Identifier: MIT
#include "posix/credentials.h"

#include <linux/capability.h>
#include <sys/syscall.h>

#include "base/syscall.h"

namespace bt::posix {

using base::raw_argument;
using base::raw_syscall;

namespace {

constexpr int32_t kGroupsMax = 65536;
// Shared by all threads that are in more groups than a ThreadState holds; they are in the same ones but for moments
// inside setgroups, which libc makes every thread call.
uint32_t many_groups[kGroupsMax];

struct Ids {
  uint32_t real, effective, saved;
};

bool has(const __user_cap_data_struct* data, uint32_t capability) {
  return data[capability / 32].effective >> (capability % 32) & 1;
}

void read_capabilities(engine::Credentials& credentials) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (raw_syscall(SYS_capget, raw_argument(&header), raw_argument(data)) < 0) return;
  credentials.dac_override = has(data, CAP_DAC_OVERRIDE);
  credentials.dac_read_search = has(data, CAP_DAC_READ_SEARCH);
  credentials.fowner = has(data, CAP_FOWNER);
  credentials.chown = has(data, CAP_CHOWN);
  credentials.fsetid = has(data, CAP_FSETID);
  credentials.mknod = has(data, CAP_MKNOD);
  credentials.sys_admin = has(data, CAP_SYS_ADMIN);
}

void read_groups(ThreadState& self) {
  int64_t count = raw_syscall(SYS_getgroups, kThreadGroupsMax, raw_argument(self.groups));
  self.credentials.groups = self.groups;
  if (count < 0) {
    count = raw_syscall(SYS_getgroups, kGroupsMax, raw_argument(many_groups));
    self.credentials.groups = many_groups;
  }
  self.credentials.group_count = count < 0 ? 0 : static_cast<uint32_t>(count);
}

// FUSE without allow_other serves only processes all of whose ids are the mounting user's.
bool may_use(const Mount& mount, const Ids& ids) {
  const engine::Superblock& superblock = mount.volume.superblock();
  if (superblock.options & format::kOptionAllowOther) return true;
  uint32_t owner = superblock.owner_uid;
  return ids.real == owner && ids.effective == owner && ids.saved == owner;
}

}  // namespace

void read_credentials(ThreadState& self) {
  self.credentials_epoch = __atomic_load_n(&credentials_epoch, __ATOMIC_ACQUIRE);
  self.credentials = {};
  Ids ids{}, group_ids{};
  raw_syscall(SYS_getresuid, raw_argument(&ids.real), raw_argument(&ids.effective),
              raw_argument(&ids.saved));
  raw_syscall(SYS_getresgid, raw_argument(&group_ids.real), raw_argument(&group_ids.effective),
              raw_argument(&group_ids.saved));
  self.real_uid = ids.real;
  self.real_gid = group_ids.real;
  self.credentials.uid = static_cast<uint32_t>(raw_syscall(SYS_setfsuid, -1));
  self.credentials.gid = static_cast<uint32_t>(raw_syscall(SYS_setfsgid, -1));
  read_groups(self);
  read_capabilities(self.credentials);
  self.not_allowed = 0;
  for (uint32_t i = 0; i < mount_count; i++)
    if (!may_use(mounts[i], ids)) self.not_allowed |= 1u << i;
}

}  // namespace bt::posix
