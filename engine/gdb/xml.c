// SPDX-License-Identifier: GPL-3.0-or-later
// The target description of a guest CPU; see xml.h.
#include "engine/gdb/xml.h"

static void
append_registers (GString *xml, const GuestDebugOps *debug, unsigned feature)
{
  GuestRegister reg;

  for (unsigned n = 0; debug->describe_register (n, &reg); n++) {
    if (reg.feature != feature)
      continue;
    g_string_append_printf (xml, "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\" type=\"%s\"",
                            reg.name, reg.bits, n, reg.type);
    if (reg.group != NULL)
      g_string_append_printf (xml, " group=\"%s\"", reg.group);
    g_string_append (xml, "/>\n");
  }
}

GString *
gdb_target_xml (const GuestDebugOps *debug, uint32_t absent)
{
  GString *xml = g_string_new ("<?xml version=\"1.0\"?>\n"
                               "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                               "<target version=\"1.0\">\n");

  g_string_append_printf (xml, "<architecture>%s</architecture>\n", debug->architecture);
  for (unsigned i = 0; i < debug->n_features; i++) {
    if (absent >> i & 1)
      continue;
    g_string_append_printf (xml, "<feature name=\"%s\">\n%s", debug->features[i].name,
                            debug->features[i].types);
    append_registers (xml, debug, i);
    g_string_append (xml, "</feature>\n");
  }
  g_string_append (xml, "</target>\n");
  return xml;
}
