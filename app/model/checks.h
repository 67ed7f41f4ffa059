// SPDX-License-Identifier: GPL-3.0-or-later
// What is to be said of this computer, for `terrarium doctor` and the window alike: a verdict on each
// thing that machines want, and what can be done about it. GLib only; any thread.
#pragma once

#include <json-glib/json-glib.h>

#include "app/model/host-facts.h"

typedef enum {
  CHECK_OK,
  CHECK_WARNING, // it works, but not as well as it could
  CHECK_PROBLEM, // it does not, or so slowly that it matters: said at the first start
} CheckVerdict;

typedef struct Check {
  const char *id;    // for programs
  const char *title; // this and the texts are for people, in their language
  CheckVerdict verdict;
  char *text;
  char *remedy;        // what to do, a sentence; NULL: nothing
  const char *command; // that does it; NULL: there is none
} Check;

// Of Check, always the same ones in the same order.
GPtrArray *checks_from_facts (const HostFacts *facts);
// The same for this computer as it is; `program` as for host_facts_collect. On a worker.
GPtrArray *checks_run (const char *program);

CheckVerdict checks_get_worst (const GPtrArray *checks);
const char *check_verdict_get_name (CheckVerdict verdict); // "ok", "warning", "problem"
JsonNode *checks_to_json (const GPtrArray *checks);
