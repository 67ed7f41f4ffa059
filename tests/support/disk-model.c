// SPDX-License-Identifier: GPL-3.0-or-later
// A plain copy of a disk; see disk-model.h. One thread.
#include "tests/support/disk-model.h"

#include <errno.h>
#include <string.h>

enum {
  READ_BYTES = 1 << 20,
};

// splitmix64
uint64_t
disk_model_random (DiskModel *model)
{
  uint64_t z = model->random += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

DiskModel *
disk_model_new (uint64_t size_bytes, uint64_t cluster_bytes, uint64_t seed)
{
  DiskModel *model = g_new0 (DiskModel, 1);
  model->size_bytes = size_bytes;
  model->cluster_bytes = cluster_bytes;
  model->bytes = g_malloc0 (size_bytes);
  model->undefined = g_malloc0 (size_bytes / BLOCK_SECTOR_BYTES);
  model->random = seed;
  return model;
}

void
disk_model_free (DiskModel *model)
{
  g_free (model->bytes);
  g_free (model->undefined);
  g_free (model);
}

static uint64_t
sectors (uint64_t bytes)
{
  return bytes & ~(uint64_t) (BLOCK_SECTOR_BYTES - 1);
}

DiskOp
disk_model_next (DiskModel *model)
{
  static const uint8_t ops[16] = {
      BLOCK_READ,    BLOCK_READ,    BLOCK_WRITE,        BLOCK_WRITE,
      BLOCK_WRITE,   BLOCK_WRITE,   BLOCK_WRITE,        BLOCK_WRITE,
      BLOCK_WRITE,   BLOCK_WRITE,   BLOCK_WRITE_ZEROES, BLOCK_WRITE_ZEROES,
      BLOCK_DISCARD, BLOCK_DISCARD, BLOCK_FLUSH,        BLOCK_FLUSH,
  };
  uint64_t r = disk_model_random (model), cluster = model->cluster_bytes;
  uint64_t shape = r >> 8 & 3, longest = shape == 3 ? 40 * cluster : 3 * cluster;
  DiskOp op = {.op = ops[r & 15], .seed = (uint8_t) (r >> 16), .may_unmap = r >> 24 & 1};
  if (op.op == BLOCK_FLUSH)
    return op;
  op.offset = disk_model_random (model) % model->size_bytes;
  op.offset = shape == 0 ? op.offset / cluster * cluster : sectors (op.offset);
  op.length = 1 + disk_model_random (model) % longest;
  op.length = shape == 0 ? (op.length + cluster - 1) / cluster * cluster
                         : sectors (op.length + BLOCK_SECTOR_BYTES - 1);
  op.length = MIN (op.length, model->size_bytes - op.offset);
  return op;
}

static void
fill (uint8_t *to, const DiskOp *op)
{
  for (uint64_t i = 0; i < op->length; i++)
    to[i] = (uint8_t) (op->seed + i * 7 + (i >> 9) * 31 + 1);
}

static bool
is_same (const DiskModel *model, const uint8_t *bytes, uint64_t offset, uint64_t length,
         uint64_t *where)
{
  for (uint64_t at = 0; at < length; at += BLOCK_SECTOR_BYTES)
    if (!model->undefined[(offset + at) / BLOCK_SECTOR_BYTES] &&
        memcmp (bytes + at, model->bytes + offset + at, BLOCK_SECTOR_BYTES) != 0) {
      *where = offset + at;
      return false;
    }
  return true;
}

// Where the format says a part lies without being asked to transfer it.
static int
read_mapped (const BlockImage *image, uint8_t *to, uint64_t offset, uint64_t length)
{
  BlockMapping mapping;
  if (image->ops->map == NULL || !image->ops->map (image->driver, false, offset, length, &mapping))
    return EAGAIN;
  const struct iovec iov = {to, length};
  memset (to, 0, length);
  int error =
      mapping.file != NULL ? block_file_readv_padded (mapping.file, &iov, 1, mapping.offset) : 0;
  image->ops->unmap (image->driver, &mapping);
  return error;
}

static bool
mappings_are_same (DiskModel *model, const BlockImage *image, const DiskOp *op, uint8_t *buffer)
{
  uint64_t length, where;
  for (uint64_t at = op->offset, end = at + op->length; at < end; at += length) {
    length = MIN (model->cluster_bytes - at % model->cluster_bytes, end - at);
    int error = read_mapped (image, buffer, at, length);
    if (error != EAGAIN && (error != 0 || !is_same (model, buffer, at, length, &where)))
      return false;
  }
  return true;
}

// EAGAIN: the format does not say where it lies.
static int
write_mapped (const BlockImage *image, const struct iovec *iov, unsigned n_iov, const DiskOp *op)
{
  BlockMapping mapping;
  if (image->ops->map == NULL ||
      !image->ops->map (image->driver, true, op->offset, op->length, &mapping))
    return EAGAIN;
  int error = block_file_writev (mapping.file, iov, n_iov, mapping.offset);
  image->ops->unmap (image->driver, &mapping);
  return error;
}

int
disk_model_do (DiskModel *model, const BlockImage *image, const DiskOp *op)
{
  bool transfers = op->op == BLOCK_READ || op->op == BLOCK_WRITE;
  g_autofree uint8_t *buffer = transfers ? g_malloc (op->length) : NULL;
  // Three pieces, so that pieces are used.
  uint64_t a = op->length / 3, b = op->length / 2;
  struct iovec iov[] = {{buffer, a}, {buffer + a, b - a}, {buffer + b, op->length - b}};
  uint64_t where;
  int error;
  switch (op->op) {
  case BLOCK_READ:
    error = image->ops->read (image->driver, iov, 3, op->offset);
    if (error == 0 && (!is_same (model, buffer, op->offset, op->length, &where) ||
                       !mappings_are_same (model, image, op, buffer)))
      return EBADMSG;
    return error;
  case BLOCK_WRITE:
    fill (buffer, op);
    error = write_mapped (image, iov, 3, op);
    if (error != EAGAIN)
      return error;
    return image->ops->write (image->driver, iov, 3, op->offset);
  case BLOCK_WRITE_ZEROES:
    return image->ops->write_zeroes (image->driver, op->offset, op->length, op->may_unmap);
  case BLOCK_DISCARD:
    return image->ops->discard (image->driver, op->offset, op->length);
  case BLOCK_FLUSH:
    return image->ops->flush (image->driver);
  }
  return EINVAL;
}

void
disk_model_apply (DiskModel *model, const DiskOp *op)
{
  if (op->op == BLOCK_WRITE)
    fill (model->bytes + op->offset, op);
  else if (op->op == BLOCK_WRITE_ZEROES)
    memset (model->bytes + op->offset, 0, op->length);
  else if (op->op != BLOCK_DISCARD)
    return;
  memset (model->undefined + op->offset / BLOCK_SECTOR_BYTES, op->op == BLOCK_DISCARD,
          op->length / BLOCK_SECTOR_BYTES);
}

static int
read_at (const BlockImage *image, uint8_t *to, uint64_t offset, uint64_t length)
{
  struct iovec iov = {to, length};
  return image->ops->read (image->driver, &iov, 1, offset);
}

uint64_t
disk_model_compare (DiskModel *model, const BlockImage *image)
{
  g_autofree uint8_t *bytes = g_malloc (READ_BYTES);
  uint64_t where;
  for (uint64_t at = 0; at < model->size_bytes; at += READ_BYTES) {
    uint64_t length = MIN (READ_BYTES, model->size_bytes - at);
    if (read_at (image, bytes, at, length) != 0)
      return at;
    if (!is_same (model, bytes, at, length, &where))
      return where;
  }
  return model->size_bytes;
}

bool
disk_model_settle (DiskModel *model, const BlockImage *image)
{
  uint64_t n = model->size_bytes / BLOCK_SECTOR_BYTES;
  for (uint64_t i = 0; i < n; i++) {
    if (!model->undefined[i])
      continue;
    if (read_at (image, model->bytes + i * BLOCK_SECTOR_BYTES, i * BLOCK_SECTOR_BYTES,
                 BLOCK_SECTOR_BYTES) != 0)
      return false;
    model->undefined[i] = 0;
  }
  return true;
}
