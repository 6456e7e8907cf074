# SPDX-License-Identifier: MIT
# needs: stress-ng
# Each stressor that works on files; --verify makes it check its own work. Short: a fixed number of rounds; --long: a minute each.
stressors='access chmod chown copy-file dentry dir dup fallocate fcntl filename flock fpunch fstat getdent hdd link locka lockf lockofd mmap open rename seek sendfile symlink touch'
[ -z "${BT_LONG:-}" ] || stressors="$stressors chattr chdir dirdeep dirmany fiemap io lease mknod splice sync-file utime"
for s in $stressors; do
  if [ -n "${BT_LONG:-}" ]; then set -- --timeout 60; else set -- --$s-ops 40 --timeout 60; fi
  timeout 240 stress-ng --$s 2 "$@" --temp-path . --verify --quiet >out 2>&1; status=$?
  if [ $status = 0 ]; then echo "$s: ok"; else echo "$s: $status"; head -3 out >&2; fi
done
rm -f out; find . -mindepth 1 | wc -l
