# SPDX-License-Identifier: MIT
# needs: initdb pg_ctl pgbench psql
# user: not root
export PGDATA=$PWD/data PGHOST=$PWD PGUSER=me PGDATABASE=postgres; seconds=${BT_LONG:+30}; seconds=${seconds:-3}
initdb -A trust -U me -N -E UTF8 --locale=C >initdb.log 2>&1; echo "initdb: $?"; printf "listen_addresses=''\nunix_socket_directories='%s'\nshared_buffers=16MB\nfsync=on\nautovacuum_naptime=1\nmax_wal_size=64MB\n" "$PWD" >> data/postgresql.conf
begin() { pg_ctl -w -t 120 -l log start >/dev/null; echo "start: $?"; }
begin; pgbench -i -s 1 -q 2>/dev/null; echo "pgbench -i: $?"; pgbench -c 4 -j 2 -T $seconds >bench 2>&1; echo "pgbench: $?"; grep -c 'number of failed transactions: 0' bench
check() { psql -Atc "select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history), (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history), (select count(*) from pgbench_accounts)"; }
check; psql -qc 'create table big as select g, md5(g::text) m from generate_series(1,20000) g; create index on big(m); checkpoint'; psql -Atc 'select count(*), min(m) from big'
pgbench -c 4 -j 2 -T 60 >/dev/null 2>&1 & bench=$!; psql -Atqc "select pg_sleep(0.3)" >/dev/null; pg_ctl -m immediate stop >/dev/null; echo "immediate stop: $?"; wait $bench; begin; check; psql -Atc "select count(*), count(distinct m) from big"; psql -qc "vacuum full big; reindex table big"; psql -Atc "select count(*) from big where m = md5('77')"; pg_dump -t big | grep -c '^[0-9]'; psql -Atc "copy big to '$PWD/big.csv'"; wc -l < big.csv; pg_ctl -m fast stop >/dev/null; echo "stop: $?"; pg_checksums --help >/dev/null; rm -rf data bench log initdb.log big.csv
