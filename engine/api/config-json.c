// SPDX-License-Identifier: GPL-3.0-or-later
// machine.json: a machine's description as text. Whoever made the text is not trusted: its length
// and nesting are limited before it is parsed, every value is checked for its type, and the whole
// for its ranges.
//
// Threads: any.
#include <glib/gi18n.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "engine/api/config-priv.h"
#include "engine/machine/firmware.h"

enum {
  FORMAT_VERSION = 1,
  LENGTH_MAX = 1024 * 1024,
  BRACKETS_MAX = 2048,
};

// ---- writing --------------------------------------------------------------------------------

static void
put_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
put_int (JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static void
put_bool (JsonBuilder *builder, const char *name, bool value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

// A file below the base folder is named relative to it, so that the folder can move. File names
// that are no text cannot be kept.
static void
put_path (JsonBuilder *builder, const char *name, const char *path, const char *base_dir)
{
  size_t length = base_dir != NULL ? strlen (base_dir) : 0;

  if (path == NULL || path[0] == '\0')
    return;
  while (length > 1 && base_dir[length - 1] == '/')
    length--;
  if (length > 0 && strncmp (path, base_dir, length) == 0 && path[length] == '/')
    path += length + 1;
  g_autofree char *text = g_utf8_make_valid (path, -1);
  put_string (builder, name, text);
}

static const char *const format_names[] = {[VM_IMAGE_RAW] = "raw", [VM_IMAGE_QCOW2] = "qcow2"};

static const char *const bus_names[] = {
    [VM_DISK_VIRTIO] = "virtio",
    [VM_DISK_SCSI] = "scsi",
    [VM_DISK_NVME] = "nvme",
    [VM_DISK_USB] = "usb",
};

const char *
vm_disk_bus_get_name (VmDiskBus bus)
{
  return bus_names[bus];
}

bool
vm_disk_bus_from_name (const char *name, VmDiskBus *bus)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (bus_names); i++)
    if (strcmp (name, bus_names[i]) == 0) {
      *bus = (VmDiskBus) i;
      return true;
    }
  return false;
}

