// SPDX-License-Identifier: GPL-3.0-or-later
// The machine of cpu-vm.h: a real bus and real RAM, and stand-ins for the clock and for what
// engine/vm/ does with threads. Everything happens on the test's thread.
#include "tests/unit/guest/cpu-vm.h"

#include <string.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/exception.h"

int64_t test_now;

// ---- clock ----------------------------------------------------------------------------------

struct VmTimer {
  void (*fn) (void *);
  void *data;
  int64_t deadline;
  VmTimer *next;
};

static VmTimer *timers;

int64_t
vm_clock_now (VmClock *clock)
{
  (void) clock;
  return test_now;
}

int64_t
vm_clock_count (VmClock *clock)
{
  return vm_clock_now (clock);
}

int64_t
vm_clock_count_exactly (VmClock *clock)
{
  return vm_clock_now (clock);
}

const Ticks *
vm_clock_get_ticks (VmClock *clock)
{
  static const Ticks none;

  (void) clock;
  return &none;
}

VmTimer *
vm_timer_new (VmClock *clock, void (*fn) (void *), void *data)
{
  VmTimer *timer = g_new0 (VmTimer, 1);

  (void) clock;
  *timer = (VmTimer){.fn = fn, .data = data, .deadline = INT64_MAX, .next = timers};
  timers = timer;
  return timer;
}

void
vm_timer_free (VmTimer *timer)
{
  VmTimer **at = &timers;

  while (*at != timer)
    at = &(*at)->next;
  *at = timer->next;
  g_free (timer);
}

void
vm_timer_arm (VmTimer *timer, int64_t deadline_ns)
{
  timer->deadline = deadline_ns;
}

void
vm_timer_disarm (VmTimer *timer)
{
  timer->deadline = INT64_MAX;
}

void
cpu_vm_fire_timers (CpuVm *t)
{
  (void) t;
  for (VmTimer *timer = timers; timer != NULL; timer = timer->next)
    if (timer->deadline <= test_now) {
      timer->deadline = INT64_MAX;
      timer->fn (timer->data);
    }
}

// ---- CPUs -----------------------------------------------------------------------------------

static CpuVm *
of_vcpu (Vcpu *vcpu)
{
  return (CpuVm *) vcpu->vm;
}

void
vcpu_request (Vcpu *vcpu, uint32_t bits)
{
  atomic_fetch_or (vcpu->pending, bits);
}

// The guest's clock jumps to the deadline: nothing else can happen in between.
void
vcpu_wait (Vcpu *vcpu, int64_t deadline_ns)
{
  of_vcpu (vcpu)->waits++;
  if (atomic_load (vcpu->pending) == 0 && deadline_ns != INT64_MAX)
    test_now = MAX (test_now, deadline_ns);
}

bool
vcpu_take_event (Vcpu *vcpu)
{
  bool was_set = of_vcpu (vcpu)->events != 0;

  of_vcpu (vcpu)->events = 0;
  return was_set;
}

_Atomic uint32_t *
vcpu_event_register (Vcpu *vcpu)
{
  return &of_vcpu (vcpu)->events;
}

void
vcpu_wait_event (Vcpu *vcpu, int64_t deadline_ns)
{
  CpuVm *t = of_vcpu (vcpu);

  if (t->events != 0)
    t->events = 0;
  else
    vcpu_wait (vcpu, deadline_ns);
}

void
vcpu_set_event (Vcpu *vcpu)
{
  of_vcpu (vcpu)->events++;
}

void
vcpu_send_event_all (Vm *vm)
{
  ((CpuVm *) vm)->events++;
}

void
vcpu_post_work (Vcpu *target, Vcpu *caller, VcpuWork fn, uint64_t a, uint64_t b, bool wait)
{
  (void) caller, (void) wait;
  fn (target, a, b);
}

void
vcpu_post_work_others (Vcpu *caller, VcpuWork fn, uint64_t a, uint64_t b, bool wait)
{
  (void) wait;
  for (unsigned i = 0; i < caller->vm->n_vcpus; i++)
    if (caller->vm->vcpus[i] != caller)
      fn (caller->vm->vcpus[i], a, b);
}

void
vcpu_run_work (Vcpu *vcpu)
{
  atomic_fetch_and (vcpu->pending, ~(uint32_t) VCPU_WORK);
}

// ---- machine --------------------------------------------------------------------------------

static uint64_t
mmio_read (void *opaque, uint64_t offset, unsigned size)
{
  CpuVm *t = opaque;

  t->mmio_offset = offset;
  t->mmio_size = size;
  return offset + 0x1000;
}

static void
mmio_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  CpuVm *t = opaque;

  t->mmio_offset = offset;
  t->mmio_size = size;
  t->mmio_value = value;
}

static const MmioOps mmio_ops = {mmio_read, mmio_write, .sizes = 1 | 2 | 4 | 8};

static bool
hypercall (void *opaque, Vcpu *vcpu, uint64_t regs[18])
{
  CpuVm *t = opaque;

  (void) regs;
  t->hypercalls++;
  vcpu_request (vcpu, VCPU_EXIT);
  return t->hypercall_known;
}

