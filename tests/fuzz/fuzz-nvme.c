// SPDX-License-Identifier: GPL-3.0-or-later
// The NVMe controller over a small disk in memory: commands good and bad, lists of pages that lead
// anywhere, doorbells and registers at will, pauses, resets and damaged state in between.
#include <errno.h>
#include <zlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/nvme-guest.h"
#include "tests/support/test-disk.h"

enum {
  DISK_BYTES = 1 << 16,
  STEPS_MAX = 200,
  AREA_BYTES = 2 << 20, // queues, lists and data of all scripts
  STATE_HEADER_BYTES = 24,
  STATE_CRC = 12,
};

static uint64_t
pick_address (FuzzInput *in)
{
  const uint64_t end = NVME_GUEST_RAM_BASE + (uint64_t) NVME_GUEST_RAM_BYTES;

  switch (fuzz_below (in, 12)) {
  case 0:
    return fuzz_number (in, 8);
  case 1:
    return end - fuzz_below (in, 8192);
  case 2:
    return UINT64_MAX - fuzz_below (in, 8192);
  default:
    return (NVME_GUEST_RAM_BASE + fuzz_number (in, 4) % AREA_BYTES) &
           (fuzz_below (in, 4) == 0 ? ~7ull : ~0xfffull);
  }
}

static void
step_command (FuzzInput *in, NvmeGuest *guest)
{
  static const uint8_t opcodes[2][12] = {{0, 1, 2, 4, 5, 6, 6, 8, 9, 10, 12, 99},
                                         {0, 1, 1, 2, 2, 8, 9, 9, 2, 1, 4, 99}};
  unsigned queue = fuzz_below (in, NVME_GUEST_QUEUES + 1);
  NvmeGuestCommand command = {{opcodes[queue != 0][fuzz_below (in, 12)], 1}};
  uint64_t prp1 = pick_address (in), prp2 = pick_address (in);

  if (fuzz_below (in, 8) == 0)
    command.words[1] = (uint32_t) fuzz_number (in, 4);
  memcpy (&command.words[6], &prp1, sizeof prp1);
  memcpy (&command.words[8], &prp2, sizeof prp2);
  command.words[10] =
      fuzz_below (in, 600) | (fuzz_below (in, 3) == 0 ? fuzz_below (in, 40) << 16 : 0);
  command.words[11] = queue == 0 || fuzz_below (in, 8) == 0 ? (uint32_t) fuzz_number (in, 4) : 4;
  command.words[12] =
      fuzz_below (in, 8) == 0 ? (uint32_t) fuzz_number (in, 4) : fuzz_below (in, 600);
  nvme_guest_submit (guest, queue, &command);
}

static void
step_memory (FuzzInput *in, NvmeGuest *guest)
{
  uint64_t *at =
      nvme_guest_ptr (guest, NVME_GUEST_RAM_BASE + fuzz_number (in, 4) % AREA_BYTES / 8 * 8);

  for (unsigned i = fuzz_below (in, 16); i > 0; i--)
    *at++ = pick_address (in);
}

static void
step_register (FuzzInput *in, NvmeGuest *guest)
{
  unsigned size = 1u << fuzz_below (in, 4);
  unsigned offset = fuzz_below (in, 2) ? fuzz_below (in, 0x40) : 0x1000 + fuzz_below (in, 0x100);

  if (fuzz_below (in, 2))
    offset &= ~3u, size = 4;
  if (fuzz_below (in, 3) == 0)
    nvme_guest_read (guest, offset, size);
  else
    nvme_guest_write (guest, offset, fuzz_number (in, 1 + fuzz_below (in, 8)), size);
}

static void
step_damaged_state (FuzzInput *in, NvmeGuest *guest)
{
  nvme_guest_quiesce (guest);
  g_autoptr (GBytes) bytes = nvme_guest_save (guest);
  gsize length = g_bytes_get_size (bytes);
  g_autofree uint8_t *copy = g_memdup2 (g_bytes_get_data (bytes, NULL), length);
  for (unsigned i = fuzz_below (in, 8); i > 0; i--) {
    gsize at = STATE_HEADER_BYTES + fuzz_number (in, 3) % (length - STATE_HEADER_BYTES);
    copy[at] = (uint8_t) fuzz_number (in, 1);
  }
  uint32_t crc =
      (uint32_t) crc32 (0, copy + STATE_HEADER_BYTES, (uInt) (length - STATE_HEADER_BYTES));
  memcpy (copy + STATE_CRC, &crc, sizeof crc);
  g_autoptr (GBytes) damaged = g_bytes_new (copy, length);
  if (!nvme_guest_load (guest, damaged))
    nvme_guest_reset (guest);
  nvme_guest_resume (guest);
}

static void
step (FuzzInput *in, NvmeGuest *guest, TestDisk *disk)
{
  static const int errors[] = {0, 0, EIO, ENOSPC};

  switch (fuzz_below (in, 40)) {
  case 0:
    nvme_guest_reset (guest);
    break;
  case 1 ... 2:
    nvme_guest_enable (guest);
    break;
  case 3:
    nvme_guest_quiesce (guest);
    step_command (in, guest);
    nvme_guest_resume (guest);
    break;
  case 4:
    step_damaged_state (in, guest);
    break;
  case 5 ... 6:
    test_disk_fail (disk, (BlockOp) fuzz_below (in, TEST_DISK_OPS), errors[fuzz_below (in, 4)]);
    break;
  case 7 ... 12:
    step_memory (in, guest);
    break;
  case 13 ... 18:
    step_register (in, guest);
    break;
  case 19:
    nvme_guest_settle (guest);
    break;
  default:
    step_command (in, guest);
    break;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {.data = data, .left = size};
  TestDisk *disk = test_disk_new (DISK_BYTES);
  NvmeGuest *guest = nvme_guest_new (test_disk_open (disk, false));

  nvme_guest_start (guest, fuzz_below (&in, 2));
  for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
    step (&in, guest, disk);
  nvme_guest_settle (guest);
  nvme_guest_quiesce (guest);
  nvme_guest_free (guest);
  test_disk_free (disk);
  return 0;
}
