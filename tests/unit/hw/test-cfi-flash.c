// SPDX-License-Identifier: GPL-3.0-or-later
// The flash banks as scripts of commands, what reaches the file behind them and in which order, and
// what happens when the file cannot be written.
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/hw/cfi-flash.h"
#include "engine/hw/cfi-store.h"
#include "engine/snapshot/state.h"
#include "tests/support/mem-file.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  BANK = 0x04000000,
  ROM = 0,
  BLOCK = CFI_FLASH_BLOCK_BYTES,
  READY = 0x00800080,
  PROGRAM_FAILED = 0x00900090,
  ERASE_FAILED = 0x00a000a0,
  BAD_SEQUENCE = 0x00b000b0,
};

typedef struct Fixture {
  FakeVm *vm;
  Device *flash;
  MemFile *file;
  unsigned requests; // of the guest's machine, for room
} Fixture;

static void
on_request (void *opaque, VmRequest request)
{
  assert_int_equal (request, VM_REQUEST_DISK_FULL);
  __atomic_fetch_add ((unsigned *) opaque, 1, __ATOMIC_SEQ_CST);
}

static void
add_flash (Fixture *f)
{
  g_autoptr (GBytes) initial = g_bytes_new ("\xff\xff\xff\xff\xff\xff\xff\xff", 8);

  f->vm = fake_vm_new (1, 4096);
  f->vm->vm.on_request = on_request;
  f->vm->vm.on_request_opaque = &f->requests;
  f->flash =
      cfi_flash_new (BANK, initial, f->file != NULL ? mem_file_open (f->file) : NULL, "vars");
  fake_vm_add (f->vm, f->flash);
}

// With the file's bytes all erased.
static int
set_up_file (void **state)
{
  Fixture *f = g_new0 (Fixture, 1);

  f->file = mem_file_new ();
  g_byte_array_set_size (f->file->bytes, CFI_FLASH_BANK_BYTES);
  memset (f->file->bytes->data, 0xff, CFI_FLASH_BANK_BYTES);
  mem_file_record (f->file);
  add_flash (f);
  *state = f;
  return 0;
}

static int
set_up (void **state)
{
  Fixture *f = g_new0 (Fixture, 1);

  add_flash (f);
  *state = f;
  return 0;
}

static int
tear_down (void **state)
{
  Fixture *f = *state;

  fake_vm_free (f->vm);
  if (f->file != NULL)
    mem_file_free (f->file);
  g_free (f);
  return 0;
}

static void
wr (Fixture *f, uint32_t at, uint32_t value)
{
  fake_write (f->vm, BANK + at, value, 4);
}

// A command, as firmware for two chips side by side sends it.
static void
cmd (Fixture *f, uint32_t at, uint8_t command)
{
  wr (f, at, command * 0x10001u);
}

static void
expect (Fixture *f, uint32_t at, uint32_t value)
{
  assert_int_equal (fake_read (f->vm, BANK + at, 4), value);
}

static void
program_word (Fixture *f, uint32_t at, uint32_t value)
{
  cmd (f, at, 0x40);
  wr (f, at, value);
  expect (f, 0, READY);
  cmd (f, 0, 0xff);
}

static void
erase_block (Fixture *f, uint32_t at)
{
  cmd (f, at, 0x20);
  cmd (f, at, 0xd0);
  cmd (f, 0, 0xff);
}

// ---- commands -------------------------------------------------------------------------------

static void
test_query (void **state)
{
  Fixture *f = *state;
  static const struct {
    uint8_t word, value;
  } cases[] = {{0x0f, 0},  {0x10, 'Q'}, {0x11, 'R'},  {0x12, 'Y'}, {0x13, 1},
               {0x27, 25}, {0x2c, 1},   {0x2d, 0xff}, {0x2e, 0},   {0x2f, 0},
               {0x30, 2},  {0x31, 'P'}, {0x32, 'R'},  {0x33, 'I'}, {0xff, 0}};

  cmd (f, 0x55 * 4, 0x98);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    expect (f, cases[i].word * 4u, cases[i].value * 0x10001u);
  assert_int_equal (fake_read (f->vm, BANK + 0x10 * 4 + 2, 2), 'Q');
  assert_int_equal (fake_read (f->vm, BANK + 0x10 * 4 + 1, 1), 0);
  assert_int_equal (fake_read (f->vm, BANK + 0x10 * 4, 8),
                    'Q' * UINT64_C (0x10001) | 'R' * UINT64_C (0x1000100000000));
  cmd (f, 0, 0x90);
  expect (f, 0, 0x890089);
  expect (f, 4, 0x180018);
  expect (f, BLOCK + 8, 0); // unlocked
  cmd (f, 0, 0xff);
  expect (f, 0, 0xffffffff);
}

