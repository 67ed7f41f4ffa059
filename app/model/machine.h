// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumMachine: a machine as the window knows it, from the moment its creation begins: its
// bundle, and while it runs the VmMachine with its screen and console. Main thread.
#pragma once

#include "app/model/bundle.h"
#include "app/model/console.h"
#include "app/model/running.h"
#include "app/model/saved.h"
#include "display/screen.h"

#define TERRARIUM_TYPE_MACHINE (terrarium_machine_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumMachine, terrarium_machine, TERRARIUM, MACHINE, GObject)

// Properties, all notified: "name", "subtitle" ("ARM · Emulated"), "status" (the state in words),
// "problem" (why it cannot be used, or NULL), "state" (VmState as int), "progress" (of its
// creation, of saving it, of a snapshot, 0..1; negative: none), "thumbnail" (GdkTexture or NULL), "vm" (VmMachine or NULL).
// Signals: "failed" (text): something asked for did not work. "stopped" (int VmStopReason, text
// or NULL).

TerrariumMachine *terrarium_machine_new_for_bundle (Bundle *bundle); // takes it
// Without a bundle: for `terrarium run --display window`.
TerrariumMachine *terrarium_machine_new_for_config (const VmConfig *config);

// A machine whose bundle is still being made.
TerrariumMachine *terrarium_machine_new_creating (const VmConfig *config,
                                                  GCancellable *cancellable);
void terrarium_machine_set_progress (TerrariumMachine *machine, double progress);
void terrarium_machine_finish_creating (TerrariumMachine *machine, Bundle *bundle); // takes it
bool terrarium_machine_is_creating (TerrariumMachine *machine);
void terrarium_machine_cancel_creating (TerrariumMachine *machine);

const char *terrarium_machine_get_name (TerrariumMachine *machine);
const char *terrarium_machine_get_subtitle (TerrariumMachine *machine);
const char *terrarium_machine_get_status (TerrariumMachine *machine);
const char *terrarium_machine_get_problem (TerrariumMachine *machine);
double terrarium_machine_get_progress (TerrariumMachine *machine);
GdkTexture *terrarium_machine_get_thumbnail (TerrariumMachine *machine);
const VmConfig *terrarium_machine_get_config (TerrariumMachine *machine); // NULL when broken
Bundle *terrarium_machine_get_bundle (TerrariumMachine *machine);         // or NULL
DisplayScreen *terrarium_machine_get_screen (TerrariumMachine *machine);
TerrariumConsole *terrarium_machine_get_console (TerrariumMachine *machine);
VmMachine *terrarium_machine_get_vm (TerrariumMachine *machine); // NULL unless it runs
// Why it has paused by itself, or NULL.
const char *terrarium_machine_get_trouble (TerrariumMachine *machine);
VmState terrarium_machine_get_state (TerrariumMachine *machine);

bool terrarium_machine_can (TerrariumMachine *machine, VmOp op);
// Failures arrive as "failed".
void terrarium_machine_perform (TerrariumMachine *machine, VmOp op);
Running *terrarium_machine_get_running (TerrariumMachine *machine); // NULL unless it runs
// Its bundle has been changed.
void terrarium_machine_reload (TerrariumMachine *machine);

// Starts it from its disks although it has a saved state, which is discarded once it runs.
void terrarium_machine_start_afresh (TerrariumMachine *machine);

// Saving ends the machine; VM_OP_START goes on from there. Failures arrive as "failed", and so does that
// it was cancelled; it goes on then.
bool terrarium_machine_can_save (TerrariumMachine *machine);
void terrarium_machine_save (TerrariumMachine *machine);
void terrarium_machine_cancel_saving (TerrariumMachine *machine);
// It is being saved, or a snapshot taken, and that was not cancelled yet.
bool terrarium_machine_can_cancel_saving (TerrariumMachine *machine);
// Of a machine that is off. `why` (g_free) may be NULL: what is wrong with a stale one.
SavedKind terrarium_machine_get_saved (TerrariumMachine *machine, char **why);
void terrarium_machine_discard_saved (TerrariumMachine *machine);
