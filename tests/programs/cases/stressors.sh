# SPDX-License-Identifier: MIT
# needs: stress-ng
# only: --long
# Each stressor that works on files; --verify makes it check its own work. A minute each.
stressors='access chmod chown copy-file dentry dir dup fallocate fcntl filename flock fpunch fstat getdent hdd link locka lockf lockofd mmap open rename seek sendfile symlink touch'
stressors="$stressors chattr chdir dirdeep dirmany fiemap io lease mknod splice sync-file utime"
for s in $stressors; do
  timeout 240 stress-ng --$s 2 --timeout 60 --temp-path . --verify --quiet >out 2>&1; status=$?
  if [ $status = 0 ]; then echo "$s: ok"; else echo "$s: $status"; head -3 out >&2; fi
done
rm -f out; find . -mindepth 1 | wc -l
