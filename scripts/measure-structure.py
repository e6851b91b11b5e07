#!/usr/bin/env python3
"""
Measures how well the code can be read, from the sources and from the objects of a build:
    scripts/measure-structure.py [build/asan]
Prints for each folder the files of its largest knot (files that call each other in circles, by nm), the longest file and function,
and lines over the limit.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
COLUMNS = 110
FUNCTION = re.compile(r"^(?:[A-Za-z_].*)?\b(\w+)\([^;{}#]*?\)\n\{\n(.*?)^\}", re.M | re.S)


def objects(build):
    """source path below src -> (symbols it defines, symbols it needs)"""
    found = {}
    for path in build.rglob("*.c.o"):
        match = re.search(r"/src/(.+\.c)\.o$", path.as_posix())
        if not match:
            continue
        defined, needed = set(), set()
        for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines():
            words = line.split()
            if words[-2] in "TDRB":
                defined.add(words[-1])
            elif words[-2] == "U":
                needed.add(words[-1])
        found[match[1]] = (defined, needed)
    return found


def knots(edges):
    """Strongly connected components with more than one file (Tarjan)."""
    index, low, stack, on, result = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on.add(node)
        for other in edges.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            knot = set()
            while True:
                other = stack.pop()
                on.discard(other)
                knot.add(other)
                if other == node:
                    break
            if len(knot) > 1:
                result.append(knot)

    for node in list(edges):
        if node not in index:
            visit(node)
    return sorted(result, key=len, reverse=True)


def main():
    sys.setrecursionlimit(10000)
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/asan")
    files = objects(build)
    home = {symbol: file for file, (defined, _) in files.items() for symbol in defined}
    edges = {file: {home[s] for s in needed if s in home and home[s] != file and home[s].split("/")[0] == file.split("/")[0]}
             for file, (_, needed) in files.items()}
    for folder in sorted({file.split("/")[0] for file in files}):
        inside = {file: to for file, to in edges.items() if file.split("/")[0] == folder}
        largest = (knots(inside) or [set()])[0]
        print(f"{folder:9} {len(inside):3} files, largest knot {len(largest):2}: {' '.join(sorted(f.split('/', 1)[1] for f in largest))}")
    longest, lines, over = (0, ""), (0, ""), 0
    for path in SRC.rglob("*.[ch]"):
        text = path.read_text()
        lines = max(lines, (text.count("\n"), path.relative_to(SRC).as_posix()))
        over += sum(len(line.expandtabs(8)) > COLUMNS for line in text.splitlines())
        for match in FUNCTION.finditer(text):
            longest = max(longest, (match[2].count("\n"), f"{match[1]} in {path.relative_to(SRC)}"))
    print(f"longest file: {lines[1]}, {lines[0]} lines; longest function: {longest[1]}, {longest[0]} lines; "
          f"lines over {COLUMNS} columns: {over}")


if __name__ == "__main__":
    main()
