// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a VmMachine from a test: starts it, collects its serial console, waits for text or for the
// end. All calls on one thread, which iterates the default main context.
#pragma once

#include "engine/api/vm.h"

typedef struct TestMachine {
  VmMachine *machine;
  GMutex lock;     // serial is filled by the machine's I/O thread
  GString *serial; // everything the guest printed
  bool stopped;
  VmStopReason reason;
} TestMachine;

// Path of a file below $TERRARIUM_GUESTS; ends the test as skipped when it is not there.
char *test_guest_file (const char *name);

// A machine of the configuration, with its serial console collected; fails the test on error.
TestMachine *test_machine_new (const VmConfig *config);
void test_machine_free (TestMachine *tm); // stops it if it runs
// One operation, to its end.
void test_machine_perform (TestMachine *tm, VmOp op);
// Iterates until `condition` holds or the machine stopped (false) or a very generous deadline
// passed (false).
bool test_machine_wait (TestMachine *tm, bool (*condition) (TestMachine *tm, void *data),
                        void *data);
bool test_machine_wait_text (TestMachine *tm, const char *text);
bool test_machine_wait_stopped (TestMachine *tm);
bool test_machine_has_text (TestMachine *tm, const char *text);
// Pauses the machine and saves it to memory.
GBytes *test_machine_save (TestMachine *tm);
// A new machine that goes on from there, running.
TestMachine *test_machine_restore (const VmConfig *config, GBytes *state);
// Pause, save to memory, end it, and go on in a new machine of the same configuration, running.
TestMachine *test_machine_transplant (TestMachine *tm);
