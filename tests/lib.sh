# SPDX-License-Identifier: MIT
# What the multi-process suites share. A suite is tests/<name>/run BUILD_DIR [--long]; it begins with
#
#   . "$(dirname "$(readlink -f "$0")")/../lib.sh" "$@"
#
# and then has $build, $btfuse, $long (empty or 1), $scratch (a directory of its own, removed at the end), a run directory of its own
# (BTFUSE_RUN_DIR), and these:
#
#   check NAME COMMAND ARG…     one test: passes when the command succeeds (within $check_limit_seconds)
#   refuse NAME COMMAND ARG…    one test: passes when the command fails, but neither by a signal nor by the time limit
#   equal NAME EXPECTED FOUND   one test: passes when the two texts are the same
#   skip NAME WHY               counts a test as skipped
#   with_mount DIR [OPTION…]    mounts a scratch volume there (default size 256M) and remembers to unmount it
#   finish                      the closing line, and the suite's exit status
#
# Whatever happens, what was mounted is unmounted and the daemon is gone when the suite ends.
#
# As root, a suite runs in a mount namespace of its own where only /tmp, /run, /dev/shm and the build folder can be written: a program
# that is served wrongly may lose its way (a test once walked up from its directory and removed /etc), and must not take the
# machine with it.
set -u
export LC_ALL=C
build=$(readlink -f "${1:?usage: run BUILD_DIR [--long]}") || exit 1
# By its whole name, for it leaves the directory it was started in.
case $0 in /*) ;; *) exec bash "$(readlink -f "$0")" "$@" ;; esac
if [ "$(id -u)" = 0 ] && [ -z "${BT_TEST_PROTECTED:-}" ] && unshare --mount true 2>/dev/null; then
  export BT_TEST_PROTECTED=1
  exec unshare --mount --propagation private bash -c '
    set -e
    for writable in /tmp /run "$0"; do mount --bind "$writable" "$writable"; done
    mount -o remount,bind,ro /
    exec bash "$@"' "$build" "$(readlink -f "$0")" "$@"
fi
long=; [ "${2:-}" != --long ] || long=1
btfuse=$build/btfuse
scratch=$(mktemp -d "/tmp/btfuse-test.XXXXXX") || exit 1
export BTFUSE_RUN_DIR=$scratch/run
export HOME=$scratch/home XDG_CACHE_HOME=$scratch/home/.cache
mkdir -m 700 "$BTFUSE_RUN_DIR" "$HOME" && cd "$HOME" || exit 1
check_limit_seconds=${check_limit_seconds:-60}
passed=0 failed=0 skipped=0 mounted=()

clean_up() {
  local i
  cd /
  for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do
    if mountpoint -q "${mounted[i]}" 2>/dev/null || grep -qF " ${mounted[i]} " /proc/self/mountinfo; then
      timeout 20 "$btfuse" umount "${mounted[i]}" >/dev/null 2>&1 ||
        timeout 10 fusermount3 -uz "${mounted[i]}" >/dev/null 2>&1 || umount -l "${mounted[i]}" 2>/dev/null
    fi
  done
  rm -rf --one-file-system "$scratch"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

ok() { passed=$((passed + 1)); echo "ok   $1"; }
fail() { failed=$((failed + 1)); echo "FAIL $1${2:+: $2}"; }
skip() { skipped=$((skipped + 1)); echo "skip $1: $2"; }

# Runs the rest of the line, a program or a function, under the limit; leaves its output in $scratch/output.
limited() {
  local status=0
  if [ "$(type -t "$1")" = function ]; then
    ( "$@" ) >"$scratch/output" 2>&1 </dev/null & local child=$!
    ( sleep "$check_limit_seconds"; kill -KILL $child ) >/dev/null 2>&1 & local watch=$!
    wait $child; status=$?
    pkill -P $watch 2>/dev/null; kill $watch 2>/dev/null; wait $watch 2>/dev/null
  else
    timeout -k 5 "$check_limit_seconds" "$@" >"$scratch/output" 2>&1 </dev/null || status=$?
  fi
  return $status
}
check() {
  local name=$1 status=0; shift
  limited "$@" || status=$?
  if [ $status = 0 ]; then ok "$name"; else fail "$name" "exit status $status from: $*"; sed 's/^/    /' "$scratch/output" | tail -20; fi
}
refuse() {
  local name=$1 status=0; shift
  limited "$@" || status=$?
  if [ $status -gt 0 ] && [ $status -lt 124 ]; then ok "$name"; else fail "$name" "exit status $status from: $*"; sed 's/^/    /' "$scratch/output" | tail -20; fi
}
equal() {
  if [ "$2" = "$3" ]; then ok "$1"; else fail "$1" "expected '$2', found '$3'"; fi
}
with_mount() {
  local where=$1; shift
  mkdir -p "$where"
  where=$(readlink -f "$where")
  [ $# -gt 0 ] || set -- --size 256M
  mounted+=("$where")
  timeout 30 "$btfuse" mount "$where" "$@" </dev/null || { fail "mount $where"; finish; }
}
finish() {
  echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
  [ $failed = 0 ]; exit $?
}
