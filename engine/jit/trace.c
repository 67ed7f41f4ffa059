// SPDX-License-Identifier: GPL-3.0-or-later
// See trace.h. The map is /tmp/perf-PID.map, as perf's documentation has it: address, size, name.
#include "engine/jit/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 160, CODE_IN_LINE = 32 };

struct JitTrace {
  int map, dump; // descriptors, -1: not wanted
};

static int
open_file (const char *path, GError **error)
{
  int fd = g_open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0) {
    int saved = errno;
    g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (saved),
                 _ ("“%s” cannot be written: %s."), path, g_strerror (saved));
  }
  return fd;
}

bool
jit_trace_open (const JitConfig *config, JitTrace **trace, GError **error)
{
  g_autofree char *map = g_strdup_printf ("/tmp/perf-%d.map", (int) getpid ());
  bool ok = true;

  *trace = NULL;
  if (!config->perf_map && config->dump == NULL)
    return true;
  *trace = g_new (JitTrace, 1);
  **trace = (JitTrace){.map = -1, .dump = -1};
  if (config->perf_map)
    ok = ((*trace)->map = open_file (map, error)) >= 0;
  if (ok && config->dump != NULL)
    ok = ((*trace)->dump = open_file (config->dump, error)) >= 0;
  return ok;
}

void
jit_trace_close (JitTrace *trace)
{
  if (trace == NULL)
    return;
  if (trace->map >= 0)
    close (trace->map);
  if (trace->dump >= 0)
    close (trace->dump);
  g_free (trace);
}

// One call a region, so that those of several CPUs do not mix. Lost where there is no room.
static void
put (int fd, const GString *text)
{
  ssize_t written = write (fd, text->str, text->len);

  (void) written;
}

static void
append_words (GString *text, const JitTraced *traced)
{
  for (unsigned i = 0; i < traced->ir->n_spans; i++) {
    const IrSpan *span = &traced->ir->spans[i];

    for (unsigned at = 0; at < span->bytes; at += 4) {
      uint32_t word;

      memcpy (&word, traced->page + span->offset + at, sizeof word);
      g_string_append_printf (text, "guest %03x %08x\n", span->offset + at, word);
    }
  }
}

static void
append_uops (GString *text, const IrRegion *ir)
{
  char line[LINE_BYTES];

  for (unsigned i = 0; i < ir->n_uops; i++) {
    ir_print_uop (&ir->uops[i], line, sizeof line);
    g_string_append_printf (text, "uop %03x %s\n", ir->uops[i].pc_off, line);
  }
}

static void
append_code (GString *text, const JitTraced *traced)
{
  for (size_t i = 0; i < traced->bytes; i++) {
    if (i % CODE_IN_LINE == 0)
      g_string_append_printf (text, "%shost", i != 0 ? "\n" : "");
    g_string_append_printf (text, " %02x", traced->written[i]);
  }
  g_string_append_c (text, '\n');
}

static void
put_name (const JitTrace *trace, GString *text, const JitTraced *traced)
{
  if (trace->map < 0)
    return;
  g_string_printf (text, "%" G_GINTPTR_MODIFIER "x %zx guest:%" G_GINT64_MODIFIER "x/%x\n",
                   (uintptr_t) traced->code, traced->bytes, traced->pa, traced->mode);
  put (trace->map, text);
}

void
jit_trace_entry (JitTrace *trace, const JitTraced *traced)
{
  g_autoptr (GString) text = g_string_new (NULL);

  put_name (trace, text, traced);
  if (trace->dump < 0)
    return;
  g_string_printf (text, "entry %" G_GINT64_MODIFIER "x mode %x at %p\n", traced->pa, traced->mode,
                   (const void *) traced->code);
  put (trace->dump, text);
}

void
jit_trace_region (JitTrace *trace, const JitTraced *traced)
{
  g_autoptr (GString) text = g_string_new (NULL);

  put_name (trace, text, traced);
  if (trace->dump < 0)
    return;
  g_string_printf (text, "region %" G_GINT64_MODIFIER "x mode %x at %p\n", traced->pa, traced->mode,
                   (const void *) traced->code);
  append_words (text, traced);
  append_uops (text, traced->ir);
  append_code (text, traced);
  put (trace->dump, text);
}
