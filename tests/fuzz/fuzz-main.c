// SPDX-License-Identifier: GPL-3.0-or-later
// Drives a fuzz target without libFuzzer.
//
//   fuzz-X [-n INPUTS] [-s SEED]   pseudo-random inputs, the same ones for the same seed
//   fuzz-X FILE…                   these inputs
//
// $TERRARIUM_FUZZ_INPUTS is stronger than -n: a larger dose for targets that run as tests.
//
// An input that takes longer than INPUT_SECONDS ends the program as a crash does. The number of
// the input that is running is in the message of a crash, so it can be had again: -n 1 -s NUMBER.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum {
  INPUTS_DEFAULT = 1000,
  INPUT_SECONDS = 20,
  INPUT_BYTES_MAX = 4096,
};

// splitmix64
static uint64_t
next_random (uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// What a crash or a sanitizer's report is about. Written by the signal handler.
static volatile uint64_t running;

static void
say_input (void)
{
  char digits[24], *at = digits + sizeof digits;
  *--at = '\n';
  for (uint64_t n = running; at == digits + sizeof digits - 1 || n > 0; n /= 10)
    *--at = (char) ('0' + n % 10);
  if (write (2, "input ", 6) == 6 && write (2, at, (size_t) (digits + sizeof digits - at)) < 0)
    _exit (1);
}

static void
say_input_and_die (int number)
{
  say_input ();
  signal (number, SIG_DFL);
  raise (number);
}

// There in programs built with a sanitizer.
__attribute__ ((weak)) void __sanitizer_set_death_callback (void (*callback) (void));

// What AddressSanitizer is to do: a short quarantine, so that memory is still warm when it is used
// again.
const char *__asan_default_options (void);
const char *
__asan_default_options (void)
{
  return "quarantine_size_mb=16";
}

static void
watch_deaths (void)
{
  static const int numbers[] = {SIGABRT, SIGTRAP, SIGALRM, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  if (__sanitizer_set_death_callback != NULL)
    __sanitizer_set_death_callback (say_input);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    struct sigaction old;
    // A sanitizer's own handlers stay.
    if (sigaction (numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
      signal (numbers[i], say_input_and_die);
  }
}

static void
run_random (uint64_t number)
{
  running = number;
  uint8_t data[INPUT_BYTES_MAX];
  uint64_t state = number;
  size_t length = next_random (&state) % (sizeof data + 1);
  for (size_t i = 0; i < length; i++)
    data[i] = (uint8_t) next_random (&state);
  alarm (INPUT_SECONDS);
  LLVMFuzzerTestOneInput (data, length);
  alarm (0);
}

static int
run_file (const char *path)
{
  FILE *file = fopen (path, "rb");
  if (file == NULL) {
    fprintf (stderr, "%s: %s\n", path, strerror (errno));
    return 1;
  }
  static uint8_t data[1 << 20];
  size_t length = fread (data, 1, sizeof data, file);
  fclose (file);
  alarm (INPUT_SECONDS);
  LLVMFuzzerTestOneInput (data, length);
  alarm (0);
  return 0;
}

int
main (int argc, char **argv)
{
  unsigned long inputs = INPUTS_DEFAULT;
  uint64_t seed = 1;
  int option;
  while ((option = getopt (argc, argv, "n:s:")) != -1) {
    if (option == 'n')
      inputs = strtoul (optarg, NULL, 0);
    else if (option == 's')
      seed = strtoull (optarg, NULL, 0);
    else
      return 2;
  }
  const char *dose = getenv ("TERRARIUM_FUZZ_INPUTS");
  if (dose != NULL)
    inputs = strtoul (dose, NULL, 0);
  int failed = 0;
  for (int i = optind; i < argc; i++)
    failed |= run_file (argv[i]);
  if (optind < argc)
    return failed;
  watch_deaths ();
  // Inputs touch little of their memory.
  prctl (PR_SET_THP_DISABLE, 1, 0, 0, 0);
  for (unsigned long i = 0; i < inputs; i++)
    run_random (seed + i);
  printf ("%lu inputs from %llu on\n", inputs, (unsigned long long) seed);
  return 0;
}
