// SPDX-License-Identifier: GPL-3.0-or-later
// Translates snippets of guest code as the engine does, for a host of fixed features, and writes
// the host code. run-codegen disassembles it and compares it with what is expected.
//
// Usage: codegen GUEST HOST: GUEST has one snippet in each 4 KiB, up to the first word that is 0. The
// last word of the 4 KiB is 1 for code of EL0, 2 for code of a machine with branch targets, 3 where
// FPCR flushes denormal numbers, 4 where it rounds down, else 0.
// HOST gets the code of all, with no-operations between. To the standard output: one line for each
// snippet with the begin and end of its code there; then one for each piece of shared code
// ("stub"), and for each field of the CPU's state ("field": offset from rbp, bytes, name).
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/host/x86_64/host.h"
#include "engine/host/x86_64/lower.h"
#include "tests/unit/guest/cpu-vm.h"

enum {
  CODE_BYTES = 1 << 20,
  FPCR_FLUSH = 1 << 24,
  FPCR_DOWN = 2 << 22,
  X64_NOP = 0x90,
};

// The host whose code is looked at: that of the engine, but for what it is told of the processor.
struct JitHost {
  JitLayout layout;
  X64Stubs stubs;
  X64Features features;
  X64Lower lower;
  uint8_t *base;
  size_t begin, end; // of the last region
};

static JitHost *the_host;
static uint8_t host_code[CODE_BYTES];

static JitHost *
host_new (const JitLayout *layout, uint8_t *code, size_t room, ptrdiff_t alias, size_t *used)
{
  JitHost *host = the_host = g_new0 (JitHost, 1);
  X64Asm a = {.p = code, .end = code + room};

  (void) alias;
  host->layout = *layout;
  host->features = (X64Features){.baseline = true, .aes = true, .pclmulqdq = true};
  host->base = code;
  g_assert (x64_emit_stubs (&a, &host->layout, &host->stubs));
  x64_lower_init (&host->lower, &host->layout, &host->stubs, &host->features);
  *used = (size_t) (a.p - code);
  return host;
}

static void
host_free (JitHost *host)
{
  g_free (host);
}

static const void *
empty_code (JitHost *host)
{
  return host->stubs.leave;
}

// Decoded instructions for tier 0 lie behind the code.
static size_t
lower (JitHost *host, const JitRequest *request, uint8_t *code, size_t room, uint32_t *entries)
{
  size_t bytes = x64_lower_region (&host->lower, request, code, room, entries);
  const uint8_t *end = code + bytes;

  for (unsigned i = 0; i < request->n_ops; i++)
    if (host->lower.op_at[i] > code && host->lower.op_at[i] < end) // or of a region before
      end = host->lower.op_at[i];
  // To where they are aligned; code ends in a jump backwards.
  while (end < code + bytes && end[-1] == 0)
    end--;
  host->begin = (size_t) (code - host->base);
  host->end = (size_t) (end - host->base);
  memcpy (host_code + host->begin, code, host->end - host->begin);
  return bytes;
}

static const JitHostOps host_ops = {
    .name = "x86_64",
    .host_new = host_new,
    .host_free = host_free,
    .empty_code = empty_code,
    .lower = lower,
};

// ---- names ----------------------------------------------------------------------------------

static void
print_stubs (const JitHost *host)
{
  const X64Stubs *s = &host->stubs;
  const struct {
    const char *name;
    const uint8_t *at;
  } stubs[] = {
      {"leave", s->leave},
      {"second", s->second},
      {"dispatch", s->dispatch},
      {"link", s->link},
      {"stale", s->stale},
      {"load", s->load},
      {"store", s->store},
      {"rmw", s->rmw},
      {"addend", s->addend},
      {"attend", s->attend},
      {"check_sp", s->check_sp},
      {"interp", s->interp},
      {"interp_end", s->interp_end},
      {"interp_leave", s->interp_leave},
      {"call_kernel", s->call_kernel},
      {"return_to_user", s->return_to_user},
      {"return_to_kernel", s->return_to_kernel},
      {"flag_mask", s->flag_mask},
      {"crc_table", s->crc_table},
      {"fp_sync", s->fp_sync},
      {"fp_constants", s->fp_constants},
      {"vectors", s->vectors},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (stubs); i++)
    printf ("stub %d %s\n", (int) (stubs[i].at - host->base), stubs[i].name);
  for (unsigned pair = 0; pair < 2; pair++)
    for (unsigned size = 0; size < 4; size++) {
      const char *what = pair ? "pair" : "";

      printf ("stub %d look_load%s%u\n", (int) (s->look_load[pair][size] - host->base), what,
              8u << size);
      printf ("stub %d look_store%s%u\n", (int) (s->look_store[pair][size] - host->base), what,
              8u << size);
    }
}