static void
put_disks (JsonBuilder *builder, const VmConfig *config, const char *base_dir)
{
  json_builder_set_member_name (builder, "disks");
  json_builder_begin_array (builder);
  for (unsigned i = 0; i < config->disks->len; i++) {
    const VmDiskConfig *disk = g_ptr_array_index (config->disks, i);

    json_builder_begin_object (builder);
    put_path (builder, "path", disk->path, base_dir);
    put_string (builder, "format", format_names[disk->format]);
    put_bool (builder, "read-only", disk->read_only);
    if (disk->allow_backing)
      put_bool (builder, "allow-backing", true);
    if (disk->bus != VM_DISK_VIRTIO)
      put_string (builder, "bus", bus_names[disk->bus]);
    if (disk->cdrom)
      put_bool (builder, "cdrom", true);
    if (disk->port != 0)
      put_int (builder, "slot", disk->port);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
put_nic (JsonBuilder *builder, const VmNicConfig *nic)
{
  static const uint8_t none[6] = {0};

  json_builder_begin_object (builder);
  if (memcmp (nic->mac, none, sizeof none) != 0) {
    g_autofree char *mac =
        g_strdup_printf ("%02x:%02x:%02x:%02x:%02x:%02x", nic->mac[0], nic->mac[1], nic->mac[2],
                         nic->mac[3], nic->mac[4], nic->mac[5]);
    put_string (builder, "mac", mac);
  }
  if (nic->port != 0)
    put_int (builder, "slot", nic->port);
  json_builder_set_member_name (builder, "forwards");
  json_builder_begin_array (builder);
  for (unsigned i = 0; i < nic->forwards->len; i++) {
    const VmForward *forward = &g_array_index (nic->forwards, VmForward, i);

    json_builder_begin_object (builder);
    put_string (builder, "protocol", forward->udp ? "udp" : "tcp");
    put_int (builder, "host-port", forward->host_port);
    put_int (builder, "guest-port", forward->guest_port);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
put_display (JsonBuilder *builder, const VmConfig *config)
{
  json_builder_set_member_name (builder, "display");
  json_builder_begin_object (builder);
  put_bool (builder, "enabled", config->display);
  put_int (builder, "width", config->display_width);
  put_int (builder, "height", config->display_height);
  json_builder_end_object (builder);
}

static const char *const sound_names[] = {
    [VM_SOUND_NONE] = "none", [VM_SOUND_VIRTIO] = "virtio", [VM_SOUND_HDA] = "hda"};

static void
put_sound (JsonBuilder *builder, const VmSoundConfig *sound)
{
  json_builder_set_member_name (builder, "sound");
  json_builder_begin_object (builder);
  put_string (builder, "device", sound_names[sound->device]);
  put_bool (builder, "microphone", sound->microphone);
  put_bool (builder, "muted", sound->muted);
  put_int (builder, "volume", sound->volume);
  put_int (builder, "latency-ms", sound->latency_ms);
  if (sound->output != NULL)
    put_string (builder, "output", sound->output);
  if (sound->input != NULL)
    put_string (builder, "input", sound->input);
  json_builder_end_object (builder);
}

// The word for this computer's firmware is no path.
static void
put_firmware (JsonBuilder *builder, const VmConfig *config, const char *base_dir)
{
  if (config->firmware != NULL && strcmp (config->firmware, FIRMWARE_UEFI) == 0)
    put_string (builder, "firmware", config->firmware);
  else
    put_path (builder, "firmware", config->firmware, base_dir);
  put_path (builder, "nvram", config->nvram, base_dir);
  put_path (builder, "vsock", config->vsock, base_dir);
  if (config->no_acpi)
    put_bool (builder, "acpi", false);
  if (config->boot_order == NULL)
    return;
  json_builder_set_member_name (builder, "boot-order");
  json_builder_begin_array (builder);
  for (unsigned i = 0; config->boot_order[i] != NULL; i++)
    json_builder_add_string_value (builder, config->boot_order[i]);
  json_builder_end_array (builder);
}

static const char *const accel_names[] = {
    [VM_ACCEL_AUTO] = "auto", [VM_ACCEL_INTERP] = "interp", [VM_ACCEL_JIT] = "jit"};

char *
vm_config_to_json (const VmConfig *config, const char *base_dir)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();

  json_builder_begin_object (builder);
  put_int (builder, "version", FORMAT_VERSION);
  put_string (builder, "uuid", config->uuid);
  put_string (builder, "name", config->name);
  put_string (builder, "arch", "aarch64");
  put_string (builder, "accel", accel_names[config->accel]);
  put_int (builder, "cpus", config->cpus);
  if (config->strict_code)
    put_bool (builder, "strict-code", true);
  if (config->cpu_features != VM_CONFIG_CPU_FEATURES) {
    g_autofree char *features = vm_cpu_features_format (config->cpu_features);
    put_string (builder, "cpu-features", features);
  }
  put_int (builder, "memory-mib", (gint64) (config->memory_bytes >> 20));
  put_path (builder, "kernel", config->kernel, base_dir);
  put_path (builder, "initrd", config->initrd, base_dir);
  if (config->cmdline != NULL) {
    g_autofree char *cmdline = g_utf8_make_valid (config->cmdline, -1);
    put_string (builder, "cmdline", cmdline);
  }
  put_firmware (builder, config, base_dir);
  put_disks (builder, config, base_dir);
  json_builder_set_member_name (builder, "nics");
  json_builder_begin_array (builder);
  for (unsigned i = 0; i < config->nics->len; i++)
    put_nic (builder, g_ptr_array_index (config->nics, i));
  json_builder_end_array (builder);
  put_display (builder, config);
  if (config->sound.device != VM_SOUND_NONE)
    put_sound (builder, &config->sound);
  json_builder_end_object (builder);

  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  return json_generator_to_data (generator, NULL);
}

// ---- reading --------------------------------------------------------------------------------

static bool
bad_text (GError **error)
{
  g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FORMAT,
               _ ("This is not a description of a machine; restore the file from a copy."));
  return false;
}

// `why` is the parser's and in English, but it begins with where it gave up.
static void
bad_line (GError **error, const GError *why)
{
  unsigned line;

  if (sscanf (why->message, "<data>:%u:", &line) != 1)
    bad_text (error);
  else
    g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FORMAT,
                 _ ("This is not a description of a machine: line %u cannot be understood; correct "
                    "it or restore the file from a copy."),
                 line);
}

static bool
bad_field (GError **error, const char *name)
{
  g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FORMAT,
               _ ("The description of the machine is damaged: \"%s\" has no valid value; correct "
                  "it or restore the file from a copy."),
               name);
  return false;
}

