// SPDX-License-Identifier: GPL-3.0-or-later
// PL011 UART (Arm DDI 0183G), revision r1p5: 32-byte FIFOs, no DMA, no errors on the line. The
// transmitter is as fast as the host: its FIFO is full only while the I/O thread is behind.
//
// `lock` protects everything; registers are used on vCPU threads, pl011_receive on any thread, the
// output leaves on the I/O thread with the lock released.

#include "engine/hw/pl011.h"

#include <gio/gio.h>

#include "engine/hw/primecell.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"

enum {
  UART_DR = 0x00,
  UART_FR = 0x18,
  UART_ILPR = 0x20,
  UART_IBRD = 0x24,
  UART_FBRD = 0x28,
  UART_LCRH = 0x2c,
  UART_CR = 0x30,
  UART_IFLS = 0x34,
  UART_IMSC = 0x38,
  UART_RIS = 0x3c,
  UART_MIS = 0x40,
  UART_ICR = 0x44,
  UART_DMACR = 0x48,

  FR_CTS = 1u << 0,
  FR_DSR = 1u << 1,
  FR_DCD = 1u << 2,
  FR_RXFE = 1u << 4,
  FR_TXFF = 1u << 5,
  FR_RXFF = 1u << 6,
  FR_TXFE = 1u << 7,

  LCRH_FEN = 1u << 4,
  CR_UARTEN = 1u << 0,
  CR_RXE = 1u << 9,
  CR_RESET = 0x300,
  IFLS_RESET = 0x12,

  INT_RX = 1u << 4,
  INT_TX = 1u << 5,
  INT_RT = 1u << 6,
  INT_ALL = 0x7ff,

  FIFO_BYTES = 32,
  QUEUE_BYTES = 4096,      // typed, but not in the FIFO yet
  OUTPUT_BYTES = 64 << 10, // printed, but not taken by the sink yet
};

typedef struct Pl011 {
  Device device;
  GuestAddr base;
  IrqLine irq;
  const VmConsoleSinkOps *ops;
  void *sink;
  VmEvent *flush_event;
  GByteArray *spare; // I/O thread: what is being given to the sink

  GMutex lock;
  GByteArray *output;
  uint8_t queue[QUEUE_BYTES];
  unsigned queue_first, queue_count;
  uint8_t fifo[FIFO_BYTES];
  unsigned fifo_first, fifo_count;
  uint16_t ilpr, ibrd, fbrd, lcrh, cr, ifls, dmacr;
  uint16_t imsc, ris;
} Pl011;

static unsigned
fifo_depth (const Pl011 *uart)
{
  return uart->lcrh & LCRH_FEN ? FIFO_BYTES : 1;
}

static unsigned
rx_trigger (const Pl011 *uart)
{
  static const uint8_t eighths[8] = {1, 2, 4, 6, 7, 7, 7, 7};
  return MAX (fifo_depth (uart) * eighths[uart->ifls >> 3 & 7] / 8, 1);
}

static void
update_irq (Pl011 *uart)
{
  irq_line_set (&uart->irq, uart->ris & uart->imsc);
}

// Moves typed bytes into the FIFO while there is room. The receive timeout counts as passed at
// once: no more bytes are on the way.
static void
fill_fifo (Pl011 *uart)
{
  bool enabled = (uart->cr & CR_UARTEN) && (uart->cr & CR_RXE);
  bool moved = false;

  while (enabled && uart->queue_count > 0 && uart->fifo_count < fifo_depth (uart)) {
    uart->fifo[(uart->fifo_first + uart->fifo_count++) % FIFO_BYTES] =
        uart->queue[uart->queue_first];
    uart->queue_first = (uart->queue_first + 1) % QUEUE_BYTES;
    uart->queue_count--;
    moved = true;
  }
  if (moved)
    uart->ris |= INT_RT | (uart->fifo_count >= rx_trigger (uart) ? INT_RX : 0);
}

static uint32_t
read_data (Pl011 *uart)
{
  if (uart->fifo_count == 0)
    return 0;
  uint8_t byte = uart->fifo[uart->fifo_first];
  uart->fifo_first = (uart->fifo_first + 1) % FIFO_BYTES;
  uart->fifo_count--;
  fill_fifo (uart);
  if (uart->fifo_count < rx_trigger (uart))
    uart->ris &= ~INT_RX;
  if (uart->fifo_count == 0)
    uart->ris &= ~INT_RT;
  return byte;
}

static void
write_data (Pl011 *uart, uint8_t byte)
{
  if (uart->output->len >= OUTPUT_BYTES)
    return; // as on the wire: written to a full FIFO, lost
  g_byte_array_append (uart->output, &byte, 1);
  if (uart->output->len == 1)
    vm_event_signal (uart->flush_event);
  if (uart->output->len < OUTPUT_BYTES)
    uart->ris |= INT_TX;
  else
    uart->ris &= ~INT_TX;
}

