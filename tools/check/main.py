# SPDX-License-Identifier: MIT
"""Runs the checks of this folder over the tree. Each check is a module with TITLE and check(tree) -> list of findings.

A finding is one line, `path:line: what is wrong`. Every check also runs over its samples in tools/check/samples/<name>/,
each of which must give at least one finding: a check that finds nothing there is broken, and counts as failed."""
import importlib
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tree import Tree  # noqa: E402

CHECKS = ['formatting', 'spdx', 'layers', 'inside', 'sizes', 'tests_exist', 'doc_paths']
BUILD_CHECKS = ['headers', 'agent_symbols', 'generated']


def run_samples(module, name):
    """The names of sample folders that the check wrongly accepts."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'samples', name)
    if not os.path.isdir(folder):
        return [f'{name}: has no sample in tools/check/samples']
    accepted = []
    for sample in sorted(os.listdir(folder)):
        if not module.check(Tree(os.path.join(folder, sample), None)):
            accepted.append(f'{name}: accepts the bad sample {sample}')
    return accepted


def main():
    arguments = sys.argv[1:]
    build = None
    if arguments[:1] == ['--build'] and len(arguments) == 2:
        build = os.path.abspath(arguments[1])
    elif arguments:
        sys.exit('usage: tools/check/run [--build DIR]')
    tree = Tree(os.getcwd(), build)
    passed = failed = skipped = 0
    for name in CHECKS + (BUILD_CHECKS if build else []):
        started = time.monotonic()
        module = importlib.import_module(name)
        findings = module.check(tree)
        if findings is None:
            print(f'skip {name}: {module.WHY_SKIPPED}')
            skipped += 1
            continue
        if getattr(module, 'SAMPLES', True):
            findings = findings + run_samples(module, name)
        for finding in findings:
            print(finding)
        took = time.monotonic() - started
        print(f'{"FAIL" if findings else "ok  "} {name}: {module.TITLE} ({len(findings)} findings, {took:.1f} s)')
        if findings:
            failed += 1
        else:
            passed += 1
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    sys.exit(1 if failed else 0)


main()
