# SPDX-License-Identifier: MIT
import re

TITLE = 'files have at most 800 lines and functions at most 70'
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
# A body opens on a line that is not a type, namespace, initialiser or preprocessor line.
NO_FUNCTION = re.compile(r'\b(namespace|class|struct|union|enum|extern)\b|=\s*\{|^\s*#|\[\]\s*=')


def exempt(name):
    return name.endswith(('.def', '_test.cc')) or '/generated/' in name or name.startswith(('tests/', 'tools/check/samples/'))


def long_functions(lines):
    """(first line, length) of each body that is too long; braces in literals and comments are taken out first."""
    stack = []
    for number, raw in enumerate(lines, 1):
        line = re.sub(r"//.*$|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", '', raw)
        head = line
        if line.lstrip().startswith(':') or (line.strip() and line.strip()[0] in '{)'):
            head = (lines[number - 2] if number > 1 else '') + line
        for char in line:
            if char == '{':
                function = not NO_FUNCTION.search(head) and not any(kind for kind, _ in stack)
                stack.append((function, number))
            elif char == '}' and stack:
                function, first = stack.pop()
                if function and number - first + 1 > FUNCTION_LINES_MAX:
                    yield first, number - first + 1


def check(tree):
    findings = []
    exemptions = tree.exemptions('sizes')
    for name in tree.sources:
        if exempt(name) or name in exemptions:
            continue
        lines = tree.lines(name)
        if len(lines) > FILE_LINES_MAX + 1:
            findings.append(f'{name}:{FILE_LINES_MAX}: the file has {len(lines) - 1} lines, at most {FILE_LINES_MAX}')
        for first, length in long_functions(lines):
            findings.append(f'{name}:{first}: the function has {length} lines, at most {FUNCTION_LINES_MAX}')
    return findings
