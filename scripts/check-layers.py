#!/usr/bin/env python3
"""Checks that a folder of src/ includes only folders on lower floors, and libraries only where they belong."""

import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parents[1] / "src"
FLOORS = {
    "base": 1, "work": 2, "mime": 2, "conf": 2, "net": 3, "store": 3, "auth": 4, "metadata": 4, "coi": 5, "webpush": 5,
    "imapd": 6, "lmtp": 6, "admin": 6, "coid": 7, "coidctl": 7,
}
# header prefix -> folders that may include it
LIBRARIES = {
    "event2/": {"work", "net", "webpush", "coid"},
    "event.h": {"work", "net", "webpush"},
    "sqlite3.h": {"store"},
    "openssl/": {"net", "auth", "webpush"},
    "curl/": {"webpush"},
    "jansson.h": {"webpush"},
    "confuse.h": {"conf"},
    "utf8proc.h": {"mime", "store", "auth"},
    "zlib.h": {"net", "store"},
    "iconv.h": {"mime"},
    "crypt.h": {"auth"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)


def main():
    problems = []
    for path in sorted(SRC.rglob("*.[ch]")):
        folder = path.relative_to(SRC).parts[0]
        if folder not in FLOORS:
            problems.append(f"{path}: unknown folder {folder}")
            continue
        for name in INCLUDE.findall(path.read_text()):
            top = name.split("/")[0]
            if (SRC / name).exists() and top in FLOORS:
                if top != folder and FLOORS[top] >= FLOORS[folder]:
                    problems.append(f"{path.relative_to(SRC)}: includes {name}, which is not on a lower floor")
            for prefix, allowed in LIBRARIES.items():
                if name.startswith(prefix) and folder not in allowed:
                    problems.append(f"{path.relative_to(SRC)}: {name} does not belong into {folder}")
    print("\n".join(problems) if problems else "layers: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
