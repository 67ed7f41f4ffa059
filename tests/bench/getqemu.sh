#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# getqemu.sh [DIR, by default in the cache [trixie-backports|bookworm-backports]]: a newer QEMU for arm64/riscv64 guests from Debian's own
# archive, unpacked under DIR with all its libraries (nothing is installed); run DIR/qemu-system-aarch64.
set -euo pipefail
D=$(realpath -m "${1:-${TERRARIUM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/terrarium}/qemu}"); S=${2:-trixie-backports}; mkdir -p $D/{lists/partial,cache/archives/partial,root}; : > $D/status
U=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk '$2=="bookworm"{print $1; exit}')
for s in ${S%-backports} $S; do echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $U $s main"; done > $D/sources.list
cat > $D/apt.conf <<X
Dir::Etc::sourcelist "$D/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::State "$D"; Dir::State::lists "$D/lists"; Dir::State::status "$D/status";
Dir::Cache "$D/cache"; APT::Architecture "amd64"; APT::Architectures { "amd64"; }; APT::Sandbox::User "root";
X
export APT_CONFIG=$D/apt.conf; apt-get -qq update
apt-get install -qq -y -d --no-install-recommends -t $S qemu-system-arm qemu-system-riscv qemu-utils >/dev/null
for d in $D/cache/archives/*.deb; do dpkg -x $d $D/root; done
for q in qemu-system-aarch64 qemu-system-riscv64; do cat > $D/$q <<X
#!/bin/sh
R=$D/root
export QEMU_MODULE_DIR=\$R/usr/lib/x86_64-linux-gnu/qemu
exec \$R/usr/lib64/ld-linux-x86-64.so.2 --library-path \$R/usr/lib/x86_64-linux-gnu:\$R/lib/x86_64-linux-gnu \$R/usr/bin/$q -L \$R/usr/share/qemu "\$@"
X
chmod +x $D/$q; $D/$q --version | head -1; done
