# SPDX-License-Identifier: MIT
import re

from tree import is_inside

TITLE = 'INSIDE code keeps to freestanding headers and banned words stay out'

# Freestanding headers of C++20 that drag no library in, and headers of constants and structures alone.
HEADERS = {
    'array', 'atomic', 'bit', 'cerrno', 'climits', 'compare', 'concepts', 'cstdarg', 'cstddef', 'cstdint', 'initializer_list', 'limits',
    'new', 'numbers', 'source_location', 'type_traits', 'utility', 'version', 'cfloat', 'elf.h', 'emmintrin.h', 'immintrin.h', 'x86intrin.h',
    'fcntl.h', 'signal.h', 'sched.h', 'dirent.h', 'poll.h', 'stdint.h', 'stddef.h', 'limits.h', 'errno.h', 'link.h', 'unistd.h',
    'sys/stat.h', 'sys/mman.h', 'sys/syscall.h', 'sys/types.h', 'sys/uio.h', 'sys/socket.h', 'sys/un.h', 'sys/file.h', 'sys/statfs.h', 'sys/vfs.h',
    'sys/statvfs.h', 'sys/xattr.h', 'sys/resource.h', 'sys/time.h', 'sys/wait.h', 'sys/ucontext.h', 'sys/prctl.h', 'sys/sysmacros.h',
    'sys/auxv.h', 'sys/epoll.h', 'sys/sendfile.h', 'sys/personality.h', 'time.h', 'ucontext.h', 'cpuid.h',
}
INCLUDE = re.compile(r'^\s*#\s*include\s+<([^>]+)>')
# word → what to use instead.
BANNED = {
    r'std::(string|vector|map|unordered_map|function|shared_ptr|unique_ptr|mutex|thread|optional|variant|cout|cerr)\b':
        'no heap, locks or streams INSIDE: use fixed memory, base::Text, Result',
    r'\b(malloc|calloc|realloc|free|printf|fprintf|snprintf|sprintf|puts|abort|exit|getenv|strlen|strcmp|strcpy|pthread_\w+)\s*\(':
        'libc is not to be called INSIDE: use base/',
    r'\bthrow\b': 'no exceptions INSIDE: return a Result',
    r'\bdynamic_cast\b|\btypeid\b': 'no RTTI INSIDE',
    r'(?<![\w.>:])new\s+[A-Z]\w*\s*[({;]': 'no heap INSIDE: place it in memory you own',
    r'(?<![\w.>])errno\b(?!\.h|_)': 'the errno variable is never touched INSIDE: return a Result',
}
ANYWHERE = {r'\bFIXME\b': 'mend it or file an issue', r'\bTODO\b(?!\()': 'a TODO carries a name or an issue: TODO(#7)'}
COMMENT = re.compile(r'//.*$|"(?:[^"\\]|\\.)*"')


def check(tree):
    findings = []
    for name in tree.sources:
        inside = is_inside(name)
        for number, line in enumerate(tree.lines(name), 1):
            where = f'{name}:{number}'
            for pattern, advice in ANYWHERE.items():
                if re.search(pattern, line):
                    findings.append(f'{where}: {advice}')
            if not inside:
                continue
            match = INCLUDE.match(line)
            if match and match.group(1) not in HEADERS and not match.group(1).startswith(('linux/', 'asm/')):
                findings.append(f'{where}: <{match.group(1)}> is not for INSIDE code (tools/check/inside.py)')
            code = COMMENT.sub('', line)
            for pattern, advice in BANNED.items():
                if re.search(pattern, code) and 'NOLINT' not in line and not line.lstrip().startswith(('#', 'BT_')):
                    findings.append(f'{where}: {advice}')
    return findings