// A member of this type; NULL when there is none. `*ok` becomes false when it has another type.
static JsonNode *
member (JsonObject *object, const char *name, GType type, bool *ok, GError **error)
{
  JsonNode *node = json_object_get_member (object, name);

  if (!*ok || node == NULL)
    return NULL;
  bool fits;
  if (type == JSON_TYPE_OBJECT)
    fits = JSON_NODE_HOLDS_OBJECT (node);
  else if (type == JSON_TYPE_ARRAY)
    fits = JSON_NODE_HOLDS_ARRAY (node);
  else
    fits = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
  if (!fits)
    *ok = bad_field (error, name);
  return fits ? node : NULL;
}

static void
get_string (JsonObject *object, const char *name, char **value, bool *ok, GError **error)
{
  JsonNode *node = member (object, name, G_TYPE_STRING, ok, error);

  if (node != NULL) {
    g_free (*value);
    *value = g_strdup (json_node_get_string (node));
  }
}

static void
get_path (JsonObject *object, const char *name, const char *base_dir, char **value, bool *ok,
          GError **error)
{
  g_autofree char *path = NULL;

  get_string (object, name, &path, ok, error);
  if (path == NULL)
    return;
  if (path[0] == '\0') {
    *ok = bad_field (error, name);
    return;
  }
  g_free (*value);
  if (base_dir != NULL && !g_path_is_absolute (path))
    *value = g_build_filename (base_dir, path, NULL);
  else
    *value = g_steal_pointer (&path);
}

static void
get_int (JsonObject *object, const char *name, gint64 max, gint64 *value, bool *ok, GError **error)
{
  JsonNode *node = member (object, name, G_TYPE_INT64, ok, error);

  if (node == NULL)
    return;
  *value = json_node_get_int (node);
  if (*value < 0 || *value > max)
    *ok = bad_field (error, name);
}

static void
get_bool (JsonObject *object, const char *name, bool *value, bool *ok, GError **error)
{
  JsonNode *node = member (object, name, G_TYPE_BOOLEAN, ok, error);

  if (node != NULL)
    *value = json_node_get_boolean (node);
}

// Calls fn for every object of an array.
typedef bool (*EachObject) (VmConfig *config, JsonObject *object, const char *base_dir,
                            GError **error);

static void
each_object (VmConfig *config, JsonObject *parent, const char *name, const char *base_dir,
             EachObject fn, bool *ok, GError **error)
{
  JsonNode *node = member (parent, name, JSON_TYPE_ARRAY, ok, error);
  JsonArray *array = node != NULL ? json_node_get_array (node) : NULL;

  for (unsigned i = 0; array != NULL && *ok && i < json_array_get_length (array); i++) {
    JsonNode *element = json_array_get_element (array, i);

    *ok = JSON_NODE_HOLDS_OBJECT (element)
              ? fn (config, json_node_get_object (element), base_dir, error)
              : bad_field (error, name);
  }
}

static bool
find_name (const char *text, const char *const *names, unsigned n, unsigned *found)
{
  for (unsigned i = 0; i < n; i++)
    if (strcmp (text, names[i]) == 0) {
      *found = i;
      return true;
    }
  return false;
}

// What is not said is as it was when it could not be said.

// Behind those that stay.
static void
move_to_port (VmConfig *config, VmDiskConfig *disk, unsigned port)
{
  vm_config_attach_disk (config, disk, port);
  g_ptr_array_remove (config->disks, disk);
}

