# SPDX-License-Identifier: MIT
# needs: fio
for engine in sync psync pvsync2 mmap libaio io_uring splice; do
  fio --name=j --filename=f.$engine --ioengine=$engine --rw=randrw --bs=1k-16k --size=2m --io_size=4m --verify=crc32c --verify_fatal=1 --do_verify=1 --iodepth=8 --randseed=7 --fallocate=none --output-format=terse --output=out.$engine > err 2>&1; echo "$engine: $? $(cut -d';' -f5 out.$engine | head -1)"
done
# fio's own check of mixed reads and writes fails with posixaio, natively too, and now and then it crashes on the way out.
fio --name=x --filename=posixaio --ioengine=posixaio --rw=randwrite --bs=4k --size=2m --io_size=4m --verify=crc32c --verify_fatal=1 --do_verify=1 --iodepth=8 --randseed=7 --fallocate=none --output=out >/dev/null 2>&1; echo "posixaio: $?"
fio --name=t --directory=. --nrfiles=8 --numjobs=4 --thread --ioengine=psync --rw=write --bs=8k --size=4m --verify=md5 --verify_fatal=1 --do_verify=1 --randseed=7 --output=out >/dev/null 2>&1; echo "threads: $?"
fio --name=p --directory=. --numjobs=3 --ioengine=mmap --rw=randwrite --bs=4k --size=2m --verify=sha1 --verify_fatal=1 --do_verify=1 --randseed=7 --output=out >/dev/null 2>&1; echo "processes: $?"
fio --name=d --filename=direct --direct=1 --ioengine=libaio --iodepth=4 --rw=randwrite --bs=4k --size=4m --verify=crc32c --verify_fatal=1 --do_verify=1 --randseed=7 --output=out >/dev/null 2>&1; echo "direct: $?"
fio --name=a --filename=append --ioengine=sync --file_append=1 --rw=write --bs=4k --size=1m --output=out >/dev/null 2>&1; fio --name=a --filename=append --ioengine=sync --file_append=1 --rw=write --bs=4k --size=1m --output=out >/dev/null 2>&1; stat -c %s append; rm -f f.* posixaio *.state out* err t.* p.* direct append
