#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# programs: real programs, run once in a native directory (the oracle) and once in a directory under test; what they
# print and the tree they leave behind must be the same.
#
#   programs.sh NATIVE_DIR TEST_DIR [LAUNCHER ARG...]      e.g.  programs.sh /dev/shm/n /mnt/bt  build/btfuse run --
#   ONLY='git python' programs.sh ...                      some cases only
#
# Each case is a bash script of its own, started by the launcher in an empty directory. Prints one line a case and
# closes with 'N passed, N failed'; exit status 1 if any failed. Missing programs are an error: install them.
set -u
native=$1 test_dir=$2; shift 2
launcher=("$@")
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

declare -A cases
cases[coreutils]='mkdir -p a/b/c; cp -a /etc/passwd a/b/; cp /bin/ls .; ./ls -1 a; ln -s a/b l; ln a/b/passwd hard; mv a/b/passwd a/x
  chmod 751 a/x; touch -d @1000000000 a/x; stat -c "%a %s %h %Y" a/x hard; wc -c < hard; rm -r a/b/c; rmdir a/b; du -ab . | wc -l; df . >/dev/null && echo df
  seq 1 20000 | sort -R --random-source=<(yes) | sort -n > s; md5sum s; split -l 1000 s part; cat part* | cmp - s && echo same; truncate -s 10M big; dd if=/dev/zero of=big bs=4k count=3 seek=7 conv=notrunc status=none; sha1sum big; tail -c +20000 s | head -c 100 | od -c | tail -1; install -m 700 s t; realpath l | xargs basename; readlink -f l | xargs basename'
cases[redirect]='echo one > f; echo two >> f; exec 3<>f; read x <&3; echo "read $x"; echo three >&3; exec 3>&-; cat f; (echo a; echo b; bash -c "echo c") > g; cat g
  { echo x; /bin/echo y; } > h 2>&1; cat h; cat < h > i; diff h i && echo same; cat <<EOF > j
here $((1+1))
EOF
  cat j; exec 7>k; exec 9>&7; echo via9 >&9; exec 7>&- 9>&-; cat k; cat <(cat k) ; for i in 1 2 3; do echo $i; done | tee l | tail -1; cat l; ( exec > m; echo sub; env -i /bin/echo bare ); cat m; ls /proc/self/fd | wc -l > /dev/null'
cases[tar]='tar -C /usr/include -cf - . | tar xf -; find . -type f | wc -l; tar cf ../../t.$$.tar . 2>/dev/null || tar cf t.tar linux; tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - linux | sha256sum; rm -f ../../t.$$.tar; find . -name "*.h" -newer linux/fs.h | wc -l >/dev/null; find linux -type f -print0 | xargs -0 grep -l inode | LC_ALL=C sort | md5sum'
cases[git]='export HOME=$PWD GIT_AUTHOR_DATE="@1 +0000" GIT_COMMITTER_DATE="@1 +0000" GIT_CONFIG_NOSYSTEM=1; git init -q -b main r; cd r; git config user.email a@b; git config user.name n; git config gc.auto 0
  cp -r /usr/include/linux .; git add -A; git commit -qm one; git rev-parse HEAD; for i in 1 2 3 4 5; do echo $i >> linux/fs.h; git commit -qam "c$i"; done; git checkout -q -b side HEAD~3; echo side > side; git add side; git commit -qm side; git rebase -q main; git log --format=%s | head -8; git merge-base main side; git stash list; git gc -q; git fsck --full 2>&1 | grep -v dangling; git clone -q . ../c; cd ../c; git status --short | wc -l; git grep -c inode | wc -l; git worktree add -q ../w main; cd ../w; git log --oneline | wc -l; cd ..; rm -rf r c w .gitconfig'
cases[python]='python3 - <<EOF
import os, tempfile, shutil, mmap, sqlite3, subprocess, multiprocessing, threading, fcntl, json, zipfile, stat
p="d"; os.makedirs(p+"/x/y"); open(p+"/f","w").write("hello\n"*1000)
with open(p+"/f","r+b") as f:
    m=mmap.mmap(f.fileno(),0); m[0:5]=b"HELLO"; m.flush(); m.close()
print(open(p+"/f").readline().strip(), os.path.getsize(p+"/f"))
with tempfile.TemporaryDirectory(dir=".") as t:
    open(t+"/q","w").write("z"); print(sorted(os.listdir(t)))
with tempfile.TemporaryFile(dir=".") as t:
    t.write(b"abc"); t.seek(0); print(t.read())
