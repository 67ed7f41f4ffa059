// SPDX-License-Identifier: GPL-3.0-or-later
// Small programs whose output is the same on every machine. Each PROGRAM runs in a process of its
// own; the compiler must not know the values, so data comes from next (). One argument list or
// initializer has one next () only, since their order is not known. Names are unique. There is no
// file system to speak of (memfd_create serves), no network and no locale.
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

// Where a comment says why another architecture is no judge of it: there it is left out.
#ifdef __aarch64__
#define ARM_PROGRAM(name) PROGRAM (name)
#else
#define ARM_PROGRAM(name) static __attribute__ ((unused)) void name (void)
#endif

// The same sequence in every process.
uint64_t next (void);
// In [-1, 1).
double next_real (void);
