// SPDX-License-Identifier: GPL-3.0-or-later
// What the machine (vm.c) does with its CPUs. For engine/vm only; called by the controlling thread.
#pragma once

#include "engine/vm/vcpu.h"

// Ends the thread; the CPU's state stays for vcpu_free.
void vcpu_join (Vcpu *vcpu);
// Lets the CPU run guest code when it is on, or makes it leave; does not wait.
void vcpu_set_allowed (Vcpu *vcpu, bool allowed);
// Returns when the thread is parked: it must be off, held or not allowed.
void vcpu_wait_parked (Vcpu *vcpu);
// Parked only: runs what is queued, so that the thread has nothing to do while it stays parked.
void vcpu_serve_parked (Vcpu *vcpu);
// Parked only: architectural reset, and whether it is on from then.
void vcpu_reset (Vcpu *vcpu, bool on);
// Parked only, before its state is saved: carries out a power-on still to come; whether it is on.
bool vcpu_settle (Vcpu *vcpu);
// Parked only: whether it is on after a restore.
void vcpu_set_on (Vcpu *vcpu, bool on);
