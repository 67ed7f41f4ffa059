# SPDX-License-Identifier: GPL-3.0-or-later
# What the checks share. Sourced in the guest, by a POSIX shell.
export HOME=/tmp LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin

only='*'

# check NAME COMMAND...: one line for each that $only matches; the end of its output when it fails.
check () {
  local name=$1
  shift
  case $name in $only) ;; *) return 0 ;; esac
  if "$@" >/tmp/out 2>&1; then
    echo "CHECK ok $name"
  else
    echo "CHECK FAIL $name: $?"
    tail -n 30 /tmp/out
  fi
}

# equals COMMAND...: that what it prints is $wanted.
equals () {
  local seen
  seen=$("$@")
  [ "$seen" = "$wanted" ] || { echo "$seen"; return 1; }
}
