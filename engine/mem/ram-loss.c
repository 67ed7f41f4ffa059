// SPDX-License-Identifier: GPL-3.0-or-later
// The handler for SIGBUS, and what it looks after. A signal handler has no argument and the process
// has one for all machines: this is the only state that machines share.
//
// Threads: any. The handler runs on the thread that touches the memory and takes no lock; what it
// looks after is neither added nor forgotten while somebody may touch it.
#include "engine/mem/ram-loss.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  WATCHES_MAX = 256,
};

typedef struct Watch {
  _Atomic uintptr_t begin; // 0: free. Set last.
  uintptr_t bytes;
  RamLoss lost;
  void *data;
} Watch;

static GMutex lock; // of adding and forgetting
static Watch watches[WATCHES_MAX];
static struct sigaction previous;
static uintptr_t page_bytes;

// ---- in the handler -------------------------------------------------------------------------

static const Watch *
find (uintptr_t address)
{
  for (unsigned i = 0; i < WATCHES_MAX; i++) {
    uintptr_t begin = atomic_load (&watches[i].begin);
    if (begin != 0 && address - begin < watches[i].bytes)
      return &watches[i];
  }
  return NULL;
}

static bool
replace_page (uintptr_t address)
{
  const Watch *watch = find (address);
  if (watch == NULL ||
      mmap ((void *) (address & ~(page_bytes - 1)), page_bytes, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
    return false;
  watch->lost (watch->data);
  return true;
}

// As if there were no handler of ours.
static void
pass_on (int number, siginfo_t *info, void *context)
{
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction (number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler (number);
  } else {
    signal (number, SIG_DFL);
    raise (number); // delivered when the handler has returned
  }
}

static void
handler (int number, siginfo_t *info, void *context)
{
  int before = errno;
  // Sent by a program, it has no address.
  if (info->si_code <= 0 || !replace_page ((uintptr_t) info->si_addr))
    pass_on (number, info, context);
  errno = before;
}

// ---- outside --------------------------------------------------------------------------------

// Somebody may have put another one in its place since the last time.
static void
install (void)
{
  struct sigaction now, action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  page_bytes = (uintptr_t) sysconf (_SC_PAGESIZE);
  sigaction (SIGBUS, NULL, &now);
  if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handler)
    return;
  previous = now;
  sigaction (SIGBUS, &action, NULL);
}

bool
ram_loss_watch (void *begin, size_t bytes, RamLoss lost, void *data)
{
  bool found = false;
  g_mutex_lock (&lock);
  install ();
  for (unsigned i = 0; i < WATCHES_MAX && !found; i++) {
    if (atomic_load (&watches[i].begin) != 0)
      continue;
    watches[i].bytes = bytes;
    watches[i].lost = lost;
    watches[i].data = data;
    atomic_store (&watches[i].begin, (uintptr_t) begin);
    found = true;
  }
  g_mutex_unlock (&lock);
  return found;
}

void
ram_loss_forget (void *begin)
{
  g_mutex_lock (&lock);
  for (unsigned i = 0; i < WATCHES_MAX; i++)
    if (atomic_load (&watches[i].begin) == (uintptr_t) begin)
      atomic_store (&watches[i].begin, 0);
  g_mutex_unlock (&lock);
}
