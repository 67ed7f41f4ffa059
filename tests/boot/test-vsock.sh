#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# test-vsock.sh TEST-VSOCK VSOCK-GUEST.C: builds the guest's program and its initramfs, runs the test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -e "${TERRARIUM_GUESTS:-}/vmlinuz-cloud-arm64" ] || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
  echo "skipped: no guests or no cross compiler"
  exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
aarch64-linux-gnu-gcc -static -O1 -o "$tmp/init" "$2"
"$here/../support/make-initramfs" "$TERRARIUM_GUESTS" "$tmp/initrd" --init "$tmp/init" \
  --modules virtio_pci,vmw_vsock_virtio_transport
"$1" "$TERRARIUM_GUESTS/vmlinuz-cloud-arm64" "$tmp/initrd" "$tmp/vsock"
