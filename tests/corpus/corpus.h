// SPDX-License-Identifier: GPL-3.0-or-later
// Small programs whose output is the same on every machine. Each PROGRAM runs in a process of its
// own; the compiler must not know the values, so data comes from next ().
#pragma once

#include <complex.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Program {
  const char *name;
  void (*run) (void);
  long unused[2]; // 32 bytes, so that the section is an array
} Program;

#define PROGRAM(name)                                                                              \
  static void name (void);                                                                         \
  static const Program name##_entry                                                                \
      __attribute__ ((section ("programs"), used, aligned (32))) = {#name, name, {0, 0}};          \
  static void name (void)

// The same sequence in every process.
uint64_t next (void);
// In [-1, 1).
double next_real (void);
