// SPDX-License-Identifier: GPL-3.0-or-later
// PL011 as scripts: what the driver does, what is typed, and what must be seen.

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/hw/pl011.h"
#include "engine/snapshot/state.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  BASE = 0x09000000,
  DR = 0x00,
  RSR = 0x04,
  FR = 0x18,
  IBRD = 0x24,
  FBRD = 0x28,
  LCRH = 0x2c,
  CR = 0x30,
  IFLS = 0x34,
  IMSC = 0x38,
  RIS = 0x3c,
  MIS = 0x40,
  ICR = 0x44,
  DMACR = 0x48,

  RX = 0x10,
  TX = 0x20,
  RT = 0x40,

  IDLE = 0x97, // FR: modem lines, both FIFOs empty
};

typedef enum What {
  END,
  W,     // write v to register a
  R,     // register a must read v
  W8,    // with one byte
  R16,   // with two bytes
  TYPE,  // v bytes 0, 1, 2, …; a of them must be taken
  EAT,   // reading DR v times gives consecutive bytes from a on
  PRINT, // v times 'x'
  RUN,   // I/O thread; v bytes in all must have reached the sink
  LINE,  // the interrupt must be v
  QUIESCE,
  RESET,
  SAVELOAD,
} What;

typedef struct Step {
  What what;
  uint32_t a, v;
} Step;

typedef struct Script {
  const char *name;
  Step steps[40];
} Script;

