# SPDX-License-Identifier: MIT
# needs: sqlite3
# WAL with several writing processes, rollback journals, a writer that is killed, vacuum, backup.
sqlite3 db 'pragma journal_mode=wal; create table t(k integer primary key autoincrement, w, v); create index i on t(w);'
for w in 1 2 3 4; do { echo '.timeout 60000'; for i in $(seq 60); do echo "begin immediate; insert into t(w,v) values($w,hex(zeroblob($((i*13))))); insert into t(w,v) values($w,$i); commit;"; [ $((i%20)) != 0 ] || echo 'pragma wal_checkpoint(passive);'; done; } | sqlite3 db >/dev/null & done; wait
sqlite3 db 'select w, count(*), sum(length(v)) from t group by w; pragma integrity_check; pragma wal_checkpoint(truncate);' | sed '$d'; stat -c %s db-wal 2>/dev/null
(echo "begin immediate; insert into t(w,v) values(9,'lost');"; echo '.shell echo ready > ready'; sleep 1000) | sqlite3 db & pid=$!; while ! test -s ready; do sleep 0.01; done; pkill -KILL -P $$ -x sqlite3; pkill -P $$ -x sleep; kill $pid 2>/dev/null; wait 2>/dev/null
sqlite3 db '.timeout 60000' "select count(*) from t where w=9; insert into t(w,v) values(10,'after'); select v from t where w=10; pragma integrity_check"
for mode in delete truncate persist memory off; do sqlite3 j.$mode "pragma journal_mode=$mode; create table x(a); begin; insert into x values(1),(2); rollback; insert into x values(3); select * from x;"; done
sqlite3 mm 'pragma mmap_size=100000000; create table m(a,b); begin; with recursive c(x) as (select 1 union all select x+1 from c where x<20000) insert into m select x, hex(x) from c; commit; select count(*), max(b) from m; delete from m where a%3=0; vacuum; select count(*) from m; pragma integrity_check' | tail -3
sqlite3 db ".backup copy" "select w, v from t order by w, v" | md5sum; sqlite3 copy 'select count(*) from t'; sqlite3 db "attach 'mm' as o; begin; insert into t(w,v) values(11,1); delete from o.m where a<100; commit; select count(*) from o.m;"; sqlite3 :memory: "attach 'db' as d; select count(*) from d.t"
rm -f db* copy* mm* j.* ready
