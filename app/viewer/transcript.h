// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumTranscript: the text of a terminal as plain text, which a screen reader can read and a
// person can select at leisure. Main thread.
#pragma once

#include "app/compat.h"

#include <vte/vte.h>

#define TERRARIUM_TYPE_TRANSCRIPT (terrarium_transcript_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumTranscript, terrarium_transcript, TERRARIUM, TRANSCRIPT, AdwBin)

// Follows the terminal while it is shown.
GtkWidget *terrarium_transcript_new (VteTerminal *terminal);