// clang-format off
static const Script scripts[] = {
  { "reset values and identification", {
    { R, FR, IDLE }, { R, CR, 0x300 }, { R, IFLS, 0x12 }, { R, IMSC, 0 }, { R, RIS, 0 },
    { R, LCRH, 0 }, { R, DR, 0 }, { R, RSR, 0 }, { R, 0xfe0, 0x11 }, { R, 0xfe4, 0x10 },
    { R, 0xfe8, 0x34 }, { R, 0xfec, 0 }, { R, 0xff0, 0x0d }, { R, 0xff4, 0xf0 }, { R, 0xff8, 5 },
    { R, 0xffc, 0xb1 }, { R, 0x100, 0 } } },

  { "registers keep their fields", {
    { W, IBRD, 0x1ffff }, { R, IBRD, 0xffff }, { W, FBRD, 0xff }, { R, FBRD, 0x3f },
    { W, LCRH, 0xfff }, { R, LCRH, 0xff }, { W, CR, 0xffffffff }, { R, CR, 0xff87 },
    { W, IFLS, 0xff }, { R, IFLS, 0x3f }, { W, IMSC, 0xffff }, { R, IMSC, 0x7ff },
    { W, DMACR, 0xff }, { R, DMACR, 7 }, { W, FR, 0 }, { W8, FBRD, 5 }, { R16, FBRD, 5 } } },

  { "output in one batch", {
    { PRINT, 0, 5 }, { RUN, 0, 5 }, { W8, DR, 'x' }, { RUN, 0, 6 }, { RUN, 0, 6 } } },

  { "output is taken even while disabled", { { W, CR, 0 }, { PRINT, 0, 2 }, { RUN, 0, 2 } } },

  { "a full output buffer pushes back", {
    { W, IMSC, TX }, { PRINT, 0, 65535 }, { R, FR, IDLE }, { LINE, 0, 1 }, { W, ICR, TX }, { LINE, 0, 0 },
    { PRINT, 0, 1 }, { R, FR, 0x37 }, { LINE, 0, 0 }, { PRINT, 0, 10 },
    { RUN, 0, 65536 }, { LINE, 0, 1 }, { R, FR, IDLE }, { PRINT, 0, 1 }, { RUN, 0, 65537 } } },

  { "transmit interrupt", {
    { W, IMSC, TX }, { LINE, 0, 0 }, { PRINT, 0, 1 }, { R, RIS, TX }, { R, MIS, TX }, { LINE, 0, 1 },
    { W, ICR, TX }, { R, RIS, 0 }, { LINE, 0, 0 }, { PRINT, 0, 1 }, { W, IMSC, 0 }, { LINE, 0, 0 },
    { R, RIS, TX }, { R, MIS, 0 } } },

  { "what is typed waits for the receiver", {
    { TYPE, 3, 3 }, { R, FR, IDLE }, { R, RIS, 0 }, { W, CR, 0x301 }, { R, FR, 0xc7 },
    { R, RIS, RT | RX }, { EAT, 0, 3 }, { R, FR, IDLE }, { R, RIS, 0 }, { R, DR, 0 } } },

  { "receive timeout with the FIFO on", {
    { W, LCRH, 0x70 }, { W, CR, 0x301 }, { W, IMSC, RX | RT }, { TYPE, 1, 1 }, { LINE, 0, 1 },
    { R, MIS, RT }, { EAT, 0, 1 }, { LINE, 0, 0 }, { TYPE, 15, 15 }, { R, MIS, RT }, { TYPE, 1, 1 },
    { R, MIS, RT | RX }, { W, ICR, RT | RX }, { LINE, 0, 0 }, { TYPE, 1, 1 }, { R, MIS, RT | RX } } },

  { "receive level follows reading", {
    { W, LCRH, 0x10 }, { W, CR, 0x301 }, { TYPE, 32, 32 }, { R, RIS, RT | RX }, { R, FR, 0xc7 },
    { EAT, 0, 16 }, { R, RIS, RT | RX }, { EAT, 16, 1 }, { R, RIS, RT }, { EAT, 17, 14 }, { R, RIS, RT },
    { EAT, 31, 1 }, { R, RIS, 0 } } },

  { "trigger levels", {
    { W, LCRH, 0x10 }, { W, CR, 0x301 }, { W, IFLS, 0 }, { TYPE, 3, 3 }, { R, RIS, RT },
    { TYPE, 1, 1 }, { R, RIS, RT | RX }, { W, IFLS, 4 << 3 }, { W, ICR, RX }, { TYPE, 23, 23 },
    { R, RIS, RT }, { TYPE, 1, 1 }, { R, RIS, RT | RX } } },

  { "the FIFO refills and raises again", {
    { W, LCRH, 0x10 }, { W, CR, 0x301 }, { TYPE, 40, 40 }, { W, ICR, RT | RX }, { R, RIS, 0 },
    { EAT, 0, 1 }, { R, RIS, RT | RX }, { EAT, 1, 39 }, { R, FR, IDLE } } },

  { "the queue is bounded", {
    { TYPE, 4096, 5000 }, { TYPE, 0, 1 }, { W, CR, 0x301 }, { TYPE, 1, 1 }, { TYPE, 0, 1 } } },

  { "switching the FIFO empties it", {
    { W, LCRH, 0x10 }, { W, CR, 0x301 }, { TYPE, 5, 5 }, { W, LCRH, 0 }, { R, FR, IDLE },
    { R, RIS, 0 } } },

  { "quiesce hands out all output", { { PRINT, 0, 9 }, { QUIESCE }, { RUN, 0, 9 } } },

  { "reset", {
    { W, LCRH, 0x10 }, { W, CR, 0x301 }, { W, IMSC, RT }, { TYPE, 100, 100 }, { LINE, 0, 1 }, { RESET },
    { LINE, 0, 0 }, { R, FR, IDLE }, { R, CR, 0x300 }, { W, CR, 0x301 }, { R, FR, IDLE } } },

  { "save and load", {
    { W, LCRH, 0x10 }, { W, CR, 0x301 }, { W, IMSC, RT }, { W, IBRD, 13 }, { TYPE, 100, 100 },
    { EAT, 0, 10 }, { SAVELOAD }, { LINE, 0, 1 }, { R, IBRD, 13 }, { R, IMSC, RT }, { EAT, 10, 90 },
    { R, FR, IDLE }, { LINE, 0, 0 } } },
};
// clang-format on

typedef struct Rig {
  FakeVm *fake;
  Device *uart;
  FakeLine line;
  size_t printed;
} Rig;

static void
print (void *sink, const uint8_t *data, size_t length)
{
  Rig *rig = sink;
  for (size_t i = 0; i < length; i++)
    assert_int_equal (data[i], 'x');
  rig->printed += length;
}

static const VmConsoleSinkOps sink_ops = {.write = print};

static void
make_rig (Rig *rig)
{
  *rig = (Rig){.fake = fake_vm_new (1, 0)};
  rig->uart = pl011_new (BASE, fake_line (&rig->line), &sink_ops, rig);
  fake_vm_add (rig->fake, rig->uart);
}

static void
save_and_load (Rig *rig)
{
  uint32_t version;
  StateWriter *writer = state_writer_new ();

  state_writer_begin (writer, "pl011", 1);
  rig->uart->ops->save (rig->uart, writer);
  state_writer_end (writer);
  g_autoptr (GBytes) bytes = state_writer_finish (writer);
  fake_vm_free (rig->fake);
  make_rig (rig);
  StateReader *reader = state_reader_new (bytes, NULL);
  assert_true (state_reader_begin (reader, "pl011", 1, &version, NULL));
  assert_true (rig->uart->ops->load (rig->uart, reader, version, NULL));
  assert_true (state_reader_end (reader, NULL));
  state_reader_free (reader);
}

