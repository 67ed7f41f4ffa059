// SPDX-License-Identifier: GPL-3.0-or-later
// The target of fake-target.h. It insists on what the session promises: nothing is looked at while
// it runs, and no number is out of range.
#include "tests/unit/gdb/fake-target.h"

#include <string.h>

static void
stop (void *opaque)
{
  FakeTarget *t = opaque;

  t->stops++;
  t->running = false;
}

static void
resume (void *opaque, const GdbAction *actions)
{
  FakeTarget *t = opaque;

  g_assert (!t->running);
  t->resumes++;
  t->running = true;
  memcpy (t->actions, actions, sizeof t->actions);
}

static void
kill_machine (void *opaque)
{
  FakeTarget *t = opaque;

  t->kills++;
}

static unsigned
n_threads (void *opaque)
{
  return FAKE_THREADS;
}

static bool
is_on (void *opaque, unsigned thread)
{
  g_assert (thread < FAKE_THREADS);
  return thread == 0;
}

static bool
read_register (void *opaque, unsigned thread, unsigned n, uint8_t *value)
{
  FakeTarget *t = opaque;

  g_assert (!t->running && thread < FAKE_THREADS && n < FAKE_REGISTERS);
  memcpy (value, t->registers[thread][n], GUEST_REGISTER_BYTES);
  return true;
}

static bool
write_register (void *opaque, unsigned thread, unsigned n, const uint8_t *value)
{
  FakeTarget *t = opaque;

  g_assert (!t->running && thread < FAKE_THREADS && n < FAKE_REGISTERS);
  if (n == 3)
    return false;
  memcpy (t->registers[thread][n], value, GUEST_REGISTER_BYTES);
  return true;
}

static uint8_t *
find (FakeTarget *t, bool physical, uint64_t addr, size_t length, size_t *n)
{
  uint64_t offset = addr - (physical ? FAKE_PA : FAKE_VA);

  g_assert (!t->running);
  *n = 0;
  if (offset >= FAKE_MEMORY_BYTES)
    return NULL;
  *n = MIN (length, FAKE_MEMORY_BYTES - offset);
  return t->memory + offset;
}

static size_t
read_memory (void *opaque, unsigned thread, bool physical, uint64_t addr, uint8_t *to,
             size_t length)
{
  size_t n;
  const uint8_t *from = find (opaque, physical, addr, length, &n);

  if (from != NULL)
    memcpy (to, from, n);
  return n;
}

static size_t
write_memory (void *opaque, unsigned thread, bool physical, uint64_t addr, const uint8_t *from,
              size_t length)
{
  size_t n;
  uint8_t *to = find (opaque, physical, addr, length, &n);

  if (to != NULL)
    memcpy (to, from, n);
  return n;
}

static bool
set_point (void *opaque, bool set, GuestPoint kind, GuestVaddr va, uint64_t length)
{
  FakeTarget *t = opaque;

  g_assert (!t->running);
  t->set = set;
  t->kind = kind;
  t->addr = va;
  t->length = length;
  return t->n_points++ < FAKE_POINTS;
}

static bool
describe_register (unsigned n, GuestRegister *out)
{
  static const uint8_t bits[FAKE_REGISTERS] = {64, 32, 128, 64};

  if (n >= FAKE_REGISTERS)
    return false;
  *out = (GuestRegister){.bits = bits[n], .type = "int", .feature = n == 3};
  g_snprintf (out->name, sizeof out->name, "r%u", n);
  return true;
}

static const GuestDebugFeature features[] = {{"test.core", ""}, {"test.more", "<!-- types -->"}};

static const GuestDebugOps debug = {
    .architecture = "fake",
    .features = features,
    .n_features = 2,
    .n_general = 3,
    .describe_register = describe_register,
};

const GdbTargetOps fake_target_ops = {
    .stop = stop,
    .resume = resume,
    .kill = kill_machine,
    .n_threads = n_threads,
    .is_on = is_on,
    .read_register = read_register,
    .write_register = write_register,
    .read_memory = read_memory,
    .write_memory = write_memory,
    .set_point = set_point,
    .debug = &debug,
};