static void
test_program (void **state)
{
  Fixture *f = *state;

  program_word (f, 0, 0x0000f0f0);
  expect (f, 0, 0x0000f0f0);
  program_word (f, 0, 0xffff00ff); // ones stay what they were
  expect (f, 0, 0x000000f0);
  // One byte.
  cmd (f, 4, 0x10);
  fake_write (f->vm, BANK + 5, 0x12, 1);
  cmd (f, 0, 0xff);
  expect (f, 4, 0xffff12ff);
}

static void
test_erase (void **state)
{
  Fixture *f = *state;

  erase_block (f, BLOCK);
  program_word (f, BLOCK + 8, 0);
  program_word (f, 2 * BLOCK - 4, 1);
  erase_block (f, BLOCK + 1024);
  expect (f, BLOCK + 8, 0xffffffff);
  expect (f, 2 * BLOCK - 4, 0xffffffff);
  expect (f, 2 * BLOCK, 0); // the next block is what it was
  cmd (f, 0, 0x20);
  cmd (f, 0, 0xff);
  cmd (f, 0, 0x70);
  expect (f, 0, BAD_SEQUENCE);
  cmd (f, 0, 0x50);
  expect (f, 0, READY);
}

static void
test_buffer (void **state)
{
  Fixture *f = *state;

  erase_block (f, 0);
  cmd (f, 64, 0xe8);
  expect (f, 0, READY);
  cmd (f, 64, 3);
  for (uint32_t i = 0; i < 4; i++)
    wr (f, 64 + 4 * i, 0x11223300 + i);
  cmd (f, 64, 0xd0);
  expect (f, 0, READY);
  cmd (f, 0, 0xff);
  for (uint32_t i = 0; i < 4; i++)
    expect (f, 64 + 4 * i, 0x11223300 + i);
  expect (f, 60, 0xffffffff);
  expect (f, 80, 0xffffffff);
}

// Each ends with both error bits and changes nothing.
static void
test_bad_buffers (void **state)
{
  Fixture *f = *state;
  static const struct {
    uint32_t first, second;
    bool confirm_wrong;
  } cases[] = {
      {BLOCK + 64, BLOCK + 60, false}, // before the first
      {BLOCK + 64, BLOCK + 64 + 1024, false},
      {2 * BLOCK - 4, 2 * BLOCK, false}, // the next block
      {BLOCK, BLOCK + 4, true},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    erase_block (f, BLOCK);
    erase_block (f, 2 * BLOCK);
    cmd (f, BLOCK, 0xe8);
    cmd (f, BLOCK, 1);
    wr (f, cases[i].first, 0);
    wr (f, cases[i].second, 0);
    if (cases[i].confirm_wrong)
      cmd (f, BLOCK, 0xff);
    cmd (f, 0, 0x70);
    expect (f, 0, BAD_SEQUENCE);
    cmd (f, 0, 0x50);
    cmd (f, 0, 0xff);
    expect (f, cases[i].first, 0xffffffff);
    expect (f, cases[i].second, 0xffffffff);
  }
}

// ---- the file -------------------------------------------------------------------------------

static void
test_file_has_all (void **state)
{
  Fixture *f = *state;

  program_word (f, 16, 0x12345678);
  erase_block (f, 3 * BLOCK);
  f->flash->ops->quiesce (f->flash);
  assert_memory_equal (f->file->bytes->data + 16, "\x78\x56\x34\x12", 4);
  assert_int_equal (f->file->bytes->data[3 * BLOCK], 0xff);
}

