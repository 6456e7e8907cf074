# SPDX-License-Identifier: MIT
import os
import re

TITLE = 'paths that documents name exist'
# `src/x/y.cc`, `docs/z.md`, `tests/w/run`, `./bt` in backticks; patterns with * or < or … are left alone.
PATH = re.compile(r'`((?:src|docs|tests|tools|bench|cmake|contrib|engine|posix|agent|hooks|fuse|cli|base|shm|format|metrics|origin|loader)/[\w./-]+)`')


def check(tree):
    findings = []
    for name in tree.select('.md'):
        for number, line in enumerate(tree.lines(name), 1):
            for path in PATH.findall(line):
                if not any(os.path.exists(os.path.join(tree.root, prefix, path)) for prefix in ('', 'src')):
                    findings.append(f'{name}:{number}: {path} does not exist')
    return findings
