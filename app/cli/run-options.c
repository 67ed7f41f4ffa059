// SPDX-License-Identifier: GPL-3.0-or-later
// The options of `terrarium run`. Main thread.
#include "app/cli/run-options.h"

#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

G_GNUC_PRINTF (2, 3)
static bool
fail (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
  return false;
}

// ---- values ---------------------------------------------------------------------------------

bool
run_parse_size (const char *text, uint64_t *bytes, GError **error)
{
  char *end;
  unsigned shift = 20;
  guint64 number = g_ascii_strtoull (text, &end, 10);

  switch (g_ascii_toupper (*end)) {
  case 'K':
    shift = 10;
    end++;
    break;
  case 'M':
    end++;
    break;
  case 'G':
    shift = 30;
    end++;
    break;
  default:
    break;
  }
  // "G", "GB" and "GiB" are the same.
  if (end > text && g_ascii_isalpha (end[-1])) {
    if (*end == 'i')
      end++;
    if (*end == 'B')
      end++;
  }
  if (!g_ascii_isdigit (text[0]) || *end != '\0' || number == 0 ||
      number > (guint64) G_MAXINT64 >> shift)
    return fail (error, _ ("“%s” is not an amount of memory; write for example 512M or 2G."), text);
  *bytes = number << shift;
  return true;
}

// Cuts `suffix` off the end; whether it was there.
static bool
cut_suffix (char *text, const char *suffix)
{
  if (!g_str_has_suffix (text, suffix))
    return false;
  text[strlen (text) - strlen (suffix)] = '\0';
  return true;
}

static bool
looks_like_qcow2 (const char *path)
{
  char magic[4] = "";
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (fd < 0)
    return false;
  bool is = read (fd, magic, sizeof magic) == sizeof magic && memcmp (magic, "QFI\xfb", 4) == 0;
  close (fd);
  return is;
}

// The name decides. Contents do not: a guest can make its raw disk look like an image whose base is
// any file of this computer. They only show that something was forgotten.
static bool
choose_format (const char *path, VmImageFormat *format, GError **error)
{
  *format = g_str_has_suffix (path, ".qcow2") ? VM_IMAGE_QCOW2 : VM_IMAGE_RAW;
  if (*format == VM_IMAGE_RAW && looks_like_qcow2 (path))
    return fail (error,
                 _ ("“%s” looks like a qcow2 image; add ,format=qcow2, or ,format=raw if it is a "
                    "disk that only looks so."),
                 path);
  return true;
}

bool
run_parse_disk (VmConfig *config, const char *text, GError **error)
{
  g_autofree char *path = g_strdup (text);
  bool read_only = false, allow_backing = false, told = false;
  VmImageFormat format = VM_IMAGE_RAW;
  VmDiskBus bus = VM_DISK_VIRTIO;

  for (;;) {
    if (cut_suffix (path, ",readonly"))
      read_only = true;
    else if (cut_suffix (path, ",allow-backing"))
      allow_backing = true;
    else if (cut_suffix (path, ",format=raw"))
      format = VM_IMAGE_RAW, told = true;
    else if (cut_suffix (path, ",format=qcow2"))
      format = VM_IMAGE_QCOW2, told = true;
    else if (cut_suffix (path, ",bus=virtio"))
      bus = VM_DISK_VIRTIO;
    else if (cut_suffix (path, ",bus=scsi"))
      bus = VM_DISK_SCSI;
    else if (cut_suffix (path, ",bus=nvme"))
      bus = VM_DISK_NVME;
    else if (cut_suffix (path, ",bus=usb"))
      bus = VM_DISK_USB;
    else
      break;
  }
  const char *option = strrchr (path, ',');
  if (option != NULL && g_str_has_prefix (option, ",format="))
    return fail (error, _ ("The disk format “%s” is not supported; convert the disk to qcow2."),
                 option + strlen (",format="));
  if (option != NULL && g_str_has_prefix (option, ",bus="))
    return fail (error, _ ("There is no bus “%s” for disks; choose virtio, scsi, nvme or usb."),
                 option + strlen (",bus="));
  if (path[0] == '\0')
    return fail (error, _ ("--disk needs the name of a file."));
  if (!told && !choose_format (path, &format, error))
    return false;
  VmDiskConfig *disk = vm_config_add_disk (config, path, read_only);
  disk->format = format;
  disk->allow_backing = allow_backing;
  disk->bus = bus;
  return true;
}

