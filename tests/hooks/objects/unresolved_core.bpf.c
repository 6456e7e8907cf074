// SPDX-License-Identifier: MIT
// refused: CO-RE relocation
#include "case.h"

struct task_struct {
  int pid;
  long no_such_field;
} __attribute__((preserve_access_index));

PROGRAM {
  struct task_struct* task = (void*)bpf_get_current_task();
  long found = 0;
  bpf_probe_read_kernel(&found, sizeof found, &task->no_such_field);
  return (int)found;
}
