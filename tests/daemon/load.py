#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Work that notices a request executed twice, lost, or answered wrongly: every call must succeed as if the daemon never died.

    load.py DIRECTORY WORKERS STOP_FILE

Each worker repeats, in a directory of its own and in one that all share, calls that cannot be repeated unnoticed (mkdir,
O_EXCL, link, rename, unlink, rmdir, append) until STOP_FILE exists; then everything that was acknowledged is compared with
what is there. Prints the number of rounds; exit status 1 after the first wrong answer."""
import os, sys

KEPT = 1000
directory, workers, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def append(name, data):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    written = os.write(fd, data)
    os.close(fd)
    assert written == len(data), f'append wrote {written}'


def work(number):
    own = f'{directory}/own{number}'
    os.mkdir(own)
    rounds = 0
    while not os.path.exists(stop):
        base = f'{own}/{rounds}'
        os.mkdir(base)
        fd = os.open(f'{base}/new', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        assert os.write(fd, b'x' * 5000) == 5000
        os.close(fd)
        os.link(f'{base}/new', f'{base}/link')
        os.rename(f'{base}/new', f'{own}/kept{rounds}')
        os.symlink('target', f'{base}/symlink')
        assert os.readlink(f'{base}/symlink') == 'target'
        os.unlink(f'{base}/symlink')
        assert os.stat(f'{base}/link').st_nlink == 2
        os.unlink(f'{base}/link')
        assert os.listdir(base) == []
        os.rmdir(base)
        append(f'{own}/log', f'{rounds}\n'.encode())
        append(f'{directory}/log', f'{number} {rounds}\n'.encode())
        if rounds >= KEPT:
            os.unlink(f'{own}/kept{rounds - KEPT}')
        rounds += 1
    with open(f'{own}/log') as log:
        assert [int(line) for line in log] == list(range(rounds)), 'own log'
    kept = sorted(int(name[4:]) for name in os.listdir(own) if name.startswith('kept'))
    assert kept == list(range(max(0, rounds - KEPT), rounds)), 'kept files'
    for name in kept:
        assert os.stat(f'{own}/kept{name}').st_size == 5000 and os.stat(f'{own}/kept{name}').st_nlink == 1
    return rounds


def run(number, result):
    try:
        rounds = work(number)
        os.write(result, f'{number} {rounds}\n'.encode())
        os._exit(0)
    except BaseException as problem:
        print(f'worker {number}: {type(problem).__name__}: {problem}', flush=True)
        open(stop, 'w').close()
        os._exit(1)


read_end, write_end = os.pipe()
children = []
for number in range(workers):
    pid = os.fork()
    if pid == 0:
        run(number, write_end)
    children.append(pid)
os.close(write_end)
failed = [pid for pid in children if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0]
done = dict(map(int, line.split()) for line in os.fdopen(read_end).read().splitlines())
if failed:
    sys.exit(1)
with open(f'{directory}/log') as log:
    seen = [tuple(map(int, line.split())) for line in log]
for number, rounds in done.items():
    if [line[1] for line in seen if line[0] == number] != list(range(rounds)):
        sys.exit(f'shared log: worker {number} appended {rounds} lines')
print(sum(done.values()), 'rounds')
