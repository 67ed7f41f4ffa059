// SPDX-License-Identifier: GPL-3.0-or-later
// A guest's program that plays or records by ALSA's own interface to the kernel: no library.
//
//   sound play SECONDS     a tone of 1 kHz on both channels; then how often the device ran dry, and by
//                          how much its position was off the clock (microseconds: median, most)
//   sound record SECONDS   then the tone that was heard most of the time, and how loud it was
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sound/asound.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
  RATE = 48000,
  CHANNELS = 2,
  TONE_HZ = 1000,
  PERIOD = RATE / 50, // frames
  BLOCK = RATE / 4,
  LOOKS_MAX = 100000,
};

static void
fail (const char *what)
{
  printf ("SOUND-FAIL %s: %s\n", what, strerror (errno));
  exit (1);
}

static void
set_mask (struct snd_pcm_hw_params *params, int which, unsigned value)
{
  struct snd_mask *mask = &params->masks[which - SNDRV_PCM_HW_PARAM_FIRST_MASK];

  memset (mask, 0, sizeof *mask);
  mask->bits[value / 32] = 1u << value % 32;
}

static void
set_range (struct snd_pcm_hw_params *params, int which, unsigned min, unsigned max)
{
  struct snd_interval *range = &params->intervals[which - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];

  range->min = min;
  range->max = max;
  range->integer = 1;
}

static unsigned
get_value (const struct snd_pcm_hw_params *params, int which)
{
  return params->intervals[which - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL].min;
}

// The largest buffer there is.
static unsigned
set_up (int fd)
{
  struct snd_pcm_hw_params params = {.rmask = ~0u};

  memset (params.masks, 0xff, sizeof params.masks);
  for (unsigned i = 0; i < sizeof params.intervals / sizeof *params.intervals; i++)
    params.intervals[i].max = ~0u;
  params.info = ~0u;
  set_mask (&params, SNDRV_PCM_HW_PARAM_ACCESS, (unsigned) SNDRV_PCM_ACCESS_RW_INTERLEAVED);
  set_mask (&params, SNDRV_PCM_HW_PARAM_FORMAT, (unsigned) SNDRV_PCM_FORMAT_S16_LE);
  set_range (&params, SNDRV_PCM_HW_PARAM_CHANNELS, CHANNELS, CHANNELS);
  set_range (&params, SNDRV_PCM_HW_PARAM_RATE, RATE, RATE);
  set_range (&params, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, PERIOD / 4, PERIOD / 2);
  if (ioctl (fd, SNDRV_PCM_IOCTL_HW_REFINE, &params) < 0)
    fail ("refine");
  unsigned most =
      params.intervals[SNDRV_PCM_HW_PARAM_BUFFER_SIZE - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL].max;
  most = most < RATE ? most : RATE;
  set_range (&params, SNDRV_PCM_HW_PARAM_BUFFER_SIZE, most / 2, most);
  params.rmask = ~0u;
  if (ioctl (fd, SNDRV_PCM_IOCTL_HW_PARAMS, &params) < 0)
    fail ("parameters");
  printf ("SOUND-BUFFER %u\n", get_value (&params, SNDRV_PCM_HW_PARAM_BUFFER_SIZE));
  return get_value (&params, SNDRV_PCM_HW_PARAM_BUFFER_SIZE);
}

static int
open_device (const char *path)
{
  int fd = -1;

  for (int i = 0; fd < 0 && i < 300; i++) {
    fd = open (path, O_RDWR);
    if (fd < 0)
      usleep (100000);
  }
  if (fd < 0)
    fail (path);
  return fd;
}

// ---- playing --------------------------------------------------------------------------------

static long looks[LOOKS_MAX];
static unsigned n_looks;

static int
compare (const void *a, const void *b)
{
  long x = *(const long *) a, y = *(const long *) b;
  return (x > y) - (x < y);
}

