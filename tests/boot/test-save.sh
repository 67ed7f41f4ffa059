#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# test-save.sh TEST CPUS: makes the guest of test-save and runs it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ -e "${TERRARIUM_GUESTS:-}/vmlinuz-cloud-arm64" ] || { echo "skipped: no guests"; exit 77; }
room=$(mktemp -d "${TMPDIR:-/tmp}/terrarium-save.XXXXXX")
trap 'rm -rf "$room"' EXIT
"$here/../support/make-initramfs" "$TERRARIUM_GUESTS" "$room/initrd" --init "$here/save-init" \
  --modules virtio_pci,virtio_blk
"$1" "$room" "$2"
