// SPDX-License-Identifier: GPL-3.0-or-later
// Memory that is mapped from a file whose pages cannot be had any more: the file was cut short, or its
// disk fails. The processor says so with SIGBUS, wherever the memory is read.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// In a signal handler, on the thread that came upon it, any number of times: sets atomics and writes to
// descriptors, no more.
typedef void (*RamLoss) (void *data);

// From now on a page of it that cannot be had reads as zeroes, and `lost` is called. False: too many
// are watched; the process ends then, as it would without.
bool ram_loss_watch (void *begin, size_t bytes, RamLoss lost, void *data);
void ram_loss_forget (void *begin); // accepts what is not watched
