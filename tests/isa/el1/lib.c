// SPDX-License-Identifier: GPL-3.0-or-later
// The EL1 tests' console, verdicts, PSCI and running of code.
#include "el1.h"

#include <stdarg.h>

#include "lib.h"

#define UART 0x09000000u

void test_main (void);
const Trap *run_code (u64 pc, u64 spsr, const u64 *x);

void *
memset (void *to, int value, unsigned long n)
{
  for (volatile u8 *p = to; n-- > 0;)
    *p++ = (u8) value;
  return to;
}

void *
memcpy (void *to, const void *from, unsigned long n)
{
  const u8 *q = from;

  for (volatile u8 *p = to; n-- > 0;)
    *p++ = *q++;
  return to;
}

// ---- text -----------------------------------------------------------------------------------

typedef struct Text {
  char *at, *end;
} Text;

static void
put_char (Text *text, char c)
{
  if (text->at < text->end - 1)
    *text->at++ = c;
}

static void
put_number (Text *text, u64 value, unsigned base)
{
  char digits[24];
  unsigned n = 0;

  do {
    digits[n++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  while (n > 0)
    put_char (text, digits[--n]);
}

static void
format_text (char *to, unsigned size, const char *format, va_list args)
{
  Text text = {to, to + size};

  for (; *format != '\0'; format++) {
    if (*format != '%') {
      put_char (&text, *format);
      continue;
    }
    switch (*++format) {
    case 's':
      for (const char *s = va_arg (args, const char *); *s != '\0'; s++)
        put_char (&text, *s);
      break;
    case 'd':
      put_number (&text, va_arg (args, unsigned), 10);
      break;
    default:
      put_number (&text, va_arg (args, u64), 16);
      break;
    }
  }
  *text.at = '\0';
}

static void
print (const char *s)
{
  while (*s != '\0')
    MMIO32 (UART) = (u8) *s++;
}

static void
say (const char *format, ...)
{
  char line[200];
  va_list args;

  va_start (args, format);
  format_text (line, sizeof line, format, args);
  va_end (args);
  print (line);
  print ("\n");
}

const char *
name (const char *format, ...)
{
  static char names[16][80];
  static unsigned next;
  va_list args;

  next = (next + 1) % 16;
  va_start (args, format);
  format_text (names[next], sizeof names[next], format, args);
  va_end (args);
  return names[next];
}

// ---- verdicts -------------------------------------------------------------------------------

static unsigned n_checks;

void
note (const char *format, ...)
{
  char line[200];
  va_list args;

  va_start (args, format);
  format_text (line, sizeof line, format, args);
  va_end (args);
  say ("# %s", line);
}

void
check (const char *what, u64 got, u64 expected)
{
  n_checks++;
  if (got == expected)
    say ("ok %s", what);
  else
    say ("FAIL %s got %x expected %x", what, got, expected);
}

void
check_that (const char *what, bool holds)
{
  check (what, holds, true);
}

static void
power_off (void)
{
  hvc (0x84000008, 0, 0, 0);
  for (;;)
    DO ("wfi");
}

void
program_main (void)
{
  test_main ();
  say ("DONE %d", n_checks);
  power_off ();
}

void
unexpected_trap (const Trap *t)
{
  say ("FAIL unexpected exception: vector %x ESR %x FAR %x ELR %x SPSR %x", t->vector, t->esr,
       t->far, t->elr, t->spsr);
  power_off ();
}

// ---- running code ---------------------------------------------------------------------------

static bool
mmu_is_on (void)
{
  return (READ (sctlr_el1) & SCTLR_M) != 0;
}

u64
el0_address (const void *p)
{
  return (u64) p + (mmu_is_on () ? EL0_CODE : 0);
}

u64
el0_data (const void *p)
{
  return (u64) p + (mmu_is_on () ? EL0_DATA : 0);
}

const Trap *
run_at (u64 pc, u64 spsr, u64 x0, u64 x1)
{
  const u64 x[8] = {x0, x1};
  Trap *t = (Trap *) run_code (pc, spsr, x);

  t->at = t->elr - pc;
  return t;
}

const Trap *
run (const u32 *code, u64 spsr, u64 x0, u64 x1)
{
  return run_at ((spsr & 0xf) == 0 ? el0_address (code) : (u64) code, spsr, x0, x1);
}

static bool
trap_is (const char *what, const Trap *t, u64 vector, u64 esr, u64 at)
{
  if (t->vector == vector && t->esr == esr && t->at == at)
    return true;
  n_checks++;
  say ("FAIL %s got vector %x ESR %x at +%x expected %x %x +%x (FAR %x SPSR %x)", what, t->vector,
       t->esr, t->at, vector, esr, at, t->far, t->spsr);
  return false;
}

void
check_trap (const char *what, const Trap *t, u64 vector, u64 esr, u64 at)
{
  if (trap_is (what, t, vector, esr, at))
    check (what, 0, 0);
}

void
check_fault (const char *what, const Trap *t, u64 vector, u64 esr, u64 at, u64 far)
{
  if (trap_is (what, t, vector, esr, at))
    check (what, t->far, far);
}

void
check_end (const char *what, const Trap *t)
{
  if (t->esr == ESR_END)
    check (what, 0, 0);
  else
    check_trap (what, t, t->vector, ESR_END, t->at);
}

// ---- PSCI, the second CPU, time -------------------------------------------------------------

u64
hvc (u64 function, u64 a, u64 b, u64 c)
{
  register u64 x0 asm("x0") = function;
  register u64 x1 asm("x1") = a;
  register u64 x2 asm("x2") = b;
  register u64 x3 asm("x3") = c;

  asm volatile("hvc #0"
               : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7", "x8", "x9", "x10",
                 "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
  return x0;
}

void second_entry (void);

bool
second_start (void (*fn) (void))
{
  return hvc (0xc4000003, 1, (u64) second_entry, (u64) fn) == 0;
}

void
second_wait_off (void)
{
  while (hvc (0xc4000004, 1, 0, 0) != 1)
    ;
}

u64
counter (void)
{
  DO ("isb");
  return READ (cntpct_el0);
}

u64
counter_frequency (void)
{
  return READ (cntfrq_el0);
}

void
delay_us (unsigned us)
{
  u64 end = counter () + us * counter_frequency () / 1000000;

  while (counter () < end)
    ;
}

bool
wait_for (volatile u32 *word, u32 value)
{
  u64 end = counter () + counter_frequency () * 2;

  while (*word != value)
    if (counter () > end)
      return false;
  return true;
}
