// SPDX-License-Identifier: GPL-3.0-or-later
// What makes host code of uops: one table of functions for each host architecture, in
// engine/host/<arch>/. A host knows nothing of the guest but what JitLayout says, a guest nothing
// of the host. Everything runs on the vCPU's thread.
//
// Generated code is reached through jit_enter with an address, runs until something wants the run
// loop, and leaves the CPU's state complete: general and vector registers, NZCV, page and pc.
#pragma once

#include <stddef.h>

#include "engine/ir/uop.h"

// How slow paths are told what to do: packed into 32 bits.
enum {
  JIT_DESC_PC_OFF = 0, // 12 bits: the instruction's offset in its page
  JIT_DESC_SIZE = 12,  // 3 bits: log2 of the size of one access
  JIT_DESC_PAIR = 1u << 15,
  JIT_DESC_UNPRIV = 1u << 16,
  JIT_DESC_ALIGNED = 1u << 17,
  JIT_DESC_STORE = 1u << 18,
  JIT_DESC_ATOMIC = 1u << 19,
  JIT_DESC_COUNT = 24, // 8 bits: instructions begun since they were last counted
};

// How a system call enters the kernel's level and an exception is returned from, where nothing is
// odd: the bytes of the processor state, and the registers that keep it. A host does both by itself.
typedef struct JitExceptions {
  int32_t hard;  // 64 bits: not 0: nothing is to be done without tier 0
  int32_t level; // byte: 0 user, 1 kernel; the byte behind: its own stack pointer
  int32_t pan, uao, step, dit, ssbs; // bytes
  int32_t sp_bank;                   // 64 bits: the stack pointer of the user, then of the kernel
  int32_t jc_mask;                   // 32 bits, beside the jump cache in use
  int32_t ctx_kernel;                // pointer to the kernel's context
  int32_t event;                     // pointer to 32 bits that an exception return sets to 1
  // In the block of system registers, 64 bits each.
  int32_t state, address, syndrome, vectors, control;
  int32_t call_syndrome; // of a system call
  int32_t call_vector;   // of one from the user's level
} JitExceptions;

// Where generated code finds things: byte offsets in the guest CPU's state unless said otherwise.
// Sizes are those of the fields in cpu.h of the guest.
typedef struct JitLayout {
  int32_t pending;      // 32 bits: not 0: leave
  int32_t nzcv;         // 32 bits, flags in 31:28
  int32_t ctx;          // pointer to the context
  int32_t page, pc;     // 64 bits
  int32_t x;            // 64 bits each, IR_N_REGS of them
  int32_t v;            // 128 bits each, IR_N_VREGS of them
  int32_t instructions; // 64 bits
  int32_t jc;           // pointer to the jump cache in use; the context's own, or the mode is odd
  int32_t sys;          // pointer to the block of system registers
  int32_t access_data;  // what slow paths read and write: two times 128 bits
  int32_t fp_flags;     // 32 bits: cumulative exceptions: those of SoftfpEnv
  int32_t fp_rounding;  // byte: SoftfpRounding; the byte behind: IR_FP_FLUSH
  int32_t window;       // eight times 64 bits for generated code's own use
  int32_t mask;         // byte: the interrupt mask
  int32_t waiting;      // 32 bits: not 0: an interrupt may be waiting, or what else a mask hides
  int32_t went_on;      // byte: set by what follows an instruction of tier 0
  int32_t stale;        // byte: set where marked code was come upon
  int32_t link_site;    // pointer: the jump that wants to be led to the code at pc
  int32_t ctx_el0;      // pointer to the context of unprivileged accesses
  int32_t saturated;    // 32 bits: gets saturated_bit when a vector operation saturates
  uint32_t saturated_bit;
  int32_t excl_valid, excl_size, excl_host, excl_value; // byte, byte, pointer, 64 bits
  // In a context: tables of {tag, addend}, the jump cache of {va, code} and its mask (32 bits).
  int32_t ctx_read, ctx_write, ctx_jc, ctx_jc_mask;
  int32_t typed_jumps;   // 32 bits: not 0: tier 0 jumps where the kind of a jump may count
  int32_t ticks;         // pointer to Ticks
  int32_t ticks_last;    // 64 bits: what was read last
  int32_t ticks_control; // in the block of system registers: who may read them
  uint8_t tlb_bits;
  JitExceptions exceptions;
  // Slow paths. `data` is access_data. False (NULL): an exception was taken, pc says where to.
  bool (*load) (void *cpu, uint64_t va, uint32_t desc);
  bool (*store) (void *cpu, uint64_t va, uint32_t desc);
  void *(*rmw) (void *cpu, uint64_t va, uint32_t desc);
  bool (*check_sp) (void *cpu, uint64_t unused, uint32_t desc);
  // `pending` is not 0 where the guest is about to go on at va. True: that was seen to, and pc says
  // where it goes on; false: generated code is left there.
  bool (*attend) (void *cpu, uint64_t va);
  // What is to be added to addresses in va's page, which enters the table; 0: it is not known to be
  // ordinary memory that may be accessed. Changes nothing the guest can see. write: 1 to write.
  int64_t (*addend) (void *cpu, uint64_t va, uint32_t write);
} JitLayout;

