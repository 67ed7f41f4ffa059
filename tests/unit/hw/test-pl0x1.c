// SPDX-License-Identifier: GPL-3.0-or-later
// PL061 GPIO and PL031 clock as scripts. The host's time of day is the test's: g_get_real_time is
// replaced.

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/hw/pl031.h"
#include "engine/hw/pl061.h"
#include "engine/snapshot/state.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  RTC = 0x09010000,
  GPIO = 0x09030000,
  NOW = 1700000000,

  // PL061.
  DIR_ = 0x400,
  IS = 0x404,
  IBE = 0x408,
  IEV = 0x40c,
  IE = 0x410,
  RIS = 0x414,
  MIS = 0x418,
  IC = 0x41c,

  // PL031.
  DR = 0x00,
  MR = 0x04,
  LR = 0x08,
  CR = 0x0c,
  IMSC = 0x10,
  RTCRIS = 0x14,
  RTCMIS = 0x18,
  ICR = 0x1c,
};

static int64_t host_us;

gint64
g_get_real_time (void)
{
  return host_us;
}

typedef enum What {
  END,
  W,       // write v to register a
  R,       // register a must read v
  BYTE,    // so must its first byte
  SET,     // GPIO line a to v
  PRESS,   // GPIO line a
  IRQ,     // must be v
  RISES,   // so many rising edges of the interrupt so far
  SECONDS, // v pass on the host and on the machine's clock
  PAUSE,   // v seconds pass on the host only, then resume
  MS,      // v milliseconds pass on the machine's clock
  SAVELOAD,
  RESET,
} What;

typedef struct Step {
  What what;
  uint32_t a, v;
} Step;

typedef struct Script {
  const char *name;
  bool rtc;
  Step steps[32];
} Script;

// clang-format off
static const Script scripts[] = {
  { "gpio: identification and data", false, {
    { R, 0xfe0, 0x61 }, { R, 0xfe4, 0x10 }, { R, 0xfe8, 4 }, { R, 0xffc, 0xb1 }, { W, DIR_, 0x0f },
    { W, 0x3fc, 0xff }, { R, 0x3fc, 0x0f }, { W, 0x004, 0 }, { R, 0x3fc, 0x0e }, { SET, 4, 1 },
    { SET, 0, 1 }, { R, 0x3fc, 0x1e }, { R, 0x040, 0x10 }, { R, 0x000, 0 }, { R, 0x3fd, 0 } } },
  { "gpio: rising edge", false, {
    { W, IEV, 8 }, { W, IE, 8 }, { SET, 3, 1 }, { IRQ, 0, 1 }, { R, MIS, 8 }, { SET, 3, 0 }, { IRQ, 0, 1 },
    { W, IC, 8 }, { IRQ, 0, 0 }, { SET, 3, 0 }, { IRQ, 0, 0 }, { SET, 2, 1 }, { R, RIS, 0 } } },
  { "gpio: falling edge", false, {
    { W, IE, 8 }, { SET, 3, 1 }, { IRQ, 0, 0 }, { SET, 3, 0 }, { IRQ, 0, 1 } } },
  { "gpio: both edges", false, {
    { W, IBE, 8 }, { W, IE, 8 }, { SET, 3, 1 }, { W, IC, 8 }, { SET, 3, 0 }, { RISES, 0, 2 } } },
  { "gpio: levels", false, {
    { W, IS, 8 }, { W, IEV, 8 }, { W, IE, 8 }, { IRQ, 0, 0 }, { SET, 3, 1 }, { IRQ, 0, 1 }, { W, IC, 8 },
    { IRQ, 0, 1 }, { SET, 3, 0 }, { IRQ, 0, 0 }, { W, IEV, 0 }, { IRQ, 0, 1 } } },
  { "gpio: masked, and outputs", false, {
    { W, IEV, 8 }, { SET, 3, 1 }, { R, RIS, 8 }, { R, MIS, 0 }, { IRQ, 0, 0 }, { W, IE, 8 }, { IRQ, 0, 1 },
    { W, IC, 0xff }, { SET, 3, 0 }, { W, DIR_, 8 }, { SET, 3, 1 }, { R, RIS, 0 } } },
  { "gpio: a button", false, {
    { W, IBE, 8 }, { W, IE, 8 }, { PRESS, 3, 0 }, { IRQ, 0, 1 }, { R, 0x3fc, 8 }, { W, IC, 8 }, { MS, 0, 99 },
    { IRQ, 0, 0 }, { MS, 0, 1 }, { IRQ, 0, 1 }, { R, 0x3fc, 0 } } },
  { "gpio: a button held over save and load", false, {
    { W, IBE, 8 }, { W, IE, 8 }, { PRESS, 3, 0 }, { W, IC, 8 }, { SAVELOAD }, { R, 0x3fc, 8 }, { IRQ, 0, 0 },
    { MS, 0, 100 }, { R, 0x3fc, 0 }, { IRQ, 0, 1 } } },
  { "gpio: reset lets go", false, {
    { W, IEV, 8 }, { W, IE, 8 }, { SET, 1, 1 }, { PRESS, 3, 0 }, { RESET }, { IRQ, 0, 0 }, { R, 0x3fc, 2 },
    { MS, 0, 200 }, { R, RIS, 0 } } },

  { "rtc: the host's time", true, {
    { R, 0xfe0, 0x31 }, { R, 0xfe8, 4 }, { BYTE, 0xfe0, 0x31 }, { R, DR, NOW }, { SECONDS, 0, 5 }, { R, DR, NOW + 5 },
    { R, CR, 1 } } },
  { "rtc: set by the guest", true, {
    { W, LR, 1000 }, { R, DR, 1000 }, { R, LR, 1000 }, { SECONDS, 0, 3 }, { R, DR, 1003 }, { PAUSE, 0, 10 },
    { R, DR, 1013 }, { RESET }, { R, DR, 1013 }, { SAVELOAD }, { R, DR, 1013 } } },
  { "rtc: wraps", true, { { W, LR, 0xffffffff }, { SECONDS, 0, 2 }, { R, DR, 1 } } },
  { "rtc: alarm", true, {
    { W, MR, NOW + 10 }, { SECONDS, 0, 9 }, { R, RTCRIS, 0 }, { SECONDS, 0, 1 }, { R, RTCRIS, 1 },
    { R, RTCMIS, 0 }, { IRQ, 0, 0 }, { W, IMSC, 1 }, { IRQ, 0, 1 }, { R, RTCMIS, 1 }, { W, ICR, 1 },
    { IRQ, 0, 0 }, { SECONDS, 0, 100 }, { IRQ, 0, 0 } } },
  { "rtc: alarm now", true, { { W, IMSC, 1 }, { W, MR, NOW }, { IRQ, 0, 1 } } },
  { "rtc: alarm passes while paused", true, {
    { W, IMSC, 1 }, { W, MR, NOW + 10 }, { PAUSE, 0, 60 }, { IRQ, 0, 1 } } },
  { "rtc: alarm follows the set time", true, {
    { W, IMSC, 1 }, { W, MR, 500 }, { SECONDS, 0, 5 }, { W, LR, 498 }, { SECONDS, 0, 1 }, { IRQ, 0, 0 },
    { SECONDS, 0, 1 }, { IRQ, 0, 1 } } },
  { "rtc: alarm far away", true, {
    { W, IMSC, 1 }, { W, MR, NOW + 200 }, { SECONDS, 0, 60 }, { SECONDS, 0, 60 }, { SECONDS, 0, 60 },
    { IRQ, 0, 0 }, { SECONDS, 0, 20 }, { IRQ, 0, 1 } } },
  { "rtc: alarm over save and load", true, {
    { W, IMSC, 1 }, { W, MR, NOW + 10 }, { SECONDS, 0, 5 }, { SAVELOAD }, { SECONDS, 0, 5 }, { IRQ, 0, 1 },
    { SAVELOAD }, { IRQ, 0, 1 } } },
};
// clang-format on

