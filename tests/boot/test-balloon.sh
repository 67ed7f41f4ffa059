#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# test-balloon.sh TEST: makes the guest, then runs TEST on it.
set -e
here=$(cd "$(dirname "$0")" && pwd)
[ -n "$TERRARIUM_GUESTS" ] && [ -e "$TERRARIUM_GUESTS/vmlinuz-cloud-arm64" ] || exit 77
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$here/../support/make-initramfs" "$TERRARIUM_GUESTS" "$tmp/initrd" --init "$here/balloon-init" \
  --modules virtio_pci,virtio_balloon
"$1" "$TERRARIUM_GUESTS/vmlinuz-cloud-arm64" "$tmp/initrd"