static uint32_t
read_flags (const Pl011 *uart)
{
  uint32_t flags = FR_CTS | FR_DSR | FR_DCD;
  flags |= uart->fifo_count == 0 ? FR_RXFE : 0;
  flags |= uart->fifo_count >= fifo_depth (uart) ? FR_RXFF : 0;
  return flags | (uart->output->len >= OUTPUT_BYTES ? FR_TXFF : FR_TXFE);
}

static uint32_t
read_locked (Pl011 *uart, uint64_t offset)
{
  if (offset >= PRIMECELL_IDREGS)
    return primecell_id (offset, 0x11, 3);

  switch (offset) {
  case UART_DR:
    return read_data (uart);
  case UART_FR:
    return read_flags (uart);
  case UART_ILPR:
    return uart->ilpr;
  case UART_IBRD:
    return uart->ibrd;
  case UART_FBRD:
    return uart->fbrd;
  case UART_LCRH:
    return uart->lcrh;
  case UART_CR:
    return uart->cr;
  case UART_IFLS:
    return uart->ifls;
  case UART_IMSC:
    return uart->imsc;
  case UART_RIS:
    return uart->ris;
  case UART_MIS:
    return uart->ris & uart->imsc;
  case UART_DMACR:
    return uart->dmacr;
  default:
    return 0;
  }
}

static void
write_line_control (Pl011 *uart, uint16_t value)
{
  if ((uart->lcrh ^ value) & LCRH_FEN) {
    uart->fifo_count = 0;
    uart->ris &= ~(INT_RX | INT_RT);
  }
  uart->lcrh = value & 0xff;
}

static void
write_locked (Pl011 *uart, uint64_t offset, uint32_t value)
{
  switch (offset) {
  case UART_DR:
    write_data (uart, value);
    break;
  case UART_ILPR:
    uart->ilpr = value & 0xff;
    break;
  case UART_IBRD:
    uart->ibrd = value;
    break;
  case UART_FBRD:
    uart->fbrd = value & 0x3f;
    break;
  case UART_LCRH:
    write_line_control (uart, value);
    break;
  case UART_CR:
    uart->cr = value & 0xff87;
    break;
  case UART_IFLS:
    uart->ifls = value & 0x3f;
    break;
  case UART_IMSC:
    uart->imsc = value & INT_ALL;
    break;
  case UART_ICR:
    uart->ris &= ~value;
    break;
  case UART_DMACR:
    uart->dmacr = value & 7;
    break;
  default:
    break;
  }
  fill_fifo (uart);
}

static uint64_t
pl011_read (void *opaque, uint64_t offset, unsigned size)
{
  Pl011 *uart = opaque;
  g_mutex_lock (&uart->lock);
  uint32_t value = read_locked (uart, offset);
  update_irq (uart);
  g_mutex_unlock (&uart->lock);
  return value;
}

static void
pl011_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Pl011 *uart = opaque;
  g_mutex_lock (&uart->lock);
  write_locked (uart, offset, value);
  update_irq (uart);
  g_mutex_unlock (&uart->lock);
}

static const MmioOps mmio_ops = {
    .read = pl011_read,
    .write = pl011_write,
    .sizes = 1 | 2 | 4,
};

size_t
pl011_receive (Device *device, const uint8_t *data, size_t length)
{
  Pl011 *uart = (Pl011 *) device;

  g_mutex_lock (&uart->lock);
  size_t taken = MIN (length, (size_t) QUEUE_BYTES - uart->queue_count);
  for (size_t i = 0; i < taken; i++)
    uart->queue[(uart->queue_first + uart->queue_count++) % QUEUE_BYTES] = data[i];
  fill_fifo (uart);
  update_irq (uart);
  g_mutex_unlock (&uart->lock);
  return taken;
}

// I/O thread. Takes all that was printed and tells the guest when there is room again.
static void
flush_output (void *opaque)
{
  Pl011 *uart = opaque;

  g_mutex_lock (&uart->lock);
  GByteArray *output = uart->output;
  uart->output = uart->spare;
  uart->spare = output;
  if (output->len >= OUTPUT_BYTES)
    uart->ris |= INT_TX;
  update_irq (uart);
  g_mutex_unlock (&uart->lock);

  if (output->len > 0 && uart->ops != NULL && uart->ops->write != NULL)
    uart->ops->write (uart->sink, output->data, output->len);
  g_byte_array_set_size (output, 0);
}

