// SPDX-License-Identifier: GPL-3.0-or-later
// The transform between widget and guest pixels: where the picture lies, and that what is drawn
// and what is clicked agree.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "display/transform.h"

typedef struct Place {
  int widget_width, widget_height, device_scale;
  unsigned frame_width, frame_height;
  int x, y, width, height; // expected, device pixels
  bool exact;
} Place;

static const Place places[] = {
    {800, 600, 1, 800, 600, 0, 0, 800, 600, true},       // as large as the window
    {804, 606, 1, 800, 600, 2, 3, 800, 600, true},       // a little smaller: not blurred
    {800, 600, 2, 800, 600, 0, 0, 1600, 1200, true},     // 200 %: two by two
    {400, 300, 2, 800, 600, 0, 0, 800, 600, true},       // the guest draws every device pixel
    {1000, 750, 1, 800, 600, 0, 0, 1000, 750, false},    // fits at 1.25
    {1700, 1250, 1, 800, 600, 50, 25, 1600, 1200, true}, // doubled, a little room left
    {400, 600, 1, 800, 600, 0, 150, 400, 300, false},    // too narrow: aspect kept
    {900, 300, 1, 800, 600, 250, 0, 400, 300, false},    // too low
    {10, 10, 1, 16384, 1, 0, 4, 10, 1, false},           // never thinner than a pixel
    {0, 0, 1, 800, 600, 0, 0, 0, 0, false},              // not laid out yet
    {800, 600, 1, 0, 0, 0, 0, 0, 0, false},              // nothing shown
    {801, 601, 1, 640, 400, 0, 50, 801, 501, false},
};

static void
test_places (void **state)
{
  for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
    const Place *p = &places[i];
    DisplayTransform t;
    display_transform_init (&t, p->widget_width, p->widget_height, p->device_scale, p->frame_width,
                            p->frame_height);
    if (t.x != p->x || t.y != p->y || t.width != p->width || t.height != p->height ||
        t.exact != p->exact)
      fail_msg ("row %u: %d,%d %dx%d exact %d", i, t.x, t.y, t.width, t.height, t.exact);
  }
}

// The middle of each guest pixel, drawn, is under the pointer that is sent there.
static void
test_round_trip (void **state)
{
  for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
    const Place *p = &places[i];
    DisplayTransform t;
    display_transform_init (&t, p->widget_width, p->widget_height, p->device_scale, p->frame_width,
                            p->frame_height);
    for (unsigned guest = 0; guest < p->frame_width && t.width > 0; guest += 7) {
      double device = t.x + (guest + 0.5) * t.width / p->frame_width;
      double x, y, middle = (t.y + t.height / 2.0) / p->device_scale;
      bool inside = display_transform_to_guest (&t, device / p->device_scale, middle, &x, &y);
      assert_true (inside);
      assert_int_equal ((unsigned) x, guest);
      assert_in_range ((unsigned) y, 0, p->frame_height - 1);
    }
  }
}

static void
test_outside (void **state)
{
  DisplayTransform t;
  double x, y;

  display_transform_init (&t, 400, 600, 1, 800, 600);
  assert_false (display_transform_to_guest (&t, 200, 100, &x, &y)); // the bar above
  assert_int_equal ((int) x, 400);
  assert_int_equal ((int) y, 0);
  assert_false (display_transform_to_guest (&t, 9999, 9999, &x, &y));
  assert_int_equal ((int) x, 799);
  assert_int_equal ((int) y, 599);
  assert_false (display_transform_to_guest (&t, -5, 300, &x, &y));
  assert_int_equal ((int) x, 0);

  display_transform_init (&t, 400, 600, 1, 0, 0);
  assert_false (display_transform_to_guest (&t, 1, 1, &x, &y));
}

static void
test_scale (void **state)
{
  DisplayTransform t;

  display_transform_init (&t, 800, 600, 2, 800, 600);
  assert_true (display_transform_get_scale (&t) == 1);
  display_transform_init (&t, 400, 300, 1, 800, 600);
  assert_true (display_transform_get_scale (&t) == 0.5);
  display_transform_init (&t, 400, 300, 1, 0, 0);
  assert_true (display_transform_get_scale (&t) == 1);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_places),
      cmocka_unit_test (test_round_trip),
      cmocka_unit_test (test_outside),
      cmocka_unit_test (test_scale),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