def work(i):
    with open("log","a") as f: f.write("line %d\n"%i)
    return i*i
with multiprocessing.Pool(3) as pool: print(sum(pool.map(work,range(200))))
lines=sorted(open("log")); print(len(lines)); open("log","w").writelines(lines)
ts=[threading.Thread(target=lambda i=i: open("t%d"%i,"w").write("x"*i*100)) for i in range(16)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sum(os.path.getsize("t%d"%i) for i in range(16)))
f=open("lock","w"); fcntl.flock(f,fcntl.LOCK_EX); r=subprocess.run(["flock","-n","lock","true"]); print("second locker got", r.returncode); f.close()
r,w=os.pipe(); pid=os.fork()
if pid==0:
    os.dup2(os.open("child",os.O_CREAT|os.O_WRONLY),1); os.execvp("echo",["echo","from","child"])
os.waitpid(pid,0); print(open("child").read().strip())
fd=os.open("sh",os.O_CREAT|os.O_RDWR); os.write(fd,b"0123456789"); os.lseek(fd,3,0); d=os.dup(fd)
if os.fork()==0: os.read(d,2); os._exit(0)
os.wait(); print(os.read(fd,2)); os.close(fd); os.close(d)
db=sqlite3.connect("db"); db.execute("pragma journal_mode=wal"); db.execute("create table t(a)"); db.executemany("insert into t values(?)",[(i,) for i in range(5000)]); db.commit(); print(db.execute("select sum(a) from t").fetchone()); db.close()
shutil.copytree("d","e"); shutil.move("e","g"); shutil.make_archive("arc","zip","g"); print(sorted(zipfile.ZipFile("arc.zip").namelist())); os.chdir("g"); print(os.path.basename(os.getcwd())); os.chdir(".."); os.rename("g","h"); shutil.rmtree("h")
os.mkfifo("ff"); print(stat.S_ISFIFO(os.stat("ff").st_mode)); os.setxattr("log","user.k",b"v"); print(os.getxattr("log","user.k"), os.listxattr("log"))
os.posix_spawn("/bin/sh",["sh","-c","echo spawned >&4"],os.environ,file_actions=[(os.POSIX_SPAWN_OPEN,4,"sp",os.O_CREAT|os.O_WRONLY,0o644)]); os.wait(); print(open("sp").read().strip())
EOF
  python3 -m compileall -q -o 0 /usr/lib/python3/dist-packages -d . >/dev/null 2>&1; cp -r /usr/lib/python3*/json js 2>/dev/null || cp -r $(python3 -c "import json,os;print(os.path.dirname(json.__file__))") js; rm -rf js/__pycache__; python3 -m compileall -q js; ls js | wc -l; python3 -c "import sys; sys.path.insert(0,\".\"); import js; print(js.loads(\"[1]\"))"; rm -rf js arc.zip db*'
cases[build]='for i in $(seq 1 40); do printf "#include <stdio.h>\n#include <stdlib.h>\nint f%d(void){return %d;}\n" $i $i > o$i.c; done
  { echo "#include <stdio.h>"; for i in $(seq 1 40); do echo "int f$i(void);"; done; echo "int main(void){int s=0;"; for i in $(seq 1 40); do echo "s+=f$i();"; done; echo "printf(\"%d\\n\",s);return 0;}"; } > main.c
  printf "OBJS := \$(patsubst %%,o%%.o,\$(shell seq 1 40))\nprog: \$(OBJS) main.o\n\tcc -o \$@ \$^\n" > Makefile
  make -s -j4 prog && ./prog; ar rcs lib.a o*.o && nm lib.a | grep -c " T "; cc -shared -fPIC -o libx.so o1.c && python3 -c "import ctypes; print(ctypes.CDLL(\"./libx.so\").f1())"; sed -i s/return.1/return\ 1000/ o1.c; make -s prog && ./prog; gdb -batch -ex "break f7" -ex run -ex bt ./prog 2>/dev/null | grep -c "f7"; rm -f prog *.o lib.a libx.so'