// By how much the position is off what the time since the start says.
static void
look (int fd, unsigned long long written)
{
  struct snd_pcm_status status = {0};
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now); // as the kernel has it for the start
  if (ioctl (fd, SNDRV_PCM_IOCTL_STATUS, &status) < 0 || n_looks == LOOKS_MAX ||
      status.state != SNDRV_PCM_STATE_RUNNING)
    return;
  double seconds = (double) (now.tv_sec - status.trigger_tstamp.tv_sec) +
                   (double) (now.tv_nsec - status.trigger_tstamp.tv_nsec) / 1e9;
  double played = (double) (written - (unsigned long long) status.delay) / RATE;
  if (seconds > 0.2)
    looks[n_looks++] = labs ((long) ((played - seconds) * 1e6));
}

static void
play (unsigned seconds)
{
  int fd = open_device ("/dev/snd/pcmC0D0p");
  unsigned long long at = 0, total = (unsigned long long) seconds * RATE, since_start = 0;
  unsigned xruns = 0;

  set_up (fd);
  if (ioctl (fd, SNDRV_PCM_IOCTL_PREPARE) < 0)
    fail ("prepare");
  while (at < total) {
    short frames[PERIOD * CHANNELS];
    for (unsigned i = 0; i < PERIOD * CHANNELS; i++)
      frames[i] =
          (short) lrint (16000 * sin (2 * M_PI * TONE_HZ * ((at + i / CHANNELS) % RATE) / RATE));
    struct snd_xferi transfer = {.buf = frames, .frames = PERIOD};
    if (ioctl (fd, SNDRV_PCM_IOCTL_WRITEI_FRAMES, &transfer) < 0) {
      if (errno != EPIPE || ioctl (fd, SNDRV_PCM_IOCTL_PREPARE) < 0)
        fail ("write");
      xruns++;
      since_start = 0;
      continue;
    }
    at += PERIOD;
    since_start += PERIOD;
    look (fd, since_start);
  }
  if (ioctl (fd, SNDRV_PCM_IOCTL_DRAIN) < 0)
    fail ("drain");
  qsort (looks, n_looks, sizeof *looks, compare);
  printf ("SOUND-PLAYED xruns=%u looks=%u off=%ld most=%ld\n", xruns, n_looks,
          n_looks > 0 ? looks[n_looks / 2] : -1, n_looks > 0 ? looks[n_looks - 1] : -1);
}

// ---- recording ------------------------------------------------------------------------------

// Of one block, by the moments at which it rises through zero; 0: it never does twice.
static double
get_tone (const short *frames)
{
  double first = -1, last = -1;
  unsigned n = 0;

  for (unsigned i = 1; i < BLOCK; i++) {
    int a = frames[(i - 1) * CHANNELS], b = frames[i * CHANNELS];
    if (a >= 0 || b < 0)
      continue;
    last = i - 1 + (double) -a / (b - a);
    first = first < 0 ? last : first;
    n++;
  }
  return n > 1 ? (n - 1) * (double) RATE / (last - first) : 0;
}

static int
compare_tones (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

static void
record (unsigned seconds)
{
  static short frames[BLOCK * CHANNELS];
  static double tones[1000];
  int fd = open_device ("/dev/snd/pcmC0D0c");
  unsigned n = 0, xruns = 0;
  int peak = 0;

  set_up (fd);
  if (ioctl (fd, SNDRV_PCM_IOCTL_PREPARE) < 0)
    fail ("prepare");
  while (n < seconds * RATE / BLOCK && n < 1000) {
    struct snd_xferi transfer = {.buf = frames, .frames = BLOCK};
    if (ioctl (fd, SNDRV_PCM_IOCTL_READI_FRAMES, &transfer) < 0) {
      if (errno != EPIPE || ioctl (fd, SNDRV_PCM_IOCTL_PREPARE) < 0 || xruns++ > 100)
        fail ("read");
      continue;
    }
    tones[n++] = get_tone (frames);
    for (unsigned i = 0; i < BLOCK * CHANNELS; i++)
      peak = abs (frames[i]) > peak ? abs (frames[i]) : peak;
  }
  qsort (tones, n, sizeof *tones, compare_tones);
  printf ("SOUND-RECORDED xruns=%u hz=%.2f peak=%d\n", xruns, tones[n / 2], peak);
}

int
main (int argc, char **argv)
{
  if (argc != 3)
    return 2;
  if (strcmp (argv[1], "play") == 0)
    play ((unsigned) atoi (argv[2]));
  else
    record ((unsigned) atoi (argv[2]));
  return 0;
}
