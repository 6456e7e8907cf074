#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One of several processes that work on a directory mount at the same time, each beside a model of its own part in memory.

  model.py MOUNT SOURCE WHO OF STEPS SEED

WHO of OF has a tree to itself, in which files and directories are made, written, mapped, cut, moved, linked and removed, and every
OFth block of files that all share. What is read through the mount must be the model's; names, modes and attributes must be at the
source when the call has returned, and bytes after fsync. Says what differs, and the last steps before it, and exits with 1."""
import ctypes
import mmap
import os
import random
import sys

FALLOC_PUNCH_HOLE_KEEP_SIZE = 3
BLOCK, BLOCKS, SHARED = 512, 600, 4


class Model:
    def __init__(self, mount, source, who, of, seed):
        self.mount, self.source, self.who, self.of = mount, source, who, of
        self.random = random.Random(seed * 100 + who)
        self.log = []
        self.top = f"tree{who}"
        os.mkdir(f"{mount}/{self.top}")
        self.directories = [self.top]
        self.names = {}  # path: number
        self.files = {}  # number: bytes
        self.shared = [os.open(f"{mount}/shared{i}", os.O_RDWR | os.O_CREAT, 0o644) for i in range(SHARED)]
        self.blocks = {}  # (shared file, block): bytes
        self.libc = ctypes.CDLL(None, use_errno=True)

    def wrong(self, *what):
        sys.exit(f"process {self.who}: " + " ".join(map(str, what)) + f"; before: {self.log[-8:]}")

    def new_path(self):
        return f"{self.random.choice(self.directories)}/{self.random.randrange(12)}"

    def any_file(self):
        return self.random.choice(list(self.names))

    def bytes_of(self, path):
        return self.files[self.names[path]]

    def compare(self, path, base):
        with open(f"{base}/{path}", "rb") as file:
            found = file.read()
        if found != bytes(self.bytes_of(path)):
            self.wrong(f"{base}/{path} has other bytes, {len(found)} of {len(self.bytes_of(path))}")

    # ---- steps: each changes the mount and the model, or compares them -------------------------------------------------------
    def make(self):
        path, data = self.new_path(), os.urandom(self.random.choice([0, 10, 4096, 70000]))
        with open(f"{self.mount}/{path}", "wb") as file:
            file.write(data)
        number = self.names.setdefault(path, len(self.files))
        self.files.setdefault(number, bytearray())[:] = data

    def write(self):
        path, at, data = self.any_file(), self.random.randrange(90000), os.urandom(self.random.choice([1, 100, 5000]))
        file = os.open(f"{self.mount}/{path}", os.O_RDWR)
        os.pwrite(file, data, at)
        os.close(file)
        held = self.bytes_of(path)
        held.extend(bytes(max(0, at - len(held))))
        held[at:at + len(data)] = data

    def append_and_sync(self):
        path = self.any_file()
        with open(f"{self.mount}/{path}", "ab") as file:
            file.write(b"tail")
            file.flush()
            os.fsync(file.fileno())
        self.bytes_of(path).extend(b"tail")
        self.compare(path, self.source)

    def truncate(self):
        path, size = self.any_file(), self.random.choice([0, 1, 4095, 4096, 50000, 120000])
        os.truncate(f"{self.mount}/{path}", size)
        held = self.bytes_of(path)
        del held[size:]
        held.extend(bytes(size - len(held)))

    def punch(self):
        path, at, size = self.any_file(), self.random.randrange(60000), self.random.choice([100, 4096, 20000])
        file = os.open(f"{self.mount}/{path}", os.O_RDWR)
        if self.libc.fallocate(file, FALLOC_PUNCH_HOLE_KEEP_SIZE, ctypes.c_long(at), ctypes.c_long(size)):
            self.wrong("fallocate", path, os.strerror(ctypes.get_errno()))
        os.close(file)
        held = self.bytes_of(path)
        held[at:at + size] = bytes(len(held[at:at + size]))

    def map(self):
        path = self.any_file()
        held = self.bytes_of(path)
        if len(held) < 10:
            return
        file = os.open(f"{self.mount}/{path}", os.O_RDWR)
        mapped, at = mmap.mmap(file, len(held)), self.random.randrange(len(held) - 5)
        mapped[at:at + 5] = held[at:at + 5] = b"MMAP!"
        mapped.close()
        os.close(file)

    def rename(self):
        path, new = self.any_file(), self.new_path()
        os.rename(f"{self.mount}/{path}", f"{self.mount}/{new}")
        if self.names.get(new) != self.names[path]:
            self.names[new] = self.names.pop(path)
            if os.path.lexists(f"{self.source}/{path}") or not os.path.lexists(f"{self.source}/{new}"):
                self.wrong("the source has not followed", path, new)

    def link(self):
        path, new = self.any_file(), self.new_path()
        if new not in self.names:
            os.link(f"{self.mount}/{path}", f"{self.mount}/{new}")
            self.names[new] = self.names[path]

    def unlink(self):
        path = self.any_file()
        file = os.open(f"{self.mount}/{path}", os.O_RDONLY)
        os.unlink(f"{self.mount}/{path}")
        with os.fdopen(file, "rb") as left:
            if left.read() != bytes(self.bytes_of(path)):
                self.wrong("removed while open, and then other bytes:", path)
        del self.names[path]

    def make_directory(self):
        path = f"{self.random.choice(self.directories)}/d{self.random.randrange(4)}"
        if len(self.directories) < 9 and path not in self.directories:
            os.mkdir(f"{self.mount}/{path}")
            self.directories.append(path)

    def move_directory(self):
        old = self.random.choice(self.directories)
        new = f"{self.random.choice(self.directories)}/d{self.random.randrange(4)}"
        if old == self.top or new in self.directories or f"{new}/".startswith(f"{old}/"):
            return
        os.rename(f"{self.mount}/{old}", f"{self.mount}/{new}")
        moved = lambda path: new + path[len(old):] if f"{path}/".startswith(f"{old}/") else path
        self.directories = [moved(path) for path in self.directories]
        self.names = {moved(path): number for path, number in self.names.items()}

    def look(self):
        path = self.any_file()
        self.compare(path, self.mount)
        found = os.stat(f"{self.mount}/{path}")
        links = list(self.names.values()).count(self.names[path])
        if (found.st_size, found.st_nlink) != (len(self.bytes_of(path)), links):
            self.wrong(path, "is told to have", found.st_size, "bytes and", found.st_nlink, "links, not", links)

    def list(self):
        directory = self.random.choice(self.directories)
        below = [path[len(directory) + 1:] for path in [*self.names, *self.directories] if path.startswith(f"{directory}/")]
        wanted = sorted(name for name in below if "/" not in name)
        for base in self.mount, self.source:
            if sorted(os.listdir(f"{base}/{directory}")) != wanted:
                self.wrong("other names in", base, directory, sorted(os.listdir(f"{base}/{directory}")), wanted)

    def sync(self):
        path = self.any_file()
        for what in path, os.path.dirname(path):
            file = os.open(f"{self.mount}/{what}", os.O_RDONLY)
            os.fsync(file)
            os.close(file)
        self.compare(path, self.source)

    def set_attributes(self):
        path, mode, value = self.any_file(), self.random.choice([0o600, 0o640, 0o644]), b"%d" % len(self.log)
        os.chmod(f"{self.mount}/{path}", mode)
        os.setxattr(f"{self.mount}/{path}", "user.model", value)
        for base in self.mount, self.source:
            if os.stat(f"{base}/{path}").st_mode & 0o777 != mode or os.getxattr(f"{base}/{path}", "user.model") != value:
                self.wrong("other attributes:", base, path)

    def write_block(self):
        where = self.random.randrange(SHARED), self.random.randrange(BLOCKS // self.of) * self.of + self.who
        self.blocks[where] = os.urandom(BLOCK)
        os.pwrite(self.shared[where[0]], self.blocks[where], where[1] * BLOCK)

    def read_block(self):
        if self.blocks:
            shared, block = self.random.choice(list(self.blocks))
            if os.pread(self.shared[shared], BLOCK, block * BLOCK) != self.blocks[shared, block]:
                self.wrong("block", block, "of shared file", shared)

    STEPS = ([make] * 15 + [write] * 16 + [append_and_sync] * 3 + [truncate] * 8 + [punch] * 3 + [map] * 5 + [rename] * 10 + [link] * 4 +
             [unlink] * 6 + [make_directory] * 4 + [move_directory] * 6 + [look] * 16 + [list] * 3 + [sync] * 2 + [set_attributes] * 2 +
             [write_block] * 20 + [read_block] * 20)

    def step(self):
        chosen = self.random.choice(self.STEPS) if self.names else Model.make
        self.log.append(chosen.__name__)
        try:
            chosen(self)
        except OSError as error:
            self.wrong(error)


def main():
    mount, source = sys.argv[1:3]
    who, of, steps, seed = map(int, sys.argv[3:])
    model = Model(mount, source, who, of, seed)
    for _ in range(steps):
        model.step()
    for path in model.names:
        model.compare(path, mount)


main()
