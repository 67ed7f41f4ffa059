// SPDX-License-Identifier: GPL-3.0-or-later
// Address translation inside the CPU: the walker (walk.c) makes an A64Translation, the TLBs (tlb.c)
// keep it, the access slow paths (access.c) and the block cache use it. Arm ARM D8 (VMSAv8-64),
// stage 1 of the EL1&0 regime. Owned by the vCPU thread.
#pragma once

#include "engine/guest/aarch64/cpu.h"

// What is permitted, before PAN is looked at.
enum {
  A64_EL1_WRITE = 1u << 0, // EL1 may always read
  A64_EL1_EXEC = 1u << 1,
  A64_EL0_READ = 1u << 2,
  A64_EL0_WRITE = 1u << 3,
  A64_EL0_EXEC = 1u << 4,
};

typedef enum A64Access {
  A64_READ,
  A64_WRITE,
  A64_EXEC,
} A64Access;

// Who asks, and how.
typedef struct A64Request {
  A64Access access;
  uint8_t el;     // 0: with EL0's rights
  bool pan;       // PSTATE.PAN applies to this access and is set
  bool no_update; // AT: leaves access flag and dirty state alone
} A64Request;

// One 4 KiB piece of a mapping.
typedef struct A64Translation {
  GuestAddr pa; // of the piece
  uint8_t permissions;
  uint8_t attr;         // the byte of MAIR_EL1
  uint8_t shareability; // SH, for PAR_EL1
  uint8_t size_bits;    // log2 of the block or page it is a piece of
  bool global;
  bool guarded; // GP: branch targets are checked
} A64Translation;

// Fault status codes (ESR_ELx.ISS.xFSC); + level where levels apply.
enum {
  A64_FSC_ADDRESS_SIZE = 0x00,
  A64_FSC_TRANSLATION = 0x04,
  A64_FSC_ACCESS_FLAG = 0x08,
  A64_FSC_PERMISSION = 0x0c,
  A64_FSC_EXTERNAL = 0x10,
  A64_FSC_EXTERNAL_WALK = 0x14,
  A64_FSC_ALIGNMENT = 0x21,
  A64_FSC_UNSUPPORTED = 0x35, // exclusive or atomic
};

// Memory types: Device is 0b0000dd00.
static inline bool
a64_attr_is_device (uint8_t attr)
{
  return (attr & 0xf0) == 0;
}

// Walk parameters, decoded from TCR_EL1 and TTBRn_EL1 when they are written.
typedef struct A64Half {
  uint64_t base;      // of the first table
  uint64_t base_mask; // its bits in TTBRn_EL1
  uint8_t va_bits;    // 64 - TnSZ
  uint8_t page_bits;  // 12, 14, 16
  uint8_t start_level;
  bool disabled; // EPD
  bool tbi;
  bool tbi_code; // and not TBID
  bool hpd;
  bool e0pd;
} A64Half;

typedef struct A64L2Entry {
  uint64_t key; // VA[47:12], bit 55, generation of the ASID: never 0 when valid
  uint64_t value;
} A64L2Entry;

enum {
  A64_N_CONTEXTS = 16, // EL0 contexts, one for each recent ASID
  A64_L2_WAYS = 4,
  A64_L2_SETS = 4096,
  A64_L2_BIG_SETS = 64, // 2 MiB pieces of blocks
  A64_N_FRAGILE = 64,
  A64_IFETCH_SIZE = 256,
  A64_TLB_CHUNK = A64_TLB_SIZE / 64,
  A64_JC_CHUNK = 64,
  A64_JC_PAGE = A64_PAGE_SIZE / 4, // entries of a page, which lie together
  A64_BLOOM_BITS = 32768,
  A64_BIG_BLOOM_BITS = 16384,
  A64_PA_BITS = 48,
};

// Where code of a virtual page is.
typedef struct A64Ifetch {
  uint64_t va; // of the page; ~0: empty
  GuestAddr pa;
  bool guarded;
} A64Ifetch;

typedef struct A64TlbContextInfo {
  bool valid; // EL0: belongs to `asid`
  uint16_t asid;
  uint64_t last_use;
  bool used;       // something was filled since the last flush
  bool has_global; // EL0: holds global entries too, which any TLBI by VA may mean
  uint64_t filled; // chunks of both tables that have entries: a flush goes through no others
  // Entries of the EL1 context that are gone with the TTBR0, ASID or PAN they were filled under:
  // indices, bit 15 for the write table. Too many: everything goes.
  unsigned n_fragile;
  uint16_t fragile[A64_N_FRAGILE];
  bool fragile_code;
  A64Ifetch ifetch[A64_IFETCH_SIZE];
  bool jc_flush; // the jump cache has translated code for FPCR.FZ
  uint64_t jc_written[(1 << A64_JC_BITS_EL1) / A64_JC_CHUNK / 64]; // chunks of the jump cache
  uint64_t code_bloom[A64_BLOOM_BITS / 64]; // pages whose code may be in the jump cache
} A64TlbContextInfo;