// A program, an erasure, a program: the disk has the first before the file has anything else, and
// what follows the erasure comes together with it, behind the bank first.
static void
test_order (void **state)
{
  Fixture *f = *state;
  static const MemEventKind kinds[] = {MEM_WRITE, MEM_SYNC, MEM_SIZE, MEM_WRITE, MEM_SYNC,
                                       MEM_WRITE, MEM_SYNC, MEM_SIZE, MEM_SYNC};
  static const uint64_t offsets[] = {8, 0, 0, CFI_FLASH_BANK_BYTES, 0, BLOCK, 0, 0, 0};

  cmd (f, 8, 0x40);
  wr (f, 8, 1);
  cmd (f, BLOCK, 0x20);
  cmd (f, BLOCK, 0xd0);
  cmd (f, 2 * BLOCK - 4, 0x40);
  wr (f, 2 * BLOCK - 4, 2);
  f->flash->ops->quiesce (f->flash);
  assert_int_equal (f->file->events->len, G_N_ELEMENTS (kinds));
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    const MemEvent *event = &g_array_index (f->file->events, MemEvent, i);

    assert_int_equal (event->kind, kinds[i]);
    if (kinds[i] == MEM_WRITE)
      assert_int_equal (event->offset, offsets[i]);
  }
  assert_memory_equal (f->file->bytes->data + 2 * BLOCK - 8, "\xff\xff\xff\xff\2\0\0\0", 8);
}

// The last word of the block makes it complete, whatever its value: what comes then is on its own.
static void
test_complete (void **state)
{
  Fixture *f = *state;

  cmd (f, BLOCK, 0x20);
  cmd (f, BLOCK, 0xd0);
  cmd (f, 2 * BLOCK - 8, 0xe8);
  cmd (f, 2 * BLOCK - 8, 1);
  wr (f, 2 * BLOCK - 8, 0xffffffff);
  wr (f, 2 * BLOCK - 4, 0xffffffff);
  cmd (f, 2 * BLOCK - 8, 0xd0);
  cmd (f, 2 * BLOCK - 4, 0x40);
  wr (f, 2 * BLOCK - 4, 2);
  f->flash->ops->quiesce (f->flash);
  unsigned n_writes = 0;
  for (unsigned i = 0; i < f->file->events->len; i++)
    n_writes += g_array_index (f->file->events, MemEvent, i).kind == MEM_WRITE;
  assert_int_equal (n_writes, 3);
}

static void
test_file_fails (void **state)
{
  Fixture *f = *state;

  f->file->fail_from = f->file->n_calls + 1;
  f->file->fail_to = UINT64_MAX;
  f->file->error = EIO;
  cmd (f, 8, 0x40);
  wr (f, 8, 1);
  f->flash->ops->quiesce (f->flash);
  // From then on the guest is told.
  cmd (f, 8, 0x40);
  wr (f, 8, 0);
  expect (f, 0, PROGRAM_FAILED);
  cmd (f, 0, 0x50);
  cmd (f, 0, 0x20);
  cmd (f, 0, 0xd0);
  expect (f, 0, ERASE_FAILED);
  assert_int_equal (f->requests, 0);
}

static void
test_file_full (void **state)
{
  Fixture *f = *state;

  f->file->fail_from = f->file->n_calls + 1;
  f->file->fail_to = UINT64_MAX;
  f->file->error = ENOSPC;
  cmd (f, 8, 0x40);
  wr (f, 8, 0x55);
  f->flash->ops->quiesce (f->flash); // does not wait for room
  assert_int_equal (__atomic_load_n (&f->requests, __ATOMIC_SEQ_CST), 1);
  g_mutex_lock (&f->file->lock);
  f->file->fail_from = f->file->fail_to = 0;
  g_mutex_unlock (&f->file->lock);
  f->flash->ops->resume (f->flash);
  f->flash->ops->quiesce (f->flash);
  assert_int_equal (f->file->bytes->data[8], 0x55);
  expect (f, 0, READY);
}

// While nothing reaches the file, what the guest may pile up is bounded.
static void
test_busy (void **state)
{
  Fixture *f = *state;

  f->file->fail_from = f->file->n_calls + 1;
  f->file->fail_to = UINT64_MAX;
  f->file->error = ENOSPC;
  for (uint32_t i = 0; i < CFI_STORE_BACKLOG; i++) {
    cmd (f, i * 4, 0x40);
    wr (f, i * 4, 0);
  }
  expect (f, 0, 0);
  cmd (f, BLOCK, 0x40);
  wr (f, BLOCK, 0);
  cmd (f, 0, 0xff);
  expect (f, BLOCK, 0xffffffff);
}

// ---- saved state ----------------------------------------------------------------------------

