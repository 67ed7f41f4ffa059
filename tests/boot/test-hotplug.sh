#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# test-hotplug.sh TEST HOW: makes the guest, then runs TEST on it.
set -e
here=$(cd "$(dirname "$0")" && pwd)
[ -n "$TERRARIUM_GUESTS" ] && [ -e "$TERRARIUM_GUESTS/vmlinuz-cloud-arm64" ] || exit 77
[ "$2" = tree ] || [ -e /usr/share/AAVMF/AAVMF_CODE.fd ] || exit 77
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$here/../support/make-initramfs" "$TERRARIUM_GUESTS" "$tmp/initrd" --init "$here/hotplug-init" \
  --modules virtio_pci,virtio_blk,virtio_net,af_packet
"$1" "$TERRARIUM_GUESTS/vmlinuz-cloud-arm64" "$tmp/initrd" "$tmp" "$2"
