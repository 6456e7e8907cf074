# SPDX-License-Identifier: MIT
# needs: mdb_load mdb_dump mdb_stat mdb_copy
seq 20000 | awk '{printf "k%05d\nv%d\n", $1, $1*7}' > text; mdb_load -T -n -f text env.mdb; mdb_stat -n env.mdb | grep -E 'Entries|Depth'; mdb_dump -n -p env.mdb | md5sum
mkdir dir; head -4000 text | mdb_load -T dir; tail -4000 text | mdb_load -T dir; mdb_stat -e dir | grep -E 'Entries|Map size'; mdb_dump dir | grep -c ' '; mkdir copy; mdb_copy -c dir copy; mdb_dump copy | md5sum; (mdb_stat -r dir | tail -1) ; for i in 1 2 3 4; do head -$((i*1000)) text | mdb_load -T dir & done; wait; mdb_stat dir | grep Entries; rm -rf env.mdb* dir copy text