cases[sqlite]='sqlite3 db "create table t(k integer primary key, v text); begin; with recursive c(x) as (select 1 union all select x+1 from c where x<50000) insert into t select x, hex(x) from c; commit; create index i on t(v); select count(*), max(v) from t; pragma integrity_check;"; sqlite3 db "pragma journal_mode=wal; update t set v=v||1 where k%7=0; delete from t where k%3=0; vacuum; pragma integrity_check; select sum(length(v)) from t;"; for i in 1 2 3 4; do sqlite3 -cmd ".timeout 20000" db "begin immediate; update t set v=\"w\" where k=$i; commit;" & done; wait; sqlite3 db "select count(*) from t where v=\"w\""; rm -f db*'
cases[archive]='cp -r /usr/include/linux src; rsync -a src/ dst/; diff -r src dst && echo same; rsync -a --delete --inplace --checksum src/ dst/; (cd src && find . | LC_ALL=C sort | cpio -o -H newc --quiet --reproducible | md5sum >/dev/null); zip -qr z.zip src; unzip -q z.zip -d un; diff -r src un/src && echo unzipped; xz -k -T1 z.zip; xz -dc z.zip.xz | cmp - z.zip && echo xz; rm -f z.zip*; diff -ru src dst; echo "--" > src/new; diff -rq src dst; (cd dst && patch -p1 -s <<EOF
--- a/none
+++ b/fresh
@@ -0,0 +1 @@
+patched
EOF
cat fresh)'
cases[edit]='printf "alpha\nbeta\ngamma\n" > f; vim -es -u NONE -c "%s/beta/BETA/" -c wq f </dev/null; cat f; sed -i s/alpha/ALPHA/ f; perl -pi -e "s/gamma/GAMMA/" f; cat f; awk "{print > (\"out\" NR)}" f; cat out1 out2 out3; ed -s f <<EOF
1d
w
q
EOF
cat f; tac f | tee g; shuf --random-source=/dev/zero f > /dev/null; perl -e "open(F,\"+<\",\"f\"); seek(F,2,0); print F \"xx\"; close F; unlink \"g\"; print -e \"g\" ? 1 : 0, \"\n\""; cat f'
cases[churn]='for i in $(seq 1 300); do mkdir d$i; echo $i > d$i/f; mv d$i/f d$i/g; ln d$i/g d$i/h; done; find . -type f | wc -l; cat d*/g | md5sum; for i in $(seq 1 2 300); do rm -r d$i; done; find . -mindepth 1 -maxdepth 1 | wc -l; mkdir deep; cd deep; for i in $(seq 1 60); do mkdir n; cd n; done; echo bottom > file; cd ../../..; find . -name file -exec cat {} \;; find deep -type d | wc -l'

fingerprint() { (cd "$1" && find . -mindepth 1 -printf '%P|%y|%m|%n|%l' -a \( -type f -printf '|%s\n' -o -printf '\n' \) | LC_ALL=C sort; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum 2>/dev/null | grep -vE 'COMMIT_EDITMSG|\.git/(index|logs)') ; }

passed=0 failed=0
for name in ${ONLY:-coreutils redirect tar git python build sqlite archive edit churn}; do
  printf '%s\n' "${cases[$name]}" > "$work/$name.sh"
  rm -rf "$native/$name" "$test_dir/$name"; mkdir -p "$native/$name" "$test_dir/$name"
  start=$(date +%s.%N)
  (cd "$native/$name" && timeout 300 bash "$work/$name.sh") > "$work/native.out" 2> "$work/native.err" < /dev/null; native_status=$?
  middle=$(date +%s.%N)
  (cd "$test_dir/$name" && timeout 300 "${launcher[@]}" bash "$work/$name.sh") > "$work/test.out" 2> "$work/test.err" < /dev/null; test_status=$?
  stop=$(date +%s.%N)
  fingerprint "$native/$name" > "$work/native.tree"; fingerprint "$test_dir/$name" > "$work/test.tree"
  why=
  [ $native_status = $test_status ] || why="exit status $native_status natively, $test_status under test"
  cmp -s "$work/native.out" "$work/test.out" || why="${why:+$why; }output differs: $(diff "$work/native.out" "$work/test.out" | head -3 | tr '\n' ' ')"
  cmp -s "$work/native.tree" "$work/test.tree" || why="${why:+$why; }tree differs: $(diff "$work/native.tree" "$work/test.tree" | head -3 | tr '\n' ' ')"
  cmp -s "$work/native.err" "$work/test.err" || why="${why:+$why; }stderr differs: $(diff "$work/native.err" "$work/test.err" | head -3 | tr '\n' ' ')"
  times=$(awk -v a="$start" -v b="$middle" -v c="$stop" 'BEGIN{printf "native %.2fs, under test %.2fs, ratio %.2f", b-a, c-b, (c-b)/(b-a)}')
  if [ -z "$why" ]; then passed=$((passed+1)); echo "ok   $name ($times)"; else failed=$((failed+1)); echo "FAIL $name ($times): $why"; fi
  rm -rf "$native/$name" "$test_dir/$name"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