CpuVm *
cpu_vm_new (unsigned n_cpus)
{
  CpuVm *t = g_new0 (CpuVm, 1);

  test_now = 1000;
  t->ram = vm_ram_new (TEST_RAM_BASE, TEST_RAM_BYTES, NULL);
  t->vm.bus = mem_bus_new ();
  mem_bus_add_ram (t->vm.bus, t->ram);
  mem_bus_add_mmio (t->vm.bus, "test", TEST_MMIO_BASE, 0x1000, &mmio_ops, t);
  t->vm.vcpus = t->vcpus;
  t->vm.n_vcpus = n_cpus;
  t->vm.hypercall = hypercall;
  t->vm.hypercall_opaque = t;
  t->hypercall_known = true;
  t->next_table = TEST_TABLES;
  for (unsigned i = 0; i < n_cpus; i++) {
    Vcpu *vcpu = t->vcpus[i] = g_new0 (Vcpu, 1);

    *vcpu = (Vcpu){.vm = &t->vm, .index = i, .guest = &a64_guest_ops};
    vcpu->cpu = a64_guest_ops.cpu_new (vcpu, NULL);
    cpu_vm_set (vcpu->cpu, REG_VBAR, TEST_VECTORS);
  }
  for (unsigned i = 0; i < 16; i++)
    cpu_vm_write_code (t, TEST_VECTORS + i * 0x80, (uint32_t[]){INSN_HVC}, 1);
  return t;
}

void
cpu_vm_free (CpuVm *t)
{
  for (unsigned i = 0; i < t->vm.n_vcpus; i++) {
    a64_guest_ops.cpu_free (t->vcpus[i]->cpu);
    g_free (t->vcpus[i]);
  }
  mem_bus_free (t->vm.bus);
  vm_ram_free (t->ram);
  g_free (t);
}

A64Cpu *
cpu_vm_cpu (CpuVm *t, unsigned index)
{
  return t->vcpus[index]->cpu;
}

void *
cpu_vm_host (CpuVm *t, GuestAddr pa)
{
  return vm_ram_get_host (t->ram) + (pa - TEST_RAM_BASE);
}

void
cpu_vm_write_code (CpuVm *t, GuestAddr pa, const uint32_t *words, unsigned n)
{
  memcpy (cpu_vm_host (t, pa), words, n * sizeof *words);
}

uint64_t
cpu_vm_run (CpuVm *t, GuestVaddr pc)
{
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  uint64_t before = cpu->instructions;

  cpu->pc = pc;
  a64_guest_ops.run (cpu);
  atomic_fetch_and (&cpu->pending, ~(uint32_t) VCPU_EXIT);
  return cpu->instructions - before - 1;
}

void
cpu_vm_set (A64Cpu *cpu, uint32_t number, uint64_t value)
{
  a64_sysreg_write (cpu, a64_sysreg_get (a64_sysreg_find (number)), value);
}

uint64_t
cpu_vm_get (A64Cpu *cpu, uint32_t number)
{
  return a64_sysreg_read (cpu, a64_sysreg_get (a64_sysreg_find (number)));
}

void
cpu_vm_enter (A64Cpu *cpu, unsigned el, unsigned daif)
{
  a64_switch_sp (cpu, el, el != 0);
  cpu->pstate.daif = daif;
  a64_update_context (cpu);
}

// ---- translation tables ---------------------------------------------------------------------

GuestAddr
cpu_vm_new_table (CpuVm *t, unsigned page_bits)
{
  GuestAddr size = (GuestAddr) 1 << page_bits, table = (t->next_table + size - 1) & ~(size - 1);

  t->next_table = table + size;
  memset (cpu_vm_host (t, table), 0, size);
  return table;
}

uint64_t *
cpu_vm_map (CpuVm *t, GuestAddr root, const TestMap *map)
{
  unsigned stride = map->page_bits - 3;
  unsigned level = 4 - (48 - map->page_bits + stride - 1) / stride;
  GuestAddr table = root;

  for (;; level++) {
    unsigned shift = map->page_bits + stride * (3 - level);
    unsigned bits = MIN (stride, 48 - shift);
    uint64_t *e = cpu_vm_host (t, table);

    e += map->va >> shift & (((uint64_t) 1 << bits) - 1);
    if (level == map->level) {
      *e = map->descriptor | (level == 3 ? 3 : 1);
      return e;
    }
    if (*e == 0)
      *e = cpu_vm_new_table (t, map->page_bits) | 3;
    *e |= map->table_flags;
    table = *e & 0xfffffffff000u & ~(((uint64_t) 1 << map->page_bits) - 1);
  }
}

GuestAddr
cpu_vm_mmu_on (CpuVm *t, A64Cpu *cpu, uint64_t extra_tcr)
{
  static const GuestAddr pages[] = {TEST_CODE, TEST_CODE + 0x1000, TEST_VECTORS, TEST_DATA};
  GuestAddr root = cpu_vm_new_table (t, 12);

  for (size_t i = 0; i < G_N_ELEMENTS (pages); i++)
    cpu_vm_map (t, root, &(TestMap){12, pages[i], 3, pages[i] | DESC_AF, 0});
  cpu_vm_set (cpu, REG_MAIR, 0x00ff);
  cpu_vm_set (cpu, REG_TCR, TCR_48 (0, 2) | extra_tcr);
  cpu_vm_set (cpu, REG_TTBR0, root);
  cpu_vm_set (cpu, REG_TTBR1, root);
  cpu_vm_set (cpu, REG_SCTLR, A64_SCTLR_RESET | A64_SCTLR_M | A64_SCTLR_C | A64_SCTLR_I);
  return root;
}