static bool
read_disk (VmConfig *config, JsonObject *object, const char *base_dir, GError **error)
{
  g_autofree char *path = NULL, *format_name = g_strdup (format_names[VM_IMAGE_RAW]);
  g_autofree char *bus_name = g_strdup (bus_names[VM_DISK_VIRTIO]);
  bool read_only = false, allow_backing = false, cdrom = false, ok = true;
  unsigned format = VM_IMAGE_RAW;
  VmDiskBus bus = VM_DISK_VIRTIO;
  gint64 port = 0;

  get_path (object, "path", base_dir, &path, &ok, error);
  get_string (object, "format", &format_name, &ok, error);
  get_bool (object, "read-only", &read_only, &ok, error);
  get_bool (object, "allow-backing", &allow_backing, &ok, error);
  get_string (object, "bus", &bus_name, &ok, error);
  get_bool (object, "cdrom", &cdrom, &ok, error);
  get_int (object, "slot", VM_PORTS, &port, &ok, error);
  if (ok && path == NULL && !cdrom)
    return bad_field (error, "path");
  if (ok && !find_name (format_name, format_names, G_N_ELEMENTS (format_names), &format))
    return bad_field (error, "format");
  if (ok && !vm_disk_bus_from_name (bus_name, &bus))
    return bad_field (error, "bus");
  if (ok && cdrom && (bus != VM_DISK_SCSI || !read_only))
    return bad_field (error, "cdrom");
  if (ok && port != 0 && (cdrom || vm_config_port_is_used (config, (unsigned) port)))
    return bad_field (error, "slot");
  if (ok) {
    VmDiskConfig *disk = vm_config_add_disk (config, path != NULL ? path : "", read_only);

    disk->format = (VmImageFormat) format;
    disk->allow_backing = allow_backing;
    disk->bus = bus;
    disk->cdrom = cdrom;
    if (port != 0)
      move_to_port (config, disk, (unsigned) port);
  }
  return ok;
}

static bool
read_forward (VmConfig *config, JsonObject *object, const char *base_dir, GError **error)
{
  VmNicConfig *nic = g_ptr_array_index (config->nics, config->nics->len - 1);
  g_autofree char *protocol = g_strdup ("tcp");
  gint64 host_port = 0, guest_port = 0;
  bool ok = true;

  get_string (object, "protocol", &protocol, &ok, error);
  get_int (object, "host-port", G_MAXUINT16, &host_port, &ok, error);
  get_int (object, "guest-port", G_MAXUINT16, &guest_port, &ok, error);
  if (ok && strcmp (protocol, "tcp") != 0 && strcmp (protocol, "udp") != 0)
    return bad_field (error, "protocol");
  if (ok)
    vm_nic_config_add_forward (nic, protocol[0] == 'u', (uint16_t) host_port,
                               (uint16_t) guest_port);
  return ok;
}

static bool
parse_mac (const char *text, uint8_t mac[6])
{
  unsigned b[6];
  int end = 0;

  if (strlen (text) != 17 || sscanf (text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3],
                                     &b[4], &b[5], &end) != 6)
    return false;
  for (unsigned i = 0; i < 6; i++)
    mac[i] = (uint8_t) b[i];
  return end == 17;
}

static bool
read_nic (VmConfig *config, JsonObject *object, const char *base_dir, GError **error)
{
  VmNicConfig *nic = vm_config_add_nic (config);
  g_autofree char *mac = NULL;
  gint64 port = 0;
  bool ok = true;

  get_string (object, "mac", &mac, &ok, error);
  get_int (object, "slot", VM_PORTS, &port, &ok, error);
  if (ok && port != 0 && vm_config_port_is_used (config, (unsigned) port))
    return bad_field (error, "slot");
  nic->port = (unsigned) port;
  if (ok && mac != NULL && !parse_mac (mac, nic->mac))
    return bad_field (error, "mac");
  each_object (config, object, "forwards", base_dir, read_forward, &ok, error);
  return ok;
}

static void
read_display (VmConfig *config, JsonObject *object, bool *ok, GError **error)
{
  gint64 width = config->display_width, height = config->display_height;

  get_bool (object, "enabled", &config->display, ok, error);
  get_int (object, "width", VM_CONFIG_DISPLAY_MAX, &width, ok, error);
  get_int (object, "height", VM_CONFIG_DISPLAY_MAX, &height, ok, error);
  config->display_width = (unsigned) width;
  config->display_height = (unsigned) height;
}

