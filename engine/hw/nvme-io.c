// SPDX-License-Identifier: GPL-3.0-or-later
// NVMe's commands for data (§6) and where data lies (PRP entries and lists, §4.3).

#include "engine/hw/nvme-priv.h"
#include "engine/mem/access.h"

enum {
  OP_FLUSH = 0x00,
  OP_WRITE = 0x01,
  OP_READ = 0x02,
  OP_WRITE_ZEROES = 0x08,
  OP_DATASET = 0x09,

  NSID = 1,
  NSID_ALL = 0xffffffff,
  RANGES_MAX = 256,
  DATASET_DEALLOCATE = 4, // of dw11
  LIST_BYTES = 8,
};
#define RW_FUA           (1u << 30) // of dw12
#define ZEROES_MAY_UNMAP (1u << 25)

// ---- data -----------------------------------------------------------------------------------

// Another piece, joined to the one before where they touch.
static uint16_t
add_piece (Nvme *nvme, GuestAddr addr, uint64_t bytes, struct iovec *iov, unsigned *n)
{
  uint8_t *host = mem_bus_ram_ptr (nvme->device.vm->bus, addr, bytes);

  if (host == NULL)
    return NVME_TRANSFER_ERROR;
  if (*n > 0 && (uint8_t *) iov[*n - 1].iov_base + iov[*n - 1].iov_len == host)
    iov[*n - 1].iov_len += bytes;
  else
    iov[(*n)++] = (struct iovec){host, bytes};
  return NVME_OK;
}

// The last entry of a page of the list, when there is more than it could hold, leads to the next
// page. Only the first page may begin in the middle: each other one holds 511 entries of data, so
// the walk ends.
static uint16_t
map_list (Nvme *nvme, GuestAddr list, uint64_t bytes, struct iovec *iov, unsigned *n)
{
  uint16_t status = NVME_OK;

  if (list % LIST_BYTES != 0)
    return NVME_INVALID_PRP;
  while (bytes > 0 && status == NVME_OK) {
    const void *at = mem_bus_ram_ptr (nvme->device.vm->bus, list, LIST_BYTES);
    uint64_t entry = at != NULL ? mem_load64 (at) : 0;
    bool last = list % NVME_PAGE_BYTES == NVME_PAGE_BYTES - LIST_BYTES;
    if (at == NULL)
      return NVME_TRANSFER_ERROR;
    if (entry % NVME_PAGE_BYTES != 0)
      return NVME_INVALID_PRP;
    if (last && bytes > NVME_PAGE_BYTES) {
      list = entry;
      continue;
    }
    uint64_t piece = MIN (bytes, NVME_PAGE_BYTES);
    status = add_piece (nvme, entry, piece, iov, n);
    bytes -= piece;
    list += LIST_BYTES;
  }
  return status;
}

uint16_t
nvme_map (Nvme *nvme, const NvmeCommand *command, uint64_t bytes, struct iovec *iov, unsigned *n)
{
  uint64_t first = NVME_PAGE_BYTES - command->prp1 % NVME_PAGE_BYTES;

  g_assert (bytes <= NVME_TRANSFER_PAGES * NVME_PAGE_BYTES);
  *n = 0;
  if (command->prp1 % 4 != 0)
    return NVME_INVALID_PRP;
  first = MIN (first, bytes);
  uint16_t status = add_piece (nvme, command->prp1, first, iov, n);
  bytes -= first;
  if (status != NVME_OK || bytes == 0)
    return status;
  if (bytes > NVME_PAGE_BYTES)
    return map_list (nvme, command->prp2, bytes, iov, n);
  if (command->prp2 % NVME_PAGE_BYTES != 0)
    return NVME_INVALID_PRP;
  return add_piece (nvme, command->prp2, bytes, iov, n);
}

uint16_t
nvme_copy (Nvme *nvme, const NvmeCommand *command, void *data, size_t bytes, bool to_guest)
{
  struct iovec iov[NVME_TRANSFER_PAGES + 1];
  unsigned n;
  uint16_t status = nvme_map (nvme, command, bytes, iov, &n);
  uint8_t *at = data;

  for (unsigned i = 0; i < n && status == NVME_OK; i++) {
    if (to_guest)
      memcpy (iov[i].iov_base, at, iov[i].iov_len);
    else
      memcpy (at, iov[i].iov_base, iov[i].iov_len);
    at += iov[i].iov_len;
  }
  return status;
}

// ---- commands -------------------------------------------------------------------------------

static NvmeRequest *
new_request (Nvme *nvme, unsigned sq, const NvmeCommand *command, BlockOp op, unsigned n_iov)
{
  NvmeRequest *request = g_malloc0 (sizeof *request + n_iov * sizeof (struct iovec));

  nvme->n_in_flight++;
  request->sq = sq;
  request->command = *command;
  request->block.op = op;
  return request;
}

static bool
in_range (const Nvme *nvme, uint64_t first, uint64_t n)
{
  uint64_t n_blocks = nvme_n_blocks (nvme);
  return first <= n_blocks && n <= n_blocks - first;
}