typedef struct A64Mmu {
  bool enabled; // SCTLR_EL1.M
  bool check_alignment;
  bool wxn;
  bool hardware_af, hardware_dirty;
  uint8_t ips_bits;  // output address size
  uint8_t asid_half; // whose TTBRn_EL1 has it
  uint16_t asid_mask;
  A64Half half[2];
  uint16_t asid;
  // The last RAM region a walk or access met, so that most need no search of the bus.
  uint8_t *ram_host;
  GuestAddr ram_base;
  uint64_t ram_bytes;

  A64TlbContext *el0[A64_N_CONTEXTS];
  uint64_t tick; // for last_use
  // Second level. A generation number stands for an ASID (or for "global"), so that forgetting
  // an ASID means giving it a new number.
  uint16_t global_generation;
  uint16_t generation; // of the current ASID
  uint32_t next_generation;
  uint16_t *generation_of; // 65536, 0: none
  A64L2Entry (*l2)[A64_L2_WAYS];
  A64L2Entry (*l2_big)[A64_L2_WAYS];
  uint8_t l2_victim;
  uint64_t big_bloom[A64_BIG_BLOOM_BITS / 64]; // blocks of 2 MiB and more that were filled
} A64Mmu;

// walk.c

// Recomputes the walk parameters from the system registers.
void a64_mmu_configure (A64Cpu *cpu);
// The same where nothing but TTBRn_EL1 was written.
void a64_mmu_point (A64Cpu *cpu);
// Removes the tag of `va` where TBI is enabled; of an instruction's address, unless TBID is.
GuestVaddr a64_untag (const A64Mmu *mmu, GuestVaddr va);
GuestVaddr a64_untag_code (const A64Mmu *mmu, GuestVaddr va);
// The host address of [pa, pa + size) in RAM, or NULL.
void *a64_ram_ptr (A64Cpu *cpu, GuestAddr pa, unsigned size);
// The same in RAM or ROM: for reading and executing.
const void *a64_read_ptr (A64Cpu *cpu, GuestAddr pa, unsigned size);
// Walks the tables for the 4 KiB piece `va` is in. False: `*fsc` says why.
bool a64_walk (A64Cpu *cpu, GuestVaddr va, const A64Request *request, A64Translation *out,
               uint8_t *fsc);
bool a64_permitted (const A64Translation *t, const A64Request *request);

// tlb.c

bool a64_mmu_init (A64Cpu *cpu);
void a64_mmu_clear (A64Cpu *cpu);
// As a64_walk, through the second-level TLB.
bool a64_translate (A64Cpu *cpu, GuestVaddr va, const A64Request *request, A64Translation *out,
                    uint8_t *fsc);
// The same where the second level knows it and it is permitted; the tables are not looked at.
bool a64_translate_known (A64Cpu *cpu, GuestVaddr va, const A64Request *request,
                          A64Translation *out);
// Enters a translation into the first level, if it may be there. `host` is that of va's page.
void a64_tlb_fill (A64Cpu *cpu, A64TlbContext *ctx, GuestVaddr va, bool write,
                   const A64Translation *t, uint8_t *host);
// Physical page of the code at va's page: false and *fsc on a fault.
bool a64_ifetch (A64Cpu *cpu, GuestVaddr va, GuestAddr *pa, uint8_t *fsc);
// Whether that page, if it can be fetched from, is guarded (FEAT_BTI).
bool a64_is_guarded (A64Cpu *cpu, GuestVaddr va);

// Follows a change of the ASID, of PSTATE.PAN from 0 to 1, or of TTBR0.
void a64_tlb_switch_asid (A64Cpu *cpu);
void a64_tlb_drop_fragile (A64Cpu *cpu);
// The write tables of all contexts.
void a64_tlb_drop_writes (A64Cpu *cpu);
// Everything of both levels, and the jump caches.
void a64_tlb_flush_all (A64Cpu *cpu);
void a64_tlb_flush_asid (A64Cpu *cpu, uint16_t asid);
// `n` 4 KiB pages from `va`: those of `asid` and global ones, or of every ASID.
void a64_tlb_flush_pages (A64Cpu *cpu, GuestVaddr va, unsigned n, bool all_asids, uint16_t asid);
// Empties every jump cache (code must be looked up and permissions checked again).
void a64_jump_caches_clear (A64Cpu *cpu);
