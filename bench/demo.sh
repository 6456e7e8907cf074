#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What does a served mount feel like? Real work on a scratch volume, three ways: on a native tmpfs, on the mount through the kernel,
# and on the same mount under `btfuse run`; then what single calls cost. `./bt demo` builds and runs this. It mounts below /tmp with
# a registry of its own and leaves nothing behind.
#
#   bench/demo.sh BUILD
set -eu
export LC_ALL=C GIT_CONFIG_NOSYSTEM=1
build=$(readlink -f "${1:?usage: demo.sh BUILD}")
btfuse=$build/btfuse
scratch=$(mktemp -d /tmp/btfuse-demo.XXXXXX)
native=$(mktemp -d /dev/shm/btfuse-demo.XXXXXX)
mount=$scratch/mount
export BTFUSE_RUN_DIR=$scratch/run HOME=$scratch
mkdir -m 700 "$BTFUSE_RUN_DIR"; mkdir "$mount"

clean_up() {
  cd /
  "$btfuse" umount "$mount" 2>/dev/null || true
  rm -rf --one-file-system "$scratch" "$native"
}
trap clean_up EXIT

# Each job works in an empty directory, its current one.
declare -A job
jobs=(copy search archive git database script)
job[copy]='cp -r /usr/include/linux . && cp -r linux again && rm -r again'
job[search]='cp -r /usr/include/linux . ; for i in 1 2 3 4 5; do find . -name "*.h" -newer . >/dev/null; grep -rl inode . >/dev/null; du -s . >/dev/null; done'
job[archive]='tar -C /usr/include -cf linux.tar linux && tar xf linux.tar && tar cf again.tar linux && cmp -s linux.tar again.tar; rm -r linux'
job[git]='git init -q . && git config user.email demo@example.org && git config user.name demo && cp -r /usr/include/linux . && git add -A && git commit -qm one && for i in 1 2 3 4 5; do echo $i >> linux/fs.h; git commit -qam "$i"; done; git status --short; git log --oneline | wc -l'
job[database]='sqlite3 db "create table t(k integer primary key, v text); begin; with recursive c(x) as (select 1 union all select x+1 from c where x<20000) insert into t select x, hex(x) from c; commit;" && for i in $(seq 40); do sqlite3 db "update t set v=v||1 where k%97=$i; select count(*) from t where v>5;" >/dev/null; done'
job[script]='for i in $(seq 200); do mkdir d$i; echo $i > d$i/f; mv d$i/f d$i/g; read x < d$i/g; [ "$x" = "$i" ]; done; cat d*/g | wc -l; rm -r d*'
declare -A about=([copy]="cp -r of /usr/include/linux" [search]="find, grep -r, du, five times" [archive]="tar, untar, tar again" [git]="init, add, 6 commits"
  [database]="sqlite, 40 transactions" [script]="a shell script, 200 small files")

run_job() {  # WHERE JOB LAUNCHER…: prints the seconds it took
  local where=$1/$2 script=${job[$2]} start stop
  shift 2
  mkdir "$where"
  start=$(date +%s.%N)
  (cd "$where" && timeout 120 "$@" bash -c "$script") >/dev/null || { echo "demo: ${where##*/} failed on $where" >&2; exit 1; }
  stop=$(date +%s.%N)
  rm -rf "$where"
  awk -v a="$start" -v b="$stop" 'BEGIN { printf "%.2f", b - a }'
}

"$btfuse" mount "$mount" --size 1G
echo "A scratch volume of 1 GiB is mounted at $mount."
echo
echo "Real work, seconds:"
printf '%-34s %8s %8s %11s   %s\n' '' native kernel in-process 'kernel / in-process'
for name in "${jobs[@]}"; do
  n=$(run_job "$native" "$name")
  k=$(run_job "$mount" "$name")
  i=$(run_job "$mount" "$name" "$btfuse" run --)
  printf '%-34s %8s %8s %11s   %s\n' "${about[$name]}" "$n" "$k" "$i" "$(awk -v k="$k" -v i="$i" 'BEGIN { printf "%.1fx", k / i }')"
done
echo
"$btfuse" stat "$mount" | sed -n '1,4p'
echo
echo "Single calls:"
"$btfuse" bench --quick --only micro 2>/dev/null | grep -vE '^(met|MISSED)| bars met'
