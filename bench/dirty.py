#!/usr/bin/python3
"""Shows where coid and Dovecot read the same messages differently.

    cmake --preset release && cmake --build build/release
    bench/dirty.py [--build DIR] [--shapes] FILE-OR-FOLDER...

Each file is one message. Both servers get its bytes by APPEND; then sizes, header, ENVELOPE, BODYSTRUCTURE, every part and
every decoded part are compared, and what differs is printed. Dovecot is Debian's package (dovecot-imapd, dovecot-lmtpd).
--shapes: also the messages of tests/fuzz/corpus/mime. Exit status 1: some differ.
"""

import argparse
import pathlib
import shutil
import sys
import tempfile

from compare import PASSWORD, ROOT, Coid, Dovecot, run

sys.path.insert(0, str(ROOT / "tests" / "integration"))

from fetchtext import fetch  # noqa: E402
from imapraw import Closed, Raw  # noqa: E402

USER = "u0@example.org"
PARTS_MAX = 40  # of a message are compared
ITEMS = "RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[HEADER.FIELDS (SUBJECT CONTENT-TYPE)]"


class Client:
    """A session in INBOX; a new one when the server has closed it over a message."""

    def __init__(self, server):
        self.server = server
        self.login()

    def login(self):
        self.raw = Raw("127.0.0.1", self.server.ports["imap"], timeout=60)
        self.raw.greeting()
        self.raw.ok(f'LOGIN "{USER}" "{PASSWORD}"')
        self.raw.ok('SELECT "INBOX"')

    def fetch(self, items):
        """The items of the last message, or what the server says instead."""
        try:
            tagged, untagged = self.raw.cmd(f"FETCH * ({items})")
        except Closed:
            self.login()
            return b"closed"
        lines = [line for line in untagged if b" FETCH (" in line]
        return fetch(lines[0])[1] if tagged.startswith(b"OK") and lines else tagged[:20]


def lower(value):
    """Tokens are printed in one case by the one and as written by the other."""
    if isinstance(value, list):
        return [lower(v) for v in value]
    return value.lower() if isinstance(value, bytes) else value


def is_list(structure, index):
    return len(structure) > index and isinstance(structure[index], list)


def parts(structure, prefix=""):
    """The section numbers of all parts below a multipart or embedded message."""
    if is_list(structure, 0):
        for number, part in enumerate(structure, 1):
            if not isinstance(part, list):
                break
            yield f"{prefix}{number}"
            yield from parts(part, f"{prefix}{number}.")
    elif is_list(structure, 8) and lower(structure[:2]) == [b"message", b"rfc822"]:
        yield from parts(structure[8], prefix) if is_list(structure[8], 0) else [f"{prefix}1"]


def paths(structure):
    return list(parts(structure)) if is_list(structure, 0) else ["1", *parts(structure, "1.")]


def read(client, data):
    tagged = client.raw.append("INBOX", data)
    if not tagged.startswith(b"OK"):
        return {"APPEND": tagged}
    client.raw.ok("NOOP")
    got = client.fetch(ITEMS)
    for path in paths(got["BODYSTRUCTURE"])[:PARTS_MAX]:
        for item in (f"BODY.PEEK[{path}]", f"BINARY.PEEK[{path}]", f"BODY.PEEK[{path}.MIME]"):
            answer = client.fetch(item)
            got[item] = answer.get(item.replace(".PEEK", "")) if isinstance(answer, dict) else answer
    return got


def differences(a, b):
    for name in sorted(set(a) | set(b)):
        if lower(a.get(name)) != lower(b.get(name)):
            yield name, a.get(name), b.get(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=ROOT / "build" / "release", type=pathlib.Path)
    parser.add_argument("--shapes", action="store_true")
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("paths", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    files = [f for p in args.paths for f in (sorted(p.rglob("*")) if p.is_dir() else [p]) if f.is_file()]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="coid-dirty-"))
    folder.chmod(0o755)
    shapes = sorted((ROOT / "tests" / "fuzz" / "corpus" / "mime").iterdir()) if args.shapes else []
    # The first octet of a corpus file is the fuzzer's.
    messages = [(f, f.read_bytes()) for f in files] + [(f, f.read_bytes()[1:]) for f in shapes]
    cert, key = folder / "cert.pem", folder / "key.pem"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert)
    servers = []
    different = 0
    try:
        for kind in (Coid, Dovecot):
            (folder / kind.name).mkdir()
            server = kind(folder / kind.name, cert, key)
            server.start(args.build, [USER])
            servers.append(server)
        clients = [Client(server) for server in servers]
        for file, data in messages:
            if not data:
                continue
            found = list(differences(*[read(client, data) for client in clients]))
            different += bool(found)
            for name, a, b in found:
                print(f"{file} {name}\n  coid    {str(a)[:args.width]}\n  Dovecot {str(b)[:args.width]}", flush=True)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{different} of {len(messages)} messages are read differently")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