static bool
parse_port (const char *text, uint16_t *port)
{
  guint64 number;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &number, NULL))
    return false;
  *port = (uint16_t) number;
  return true;
}

static bool
parse_forward (VmNicConfig *nic, const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", -1);
  bool tcp = parts[0] != NULL && strcmp (parts[0], "tcp") == 0;
  bool udp = parts[0] != NULL && strcmp (parts[0], "udp") == 0;
  uint16_t host_port, guest_port;

  if (g_strv_length (parts) != 3 || (!tcp && !udp) || !parse_port (parts[1], &host_port) ||
      !parse_port (parts[2], &guest_port))
    return fail (error,
                 _ ("“%s” is not a port forward; write for example forward=tcp:8022:22 (port of "
                    "this computer, port of the machine)."),
                 text);
  vm_nic_config_add_forward (nic, udp, host_port, guest_port);
  return true;
}

bool
run_parse_net (VmConfig *config, const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);

  if (parts[0] == NULL || strcmp (parts[0], "user") != 0)
    return fail (error, _ ("“%s” is not a network; write user."), text);
  VmNicConfig *nic = vm_config_add_nic (config);
  for (unsigned i = 1; parts[i] != NULL; i++) {
    if (!g_str_has_prefix (parts[i], "forward="))
      return fail (error, _ ("“%s” is not an option of a network; write forward=tcp:HOST:GUEST."),
                   parts[i]);
    if (!parse_forward (nic, parts[i] + strlen ("forward="), error))
      return false;
  }
  return true;
}

// ---- the command line -----------------------------------------------------------------------

typedef struct Raw {
  char *name, *arch, *memory, *kernel, *initrd, *append, *accel, *cpu_features, *serial, *display,
      *firmware, *nvram, *vsock, *boot, *gdb, *jit_cache, *jit_dump, *sound, *audio;
  char **disks, **cdroms, **nets;
  int cpus;
  gboolean microphone, no_net, no_acpi, strict_code, stats, jit_stats, jit_verify, jit_at_once,
      jit_perf_map, gdb_wait;
} Raw;

static void
clear_raw (Raw *raw)
{
  g_free (raw->name);
  g_free (raw->arch);
  g_free (raw->memory);
  g_free (raw->kernel);
  g_free (raw->initrd);
  g_free (raw->append);
  g_free (raw->firmware);
  g_free (raw->nvram);
  g_free (raw->vsock);
  g_free (raw->boot);
  g_free (raw->accel);
  g_free (raw->cpu_features);
  g_free (raw->serial);
  g_free (raw->display);
  g_free (raw->gdb);
  g_free (raw->sound);
  g_free (raw->audio);
  g_free (raw->jit_cache);
  g_free (raw->jit_dump);
  g_strfreev (raw->disks);
  g_strfreev (raw->cdroms);
  g_strfreev (raw->nets);
}

