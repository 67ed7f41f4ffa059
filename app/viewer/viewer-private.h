// SPDX-License-Identifier: GPL-3.0-or-later
// What viewer.c and viewer-actions.c share. Main thread.
#pragma once

#include "app/performance/panel.h"
#include "app/viewer/serial.h"
#include "app/viewer/viewer.h"
#include "display/display.h"

struct _TerrariumViewer {
  AdwBin parent;

  TerrariumMachine *machine;
  char *message; // markup: why it is off
  bool has_library, show_performance;

  AdwFlap *flap;
  AdwHeaderBar *header;
  AdwWindowTitle *title;
  GtkButton *back_button, *fullscreen_button, *pause_button, *start_button, *afresh_button;
  GtkInfoBar *trouble_bar;
  GtkLabel *trouble_label;
  GtkInfoBar *saving_bar;
  GtkLabel *saving_label;
  GtkProgressBar *saving_progress;
  GtkStackSwitcher *switcher;
  GtkMenuButton *menu_button;
  GtkStack *pages;
  AdwStatusPage *off_page;
  GtkStack *views;
  TerrariumDisplay *display;
  GtkLabel *notice;
  TerrariumSerial *serial;
  GMenu *keys_section, *discs_section;
  char *shown_discs; // what the items about discs were made of
  TerrariumPerformance *performance;
};

void terrarium_viewer_install_actions (GtkWidgetClass *widget_class);
void terrarium_viewer_update_actions (TerrariumViewer *viewer);
void terrarium_viewer_install_disc_actions (GtkWidgetClass *widget_class);
void terrarium_viewer_update_discs (TerrariumViewer *viewer);

void terrarium_viewer_go_back (TerrariumViewer *viewer);
void terrarium_viewer_tell (TerrariumViewer *viewer, const char *text);
