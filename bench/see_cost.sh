#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/see_cost.sh BUILD [FILES] [SESSIONS]: what do top and dash cost while they watch a large volume and many programs?
#
# Workload: FILES (1,000,000) empty files, SESSIONS (64) programs that each make some thousand calls a second; then 20 seconds
# of `btfuse top` in a terminal, and 20 seconds of `btfuse dash` with one page open. Prints the processor time of each as
# part of one processor; the bar is 3 %. It does not show the cost for the browser.
. "$(dirname "$(readlink -f "$0")")/../tests/lib.sh" "${1:?usage: see_cost.sh BUILD [FILES] [SESSIONS]}"
files=${2:-1000000} sessions=${3:-64} seconds=20
cc -O2 -o "$scratch/load" "$(dirname "$(readlink -f "$0")")/../tests/see/load.c" || exit 1
with_mount "$scratch/m" --size 4G
echo five >"$scratch/m/file"; mkdir "$scratch/m/many"
cat >"$scratch/make.py" <<'PY'
import os, sys
for i in range(int(sys.argv[2])):
    os.close(os.open(f"{sys.argv[1]}/{i}", os.O_CREAT | os.O_WRONLY))
PY
"$btfuse" run -- python3 "$scratch/make.py" "$scratch/m/many" "$files" || exit 1
loads=()
for ((i = 0; i < sessions; i++)); do "$btfuse" run -- "$scratch/load" "$scratch/m" 3 600 & loads+=($!); done
for _ in $(seq 600); do
  [ "$("$btfuse" stat --json "$scratch/m" | jq '.sessions | length')" -gt "$sessions" ] && break; sleep 0.1
done
# utime + stime of a process, in clock ticks.
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'; }
measure() { # NAME PID
  local before after
  sleep 2
  before=$(ticks "$2"); sleep $seconds; after=$(ticks "$2")
  printf '%-6s %5.2f %% of one processor (%s files, %s sessions)\n' "$1" \
    "$(bc -l <<<"($after - $before) / $(getconf CLK_TCK) / $seconds * 100")" "$files" "$sessions"
}
# A terminal of its own, kept open by a reader that never types.
sleep 60 | script -qfc "stty rows 40 cols 120; exec '$build/btfuse' top '$scratch/m'" /dev/null >"$scratch/screen" 2>&1 & terminal=$!
for _ in $(seq 100); do top=$(pgrep -f -n "btfuse.* top $scratch/m\$") && [ -n "$top" ] && break; sleep 0.1; done
measure top "$top"
kill "$top"; wait $terminal 2>/dev/null
"$btfuse" dash --token t "$scratch/m" >"$scratch/dash" & dash=$!
for _ in $(seq 100); do grep -q ^http "$scratch/dash" && break; sleep 0.1; done
curl -sN --max-time 60 "$(sed -nE '1s/\?.*//p' "$scratch/dash")events?token=t" >/dev/null & page=$!
measure dash "$dash"
kill "$dash" "$page" "${loads[@]}" 2>/dev/null
wait 2>/dev/null
