#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# build.sh [OUT, by default the cache]: benchmark initramfs and kernels for arm64 guests, and the same programs natively.
# Only Debian packages and the sources beside this file; needs root only to install missing host tools.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); OUT=$(realpath -m "${1:-${TERRARIUM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/terrarium}/guests}"); S=$here/src
mkdir -p "$OUT"; cd "$OUT"
need=(); for p in gcc gcc-aarch64-linux-gnu cpio python3 dpkg; do dpkg -s $p >/dev/null 2>&1 || need+=($p); done
if [ ${#need[@]} -gt 0 ]; then apt-get install -y --no-install-recommends "${need[@]}" libc6-dev-arm64-cross; fi

# repo SUITE: a sources.list line for SUITE, from the machine's own apt configuration
repo() { local u; u=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v s=$1 '$2==s{print $1; exit}')
  [ -n "$u" ] && echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $u $1 main"; }

# --- Debian packages of one architecture, with what they depend on, through a private apt state ---
getroot() { # getroot ARCH PACKAGE...
  local arch=$1; shift; local a=$OUT/apt-$arch
  mkdir -p $a/lists/partial $a/cache/archives/partial; : > $a/status
  cat > $a/sources.list <<X
$(repo bookworm)
$(repo bookworm-security)
X
  cat > $a/apt.conf <<X
Dir::Etc::sourcelist "$a/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::State "$a"; Dir::State::lists "$a/lists";
Dir::State::status "$a/status"; Dir::Cache "$a/cache"; APT::Architecture "$arch"; APT::Architectures { "$arch"; };
APT::Sandbox::User "root";
X
  export APT_CONFIG=$a/apt.conf
  [ -e $a/done ] || { apt-get -qq update; apt-get install -qq -y -d --no-install-recommends "$@" >/dev/null
    if [ $arch = arm64 ]; then for k in linux-image-arm64 linux-image-cloud-arm64; do
      i=$(apt-cache depends $k | awk '/Depends: linux-image/{print $2; exit}'); (cd $a/cache/archives; apt-get -qq download ${i%:*}); done; fi
    rm -rf $OUT/root-$arch; mkdir $OUT/root-$arch; for d in $a/cache/archives/*.deb; do dpkg -x $d $OUT/root-$arch; done; touch $a/done; }
  unset APT_CONFIG
}
getroot arm64 busybox-static

pick() { for f in "$@"; do [ -e "$f" ] && { echo "$f"; return; }; done; return 0; }   # the first that exists

# --- own programs ---
cc1() { # cc1 PREFIX DIR SIMDFLAGS
  local C="$1gcc -O2 -Wall -fno-strict-aliasing -pthread"; mkdir -p $2
  for f in main k_int k_mem k_sys; do $C -c $S/$f.c -o $2/$f.o; done
  $C -O3 -ffp-contract=off -c $S/k_fp.c -o $2/k_fp.o
  $C -O3 $3 -c $S/k_simd.c -o $2/k_simd.o
  $1gcc -static -pthread -o $2/kbench $2/main.o $2/k_*.o -lm
  for p in iobench timeit init; do $C -static $S/$p.c -o $2/$p; done
}
cc1 aarch64-linux-gnu- $OUT/bin-arm64 ""
cc1 "" $OUT/bin-amd64 "-march=x86-64-v3"
aarch64-linux-gnu-gcc -nostdlib -static -Wl,-Ttext=0x40080000,--build-id=none -o bare.elf $S/bare.S
aarch64-linux-gnu-objcopy -O binary bare.elf bare.img

# --- initramfs images (newc, not compressed: unpacking is then not the thing measured) ---
pack() { (cd $1 && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) > $2; }
rm -rf r-boot r-bench; mkdir -p r-boot r-bench/{bin,kb,mod,usr/bin,usr/lib,etc}
cp bin-arm64/init r-boot/init; pack r-boot boot.cpio
R=root-arm64; b=r-bench
cp $(pick $R/bin/busybox $R/usr/bin/busybox) $b/bin/busybox
cp bin-arm64/{kbench,iobench,timeit} $b/kb/
cp $S/guest-init $b/init; chmod 755 $b/init $b/bin/* $b/kb/*
kv=$(cd $R/boot; echo vmlinuz-*-cloud-arm64); kv=${kv#vmlinuz-}
cp $R/boot/vmlinuz-$kv vmlinuz-cloud-arm64; cp $R/boot/vmlinuz-${kv/cloud-/} vmlinuz-arm64
for m in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_mmio virtio_blk; do
  find $(pick $R/lib/modules/$kv $R/usr/lib/modules/$kv) -name $m.ko -exec cp {} $b/mod/ \;; done
pack r-bench bench.cpio

# --- the same natively ---
N=native; mkdir -p $N
cat > $N/run.sh <<X
#!/bin/bash
# run.sh [SECONDS] [SETS] [NAMES]: the kit on the host itself
T=\${1:-3} SETS=\${2:-kbench} NAMES=\${3:-}
export PATH=$OUT/bin-amd64:\$PATH
for s in \${SETS//,/ }; do case \$s in
 kbench) kbench -t \$T \${NAMES//,/ };; smp) kbench -s -t \$T \${NAMES//,/ };; io) iobench -t \$T \$IOFILE;; esac; done
echo KIT-DONE
X
chmod +x $N/run.sh
ls -la $OUT/*.cpio $OUT/vmlinuz-* $OUT/bare.*
