#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same calls in a directory of the mount and in one of an ordinary file system: what they return must be the same.

  twice.py MOUNT SOURCE NATIVE WHO STEPS SEED PREFIX…

Steps are drawn at random and made by three processes by turns: one that is started with PREFIX (`btfuse run --`) twice, so that it
is in-process, and one as it is, which goes through the kernel. Each keeps descriptors, a working directory and locks of its own. SOURCE is the
directory behind the mount, or `-` for a scratch volume: there, what the mount says of a file must be what its source says. When answers differ, the
steps are made again and again in fresh directories with fewer and fewer of them, and the shortest list that still
differs is printed; exits with 1 then."""
import ctypes
import errno
import fcntl
import os
import pickle
import random
import stat
import struct
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
PAGE = 4096
NOREPLACE, EXCHANGE, OLD = 1, 2, 10**18  # OLD: times before 2001 were set, not taken from the clock
LONG = "n" * 120
NAMES = ["a", "b", "c", "d", "e", LONG, "ä"]
SLOTS, SHRINK_RUNS = 6, 400


def call(name, *arguments):
    """A call that Python has not, by way of libc."""
    if getattr(LIBC, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def times_of(found):
    return [] if stat.S_ISFIFO(found.st_mode) or abs(found.st_mtime_ns) >= OLD else [found.st_mtime_ns]


def attributes(found):
    size = -1 if stat.S_ISDIR(found.st_mode) else found.st_size
    return oct(found.st_mode), found.st_nlink, found.st_uid, found.st_gid, size, times_of(found), found.st_rdev


# Errors of calls that are wrong in more than one way, of which systems name one or the other; and what ext4 alone does.
SAID_DIFFERENTLY = {
    "send": {"EISDIR", "EINVAL", "EBADF"},
    "copy": {"EISDIR", "EINVAL", "EBADF"},
    "map": {"ENODEV", "EACCES"},
    "link": {"EPERM", "EEXIST", "EACCES"},
    "unlink": {"EISDIR", "EPERM", "EACCES"},
    "rmdir": {"ENOTDIR", "ENOTEMPTY", "EACCES", "EPERM"},
    "rename": {"EBUSY", "EXDEV", "ENOENT", "EINVAL", "ENOTEMPTY", "EEXIST", "ENOTDIR", "EISDIR", "EACCES", "EPERM"},
}


def is_another_way_of_saying(what, answers):
    return set(answers) <= SAID_DIFFERENTLY.get(what, set()) if all(isinstance(answer, (str, int)) for answer in answers) else False


class World:
    """What one process has of one of the two directories."""

    def __init__(self, top):
        self.top, self.slots, self.maps = top, {}, {}
        self.here = os.open(top, os.O_RDONLY | os.O_DIRECTORY)

    def where(self, place):
        """(directory descriptor or None, path). A place is a path below the top, or a slot's number and a path, or "here" and a path."""
        at, path = place
        if at == "top":
            return None, f"{self.top}/{path}"
        if at == "here":
            return self.here, path
        return self.slots[at], path

    def open(self, slot, place, flags, mode):
        at, path = self.where(place)
        opened = os.open(path, flags | os.O_NONBLOCK, mode, dir_fd=at)
        self.drop(slot)
        self.slots[slot] = opened

    def drop(self, slot):
        if slot in self.slots:
            os.close(self.slots.pop(slot))

    def dup(self, slot, other):
        copy = os.dup(self.slots[slot])
        self.drop(other)
        self.slots[other] = copy

    def read(self, slot, size):
        return os.read(self.slots[slot], size)

    def pread(self, slot, size, at):
        return os.pread(self.slots[slot], size, at)

    def write(self, slot, data):
        return os.write(self.slots[slot], data)

    def pwrite(self, slot, data, at):
        return os.pwrite(self.slots[slot], data, at)

    def writev(self, slot, data):
        return os.writev(self.slots[slot], [data[:3], b"", data[3:]])

    def seek(self, slot, at, whence):
        if stat.S_ISREG(os.fstat(self.slots[slot]).st_mode):
            return os.lseek(self.slots[slot], at, whence)
        return None

    def copy(self, slot, other, size):
        if attributes(os.fstat(self.slots[slot])) == attributes(os.fstat(self.slots[other])):
            return None  # Perhaps one file, in which the kernel's file systems differ among themselves.
        try:
            return os.copy_file_range(self.slots[slot], self.slots[other], size)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # As cp goes on: one of the files is the kernel's to change for now.
            return os.write(self.slots[other], os.read(self.slots[slot], size))

    def send(self, slot, other, size):
        found = os.fstat(self.slots[other])
        if attributes(os.fstat(self.slots[slot])) == attributes(found) or not stat.S_ISREG(found.st_mode):
            return None
        return os.sendfile(self.slots[slot], self.slots[other], None, size)

    def ftruncate(self, slot, size):
        os.ftruncate(self.slots[slot], size)

    def allocate(self, slot, mode, at, size):
        call("fallocate", self.slots[slot], mode, ctypes.c_long(at), ctypes.c_long(size))

    def map(self, slot, pages, shared):
        """Executable, so that on a scratch volume too it is the kernel's: among those and the volume's own pages nothing is promised."""
        self.unmap(slot)
        kept = os.dup(self.slots[slot])
        at = LIBC.mmap(None, ctypes.c_long(pages * PAGE), 7, 1 if shared else 2, kept, ctypes.c_long(0))
        if at == ctypes.c_void_p(-1).value:
            os.close(kept)
            raise OSError(ctypes.get_errno(), "mmap")
        self.maps[slot] = at, pages, kept

    def unmap(self, slot):
        if slot in self.maps:
            at, pages, kept = self.maps.pop(slot)
            call("munmap", ctypes.c_void_p(at), ctypes.c_long(pages * PAGE))
            os.close(kept)

    def by_pipe(self, slot, offset, move):
        """What would be SIGBUS is EFAULT in the kernel's copy. Who maps without the agent has to ask how long the file is by now."""
        at, pages, kept = self.maps[slot]
        if offset + 8 > pages * PAGE:
            return None
        os.fstat(kept)
        get, put = os.pipe()
        try:
            return move(ctypes.c_void_p(at + offset), get, put)
        finally:
            os.close(get)
            os.close(put)

    def load(self, slot, offset):
        def move(at, get, put):
            call("write", put, at, ctypes.c_long(8))
            return os.read(get, 8)
        return self.by_pipe(slot, offset, move)

    def store(self, slot, offset, data):
        def move(at, get, put):
            os.write(put, data)
            call("read", get, at, ctypes.c_long(len(data)))
            # The time of the change is told when it is written back.
            call("msync", ctypes.c_void_p(self.maps[slot][0]), ctypes.c_long(self.maps[slot][1] * PAGE), 4)
        return self.by_pipe(slot, offset, move)

    def sync(self, slot):
        os.fsync(self.slots[slot])

    def fstat(self, slot):
        return attributes(os.fstat(self.slots[slot]))

    def stat(self, place, follow):
        at, path = self.where(place)
        return attributes(os.stat(path, dir_fd=at, follow_symlinks=follow))

    def content(self, place):
        at, path = self.where(place)
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK, dir_fd=at)
        try:
            return os.read(file, 1 << 20)
        finally:
            os.close(file)

    def access(self, place, mode):
        at, path = self.where(place)
        return os.access(path, mode, dir_fd=at)

    def list(self, place):
        at, path = self.where(place)
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
        try:
            return sorted(os.listdir(file))
        finally:
            os.close(file)

    def flist(self, slot):
        return sorted(os.listdir(self.slots[slot]))

    def chdir(self, place):
        at, path = self.where(place)
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
        os.close(self.here)
        self.here = opened
        os.fchdir(self.here)
        try:
            return os.path.relpath(os.getcwd(), os.path.realpath(self.top))
        finally:
            os.chdir("/")

    def mkdir(self, place, mode):
        at, path = self.where(place)
        os.mkdir(path, mode, dir_fd=at)

    def mknod(self, place, mode):
        at, path = self.where(place)
        os.mknod(path, mode, dir_fd=at)

    def rmdir(self, place):
        at, path = self.where(place)
        os.rmdir(path, dir_fd=at)

    def unlink(self, place):
        at, path = self.where(place)
        os.unlink(path, dir_fd=at)

    def rename(self, old, new, flags):
        (from_at, source), (to_at, target) = self.where(old), self.where(new)
        call("renameat2", -100 if from_at is None else from_at, os.fsencode(source), -100 if to_at is None else to_at, os.fsencode(target), flags)

    def link(self, old, new, follow):
        (from_at, source), (to_at, target) = self.where(old), self.where(new)
        os.link(source, target, src_dir_fd=from_at, dst_dir_fd=to_at, follow_symlinks=follow)

    def symlink(self, target, place):
        at, path = self.where(place)
        os.symlink(target, path, dir_fd=at)

    def readlink(self, place):
        at, path = self.where(place)
        return os.readlink(path, dir_fd=at)

    def chmod(self, place, mode):
        at, path = self.where(place)
        os.chmod(path, mode, dir_fd=at)

    def fchmod(self, slot, mode):
        os.fchmod(self.slots[slot], mode)

    def chown(self, place, uid, gid, follow):
        at, path = self.where(place)
        os.chown(path, uid, gid, dir_fd=at, follow_symlinks=follow)

    def fchown(self, slot, uid, gid):
        os.fchown(self.slots[slot], uid, gid)

    def utimes(self, place, ns, follow):
        at, path = self.where(place)
        os.utime(path, ns=(ns, ns), dir_fd=at, follow_symlinks=follow)

    def futimes(self, slot, ns):
        os.utime(self.slots[slot], ns=(ns, ns))

    def truncate(self, path, size):
        os.truncate(f"{self.top}/{path}", size)

    def setxattr(self, path, name, value, flags, follow):
        os.setxattr(f"{self.top}/{path}", name, value, flags, follow_symlinks=follow)

    def getxattr(self, path, name, follow):
        return os.getxattr(f"{self.top}/{path}", name, follow_symlinks=follow)

    def listxattr(self, path, follow):
        return sorted(os.listxattr(f"{self.top}/{path}", follow_symlinks=follow))

    def removexattr(self, path, name, follow):
        os.removexattr(f"{self.top}/{path}", name, follow_symlinks=follow)

    def fsetxattr(self, slot, name, value):
        os.setxattr(self.slots[slot], name, value)

    def fgetxattr(self, slot, name):
        return os.getxattr(self.slots[slot], name)

    def flock(self, slot, how):
        if not stat.S_ISREG(os.fstat(self.slots[slot]).st_mode):
            return None  # The kernel asks no FUSE daemon for a directory's lock.
        return fcntl.flock(self.slots[slot], how | fcntl.LOCK_NB)

    def lock(self, slot, kind, at, size):
        try:
            fcntl.fcntl(self.slots[slot], fcntl.F_SETLK, struct.pack("hhqqi4x", kind, 0, at, size, 0))
        except OSError as error:
            raise OSError(errno.EAGAIN if error.errno == errno.EACCES else error.errno, "lock")

    def who_locks(self, slot, kind, at, size):
        found = struct.unpack("hhqqi4x", fcntl.fcntl(self.slots[slot], fcntl.F_GETLK, struct.pack("hhqqi4x", kind, 0, at, size, 0)))
        return found if found[0] != fcntl.F_UNLCK else None

    def child(self, slot, size, data):
        """A child reads or writes by the same description, and goes."""
        file = self.slots[slot]
        get, put = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(put, pickle.dumps(os.write(file, data) if data else os.read(file, size)))
            except OSError as error:
                os.write(put, pickle.dumps(error.errno))
            finally:
                os._exit(0)
        os.close(put)
        with os.fdopen(get, "rb") as answer:
            said = answer.read()
        os.waitpid(pid, 0)
        return pickle.loads(said)

    def program(self, slot, size):
        """The same by another program."""
        return subprocess.run(["dd", f"bs={size}", "count=1", "status=none"], stdin=self.slots[slot], capture_output=True, check=False).stdout

    def answer(self, what, arguments):
        try:
            return getattr(self, what)(*arguments)
        except OSError as error:
            return errno.errorcode.get(error.errno, error.errno)
        except KeyError:
            return "no such slot"

    def end(self):
        for slot in list(self.maps):
            self.unmap(slot)
        for slot in list(self.slots):
            self.drop(slot)
        os.close(self.here)


