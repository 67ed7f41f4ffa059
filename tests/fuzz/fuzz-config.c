// SPDX-License-Identifier: GPL-3.0-or-later
// machine.json as hostile input: texts put together from the format's own words and values, with
// bytes changed. What is taken must be in range, and be the same when written and read again.
#include "engine/api/config-priv.h"
#include "tests/fuzz/fuzz.h"

enum {
  WORDS_MAX = 120,
  CHANGES_MAX = 3,
};

// Begins as a description does; the rest follows from the input.
static const char *const heads[] = {
    "{\"version\":1,\"arch\":\"aarch64\",\"name\":\"n\"",
    "{\"version\":1,\"arch\":\"aarch64\",\"name\":\"n\",\"kernel\":\"k\",\"disks\":[",
    "{\"version\":1,\"arch\":\"aarch64\",\"name\":\"n\",\"nics\":[{\"forwards\":[",
    "{",
};

static const char *const words[] = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"version\"",
    "\"arch\"",
    "\"accel\"",
    "\"name\"",
    "\"uuid\"",
    "\"cpus\"",
    "\"kernel\"",
    "\"initrd\"",
    "\"cmdline\"",
    "\"disks\"",
    "\"path\"",
    "\"nics\"",
    "\"mac\"",
    "\"forwards\"",
    "\"display\"",
    "\"width\"",
    "\"enabled\"",
    "\"height\"",
    "\"sound\"",
    "\"device\"",
    "\"volume\"",
    "\"latency-ms\"",
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "8",
    "1e9",
    "65535",
    "65536",
    "0.5",
    "99999999999999999999",
    "\"tcp\"",
    "\"udp\"",
    "\"\"",
    "\"../..\"",
    "\"/\"",
    "\"52:54:00:12:34:56\"",
    "\"aarch64\"",
    "\"interp\"",
    "\"memory-mib\"",
    "\"read-only\"",
    "\"protocol\"",
    "\"host-port\"",
    "\"guest-port\"",
    "}]}",
    "{\"path\":\"d\"}",
    "/* \" */",
    ",\"cpus\":2",
    ",\"memory-mib\":128",
    ",\"display\":{\"width\":10}",
    "]}",
    "{\"host-port\":1,\"guest-port\":2}",
    "\"\\u0000\"",
    "\"\\ud800\"",
};

static GString *
make_text (FuzzInput *in)
{
  GString *text = g_string_new (heads[fuzz_below (in, G_N_ELEMENTS (heads))]);

  for (unsigned n = fuzz_below (in, WORDS_MAX); n > 0 && in->left > 0; n--)
    g_string_append (text, words[fuzz_below (in, G_N_ELEMENTS (words))]);
  if (fuzz_below (in, 2) == 0)
    g_string_append_c (text, '}');
  for (unsigned n = fuzz_below (in, CHANGES_MAX); n > 0; n--)
    text->str[fuzz_below (in, (unsigned) text->len)] = (char) fuzz_number (in, 1);
  return text;
}

static void
check (VmConfig *config)
{
  g_autofree char *json = vm_config_to_json (config, "/base");
  VmConfig *again = vm_config_from_json (json, -1, "/base", NULL);

  g_assert (config->cpus >= 1 && config->cpus <= VM_CONFIG_CPUS_MAX);
  g_assert (config->memory_bytes >= VM_CONFIG_MEMORY_MIN);
  g_assert (again != NULL);
  g_autofree char *json_again = vm_config_to_json (again, "/base");
  g_assert_cmpstr (json, ==, json_again);
  vm_config_free (again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {data, size};
  GString *text = make_text (&in);
  g_autofree char *copy = g_memdup2 (text->str, text->len); // no zero behind it
  g_autoptr (GError) error = NULL;
  VmConfig *config = vm_config_from_json (copy, (gssize) text->len, "/base", &error);

  g_assert ((config == NULL) == (error != NULL));
  if (config != NULL)
    check (config);
  vm_config_free (config);
  g_string_free (text, TRUE);
  return 0;
}
