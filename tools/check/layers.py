# SPDX-License-Identifier: MIT
import re

from tree import folder_of

TITLE = 'includes respect the layers of ARCHITECTURE.md'

# What a folder may include besides itself.
BELOW = {
    'base': set(),
    'shm': {'base', 'format'},  # a lock's record is a byte format of the volume, its protocol is shm's
    'format': {'base'},
    'metrics': {'base', 'shm', 'format'},
    'engine': {'base', 'shm', 'format', 'metrics'},
    'registry': {'base'},
    'posix': {'origin', 'base', 'shm', 'format', 'metrics', 'engine', 'registry'},
    'hooks': {'base', 'shm', 'format', 'metrics'},
    'agent': {'base', 'shm', 'format', 'metrics', 'engine', 'posix', 'hooks', 'registry'},
    'origin': {'base', 'shm', 'format', 'metrics', 'engine'},  # its half in the calling process fills the volume
    'loader': {'base', 'hooks'},
    'launcher': {'base'},
    'dashboard': {'base', 'metrics', 'format'},
}
ALL = set(BELOW) | {'fuse', 'cli'}
BELOW['fuse'] = ALL - {'agent', 'cli'}
BELOW['cli'] = ALL - {'agent'}
# Single headers that a folder may reach for although their folder is above it.
INTERFACES = {('origin', 'engine/origin.h'), ('origin', 'format/')}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def check(tree):
    findings = []
    for name in tree.sources:
        folder = folder_of(name)
        if folder is None:
            continue
        if folder not in BELOW:
            findings.append(f'{name}:1: the folder {folder} has no row in tools/check/layers.py')
            continue
        for number, line in enumerate(tree.lines(name), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match.group(1)
            other = target.split('/')[0]
            if '/' not in target and not target.endswith('.inc'):  # .inc: made by the build
                findings.append(f'{name}:{number}: include "{target}" is not written from src/')
            elif other in ALL and other != folder and other not in BELOW[folder]:
                findings.append(f'{name}:{number}: {folder} may not include {other} ("{target}")')
    return findings