def serve():
    """One of the processes: steps come in, pairs of answers go out. A step of two strings begins anew in these two directories."""
    worlds = []
    os.umask(0o022)
    while True:
        step = pickle.load(sys.stdin.buffer)
        if step[0] == "umask":
            os.umask(step[1][0])
            answers = None, None
        elif step[0] == "begin":
            for world in worlds:
                world.end()
            worlds = [World(top) for top in step[1]]
            os.umask(0o022)
            answers = None, None
        else:
            answers = [world.answer(*step) for world in worlds]
        pickle.dump(answers, sys.stdout.buffer)
        sys.stdout.buffer.flush()


class Fuzzer:
    def __init__(self, mount, source, native, who, seed, prefix):
        self.bases, self.source, self.who = (mount, native), None if source == "-" else source, who
        self.random = random.Random(seed * 100 + int(who))
        me = [sys.executable, os.path.abspath(__file__)]
        start = lambda how: subprocess.Popen([*how, *me], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
        self.actors = [start(prefix), start([]), start(prefix)]
        self.round = 0

    # ---- drawing steps ----------------------------------------------------------------------------------------------------------------
    def path(self):
        draw = self.random.random()
        if draw < 0.02:
            return self.random.choice(["", ".", "..", "a/..", "n" * 256, "./a", "a/", "a//b", "b/.", "c/../a"])
        return "/".join(self.random.choice(NAMES) for _ in range(self.random.choice([1, 1, 1, 2, 2, 3])))

    def place(self):
        draw = self.random.random()
        return ("top" if draw < 0.7 else "here" if draw < 0.85 else self.random.randrange(SLOTS)), self.path()

    def slot(self):
        return self.random.randrange(SLOTS)

    def data(self):
        return bytes([self.random.randrange(1, 256)]) * self.random.choice([0, 1, 7, 512, 4096, 5000, 40000])

    def at(self):
        return self.random.choice([0, 1, 4095, 4096, 8191, 12288, 30000, 70001])

    def flags(self):
        flags = self.random.choice([os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR, os.O_RDWR])
        for flag, chance in ((os.O_CREAT, 0.5), (os.O_EXCL, 0.1), (os.O_TRUNC, 0.15), (os.O_APPEND, 0.2), (os.O_NOFOLLOW, 0.05)):
            flags |= flag if self.random.random() < chance else 0
        return self.random.choice([os.O_RDONLY, os.O_RDONLY | os.O_DIRECTORY, os.O_PATH]) if self.random.random() < 0.2 else flags

    def mode(self):
        return self.random.choice([0o644, 0o600, 0o666, 0o755, 0o777, 0o444, 0o000, 0o4755, 0o2755, 0o1777, 0o2777, 0o6711, 0o2644])

    def owners(self):
        return self.random.choice([(0, -1), (-1, 0), (1000, 1000), (1001, -1), (-1, 65534), (0, 0)])

    def draw(self):
        random, yes = self.random, self.random.random() < 0.5
        name = random.choice(["user.a", "user.b", "user.long" * 8, "trusted.x", "security.x"])
        old = random.choice([0, 1, 1_000_000_007, 123_456_789_012_345_678, -5_000_000_001])
        open_flags = self.flags()
        steps = (
            (20, lambda: ("open", (self.slot(), self.place(), open_flags, self.mode()))),
            (4, lambda: ("drop", (self.slot(),))), (2, lambda: ("dup", (self.slot(), self.slot()))),
            (8, lambda: ("read", (self.slot(), random.choice([1, 100, 5000, 70000])))), (6, lambda: ("pread", (self.slot(), 6000, self.at()))),
            (8, lambda: ("write", (self.slot(), self.data()))), (6, lambda: ("pwrite", (self.slot(), self.data(), self.at()))),
            (2, lambda: ("writev", (self.slot(), self.data()))), (4, lambda: ("seek", (self.slot(), random.choice([0, -3, 5000, 10]), random.randrange(3)))),
            (2, lambda: ("copy", (self.slot(), self.slot(), 3000))), (2, lambda: ("send", (self.slot(), self.slot(), 3000))),
            (4, lambda: ("ftruncate", (self.slot(), self.at()))), (3, lambda: ("allocate", (self.slot(), random.choice([0, 1, 3, 16, 17]), self.at(), random.choice([1, 4096, 9000])))),
            (6, lambda: ("map", (self.slot(), random.randrange(1, 5), random.random() < 0.7))), (1, lambda: ("unmap", (self.slot(),))),
            (10, lambda: ("load", (self.slot(), random.choice([0, 4090, 4096, 8190, 12288])))), (8, lambda: ("store", (self.slot(), random.choice([0, 100, 4090, 4096, 8192, 12280]), b"stored"))),
            (2, lambda: ("sync", (self.slot(),))), (6, lambda: ("fstat", (self.slot(),))), (10, lambda: ("stat", (self.place(), yes))),
            (8, lambda: ("content", (self.place(),))), (4, lambda: ("access", (self.place(), random.randrange(8)))),
            (5, lambda: ("list", (self.place(),))), (2, lambda: ("flist", (self.slot(),))), (3, lambda: ("chdir", (self.place(),))),
            (14, lambda: ("mkdir", (self.place(), self.mode()))), (2, lambda: ("mknod", (self.place(), random.choice([stat.S_IFIFO, stat.S_IFREG, stat.S_IFSOCK]) | self.mode()))),
            (5, lambda: ("rmdir", (self.place(),))), (8, lambda: ("unlink", (self.place(),))),
            (14, lambda: ("rename", (self.place(), self.place(), random.choice([0, 0, 0, NOREPLACE, EXCHANGE, EXCHANGE, 3])))),
            (7, lambda: ("link", (self.place(), self.place(), yes))), (6, lambda: ("symlink", (random.choice(["a", "../b", "a/b", ".", "..", "nowhere", "c", "d/"]), self.place()))),
            (3, lambda: ("readlink", (self.place(),))), (5, lambda: ("chmod", (self.place(), self.mode()))), (2, lambda: ("fchmod", (self.slot(), self.mode()))),
            (3, lambda: ("chown", (self.place(), *self.owners(), yes))), (1, lambda: ("fchown", (self.slot(), *self.owners()))),
            (3, lambda: ("utimes", (self.place(), old, yes))), (2, lambda: ("futimes", (self.slot(), old))), (4, lambda: ("truncate", (self.path(), self.at()))),
            (4, lambda: ("setxattr", (self.path(), name, self.data()[:100], random.choice([0, 0, 1, 2]), yes))), (4, lambda: ("getxattr", (self.path(), name, yes))),
            (2, lambda: ("listxattr", (self.path(), yes))), (2, lambda: ("removexattr", (self.path(), name, yes))),
            (1, lambda: ("fsetxattr", (self.slot(), name, b"x"))), (1, lambda: ("fgetxattr", (self.slot(), name))),
            (3, lambda: ("flock", (self.slot(), random.choice([fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN])))),
            (3, lambda: ("lock", (self.slot(), random.choice([fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK]), random.randrange(50), random.randrange(20)))),
            (2, lambda: ("who_locks", (self.slot(), random.choice([fcntl.F_RDLCK, fcntl.F_WRLCK]), random.randrange(50), random.randrange(20)))),
            (2, lambda: ("child", (self.slot(), 100, self.data() if yes else b""))), (0.3, lambda: ("program", (self.slot(), 100))),
            (0.3, lambda: ("umask", (random.choice([0, 0o22, 0o77, 0o777]),))), (6, lambda: ("source", (self.path(),))),
        )
        chosen = random.choices([step for _, step in steps], [weight for weight, _ in steps])[0]()
        who = random.choice([0, 0, 1, 1, 2])
        # Where it reads after an append the kernel takes from the size that it knows, which may be older than what was appended in-process.
        if who == 1 and chosen[0] == "open" and chosen[1][2] & os.O_APPEND:
            slot, place, flags, mode = chosen[1]
            chosen = "open", (slot, place, flags & ~os.O_RDWR | os.O_WRONLY, mode)
        if who == 1 and chosen[0] == "seek":
            chosen = "seek", (*chosen[1][:2], random.choice([os.SEEK_SET, os.SEEK_END]))
        # That a lock's file was closed the kernel tells the daemon without waiting.
        if chosen[0] == "flock":
            who = random.choice([0, 0, 2])
        return (who, *chosen)

    # ---- making them ------------------------------------------------------------------------------------------------------------------
    def ask(self, actor, what, arguments):
        process = self.actors[actor]
        pickle.dump((what, arguments), process.stdin)
        process.stdin.flush()
        return pickle.load(process.stdout)

    def begin(self):
        self.round += 1
        self.top = f"w{self.who}.{self.round}/x/y/z"
        self.tops = [f"{base}/{self.top}" for base in self.bases]
        for top in self.tops:
            os.makedirs(top, exist_ok=True)
        for actor in range(len(self.actors)):
            self.ask(actor, "begin", self.tops)

    def compare_with_source(self, path):
        """What the mount says of an entry and what its source says, or None: names, rights and owners are written through."""
        if self.source is None:
            return None
        def look(base):
            try:
                found = os.lstat(f"{base}/{self.top}/{path}")
            except OSError as error:
                return error.errno
            said = [oct(found.st_mode), found.st_nlink, found.st_uid, found.st_gid, found.st_ino]
            return said + [found.st_size, found.st_mtime_ns, found.st_ctime_ns] if stat.S_ISDIR(found.st_mode) else said
        return look(self.bases[0]), look(self.source)

    def make(self, step):
        actor, what, arguments = step
        if what == "source":
            answers = self.compare_with_source(*arguments) or (None, None)
        else:
            answers = self.ask(actor, what, arguments)
        return None if answers[0] == answers[1] or is_another_way_of_saying(what, answers) else answers

    def make_all(self, steps):
        """The index of the first step that differs, and how."""
        self.begin()
        for index, step in enumerate(steps):
            differ = self.make(step)
            if differ:
                return index, differ
        return None

    def shorten(self, steps):
        runs, size = 0, max(1, len(steps) // 2)
        wanted = steps[-1]
        while runs < SHRINK_RUNS:
            at, shorter = 0, False
            while at < len(steps) - 1 and runs < SHRINK_RUNS:
                fewer = steps[:at] + steps[min(at + size, len(steps) - 1):]
                runs += 1
                found = self.make_all(fewer)
                if found and fewer[found[0]][1] == wanted[1]:
                    steps, shorter = fewer[:found[0] + 1], True
                else:
                    at += size
            if size == 1 and not shorter:
                break
            size = max(1, size // 2)
        return steps

    def run(self, count, a_tree):
        for begun in range(0, count, a_tree):
            steps = []
            self.begin()
            for _ in range(min(a_tree, count - begun)):
                steps.append(self.draw())
                differ = self.make(steps[-1])
                if differ:
                    self.report(steps, differ)

    def end(self):
        for actor in self.actors:
            actor.stdin.close()
            actor.wait()

    def report(self, steps, differ):
        def short(value):
            text = repr(value).replace(LONG, "LONG")
            return text if len(text) < 100 else f"{text[:60]}… of {len(value)}"


        print(f"process {self.who} differs, first after {len(steps)} steps: {steps[-1][1]} -> {short(differ[0])}, natively {short(differ[1])}", flush=True)
        steps = self.shorten(steps)
        self.begin()
        for step in steps:
            differ = self.make(step)
            print("  ", ["in-process", "kernel", "in-process too"][step[0]], step[1], *map(short, step[2]), "" if not differ else f"-> {short(differ[0])}, natively {short(differ[1])}")
        sys.exit(1)


def main():
    if len(sys.argv) == 1:
        try:
            serve()
        except EOFError:
            return
    mount, source, native, who, steps, seed = sys.argv[1:7]
    fuzzer = Fuzzer(mount, source, native, who, int(seed), sys.argv[7:])
    try:
        fuzzer.run(int(steps), 1500)
    finally:
        fuzzer.end()


main()
