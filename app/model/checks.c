// SPDX-License-Identifier: GPL-3.0-or-later
// From facts to sentences; see checks.h. Any thread.
#include "app/model/checks.h"

#include <glib/gi18n.h>
#include <string.h>

#define GIB          (1024.0 * 1024 * 1024)
#define LITTLE_BYTES (UINT64_C (1) << 30)
#define ENOUGH_BYTES (UINT64_C (10) << 30)
#define KVM_COMMAND                                                                                \
  "echo 'KERNEL==\"kvm\", TAG+=\"uaccess\"' | sudo tee /etc/udev/rules.d/60-kvm.rules && "         \
  "sudo udevadm control --reload && sudo udevadm trigger /dev/kvm"
#define PIPEWIRE_COMMAND "systemctl --user enable --now pipewire.socket wireplumber.service"
#define SANDBOX_COMMAND                                                                            \
  "flatpak override --user --filesystem=xdg-run/pipewire-0 io.github.terrarium_vm.Terrarium"

static void
check_free (Check *check)
{
  g_free (check->text);
  g_free (check->remedy);
  g_free (check);
}

static void
judge_processor (const HostFacts *facts, Check *check)
{
  if (facts->translates) {
    check->text = g_strdup (_ ("ARM systems are translated for this processor while they run."));
    return;
  }
  check->verdict = CHECK_PROBLEM;
  if (facts->lacks == NULL) {
    check->text = g_strdup (_ ("There is no translator for this kind of processor: systems are "
                               "interpreted, which is many times slower."));
    return;
  }
  check->text = g_strdup_printf (_ ("This processor lacks what the translator needs (%s): systems "
                                    "are interpreted, which is many times slower."),
                                 facts->lacks);
  check->remedy =
      g_strdup (_ ("If this computer is itself a virtual machine, give it the processor "
                   "model of its host."));
}

static void
judge_code (const HostFacts *facts, Check *check)
{
  if (facts->code == HOST_CODE_TWICE) {
    check->text = g_strdup (_ ("Translated code can be kept in memory and executed."));
    return;
  }
  check->verdict = facts->code == HOST_CODE_ONCE ? CHECK_WARNING : CHECK_PROBLEM;
  check->text =
      g_strdup (facts->code == HOST_CODE_ONCE
                    ? _ ("Translated code can only be kept in memory that is written and executed "
                         "in the same place, which is less safe.")
                    : _ ("This computer does not allow memory for translated code: systems are "
                         "interpreted, which is many times slower."));
  if (facts->deny_execmem) {
    check->remedy = g_strdup (_ ("SELinux forbids it; this allows it:"));
    check->command = "sudo setsebool -P deny_execmem off";
  } else if (facts->memfd_noexec) {
    check->remedy = g_strdup (_ ("A setting of the system forbids it; this allows it:"));
    check->command = "sudo sysctl -w vm.memfd_noexec=1";
  } else {
    check->remedy = g_strdup (_ ("A security policy forbids it; whoever looks after this computer "
                                 "can make an exception for Terrarium."));
  }
}

static void
judge_kvm (const HostFacts *facts, Check *check)
{
  if (!facts->arm) {
    check->text = g_strdup (
        facts->kvm == HOST_KVM_THERE
            ? _ ("It is there, but not needed: on a processor of this kind it cannot run "
                 "ARM systems. They are translated instead.")
            : _ ("It is not there for you, and not needed: on a processor of this kind it "
                 "could not run ARM systems. They are translated instead."));
    return;
  }
  if (facts->kvm != HOST_KVM_FORBIDDEN) {
    check->text =
        g_strdup (facts->kvm == HOST_KVM_THERE
                      ? _ ("It is there, but this version of Terrarium does not use it.")
                      : _ ("There is no /dev/kvm, but this version of Terrarium would not "
                           "use it."));
    return;
  }
  check->text =
      g_strdup (_ ("You may not use /dev/kvm, but this version of Terrarium would not use "
                   "it."));
  check->remedy = g_strdup (_ ("This allows it to whoever sits at the computer:"));
  check->command = KVM_COMMAND;
}

// Mesa's and others' that draw by the processor.
static bool
is_software (const char *renderer)
{
  static const char *const names[] = {"llvmpipe", "softpipe", "swrast", "Software Rasterizer",
                                      "SwiftShader"};

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strstr (renderer, names[i]) != NULL)
      return true;
  return false;
}

static void
judge_graphics (const HostFacts *facts, Check *check)
{
  if (facts->renderer == NULL) {
    check->verdict = CHECK_WARNING;
    check->text =
        g_strdup (_ ("It could not be found out what draws with OpenGL; machines may show "
                     "no pictures."));
    check->remedy =
        g_strdup (_ ("Install the driver of your graphics card; for most of them it is "
                     "Mesa’s (the packages are often called mesa or libgl1-mesa-dri)."));
  } else if (is_software (facts->renderer)) {
    check->verdict = CHECK_WARNING;
    check->text = g_strdup_printf (_ ("Pictures are drawn by the processor (%s), which takes time "
                                      "from your machines."),
                                   facts->renderer);
    check->remedy =
        g_strdup (facts->sandboxed ? _ ("If there is a graphics card, its driver may be missing in "
                                        "the sandbox; this brings what there is up to date:")
                                   : _ ("If there is a graphics card, install its driver."));
    check->command = facts->sandboxed ? "flatpak update" : NULL;
  } else {
    check->text =
        g_strdup_printf (_ ("Pictures are drawn by the graphics card (%s)."), facts->renderer);
  }
}