static uint64_t
type (Rig *rig, uint32_t length)
{
  g_autofree uint8_t *bytes = g_malloc (length);
  for (uint32_t i = 0; i < length; i++)
    bytes[i] = (uint8_t) i;
  return pl011_receive (rig->uart, bytes, length);
}

static void
eat (Rig *rig, uint8_t first, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    assert_int_equal (fake_read (rig->fake, BASE + DR, 4), (uint8_t) (first + i));
}

// What must be equal to `expected`.
static uint64_t
perform (Rig *rig, const Step *s, uint64_t *expected)
{
  FakeVm *f = rig->fake;

  *expected = s->what == TYPE ? s->a : s->v;
  switch (s->what) {
  case W:
    fake_write (f, BASE + s->a, s->v, 4);
    break;
  case W8:
    fake_write (f, BASE + s->a, s->v, 1);
    break;
  case R:
    return fake_read (f, BASE + s->a, 4);
  case R16:
    return fake_read (f, BASE + s->a, 2);
  case TYPE:
    return type (rig, s->v);
  case EAT:
    eat (rig, s->a, s->v);
    break;
  case PRINT:
    for (uint32_t i = 0; i < s->v; i++)
      fake_write (f, BASE + DR, 'x', 4);
    break;
  case RUN:
    fake_vm_run (f);
    return rig->printed;
  case LINE:
    return rig->line.level;
  case QUIESCE:
    rig->uart->ops->quiesce (rig->uart);
    break;
  case RESET:
    rig->uart->ops->reset (rig->uart);
    break;
  case SAVELOAD:
    save_and_load (rig);
    break;
  case END:
    break;
  }
  return *expected;
}

static void
run_script (void **state)
{
  const Script *script = *state;
  Rig rig;

  make_rig (&rig);
  for (unsigned i = 0; i < G_N_ELEMENTS (script->steps) && script->steps[i].what != END; i++) {
    uint64_t expected, seen = perform (&rig, &script->steps[i], &expected);
    if (seen != expected)
      fail_msg ("%s, step %u: 0x%" PRIx64 ", expected 0x%" PRIx64, script->name, i, seen, expected);
  }
  fake_vm_free (rig.fake);
}

// Lengths and values a saved state may not have.
static void
test_load_hostile (void **state)
{
  static const struct {
    uint16_t imsc;
    uint32_t fifo, queue, follow;
  } bad[] = {{0, 2, 0, 2}, {0, 0, 4097, 5000}, {0, 1, 1, 1}, {0x800, 0, 0, 0}, {0, ~0u, ~0u, 0}};
  Rig rig;

  make_rig (&rig);
  for (unsigned n = 0; n < G_N_ELEMENTS (bad); n++) {
    StateWriter *writer = state_writer_new ();
    uint32_t version;
    state_writer_begin (writer, "pl011", 1);
    for (unsigned i = 0; i < 9; i++)
      state_put_u16 (writer, i == 7 ? bad[n].imsc : 0);
    state_put_u32 (writer, bad[n].fifo);
    for (unsigned i = 0; i < MIN (bad[n].fifo, 2); i++)
      state_put_u8 (writer, 1);
    state_put_u32 (writer, bad[n].queue);
    for (unsigned i = 1; i < bad[n].follow; i++)
      state_put_u8 (writer, 1);
    state_writer_end (writer);
    g_autoptr (GBytes) bytes = state_writer_finish (writer);
    StateReader *reader = state_reader_new (bytes, NULL);
    assert_true (state_reader_begin (reader, "pl011", 1, &version, NULL));
    assert_false (rig.uart->ops->load (rig.uart, reader, version, NULL));
    state_reader_free (reader);
    assert_int_equal (fake_read (rig.fake, BASE + FR, 4), IDLE);
  }
  fake_vm_free (rig.fake);
}

int
main (void)
{
  enum { N = G_N_ELEMENTS (scripts) };
  struct CMUnitTest tests[N + 1];

  for (unsigned i = 0; i < N; i++)
    tests[i] = (struct CMUnitTest){scripts[i].name, run_script, NULL, NULL, (void *) &scripts[i]};
  tests[N] = (struct CMUnitTest) cmocka_unit_test (test_load_hostile);
  return _cmocka_run_group_tests ("pl011", tests, N + 1, NULL, NULL);
}
