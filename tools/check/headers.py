# SPDX-License-Identifier: MIT
import concurrent.futures
import hashlib
import os
import subprocess

from tree import is_inside

TITLE = 'every header compiles alone'
WHY_SKIPPED = 'no build'
SAMPLES = False


def check(tree):
    """Compiles each header by itself. What compiled once is remembered in the build folder by the hash of all headers."""
    headers = tree.select('.h', under=('src/',))
    digest = hashlib.sha256()
    for name in headers + tree.select('.def', under=('src/',)):
        digest.update('\n'.join(tree.lines(name)).encode())
    stamp = os.path.join(tree.build, 'headers.checked')
    if os.path.exists(stamp) and open(stamp, encoding='ascii').read() == digest.hexdigest():
        return []

    def compile_header(name):
        flags = ['-ffreestanding', '-fno-exceptions', '-fno-rtti', '-mgeneral-regs-only'] if is_inside(name) else []
        result = subprocess.run(['g++', '-std=gnu++20', '-fsyntax-only', '-Isrc', '-x', 'c++', '-DFUSE_USE_VERSION=314', '-I/usr/include/fuse3',
                                 *flags, '-include', name, '/dev/null'], cwd=tree.root, capture_output=True, text=True)
        return f'{name}:1: does not compile alone: {result.stderr.strip().splitlines()[0]}' if result.returncode else None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [finding for finding in pool.map(compile_header, headers) if finding]
    if not findings:
        with open(stamp, 'w', encoding='ascii') as file:
            file.write(digest.hexdigest())
    return findings
