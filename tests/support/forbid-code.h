// SPDX-License-Identifier: GPL-3.0-or-later
// Plays a host that forbids memory for generated code, for this process and what it executes:
// files are shared and executable nowhere, and with `both` nothing is writable and executable.
// Programs and libraries, which are private mappings, still load. x86-64 and AArch64 hosts.
#pragma once

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define FORBID_LOAD(field)                                                                         \
  BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, field))
#define FORBID_JUMP(what, value, yes, no) BPF_JUMP (BPF_JMP | (what) | BPF_K, value, yes, no)

// False: filters are not to be had here.
static inline bool
forbid_code (bool both)
{
  const struct sock_filter filter[] = {
      FORBID_LOAD (nr),
      FORBID_JUMP (BPF_JEQ, __NR_mmap, 0, 6),
      FORBID_LOAD (args[2]),
      FORBID_JUMP (BPF_JSET, PROT_EXEC, 0, 4),
      FORBID_JUMP (BPF_JSET, both ? PROT_WRITE : 0, 2, 0),
      FORBID_LOAD (args[3]),
      FORBID_JUMP (BPF_JSET, MAP_SHARED, 0, 1),
      BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
      BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {.len = sizeof filter / sizeof filter[0],
                                     .filter = (struct sock_filter *) filter};

  return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}
