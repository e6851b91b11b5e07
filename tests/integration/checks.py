"""coidctl check for tests."""

import re
import time

SWEPT_SECONDS = 60


def wait_clean(coid, account):
    """
    `coidctl check` finds nothing wrong. Files that a dead process or a failed commit left are no fault of the account: they
    are looked for in the background, so they may be there for a while, but must go.
    """
    end = time.monotonic() + SWEPT_SECONDS
    while True:
        done = coid.ctl("check", account, check=False)
        report = f"coidctl check {account}: {done.returncode}\n{done.stdout}{done.stderr}"
        if done.returncode == 0:
            assert re.search(r"^problems: 0$", done.stdout, re.M), report
            return
        problems = [line for line in done.stdout.splitlines() if not re.match(r"\w+: \d+$", line)]
        strays = [line for line in problems if re.fullmatch(r"file [0-9a-f]{16}: belongs to no blob", line)]
        assert problems and problems == strays and time.monotonic() < end, report
        time.sleep(0.3)
