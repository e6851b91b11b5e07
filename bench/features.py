#!/usr/bin/python3
"""Measures the cost of COI's filter and of Web Push for a delivery, within one run of one server, and prints tables.

    cmake --preset release -DCOID_BENCH=ON && cmake --build build/release
    bench/features.py [--rounds N] [--count N] [--only coi,push,isolation] [--build DIR]

Accounts come in equal sets that differ in the feature alone. The sets are served in turn, round by round, with the order
reversed each time, so that whatever else the machine does meets all of them. Figures are medians; a ratio is the median
of the ratios of the rounds. CPU is that of the server's threads, in the scheduler's nanoseconds.

The push service is tests/push/pushd.js (needs Node); it counts pushes and does not decrypt them.
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests" / "integration")]

import coid as rig  # noqa: E402
import imapraw  # noqa: E402
import pushd  # noqa: E402
from compare import PASSWORD, Coid, run  # noqa: E402
from meta import configure  # noqa: E402

SENDERS = 4
SIZE = 4096
CHAT = "Chat-Version: 1.0"
CPUCLOCK_SCHED = 2


def cpu(server):
    """Seconds that all threads of the server have run."""
    return time.clock_gettime((~server.process.pid << 3) | CPUCLOCK_SCHED)


def login(server, user):
    raw = imapraw.Raw("127.0.0.1", server.ports["imap"])
    raw.greeting()
    raw.ok(f'LOGIN "{user}" "{PASSWORD}"')
    return raw


def accounts(prefix):
    return [f"{prefix}{i}@example.org" for i in range(SENDERS)]


class Variant:
    """One set of accounts; `field`: a line of the header of each message; `settle`: waits until all is done."""

    def __init__(self, name, prefix, field="", settle=None):
        self.name, self.prefix, self.field, self.settle = name, prefix, field, settle
        self.rates, self.micros = [], []

    def deliver(self, server, load, count):
        before = cpu(server)
        out = run(load, "lmtp", "127.0.0.1", server.ports["lmtp"], SENDERS, count, SIZE, f"{self.prefix}%d@example.org",
                  *([self.field] if self.field else [])).stdout
        values = dict(line.split() for line in out.splitlines())
        if self.settle:
            self.settle()
        self.rates.append(float(values["rate"]))
        self.micros.append((cpu(server) - before) * 1e6 / float(values["operations"]))


def measure(server, load, variants, rounds, count):
    for number in range(rounds + 1):
        for variant in variants if number % 2 else reversed(variants):
            variant.deliver(server, load, count)
        if number == 0:
            for variant in variants:
                variant.rates.clear()
                variant.micros.clear()
    first = variants[0]
    for variant in variants:
        rate = statistics.median(a / b for a, b in zip(variant.rates, first.rates))
        micros = statistics.median(a / b for a, b in zip(variant.micros, first.micros))
        print(f"| {variant.name} | {statistics.median(variant.rates):,.0f} | {rate:.3f} "
              f"| {statistics.median(variant.micros):,.0f} | {micros:.3f} |", flush=True)


def coi(server, load, args):
    """The filter off and on, for mail that it passes over and for chat messages, which it files."""
    for user in accounts("on"):
        with login(server, user) as raw:
            configure(raw, enabled="yes", message_filter="active")
    print("\n| COI | deliveries/s | ratio | us CPU | ratio |\n| --- | --- | --- | --- | --- |")
    measure(server, load, [Variant("mail, filter off", "off"), Variant("mail, filter on", "on")], args.rounds, args.count)
    measure(server, load, [Variant("chat, filter off: to INBOX", "off", CHAT),
                           Variant("chat, filter on: to COI/Chats, with $Chat", "on", CHAT)], args.rounds, args.count)


def subscribe(server, service, user, number):
    """A validated subscription, whose pushes are counted from now on; its name."""
    name = f"{user.split('@')[0]}-device-{number:04}"
    with login(server, user) as raw:
        pushd.subscribed(raw, service, name)
    service.rules(name, {"count": True})
    return name


def counted(service, names):
    return sum(service.call("GET", f"/control/{name}")["counted"] for name in names)


def push(server, load, args):
    """No, one and five subscriptions an account; a round is over when the last push has arrived."""
    service = pushd.PushService()
    variants = [Variant("no subscription", "none")]
    for subscriptions, prefix in ((1, "one"), (5, "five")):
        names = [subscribe(server, service, user, i) for user in accounts(prefix) for i in range(subscriptions)]
        expected = [0]

        def settle(names=names, expected=expected, subscriptions=subscriptions):
            expected[0] += args.count // SENDERS * SENDERS * subscriptions
            while counted(service, names) < expected[0]:
                time.sleep(0.01)

        variants.append(Variant(f"{subscriptions} subscription{'s' if subscriptions > 1 else ''}", prefix, settle=settle))
    print("\n| Web Push | deliveries/s | ratio | us CPU with its pushes | ratio |\n| --- | --- | --- | --- | --- |")
    measure(server, load, variants, args.rounds, args.count)
    base = variants[0].micros
    for variant, subscriptions in zip(variants[1:], (1, 5)):
        each = statistics.median((a - b) / subscriptions for a, b in zip(variant.micros, base))
        print(f"\nCPU of one push, {variant.name}: {each:,.0f} us")
    service.close()


def isolation(server, load, args):
    """Three push services, all well, against three of which one hangs and one answers 429: the third gets its pushes."""
    services = {name: pushd.PushService() for name in ("well", "second", "third", "hanging", "busy")}
    names = {}
    for prefix, kinds in (("well", ("well", "second", "third")), ("ill", ("well", "hanging", "busy"))):
        for user in accounts(prefix):
            for number, kind in enumerate(kinds):
                names.setdefault((prefix, kind), []).append(subscribe(server, services[kind], user, number))
    for name in names["ill", "hanging"]:
        services["hanging"].rules(name, {"count": True, "mode": "hang"})
    for name in names["ill", "busy"]:
        services["busy"].rules(name, {"count": True, "status": 429, "retryAfter": 600})
    arrived, after = {"well": 0, "ill": 0}, {"well": [], "ill": []}

    def settle(prefix):
        arrived[prefix] += args.count // SENDERS * SENDERS
        begin = time.monotonic()
        for kind in ("well", "second", "third") if prefix == "well" else ("well",):
            while counted(services[kind], names[prefix, kind]) < arrived[prefix]:
                if time.monotonic() - begin > 60:
                    raise SystemExit(f"pushes to {kind} do not arrive")
                time.sleep(0.005)
        after[prefix].append((time.monotonic() - begin) * 1000)

    variants = [Variant("all three well", "well", settle=lambda: settle("well")),
                Variant("one hangs, one answers 429", "ill", settle=lambda: settle("ill"))]
    print("\n| three push services | deliveries/s | ratio | us CPU with pushes | ratio |\n| --- | --- | --- | --- | --- |")
    measure(server, load, variants, args.rounds, args.count)
    for prefix, text in (("well", "all well"), ("ill", "one hangs, one answers 429")):
        print(f"\nfrom the last 250 to the last push at a service that is well, {text}: {statistics.median(after[prefix]):,.0f} ms")
    for service in services.values():
        service.close()


ROWS = {"coi": coi, "push": push, "isolation": isolation}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--count", type=int, default=200, help="deliveries a round")
    parser.add_argument("--only", default=",".join(ROWS), help="rows, comma separated")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="coid-bench-"))
    cert, key = rig.shared_certificate()
    server = Coid(folder, cert, key)
    server.start(args.build, [user for prefix in ("off", "on", "none", "one", "five", "well", "ill") for user in accounts(prefix)],
                 f'webpush {{ allow_private = yes ca_file = "{cert}" contact = "mailto:admin@example.org" }}')
    try:
        for name in args.only.split(","):
            ROWS[name](server, args.build / "bench" / "load", args)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
