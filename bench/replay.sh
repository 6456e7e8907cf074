#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Does the cache keep what the simulated policies would keep, and its budget, when three times as much is used as it may hold?
#
#   bench/replay.sh BUILD
#
# Two traces, each made with a fixed seed: Zipf (exponent 0.9), and the same with scans of objects that are never used again. An object
# is a file of 32 KiB (sparse: the disk is no part of this), an access opens and reads all of it, in-process, on a --dir mount whose
# budget is 30 % of what all objects take. A miss is an access for which the source was asked for data (page_misses). The same trace
# goes through build/btfuse-cachesim: the best miss ratio at 30 % of the objects is what the mount is compared with. A second
# process looks at the volume every 50 ms: pages in use, as a part of the budget, with the records of names. Bars: at most 3 points above the best
# policy, never more than 5 % beyond the budget. Exit status 1 when one is missed.
set -u
build=$(readlink -f "${1:?usage: replay.sh BUILD}") root=$(dirname "$(dirname "$(readlink -f "$0")")")
btfuse=$build/btfuse
work=$(mktemp -d /tmp/btfuse-replay.XXXXXX) && source=$(mktemp -d /var/tmp/btfuse-replay.XXXXXX) || exit 1
mount=$work/mnt export_dir=$work/run
export BTFUSE_RUN_DIR=$export_dir LC_ALL=C
mkdir -m 700 "$export_dir"; mkdir "$mount"
clean_up() {
  mountpoint -q "$mount" && "$btfuse" umount "$mount" >/dev/null
  rm -rf --one-file-system "$work" "$source"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

cat >"$work/make.py" <<'PYTHON'
import bisect, gzip, os, random, sys
kind, trace, source = sys.argv[1:]
random.seed(20261129)
hot, count = 12000, 150000
sums, total = [], 0.0
for rank in range(1, hot + 1):
    total += rank ** -0.9
    sums.append(total)
keys, fresh = [], hot
for i in range(count):
    keys.append(bisect.bisect_left(sums, random.random() * total))
    if kind == "scan-mixed" and i % 15000 == 14999:
        keys += range(fresh, fresh + 2000)
        fresh += 2000
with gzip.open(trace, "wt") as f:
    for i, key in enumerate(keys): f.write("%d,%d,1\n" % (i, key))
for key in set(keys):
    path = "%s/%03d/%06d" % (source, key // 500, key)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f: f.truncate(32768)
print(len(set(keys)))
PYTHON
cat >"$work/replay.py" <<'PYTHON'
import gzip, os, sys
top, trace = sys.argv[1:]
with gzip.open(trace, "rt") as f: keys = [int(line.split(",")[1]) for line in f]
for key in keys:
    fd = os.open("%s/%03d/%06d" % (top, key // 500, key), os.O_RDONLY)
    if len(os.read(fd, 32768)) != 32768: sys.exit("short read")
    os.close(fd)
print(len(keys))
PYTHON
value() { "$btfuse" stat --json "$mount" | python3 -c 'import json, sys
d = json.load(sys.stdin)
def find(d, k):
    if isinstance(d, dict):
        if k in d: return d[k]
        for v in d.values():
            r = find(v, k)
            if r is not None: return r
print(find(d, sys.argv[1]))' "$1"; }
missed=0
replay() {
  local kind=$1 objects bytes accesses misses best
  rm -rf "$source" && mkdir "$source" || exit 1
  objects=$(python3 "$work/make.py" "$kind" "$work/$kind.gz" "$source") || exit 1
  # Nine pages an object (eight, and the one that names them), and the records of all (docs/cache.md).
  bytes=$((objects * 9 * 4096 * 3 / 10 + objects * 400))
  "$btfuse" mount "$mount" --dir "$source" --cache-max "$bytes" --cache-min "$bytes" >/dev/null || exit 1
  (while sleep 0.05; do "$btfuse" stat --json "$mount" 2>/dev/null || exit; echo; done) >"$work/looks" 2>/dev/null &
  local looker=$!
  accesses=$("$btfuse" run -- python3 "$work/replay.py" "$mount" "$work/$kind.gz") || exit 1
  misses=$(value page_misses)
  kill "$looker" 2>/dev/null; wait "$looker" 2>/dev/null
  "$btfuse" umount "$mount" >/dev/null
  best=$("$build/btfuse-cachesim" "$root/tools/cachesim/traces" "$work/$kind.gz" |
    awk -F'|' -v n="### $work/$kind.gz:" '/^###/ { on = index($0, n) == 1 } on && $6 + 0 > 0 { if (!b || $6 + 0 < b) { b = $6 + 0; p = $2 } } END { print b, p }')
  python3 - "$kind" "$accesses" "$misses" "$work/looks" "$objects" "$best" <<'PYTHON' || missed=$((missed + 1))
import json, sys
kind, accesses, misses, looks, objects, best = sys.argv[1:]
ratio, best_ratio = int(misses) / int(accesses), float(best.split()[0])
most = 0.0
decoder, text = json.JSONDecoder(), open(looks).read()
at = count = 0
while True:
    while at < len(text) and text[at].isspace(): at += 1
    if at >= len(text): break
    try: look, at = decoder.raw_decode(text, at)
    except ValueError: break
    cache = look["cache"]
    records = 400 * (look["inodes"] - look["inodes_free"])  # they are part of the budget
    most = max(most, (cache["used_bytes"] + records) / cache["budget_bytes"])
    count += 1
ok = ratio <= best_ratio + 0.03 and most <= 1.05
print("%-11s %s objects, %s accesses: misses %.4f, best policy %.4f (%s), %+.1f points; %d looks, at most %.1f %% of the budget in use: %s" %
      (kind, objects, accesses, ratio, best_ratio, best.split(None, 1)[1].strip(), 100 * (ratio - best_ratio), count, 100 * most, "met" if ok else "MISSED"))
sys.exit(not ok)
PYTHON
}
echo "bt_fuse $(git -C "$root" rev-parse --short HEAD), load $(cut -d' ' -f1 /proc/loadavg), $(date -u +'%F %H:%M') UTC"
replay zipf
replay scan-mixed
[ "$missed" = 0 ]
