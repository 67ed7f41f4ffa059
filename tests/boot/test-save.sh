#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# test-save.sh TEST CPUS [full]: makes the guest of test-save and runs it; full: with network traffic and
# graphics, on the generic kernel.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kernel=cloud modules=virtio_pci,virtio_blk
[ -z "${3:-}" ] || kernel=generic modules+=,virtio_net,virtio-gpu
[ -e "${TERRARIUM_GUESTS:-}/vmlinuz-cloud-arm64" ] || { echo "skipped: no guests"; exit 77; }
room=$(mktemp -d "${TMPDIR:-/tmp}/terrarium-save.XXXXXX")
trap 'rm -rf "$room"' EXIT
"$here/../support/make-initramfs" "$TERRARIUM_GUESTS" "$room/initrd" --init "$here/save-init" \
  --kernel $kernel --modules $modules
"$1" "$room" "$2" ${3:+full}
