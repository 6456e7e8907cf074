#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Does a directory behind the mount keep up: with the scratch volume when what is asked for is here, with the directory itself
# when it is not?
#
#   bench/dir_bars.sh BUILD [--rounds N] [--files N] [--base DIR] [micro] [tree]
#
# micro: bench/micro.c on native (the source's disk), on a scratch volume and on a --dir mount, both in-process. tree: find, grep -r,
# git status and tar over a tree of N files (default 50,000): natively, the first time on a mount that knows nothing, and again
# afterwards. All ways take turns; a figure is the median of the rounds (default 5). The machine's page cache is warm in all of
# them, so that the disk is no part of the comparison. Exit status 1 when a bar is missed. DIR (default /var/tmp) says where the
# source lies; it should be ext4.
set -u
root=$(dirname "$(dirname "$(readlink -f "$0")")")
build=$(readlink -f "${1:?usage: dir_bars.sh BUILD [--rounds N] [--files N] [--base DIR] [micro] [tree]}"); shift
rounds=5 files=50000 base=/var/tmp parts=()
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift ;;
    --files) files=$2; shift ;;
    --base) base=$2; shift ;;
    micro | tree) parts+=("$1") ;;
    *) echo "dir_bars: $1: not an option" >&2; exit 1 ;;
  esac
  shift
