# SPDX-License-Identifier: MIT
import glob
import os
import subprocess

TITLE = "the agent's undefined symbols are within the allow-list"
WHY_SKIPPED = 'the agent is not built'
SAMPLES = False
# The agent is linked without any library; what it needs it brings. These may be undefined because the program brings them.
ALLOWED = {'_GLOBAL_OFFSET_TABLE_', '_DYNAMIC'}


def check(tree):
    agents = glob.glob(os.path.join(tree.build, '**', 'libbtfuse_agent.so'), recursive=True)
    if not agents:
        return None
    findings = []
    for agent in agents:
        where = os.path.relpath(agent, tree.root)
        output = subprocess.run(['nm', '-D', '--undefined-only', agent], capture_output=True, text=True, check=True).stdout
        for line in output.splitlines():
            symbol = line.split()[-1].split('@')[0]
            if symbol not in ALLOWED:
                findings.append(f'{where}:1: needs {symbol} from the program')
        dynamic = subprocess.run(['readelf', '-d', agent], capture_output=True, text=True, check=True).stdout
        findings += [f'{where}:1: {line.strip()}' for line in dynamic.splitlines() if '(NEEDED)' in line]
    return findings
