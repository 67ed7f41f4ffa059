// SPDX-License-Identifier: GPL-3.0-or-later
// Firmware calls of AArch64 machines: one table of functions.
//
// Threads: see psci.h.
#include "engine/machine/psci.h"

#include <sys/random.h>

#include "engine/guest/aarch64/aarch64.h"

// Return values (PSCI §5.2.2; SMCCC and TRNG share -1).
enum {
  SUCCESS = 0,
  NOT_SUPPORTED = -1,
  INVALID_PARAMETERS = -2,
  ALREADY_ON = -4,
  TRNG_INVALID_PARAMETERS = -2,
  TRNG_NO_ENTROPY = -3,
};

enum {
  PSCI_VERSION_1_1 = 0x10001,
  SMCCC_VERSION_1_2 = 0x10002,
  TRNG_VERSION_1_0 = 0x10000,
  AFFINITY_ON = 0,
  AFFINITY_OFF = 1,
  MIGRATE_NOT_NEEDED = 2, // no trusted OS that would have to move
};

// Of power_state, 32 bits in both forms: all but StateID and the type.
#define POWER_STATE_REFUSED 0xfffe0000u

// Bit 30 of a function's number: 64-bit arguments (SMC64).
#define SMC64 0x40000000u

typedef struct Arguments {
  uint64_t a[4]; // x1..x4, cut to 32 bits for a 32-bit function
  bool is_64;
} Arguments;

typedef int64_t (*Handler) (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18]);

// ---- PSCI -----------------------------------------------------------------------------------

static int64_t
psci_version (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  return PSCI_VERSION_1_1;
}

// The CPU with this MPIDR affinity, NULL when there is none.
static Vcpu *
find_cpu (Vm *vm, uint64_t affinity)
{
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    if (a64_cpu_affinity (i) == affinity)
      return vm->vcpus[i];
  return NULL;
}

// Standby and power-down alike return at once, which both may do when a wake-up event is pending;
// with no idle states in the device tree nobody calls this.
static int64_t
cpu_suspend (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  // A power level above the CPU's own, which nothing here has, and reserved bits (5.4.2).
  if (args->a[0] & POWER_STATE_REFUSED)
    return INVALID_PARAMETERS;
  return SUCCESS;
}

static int64_t
cpu_off (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  // A CPU that is turned on again finds its interrupt interface as after reset.
  if (vm->irqchip != NULL)
    vm->irqchip->reset_cpu (vm->irqchip_opaque, caller->index);
  vcpu_power_off (caller);
  return SUCCESS;
}

static int64_t
cpu_on (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  Vcpu *target = find_cpu (vm, args->a[0]);

  if (target == NULL)
    return INVALID_PARAMETERS;
  return vcpu_power_on (target, args->a[1], args->a[2]) ? SUCCESS : ALREADY_ON;
}

static int64_t
affinity_info (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  Vcpu *target = find_cpu (vm, args->a[0]);

  // Levels above 0 are optional since PSCI 1.0.
  if (target == NULL || args->a[1] != 0)
    return INVALID_PARAMETERS;
  return vcpu_is_on (target) ? AFFINITY_ON : AFFINITY_OFF;
}

static int64_t
migrate_info_type (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  return MIGRATE_NOT_NEEDED;
}

// Both: the caller must not see the call return, and the machine ends or restarts soon.
static int64_t
system_off (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  vcpu_power_off (caller);
  vm_request (vm, VM_REQUEST_POWER_OFF);
  return SUCCESS;
}

static int64_t
system_reset (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  vcpu_power_off (caller);
  vm_request (vm, VM_REQUEST_RESET);
  return SUCCESS;
}

static int64_t
system_reset2 (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  // Type 0 is a warm reset of the architecture's own; others are a vendor's.
  if ((uint32_t) args->a[0] != 0)
    return INVALID_PARAMETERS;
  return system_reset (vm, caller, args, regs);
}

// ---- SMCCC and TRNG -------------------------------------------------------------------------

static int64_t
smccc_version (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  return SMCCC_VERSION_1_2;
}

static int64_t
trng_version (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  return TRNG_VERSION_1_0;
}

static int64_t
trng_uuid (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  // Names this source of entropy: the host's.
  regs[1] = 0x8f1d6b3e;
  regs[2] = 0x4a7e52c0;
  regs[3] = 0xb6a91f5d;
  return 0x27c3e084;
}

static int64_t
trng_rnd (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  unsigned word_bits = args->is_64 ? 64 : 32;
  uint64_t bits = args->a[0], words[3];

  if (bits == 0 || bits > 3 * word_bits)
    return TRNG_INVALID_PARAMETERS;
  if (getrandom (words, sizeof words, GRND_NONBLOCK) != sizeof words)
    return TRNG_NO_ENTROPY;
  // The lowest bits are in the last of x1..x3; what was not asked for is zero.
  for (int i = 3; i >= 1; i--) {
    unsigned wanted = (unsigned) MIN (bits, word_bits);

    regs[i] = wanted == 0 ? 0 : words[i - 1] >> (64 - wanted);
    bits -= wanted;
  }
  return SUCCESS;
}

// ---- the table ------------------------------------------------------------------------------

static int64_t psci_features (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18]);
static int64_t smccc_arch_features (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18]);
static int64_t trng_features (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18]);

static const struct Function {
  uint32_t id; // the 32-bit function
  bool has_64; // and its 64-bit form
  Handler handler;
} functions[] = {
    {0x80000000, false, smccc_version}, {0x80000001, false, smccc_arch_features},
    {0x84000000, false, psci_version},  {0x84000001, true, cpu_suspend},
    {0x84000002, false, cpu_off},       {0x84000003, true, cpu_on},
    {0x84000004, true, affinity_info},  {0x84000006, false, migrate_info_type},
    {0x84000008, false, system_off},    {0x84000009, false, system_reset},
    {0x8400000a, false, psci_features}, {0x84000012, true, system_reset2},
    {0x84000050, false, trng_version},  {0x84000051, false, trng_features},
    {0x84000052, false, trng_uuid},     {0x84000053, true, trng_rnd},
};

static const struct Function *
find_function (uint32_t id)
{
  for (size_t i = 0; i < G_N_ELEMENTS (functions); i++)
    if (id == functions[i].id || (functions[i].has_64 && id == (functions[i].id | SMC64)))
      return &functions[i];
  return NULL;
}

static int64_t
has_function (uint32_t id)
{
  return find_function (id) != NULL ? SUCCESS : NOT_SUPPORTED;
}

static int64_t
psci_features (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  return has_function ((uint32_t) args->a[0]);
}

static int64_t
smccc_arch_features (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  return has_function ((uint32_t) args->a[0]);
}

static int64_t
trng_features (Vm *vm, Vcpu *caller, const Arguments *args, uint64_t regs[18])
{
  return has_function ((uint32_t) args->a[0]);
}

bool
psci_call (void *opaque, Vcpu *vcpu, uint64_t regs[18])
{
  uint32_t id = (uint32_t) regs[0];
  const struct Function *function = find_function (id);
  Arguments args = {.is_64 = (id & SMC64) != 0};

  for (unsigned i = 0; i < G_N_ELEMENTS (args.a); i++)
    args.a[i] = args.is_64 ? regs[i + 1] : (uint32_t) regs[i + 1];
  int64_t result = function != NULL ? function->handler (opaque, vcpu, &args, regs) : NOT_SUPPORTED;
  // Sign-extended for 32-bit functions too: callers compare all of x0 with -1.
  regs[0] = (uint64_t) result;
  return true;
}