// One region to be lowered. `ops` are the guest's decoded instructions for tier 0, each followed
// by what comes after it: op_bytes for the two. A function void (cpu, op) is at the start.
typedef struct JitRequest {
  const IrRegion *ir;
  // The guest's code as it was read, the words of the region's spans one after the other. The guest
  // may be changing it: what is in memory now may be something else.
  const uint32_t *words;
  const void *ops;
  unsigned n_ops, op_bytes;
  // Of the context's jump cache while this code runs: the entry of an address, times 4, is
  // (va ^ va >> 12) & jc_mask, or the one beside it (that ^ 4).
  uint32_t jc_mask;
  bool count;      // instructions are counted
  bool smp;        // other vCPUs watch
  uint8_t fp_mode; // IR_FP_*
  bool odd;        // a mode whose code is in no jump cache: jumps to other pages leave
} JitRequest;

typedef struct JitHost JitHost;

typedef struct JitHostOps {
  const char *name;
  // NULL, or why generated code cannot run on this computer (untranslated).
  const char *(*unsupported) (void);
  // Writes the shared pieces of code at the start of [code, code + room), which will be executed
  // `alias` bytes further on. *used: how much they took.
  JitHost *(*host_new) (const JitLayout *layout, uint8_t *code, size_t room, ptrdiff_t alias,
                        size_t *used);
  void (*host_free) (JitHost *host);
  // Runs code (an executable address) with va as its address, until it leaves.
  void (*enter) (JitHost *host, void *cpu, const void *code, GuestVaddr va);
  // An executable address for jump-cache entries that stand for nothing: leaves.
  const void *(*empty_code) (JitHost *host);
  // Writes the region's code; its entry is `code` itself. 0: there was no room. entries[i]: how far
  // behind it the code of label i is, if what lower_entry writes may go there; else 0.
  size_t (*lower) (JitHost *host, const JitRequest *request, uint8_t *code, size_t room,
                   uint32_t *entries);
  // Writes code that is entered as a region is, at pc_off in its page, and goes to the code of that
  // label of another region. 0: there was no room.
  size_t (*lower_entry) (JitHost *host, const uint8_t *label, unsigned pc_off, uint8_t *code,
                         size_t room);
  // Leads the jump at `site` to `code` (both as written); saved gets where it led. And back.
  void (*link) (uint8_t *site, const uint8_t *code, uint8_t saved[4]);
  void (*unlink) (uint8_t *site, const uint8_t saved[4]);
  // Makes the code's entry leave with `stale` set; saved gets what stood there. And back.
  void (*mark) (JitHost *host, uint8_t *code, uint8_t saved[8]);
  void (*unmark) (uint8_t *code, const uint8_t saved[8]);
} JitHostOps;
