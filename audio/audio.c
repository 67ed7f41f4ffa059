// SPDX-License-Identifier: GPL-3.0-or-later
// What all kinds of Audio share. The owner's thread.
#include "audio/audio.h"

void
audio_free (Audio *audio)
{
  if (audio != NULL)
    audio->ops->free (audio);
}