static GBytes *
save (Device *device)
{
  StateWriter *writer = state_writer_new ();

  state_writer_begin (writer, device->ops->name, device->ops->state_version);
  device->ops->save (device, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

static bool
load (Device *device, GBytes *state)
{
  StateReader *reader = state_reader_new (state, NULL);
  uint32_t version;

  assert_true (
      state_reader_begin (reader, device->ops->name, device->ops->state_version, &version, NULL));
  bool ok = device->ops->load (device, reader, version, NULL) && state_reader_end (reader, NULL);
  state_reader_free (reader);
  return ok;
}

// In the middle of a buffer; what was changed meanwhile is put back, in the file too.
static void
test_state (void **state)
{
  Fixture *f = *state;

  program_word (f, 4096, 0x77777777);
  cmd (f, 128, 0xe8);
  cmd (f, 128, 1);
  wr (f, 128, 0xaaaaaaaa);
  f->flash->ops->quiesce (f->flash);
  g_autoptr (GBytes) saved = save (f->flash);
  wr (f, 132, 0);
  cmd (f, 128, 0xd0);
  erase_block (f, 0);
  program_word (f, 5 * BLOCK + 64, 0);
  f->flash->ops->quiesce (f->flash);
  unsigned n_events = f->file->events->len;
  assert_true (load (f->flash, saved));
  f->flash->ops->quiesce (f->flash);
  // All at once, behind the bank first.
  assert_int_equal (g_array_index (f->file->events, MemEvent, n_events).kind, MEM_SIZE);
  const MemEvent *journal = &g_array_index (f->file->events, MemEvent, n_events + 1);
  assert_int_equal (journal->offset, CFI_FLASH_BANK_BYTES);
  assert_true (journal->length > 2 * BLOCK);
  wr (f, 132, 0xbbbbbbbb);
  cmd (f, 128, 0xd0);
  cmd (f, 0, 0xff);
  expect (f, 128, 0xaaaaaaaa);
  expect (f, 132, 0xbbbbbbbb);
  expect (f, 4096, 0x77777777);
  f->flash->ops->quiesce (f->flash);
  assert_memory_equal (f->file->bytes->data + 4096, "\x77\x77\x77\x77", 4);
}

static void
test_bad_state (void **state)
{
  Fixture *f = *state;
  static const struct {
    unsigned at;
    uint8_t value;
  } cases[] = {{0, 4}, {1, 7}, {2, 0x80}, {10, 4}, {7, 1}};

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    uint8_t fields[12] = {0};
    StateWriter *writer = state_writer_new ();

    fields[cases[i].at] = cases[i].value;
    state_writer_begin (writer, "cfi-flash", 1);
    for (unsigned n = 0; n < sizeof fields; n++)
      state_put_u8 (writer, fields[n]);
    state_writer_end (writer);
    g_autoptr (GBytes) bytes = state_writer_finish (writer);
    assert_false (load (f->flash, bytes));
    cmd (f, 0, 0xff);
    expect (f, 0, 0xffffffff);
  }
}

// ---- the firmware's bank --------------------------------------------------------------------

static void
test_rom (void **state)
{
  Fixture *f = *state;
  g_autoptr (GBytes) old = g_bytes_new ("old firmware\0\0\0\0", 16);
  g_autoptr (GBytes) new = g_bytes_new ("new", 3);
  FakeVm *other = fake_vm_new (1, 4096);
  Device *rom = cfi_rom_new (ROM, old), *rom2 = cfi_rom_new (ROM, new);

  fake_vm_add (f->vm, rom);
  fake_vm_add (other, rom2);
  assert_int_equal (fake_read (f->vm, ROM, 4), 0x20646c6f);
  fake_write (f->vm, ROM, 0, 4);
  assert_int_equal (fake_read (f->vm, ROM, 4), 0x20646c6f);
  assert_int_equal (fake_read (f->vm, CFI_FLASH_BANK_BYTES - 8, 8), 0);
  // A machine goes on with the firmware it was saved with.
  g_autoptr (GBytes) saved = save (rom);
  assert_true (load (rom2, saved));
  assert_int_equal (fake_read (other, ROM + 4, 8), 0x657261776d726966);
  fake_vm_free (other);
}

int
main (void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown (test, set_up_file, tear_down)
#define WITHOUT(test)   cmocka_unit_test_setup_teardown (test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      WITHOUT (test_query),       WITHOUT (test_program),     WITHOUT (test_erase),
      WITHOUT (test_buffer),      WITHOUT (test_bad_buffers), WITH_FILE (test_file_has_all),
      WITH_FILE (test_order),     WITH_FILE (test_complete),  WITH_FILE (test_file_fails),
      WITH_FILE (test_file_full), WITH_FILE (test_busy),      WITH_FILE (test_state),
      WITHOUT (test_bad_state),   WITHOUT (test_rom),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
