# SPDX-License-Identifier: MIT
"""The files under check: what git tracks or would track, or, for a sample, what lies in its folder."""
import functools
import os
import subprocess

INSIDE_FOLDERS = ('base', 'shm', 'format', 'metrics', 'engine', 'posix', 'hooks', 'agent', 'launcher')


class Tree:
    def __init__(self, root, build):
        self.root = root
        self.build = build
        self.is_sample = '/tools/check/samples/' in root + '/'

    @functools.cached_property
    def files(self):
        if self.is_sample:
            found = []
            for folder, _, names in os.walk(self.root):
                found += [os.path.relpath(os.path.join(folder, name), self.root) for name in names]
            return sorted(found)
        listed = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                                cwd=self.root, capture_output=True, check=True).stdout.decode()
        return sorted(name for name in set(listed.split('\0'))
                      if name and os.path.isfile(os.path.join(self.root, name))
                      and not name.startswith('tools/check/samples/'))

    def select(self, *suffixes, under=('',)):
        return [name for name in self.files if name.endswith(suffixes) and name.startswith(tuple(under))]

    @functools.cached_property
    def sources(self):
        """C and C++ of ours."""
        return self.select('.cc', '.h', '.c', '.def', '.S', under=('src/', 'tests/', 'bench/', 'tools/'))

    @functools.lru_cache(maxsize=None)
    def lines(self, name):
        with open(os.path.join(self.root, name), encoding='utf-8', errors='replace') as file:
            return file.read().split('\n')

    def exemptions(self, list_name):
        """{path: reason} of tools/check/exempt/<list_name>; each line is `path: reason`."""
        path = os.path.join(self.root, 'tools/check/exempt', list_name)
        rows = {}
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                for line in file:
                    if line.strip() and not line.startswith('#'):
                        where, _, reason = line.strip().partition(': ')
                        rows[where] = reason
        return rows


def folder_of(name):
    """'engine' for src/engine/x.cc; None outside src/."""
    parts = name.split('/')
    return parts[1] if len(parts) > 2 and parts[0] == 'src' else None


def is_inside(name):
    """Whether the file is compiled for a stranger's process: INSIDE folders but their tests, which run in ours."""
    if name.startswith('src/origin/'):
        return '/inside' in name
    if name.startswith('src/registry/'):
        return 'reader' in name or 'format' in name
    for_tests = name.endswith(('_test.cc', '_bench.cc', '_tool.cc')) or os.path.basename(name).startswith('test_') or \
        name.endswith('_fixture.h')
    return folder_of(name) in INSIDE_FOLDERS and not for_tests