static void
submit (Nvme *nvme, NvmeRequest *request, uint64_t first, uint64_t n)
{
  request->block.offset_bytes = first * BLOCK_SECTOR_BYTES;
  request->block.length_bytes = n * BLOCK_SECTOR_BYTES;
  block_device_submit (nvme->disk, &request->block);
}

static uint64_t
first_block (const NvmeCommand *command)
{
  return command->dw10 | (uint64_t) command->dw11 << 32;
}

static bool
is_write_through (const Nvme *nvme, const NvmeCommand *command)
{
  return !(nvme->features[NVME_FEATURE_WRITE_CACHE] & 1) || (command->dw12 & RW_FUA);
}

static uint16_t
transfer (Nvme *nvme, unsigned sq, const NvmeCommand *command, bool write)
{
  uint64_t first = first_block (command), n = (command->dw12 & 0xffff) + 1;
  uint64_t bytes = n * BLOCK_SECTOR_BYTES;
  struct iovec iov[NVME_TRANSFER_PAGES + 1];
  unsigned n_iov;

  if (bytes > NVME_TRANSFER_PAGES * NVME_PAGE_BYTES)
    return NVME_INVALID_FIELD;
  if (!in_range (nvme, first, n))
    return NVME_OUT_OF_RANGE;
  uint16_t status = nvme_map (nvme, command, bytes, iov, &n_iov);
  if (status != NVME_OK)
    return status;
  NvmeRequest *request = new_request (nvme, sq, command, write ? BLOCK_WRITE : BLOCK_READ, n_iov);
  memcpy (request->iov, iov, n_iov * sizeof iov[0]);
  request->block.iov = request->iov;
  request->block.n_iov = n_iov;
  request->block.fua = write && is_write_through (nvme, command);
  submit (nvme, request, first, n);
  return NVME_PENDING;
}

static uint16_t
write_zeroes (Nvme *nvme, unsigned sq, const NvmeCommand *command)
{
  uint64_t first = first_block (command), n = (command->dw12 & 0xffff) + 1;

  if (!in_range (nvme, first, n))
    return NVME_OUT_OF_RANGE;
  NvmeRequest *request = new_request (nvme, sq, command, BLOCK_WRITE_ZEROES, 0);
  request->block.may_unmap = command->dw12 & ZEROES_MAY_UNMAP;
  request->block.fua = is_write_through (nvme, command);
  submit (nvme, request, first, n);
  return NVME_PENDING;
}

bool
nvme_go_on (Nvme *nvme, NvmeRequest *request)
{
  while (request->next_range < request->n_ranges) {
    const NvmeRange *range = &request->ranges[request->next_range++];
    if (range->n_blocks == 0)
      continue;
    submit (nvme, request, range->first, range->n_blocks);
    return true;
  }
  return false;
}

// All ranges are looked at before the first is given back.
static uint16_t
manage_dataset (Nvme *nvme, unsigned sq, const NvmeCommand *command)
{
  unsigned n = (command->dw10 & 0xff) + 1;
  NvmeRange ranges[RANGES_MAX];
  uint16_t status = nvme_copy (nvme, command, ranges, n * sizeof ranges[0], false);

  for (unsigned i = 0; i < n && status == NVME_OK; i++)
    if (!in_range (nvme, ranges[i].first, ranges[i].n_blocks))
      status = NVME_OUT_OF_RANGE;
  if (status != NVME_OK || !(command->dw11 & DATASET_DEALLOCATE))
    return status;
  NvmeRequest *request = new_request (nvme, sq, command, BLOCK_DISCARD, 0);
  request->ranges = g_memdup2 (ranges, n * sizeof ranges[0]);
  request->n_ranges = n;
  if (nvme_go_on (nvme, request))
    return NVME_PENDING;
  nvme_free_request (nvme, request);
  return NVME_OK;
}

static uint16_t
flush (Nvme *nvme, unsigned sq, const NvmeCommand *command)
{
  if (block_device_is_read_only (nvme->disk))
    return NVME_OK;
  submit (nvme, new_request (nvme, sq, command, BLOCK_FLUSH, 0), 0, 0);
  return NVME_PENDING;
}

uint16_t
nvme_io (Nvme *nvme, unsigned sq, const NvmeCommand *command)
{
  bool writes = command->opcode == OP_WRITE || command->opcode == OP_WRITE_ZEROES ||
                command->opcode == OP_DATASET;

  if (command->nsid != NSID && !(command->opcode == OP_FLUSH && command->nsid == NSID_ALL))
    return NVME_INVALID_NAMESPACE;
  if (writes && block_device_is_read_only (nvme->disk))
    return NVME_WRITE_PROTECTED;
  switch (command->opcode) {
  case OP_FLUSH:
    return flush (nvme, sq, command);
  case OP_WRITE:
  case OP_READ:
    return transfer (nvme, sq, command, command->opcode == OP_WRITE);
  case OP_WRITE_ZEROES:
    return write_zeroes (nvme, sq, command);
  case OP_DATASET:
    return manage_dataset (nvme, sq, command);
  default:
    return NVME_INVALID_OPCODE;
  }
}
