// SPDX-License-Identifier: GPL-3.0-or-later
/* iobench DEVICE: O_DIRECT throughput of a block device, own code, raw Linux aio.
 * Writes to the device. Each test runs about -t seconds (default 3). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}
static uint64_t rs = 1;
static uint64_t
rnd (void)
{
  rs ^= rs << 13;
  rs ^= rs >> 7;
  rs ^= rs << 17;
  return rs;
}
static void
test (int fd, uint64_t size, const char *name, int wr, int rand, size_t bs, int qd, double T)
{
  static char *buf;
  aio_context_t ctx = 0;
  struct iocb cb[64], *pp;
  struct io_event ev[64];
  if (!buf && posix_memalign ((void **) &buf, 4096, 64 << 20))
    exit (1);
  memset (buf, 0x5a, bs * qd);
  printf ("START %s\n", name);
  fflush (stdout);
  if (syscall (SYS_io_setup, 64, &ctx)) {
    perror ("io_setup");
    exit (1);
  }
  uint64_t nb = size / bs, pos = 0, done = 0;
  double t0 = now (), t;
  int infl = 0, stop = 0;
  for (int i = 0; i < qd; i++) {
    memset (&cb[i], 0, sizeof cb[i]);
    cb[i].aio_data = i;
  }
  int nextfree[64], nf = 0;
  for (int i = 0; i < qd; i++)
    nextfree[nf++] = i;
  for (;;) {
    while (nf && !stop) {
      int i = nextfree[--nf];
      uint64_t blk = rand ? rnd () % nb : pos++ % nb;
      cb[i].aio_fildes = fd;
      cb[i].aio_lio_opcode = wr ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
      cb[i].aio_buf = (uintptr_t) (buf + bs * i);
      cb[i].aio_nbytes = bs;
      cb[i].aio_offset = blk * bs;
      pp = &cb[i];
      if (syscall (SYS_io_submit, ctx, 1, &pp) != 1) {
        perror ("io_submit");
        exit (1);
      }
      infl++;
    }
    if (!infl)
      break;
    long n = syscall (SYS_io_getevents, ctx, 1, 64, ev, 0);
    if (n < 0) {
      perror ("io_getevents");
      exit (1);
    }
    for (long k = 0; k < n; k++) {
      if (ev[k].res != (int64_t) bs) {
        fprintf (stderr, "IO error %lld\n", (long long) ev[k].res);
        exit (1);
      }
      done++;
      infl--;
      nextfree[nf++] = ev[k].data;
    }
    if (now () - t0 >= T)
      stop = 1;
  }
  if (wr)
    fsync (fd);
  t = now () - t0;
  if (rand)
    printf ("BENCH %s %.6g IOPS secs=%.3f n=%llu\n", name, done / t, t, (unsigned long long) done);
  else
    printf ("BENCH %s %.6g MB/s secs=%.3f n=%llu\n", name, done * bs / t / 1e6, t,
            (unsigned long long) done);
  fflush (stdout);
  syscall (SYS_io_destroy, ctx);
}
int
main (int argc, char **argv)
{
  double T = 3;
  const char *dev = 0;
  for (int i = 1; i < argc; i++)
    if (!strcmp (argv[i], "-t"))
      T = atof (argv[++i]);
    else
      dev = argv[i];
  if (!dev) {
    fprintf (stderr, "iobench [-t secs] DEVICE-OR-FILE\n");
    return 2;
  }
  int fd = open (dev, O_RDWR | O_DIRECT);
  uint64_t size = 0;
  if (fd < 0) {
    perror (dev);
    return 1;
  }
  if (ioctl (fd, BLKGETSIZE64, &size))
    size = lseek (fd, 0, SEEK_END);
  test (fd, size, "io.seqwrite-1M", 1, 0, 1 << 20, 4, T);
  test (fd, size, "io.seqread-1M", 0, 0, 1 << 20, 4, T);
  test (fd, size, "io.randread-4k-qd1", 0, 1, 4096, 1, T);
  test (fd, size, "io.randread-4k-qd16", 0, 1, 4096, 16, T);
  test (fd, size, "io.randwrite-4k-qd1", 1, 1, 4096, 1, T);
  test (fd, size, "io.randwrite-4k-qd16", 1, 1, 4096, 16, T);
  return 0;
}
