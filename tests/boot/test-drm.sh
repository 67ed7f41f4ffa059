#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# test-drm.sh TEST-DRM DRM-GUEST.C: builds the guest's program and its initramfs, runs the test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -d "${TERRARIUM_GUESTS:-}/root-arm64" ] || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
  echo "skipped: no guests or no cross compiler"
  exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
aarch64-linux-gnu-gcc -static -O1 -o "$tmp/init" "$2"
"$here/../support/make-initramfs" "$TERRARIUM_GUESTS" "$tmp/drm.cpio" --init "$tmp/init" \
  --kernel generic --modules virtio_pci,virtio-gpu
"$1" "$tmp/drm.cpio"
