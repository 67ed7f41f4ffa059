#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# test-power.sh TEST-POWER tree|acpi: makes the guest's initramfs, runs the test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -d "${TERRARIUM_GUESTS:-}/root-arm64" ]; then
  echo "skipped: no guests"
  exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$here/../support/make-initramfs" "$TERRARIUM_GUESTS" "$tmp/power.cpio" --init "$here/power-init" \
  --kernel generic --modules evdev,gpio_keys,gpio_pl061
"$1" "$tmp/power.cpio" "$2"
