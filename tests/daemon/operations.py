#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Operations whose results a file system can get wrong: run in an empty directory, prints one line for each. The suite runs
it on tmpfs and on a mount and compares. Nothing that may differ (inode numbers, times, sizes of directories) is printed.

    operations.py DIRECTORY"""
import ctypes, errno, fcntl, mmap, os, signal, socket, stat, sys, time

os.chdir(sys.argv[1])
os.umask(0o022)
libc = ctypes.CDLL(None, use_errno=True)


def show(name, function):
    try:
        result = function()
    except OSError as problem:
        result = errno.errorcode[problem.errno]
    print(f'{name}: {result}', flush=True)


def put(name, data=b'', mode=0o644):
    fd = os.open(name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, mode)
    os.write(fd, data)
    os.close(fd)


def get(name):
    with open(name, 'rb') as file:
        return file.read()


def opened(name, flags, mode=0o644):
    fd = os.open(name, flags, mode)
    os.close(fd)
    return 'ok'


def mode_of(name):
    return oct(os.lstat(name).st_mode)


def in_child(function):
    """Runs it in a child and gives what it returned as text."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            text = str(function())
        except OSError as problem:
            text = errno.errorcode[problem.errno]
        os.write(write_end, text.encode())
        os._exit(0)
    os.close(write_end)
    text = b''
    while part := os.read(read_end, 4096):
        text += part
    os.close(read_end)
    os.waitpid(pid, 0)
    return text.decode()


def renameat2(old, new, flags):
    if libc.renameat2(-100, old.encode(), -100, new.encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), '')
    return 'ok'


def fallocate(fd, mode, offset, size):
    if libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(size)) != 0:
        raise OSError(ctypes.get_errno(), '')
    return 'ok'


