// SPDX-License-Identifier: GPL-3.0-or-later
// The only place that knows differences between versions of GTK and libadwaita. The floor is GTK
// 4.8 and libadwaita 1.2; what newer ones deprecate is still used and does not warn.
#pragma once

#define GDK_VERSION_MIN_REQUIRED GDK_VERSION_4_8
#define GDK_VERSION_MAX_ALLOWED  GDK_VERSION_4_8
#define GTK_DISABLE_DEPRECATION_WARNINGS
#define ADW_DISABLE_DEPRECATION_WARNINGS

#include <adwaita.h>
#include <gtk/gtk.h>
