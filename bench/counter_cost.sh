#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/counter_cost.sh BUILD [ROUNDS]: what do the counters that are always on cost on each figure of micro.c?
#
# Workload: btfuse-micro in-process on a scratch volume, with the agent as it is and with one built without the counters around a
# call (posix/metered.h), ROUNDS (9) times each, in turn. Prints the median of each and what the counters add; the bar is 3 %.
# It does not show the counters inside the engine (a cache's hits, a lock waited for), which are in both.
rounds=${2:-9}
. "$(dirname "$(readlink -f "$0")")/../tests/lib.sh" "${1:?usage: counter_cost.sh BUILD [ROUNDS]}"
cmake --build "$build" --target btfuse_agent_uncounted >"$scratch/built" || { cat "$scratch/built"; exit 1; }
mkdir "$scratch/uncounted"
# The launcher takes the agent that lies beside it.
ln -s "$build"/{btfuse,btfuse-cli,btfuse_patched} "$build/bench/uncounted/libbtfuse_agent.so" "$scratch/uncounted"
with_mount "$scratch/m" --size 1G
for ((round = 1; round <= rounds; round++)); do
  echo "counter_cost: round $round of $rounds" >&2
  for kind in counted uncounted; do
    launcher=$build/btfuse; [ $kind = counted ] || launcher=$scratch/uncounted/btfuse
    MICRO_BATCHES=9 "$launcher" run -- "$build/btfuse-micro" "$scratch/m" | sed "s/^/$kind /" >>"$scratch/figures" || exit 1
  done
done
python3 - "$scratch/figures" <<'PY'
import collections, statistics, sys
values = collections.defaultdict(lambda: collections.defaultdict(list))
for line in open(sys.argv[1]):
    kind, figure, value = line.split()[:3]
    values[figure][kind].append(float(value))
print(f"{'figure':24} {'counted':>10} {'without':>10}  more")
for figure, kinds in values.items():
    counted, without = (statistics.median(kinds[kind]) for kind in ("counted", "uncounted"))
    print(f"{figure:24} {counted:10.1f} {without:10.1f}  {counted - without:+5.1f} ns {100 * (counted / without - 1):+5.1f} %")
PY