done
[ ${#parts[@]} -gt 0 ] || parts=(micro tree)
btfuse=$build/btfuse
disk=$(mktemp -d "$base/btfuse-bars.XXXXXX") && mounts=$(mktemp -d /tmp/btfuse-bars.XXXXXX) || exit 1
export BTFUSE_RUN_DIR=$mounts/run LC_ALL=C GIT_CONFIG_NOSYSTEM=1 HOME=$mounts/home
mkdir -m 700 "$BTFUSE_RUN_DIR" "$HOME"
clean_up() {
  for mounted in "$mounts"/*; do mountpoint -q "$mounted" && "$btfuse" umount "$mounted" >/dev/null; done
  rm -rf --one-file-system "$disk" "$mounts"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP
mounted() { mkdir -p "$1" && "$btfuse" mount "$@" >/dev/null || { echo "dir_bars: mount $*" >&2; exit 1; }; }
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
missed=0
# row NAME A B BAR: a line with the ratio a / b, which may be at most BAR ("-": none).
row() {
  awk -v n="$1" -v a="$2" -v b="$3" -v bar="$4" 'BEGIN { r = b > 0 ? a / b : 0; ok = bar == "-" || r <= bar
    printf "%-34s %12.1f %12.1f %8.2f %8s  %s\n", n, a, b, r, bar, bar == "-" ? "" : ok ? "met" : "MISSED"; exit !ok }' || missed=$((missed + 1))
}

run_micro() {
  local round way figure
  mkdir "$disk/native" "$disk/source"
  mounted "$mounts/scratch" --size 1G
  mounted "$mounts/dir" --dir "$disk/source" --cache-max 1G
  for round in $(seq "$rounds"); do
    "$build/btfuse-micro" "$disk/native" "$mounts" >"$mounts/figures.native"
    "$btfuse" run -- "$build/btfuse-micro" "$mounts/scratch" "$mounts" >"$mounts/figures.scratch"
    "$btfuse" run -- "$build/btfuse-micro" "$mounts/dir" "$mounts" >"$mounts/figures.dir"
    for way in native scratch dir; do
      while read -r figure ns; do echo "$ns" >>"$mounts/$way.$figure"; done <"$mounts/figures.$way"
    done
  done
  printf '%-34s %12s %12s %8s %8s\n' "ns a call" directory scratch ratio bar
  for figure in stat stat_deep stat_missing fstat access readlink open_close open_read4k_close pread64 pread4k pread128k; do
    row "$figure" "$(median "$mounts/dir.$figure")" "$(median "$mounts/scratch.$figure")" 1.3
  done
  for figure in pwrite64 pwrite4k append100; do
    row "$figure" "$(median "$mounts/dir.$figure")" "$(median "$mounts/scratch.$figure")" 1.5
  done
  row pwrite128k "$(median "$mounts/dir.pwrite128k")" "$(median "$mounts/scratch.pwrite128k")" -
  row list1000 "$(median "$mounts/dir.list1000")" "$(median "$mounts/scratch.list1000")" -
  printf '%-34s %12s %12s %8s %8s\n' "ns a call, written through" directory native ratio bar
  for figure in create_unlink mkdir_rmdir rename_pair chmod; do
    row "$figure" "$(median "$mounts/dir.$figure")" "$(median "$mounts/native.$figure")" 1.25
  done
  row create_write4k_unlink "$(median "$mounts/dir.create_write4k_unlink")" "$(median "$mounts/native.create_write4k_unlink")" -
  "$btfuse" umount "$mounts/scratch" >/dev/null; "$btfuse" umount "$mounts/dir" >/dev/null
}

# 25 files a directory, three levels of them, 600 to 8,000 bytes a file; all of it committed.
make_tree() {
  python3 - "$1" "$files" <<'PYTHON'
import os, random, sys
top, count = sys.argv[1], int(sys.argv[2])
random.seed(1)
word = ["inode", "dentry", "page", "cache", "volume", "origin", "lookup", "rename", "the", "of"]
for i in range(count):
    directory = "%s/%02d/%02d/%03d" % (top, i // 5000, i // 500 % 10, i // 25)
    if i % 25 == 0:
        os.makedirs(directory)
    with open("%s/file%d.txt" % (directory, i), "w") as f:
        f.write("%d\n" % i + " ".join(random.choice(word) for _ in range(random.randint(100, 1300))) + "\n")
PYTHON
  (cd "$1" && git init -q && git config user.email a@b && git config user.name n && git config gc.auto 0 && git add -A &&
    git commit -qm one && git status >/dev/null)
}

declare -A work=(
  [find]='find . -type f | wc -l'
  [find_size]='find . -size +5k | wc -l'
  [grep]='grep -r --exclude-dir=.git rename . | wc -l'
  [git_status]='git -c safe.directory=* -c core.checkStat=minimal status --short | wc -l'
  [tar]='tar cf - --exclude=.git . | cat >/dev/null'
)
timed() {
  local start=$EPOCHREALTIME
  "${@:2}" >/dev/null || echo "dir_bars: failed: ${*:2}" >&2
  awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print (b - a) * 1000 }' >>"$1"
}
run_tree() {
  local round name
  mkdir "$disk/tree" && make_tree "$disk/tree"
  (cd "$disk/tree" && bash -c "${work[grep]}; ${work[git_status]}" >/dev/null)
  for round in $(seq "$rounds"); do
    for name in find find_size grep git_status tar; do
      mounted "$mounts/tree" --dir "$disk/tree"
      timed "$mounts/native.$name" env -C "$disk/tree" bash -c "${work[$name]}"
      timed "$mounts/first.$name" env -C "$mounts/tree" "$btfuse" run -- bash -c "${work[$name]}"
      sleep 2.5  # longer than what is here is believed
      timed "$mounts/second.$name" env -C "$mounts/tree" "$btfuse" run -- bash -c "${work[$name]}"
      timed "$mounts/third.$name" env -C "$mounts/tree" "$btfuse" run -- bash -c "${work[$name]}"
      "$btfuse" umount "$mounts/tree" >/dev/null
    done
  done
  printf '%-34s %12s %12s %8s %8s\n' "ms, $files files" directory native ratio bar
  for name in find find_size grep git_status tar; do
    row "$name first" "$(median "$mounts/first.$name")" "$(median "$mounts/native.$name")" 1.15
    row "$name second, 2.5 s later" "$(median "$mounts/second.$name")" "$(median "$mounts/native.$name")" 0.5
    row "$name third, at once" "$(median "$mounts/third.$name")" "$(median "$mounts/native.$name")" 0.5
  done
}

echo "bt_fuse $(git -C "$root" rev-parse --short HEAD), $(findmnt -nT "$disk" -o FSTYPE), $rounds rounds, load $(cut -d' ' -f1 /proc/loadavg), $(date -u +'%F %H:%M') UTC"
for part in "${parts[@]}"; do "run_$part"; done
echo "$missed bars missed"
[ "$missed" = 0 ]
