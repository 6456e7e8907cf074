# SPDX-License-Identifier: MIT
# needs: /usr/bin/python3
cat > all.py <<'P'
import asyncio, concurrent.futures, ctypes, fcntl, glob, io, json, mmap, multiprocessing, os, pathlib, pickle, select, shelve, shutil, signal, socket, sqlite3, stat, subprocess, sys, tempfile, threading, zipfile
from multiprocessing import shared_memory
def square(i):
    with open('pool.log', 'ab', buffering=0) as f: f.write(b'%04d\n' % i)
    return i * i
def put(q, n):
    for i in range(n): q.put((os.path.basename(os.getcwd()), i))
def main():
    for method in ('fork', 'spawn', 'forkserver'):
        context = multiprocessing.get_context(method)
        open('pool.log', 'wb').close()
        with context.Pool(3) as pool: print(method, sum(pool.imap_unordered(square, range(60), 7)))
        print(len(open('pool.log', 'rb').read().split()))
        q = context.Queue(); p = context.Process(target=put, args=(q, 5)); p.start(); print([q.get() for _ in range(5)]); p.join(); print(p.exitcode)
    with concurrent.futures.ProcessPoolExecutor(2) as e: print(list(e.map(square, range(5))))
    f = open('inherit', 'w+b', buffering=0); f.write(b'abcdef'); f.seek(2)
    r = subprocess.run(['sh', '-c', f'cat <&{f.fileno()}; echo tail >&{f.fileno()}'], pass_fds=[f.fileno()], capture_output=True); print(r.stdout, f.tell()); f.seek(0); print(f.read())
    print(subprocess.run(['sh', '-c', 'ls /proc/self/fd | wc -l'], stdin=open('inherit'), stdout=subprocess.PIPE, close_fds=True).stdout)
    with open('sub.out', 'w') as o, open('sub.err', 'w') as e: subprocess.run('echo out; echo err >&2; exit 3', shell=True, stdout=o, stderr=e, cwd='.', start_new_session=True, umask=0o77)
    print(open('sub.out').read(), open('sub.err').read(), oct(os.stat('sub.out').st_mode))
    with open('map', 'w+b') as f:
        f.truncate(1 << 20); m = mmap.mmap(f.fileno(), 0); m[5:9] = b'mmap'; m[-1] = 7; f.seek(5); print(f.read(4)); f.seek(100); f.write(b'written'); f.flush(); print(m[100:107])
        if os.fork() == 0: m[0:2] = b'ch'; os._exit(0)
        os.wait(); print(m[0:2]); m.resize(2 << 20); m[-2:] = b'zz'; m.flush(); print(m.size(), m.find(b'zz')); m.close()
        private = mmap.mmap(f.fileno(), 0, flags=mmap.MAP_PRIVATE); private[0:2] = b'PP'; f.seek(0); print(f.read(2), private[0:2]); f.seek(200); f.write(b'later'); f.flush(); print(private[4096 + 5:4096 + 6]); private.close()
        ro = mmap.mmap(f.fileno(), 4096, prot=mmap.PROT_READ, offset=4096); print(ro[:3]); ro.close()
    db = sqlite3.connect('db', isolation_level=None); db.execute('pragma journal_mode=wal'); db.execute('create table t(a integer primary key, b)')
    def writer(k):
        c = sqlite3.connect('db', timeout=60)
        for i in range(40):
            with c: c.execute('insert into t(b) values(?)', (k,))
        c.close()
    threads = [threading.Thread(target=writer, args=(k,)) for k in range(4)]; [t.start() for t in threads]; [t.join() for t in threads]; print(db.execute('select count(*), count(distinct b) from t').fetchone(), db.execute('pragma integrity_check').fetchone()); db.execute('vacuum'); db.close()
    with shelve.open('shelf') as s: s['k'] = list(range(100))
    with shelve.open('shelf') as s: print(sum(s['k']))
    async def asynchronous():
        p = await asyncio.create_subprocess_exec('cat', 'inherit', stdout=asyncio.subprocess.PIPE); print(await p.stdout.read(), await p.wait())
        print(await asyncio.to_thread(lambda: pathlib.Path('inherit').read_bytes()[:3]))
    asyncio.run(asynchronous())
    a, b = socket.socketpair(socket.AF_UNIX); fd = os.open('passed', os.O_RDWR | os.O_CREAT); os.write(fd, b'hello')
    socket.send_fds(a, [b'x'], [fd]); _, fds, _, _ = socket.recv_fds(b, 1, 4); os.lseek(fds[0], 1, 0); print(os.read(fds[0], 9), os.lseek(fd, 0, 1))
    os.close(fd); os.close(fds[0])
    src = os.open('inherit', os.O_RDONLY); dst = os.open('copied', os.O_WRONLY | os.O_CREAT); print(os.sendfile(dst, src, 0, 100), os.copy_file_range(src, dst, 3)); r, w = os.pipe(); print(os.splice(src, w, 3), os.read(r, 10)); os.close(src); os.close(dst)
    print(select.select([open('inherit')], [], [], 0)[0] != [], sorted(os.listdir('/proc/self/fd'))[:3])
    d = os.open('.', os.O_RDONLY | os.O_DIRECTORY); os.mkdir('sub', dir_fd=d); os.rename('sub', 'sub2', src_dir_fd=d, dst_dir_fd=d); print(os.stat('sub2', dir_fd=d).st_nlink); here = os.getcwd(); os.chdir('sub2'); os.fchdir(d); print(os.getcwd() == here); os.rmdir('sub2', dir_fd=d)
    fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600); os.write(fd, b'tmp'); os.link(f'/proc/self/fd/{fd}', 'linked', src_dir_fd=d, dst_dir_fd=d, follow_symlinks=True); print(open('linked').read()); os.close(fd); os.close(d)
    try: os.open('linked', os.O_CREAT | os.O_EXCL)
    except FileExistsError as e: print(e)
    with tempfile.NamedTemporaryFile(dir='.') as t: t.write(b'x' * 70000); t.flush(); print(os.path.getsize(t.name))
    with tempfile.SpooledTemporaryFile(max_size=10, dir='.') as t: t.write(b'y' * 100); t.seek(0); print(len(t.read()))
    print(fcntl.fcntl(os.open('linked', os.O_RDWR), fcntl.F_GETFL) & os.O_RDWR, os.get_inheritable(os.open('linked', os.O_RDONLY)))
    os.mkfifo('fifo'); pid = os.fork()
    if pid == 0: open('fifo', 'w').write('through'); os._exit(0)
    print(open('fifo').read()); os.waitpid(pid, 0); os.remove('fifo')
    s = socket.socket(socket.AF_UNIX); s.bind('socket'); s.listen(); c = socket.socket(socket.AF_UNIX); c.connect('socket'); print(stat.S_ISSOCK(os.stat('socket').st_mode)); s.close(); c.close(); os.remove('socket')
    os.setxattr('linked', 'user.a', b'1'); print(os.listxattr('linked')); os.utime('linked', ns=(1, 2)); print(os.stat('linked').st_mtime_ns); os.truncate('linked', 1); print(os.path.getsize('linked')); os.chmod('linked', 0o4711); print(oct(os.stat('linked').st_mode)); print(os.pread(os.open('linked', 0), 5, 0), os.posix_fallocate(os.open('linked', 2), 0, 9000), os.path.getsize('linked'))
    shutil.copytree('/usr/lib/python3/dist-packages' if False else os.path.dirname(json.__file__), 'js', ignore=shutil.ignore_patterns('__pycache__')); shutil.make_archive('arc', 'gztar', 'js'); shutil.unpack_archive('arc.tar.gz', 'un'); print(sorted(p.name for p in pathlib.Path('un').rglob('*.py')) == sorted(os.listdir('js'))); shutil.rmtree('js'); shutil.rmtree('un'); os.remove('arc.tar.gz')
    n = [0]
    def tick(*_): n[0] += 1; open('ticks', 'a').write('.')
    signal.signal(signal.SIGALRM, tick); signal.setitimer(signal.ITIMER_REAL, .002, .002); deadline = 100000
    while n[0] < 50 and deadline: open('busy', 'w').write('x' * 1000); deadline -= 1
    signal.setitimer(signal.ITIMER_REAL, 0); print(os.path.getsize('ticks') >= 50, os.path.getsize('busy')); os.remove('ticks')
if __name__ == '__main__': main()
P
/usr/bin/python3 all.py; echo "status $?"
/usr/bin/python3 -m venv --without-pip env && env/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'; mkdir -p env/lib/site; printf 'x = 5\n' > "$(echo env/lib/python3*/site-packages)/mod.py"; env/bin/python -c 'import mod; print(mod.x)'; (. env/bin/activate; python3 -c 'import mod, os; print(os.path.relpath(mod.__cached__))' | sed 's/[0-9]\+/N/g'); sort -n pool.log | md5sum
rm -rf env db* shelf* __pycache__ pool.log
