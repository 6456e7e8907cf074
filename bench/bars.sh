#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Are the project's bars of speed met on this machine, in one run?
#
#   bench/bars.sh BUILD [--write] [OPTION…]
#
# OPTIONs are those of `btfuse bench`: --quick, --rounds N, --micro PROGRAM (another program with the figures of bench/micro.c, such
# as a yardstick from outside the project). --write also replaces docs/benchmarks.md and docs/benchmarks.html. Exit status 1
# when a bar is missed.
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")
build=$(readlink -f "${1:?usage: bars.sh BUILD [--write] [OPTION…]}"); shift
options=(--check)
if [ "${1:-}" = --write ]; then
  shift
  options+=(--markdown "$root/docs/benchmarks.md" --html "$root/docs/benchmarks.html")
fi
BT_COMMIT=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || true)
export BT_COMMIT
exec "$build/btfuse" bench "${options[@]}" "$@"
