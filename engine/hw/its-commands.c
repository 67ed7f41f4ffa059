// SPDX-License-Identifier: GPL-3.0-or-later
// The ITS's command queue (IHI 0069 §5.3). Worked off at once, when GITS_CWRITER is written, on that
// vCPU's thread under the interrupt controller's lock: a queue holds 32768 commands at most, and
// what takes long (INVALL) is done once for each CPU, however often it is asked for. A command that
// makes no sense is skipped.

#include "engine/hw/its-priv.h"
#include "engine/mem/access.h"

enum {
  COMMAND_MOVI = 0x01,
  COMMAND_INT = 0x03,
  COMMAND_CLEAR = 0x04,
  COMMAND_SYNC = 0x05,
  COMMAND_MAPD = 0x08,
  COMMAND_MAPC = 0x09,
  COMMAND_MAPTI = 0x0a,
  COMMAND_MAPI = 0x0b,
  COMMAND_INV = 0x0c,
  COMMAND_INVALL = 0x0d,
  COMMAND_MOVALL = 0x0e,
  COMMAND_DISCARD = 0x0f,

  CBASER_PAGES = 0xff, // less one, of 4 KiB
  PAGE_BYTES = 4096,
};

typedef struct Batch {
  Its *its;
  uint64_t reload[GICV3_MAX_CPUS / 64]; // CPUs whose LPIs were invalidated
} Batch;

// The command's words, and the fields most of them have in the same place.
typedef struct Command {
  uint64_t words[4];
  uint32_t device, event;
  uint16_t collection;
  uint64_t cpu; // RDbase: a number, as GITS_TYPER.PTA is 0
  bool valid;
} Command;

static bool
run_map (Its *its, const Command *command, uint32_t intid)
{
  return its_set_event (its, command->device, command->event, intid, command->collection);
}

static bool
run_set_pending (Its *its, const Command *command, bool pending)
{
  uint64_t cpu;
  uint32_t intid;

  if (!its_translate (its, command->device, command->event, &cpu, &intid))
    return false;
  gic_lpi_set_pending (its->gic, cpu, intid, pending);
  return true;
}

static bool
run_discard (Its *its, const Command *command)
{
  ItsEvent event;
  uint64_t cpu;

  if (!its_get_event (its, command->device, command->event, &event))
    return false;
  if (its_get_collection (its, event.collection, &cpu))
    gic_lpi_set_pending (its->gic, cpu, event.intid, false);
  its_drop_event (&event);
  return true;
}

static bool
run_invalidate (Its *its, const Command *command)
{
  uint64_t cpu;
  uint32_t intid;

  if (!its_translate (its, command->device, command->event, &cpu, &intid))
    return false;
  gic_lpi_reload (its->gic, cpu, intid);
  return true;
}

static bool
run_invalidate_all (Batch *batch, const Command *command)
{
  uint64_t cpu;

  if (!its_get_collection (batch->its, command->collection, &cpu))
    return false;
  batch->reload[cpu / 64] |= 1ull << cpu % 64;
  return true;
}

static bool
run_move (Its *its, const Command *command)
{
  ItsEvent event;
  uint64_t from, to;

  if (!its_get_event (its, command->device, command->event, &event) ||
      !its_get_collection (its, event.collection, &from) ||
      !its_get_collection (its, command->collection, &to))
    return false;
  its_move_event (&event, command->collection);
  gic_lpi_move (its->gic, from, to, event.intid);
  return true;
}

static bool
run_move_all (Its *its, const Command *command)
{
  unsigned n_cpus = its->gic->config.n_cpus;
  uint64_t to = command->words[3] >> 16 & 0x7ffffffff;

  if (command->cpu >= n_cpus || to >= n_cpus)
    return false;
  gic_lpi_move_all (its->gic, command->cpu, to);
  return true;
}

static bool
run (Batch *batch, const Command *command)
{
  Its *its = batch->its;

  switch (command->words[0] & 0xff) {
  case COMMAND_MAPD:
    return its_set_device (its, command->device, command->valid, command->words[2] & ITS_ITT_ADDR,
                           command->words[1] & 0x1f);
  case COMMAND_MAPC:
    return its_set_collection (its, command->collection, command->valid, command->cpu);
  case COMMAND_MAPTI:
    return run_map (its, command, command->words[1] >> 32);
  case COMMAND_MAPI:
    return run_map (its, command, command->event);
  case COMMAND_MOVI:
    return run_move (its, command);
  case COMMAND_MOVALL:
    return run_move_all (its, command);
  case COMMAND_INT:
    return run_set_pending (its, command, true);
  case COMMAND_CLEAR:
    return run_set_pending (its, command, false);
  case COMMAND_DISCARD:
    return run_discard (its, command);
  case COMMAND_INV:
    return run_invalidate (its, command);
  case COMMAND_INVALL:
    return run_invalidate_all (batch, command);
  case COMMAND_SYNC:
    return true;
  default:
    return false;
  }
}

static bool
fetch (const Its *its, Command *command)
{
  const uint8_t *at = mem_bus_ram_ptr (
      its->device.vm->bus, (its->cbaser & ITS_CBASER_ADDR) + its->creadr, ITS_COMMAND_BYTES);
  if (at == NULL)
    return false;
  for (unsigned i = 0; i < 4; i++)
    command->words[i] = mem_load64 (at + 8 * i);
  command->device = command->words[0] >> 32;
  command->event = command->words[1] & 0xffffffff;
  command->collection = command->words[2] & 0xffff;
  command->cpu = command->words[2] >> 16 & 0x7ffffffff;
  command->valid = command->words[2] >> 63;
  return true;
}

void
its_run_commands (Its *its)
{
  uint64_t bytes = ((its->cbaser & CBASER_PAGES) + 1) * PAGE_BYTES;
  Batch batch = {.its = its};
  Command command;

  if (!(its->ctlr & ITS_CTLR_ENABLED) || !(its->cbaser & ITS_VALID) || its->cwriter >= bytes ||
      its->creadr >= bytes)
    return;
  gic_lpi_begin_batch (its->gic);
  // Once around at most: the writer's place does not change meanwhile.
  while (its->creadr != its->cwriter && fetch (its, &command)) {
    if (!run (&batch, &command))
      guest_log (&its->device.vm->log, "its", "command 0x%02x of device 0x%x makes no sense",
                 (unsigned) command.words[0] & 0xff, command.device);
    its->creadr = (its->creadr + ITS_COMMAND_BYTES) % bytes;
  }
  for (unsigned cpu = 0; cpu < its->gic->config.n_cpus; cpu++)
    if (batch.reload[cpu / 64] >> cpu % 64 & 1)
      gic_lpi_reload_all (its->gic, cpu);
  gic_lpi_end_batch (its->gic);
}
