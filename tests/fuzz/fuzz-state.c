// SPDX-License-Identifier: GPL-3.0-or-later
// Saved state as hostile input. A machine does something, is saved, the state is damaged (field by
// field, with its checksum made right again) and loaded into a fresh machine: it is refused with a
// reason, or the machine can be used, saved and loaded once more.
#include <zlib.h>

#include "tests/fuzz/machine.h"

enum {
  STEPS_MAX = 30,
  STEPS_AFTER_MAX = 20,
  MUTATIONS_MAX = 6,
  FILES = 10,
  SECTIONS_MAX = 64,
  HEADER_BYTES = 24, // magic, version, checksum, length
  CHECKSUM = 12,
  LENGTH = 16,
};

// Where a section's contents are. Its length is in the eight bytes before.
typedef struct Section {
  size_t at, length;
} Section;

static uint64_t
peek (const uint8_t *p, unsigned size)
{
  uint64_t value = 0;

  memcpy (&value, p, size);
  return GUINT64_FROM_LE (value);
}

// Those that are whole, from the start.
static unsigned
find_sections (const GByteArray *state, Section sections[SECTIONS_MAX])
{
  unsigned n = 0;

  for (size_t at = HEADER_BYTES; at < state->len && n < SECTIONS_MAX; n++) {
    at += 1 + state->data[at] + 4 + 8;
    if (at > state->len || peek (state->data + at - 8, 8) > state->len - at)
      break;
    sections[n] = (Section){at, peek (state->data + at - 8, 8)};
    at += sections[n].length;
  }
  return n;
}

// ---- damage ---------------------------------------------------------------------------------

// One field: any bytes, or a value at the edge of what fits.
static void
change_field (FuzzInput *in, uint8_t *at, size_t room)
{
  static const uint64_t edges[] = {0,          1,          2,         0x7f,       0x80,
                                   0xff,       0x7fff,     0x8000,    0xffff,     0x7fffffff,
                                   0x80000000, 0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX};
  unsigned size = 1u << fuzz_below (in, 4), i = fuzz_below (in, G_N_ELEMENTS (edges) + 8);
  uint64_t value = i < G_N_ELEMENTS (edges) ? edges[i] : fuzz_number (in, 8);

  if (i >= G_N_ELEMENTS (edges) + 4) // near the old one
    value = peek (at, MIN (size, room)) + fuzz_below (in, 5) - 2;
  value = GUINT64_TO_LE (value);
  memcpy (at, &value, MIN (size, room));
}

// Bytes go or come; the section's length follows, sometimes.
static void
change_length (FuzzInput *in, GByteArray *state, const Section *section)
{
  size_t at = section->at + fuzz_number (in, 3) % (section->length + 1);
  unsigned n = 1 + fuzz_below (in, 16);
  uint64_t length = section->length;

  if (fuzz_below (in, 2) == 0) {
    n = (unsigned) MIN (n, section->at + section->length - at);
    g_byte_array_remove_range (state, (guint) at, n);
    length -= n;
  } else {
    size_t old = state->len;
    g_byte_array_set_size (state, (guint) (old + n));
    memmove (state->data + at + n, state->data + at, old - at);
    memset (state->data + at, (int) fuzz_number (in, 1), n);
    length += n;
  }
  length = GUINT64_TO_LE (length);
  if (fuzz_below (in, 4) != 0)
    memcpy (state->data + section->at - 8, &length, 8);
}

static void
damage_once (FuzzInput *in, GByteArray *state)
{
  Section sections[SECTIONS_MAX];
  unsigned n = find_sections (state, sections);
  const Section *section = &sections[fuzz_below (in, MAX (n, 1))];

  if (n == 0)
    return;
  size_t end = section->at + section->length, at;

  switch (fuzz_below (in, 16)) {
  case 0:
    change_length (in, state, section);
    break;
  case 1: // its head
    at = section->at - 1 - fuzz_below (in, 13);
    state->data[at] = (uint8_t) fuzz_number (in, 1);
    break;
  case 2:
    g_byte_array_set_size (state, (guint) (fuzz_number (in, 4) % (state->len + 1)));
    break;
  default:
    if (section->length == 0)
      break;
    at = section->at + fuzz_number (in, 3) % section->length;
    change_field (in, state->data + at, end - at);
    break;
  }
}

static void
seal (GByteArray *state)
{
  if (state->len < HEADER_BYTES)
    return;
  size_t length = state->len - HEADER_BYTES;
  uint32_t sum = GUINT32_TO_LE ((uint32_t) crc32_z (0, state->data + HEADER_BYTES, length));
  uint64_t stored = GUINT64_TO_LE ((uint64_t) length);

  memcpy (state->data + CHECKSUM, &sum, sizeof sum);
  memcpy (state->data + LENGTH, &stored, sizeof stored);
}

