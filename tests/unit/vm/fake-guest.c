// SPDX-License-Identifier: GPL-3.0-or-later
// The fake guest architecture.
#include "fake-guest.h"

#include "engine/snapshot/state.h"

static void (*current_step) (FakeCpu *cpu);

void
fake_guest_set_step (void (*step) (FakeCpu *cpu))
{
  current_step = step;
}

static void *
fake_new (Vcpu *vcpu, GError **error)
{
  FakeCpu *cpu = g_new0 (FakeCpu, 1);

  cpu->vcpu = vcpu;
  cpu->step = current_step;
  vcpu->pending = &cpu->pending;
  return cpu;
}

static void
fake_reset (void *opaque)
{
  FakeCpu *cpu = opaque;

  cpu->resets++;
  cpu->pc = cpu->arg = 0;
  cpu->instructions = 0;
}

static void
fake_set_entry (void *opaque, GuestVaddr pc, uint64_t arg)
{
  FakeCpu *cpu = opaque;

  cpu->pc = pc;
  cpu->arg = arg;
}

static void
fake_run (void *opaque)
{
  FakeCpu *cpu = opaque;

  for (;;) {
    uint32_t pending = cpu->pending;

    if (pending & VCPU_EXIT)
      return;
    if (pending & VCPU_WORK)
      vcpu_run_work (cpu->vcpu);
    if (pending & VCPU_IRQ) {
      cpu->pending &= ~(uint32_t) VCPU_IRQ;
      cpu->irqs++;
    }
    if (cpu->pending != 0)
      continue;
    cpu->in_step = true;
    if (cpu->step != NULL)
      cpu->step (cpu);
    cpu->in_step = false;
    cpu->instructions++;
  }
}

static void
fake_set_irq (void *opaque, GuestIrq irq, bool level)
{
  FakeCpu *cpu = opaque;

  vcpu_request (cpu->vcpu, VCPU_IRQ);
}

static void
fake_code_changed (void *opaque, GuestAddr addr, uint64_t length)
{
}

static uint64_t
fake_get_instructions (void *opaque)
{
  return ((FakeCpu *) opaque)->instructions;
}

static void
fake_save (void *opaque, StateWriter *writer)
{
  FakeCpu *cpu = opaque;

  state_put_u64 (writer, cpu->pc);
  state_put_u64 (writer, cpu->arg);
}

static bool
fake_load (void *opaque, StateReader *reader, uint32_t version, GError **error)
{
  FakeCpu *cpu = opaque;

  cpu->pc = state_get_u64 (reader);
  cpu->arg = state_get_u64 (reader);
  return true;
}

const GuestOps fake_guest_ops = {
    .name = "fake",
    .cpu_new = fake_new,
    .cpu_free = g_free,
    .reset = fake_reset,
    .set_entry = fake_set_entry,
    .run = fake_run,
    .set_irq = fake_set_irq,
    .code_changed = fake_code_changed,
    .get_instructions = fake_get_instructions,
    .state_version = 1,
    .save = fake_save,
    .load = fake_load,
};
