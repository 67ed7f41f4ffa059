// SPDX-License-Identifier: GPL-3.0-or-later
// PID 1 of the DRM test's guest: loads the modules, prints the connector's preferred mode each
// time it changes, and shows a cursor on the cursor plane. Lines for the host:
//   DRM-MODE WxH       the first mode of the connector, at start and after each hotplug event
//   DRM-CURSOR         a 64x64 cursor was set and moved to 123,45
//   DRM-FAIL reason
#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
fail (const char *what)
{
  printf ("DRM-FAIL %s: %s\n", what, strerror (errno));
  fflush (stdout);
  reboot (RB_POWER_OFF);
  exit (1);
}

static void
load_modules (void)
{
  char line[256], path[300];
  FILE *order = fopen ("/mod/order", "r");

  if (order == NULL)
    fail ("/mod/order");
  while (fgets (line, sizeof line, order) != NULL) {
    int fd;

    line[strcspn (line, "\n")] = '\0';
    snprintf (path, sizeof path, "/mod/%s", line);
    fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || syscall (SYS_finit_module, fd, "", 0) != 0)
      printf ("module %s: %s\n", line, strerror (errno));
    close (fd);
  }
  fclose (order);
}

typedef struct Kms {
  int fd;
  uint32_t connector, crtc;
  struct drm_mode_modeinfo mode;
} Kms;

static void
find_outputs (Kms *kms)
{
  uint32_t connectors[8], crtcs[8];
  struct drm_mode_card_res res = {.connector_id_ptr = (uintptr_t) connectors,
                                  .crtc_id_ptr = (uintptr_t) crtcs,
                                  .count_connectors = 8,
                                  .count_crtcs = 8};

  if (ioctl (kms->fd, DRM_IOCTL_MODE_GETRESOURCES, &res) != 0 || res.count_connectors < 1)
    fail ("GETRESOURCES");
  kms->connector = connectors[0];
  kms->crtc = crtcs[0];
}

static void
read_mode (Kms *kms)
{
  static struct drm_mode_modeinfo modes[256];
  struct drm_mode_get_connector get = {.connector_id = kms->connector};

  // The first call makes the kernel probe, the second copies.
  if (ioctl (kms->fd, DRM_IOCTL_MODE_GETCONNECTOR, &get) != 0)
    fail ("GETCONNECTOR");
  get =
      (struct drm_mode_get_connector){.connector_id = kms->connector,
                                      .modes_ptr = (uintptr_t) modes,
                                      .count_modes = get.count_modes < 256 ? get.count_modes : 256};
  if (ioctl (kms->fd, DRM_IOCTL_MODE_GETCONNECTOR, &get) != 0 || get.count_modes == 0)
    fail ("modes");
  kms->mode = modes[0];
  for (unsigned i = 0; i < get.count_modes && i < 256; i++) {
    if (modes[i].type & DRM_MODE_TYPE_PREFERRED) {
      kms->mode = modes[i];
      break;
    }
  }
  printf ("DRM-MODE %ux%u\n", kms->mode.hdisplay, kms->mode.vdisplay);
  fflush (stdout);
}

// A dumb buffer filled with one colour; its handle.
static uint32_t
make_buffer (Kms *kms, unsigned width, unsigned height, uint32_t colour, uint32_t *pitch)
{
  struct drm_mode_create_dumb create = {.width = width, .height = height, .bpp = 32};
  struct drm_mode_map_dumb map = {0};
  uint32_t *pixels;

  if (ioctl (kms->fd, DRM_IOCTL_MODE_CREATE_DUMB, &create) != 0)
    fail ("CREATE_DUMB");
  map.handle = create.handle;
  if (ioctl (kms->fd, DRM_IOCTL_MODE_MAP_DUMB, &map) != 0)
    fail ("MAP_DUMB");
  pixels = mmap (NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, kms->fd, map.offset);
  if (pixels == MAP_FAILED)
    fail ("mmap");
  for (size_t i = 0; i < create.size / 4; i++)
    pixels[i] = colour;
  munmap (pixels, create.size);
  *pitch = create.pitch;
  return create.handle;
}

static void
show_picture (Kms *kms)
{
  uint32_t pitch, handle;
  struct drm_mode_fb_cmd fb = {
      .width = kms->mode.hdisplay, .height = kms->mode.vdisplay, .bpp = 32, .depth = 24};
  struct drm_mode_crtc crtc = {.crtc_id = kms->crtc,
                               .set_connectors_ptr = (uintptr_t) &kms->connector,
                               .count_connectors = 1,
                               .mode_valid = 1,
                               .mode = kms->mode};

  handle = make_buffer (kms, fb.width, fb.height, 0x00336699, &pitch);
  fb.handle = handle;
  fb.pitch = pitch;
  if (ioctl (kms->fd, DRM_IOCTL_MODE_ADDFB, &fb) != 0)
    fail ("ADDFB");
  crtc.fb_id = fb.fb_id;
  if (ioctl (kms->fd, DRM_IOCTL_MODE_SETCRTC, &crtc) != 0)
    fail ("SETCRTC");
}

static void
show_cursor (Kms *kms)
{
  uint32_t pitch;
  struct drm_mode_cursor2 cursor = {.flags = DRM_MODE_CURSOR_BO,
                                    .crtc_id = kms->crtc,
                                    .width = 64,
                                    .height = 64,
                                    .hot_x = 5,
                                    .hot_y = 7};

  cursor.handle = make_buffer (kms, 64, 64, 0xff20c040, &pitch);
  if (ioctl (kms->fd, DRM_IOCTL_MODE_CURSOR2, &cursor) != 0)
    fail ("CURSOR2 bo");
  cursor.flags = DRM_MODE_CURSOR_MOVE;
  cursor.x = 123;
  cursor.y = 45;
  if (ioctl (kms->fd, DRM_IOCTL_MODE_CURSOR2, &cursor) != 0)
    fail ("CURSOR2 move");
  printf ("DRM-CURSOR\n");
  fflush (stdout);
}

int
main (void)
{
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
  Kms kms = {.fd = -1};
  char event[4096];
  int uevents;

  mount ("dev", "/dev", "devtmpfs", 0, NULL);
  mount ("proc", "/proc", "proc", 0, NULL);
  mount ("sys", "/sys", "sysfs", 0, NULL);
  freopen ("/dev/console", "w", stdout);
  uevents = socket (AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
  if (uevents < 0 || bind (uevents, (struct sockaddr *) &address, sizeof address) != 0)
    fail ("uevents");
  load_modules ();
  kms.fd = open ("/dev/dri/card0", O_RDWR | O_CLOEXEC);
  if (kms.fd < 0)
    fail ("/dev/dri/card0");
  find_outputs (&kms);
  read_mode (&kms);
  show_picture (&kms);
  show_cursor (&kms);
  for (;;) {
    ssize_t n = recv (uevents, event, sizeof event - 1, 0);

    if (n <= 0)
      fail ("uevent");
    for (char *p = event; p < event + n; p += strlen (p) + 1) {
      event[n] = '\0';
      if (strcmp (p, "HOTPLUG=1") == 0)
        read_mode (&kms);
    }
  }
}
