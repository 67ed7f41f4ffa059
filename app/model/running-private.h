// SPDX-License-Identifier: GPL-3.0-or-later
// Between running.c and running-devices.c.
#pragma once

#include "app/model/running.h"

struct Running {
  int references; // operations under way have one each
  char *path;
  VmConfig *config;
  VmMachine *machine;
  ControlServer *control; // NULL: cannot be reached
  GCancellable *writing;  // while a state is written, for a save or a snapshot
  int permille;           // of that; atomic: a worker tells it
};

Running *running_ref (Running *running);
void running_unref (Running *running);

// Of the machine's "detached".
void running_detached_cb (VmMachine *machine, unsigned port, Running *running);
// A device that left when its image could not be kept is in machine.json yet, in a slot that is empty: a
// state or a snapshot of the machine, or another device there, must wait until that is mended.
bool running_settle_slots (Running *running, GError **error);
// False: it is about something else.
bool running_ask_devices (Running *running, const char *op, JsonObject *request, ControlCall *call);