def opening():
    put('f', b'hello')
    show('open a missing name', lambda: opened('missing', os.O_RDONLY))
    show('O_EXCL on a name that is there', lambda: opened('f', os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    show('O_TRUNC', lambda: (opened('f', os.O_WRONLY | os.O_TRUNC), os.stat('f').st_size))
    show('O_DIRECTORY on a file', lambda: opened('f', os.O_DIRECTORY))
    os.symlink('f', 'l')
    show('O_NOFOLLOW on a link', lambda: opened('l', os.O_NOFOLLOW))
    os.symlink('loop', 'loop')
    show('a link to itself', lambda: opened('loop', os.O_RDONLY))
    os.mkdir('d')
    show('write to a directory', lambda: opened('d', os.O_WRONLY))
    show('a file as a directory', lambda: opened('f/x', os.O_RDONLY))
    show('name of 255 bytes', lambda: opened('n' * 255, os.O_CREAT | os.O_WRONLY))
    show('name of 256 bytes', lambda: opened('n' * 256, os.O_CREAT | os.O_WRONLY))
    show('create in a link that dangles', lambda: (os.symlink('target', 'dangling'), opened('dangling', os.O_CREAT | os.O_WRONLY), mode_of('target')))
    show('umask', lambda: (os.umask(0o027), opened('masked', os.O_CREAT | os.O_WRONLY, 0o666), mode_of('masked'), os.umask(0o022))[2])


def data():
    put('append', b'one')
    first = os.open('append', os.O_WRONLY | os.O_APPEND)
    second = os.open('append', os.O_WRONLY | os.O_APPEND)
    os.write(first, b'two')
    os.write(second, b'three')
    os.write(first, b'four')
    show('two appending descriptors', lambda: get('append'))
    os.close(first)
    os.close(second)
    fd = os.open('sparse', os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b'x', 1 << 20)
    os.pwrite(fd, b'y', 8 << 30)
    show('size of a sparse file', lambda: os.fstat(fd).st_size)
    show('first data', lambda: os.lseek(fd, 0, os.SEEK_DATA))
    show('hole after it', lambda: os.lseek(fd, 1 << 20, os.SEEK_HOLE))
    show('data beyond the end', lambda: os.lseek(fd, 9 << 30, os.SEEK_DATA))
    show('a hole reads as zeros', lambda: os.pread(fd, 10, 5000))
    show('truncate into the middle', lambda: (os.ftruncate(fd, (1 << 20) + 1), os.fstat(fd).st_size))
    show('grow again', lambda: (os.ftruncate(fd, (1 << 20) + 100), os.pread(fd, 100, 1 << 20)))
    os.close(fd)
    fd = os.open('alloc', os.O_CREAT | os.O_RDWR)
    os.write(fd, bytes(range(256)) * 64)
    show('punch a hole', lambda: (fallocate(fd, 3, 4096, 4096), os.pread(fd, 2, 4094), os.pread(fd, 2, 4096), os.fstat(fd).st_size))
    show('keep size', lambda: (fallocate(fd, 1, 1 << 20, 4096), os.fstat(fd).st_size))
    show('allocate beyond the end', lambda: (fallocate(fd, 0, 20000, 4096), os.fstat(fd).st_size))
    show('read with O_RDONLY closed for writing', lambda: os.write(os.open('alloc', os.O_RDONLY), b'x'))
    show('copy_file_range', lambda: (put('copy'), os.copy_file_range(fd, os.open('copy', os.O_WRONLY), 10000, 0, 0), get('copy') == get('alloc')[:10000]))
    os.close(fd)
    show('preadv and pwritev', vectors)
    show('a big file', big_file)


def vectors():
    fd = os.open('vector', os.O_CREAT | os.O_RDWR)
    written = os.pwritev(fd, [b'a' * 5000, b'b' * 5000], 100)
    parts = [bytearray(3000), bytearray(9000)]
    got = os.preadv(fd, parts, 100)
    os.close(fd)
    return written, got, parts[0] == b'a' * 3000, bytes(parts[1][1990:2010])


def big_file():
    block = bytes(range(251)) * 8355  # about 2 MiB, no power of two
    fd = os.open('big', os.O_CREAT | os.O_RDWR)
    written = sum(os.write(fd, block) for _ in range(4))
    os.lseek(fd, 0, 0)
    same = all(os.read(fd, len(block)) == block for _ in range(4))
    os.close(fd)
    return written, same


def mapping():
    put('mapped', b'.' * 10000)
    fd = os.open('mapped', os.O_RDWR)
    shared = mmap.mmap(fd, 10000)
    shared[0:5] = b'HELLO'
    shared[9000:9003] = b'END'
    shared.flush()
    show('a shared mapping is written back', lambda: (get('mapped')[:6], get('mapped')[8999:9004]))
    private = mmap.mmap(fd, 10000, flags=mmap.MAP_PRIVATE)
    private[0:5] = b'other'
    show('a private mapping is not', lambda: get('mapped')[:6])
    shared.close()
    private.close()
    os.close(fd)


def names():
    put('a', b'a')
    put('b', b'b')
    show('rename onto a file', lambda: (os.rename('a', 'b'), get('b')))
    put('a', b'a')
    show('RENAME_NOREPLACE', lambda: renameat2('a', 'b', 1))
    show('RENAME_EXCHANGE', lambda: (renameat2('a', 'b', 2), get('a'), get('b')))
    os.makedirs('p/q/r')
    show('a directory into itself', lambda: os.rename('p', 'p/q/r/s'))
    show('a directory onto a full one', lambda: (os.mkdir('e'), os.rename('e', 'p')))
    show('a file onto a directory', lambda: os.rename('a', 'e'))
    show('a directory onto a file', lambda: os.rename('e', 'a'))
    show('rmdir of a full directory', lambda: os.rmdir('p'))
    show('rmdir of a file', lambda: os.rmdir('a'))
    show('unlink of a directory', lambda: os.unlink('e'))
    show('links', lambda: (os.link('a', 'h1'), os.link('a', 'h2'), os.stat('a').st_nlink, os.unlink('h1'), os.stat('a').st_nlink)[2::2])
    show('link to a directory', lambda: os.link('e', 'h3'))
    show('nlink of directories', lambda: (os.stat('p').st_nlink, os.stat('p/q/r').st_nlink))
    show('a long link', lambda: (os.symlink('t' * 3000, 'long'), len(os.readlink('long')), os.lstat('long').st_size))
    fd = os.open('gone', os.O_CREAT | os.O_RDWR)
    os.unlink('gone')
    show('an unlinked file', lambda: (os.write(fd, b'still'), os.pread(fd, 9, 0), os.fstat(fd).st_nlink))
    os.close(fd)
    directory = os.open('p/q', os.O_RDONLY)
    show('a renamed directory stays open', lambda: (os.rename('p', 'p2'), os.listdir(directory)))
    show('relative to it', lambda: os.stat('r', dir_fd=directory).st_nlink)
    os.close(directory)
    for i in range(1000):
        put(f'e/{i}')
    show('a thousand names', lambda: sorted(map(int, os.listdir('e'))) == list(range(1000)))
    show('listing while removing', lambda: ([entry.path for entry in os.scandir('e') if not os.unlink(entry.path)] and len(os.listdir('e'))))
    show('types in a listing', types)


def types():
    os.mkdir('t')
    put('t/file')
    os.mkdir('t/directory')
    os.symlink('x', 't/link')
    os.mkfifo('t/fifo')
    server = socket.socket(socket.AF_UNIX)
    server.bind('t/socket')
    if os.geteuid() == 0:
        os.mknod('t/null', 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    return sorted((entry.name, entry.is_file(), entry.is_dir(), entry.is_symlink()) for entry in os.scandir('t'))


def special():
    os.mkfifo('fifo', 0o640)
    show('mode of a FIFO', lambda: mode_of('fifo'))
    show('through a FIFO', lambda: in_child(lambda: open('fifo').read()) if os.fork() else (put_fifo(), os._exit(0)))
    os.wait()
    server = socket.socket(socket.AF_UNIX)
    show('bind a socket', lambda: (server.bind('socket'), stat.S_ISSOCK(os.stat('socket').st_mode)))
    server.listen(1)
    client = socket.socket(socket.AF_UNIX)
    show('connect to it', lambda: client.connect('socket'))
    server.close()
    client.close()


def put_fifo():
    with open('fifo', 'w') as file:
        file.write('water')


def attributes():
    put('m', b'x', 0o600)
    show('chmod', lambda: (os.chmod('m', 0o4751), mode_of('m')))
    show('times in nanoseconds', lambda: (os.utime('m', ns=(10**9 + 1, 2 * 10**9 + 999999999)), os.stat('m').st_atime_ns, os.stat('m').st_mtime_ns)[1:])
    before = os.stat('m').st_mtime_ns
    show('writing moves mtime', lambda: (put('m', b'y'), os.stat('m').st_mtime_ns > before)[1])
    show('set and get an attribute', lambda: (os.setxattr('m', 'user.k', b'value'), os.getxattr('m', 'user.k'), os.listxattr('m'))[1:])
    show('XATTR_CREATE on one that is there', lambda: os.setxattr('m', 'user.k', b'v', os.XATTR_CREATE))
    show('XATTR_REPLACE on one that is not', lambda: os.setxattr('m', 'user.n', b'v', os.XATTR_REPLACE))
    show('remove it', lambda: (os.removexattr('m', 'user.k'), os.listxattr('m'))[1])
    show('a missing attribute', lambda: os.getxattr('m', 'user.k'))
    show('an attribute of 2000 bytes', lambda: (os.setxattr('m', 'user.big', b'v' * 2000), len(os.getxattr('m', 'user.big')))[1])
    show('access', lambda: [os.access('m', mask) for mask in (os.F_OK, os.R_OK, os.W_OK)])
    show('statvfs', lambda: (os.statvfs('.').f_namemax, os.statvfs('.').f_bsize))
    os.mkdir('sg')
    os.chmod('sg', 0o2775)
    show('setgid directories hand the bit down', lambda: (os.mkdir('sg/x'), mode_of('sg/x'))[1])


def link_unnamed(fd):
    AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400
    if libc.linkat(AT_FDCWD, f'/proc/self/fd/{fd}'.encode(), AT_FDCWD, b'named', AT_SYMLINK_FOLLOW) != 0:
        raise OSError(ctypes.get_errno(), '')


def unnamed():
    fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600)
    show('O_TMPFILE', lambda: (os.write(fd, b'unnamed'), os.fstat(fd).st_nlink, oct(os.fstat(fd).st_mode)))
    show('given a name', lambda: (link_unnamed(fd), get('named'))[1])
    os.close(fd)


def locks():
    put('lock', b'0123456789')
    fd = os.open('lock', os.O_RDWR)
    fcntl.lockf(fd, fcntl.LOCK_EX, 5, 0)
    fcntl.lockf(fd, fcntl.LOCK_SH, 2, 8)
    show('a range is held against others', lambda: in_child(lambda: try_lock(2, 2)))
    show('the rest is free', lambda: in_child(lambda: try_lock(5, 3)))
    show('readers share', lambda: in_child(lambda: (fcntl.lockf(os.open('lock', os.O_RDWR), fcntl.LOCK_SH | fcntl.LOCK_NB, 2, 8), 'ok')[1]))
    show('closing any descriptor drops them', lambda: (os.close(os.open('lock', os.O_RDONLY)), in_child(lambda: try_lock(0, 5)))[1])
    fcntl.flock(fd, fcntl.LOCK_EX)
    show('flock is held', lambda: in_child(try_flock))
    show('a dup shares it', lambda: (os.close(os.dup(fd)), in_child(try_flock))[1])
    pid = os.fork()
    if pid == 0:
        other = os.open('lock', os.O_RDWR)
        fcntl.flock(other, fcntl.LOCK_EX)
        os._exit(7)
    time.sleep(0.1)
    show('a waiter waits', lambda: os.waitpid(pid, os.WNOHANG)[0])
    fcntl.flock(fd, fcntl.LOCK_UN)
    show('until the unlock', lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    fcntl.lockf(fd, fcntl.LOCK_EX)
    show('a signal interrupts the wait', lambda: in_child(interrupted_wait))
    os.close(fd)


def try_lock(start, size):
    fcntl.lockf(os.open('lock', os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB, size, start)
    return 'ok'


def try_flock():
    fcntl.flock(os.open('lock', os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
    return 'ok'


class Interrupted(Exception):
    pass


def interrupted_wait():
    def handler(number, frame):
        raise Interrupted

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        fcntl.lockf(os.open('lock', os.O_RDWR), fcntl.LOCK_EX)
    except Interrupted:
        return 'interrupted'
    return 'got it'


def other_users():
    """What uid 65534 may do; it gets there by paths that root opened for it."""
    os.chmod('.', 0o755)
    put('secret', b's', 0o600)
    put('public', b'p', 0o644)
    put('setuid', b'x', 0o755)
    os.chmod('setuid', 0o6777)
    os.mkdir('shared')
    os.chmod('shared', 0o1777)
    put('shared/roots', b'r', 0o666)
    os.mkdir('closed', 0o700)
    put('grouped', b'g', 0o640)
    os.chown('grouped', 0, 1234)

    def as_nobody(function, groups=()):
        def run():
            os.setgroups(list(groups))
            os.setgid(65534)
            os.setuid(65534)
            return function()
        return in_child(run)

    show('nobody reads a secret', lambda: as_nobody(lambda: get('secret')))
    show('nobody reads what is public', lambda: as_nobody(lambda: get('public')))
    show('nobody writes what is public', lambda: as_nobody(lambda: put('public')))
    show('nobody creates in a directory of root', lambda: as_nobody(lambda: put('nobodys')))
    show('nobody creates in a shared one', lambda: as_nobody(lambda: (put('shared/mine', b'm'), os.stat('shared/mine').st_uid)))
    show('nobody removes from a sticky directory', lambda: as_nobody(lambda: os.unlink('shared/roots')))
    show('nobody enters a closed directory', lambda: as_nobody(lambda: os.stat('closed/x')))
    show('nobody lists it', lambda: as_nobody(lambda: os.listdir('closed')))
    show('a group reads', lambda: as_nobody(lambda: get('grouped'), [1234]))
    show('another group does not', lambda: as_nobody(lambda: get('grouped'), [1235]))
    show('nobody changes a mode', lambda: as_nobody(lambda: os.chmod('public', 0o777)))
    show('nobody gives a file away', lambda: as_nobody(lambda: os.chown('shared/mine', 0, 0)))
    show('writing clears set-id bits', lambda: (as_nobody(lambda: os.write(os.open('setuid', os.O_WRONLY), b'y')), mode_of('setuid'))[1])
    show('a trusted attribute', lambda: as_nobody(lambda: os.setxattr('shared/mine', 'trusted.x', b'v')))


for part in (opening, data, mapping, names, special, attributes, unnamed, locks):
    part()
if os.geteuid() == 0:
    other_users()
