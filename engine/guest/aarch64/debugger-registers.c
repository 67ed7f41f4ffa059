// SPDX-License-Identifier: GPL-3.0-or-later
// The CPU's registers by number, as gdb's features org.gnu.gdb.aarch64.core and .fpu want them,
// followed by what it takes to remove pointer authentication codes (.pauth) and the system registers
// that EL1 may read, which a debugger may not write. On any thread while the CPU is parked.
#include "engine/guest/aarch64/debugger.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/pauth.h"
#include "engine/guest/aarch64/sysreg.h"

enum {
  N_SP = 31,
  N_PC = 32,
  N_CPSR = 33,
  N_V = 34,
  N_FPSR = 66,
  N_FPCR = 67,
  N_PAUTH_DATA = A64_DEBUGGER_N_GENERAL,
  N_PAUTH_CODE,
  N_SYSTEM,
  FEATURE_CORE = 0,
  FEATURE_FPU = 1,
  FEATURE_PAUTH = 2,
  FEATURE_SYSTEM = 3,
};

#define VECTOR(id, type, count) "<vector id=\"" id "\" type=\"" type "\" count=\"" count "\"/>"
#define FIELD(name, type)       "<field name=\"" name "\" type=\"" type "\"/>"
#define UNION(id, fields)       "<union id=\"" id "\">" fields "</union>"

const GuestDebugFeature a64_debugger_features[A64_DEBUGGER_N_FEATURES] = {
    [FEATURE_CORE] = {"org.gnu.gdb.aarch64.core", ""},
    [FEATURE_FPU] =
        {"org.gnu.gdb.aarch64.fpu",
         VECTOR ("v2d", "ieee_double", "2") VECTOR ("v2u", "uint64", "2") VECTOR (
             "v2i", "int64", "2") VECTOR ("v4f", "ieee_single", "4") VECTOR ("v4u", "uint32", "4")
             VECTOR ("v4i", "int32", "4") VECTOR ("v8f", "ieee_half", "8") VECTOR (
                 "v8u", "uint16", "8") VECTOR ("v8i", "int16", "8") VECTOR ("v16u", "uint8", "16")
                 VECTOR ("v16i", "int8", "16") VECTOR ("v1u", "uint128", "1") VECTOR (
                     "v1i",
                     "int128", "1")
                     UNION ("vnd", FIELD ("f", "v2d") FIELD ("u", "v2u") FIELD ("s", "v2i"))
                         UNION ("vns", FIELD ("f", "v4f") FIELD ("u", "v4u") FIELD ("s", "v4i"))
                             UNION ("vnh", FIELD ("f", "v8f") FIELD ("u", "v8u") FIELD ("s", "v8i"))
                                 UNION ("vnb", FIELD ("u", "v16u") FIELD ("s", "v16i"))
                                     UNION ("vnq", FIELD ("u", "v1u") FIELD ("s", "v1i")) UNION (
                                         "aarch64v", FIELD ("d", "vnd") FIELD ("s", "vns")
                                                         FIELD ("h", "vnh") FIELD ("b", "vnb")
                                                             FIELD ("q", "vnq"))},
    [FEATURE_PAUTH] = {"org.gnu.gdb.aarch64.pauth", ""},
    [FEATURE_SYSTEM] = {"org.terrarium.aarch64.system", ""},
};

uint32_t
a64_debugger_absent_features (const void *opaque)
{
  const A64Cpu *cpu = opaque;

  return cpu->features & A64_FEATURE_PAUTH ? 0 : 1u << FEATURE_PAUTH;
}

// ---- system registers -----------------------------------------------------------------------

typedef struct IdName {
  const char *name;
  uint16_t number;
} IdName;

static const IdName id_fields[] = {
#define A64_ID(name, crm, op2, field, shift, width, value) {#name, A64_SYSREG (3, 0, 0, crm, op2)},
#include "engine/guest/aarch64/id-regs.inc"
#undef A64_ID
};

// The i-th ID register that has fields, NULL behind the last.
static const IdName *
find_id (unsigned i)
{
  for (size_t row = 0; row < G_N_ELEMENTS (id_fields); row++)
    if ((row == 0 || id_fields[row].number != id_fields[row - 1].number) && i-- == 0)
      return &id_fields[row];
  return NULL;
}

// The i-th other register that can be read; NULL behind the last, of which there are *count.
static const A64SysReg *
find_system (unsigned i, unsigned *count)
{
  unsigned n = 0;

  for (int row = 0; row < a64_sysreg_count (); row++) {
    const A64SysReg *reg = a64_sysreg_get (row);

    if ((reg->el1 == A64_RULE_RO || reg->el1 == A64_RULE_RW) && n++ == i)
      return reg;
  }
  *count = n;
  return NULL;
}

