# SPDX-License-Identifier: MIT
import os
import subprocess

TITLE = 'generated documents are what their tools print'
WHY_SKIPPED = 'no generator is built'
SAMPLES = False
# document → the built tool that prints it.
DOCUMENTS = {'docs/metrics.md': 'metrics_doc_tool', 'docs/layout.txt': 'btfuse-layout'}


def check(tree):
    findings = []
    ran = False
    for document, tool in DOCUMENTS.items():
        binary = os.path.join(tree.build, tool)
        if not os.path.exists(binary):
            continue
        ran = True
        printed = subprocess.run([binary], capture_output=True, text=True, check=True).stdout
        path = os.path.join(tree.root, document)
        if not os.path.exists(path) or open(path, encoding='utf-8').read() != printed:
            findings.append(f'{document}:1: is not what {tool} prints; run build/{tool} > {document}')
    return findings if ran else None