// A machine that says nothing of it has none.
static void
read_sound (VmSoundConfig *sound, JsonObject *object, bool *ok, GError **error)
{
  g_autofree char *name = g_strdup (sound_names[VM_SOUND_NONE]);
  gint64 volume = sound->volume, latency_ms = sound->latency_ms;
  unsigned device = VM_SOUND_NONE;

  get_string (object, "device", &name, ok, error);
  get_bool (object, "microphone", &sound->microphone, ok, error);
  get_bool (object, "muted", &sound->muted, ok, error);
  get_int (object, "volume", VM_CONFIG_SOUND_VOLUME_MAX, &volume, ok, error);
  get_int (object, "latency-ms", VM_CONFIG_SOUND_LATENCY_MS_MAX, &latency_ms, ok, error);
  get_string (object, "output", &sound->output, ok, error);
  get_string (object, "input", &sound->input, ok, error);
  if (*ok && !find_name (name, sound_names, G_N_ELEMENTS (sound_names), &device))
    *ok = bad_field (error, "device");
  sound->device = (VmSoundDevice) device;
  sound->volume = (unsigned) volume;
  sound->latency_ms = (unsigned) latency_ms;
}

static bool
parse_accel (const char *text, VmAccel *accel)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (accel_names); i++)
    if (strcmp (text, accel_names[i]) == 0) {
      *accel = (VmAccel) i;
      return true;
    }
  return false;
}

// The machine's kind: words of which only some are known.
static bool
read_kind (VmConfig *config, JsonObject *object, GError **error)
{
  g_autofree char *arch = NULL, *accel = g_strdup ("auto"), *features = NULL;
  bool ok = true;

  get_string (object, "arch", &arch, &ok, error);
  get_string (object, "accel", &accel, &ok, error);
  get_string (object, "cpu-features", &features, &ok, error);
  get_bool (object, "strict-code", &config->strict_code, &ok, error);
  if (ok && (arch == NULL || strcmp (arch, "aarch64") != 0))
    return bad_field (error, "arch");
  if (ok && !parse_accel (accel, &config->accel))
    return bad_field (error, "accel");
  if (ok && features != NULL && !vm_cpu_features_parse (features, &config->cpu_features))
    return bad_field (error, "cpu-features");
  return ok;
}

static void
read_boot_order (VmConfig *config, JsonObject *object, bool *ok, GError **error)
{
  JsonNode *node = member (object, "boot-order", JSON_TYPE_ARRAY, ok, error);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  if (node == NULL)
    return;
  JsonArray *array = json_node_get_array (node);
  for (unsigned i = 0; i < json_array_get_length (array); i++) {
    JsonNode *element = json_array_get_element (array, i);

    if (!JSON_NODE_HOLDS_VALUE (element) || json_node_get_value_type (element) != G_TYPE_STRING) {
      *ok = bad_field (error, "boot-order");
      return;
    }
    g_strv_builder_add (names, json_node_get_string (element));
  }
  config->boot_order = g_strv_builder_end (names);
}

static void
read_firmware (VmConfig *config, JsonObject *object, const char *base_dir, bool *ok, GError **error)
{
  bool acpi = true;
  JsonNode *node = member (object, "firmware", G_TYPE_STRING, ok, error);

  if (node != NULL && strcmp (json_node_get_string (node), FIRMWARE_UEFI) == 0)
    config->firmware = json_node_dup_string (node);
  else
    get_path (object, "firmware", base_dir, &config->firmware, ok, error);
  get_path (object, "nvram", base_dir, &config->nvram, ok, error);
  get_path (object, "vsock", base_dir, &config->vsock, ok, error);
  get_bool (object, "acpi", &acpi, ok, error);
  config->no_acpi = !acpi;
  read_boot_order (config, object, ok, error);
}

