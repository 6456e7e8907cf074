#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Is fetching ahead worth it? The first time that programs go through a directory behind the mount, with and without it.
#
#   bench/prefetch.sh BUILD [--rounds N] [--files N] [--base DIR] [--disk]
#
# Work: find, find with sizes, grep -r, git status and tar over a tree of N files (default 20,000), a compilation (40 files, 400
# headers in 20 directories), a Python start-up (300 modules in 30 packages) and one long file. Natively, on a mount without, on a
# mount with, by turns; a figure is the median of the rounds (default 5). A mount knows nothing at first. The machine's page cache
# is warm, so that what is compared is the work; with --disk (root) the source lies in a file system of its own, which is unmounted
# before each run, so that the disk has its part. Beside the figures: files and directories that were fetched ahead, and how many of
# them were used. Nothing is a bar here.
set -u
root=$(dirname "$(dirname "$(readlink -f "$0")")")
build=$(readlink -f "${1:?usage: prefetch.sh BUILD [--rounds N] [--files N] [--base DIR] [--disk]}"); shift
rounds=5 files=20000 base=/var/tmp disk=
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift ;;
    --files) files=$2; shift ;;
    --base) base=$2; shift ;;
    --disk) disk=1 ;;
    *) echo "prefetch: $1: not an option" >&2; exit 1 ;;
  esac
  shift
done
btfuse=$build/btfuse
store=$(mktemp -d "$base/btfuse-prefetch.XXXXXX") && work=$(mktemp -d /tmp/btfuse-prefetch.XXXXXX) || exit 1
source=$store/source mount=$work/mnt
export BTFUSE_RUN_DIR=$work/run LC_ALL=C GIT_CONFIG_NOSYSTEM=1 HOME=$work/home PYTHONDONTWRITEBYTECODE=1
mkdir -m 700 "$BTFUSE_RUN_DIR" "$HOME"
mkdir "$source" "$mount"
clean_up() {
  mountpoint -q "$mount" && "$btfuse" umount "$mount" >/dev/null
  mountpoint -q "$source" && umount "$source"
  rm -rf --one-file-system "$store" "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP
attach() { mount -o "loop" "$store/image" "$source" && losetup --direct-io=on "$(findmnt -no SOURCE "$source")"; }
if [ "$disk" ]; then
  truncate -s 2G "$store/image" && mkfs.ext4 -q "$store/image" && attach || exit 1
fi
forget() { [ ! "$disk" ] || { umount "$source" && attach; }; }
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

make_trees() {
  python3 - "$source" "$files" <<'PYTHON'
import compileall, os, random, sys
top, count = sys.argv[1], int(sys.argv[2])
random.seed(1)
word = ["inode", "dentry", "page", "cache", "volume", "origin", "lookup", "rename", "the", "of"]
def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f: f.write(text)
for i in range(count):
    put("%s/tree/%02d/%02d/%03d/file%d.txt" % (top, i // 5000, i // 500 % 10, i // 25, i),
        "%d\n" % i + " ".join(random.choice(word) for _ in range(random.randint(100, 1300))) + "\n")
for i in range(400):
    put("%s/c/include/d%02d/h%03d.h" % (top, i // 20, i), "#pragma once\nstruct s%d { int a, b; };\nint f%d(struct s%d*);\n" % (i, i, i))
for i in range(40):
    used = random.sample(range(400), 60)
    put("%s/c/src/m%02d.c" % (top, i), "".join('#include "d%02d/h%03d.h"\n' % (h // 20, h) for h in used) + "int g%d(void) { return 0; }\n" % i)
for p in range(30):
    put("%s/py/p%02d/__init__.py" % (top, p), "from . import %s\n" % ", ".join("m%d" % m for m in range(0, 10)))
    for m in range(20): put("%s/py/p%02d/m%d.py" % (top, p, m), "def f(x):\n    return x + %d\n" % m * 20)
compileall.compile_dir(top + "/py", quiet=2)
with open(top + "/long", "wb") as f:
    for _ in range(256): f.write(os.urandom(1 << 20))
PYTHON
  (cd "$source/tree" && git init -q && git config user.email a@b && git config user.name n && git config gc.auto 0 && git add -A &&
    git commit -qm one && git status >/dev/null)
}

names=(find find_size grep git_status tar compile python long_file)
declare -A job=(
  [find]='cd tree && find . -type f | wc -l'
  [find_size]='cd tree && find . -size +5k | wc -l'
  [grep]='cd tree && grep -r --exclude-dir=.git rename . | wc -l'
  [git_status]='cd tree && git -c safe.directory=* -c core.checkStat=minimal status --short | wc -l'
  [tar]='cd tree && tar cf - --exclude=.git . | cat >/dev/null'
  [compile]='for f in c/src/*.c; do gcc -Ic/include -c -o /dev/null "$f"; done'
  [python]='PYTHONPATH=py python3 -c "import $(seq -s, -f p%02.0f 0 14)"'
  [long_file]='cat long >/dev/null'
)
timed() {
  local start=$EPOCHREALTIME
  "${@:2}" >/dev/null || echo "prefetch: failed: ${*:2}" >&2
  awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print (b - a) * 1000 }' >>"$1"
}
counted() { "$btfuse" stat --json "$mount" | grep -o "\"$1\": *[0-9]*" | grep -o '[0-9]*$'; }
make_trees
for name in "${names[@]}"; do (cd "$source" && bash -c "${job[$name]}" >/dev/null); done
for round in $(seq "$rounds"); do
  for name in "${names[@]}"; do
    forget
    timed "$work/native.$name" env -C "$source" bash -c "${job[$name]}"
    for way in without with; do
      forget
      options=(); [ $way = with ] || options=(--no-prefetch)
      "$btfuse" mount "$mount" --dir "$source" "${options[@]}" >/dev/null || exit 1
      timed "$work/$way.$name" env -C "$mount" "$btfuse" run -- bash -c "${job[$name]}"
      if [ $way = with ]; then
        counted ahead_fetched >>"$work/fetched.$name"; counted ahead_used >>"$work/used.$name"
      fi
      "$btfuse" umount "$mount" >/dev/null
    done
  done
done
echo "bt_fuse $(git -C "$root" rev-parse --short HEAD), page cache ${disk:+cold}${disk:-warm}, $rounds rounds, load $(cut -d' ' -f1 /proc/loadavg), $(date -u +'%F %H:%M') UTC" | sed 's/cold1/cold/'
printf '%-12s %10s %10s %10s %8s %8s %8s\n' "ms" native without with gain fetched used
for name in "${names[@]}"; do
  native=$(median "$work/native.$name") without=$(median "$work/without.$name") with=$(median "$work/with.$name")
  awk -v n="$name" -v a="$native" -v b="$without" -v c="$with" -v f="$(median "$work/fetched.$name")" -v u="$(median "$work/used.$name")" \
    'BEGIN { printf "%-12s %10.0f %10.0f %10.0f %8.2f %8d %8d\n", n, a, b, c, b / c, f, u }'
done