static bool
read_system (A64Cpu *cpu, unsigned i, uint64_t *value)
{
  unsigned count;
  const A64SysReg *reg = find_system (i, &count);

  if (reg != NULL) {
    *value = a64_sysreg_read (cpu, reg);
    return true;
  }
  const IdName *id = find_id (i - count);
  if (id == NULL || !a64_id_register (id->number, value))
    return false;
  *value |= a64_feature_fields (cpu, id->number);
  return true;
}

static bool
describe_system (unsigned i, GuestRegister *out)
{
  unsigned count;
  const A64SysReg *reg = find_system (i, &count);
  const IdName *id = reg == NULL ? find_id (i - count) : NULL;

  if (reg == NULL && id == NULL)
    return false;
  *out =
      (GuestRegister){.feature = FEATURE_SYSTEM, .bits = 64, .type = "uint64", .group = "system"};
  g_strlcpy (out->name, reg != NULL ? reg->name : id->name, sizeof out->name);
  return true;
}

// ---- by number ------------------------------------------------------------------------------

bool
a64_debugger_describe_register (unsigned n, GuestRegister *out)
{
  static const struct {
    const char *name, *type;
    uint8_t n, feature, bits;
  } others[] = {
      {"sp", "data_ptr", N_SP, FEATURE_CORE, 64},
      {"pc", "code_ptr", N_PC, FEATURE_CORE, 64},
      {"cpsr", "uint32", N_CPSR, FEATURE_CORE, 32},
      {"fpsr", "uint32", N_FPSR, FEATURE_FPU, 32},
      {"fpcr", "uint32", N_FPCR, FEATURE_FPU, 32},
      {"pauth_dmask", "uint64", N_PAUTH_DATA, FEATURE_PAUTH, 64},
      {"pauth_cmask", "uint64", N_PAUTH_CODE, FEATURE_PAUTH, 64},
  };

  if (n >= N_SYSTEM)
    return describe_system (n - N_SYSTEM, out);
  if (n < N_SP) {
    *out = (GuestRegister){.feature = FEATURE_CORE, .bits = 64, .type = "int"};
    g_snprintf (out->name, sizeof out->name, "x%u", n);
    return true;
  }
  if (n >= N_V && n < N_FPSR) {
    *out = (GuestRegister){.feature = FEATURE_FPU, .bits = 128, .type = "aarch64v"};
    g_snprintf (out->name, sizeof out->name, "v%u", n - N_V);
    return true;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    if (others[i].n == n) {
      *out = (GuestRegister){
          .feature = others[i].feature, .bits = others[i].bits, .type = others[i].type};
      g_strlcpy (out->name, others[i].name, sizeof out->name);
    }
  return true;
}

bool
a64_debugger_read_register (void *opaque, unsigned n, uint8_t value[GUEST_REGISTER_BYTES])
{
  A64Cpu *cpu = opaque;
  uint64_t number = 0;

  memset (value, 0, GUEST_REGISTER_BYTES);
  if (n >= N_V && n < N_FPSR) {
    memcpy (value, &cpu->v[n - N_V], sizeof cpu->v[0]);
    return true;
  }
  if (n <= N_SP)
    number = cpu->x[n]; // x[A64_SP] is the current stack pointer
  else if (n == N_PC)
    number = cpu->pc;
  else if (n == N_CPSR)
    number = a64_get_spsr (cpu);
  else if (n == N_FPSR)
    number = cpu->fpsr_qc | cpu->fp.flags;
  else if (n == N_FPCR)
    number = cpu->fpcr;
  else if (n < N_SYSTEM)
    number = a64_pac_mask (cpu, n == N_PAUTH_DATA);
  else if (!read_system (cpu, n - N_SYSTEM, &number))
    return false;
  memcpy (value, &number, sizeof number);
  return true;
}

static bool
write_cpsr (A64Cpu *cpu, uint32_t cpsr)
{
  unsigned mode = cpsr & 0x1f;

  if (mode != 0 && mode != 4 && mode != 5)
    return false;
  a64_switch_sp (cpu, mode >> 2, mode & 1);
  a64_set_pstate (cpu, cpsr);
  a64_update_context (cpu);
  a64_poll_irq (cpu);
  return true;
}

bool
a64_debugger_write_register (void *opaque, unsigned n, const uint8_t value[GUEST_REGISTER_BYTES])
{
  A64Cpu *cpu = opaque;
  uint64_t number;

  memcpy (&number, value, sizeof number);
  if (n >= A64_DEBUGGER_N_GENERAL)
    return false;
  if (n == N_CPSR)
    return write_cpsr (cpu, (uint32_t) number);
  if (n <= N_SP) {
    cpu->x[n] = number;
  } else if (n == N_PC) {
    cpu->pc = number;
  } else if (n == N_FPSR) {
    cpu->fpsr_qc = number & 1u << 27;
    cpu->fp.flags = number & 0x9f;
  } else if (n == N_FPCR) {
    a64_set_fpcr (cpu, (uint32_t) number);
  } else {
    memcpy (&cpu->v[n - N_V], value, sizeof cpu->v[0]);
  }
  return true;
}