// A machine.json written by hand may leave its uuid out. Then it is always the same one for its
// folder (RFC 4122 §4.3, of its file: URL), so that a running machine is found again.
static char *
uuid_of_folder (const char *folder)
{
  static const uint8_t url_space[16] = {0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1,
                                        0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
  g_autofree char *path = g_canonicalize_filename (folder, NULL);
  g_autofree char *url = g_filename_to_uri (path, NULL, NULL);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);
  GString *uuid = g_string_sized_new (36);
  uint8_t hash[20];
  size_t bytes = sizeof hash;

  g_checksum_update (sum, url_space, sizeof url_space);
  g_checksum_update (sum, (const uint8_t *) url, (gssize) strlen (url));
  g_checksum_get_digest (sum, hash, &bytes);
  hash[6] = (hash[6] & 0x0f) | 0x50; // version 5
  hash[8] = (hash[8] & 0x3f) | 0x80;
  for (unsigned i = 0; i < 16; i++)
    g_string_append_printf (uuid, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                            hash[i]);
  return g_string_free (uuid, FALSE);
}

static bool
read_config (VmConfig *config, JsonObject *object, const char *base_dir, GError **error)
{
  gint64 cpus = config->cpus, memory_mib = (gint64) (config->memory_bytes >> 20);
  bool ok = read_kind (config, object, error);

  if (base_dir != NULL && !json_object_has_member (object, "uuid")) {
    g_free (config->uuid);
    config->uuid = uuid_of_folder (base_dir);
  }
  get_string (object, "uuid", &config->uuid, &ok, error);
  get_string (object, "name", &config->name, &ok, error);
  get_int (object, "cpus", G_MAXINT, &cpus, &ok, error);
  get_int (object, "memory-mib", G_MAXUINT32, &memory_mib, &ok, error);
  get_path (object, "kernel", base_dir, &config->kernel, &ok, error);
  get_path (object, "initrd", base_dir, &config->initrd, &ok, error);
  get_string (object, "cmdline", &config->cmdline, &ok, error);
  read_firmware (config, object, base_dir, &ok, error);
  config->cpus = (unsigned) cpus;
  config->memory_bytes = MIB (memory_mib);
  each_object (config, object, "disks", base_dir, read_disk, &ok, error);
  each_object (config, object, "nics", base_dir, read_nic, &ok, error);
  JsonNode *display = member (object, "display", JSON_TYPE_OBJECT, &ok, error);
  if (display != NULL)
    read_display (config, json_node_get_object (display), &ok, error);
  JsonNode *sound = member (object, "sound", JSON_TYPE_OBJECT, &ok, error);
  if (sound != NULL)
    read_sound (&config->sound, json_node_get_object (sound), &ok, error);
  return ok && vm_config_check_ranges (config, error);
}

static bool
check_version (JsonObject *object, GError **error)
{
  gint64 version = -1;
  bool ok = true;

  get_int (object, "version", G_MAXINT64, &version, &ok, error);
  if (!ok)
    return false;
  if (version < 1)
    return bad_text (error);
  if (version > FORMAT_VERSION) {
    g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_VERSION,
                 _ ("This machine was made by a newer Terrarium; update Terrarium to use it."));
    return false;
  }
  return true;
}

// The parser recurses for every bracket inside another; there are never more of them than this, in
// whatever text or comment they stand.
static bool
has_few_brackets (const char *json, size_t length)
{
  unsigned n = 0;

  for (size_t i = 0; i < length; i++)
    n += json[i] == '{' || json[i] == '[';
  return n <= BRACKETS_MAX;
}

VmConfig *
vm_config_from_json (const char *json, gssize length, const char *base_dir, GError **error)
{
  size_t bytes = length < 0 ? strlen (json) : (size_t) length;
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) why = NULL;

  if (bytes > LENGTH_MAX || memchr (json, 0, bytes) != NULL ||
      !g_utf8_validate (json, (gssize) bytes, NULL) || !has_few_brackets (json, bytes)) {
    bad_text (error);
    return NULL;
  }
  if (!json_parser_load_from_data (parser, json, (gssize) bytes, &why)) {
    bad_line (error, why);
    return NULL;
  }
  JsonNode *root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    bad_text (error);
    return NULL;
  }
  if (!check_version (json_node_get_object (root), error))
    return NULL;
  VmConfig *config = vm_config_new_empty (VM_ARCH_AARCH64);
  if (!read_config (config, json_node_get_object (root), base_dir, error)) {
    vm_config_free (config);
    return NULL;
  }
  return config;
}
