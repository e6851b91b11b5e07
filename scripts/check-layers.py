#!/usr/bin/env python3
"""
Checks that a folder of src/ includes only folders on lower floors, libraries only where they belong, and x_priv.h only in its
own folder. In src/imapd: only the session and its writer know the connection, commands know no sockets, and the core knows no
command file.
"""

import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parents[1] / "src"
FLOORS = {
    "base": 1, "work": 2, "mime": 2, "conf": 2, "net": 3, "store": 3, "auth": 4, "metadata": 4, "imap": 5, "coi": 5,
    "webpush": 5, "query": 6, "imapd": 7, "lmtp": 7, "admin": 7, "coid": 8, "coidctl": 8,
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
# Files of src/imapd that may touch a session's connection.
CONNECTION = {"imapd/session.c", "imapd/session_conn.c", "imapd/answer.c"}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)


def imapd_problems(path, name):
    """Checks one include of src/imapd against its promises beside the floors."""
    where = path.relative_to(SRC)
    if name == "net/conn.h" and where.as_posix() not in CONNECTION:
        return [f"{where}: only the session and its writer include net/conn.h"]
    if len(where.parts) == 3 and name.startswith(("net/", "event2/")):
        return [f"{where}: a command knows no sockets ({name})"]
    if len(where.parts) == 2 and name.startswith("imapd/cmd/"):
        return [f"{where}: the core knows no command file ({name})"]
    return []


def main():
    problems = []
    for path in sorted(SRC.rglob("*.[ch]")):
        folder = path.relative_to(SRC).parts[0]
        where = path.relative_to(SRC).as_posix()
        if folder == "imapd" and where not in CONNECTION and re.search(r"->conn\b", path.read_text()):
            problems.append(f"{where}: only the session and its writer touch its connection")
        if folder not in FLOORS:
            problems.append(f"{path}: unknown folder {folder}")
            continue
        for name in INCLUDE.findall(path.read_text()):
            top = name.split("/")[0]
            if (SRC / name).exists() and top in FLOORS:
                if top != folder and FLOORS[top] >= FLOORS[folder]:
                    problems.append(f"{path.relative_to(SRC)}: includes {name}, which is not on a lower floor")
            if name.endswith("_priv.h") and top != folder:
                problems.append(f"{path.relative_to(SRC)}: {name} belongs to {top} alone")
            if folder == "imapd":
                problems += imapd_problems(path, name)
            for prefix, allowed in LIBRARIES.items():
                if name.startswith(prefix) and folder not in allowed:
                    problems.append(f"{path.relative_to(SRC)}: {name} does not belong into {folder}")
    print("\n".join(problems) if problems else "layers: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
