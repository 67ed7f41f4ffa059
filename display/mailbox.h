// SPDX-License-Identifier: GPL-3.0-or-later
// The newest-frame mailbox: one slot between a machine's I/O thread and whoever shows it. A writer
// never waits for the reader; the reader only ever sees the newest picture, with the damage of all
// it skipped.
#pragma once

#include "engine/api/vm.h"

// What came since the last look.
typedef struct DisplayMail {
  VmFrame *frame; // NULL: no new one
  VmRect damage;
  bool disabled;       // the output was switched off after the last frame
  bool cursor_changed; // and with it the three below
  VmFrame *cursor;     // NULL: hidden
  int hot_x, hot_y;
} DisplayMail;

typedef struct DisplayMailbox {
  GMutex lock;
  DisplayMail mail; // lock
  bool pending;     // lock: the reader has been woken and has not looked yet
} DisplayMailbox;

void display_mailbox_init (DisplayMailbox *box);
void display_mailbox_clear (DisplayMailbox *box);

// Any thread. Each returns true when the reader has to be woken: the box was empty before.
bool display_mailbox_put_frame (DisplayMailbox *box, VmFrame *frame, const VmRect *damage);
bool display_mailbox_put_disabled (DisplayMailbox *box);
bool display_mailbox_put_cursor (DisplayMailbox *box, VmFrame *cursor, int hot_x, int hot_y);

// Moves the contents to *mail and empties the box.
void display_mailbox_take (DisplayMailbox *box, DisplayMail *mail);
void display_mail_clear (DisplayMail *mail);

// The smallest rectangle around both; an empty one counts for nothing.
VmRect display_rect_union (const VmRect *a, const VmRect *b);
