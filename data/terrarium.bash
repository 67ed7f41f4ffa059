# SPDX-License-Identifier: GPL-3.0-or-later
# Completion for bash. What there is to complete is what `terrarium --help` and the help of its
# commands say, in English, so that this file needs no list of its own.

_terrarium_help () {
  LC_ALL=C.UTF-8 LANGUAGE='' "$1" "${@:2}" --help 2>/dev/null
}

# Names of commands: lines of two blanks, a word and what it does, below "Commands:".
_terrarium_commands () {
  _terrarium_help "$1" | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

# Subcommands: "terrarium image create …" among the first lines of a command's help.
_terrarium_subcommands () {
  _terrarium_help "$1" "$2" | sed -n "s/^  terrarium $2 \([a-z][a-z-]*\) .*/\1/p"
}

_terrarium_options () {
  _terrarium_help "$@" | grep -oE -e '(^| )--[a-z][a-z-]*' | tr -d ' ' | sort -u
}

_terrarium_machines () {
  "$1" list --json 2>/dev/null | sed -n 's/.*"name" *: *"\([^"\\]*\)".*/\1/p'
}

_terrarium () {
  local program=$1 word=$2 command=${COMP_WORDS[1]} words='' subcommands offered
  local IFS=$'\n'

  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    words=$(_terrarium_commands "$program")
  else
    subcommands=$(_terrarium_subcommands "$program" "$command")
    if [ "$COMP_CWORD" = 2 ] && [ -n "$subcommands" ]; then
      words=$subcommands
    elif [ "${word:0:1}" = - ] && [ -n "$subcommands" ]; then
      words=$(_terrarium_options "$program" "$command" "${COMP_WORDS[2]}")
    elif [ "${word:0:1}" = - ]; then
      words=$(_terrarium_options "$program" "$command")
    elif [ "$command" != run ] && [ "$command" != image ]; then
      words=$(_terrarium_machines "$program")
    fi
  fi
  # Not by compgen -W: it would carry out what a machine's name says. A name is one word, whatever is
  # in it.
  while read -r offered; do
    if [ -n "$offered" ] && [ "${offered:0:${#word}}" = "$word" ]; then
      COMPREPLY+=("$(printf '%q' "$offered")")
    fi
  done <<<"$words"
}

# Files where nothing else fits.
complete -o default -F _terrarium terrarium
