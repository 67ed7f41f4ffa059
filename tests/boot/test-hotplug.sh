#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# test-hotplug.sh TEST HOW BUS: makes the guest, then runs TEST on it.
set -e
here=$(cd "$(dirname "$0")" && pwd)
[ -n "$TERRARIUM_GUESTS" ] && [ -e "$TERRARIUM_GUESTS/vmlinuz-cloud-arm64" ] || exit 77
[ "$2" = tree ] || [ -e /usr/share/AAVMF/AAVMF_CODE.fd ] || exit 77
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# The cloud kernel has no USB.
flavour=cloud image=vmlinuz-cloud-arm64
[ "$3" = usb ] && flavour=generic image=vmlinuz-arm64
[ -e "$TERRARIUM_GUESTS/$image" ] || exit 77
"$here/../support/make-initramfs" "$TERRARIUM_GUESTS" "$tmp/initrd" --init "$here/hotplug-init" --kernel $flavour \
  --modules virtio_pci,virtio_blk,virtio_net,af_packet,virtio_scsi,nvme,sd_mod,xhci_pci,usb_storage
"$1" "$TERRARIUM_GUESTS/$image" "$tmp/initrd" "$tmp" "$2" "$3"
