"""A daemon under strace: which syncs the kernel was really asked for, and on which files.

    coid = TracedCoid()
    with coid.syncs() as syncs:
        coid.deliver("alice@example.org", message())
    assert syncs.has("fdatasync", r"account\\.db-wal$")

strace is the daemon's grandchild (-D), so signals and the exit status are the daemon's own. It writes the line of a call
before the call returns to the daemon: what came before an answer is in the file when the answer is here.
"""

import contextlib
import re
import time

from coid import Coid

CALLS = ("fdatasync", "fsync", "syncfs")
WHOLE = re.compile(r"^(?:\d+ +)?(\w+)\(\d+<([^>]*)>\) += (-?\d+)")
BEGUN = re.compile(r"^(\d+) +(\w+)\(\d+<([^>]*)> <unfinished")
ENDED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>.*\) += (-?\d+)")


def parse(text):
    """(call, path) of every call that succeeded."""
    calls, begun = [], {}
    for line in text.splitlines():
        if match := WHOLE.match(line):
            calls.append((match[1], match[2], match[3]))
        elif match := BEGUN.match(line):
            begun[match[1]] = match[3]
        elif match := ENDED.match(line):
            # One that was begun before the text is no proof of anything in it.
            calls.append((match[2], begun.pop(match[1], ""), match[3]))
    return [(call, path) for call, path, result in calls if result == "0" and call in CALLS]


class Syncs(list):
    def count(self, call, path):
        return sum(1 for name, where in self if name == call and re.search(path, where))

    def has(self, call, path):
        return self.count(call, path) > 0


class TracedCoid(Coid):
    def __init__(self, start=True, **kwargs):
        super().__init__(start=False, **kwargs)
        self.trace = self.folder / "strace"
        self.wrapper = ["strace", "-D", "-f", "-qq", "-y", "-e", "trace=" + ",".join(CALLS), "-e", "signal=none",
                        "-o", str(self.trace)]
        # The search for leaks is itself done by ptrace, and a process has one tracer only.
        self.env["ASAN_OPTIONS"] = "detect_leaks=0:exitcode=99:detect_stack_use_after_return=0"
        if start:
            self.start()

    @contextlib.contextmanager
    def syncs(self):
        """The list is filled when the block ends."""
        found = Syncs()
        begin = self.trace.stat().st_size
        yield found
        with open(self.trace, "rb") as trace:
            trace.seek(begin)
            found.extend(parse(trace.read().decode(errors="replace")))

    def wait_syncs(self, call, path, seconds=20):
        """Waits for a sync of the background."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if Syncs(parse(self.trace.read_text(errors="replace"))).has(call, path):
                return
            time.sleep(0.05)
        raise AssertionError(f"no {call} of {path}:\n{self.trace.read_text(errors='replace')[-3000:]}")
