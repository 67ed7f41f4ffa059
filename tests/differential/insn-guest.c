// SPDX-License-Identifier: GPL-3.0-or-later
// The guest side of the single-instruction comparison, a static AArch64 program: runs each case of
// one file and writes the results to another. Usage: insn-guest CASES RESULTS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "insn-state.h"

void insn_run (InsnState *state);
extern uint32_t insn_slot[], insn_abandon[];

static volatile sig_atomic_t faulted;

static void
on_fault (int signal, siginfo_t *info, void *context)
{
  ucontext_t *uc = context;

  (void) signal, (void) info;
  faulted = 1;
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

static void
run_case (const InsnCase *c, uint64_t *memory, InsnResult *result)
{
  memset (result, 0, sizeof *result);
  insn_make_state (c, &result->state);
  if (c->memory)
    insn_fill_memory (memory);
  insn_slot[0] = c->word;
  __builtin___clear_cache ((char *) insn_slot, (char *) (insn_slot + 1));
  faulted = 0;
  insn_run (&result->state);
  result->faulted = faulted;
  result->memory_hash = c->memory ? insn_hash_memory (memory) : 0;
}

int
main (int argc, char **argv)
{
  FILE *in = argc == 3 ? fopen (argv[1], "rb") : NULL;
  FILE *out = argc == 3 ? fopen (argv[2], "wb") : NULL;
  uint64_t *memory = mmap ((void *) INSN_MEMORY_BASE, INSN_MEMORY_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  InsnResult result;
  InsnCase c;

  if (in == NULL || out == NULL || memory == MAP_FAILED ||
      mprotect ((void *) ((uintptr_t) insn_slot & ~4095ull), 4096,
                PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
    return EXIT_FAILURE;
  handle_faults ();
  while (fread (&c, sizeof c, 1, in) == 1) {
    run_case (&c, memory, &result);
    if (fwrite (&result, sizeof result, 1, out) != 1)
      return EXIT_FAILURE;
  }
  return fclose (out) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
