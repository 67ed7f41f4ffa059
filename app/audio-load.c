// SPDX-License-Identifier: GPL-3.0-or-later
// Loading PipeWire's module. Main thread.
#include "app/audio-load.h"

#include <glib/gi18n.h>
#include <gmodule.h>

// It stays loaded: PipeWire's own modules do not like to go.
static TerrariumAudioNew
find_module (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (self != NULL ? self : ".");
  g_autofree char *near = g_build_filename (folder, "..", "audio", TERRARIUM_AUDIO_NAME, NULL);
  g_autofree char *installed = g_build_filename (TERRARIUM_MODULE_DIR, TERRARIUM_AUDIO_NAME, NULL);
  const char *path = g_file_test (near, G_FILE_TEST_EXISTS) ? near : installed;
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  void *symbol = NULL;

  if (module == NULL || !g_module_symbol (module, TERRARIUM_AUDIO_SYMBOL, &symbol))
    g_message (_ ("The machine is silent: %s."), g_module_error ());
  return (TerrariumAudioNew) symbol;
}

Audio *
audio_load (VmMachine *machine)
{
  const VmConfig *config = vm_machine_get_config (machine);
  TerrariumAudioNew make = config->sound.device != VM_SOUND_NONE ? find_module () : NULL;
  Audio *audio = make != NULL ? make (config) : NULL;

  if (audio != NULL)
    vm_machine_set_audio_sink (machine, audio->sink_ops, audio);
  return audio;
}