typedef struct Rig {
  FakeVm *fake;
  Device *device;
  FakeLine line;
  bool rtc;
} Rig;

static void
make_rig (Rig *rig, bool rtc)
{
  *rig = (Rig){.fake = fake_vm_new (1, 0), .rtc = rtc};
  IrqLine line = fake_line (&rig->line);
  rig->device = rtc ? pl031_new (RTC, line) : pl061_new (GPIO, line);
  fake_vm_add (rig->fake, rig->device);
}

static void
save_and_load (Rig *rig)
{
  uint32_t version;
  StateWriter *writer = state_writer_new ();

  state_writer_begin (writer, "device", 1);
  rig->device->ops->save (rig->device, writer);
  state_writer_end (writer);
  g_autoptr (GBytes) bytes = state_writer_finish (writer);
  fake_vm_free (rig->fake);
  make_rig (rig, rig->rtc);
  StateReader *reader = state_reader_new (bytes, NULL);
  assert_true (state_reader_begin (reader, "device", 1, &version, NULL));
  assert_true (rig->device->ops->load (rig->device, reader, version, NULL));
  assert_true (state_reader_end (reader, NULL));
  state_reader_free (reader);
}

static uint64_t
perform (Rig *rig, const Step *s)
{
  FakeVm *f = rig->fake;
  GuestAddr base = rig->rtc ? RTC : GPIO;

  switch (s->what) {
  case W:
    fake_write (f, base + s->a, s->v, 4);
    break;
  case R:
    return fake_read (f, base + s->a, s->a % 4 == 0 ? 4 : 1);
  case BYTE:
    return fake_read (f, base + s->a, 1);
  case SET:
    pl061_set_line (rig->device, s->a, s->v);
    break;
  case PRESS:
    pl061_press (rig->device, s->a);
    break;
  case IRQ:
    return rig->line.level;
  case RISES:
    return rig->line.rises;
  case SECONDS:
    host_us += s->v * G_USEC_PER_SEC;
    fake_vm_advance (f, s->v * 1000000000ll);
    break;
  case PAUSE:
    host_us += s->v * G_USEC_PER_SEC;
    rig->device->ops->resume (rig->device);
    break;
  case MS:
    fake_vm_advance (f, s->v * 1000000ll);
    break;
  case SAVELOAD:
    save_and_load (rig);
    break;
  case RESET:
    rig->device->ops->reset (rig->device);
    break;
  case END:
    break;
  }
  return s->v;
}

static void
run_script (void **state)
{
  const Script *script = *state;
  Rig rig;

  host_us = NOW * (int64_t) G_USEC_PER_SEC;
  make_rig (&rig, script->rtc);
  for (unsigned i = 0; i < G_N_ELEMENTS (script->steps) && script->steps[i].what != END; i++) {
    uint64_t seen = perform (&rig, &script->steps[i]);
    if (seen != script->steps[i].v)
      fail_msg ("%s, step %u: 0x%" PRIx64 ", expected 0x%x", script->name, i, seen,
                script->steps[i].v);
  }
  fake_vm_free (rig.fake);
}

int
main (void)
{
  enum { N = G_N_ELEMENTS (scripts) };
  struct CMUnitTest tests[N];

  for (unsigned i = 0; i < N; i++)
    tests[i] = (struct CMUnitTest){scripts[i].name, run_script, NULL, NULL, (void *) &scripts[i]};
  return _cmocka_run_group_tests ("pl061, pl031", tests, N, NULL, NULL);
}
