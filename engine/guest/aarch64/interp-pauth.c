// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: pointer authentication (Arm ARM C6.2, D8.10). A pointer with a wrong code raises a PAC
// Fail exception (FEAT_FPAC), in the combined instructions too (FEAT_FPACCOMBINE). vCPU thread.
#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/branch.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/interp.h"
#include "engine/guest/aarch64/pauth.h"
#include "engine/guest/aarch64/sysreg.h"

#define RARELY(x) __builtin_expect (!!(x), 0)

// True for what only a CPU with the feature has; raises where it is missing.
static inline bool
is_there (A64Cpu *cpu, const A64Op *op)
{
  if (RARELY (!(cpu->features & A64_FEATURE_PAUTH))) {
    a64_raise_undefined (cpu, op);
    return false;
  }
  return true;
}

static inline bool
is_enabled (const A64Cpu *cpu, A64PacKey key)
{
  return (cpu->pauth_keys >> key & 1) != 0;
}

static inline uint64_t
sign (const A64Cpu *cpu, uint64_t pointer, uint64_t modifier, A64PacKey key)
{
  return is_enabled (cpu, key) ? a64_pac_add (cpu, pointer, modifier, key) : pointer;
}

static inline uint64_t
authenticate (const A64Cpu *cpu, uint64_t pointer, uint64_t modifier, A64PacKey key)
{
  return is_enabled (cpu, key) ? a64_pac_remove (cpu, pointer, modifier, key) : pointer;
}

// Of what authenticate gave: raises where the code was wrong.
static inline bool
is_authentic (A64Cpu *cpu, const A64Op *op, uint64_t pointer, A64PacKey key)
{
  if (!is_enabled (cpu, key) || pointer == a64_pac_strip (cpu, pointer, key >= A64_PAC_DA))
    return true;
  a64_raise_sync (cpu, op, A64_EC_PAC_FAIL, key);
  return false;
}

// Signing and authentication: instructions, and hints that do nothing without the feature, as no
// key is enabled then.

#define DEFINE_SIGN(id, key, there)                                                                \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    if (!(there))                                                                                  \
      return;                                                                                      \
    cpu->x[op->rd] = sign (cpu, cpu->x[op->ra], cpu->x[op->rn], key);                              \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_AUTH(id, key, there)                                                                \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    if (!(there))                                                                                  \
      return;                                                                                      \
    uint64_t pointer = authenticate (cpu, cpu->x[op->ra], cpu->x[op->rn], key);                    \
    if (!is_authentic (cpu, op, pointer, key))                                                     \
      return;                                                                                      \
    cpu->x[op->rd] = pointer;                                                                      \
    A64_NEXT (cpu, op);                                                                            \
  }

DEFINE_SIGN (PACIA, A64_PAC_IA, is_there (cpu, op))
DEFINE_SIGN (PACIB, A64_PAC_IB, is_there (cpu, op))
DEFINE_SIGN (PACDA, A64_PAC_DA, is_there (cpu, op))
DEFINE_SIGN (PACDB, A64_PAC_DB, is_there (cpu, op))
DEFINE_SIGN (PACIZA, A64_PAC_IA, is_there (cpu, op))
DEFINE_SIGN (PACIZB, A64_PAC_IB, is_there (cpu, op))
DEFINE_SIGN (PACDZA, A64_PAC_DA, is_there (cpu, op))
DEFINE_SIGN (PACDZB, A64_PAC_DB, is_there (cpu, op))
DEFINE_SIGN (PACIA1716, A64_PAC_IA, true)
DEFINE_SIGN (PACIB1716, A64_PAC_IB, true)
DEFINE_SIGN (PACIAZ, A64_PAC_IA, true)
DEFINE_SIGN (PACIASP, A64_PAC_IA, true)
DEFINE_SIGN (PACIBZ, A64_PAC_IB, true)
DEFINE_SIGN (PACIBSP, A64_PAC_IB, true)

DEFINE_AUTH (AUTIA, A64_PAC_IA, is_there (cpu, op))
DEFINE_AUTH (AUTIB, A64_PAC_IB, is_there (cpu, op))
DEFINE_AUTH (AUTDA, A64_PAC_DA, is_there (cpu, op))
DEFINE_AUTH (AUTDB, A64_PAC_DB, is_there (cpu, op))
DEFINE_AUTH (AUTIZA, A64_PAC_IA, is_there (cpu, op))
DEFINE_AUTH (AUTIZB, A64_PAC_IB, is_there (cpu, op))
DEFINE_AUTH (AUTDZA, A64_PAC_DA, is_there (cpu, op))
DEFINE_AUTH (AUTDZB, A64_PAC_DB, is_there (cpu, op))
DEFINE_AUTH (AUTIA1716, A64_PAC_IA, true)
DEFINE_AUTH (AUTIB1716, A64_PAC_IB, true)
DEFINE_AUTH (AUTIAZ, A64_PAC_IA, true)
DEFINE_AUTH (AUTIASP, A64_PAC_IA, true)
DEFINE_AUTH (AUTIBZ, A64_PAC_IB, true)
DEFINE_AUTH (AUTIBSP, A64_PAC_IB, true)

