#!/usr/bin/env python3
"""
Checks that the tests mirror the tree: src/f/x.c has tests/unit/f/test_x.c, or a line in tests/unit/COVERED_BY that names the tests
that cover it. A line for a file that is gone, that has a test of its own by now, or that names a missing test is an error, too.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def covered():
    """source -> names of the tests that cover it"""
    for line in (ROOT / "tests/unit/COVERED_BY").read_text().splitlines():
        if line and not line.startswith("#"):
            source, _, tests = line.partition(":")
            yield source.strip(), [test for test in tests.replace(",", " ").split() if "/" in test or test.startswith("test_")]


def exists(test):
    return any((ROOT / folder / test).exists() for folder in ("", "tests", "tests/unit", "tests/integration", "tests/power"))


def main():
    problems = []
    lines = list(covered())
    names = [source for source, _ in lines]
    if names != sorted(names) or len(names) != len(set(names)):
        problems.append("COVERED_BY: lines are not sorted, or a file has two")
    for source, tests in lines:
        path = pathlib.PurePosixPath(source)
        if not (ROOT / "src" / path).exists():
            problems.append(f"COVERED_BY: src/{source} does not exist")
        elif (ROOT / "tests/unit" / path.parent / f"test_{path.name}").exists():
            problems.append(f"COVERED_BY: {source} has a test of its own")
        if not tests:
            problems.append(f"COVERED_BY: {source} names no test")
        problems += [f"COVERED_BY: {source}: {test} does not exist" for test in tests if not exists(test)]
    sources = sorted((ROOT / "src").rglob("*.c"))
    for path in sources:
        source = path.relative_to(ROOT / "src")
        if source.as_posix() not in names and not (ROOT / "tests/unit" / source.parent / f"test_{source.name}").exists():
            problems.append(f"src/{source}: no tests/unit/{source.parent}/test_{source.name} and no line in COVERED_BY")
    print("\n".join(problems + [f"tests: {len(sources)} sources, {len(lines)} covered by tests of another name, {len(problems)} problems"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