static void
judge_sound (const HostFacts *facts, Check *check)
{
  if (facts->pipewire) {
    check->text = g_strdup (_ ("PipeWire is there: machines can be heard."));
    return;
  }
  check->verdict = CHECK_WARNING;
  check->text = g_strdup (_ ("PipeWire cannot be reached: machines are silent."));
  check->remedy = g_strdup (facts->sandboxed ? _ ("This lets Terrarium reach it from its sandbox:")
                                             : _ ("Where it is installed, this starts it:"));
  check->command = facts->sandboxed ? SANDBOX_COMMAND : PIPEWIRE_COMMAND;
}

static void
judge_disk (const HostFacts *facts, Check *check)
{
  g_autofree char *shown = g_filename_display_name (facts->folder);
  double free_gib = (double) facts->free_bytes / GIB;

  if (!facts->writable) {
    check->verdict = CHECK_PROBLEM;
    check->text = g_strdup_printf (_ ("Machines are kept in %s, where you may not write."), shown);
    check->remedy = g_strdup (_ ("Make that folder yours, or set XDG_DATA_HOME to one that is."));
    return;
  }
  check->text =
      g_strdup_printf (_ ("Where machines are kept (%s), %.1f GiB are free."), shown, free_gib);
  if (facts->free_bytes >= ENOUGH_BYTES)
    return;
  check->verdict = facts->free_bytes < LITTLE_BYTES ? CHECK_PROBLEM : CHECK_WARNING;
  check->remedy =
      g_strdup (_ ("A system with a desktop takes about 10 GiB: empty the Trash, or make "
                   "that folder a link to one on a larger disk."));
}

static void
judge_ring (const HostFacts *facts, Check *check)
{
  if (facts->ring) {
    check->text = g_strdup (_ ("The system’s fast way to disks (io_uring) is used."));
    return;
  }
  check->verdict = CHECK_WARNING;
  check->text =
      g_strdup (_ ("The system’s fast way to disks (io_uring) is not allowed: disks work, "
                   "a little slower."));
  if (!facts->ring_disabled)
    return;
  check->remedy = g_strdup (_ ("A setting of the system forbids it; this allows it:"));
  check->command = "sudo sysctl -w kernel.io_uring_disabled=0";
}

GPtrArray *
checks_from_facts (const HostFacts *facts)
{
  static const struct {
    const char *id, *title;
    void (*judge) (const HostFacts *facts, Check *check);
  } kinds[] = {
      {"processor", N_ ("Processor"), judge_processor},
      {"code", N_ ("Memory for Translated Code"), judge_code},
      {"kvm", N_ ("KVM"), judge_kvm},
      {"graphics", N_ ("Graphics"), judge_graphics},
      {"sound", N_ ("Sound"), judge_sound},
      {"disk", N_ ("Disk Space"), judge_disk},
      {"io", N_ ("Disk Access"), judge_ring},
  };
  GPtrArray *checks = g_ptr_array_new_with_free_func ((GDestroyNotify) check_free);

  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    Check *check = g_new0 (Check, 1);

    check->id = kinds[i].id;
    check->title = _ (kinds[i].title);
    kinds[i].judge (facts, check);
    g_ptr_array_add (checks, check);
  }
  return checks;
}

GPtrArray *
checks_run (const char *program)
{
  HostFacts *facts = host_facts_collect (program);
  GPtrArray *checks = checks_from_facts (facts);

  host_facts_free (facts);
  return checks;
}

CheckVerdict
checks_get_worst (const GPtrArray *checks)
{
  CheckVerdict worst = CHECK_OK;

  for (unsigned i = 0; i < checks->len; i++) {
    const Check *check = checks->pdata[i];
    worst = MAX (worst, check->verdict);
  }
  return worst;
}

const char *
check_verdict_get_name (CheckVerdict verdict)
{
  static const char *const names[] = {
      [CHECK_OK] = "ok",
      [CHECK_WARNING] = "warning",
      [CHECK_PROBLEM] = "problem",
  };

  return names[verdict];
}

static JsonNode *
to_json (const Check *check)
{
  const struct {
    const char *name, *value;
  } members[] = {
      {"id", check->id},         {"verdict", check_verdict_get_name (check->verdict)},
      {"title", check->title},   {"text", check->text},
      {"remedy", check->remedy}, {"command", check->command},
  };
  JsonObject *object = json_object_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (members); i++)
    if (members[i].value != NULL)
      json_object_set_string_member (object, members[i].name, members[i].value);
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, object);
  return node;
}

JsonNode *
checks_to_json (const GPtrArray *checks)
{
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  for (unsigned i = 0; i < checks->len; i++)
    json_array_add_element (array, to_json (checks->pdata[i]));
  json_node_take_array (node, array);
  return node;
}