static GBytes *
damage (FuzzInput *in, GBytes *bytes)
{
  size_t length;
  const void *data = g_bytes_get_data (bytes, &length);
  GByteArray *state = g_byte_array_new ();

  g_byte_array_append (state, data, (guint) length);
  for (unsigned i = 1 + fuzz_below (in, MUTATIONS_MAX); i > 0 && state->len > HEADER_BYTES; i--) {
    damage_once (in, state);
    if (i > 1 && fuzz_below (in, 4) != 0)
      break; // mostly few: the first that is refused ends it
  }
  seal (state);
  return g_byte_array_free_to_bytes (state);
}

// ---- machines -------------------------------------------------------------------------------

static GBytes *
save (FuzzMachine *fm)
{
  g_autoptr (GError) error = NULL;
  GBytes *state = vm_save (fm->vm, &error);

  if (state == NULL)
    g_error ("save: %s", error->message);
  return state;
}

// A machine that did what the input says, saved.
static GBytes *
make_state (FuzzInput *in)
{
  static FuzzMachine *fm;
  g_autoptr (GError) error = NULL;
  bool first = fm == NULL;

  if (first)
    fm = fuzz_machine_new (2, FUZZ_PARKED);
  if (first ? !vm_start (fm->vm, &error) : !vm_reset (fm->vm, &error))
    g_error ("start: %s", error->message);
  if (!first)
    vm_resume (fm->vm);
  for (unsigned i = fuzz_below (in, STEPS_MAX); i > 0; i--)
    fuzz_machine_step (fm, in);
  vm_pause (fm->vm);
  return save (fm);
}

// The heir of a state; NULL when it was refused, which only damaged ones are. A machine that refused
// one can be asked again.
static FuzzMachine *
load (GBytes *state, bool must)
{
  static FuzzMachine *refused;
  g_autoptr (GError) error = NULL;
  FuzzMachine *fm =
      refused != NULL ? g_steal_pointer (&refused) : fuzz_machine_new (2, FUZZ_PARKED);

  if (vm_load (fm->vm, state, &error))
    return fm;
  if (must || error == NULL)
    g_error ("load: %s", error != NULL ? error->message : "no reason");
  refused = fm;
  return NULL;
}

// Ends the program with where they differ first.
static void
fail_different (GBytes *first, GBytes *second)
{
  const uint8_t *a = g_bytes_get_data (first, NULL), *b = g_bytes_get_data (second, NULL);
  size_t length = MIN (g_bytes_get_size (first), g_bytes_get_size (second));
  size_t at = HEADER_BYTES, from = HEADER_BYTES, next = HEADER_BYTES;

  while (at < length && a[at] == b[at])
    at++;
  while (next <= at && next < length) {
    from = next;
    next += 1 + a[next] + 4 + 8;
    next += next <= length ? peek (a + next - 8, 8) : 0;
  }
  g_error ("the state is not the same after a load: section %.*s, %zu bytes from its start",
           from < length ? (int) a[from] : 0, (const char *) a + from + 1, at - from);
}

// What was loaded can be saved, and then comes back the same. The first load may repair it, and
// lets keys go that were held. Once something may come in between: the clock's alarm, for the time of
// day goes on.
static void
check_heir (FuzzMachine *fm)
{
  g_autoptr (GBytes) before = save (fm);

  for (unsigned i = 0;; i++) {
    FuzzMachine *heir = load (before, true);
    g_autoptr (GBytes) after = save (heir);

    fuzz_machine_free (heir);
    if (g_bytes_equal (before, after))
      return;
    if (i == 1)
      fail_different (before, after);
    g_bytes_unref (before);
    before = g_steal_pointer (&after);
  }
}

static void
go_on (FuzzMachine *fm, FuzzInput *in, bool thorough)
{
  if (thorough)
    check_heir (fm);
  vm_resume (fm->vm);
  for (unsigned i = fuzz_below (in, STEPS_AFTER_MAX); i > 0; i--)
    fuzz_machine_step (fm, in);
  vm_pause (fm->vm);
  fuzz_machine_free (fm);
}

// Ten files of one state, the first sometimes whole.
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {.data = data, .left = size};

  fuzz_make_warnings_fatal ();
  g_autoptr (GBytes) made = make_state (&in);
  for (unsigned i = 0; i < FILES; i++) {
    bool whole = i == 0 && fuzz_below (&in, 4) == 0;
    bool thorough = whole || fuzz_below (&in, 8) == 0;
    g_autoptr (GBytes) state = whole ? g_bytes_ref (made) : damage (&in, made);
    FuzzMachine *fm = load (state, whole);

    if (fm != NULL)
      go_on (fm, &in, thorough);
  }
  return 0;
}
