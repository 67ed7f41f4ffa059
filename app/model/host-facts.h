// SPDX-License-Identifier: GPL-3.0-or-later
// What there is on this computer of what machines want: plain facts, asked of the system. GLib only.
// Waits for the host (a few milliseconds, a driver's start up to some seconds): on a worker.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum {
  HOST_KVM_ABSENT,
  HOST_KVM_FORBIDDEN, // it is there, but not for this person
  HOST_KVM_THERE,
} HostKvm;

typedef enum {
  HOST_CODE_TWICE, // the same memory can be written in one place and executed in another
  HOST_CODE_ONCE,  // memory can be written and executed in one place only
  HOST_CODE_NEVER,
} HostCode;

typedef struct HostFacts {
  bool sandboxed; // in a Flatpak
  bool arm;       // the processor's kind
  HostKvm kvm;
  bool translates;   // vm_host_can_translate
  const char *lacks; // of the same
  HostCode code;
  bool memfd_noexec; // the system's setting vm.memfd_noexec forbids it
  bool deny_execmem; // SELinux does
  char *renderer;    // what draws with OpenGL; NULL: it could not be found out
  bool pipewire;     // somebody listens at its socket
  char *folder;      // where machines are kept, or are going to be
  bool writable;     // that one, or the nearest above it that exists
  uint64_t free_bytes;
  bool ring;          // io_uring
  bool ring_disabled; // by the system's setting
} HostFacts;

// `program` prints what draws with OpenGL when its only argument is "renderer"; NULL: nobody is asked.
HostFacts *host_facts_collect (const char *program);
void host_facts_free (HostFacts *facts);
// What `program` says within that time (g_free); NULL: nothing, or this process has been asked itself.
char *host_facts_ask_renderer (const char *program, unsigned patience_ms);
