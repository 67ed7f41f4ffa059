// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of a vCPU, shared by vcpu.c and vcpu-work.c only.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "engine/vm/vcpu.h"

typedef enum VcpuPower {
  VCPU_POWER_OFF,
  VCPU_POWER_ON_PENDING, // its thread will reset it, set the entry and go
  VCPU_POWER_ON,
} VcpuPower;

enum {
  VCPU_WORK_SLOTS = 128, // power of two
};

typedef struct VcpuWorkItem {
  VcpuWork fn;
  uint64_t a, b;
} VcpuWorkItem;

typedef struct VcpuPrivate {
  GThread *thread;
  pthread_t handle; // set by the thread itself before it first parks

  // Under lock.
  GMutex lock;
  GCond cond; // any of the fields below changed
  bool quit, allowed, parked;
  bool held; // by a debugger
  bool power_off_wanted;
  VcpuPower power;
  GuestVaddr entry;
  uint64_t entry_arg;
  int64_t cpu_time_ns; // as last read

  // Any thread.
  atomic_bool in_guest; // may execute a guest instruction without looking at *pending before
  atomic_bool asleep;
  _Atomic uint32_t wakeups; // futex word
  _Atomic uint32_t event;   // the event register
  _Atomic uint64_t instructions_before;

  // Under work_lock: a ring. Items are numbered from 1 as they are posted.
  GMutex work_lock;
  uint64_t work_posted, work_taken;
  VcpuWorkItem work[VCPU_WORK_SLOTS];
  _Atomic uint64_t work_done; // number of the last item that has run
} VcpuPrivate;

// Wakes it when it sleeps in vcpu_wait.
void vcpu_kick (Vcpu *vcpu);

void vcpu_work_init (Vcpu *vcpu);
void vcpu_work_clear (Vcpu *vcpu);
// Own thread, parked, priv->lock held: runs what is queued.
void vcpu_work_serve_parked (Vcpu *vcpu);
// Parked only: forgets what is queued.
void vcpu_work_discard (Vcpu *vcpu);