static bool
pl011_realize (Device *device, GError **error)
{
  Pl011 *uart = (Pl011 *) device;
  uart->flush_event = vm_event_new (device->vm->loop, flush_output, uart);
  mem_bus_add_mmio (device->vm->bus, "pl011", uart->base, PL011_BYTES, &mmio_ops, uart);
  return true;
}

static void
pl011_reset (Device *device)
{
  Pl011 *uart = (Pl011 *) device;

  g_mutex_lock (&uart->lock);
  uart->queue_count = uart->fifo_count = 0;
  uart->ilpr = uart->ibrd = uart->fbrd = uart->lcrh = uart->dmacr = 0;
  uart->cr = CR_RESET;
  uart->ifls = IFLS_RESET;
  uart->imsc = uart->ris = 0;
  update_irq (uart);
  g_mutex_unlock (&uart->lock);
}

static void
pl011_quiesce (Device *device)
{
  flush_output (device);
}

static void
pl011_free (Device *device)
{
  Pl011 *uart = (Pl011 *) device;
  g_clear_pointer (&uart->flush_event, vm_event_free);
  g_byte_array_unref (uart->output);
  g_byte_array_unref (uart->spare);
  g_mutex_clear (&uart->lock);
  g_free (uart);
}

// The registers that saved state holds, in order.
static void
list_registers (Pl011 *uart, uint16_t *list[9])
{
  uint16_t *all[9] = {&uart->ilpr, &uart->ibrd,  &uart->fbrd, &uart->lcrh, &uart->cr,
                      &uart->ifls, &uart->dmacr, &uart->imsc, &uart->ris};
  memcpy (list, all, sizeof all);
}

static void
pl011_save (Device *device, StateWriter *writer)
{
  Pl011 *uart = (Pl011 *) device;
  uint16_t *registers[9];

  g_mutex_lock (&uart->lock);
  list_registers (uart, registers);
  for (unsigned i = 0; i < 9; i++)
    state_put_u16 (writer, *registers[i]);
  state_put_u32 (writer, uart->fifo_count);
  for (unsigned i = 0; i < uart->fifo_count; i++)
    state_put_u8 (writer, uart->fifo[(uart->fifo_first + i) % FIFO_BYTES]);
  state_put_u32 (writer, uart->queue_count);
  for (unsigned i = 0; i < uart->queue_count; i++)
    state_put_u8 (writer, uart->queue[(uart->queue_first + i) % QUEUE_BYTES]);
  g_mutex_unlock (&uart->lock);
}

static bool
load_ring (StateReader *reader, uint8_t *ring, unsigned *first, unsigned *count, unsigned max)
{
  uint32_t n = state_get_u32 (reader);

  if (n > max)
    return false;
  *first = 0;
  *count = n;
  for (unsigned i = 0; i < n; i++)
    ring[i] = state_get_u8 (reader);
  return state_reader_ok (reader);
}

static bool
load_locked (Pl011 *uart, StateReader *reader)
{
  uint16_t *registers[9];

  list_registers (uart, registers);
  for (unsigned i = 0; i < 9; i++)
    *registers[i] = state_get_u16 (reader);
  bool ok =
      load_ring (reader, uart->fifo, &uart->fifo_first, &uart->fifo_count, fifo_depth (uart)) &&
      load_ring (reader, uart->queue, &uart->queue_first, &uart->queue_count, QUEUE_BYTES);
  return ok && uart->ilpr <= 0xff && uart->fbrd <= 0x3f && uart->lcrh <= 0xff &&
         uart->ifls <= 0x3f && uart->dmacr <= 7 && uart->imsc <= INT_ALL && uart->ris <= INT_ALL;
}

static bool
pl011_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  Pl011 *uart = (Pl011 *) device;

  g_mutex_lock (&uart->lock);
  bool ok = load_locked (uart, reader);
  if (ok)
    update_irq (uart);
  g_mutex_unlock (&uart->lock);
  if (ok)
    return true;
  pl011_reset (device);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the serial port is damaged.");
  return false;
}

static const DeviceOps device_ops = {
    .name = "pl011",
    .state_version = 1,
    .realize = pl011_realize,
    .reset = pl011_reset,
    .quiesce = pl011_quiesce,
    .free = pl011_free,
    .save = pl011_save,
    .load = pl011_load,
};

Device *
pl011_new (GuestAddr base, IrqLine irq, const VmConsoleSinkOps *ops, void *sink)
{
  Pl011 *uart = g_new0 (Pl011, 1);
  uart->device.ops = &device_ops;
  uart->base = base;
  uart->irq = irq;
  uart->ops = ops;
  uart->sink = sink;
  uart->output = g_byte_array_new ();
  uart->spare = g_byte_array_new ();
  g_mutex_init (&uart->lock);
  uart->cr = CR_RESET;
  uart->ifls = IFLS_RESET;
  return &uart->device;
}
