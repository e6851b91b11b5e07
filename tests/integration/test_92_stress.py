"""Many clients of one account that store, expunge, copy, move, fetch and search at random, by number and by UID, at the same time.
Each holds all that it is told against its own picture of the mailbox; in the end every picture is that of the mailbox. Lasts
longer with --stress-seconds."""

import concurrent.futures
import random
import time

import pytest

from fetchtext import fetch
from stressclient import StressClient, StressError

CLIENTS = 20
KEYWORDS = [f"word{n}" for n in range(90)]  # more than the 64 that have a bit in each row
MODES = ["plain", "plain", "condstore", "qresync"]


def run_until(client, end, stop):
    try:
        while time.monotonic() < end and not stop:
            client.step()
    except (StressError, OSError, TimeoutError) as error:
        stop.append(client.name)
        return f"{type(error).__name__} {error}"
    except Exception as error:  # the server has closed, or said what can't be read
        stop.append(client.name)
        return f"{client.name}: {type(error).__name__} {error}\n" + "\n".join(client.trace)
    return None


def truth(coid, user, mailbox):
    with coid.raw(user) as raw:
        raw.ok(f'EXAMINE "{mailbox}"')
        lines = [line for line in raw.ok("UID FETCH 1:* (FLAGS)") if b" FETCH (" in line]
    messages = [fetch(line)[1] for line in lines]
    return {m["UID"]: {flag.decode() for flag in m["FLAGS"]} - {"\\Recent"} for m in messages}


def stress(coid, user, seconds, seed):
    with coid.raw(user) as raw:
        raw.ok('CREATE "Other"')
    clients = []
    for n in range(CLIENTS):
        rng = random.Random(f"{seed}/{n}")
        client = StressClient(coid.raw(user), f"client {n}", rng, KEYWORDS, MODES[n % len(MODES)])
        client.select("INBOX")
        clients.append(client)
    stop = []
    end = time.monotonic() + seconds
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        errors = [error for error in pool.map(lambda client: run_until(client, end, stop), clients) if error]
    assert not errors, f"seed {seed}: {len(errors)} errors\n" + errors[0]
    boxes = {name: truth(coid, user, name) for name in ("INBOX", "Other")}
    for client in clients:
        assert client.settle() == boxes[client.box], f"seed {seed}: {client.name}\n" + "\n".join(client.trace)
    return sum(client.commands for client in clients)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("reactors", [1, 3])
def test_clients_that_do_everything_at_once(request, make_coid, reactors):
    seconds = request.config.getoption("--stress-seconds")
    coid = make_coid(settings={"server.reactors": reactors})
    alice = coid.add_user("alice@example.org")
    assert stress(coid, alice, seconds, random.randrange(1 << 32)) > CLIENTS * 5
    assert "problems: 0" in coid.ctl("check", alice)
