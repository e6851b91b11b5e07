#!/usr/bin/env python3
"""
Checks the names of functions in src/: each name is defined in one file only, has at least two words, and a public one begins
with its folder, its file, or the header that declares it.
"""

import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parents[1] / "src"
# A definition as clang-format writes it: its name and first parenthesis on a line that begins in column 0.
DEFINITION = re.compile(r"^(?P<static>static )?(?:[A-Za-z_][\w ]*[ *]+)?\**(?P<name>[a-z_]\w*)\((?P<rest>[^;{}#]*?)\)\n\{", re.M)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
SINGLE = {"main"}
# Functions with attributes have their name behind them.
ATTRIBUTE = re.compile(r"__attribute__\(\((?:[^()]|\([^()]*\))*\)\)\s*")
# Nouns that stand for a longer name of a file.
NOUNS = {"command": "cmd", "message": "msg", "mailbox": "mbox"}


def functions(path):
    """(name, public) of each function that the file defines."""
    text = COMMENT.sub(lambda m: "\n" * m.group(0).count("\n"), path.read_text())
    text = ATTRIBUTE.sub("", text)
    for match in DEFINITION.finditer(text):
        yield match["name"], not match["static"] and path.suffix == ".c"


def first_words(stem):
    """ "users_query_priv" may begin a name as users_query or users. """
    words = stem.removesuffix("_priv").split("_")
    for count in range(1, len(words) + 1):
        name = "_".join(words[:count])
        yield name
        yield name.removesuffix("s")
        yield name + "s"
        if name in NOUNS:
            yield NOUNS[name]


def prefixes(path, name, headers):
    """The allowed beginnings of a public function of that file: its folder, its file, or the header that declares it."""
    yield from path.relative_to(SRC).parts[:-1]
    yield from first_words(path.stem)
    for header, text in headers.get(path.parent, ()):
        if re.search(rf"\b{name}\(", text):
            yield from first_words(header)


def main():
    places = {}
    foreign = []
    headers = {}
    for path in SRC.rglob("*.h"):
        headers.setdefault(path.parent, []).append((path.stem, path.read_text()))
    for path in sorted(SRC.rglob("*.[ch]")):
        for name, public in functions(path):
            places.setdefault(name, []).append(path.relative_to(SRC).as_posix())
            if public and not any(
                    name == p or name.startswith(p + "_") for p in prefixes(path, name, headers)) and name not in SINGLE:
                foreign.append((path.relative_to(SRC).as_posix(), name))
    twice = {name: files for name, files in places.items() if len(set(files)) > 1 and name not in SINGLE}
    single = {name: files for name, files in places.items() if "_" not in name.strip("_") and name not in SINGLE}
    for name, files in sorted(twice.items()):
        print(f"{name}: defined in {', '.join(files)}")
    for name, files in sorted(single.items()):
        print(f"{name}: has one word only, in {', '.join(files)}")
    for file, name in sorted(foreign):
        print(f"{name}: public, but begins with neither folder nor file: {file}")
    print(f"names: {sum(map(len, places.values()))} functions, {len(twice)} names in several files, {len(single)} of one word, "
          f"{len(foreign)} public without their folder or file")
    return 1 if twice or single or foreign else 0


if __name__ == "__main__":
    sys.exit(main())
