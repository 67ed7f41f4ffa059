// SPDX-License-Identifier: GPL-3.0-or-later
// The newest-frame mailbox. Writers: a machine's I/O thread; reader: the main thread.
#include "display/mailbox.h"

void
display_mailbox_init (DisplayMailbox *box)
{
  *box = (DisplayMailbox){0};
  g_mutex_init (&box->lock);
}

void
display_mailbox_clear (DisplayMailbox *box)
{
  display_mail_clear (&box->mail);
  g_mutex_clear (&box->lock);
}

void
display_mail_clear (DisplayMail *mail)
{
  g_clear_pointer (&mail->frame, vm_frame_unref);
  g_clear_pointer (&mail->cursor, vm_frame_unref);
  *mail = (DisplayMail){0};
}

VmRect
display_rect_union (const VmRect *a, const VmRect *b)
{
  if (a->width <= 0 || a->height <= 0)
    return *b;
  if (b->width <= 0 || b->height <= 0)
    return *a;
  int x = MIN (a->x, b->x);
  int y = MIN (a->y, b->y);
  return (VmRect){x, y, MAX (a->x + a->width, b->x + b->width) - x,
                  MAX (a->y + a->height, b->y + b->height) - y};
}

static bool
wake_locked (DisplayMailbox *box)
{
  bool first = !box->pending;

  box->pending = true;
  return first;
}

bool
display_mailbox_put_frame (DisplayMailbox *box, VmFrame *frame, const VmRect *damage)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&box->lock);
  VmFrame *old = box->mail.frame;

  box->mail.frame = vm_frame_ref (frame);
  box->mail.damage = display_rect_union (&box->mail.damage, damage);
  box->mail.disabled = false;
  g_clear_pointer (&old, vm_frame_unref);
  return wake_locked (box);
}

bool
display_mailbox_put_disabled (DisplayMailbox *box)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&box->lock);

  g_clear_pointer (&box->mail.frame, vm_frame_unref);
  box->mail.damage = (VmRect){0};
  box->mail.disabled = true;
  return wake_locked (box);
}

bool
display_mailbox_put_cursor (DisplayMailbox *box, VmFrame *cursor, int hot_x, int hot_y)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&box->lock);

  g_clear_pointer (&box->mail.cursor, vm_frame_unref);
  box->mail.cursor = cursor ? vm_frame_ref (cursor) : NULL;
  box->mail.hot_x = hot_x;
  box->mail.hot_y = hot_y;
  box->mail.cursor_changed = true;
  return wake_locked (box);
}

void
display_mailbox_take (DisplayMailbox *box, DisplayMail *mail)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&box->lock);

  *mail = box->mail;
  box->mail = (DisplayMail){0};
  box->pending = false;
}