static void
print_field (int32_t offset, unsigned n_bytes, const char *name, int number)
{
  printf ("field %d %u %s", (int) offset - X64_CPU_BIAS, n_bytes, name);
  if (number >= 0)
    printf ("%d", number);
  printf ("\n");
}

static void
print_fields (const JitLayout *l)
{
  for (int i = 0; i < IR_N_REGS; i++)
    print_field (l->x + 8 * i, 8, "x", i);
  for (int i = 0; i < IR_N_VREGS; i++)
    print_field (l->v + 16 * i, 16, "v", i);
  print_field (l->access_data, 32, "data", -1);
  print_field (l->pending, 4, "pending", -1);
  print_field (l->waiting, 8, "waiting", -1);
  print_field (l->typed_jumps, 4, "typed_jumps", -1);
  print_field (l->ticks, 8, "ticks", -1);
  print_field (l->ticks_last, 8, "ticks_last", -1);
  print_field (l->nzcv, 4, "nzcv", -1);
  print_field (l->ctx, 8, "ctx", -1);
  print_field (l->ctx_el0, 8, "ctx_el0", -1);
  print_field (l->page, 8, "page", -1);
  print_field (l->pc, 8, "pc", -1);
  print_field (l->jc, 8, "jc", -1);
  print_field (l->sys, 8, "sys", -1);
  print_field (l->fp_flags, 4, "fp_flags", -1);
  for (int i = 0; i < 8; i++)
    print_field (l->window + 8 * i, 8, "window", i);
  print_field (l->saturated, 4, "saturated", -1);
  print_field (l->excl_valid, 1, "excl_valid", -1);
  print_field (l->excl_size, 1, "excl_size", -1);
  print_field (l->excl_host, 8, "excl_host", -1);
  print_field (l->excl_value, 8, "excl_value", -1);
  print_field (offsetof (A64Cpu, pstate), sizeof (A64Pstate), "pstate", -1);
  print_field (offsetof (A64Cpu, sp_bank), 16, "sp_bank", -1);
  print_field (offsetof (A64Cpu, fpcr), 4, "fpcr", -1);
}

// ---- snippets -------------------------------------------------------------------------------

// Each in a page of its own. False: it is empty.
static bool
translate (CpuVm *vm, GuestAddr pa, const uint32_t *words)
{
  A64Cpu *cpu = cpu_vm_cpu (vm, 0);
  uint8_t *page = cpu_vm_host (vm, pa);
  uint32_t kind = words[A64_PAGE_SIZE / 4 - 1];
  unsigned n = 0;

  while (n < A64_PAGE_SIZE / 4 && words[n] != 0)
    n++;
  if (n == 0)
    return false;
  memcpy (page, words, A64_PAGE_SIZE);
  a64_jit_set_limit (cpu, n);
  cpu->pstate.el = kind == 1 ? 0 : 1;
  cpu->features = kind == 2 ? A64_FEATURE_BTI : 0;
  cpu->fp.flags = SOFTFP_INEXACT; // so that flushing is the host's
  a64_set_fpcr (cpu, kind == 3 ? FPCR_FLUSH : kind == 4 ? FPCR_DOWN : 0);
  a64_update_context (cpu);
  a64_jit_find (cpu, pa, page);
  printf ("%zu %zu\n", the_host->begin, the_host->end);
  return true;
}

int
main (int argc, char **argv)
{
  const JitConfig config = {.bytes = CODE_BYTES, .at_once = true};
  CpuVm *vm = cpu_vm_new (1);
  g_autofree char *guest = NULL;
  gsize length;
  bool ok = argc == 3 && g_file_get_contents (argv[1], &guest, &length, NULL) &&
            a64_use_jit (vm->vcpus[0], &host_ops, &config, NULL);

  memset (host_code, X64_NOP, sizeof host_code);
  cpu_vm_set (cpu_vm_cpu (vm, 0), REG_CPACR, 0x300000);
  for (gsize at = 0; ok && at + A64_PAGE_SIZE <= length; at += A64_PAGE_SIZE)
    ok = translate (vm, TEST_TABLES + at, (const uint32_t *) (void *) (guest + at));
  print_stubs (the_host);
  print_fields (&the_host->layout);
  ok = ok && g_file_set_contents (argv[2], (const char *) host_code, sizeof host_code, NULL);
  cpu_vm_free (vm);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
