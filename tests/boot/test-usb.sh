#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# test-usb.sh TEST-USB: makes the guest's initramfs, runs the test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -d "${TERRARIUM_GUESTS:-}/root-arm64" ]; then
  echo "skipped: no guests"
  exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$here/../support/make-initramfs" "$TERRARIUM_GUESTS" "$tmp/usb.cpio" --init "$here/usb-init" \
  --kernel generic --modules evdev,xhci_pci,usbhid,hid_generic,sd_mod,usb_storage
head -c 4M /dev/urandom >"$tmp/disk.raw"
"$1" "$tmp/usb.cpio" "$tmp/disk.raw"