static bool
parse_raw (Raw *raw, int argc, char **argv, GError **error)
{
  const GOptionFlags hidden = G_OPTION_FLAG_HIDDEN;
  const GOptionEntry entries[] = {
      {"name", 0, 0, G_OPTION_ARG_FILENAME, &raw->name, N_ ("The machine's name"), N_ ("NAME")},
      {"arch", 0, 0, G_OPTION_ARG_STRING, &raw->arch, N_ ("Processor: aarch64"), N_ ("ARCH")},
      {"cpus", 0, 0, G_OPTION_ARG_INT, &raw->cpus, N_ ("Number of processors (1)"), "N"},
      {"memory", 0, 0, G_OPTION_ARG_STRING, &raw->memory, N_ ("Memory, such as 512M or 2G (1G)"),
       N_ ("SIZE")},
      {"kernel", 0, 0, G_OPTION_ARG_FILENAME, &raw->kernel, N_ ("Linux kernel to start"),
       N_ ("FILE")},
      {"initrd", 0, 0, G_OPTION_ARG_FILENAME, &raw->initrd, N_ ("Initial RAM disk"), N_ ("FILE")},
      {"append", 0, 0, G_OPTION_ARG_FILENAME, &raw->append, N_ ("Kernel command line"),
       N_ ("TEXT")},
      {"firmware", 0, 0, G_OPTION_ARG_FILENAME, &raw->firmware,
       N_ ("Start with firmware: a file, or this computer's UEFI"), N_ ("FILE|uefi")},
      {"nvram", 0, 0, G_OPTION_ARG_FILENAME, &raw->nvram,
       N_ ("Keep the firmware's variables there (made when missing)"), N_ ("FILE")},
      {"boot", 0, 0, G_OPTION_ARG_STRING, &raw->boot,
       N_ ("What the firmware tries first, such as disk1,net0"), N_ ("LIST")},
      {"no-acpi", 0, 0, G_OPTION_ARG_NONE, &raw->no_acpi,
       N_ ("The firmware describes the machine by a device tree only"), NULL},
      {"disk", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->disks, N_ ("Attach a disk image"),
       N_ ("FILE[,readonly][,format=raw|qcow2][,allow-backing][,bus=virtio|scsi|nvme|usb]")},
      {"cdrom", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->cdroms,
       N_ ("Attach a CD/DVD drive with this image in it, or with nothing"), N_ ("FILE|none")},
      {"net", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->nets,
       N_ ("Attach a network (one is there by default)"), N_ ("user[,forward=tcp:HOST:GUEST]…")},
      {"vsock", 0, 0, G_OPTION_ARG_FILENAME, &raw->vsock,
       N_ ("Make a UNIX socket there that leads to the guest's vsock ports"), N_ ("FILE")},
      {"no-net", 0, 0, G_OPTION_ARG_NONE, &raw->no_net, N_ ("No network"), NULL},
      {"accel", 0, 0, G_OPTION_ARG_STRING, &raw->accel, N_ ("How to run the processor"),
       "auto|jit|interp"},
      {"cpu-features", 0, 0, G_OPTION_ARG_STRING, &raw->cpu_features,
       N_ ("What the processor has: pauth (pointer authentication), bti (branch targets)"),
       "LIST|none"},
      {"strict-code", 0, 0, G_OPTION_ARG_NONE, &raw->strict_code,
       N_ ("Notice changed code of guests that do not announce it (slower)"), NULL},
      {"serial", 0, 0, G_OPTION_ARG_STRING, &raw->serial,
       N_ ("Serial console (on the terminal when there is no window)"), "stdio|none"},
      {"display", 0, 0, G_OPTION_ARG_STRING, &raw->display, N_ ("Display (none)"), "none|window"},
      {"sound", 0, 0, G_OPTION_ARG_STRING, &raw->sound, N_ ("Sound device (none)"),
       "none|virtio|hda"},
      {"audio", 0, 0, G_OPTION_ARG_FILENAME, &raw->audio, N_ ("Where its sound goes (pipewire)"),
       N_ ("pipewire|none|wav:FILE[,input=FILE]")},
      {"microphone", 0, 0, G_OPTION_ARG_NONE, &raw->microphone, N_ ("The machine may listen"),
       NULL},
      {"stats", 0, 0, G_OPTION_ARG_NONE, &raw->stats, N_ ("Print figures at the end"), NULL},
      {"jit-stats", 0, 0, G_OPTION_ARG_NONE, &raw->jit_stats,
       N_ ("Print figures of the translator at the end"), NULL},
      // For those who work on the translator: engine/DESIGN.md.
      {"jit-verify", 0, hidden, G_OPTION_ARG_NONE, &raw->jit_verify, NULL, NULL},
      {"jit-at-once", 0, hidden, G_OPTION_ARG_NONE, &raw->jit_at_once, NULL, NULL},
      {"jit-perf-map", 0, hidden, G_OPTION_ARG_NONE, &raw->jit_perf_map, NULL, NULL},
      {"jit-dump", 0, hidden, G_OPTION_ARG_FILENAME, &raw->jit_dump, NULL, NULL},
      {"jit-cache", 0, hidden, G_OPTION_ARG_STRING, &raw->jit_cache, NULL, NULL},
      {"gdb", 0, 0, G_OPTION_ARG_STRING, &raw->gdb,
       N_ ("Serve gdb there (tcp::PORT: this computer)"), "tcp:[ADDRESS]:PORT|unix:PATH"},
      {"gdb-wait", 0, 0, G_OPTION_ARG_NONE, &raw->gdb_wait, N_ ("Run nothing before gdb lets it"),
       NULL},
      {0},
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (
      context, _ ("Runs a machine described by options. Ctrl-A X leaves its serial console."));
  // The usage line of --help begins with it.
  g_set_prgname ("terrarium run");
  bool ok = g_option_context_parse (context, &argc, &argv, error);
  g_set_prgname ("terrarium");
  if (!ok)
    return false;
  if (argc > 1)
    return fail (error, _ ("“%s” is not an option."), argv[1]);
  return true;
}

// Which of `words` the text is; -1 with an error when none. NULL is the first.
static int
choose (const char *option, const char *text, const char *const words[], GError **error)
{
  for (int i = 0; words[i] != NULL; i++)
    if (text == NULL || strcmp (text, words[i]) == 0)
      return i;
  g_autofree char *list = g_strjoinv (", ", (char **) words);
  fail (error, _ ("“%s” is not a value of %s; choose one of: %s."), text, option, list);
  return -1;
}

static void
replace (char **field, const char *text)
{
  g_free (*field);
  *field = g_strdup (text);
}

static bool
apply_machine (VmConfig *config, const Raw *raw, GError **error)
{
  static const char *const archs[] = {"aarch64", NULL};
  static const char *const accels[] = {"auto", "interp", "jit", NULL};
  int accel = choose ("--accel", raw->accel, accels, error);

  if (accel < 0 || choose ("--arch", raw->arch, archs, error) < 0)
    return false;
  config->accel = raw->jit_verify ? VM_ACCEL_JIT : (VmAccel) accel;
  if (raw->cpus < 0)
    return fail (error, _ ("The number of processors cannot be negative."));
  config->cpus = (unsigned) raw->cpus;
  config->strict_code = raw->strict_code;
  if (raw->cpu_features != NULL &&
      !vm_cpu_features_parse (raw->cpu_features, &config->cpu_features))
    return fail (error, _ ("“%s” are no processor features; write for example pauth,bti or none."),
                 raw->cpu_features);
  if (raw->name != NULL)
    replace (&config->name, raw->name);
  replace (&config->kernel, raw->kernel);
  replace (&config->initrd, raw->initrd);
  replace (&config->cmdline, raw->append);
  replace (&config->firmware, raw->firmware);
  replace (&config->nvram, raw->nvram);
  replace (&config->vsock, raw->vsock);
  if (raw->firmware == NULL && (raw->boot != NULL || raw->no_acpi))
    return fail (error, _ ("%s tells firmware what to do, and there is none; add --firmware uefi."),
                 raw->boot != NULL ? "--boot" : "--no-acpi");
  config->no_acpi = raw->no_acpi;
  if (raw->boot != NULL)
    config->boot_order = g_strsplit (raw->boot, ",", -1);
  return raw->memory == NULL || run_parse_size (raw->memory, &config->memory_bytes, error);
}

static bool
apply_devices (VmConfig *config, const Raw *raw, GError **error)
{
  if (raw->no_net && raw->nets != NULL)
    return fail (error, _ ("--net and --no-net exclude each other."));
  if (raw->no_net || raw->nets != NULL)
    g_ptr_array_set_size (config->nics, 0);
  for (unsigned i = 0; raw->nets != NULL && raw->nets[i] != NULL; i++)
    if (!run_parse_net (config, raw->nets[i], error))
      return false;
  for (unsigned i = 0; raw->disks != NULL && raw->disks[i] != NULL; i++)
    if (!run_parse_disk (config, raw->disks[i], error))
      return false;
  for (unsigned i = 0; raw->cdroms != NULL && raw->cdroms[i] != NULL; i++)
    vm_config_add_cdrom (config, g_str_equal (raw->cdroms[i], "none") ? NULL : raw->cdroms[i]);
  return true;
}

static bool
apply_developer (VmDeveloper *developer, const Raw *raw, GError **error)
{
  developer->count = raw->stats || raw->jit_stats;
  developer->jit_stats = raw->jit_stats;
  developer->jit_verify = raw->jit_verify;
  developer->jit_at_once = raw->jit_at_once;
  developer->jit_perf_map = raw->jit_perf_map;
  developer->jit_dump = g_strdup (raw->jit_dump);
  return raw->jit_cache == NULL ||
         run_parse_size (raw->jit_cache, &developer->jit_max_bytes, error);
}

bool
run_parse_audio (RunOptions *options, const char *text, GError **error)
{
  if (strcmp (text, "pipewire") == 0) {
    options->audio = RUN_AUDIO_PIPEWIRE;
  } else if (strcmp (text, "none") == 0) {
    options->audio = RUN_AUDIO_NONE;
  } else if (g_str_has_prefix (text, "wav:")) {
    const char *file = text + strlen ("wav:"), *input = strstr (file, ",input=");
    options->audio = RUN_AUDIO_WAV;
    options->wav_output = input != NULL ? g_strndup (file, input - file) : g_strdup (file);
    options->wav_input = input != NULL ? g_strdup (input + strlen (",input=")) : NULL;
    if (options->wav_output[0] == '\0' || (input != NULL && options->wav_input[0] == '\0'))
      return fail (error, _ ("--audio wav: needs the name of a file."));
  } else {
    return fail (error, _ ("“%s” is nowhere for sound to go; write pipewire, none or wav:FILE."),
                 text);
  }
  return true;
}

static bool
apply_sound (RunOptions *options, const Raw *raw, GError **error)
{
  static const char *const devices[] = {"none", "virtio", "hda", NULL};
  VmSoundConfig *sound = &options->config->sound;
  int device = choose ("--sound", raw->sound, devices, error);

  if (device < 0 || (raw->audio != NULL && !run_parse_audio (options, raw->audio, error)))
    return false;
  sound->device = (VmSoundDevice) device;
  sound->microphone = raw->microphone;
  if (device == VM_SOUND_NONE && (raw->audio != NULL || raw->microphone))
    return fail (error, _ ("--audio and --microphone go with --sound."));
  if (options->window && raw->audio != NULL && options->audio != RUN_AUDIO_PIPEWIRE)
    return fail (error, _ ("--audio works with --display none only."));
  return true;
}

static bool
apply_ends (RunOptions *options, const Raw *raw, GError **error)
{
  static const char *const displays[] = {"none", "window", NULL};
  static const char *const serials[] = {"stdio", "none", NULL};
  int display = choose ("--display", raw->display, displays, error);
  int serial = display >= 0 ? choose ("--serial", raw->serial, serials, error) : -1;

  if (serial < 0)
    return false;
  options->window = options->config->display = display == 1;
  options->serial_stdio = serial == 0 && (raw->serial != NULL || !options->window);
  options->stats = raw->stats;
  options->jit_stats = raw->jit_stats;
  options->gdb = g_strdup (raw->gdb);
  options->gdb_wait = raw->gdb_wait;
  if (raw->gdb_wait && raw->gdb == NULL)
    return fail (error, _ ("--gdb-wait goes with --gdb."));
  if (raw->gdb != NULL && options->window)
    return fail (error, _ ("--gdb works with --display none only."));
  return true;
}

bool
run_options_parse (RunOptions *options, int argc, char **argv, GError **error)
{
  Raw raw = {.cpus = 1};
  bool ok = parse_raw (&raw, argc, argv, error);

  *options = (RunOptions){.config = vm_config_new (VM_ARCH_AARCH64)};
  ok = ok && apply_machine (options->config, &raw, error) &&
       apply_devices (options->config, &raw, error) &&
       apply_developer (&options->config->developer, &raw, error) &&
       apply_ends (options, &raw, error) && apply_sound (options, &raw, error);
  if (ok && raw.kernel == NULL && raw.firmware == NULL)
    ok = fail (error, _ ("--kernel or --firmware is missing: name what to start."));
  if (ok && raw.nvram != NULL && raw.firmware == NULL)
    ok = fail (error, _ ("--nvram goes with --firmware."));
  clear_raw (&raw);
  return ok;
}

void
run_options_clear (RunOptions *options)
{
  g_clear_pointer (&options->config, vm_config_free);
  g_clear_pointer (&options->gdb, g_free);
  g_clear_pointer (&options->wav_output, g_free);
  g_clear_pointer (&options->wav_input, g_free);
}
