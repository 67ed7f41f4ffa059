// SPDX-License-Identifier: GPL-3.0-or-later
// For those who work on the translator: regions named for perf(1), and written to a file as guest
// words, uops and host code. vCPU thread; several vCPUs append to the same files.
#pragma once

#include <gio/gio.h>

#include "engine/jit/jit.h"

typedef struct JitTrace JitTrace;

typedef struct JitTraced {
  const IrRegion *ir;
  GuestAddr pa;
  uint32_t mode;
  const uint8_t *page;    // the guest's
  const uint8_t *written; // host code, where it can be read
  const uint8_t *code;    // and where it runs
  size_t bytes;
} JitTraced;

// *trace is NULL when nothing of this is asked for.
bool jit_trace_open (const JitConfig *config, JitTrace **trace, GError **error);
void jit_trace_close (JitTrace *trace);
void jit_trace_region (JitTrace *trace, const JitTraced *traced);
// An entry of a region, at `pa`: pa, mode, code and bytes.
void jit_trace_entry (JitTrace *trace, const JitTraced *traced);
