#!/usr/bin/env python3
"""
Checks commit messages: "folder: imperative summary" in at most 72 columns, an empty line, and a body that says the symptom and why
this cure. The body may be left out where a subject says it all: for tests: and docs:.
    scripts/check-commits.py [range]      every commit since the rule exists
    scripts/check-commits.py --message F  one message, for git's commit-msg hook:
                                          ln -s ../../scripts/check-commits.py .git/hooks/commit-msg
"""

import pathlib
import re
import subprocess
import sys

# The last commit before the rule.
SINCE = "41323bb5abe1804fc19297972c4fd8e2f486035f"
SUBJECT = re.compile(r"^[a-z][\w./+, -]*: \S.*[^.]$")
WITHOUT_BODY = ("tests:", "docs:")


def problems(message):
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    subject = lines[0] if lines else ""
    if len(subject) > 72:
        yield f"the subject has {len(subject)} columns, more than 72"
    if not SUBJECT.match(subject):
        yield 'the subject is not "folder: imperative summary" without a full stop'
    if len(lines) > 1 and lines[1].strip():
        yield "the second line is not empty"
    if not any(line.strip() for line in lines[2:]) and not subject.startswith(WITHOUT_BODY):
        yield "there is no body that says the symptom and why this cure"


def log(revisions):
    """(hash, message) of each commit that is no merge."""
    text = subprocess.run(["git", "log", "--no-merges", "--format=%h%x00%B%x01", revisions], capture_output=True, text=True,
                          check=True).stdout
    for entry in text.split("\x01"):
        if entry.strip():
            yield entry.strip("\n").split("\0", 1)


def main(arguments):
    # Git calls it as a hook with the file alone.
    if pathlib.Path(sys.argv[0]).name == "commit-msg":
        arguments = ["--message", *arguments]
    if arguments[:1] == ["--message"]:
        found = [f"this message: {problem}" for problem in problems(pathlib.Path(arguments[1]).read_text(encoding="utf-8"))]
    else:
        commits = list(log(arguments[0] if arguments else f"{SINCE}..HEAD"))
        found = [f"{name}: {problem}: {message.splitlines()[0]}" for name, message in commits for problem in problems(message)]
        print(f"commits: {len(commits)} looked at, {len(found)} findings")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
