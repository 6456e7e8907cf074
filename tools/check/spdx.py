# SPDX-License-Identifier: MIT
TITLE = 'every source opens with its SPDX line, and every header then says why it exists'
LINE = 'SPDX-License-Identifier: MIT'


def check(tree):
    findings = []
    for name in tree.files:
        script = name in ('bt', '.ci/run') or name.endswith(('/run', '.sh', '.py', '.cmake', 'CMakeLists.txt'))
        if not (name in tree.sources or script):
            continue
        lines = tree.lines(name)
        if not any(LINE in line for line in lines[:2]):
            findings.append(f'{name}:1: no line "{LINE}"')
        elif name.endswith('.h') and not (len(lines) > 1 and lines[1].startswith('//')):
            findings.append(f'{name}:2: a header says here why it exists')
    return findings
