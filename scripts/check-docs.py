#!/usr/bin/env python3
"""
Checks that documents and comments name only what there is: files, links, manual pages, units, settings, functions, tests. Also
that docs/standards.md has each RFC that the sources name and each capability that the server announces, that installed
documents link only to installed ones, and that no comment begins with a word that hides its subject (FRAGMENT).
"""

import ast
import glob
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOP = ("src", "tests", "docs", "scripts", "etc", "systemd", "bench", "cmake")
EXTENSIONS = (".c", ".h", ".py", ".md", ".cmake", ".mjs", ".dict")
# Names that stand for any file, headers of the system, files of the store.
ANY_FILE = {"x.c", "x.h", "test_x.c", "test_x.py", "x_priv.h", "NAME"}
SYSTEM_HEADERS = {"sysexits.h", "uthash.h"}
STORE_FILES = {"server.state", "server.db"}
WORD = re.compile(r"[A-Za-z0-9_.*/<>-]+")
SECTION = re.compile(r"^(\w+) \{(.*?)^\}", re.M | re.S)
# A comment or docstring that begins like this has no subject yet ("What ...", "Of ...") or puts it last.
FRAGMENT = re.compile(r"^[ \t]*(?:/\*(?:\n[ \t]*\*)?|#|\"\"\") ?((?:What|Whatever|Who|Whoever|Whose|Of|As|So many|Also|Else|"
                      r"Because|For|Where|How|Whether|Not|Nothing|In)\b.*)", re.M)


def tracked():
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 0:
        return [name for name in done.stdout.split("\n") if name and (ROOT / name).is_file()]
    return [path.relative_to(ROOT).as_posix() for top in TOP for path in (ROOT / top).rglob("*") if path.is_file()] + [
        path.name for path in ROOT.iterdir() if path.is_file()]


FILES = tracked()
KNOWN = set(FILES)
ENDS = {part for name in FILES for part in ("/".join(name.split("/")[i:]) for i in range(name.count("/") + 1))}
TEXTS = {name: (ROOT / name).read_text(errors="replace") for name in FILES
         if name.endswith((".c", ".h", ".py", ".md", ".mjs", ".js", ".cmake", ".in", ".socket", ".sysusers", ".txt", ".8", ".5"))
         or name.startswith(("scripts/", "etc/"))}
PROGRAMS = {word for name, text in TEXTS.items() if not name.endswith((".md", ".8", ".5")) and name != "scripts/check-docs.py"
            for word in re.findall(r"\w+", text)}
SETTINGS = {f"{section}.{key}" for section, body in SECTION.findall(TEXTS["etc/coid.conf"])
            for key in re.findall(r"^\t#(\w+) =", body, re.M)}
SECTIONS = {setting.split(".")[0] for setting in SETTINGS}


def there(word):
    """True if a file or folder of the tree has this name: from the root, or the end of its path."""
    if "*" in word:
        return bool(glob.glob(str(ROOT / word)))
    return word in ENDS or f"{word}.in" in ENDS or (ROOT / word).exists()


def wrong_words(text):
    """Words of a text that are names of files, and of none that there is."""
    text = re.sub(r"(?:https?|mailto|imaps?|file):\S+", " ", text)
    text = re.sub(r"([\w/]+)\.\[ch\]", r"\1.c \1.h", text)
    for word in WORD.findall(text):
        word = word.rstrip(".-/")
        last = word.split("/")[-1]
        if not word or "<" in word or ">" in word or word[0] in "/.*" or last in ANY_FILE | SYSTEM_HEADERS:
            continue
        if word.split("/")[0] in TOP and "/" in word:
            if not there(word):
                yield word
        elif last.endswith(EXTENSIONS) or re.fullmatch(r"coid[\w-]*\.(service|socket|sysusers)", last):
            if not there(word):
                yield word
        elif "/" in word and last.startswith("test_") and not any(there(word + end) for end in (".c", ".py")):
            yield word


def wrong_names(text):
    """Words between backticks that are no setting, function, test or word of the programs."""
    for name in re.findall(r"`([^`\n]+)`", text):
        setting = re.fullmatch(r"([a-z]+)\.([a-z0-9_*]+)", name)
        if setting and setting[1] in SECTIONS and name not in STORE_FILES:
            star = name.rstrip("*")
            if name not in SETTINGS and not (name.endswith("*") and any(s.startswith(star) for s in SETTINGS)):
                yield name
            continue
        plain = re.fullmatch(r"(?:test_\w+\.py)?(?:::)?([a-z][a-z0-9]*(?:_[a-z0-9]+)+)(\*?)(?:\(\))?", name)
        if not plain or there(name):
            continue
        word, star = plain[1], plain[2]
        found = any(known.startswith(word) for known in PROGRAMS) if star else \
            word in PROGRAMS or f"test_{word}" in PROGRAMS or f"{word}.c" in ENDS or f"{word}.py" in ENDS
        if not found:
            yield name
    for name in re.findall(r"test_\w+\.c: (\w+)", text):
        if name not in PROGRAMS:
            yield name


