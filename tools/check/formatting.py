# SPDX-License-Identifier: MIT
import os
import re
import shutil
import subprocess

TITLE = 'sources are formatted as .clang-format says (./bt format)'
WHY_SKIPPED = 'clang-format is not installed'


def check(tree):
    if not shutil.which('clang-format'):
        return None
    names = [name for name in tree.sources if name.endswith(('.cc', '.h'))
             and not name.startswith('tests/hooks/objects/')]  # BPF C, in the kernel's order of includes
    if not names:
        return []
    result = subprocess.run(['xargs', '-0', '-P', '2', '-n', '40', 'clang-format', '--style=file', '--dry-run'], cwd=tree.root,
                            input='\0'.join(names), capture_output=True, text=True)
    found = re.findall(r'^(?:\./)?([^\s:]+:\d+):\d+: warning: code should be clang-formatted', result.stderr, re.M)
    first = {}
    for where in found:
        first.setdefault(where.split(':')[0], where)
    return [f'{os.path.relpath(where)}: not formatted' for where in first.values()]
