# SPDX-License-Identifier: MIT
import os

TITLE = 'every source of src/ has a test beside it or a reason in tools/check/exempt/tests'


def check(tree):
    findings = []
    exemptions = tree.exemptions('tests')
    names = set(tree.files)
    for name in tree.select('.cc', under=('src/',)):
        if name.endswith(('_test.cc', '_bench.cc', '_tool.cc', 'main.cc')):
            continue
        if name[:-3] + '_test.cc' in names or name in exemptions:
            continue
        # A whole folder of like files may be covered by one suite: `src/fuse/handle_*: tests/integration`.
        if any(where.endswith('*') and name.startswith(where[:-1]) for where in exemptions):
            continue
        findings.append(f'{name}:1: no {os.path.basename(name)[:-3]}_test.cc beside it')
    for where in exemptions:
        if not where.endswith('*') and where not in names:
            findings.append(f'tools/check/exempt/tests: {where} does not exist')
    return findings
