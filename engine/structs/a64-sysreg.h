// SPDX-License-Identifier: GPL-3.0-or-later
// How an A64 system register is numbered outside the CPU: op0, op1, CRn, CRm, op2 packed as they
// lie in bits 20:5 of MRS and MSR (Arm ARM C5.1.3). Shared by the CPU and the interrupt controller,
// which do not include one another.
#pragma once

#define A64_SYSREG(op0, op1, crn, crm, op2)                                                        \
  (((op0) << 14) | ((op1) << 11) | ((crn) << 7) | ((crm) << 3) | (op2))