def wrong_links(name, text):
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
        if not (ROOT / target).exists():
            yield link
        elif anchor and target.endswith(".md"):
            heads = [re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-")
                     for head in re.findall(r"^#+ (.*)$", (ROOT / target).read_text(), re.M)]
            if anchor not in heads:
                yield link


def comments(name, text):
    if name.endswith((".c", ".h")):
        return "\n".join(re.findall(r"/\*.*?\*/|//[^\n]*", text, re.S))
    if name.startswith("systemd/"):
        return text
    if name.endswith(".py"):
        docstrings = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text))
                      if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
        return "\n".join(re.findall(r"^\s*#.*$", text, re.M) + docstrings)
    return "\n".join(re.findall(r"^\s*#.*$", text, re.M))


def manual_pages(name, text):
    text = re.sub(r'\\fB|\\fR|\\fI|\\|^\.BR? ', "", text, flags=re.M).replace(" (", "(")
    for page, number in re.findall(r"\b(coid(?:ctl|\.conf)?)\((\d)\)", text):
        if f"docs/{page}.{number}" not in KNOWN:
            yield f"{page}({number})"


def log_lines():
    """Lines of the log that docs/operations.md explains."""
    sources = "".join(text for name, text in TEXTS.items() if name.startswith("src/"))
    sources = re.sub(r'"\s*\n\s*"', "", sources)
    table = re.search(r"^Lines that need a hand:\n(.*?)^##", TEXTS["docs/operations.md"], re.M | re.S)[1]
    for cell in re.findall(r"^\| (.*?) \|", table, re.M):
        yield from (f"docs/operations.md: nothing logs: {line}" for line in re.findall(r"`([^`]+)`", cell) if f'"{line}' not in sources)


def standards():
    text = TEXTS["docs/standards.md"]
    known = set(re.findall(r"\d{4,5}", " ".join(re.findall(r"^\| (.*?) \|", text, re.M))))
    for name, source in TEXTS.items():
        if name.startswith("src/"):
            for number in re.findall(r"\bRFC ?(\d{4,5})\b", source):
                if number not in known:
                    yield f"{name}: RFC {number} is not in docs/standards.md"
    announced = re.findall(r'\{ "([^"]+)", [A-Z_]+ \}', TEXTS["src/imapd/capability.c"])
    for name, source in TEXTS.items():
        if name.startswith("src/imapd/"):
            announced += " ".join(re.findall(r'\.capability = "([^"]+)"', source)).split()
    for name in announced:
        if f"`{name}`" not in text:
            yield f"docs/standards.md: the server announces {name}, which is not there"
    for row in re.findall(r"^\| (?:RFC|draft|COI|IMAP).*$", text, re.M):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) != 4:
            yield f"docs/standards.md: not four columns: {row[:60]}"
            continue
        for cell, folder in ((cells[2], "src"), (cells[3], "tests")):
            names = re.findall(r"`([^`]+)`", cell)
            if not names or not all(f"{folder}/{file}" in KNOWN for file in names):
                yield f"docs/standards.md: not a file of {folder}/: {cell}"


def installed():
    """Links between documents that `cmake --install` puts into one folder."""
    place = {}
    cmake = TEXTS["cmake/CoidInstall.cmake"]
    globs = dict(re.findall(r"file\(GLOB (\w+) (?:CONFIGURE_DEPENDS )?([\w/*.]+)\)", cmake))
    for files, sub in re.findall(r"install\(FILES ([^)]*?) DESTINATION \$\{CMAKE_INSTALL_DOCDIR\}(/?[\w/]*)\)", cmake):
        for name in files.split():
            names = ROOT.glob(globs[name[2:-1]]) if name.startswith("${") else [ROOT / name]
            place.update({path.relative_to(ROOT).as_posix(): os.path.normpath(f".{sub}/{path.name}") for path in names})
    for name in place:
        for link in re.findall(r"\]\(([^)#\s]+)", TEXTS.get(name, "")):
            if re.match(r"[a-z]+:", link):
                continue
            target = os.path.normpath(os.path.join(os.path.dirname(name), link))
            if place.get(target) != os.path.normpath(os.path.join(os.path.dirname(place[name]), link)):
                yield f"{name}: it is installed and links to {link}, which is not"


def main():
    problems = []
    for name, text in TEXTS.items():
        if name.startswith("tests/fuzz/corpus") or name.startswith("tests/untaken"):
            continue
        document = name.endswith(".md")
        if document or name.endswith((".8", ".5")):
            problems += [f"{name}: {page} is no manual page" for page in manual_pages(name, text)]
        if document:
            problems += [f"{name}: {word}: there is nothing of that name" for word in wrong_names(text)]
            problems += [f"{name}: {link}: this link leads nowhere" for link in wrong_links(name, text)]
        words = text if document or name == "tests/unit/COVERED_BY" else comments(name, text)
        problems += [f"{name}: {word}: there is no such file" for word in wrong_words(words)]
        if not document and not name.startswith("etc/"):
            problems += [f"{name}: begin with the subject: {line}" for line in FRAGMENT.findall(text)]
    problems += [*standards(), *log_lines(), *installed()]
    print("\n".join(sorted(set(problems))) if problems else "documents: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
