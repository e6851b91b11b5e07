#!/usr/bin/env python3
"""Checks that no line of a C file is longer than 110 columns, comments included; a tab reaches to the next multiple of 8."""

import subprocess
import sys

COLUMNS = 110


def main():
    files = subprocess.run(["git", "ls-files", "src/*.[ch]", "tests/*.[ch]", "bench/*.[ch]"], capture_output=True, text=True,
                           check=True).stdout.split()
    found = 0
    for file in files:
        with open(file, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                columns = len(line.rstrip("\n").expandtabs(8))
                if columns > COLUMNS:
                    print(f"{file}:{number}: {columns} columns")
                    found += 1
    print(f"lines: {found} of more than {COLUMNS} columns in {len(files)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
