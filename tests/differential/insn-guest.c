// SPDX-License-Identifier: GPL-3.0-or-later
// The guest side of the instruction comparison, a static AArch64 program: runs each case of one file
// and writes the results to another. Usage: insn-guest CASES RESULTS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "insn-state.h"

void insn_run (InsnState *state);
extern uint32_t insn_slot[], insn_abandon[];

static volatile uint64_t faulted;
static InsnState fault_state;

static void
save_vectors (const ucontext_t *uc)
{
  const struct fpsimd_context *fp = (const void *) uc->uc_mcontext.__reserved;

  // It is the first of the records that the kernel leaves there.
  if (fp->head.magic != FPSIMD_MAGIC)
    abort ();
  fault_state.fpsr = fp->fpsr;
  fault_state.fpcr = fp->fpcr;
  memcpy (fault_state.v, fp->vregs, sizeof fault_state.v);
}

static void
on_fault (int signal, siginfo_t *info, void *context)
{
  ucontext_t *uc = context;

  (void) info;
  faulted = INSN_FAULT ((uc->uc_mcontext.pc - (uintptr_t) insn_slot) / 4,
                        signal == SIGILL ? INSN_UNDEFINED : INSN_ABORTED);
  memcpy (fault_state.x, uc->uc_mcontext.regs, sizeof fault_state.x);
  fault_state.sp = uc->uc_mcontext.sp;
  fault_state.nzcv = uc->uc_mcontext.pstate & 0xf0000000;
  save_vectors (uc);
  uc->uc_mcontext.pc = (uintptr_t) insn_abandon;
}

static void
handle_faults (void)
{
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL};
  static uint8_t stack[65536];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

  sigaltstack (&alternate, NULL);
  for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
    sigaction (signals[i], &action, NULL);
}

enum { NOP = 0xd503201f };

// An emulator translates what was written anew, so the same words are left alone.
static void
put_code (const InsnCase *c)
{
  uint32_t words[INSN_WORDS_MAX];

  for (unsigned i = 0; i < INSN_WORDS_MAX; i++)
    words[i] = i < c->n ? c->words[i] : NOP;
  if (memcmp (insn_slot, words, sizeof words) == 0)
    return;
  memcpy (insn_slot, words, sizeof words);
  __builtin___clear_cache ((char *) insn_slot, (char *) (insn_slot + INSN_WORDS_MAX));
}

static void
run_case (const InsnCase *c, uint64_t *memory, InsnResult *result)
{
  memset (result, 0, sizeof *result);
  insn_make_state (c, &result->state);
  insn_fill_memory (c, memory);
  put_code (c);
  faulted = 0;
  insn_run (&result->state);
  result->faulted = faulted;
  if (faulted)
    result->state = fault_state;
  result->memory_hash = insn_hash_memory (c, memory);
}

static uint64_t *
map_memory (uintptr_t at, size_t bytes)
{
  return mmap ((void *) at, bytes, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

int
main (int argc, char **argv)
{
  FILE *in = argc == 3 ? fopen (argv[1], "rb") : NULL;
  FILE *out = argc == 3 ? fopen (argv[2], "wb") : NULL;
  uint64_t *memory = map_memory (INSN_MEMORY_BASE, INSN_MEMORY_BYTES);
  uint64_t *bulk = map_memory (INSN_BULK_BASE, INSN_BULK_BYTES);
  InsnResult result;
  InsnCase c;

  if (in == NULL || out == NULL || (uintptr_t) insn_slot != INSN_SLOT || memory == MAP_FAILED ||
      bulk == MAP_FAILED ||
      mprotect ((void *) ((uintptr_t) insn_slot & ~4095ull), 4096,
                PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
    return EXIT_FAILURE;
  handle_faults ();
  while (fread (&c, sizeof c, 1, in) == 1) {
    run_case (&c, c.memory == INSN_BULK ? bulk : memory, &result);
    if (fwrite (&result, sizeof result, 1, out) != 1)
      return EXIT_FAILURE;
  }
  return fclose (out) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
