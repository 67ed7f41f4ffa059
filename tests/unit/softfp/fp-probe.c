// SPDX-License-Identifier: GPL-3.0-or-later
// AArch64 program: reads FpCases from its standard input, executes each and writes the FpState
// that results to its standard output. Started by test-fp-differential.
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fp-state.h"

static sigjmp_buf not_allocated;

static void
on_sigill (int number)
{
  siglongjmp (not_allocated, 1);
}

static void
execute (const void *code, FpState *state, uint64_t fpcr)
{
  register FpState *s __asm__("x9") = state;
  register uint64_t c __asm__("x10") = fpcr;
  register const void *f __asm__("x11") = code;

  __asm__ volatile("ldp q0, q1, [x9]\n"
                   "ldp q2, q3, [x9, #32]\n"
                   "ldp x0, x1, [x9, #64]\n"
                   "ldp w12, w13, [x9, #80]\n"
                   "msr fpcr, x10\n"
                   "msr fpsr, x13\n"
                   "msr nzcv, x12\n"
                   "blr x11\n"
                   "mrs x12, nzcv\n"
                   "mrs x13, fpsr\n"
                   "msr fpcr, xzr\n"
                   "stp q0, q1, [x9]\n"
                   "stp q2, q3, [x9, #32]\n"
                   "stp x0, x1, [x9, #64]\n"
                   "stp w12, w13, [x9, #80]\n"
                   :
                   : "r"(s), "r"(c), "r"(f)
                   : "x0", "x1", "x12", "x13", "x30", "v0", "v1", "v2", "v3", "cc", "memory");
}

int
main (void)
{
  uint32_t *code =
      mmap (NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static FpCase test;

  if (code == MAP_FAILED)
    return EXIT_FAILURE;
  code[1] = 0xd65f03c0; // ret
  signal (SIGILL, on_sigill);
  while (fread (&test, sizeof test, 1, stdin) == 1) {
    if (code[0] != test.insn) {
      code[0] = test.insn;
      __builtin___clear_cache ((char *) code, (char *) (code + 2));
    }
    if (sigsetjmp (not_allocated, 1) == 0)
      execute (code, &test.in, test.fpcr);
    else
      test.in.fpsr = FP_SIGILL;
    if (fwrite (&test.in, sizeof test.in, 1, stdout) != 1)
      return EXIT_FAILURE;
  }
  return fflush (stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