void
a64_interp_XPACI (A64Cpu *cpu, const A64Op *op)
{
  if (!is_there (cpu, op))
    return;
  cpu->x[op->rd] = a64_pac_strip (cpu, cpu->x[op->ra], false);
  A64_NEXT (cpu, op);
}

void
a64_interp_XPACD (A64Cpu *cpu, const A64Op *op)
{
  if (!is_there (cpu, op))
    return;
  cpu->x[op->rd] = a64_pac_strip (cpu, cpu->x[op->ra], true);
  A64_NEXT (cpu, op);
}

void
a64_interp_XPACLRI (A64Cpu *cpu, const A64Op *op)
{
  if (cpu->features & A64_FEATURE_PAUTH)
    cpu->x[30] = a64_pac_strip (cpu, cpu->x[30], false);
  A64_NEXT (cpu, op);
}

void
a64_interp_PACGA (A64Cpu *cpu, const A64Op *op)
{
  if (!is_there (cpu, op))
    return;
  cpu->x[op->rd] = a64_pac_generic (cpu, cpu->x[op->ra], cpu->x[op->rn]);
  A64_NEXT (cpu, op);
}

// Branches.

static inline bool
authentic_target (A64Cpu *cpu, const A64Op *op, A64PacKey key, uint64_t *target)
{
  if (!is_there (cpu, op))
    return false;
  *target = authenticate (cpu, cpu->x[op->ra], cpu->x[op->rn], key);
  return is_authentic (cpu, op, *target, key);
}

#define DEFINE_BRANCH(id, key, leave)                                                              \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    uint64_t target;                                                                               \
                                                                                                   \
    if (authentic_target (cpu, op, key, &target))                                                  \
      leave (cpu, op, target);                                                                     \
  }

static inline void
leave_by_return (A64Cpu *cpu, const A64Op *op, uint64_t target)
{
  (void) op;
  cpu->pc = target;
}

static inline void
leave_by_jump (A64Cpu *cpu, const A64Op *op, uint64_t target)
{
  a64_branch_jump (cpu, op, op->ra, target);
}

DEFINE_BRANCH (BRAAZ, A64_PAC_IA, leave_by_jump)
DEFINE_BRANCH (BRABZ, A64_PAC_IB, leave_by_jump)
DEFINE_BRANCH (BRAA, A64_PAC_IA, leave_by_jump)
DEFINE_BRANCH (BRAB, A64_PAC_IB, leave_by_jump)
DEFINE_BRANCH (BLRAAZ, A64_PAC_IA, a64_branch_call)
DEFINE_BRANCH (BLRABZ, A64_PAC_IB, a64_branch_call)
DEFINE_BRANCH (BLRAA, A64_PAC_IA, a64_branch_call)
DEFINE_BRANCH (BLRAB, A64_PAC_IB, a64_branch_call)
DEFINE_BRANCH (RETAA, A64_PAC_IA, leave_by_return)
DEFINE_BRANCH (RETAB, A64_PAC_IB, leave_by_return)

static void
return_from_exception (A64Cpu *cpu, const A64Op *op, A64PacKey key)
{
  uint64_t target;

  if (!is_there (cpu, op))
    return;
  if (cpu->pstate.el == 0) {
    a64_raise_undefined (cpu, op);
    return;
  }
  target = authenticate (cpu, cpu->sys->elr_el1, cpu->x[A64_SP], key);
  if (is_authentic (cpu, op, target, key))
    a64_return_from_exception (cpu, target);
}

void
a64_interp_ERETAA (A64Cpu *cpu, const A64Op *op)
{
  return_from_exception (cpu, op, A64_PAC_IA);
}

void
a64_interp_ERETAB (A64Cpu *cpu, const A64Op *op)
{
  return_from_exception (cpu, op, A64_PAC_IB);
}

// Loads. The address is formed of the authenticated base, whose modifier is zero.

#define DEFINE_LOAD(id, key)                                                                       \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    uint64_t base, value;                                                                          \
                                                                                                   \
    if (!is_there (cpu, op) || !a64_base_ok (cpu, op))                                             \
      return;                                                                                      \
    base = authenticate (cpu, cpu->x[op->rn], 0, key);                                             \
    if (!is_authentic (cpu, op, base, key))                                                        \
      return;                                                                                      \
    base += (uint64_t) op->imm;                                                                    \
    if (!a64_load64 (cpu, op, base, &value))                                                       \
      return;                                                                                      \
    if (op->aux[0])                                                                                \
      cpu->x[op->rn] = base;                                                                       \
    cpu->x[op->rd] = value;                                                                        \
    A64_NEXT (cpu, op);                                                                            \
  }

DEFINE_LOAD (LDRAA, A64_PAC_DA)
DEFINE_LOAD (LDRAB, A64_PAC_DB)
