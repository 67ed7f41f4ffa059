// SPDX-License-Identifier: GPL-3.0-or-later
// The x86-64 host as the translator sees it (JitHostOps). One JitHost belongs to one vCPU.
#include "engine/host/x86_64/host.h"

#include <glib.h>

#include "engine/host/x86_64/lower.h"

struct JitHost {
  JitLayout layout;
  X64Stubs stubs;
  X64Features features;
  ptrdiff_t alias;
  X64Lower lower;
};

typedef void (*Enter) (void *cpu, const void *code, GuestVaddr va);

enum { JUMP_BYTES = 5, STUB_ROOM = 16384 };

static const char *
host_unsupported (void)
{
  X64Features features = x64_features_detect ();

  return features.baseline ? NULL : features.missing;
}

static void
host_free (JitHost *host)
{
  g_free (host);
}

static JitHost *
host_new (const JitLayout *layout, uint8_t *code, size_t room, ptrdiff_t alias, size_t *used)
{
  JitHost *host = g_new0 (JitHost, 1);
  X64Asm a = {.p = code, .end = code + (room < STUB_ROOM ? room : STUB_ROOM)};

  host->layout = *layout;
  host->alias = alias;
  host->features = x64_features_detect ();
  g_assert (x64_emit_stubs (&a, &host->layout, &host->stubs));
  x64_lower_init (&host->lower, &host->layout, &host->stubs, &host->features);
  *used = (size_t) (a.p - code);
  return host;
}

static void
host_enter (JitHost *host, void *cpu, const void *code, GuestVaddr va)
{
  Enter enter;
  const uint8_t *at = host->stubs.enter + host->alias;

  memcpy (&enter, &at, sizeof enter);
  enter (cpu, code, va);
}

static const void *
host_empty_code (JitHost *host)
{
  return host->stubs.leave + host->alias;
}

static size_t
host_lower (JitHost *host, const JitRequest *request, uint8_t *code, size_t room, uint32_t *entries)
{
  return x64_lower_region (&host->lower, request, code, room, entries);
}

static size_t
host_lower_entry (JitHost *host, const uint8_t *label, unsigned pc_off, uint8_t *code, size_t room)
{
  return x64_lower_entry (&host->lower, label, pc_off, code, room);
}

static void
host_link (uint8_t *site, const uint8_t *code, uint8_t saved[4])
{
  memcpy (saved, site + 1, 4);
  x64_patch_rel32 (site + 1, code);
}

static void
host_unlink (uint8_t *site, const uint8_t saved[4])
{
  memcpy (site + 1, saved, 4);
}

static void
host_mark (JitHost *host, uint8_t *code, uint8_t saved[8])
{
  X64Asm a = {.p = code, .end = code + 2 * X64_INSN_ROOM};
  uint8_t rest[X64_INSN_ROOM];

  // The encoder may scribble behind what it emits.
  memcpy (saved, code, 8);
  memcpy (rest, code + JUMP_BYTES, sizeof rest);
  x64_jmp_rel32 (&a, host->stubs.stale);
  memcpy (code + JUMP_BYTES, rest, sizeof rest);
}

static void
host_unmark (uint8_t *code, const uint8_t saved[8])
{
  memcpy (code, saved, 8);
}

const JitHostOps x64_host_ops = {
    .name = "x86_64",
    .unsupported = host_unsupported,
    .host_new = host_new,
    .host_free = host_free,
    .enter = host_enter,
    .empty_code = host_empty_code,
    .lower = host_lower,
    .lower_entry = host_lower_entry,
    .link = host_link,
    .unlink = host_unlink,
    .mark = host_mark,
    .unmark = host_unmark,
};
