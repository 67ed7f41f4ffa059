// SPDX-License-Identifier: GPL-3.0-or-later
// Firmware calls of AArch64 machines: PSCI 1.1 (Arm DEN 0022), SMCCC 1.2 discovery (DEN 0028) and
// TRNG 1.0 (DEN 0098), by HVC.
//
// Threads: the calling vCPU's.
#pragma once

#include "engine/vm/vm.h"

// A VmHypercall; `opaque` is the Vm. Handles every call: unknown ones get NOT_SUPPORTED.
bool psci_call (void *opaque, Vcpu *vcpu, uint64_t regs[18]);
