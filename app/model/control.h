// SPDX-License-Identifier: GPL-3.0-or-later
// How a running machine is reached from other processes: a UNIX socket of its own,
// $XDG_RUNTIME_DIR/terrarium/<uuid>.sock, that takes one JSON object per line and answers each
// with one: {"op": "info"} -> {"ok": true, "state": "running", …};
// {"op": "stop", "force": true} -> {"ok": true} or {"ok": false, "error": "…"}.
// Operations: info, stop (force), pause, resume; save, progress, cancel and others of running.c. GLib
// only. Main context of the caller's thread.
#pragma once

#include <json-glib/json-glib.h>

#include "engine/api/vm.h"

typedef struct ControlServer ControlServer;

// Listens for `machine` until freed. G_IO_ERROR_ADDRESS_IN_USE when a machine of the same uuid runs
// already, of a copied folder; of several that start at once one gets the socket, by a lock on
// <uuid>.lock beside it. The socket is only its owner's (0600 in a 0700 folder). Lines and
// connections are bounded: input from the socket is not trusted.
ControlServer *control_server_new (VmMachine *machine, GError **error);
void control_server_free (ControlServer *server);

// An operation of somebody else's than the server, to be answered once.
typedef struct ControlCall ControlCall;
// `error` NULL: it went well, with the members of `reply` (may be NULL) in the answer.
void control_call_answer (ControlCall *call, JsonObject *reply, const GError *error);
// Offered what the server does not know. False: neither does it.
typedef bool (*ControlHandler) (void *data, const char *op, JsonObject *request, ControlCall *call);
void control_server_set_handler (ControlServer *server, ControlHandler handler, void *data);

// Sends one request to the machine and waits for the answer (bounded time). NULL with an error when
// nobody listens or the answer is no.
JsonObject *control_call (const char *uuid, JsonObject *request, GError **error);
// The same with just an operation's name.
JsonObject *control_call_op (const char *uuid, const char *op, bool force, GError **error);

// The text for a state in answers and --json: "stopped", "running", "paused" …
const char *control_state_name (VmState state);
