"""INPROGRESS (RFC 9585): commands that take long say so, between responses, to everybody."""

import re
import threading
import time

import pytest

from coid import message
from test_61_slow_storage import SLOW, end_slow, make_slow

NOTE = re.compile(rb'\* OK \[INPROGRESS \((?:"([^"\]]+)"|NIL) (?:(\d+) (\d+|NIL)|NIL NIL)\)\] [ -~]+')
INTERVAL = {"imap.progress_interval": "100ms"}
BIG = 3_000_000


def notes(untagged):
    """(tag, progress, goal) of each; None where they are not known."""
    found = [NOTE.fullmatch(line) for line in untagged if line.startswith(b"* OK [INPROGRESS")]
    assert all(found), untagged
    return [(note[1], note[2] and int(note[2]), int(note[3]) if note[3] and note[3] != b"NIL" else None) for note in found]


def check(told, tag):
    """Checks the notifications of one command against section 4."""
    progress = -1
    for told_tag, done, goal in told:
        assert told_tag == tag
        if done is not None:
            assert done >= progress
            progress = done
        if goal is not None:
            assert done < goal
    assert len({goal for _, _, goal in told if goal is not None}) <= 1


@pytest.fixture
def coid(make_coid):
    return make_coid(settings=INTERVAL)


def until_told(raw, text, seconds=60):
    """Repeats a command until one was slow enough to be told of; [(its tag, untagged responses)]."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tag = raw.command(text)
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"OK"), tagged
        assert b"INPROGRESS" not in tagged
        check(notes(untagged), tag)
        if notes(untagged):
            return tag, untagged
    raise AssertionError(f"{text} was never told of")


def fill(raw, count, size):
    body = ("x" * 70 + "\r\n") * (size // 72)
    for i in range(count):
        assert raw.append("INBOX", message(f"number {i}", body)).startswith(b"OK")


def test_it_is_announced_and_can_be_switched_off(coid, alice, make_coid):
    assert b" INPROGRESS" in coid.raw(alice).ok("CAPABILITY")[0]
    other = make_coid(settings={"imap.progress_interval": "0"})
    bob = other.add_user("bob@example.org")
    raw = other.raw(bob)
    assert b"INPROGRESS" not in raw.ok("CAPABILITY")[0]
    fill(raw, 8, BIG)
    raw.ok("SELECT INBOX")
    assert not notes(raw.ok("SEARCH TEXT nowhere BODY neither"))


def test_a_search_tells_how_far_it_is(coid, alice):
    raw = coid.raw(alice)
    fill(raw, 12, BIG)
    raw.ok("SELECT INBOX")
    for text in ("SEARCH TEXT nowhere", "UID SEARCH RETURN (COUNT SAVE) BODY nowhere"):
        _, untagged = until_told(raw, text)
        told = notes(untagged)
        assert {goal for _, done, goal in told if done} <= {12}
        # The answer is the only other response, and it comes last.
        assert untagged[-1].startswith(b"* SEARCH" if "RETURN" not in text else b"* ESEARCH")
        assert len(untagged) == len(told) + 1


def test_another_session_changes_the_mailbox_meanwhile(coid, alice):
    raw, other = coid.raw(alice), coid.raw(alice)
    fill(raw, 12, BIG)
    raw.ok("SELECT INBOX")
    other.ok("SELECT INBOX")
    tag = raw.command("UID SEARCH TEXT nowhere")
    other.ok("STORE 2:11 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    coid.deliver(alice, message())
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK")
    check(notes(untagged), tag)
    assert [line for line in untagged if line.endswith(b" EXISTS")] or raw.ok("NOOP")


def test_a_fetch_tells_only_between_its_responses(coid, alice):
    raw = coid.raw(alice)
    fill(raw, 16, 20_000)
    raw.ok("SELECT INBOX")
    for _ in range(7):
        raw.ok("COPY 1:* INBOX")
    # Much to do for little output: a client that reads slowly is told nothing.
    sections = " ".join(f"BODY.PEEK[HEADER.FIELDS (X-{i} SUBJECT)] BODY.PEEK[TEXT]<{i}.10>" for i in range(4))
    _, untagged = until_told(raw, f"FETCH 1:* ({sections})")
    told = notes(untagged)
    assert {goal for _, done, goal in told if done} <= {2048}
    assert len(told) + 2048 == len(untagged)
    for line in untagged:
        if not line.startswith(b"* OK"):
            assert re.match(rb"\* \d+ FETCH \(", line) and line.endswith(b")") and b"INPROGRESS" not in line


def test_tags_that_would_end_the_code_are_left_out(coid, alice):
    raw = coid.raw(alice)
    fill(raw, 12, BIG)
    raw.ok("SELECT INBOX")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        raw.send(b"a]b SEARCH TEXT nowhere\r\n")
        tagged, untagged = raw.until(b"a]b")
        assert tagged.startswith(b"OK")
        check(notes(untagged), None)
        if notes(untagged):
            return
    raise AssertionError("never told of")


def test_writes_to_slow_storage_are_told_of(make_coid):
    coid = make_slow(make_coid, INTERVAL)
    raw, idler = coid.raw(SLOW), coid.raw(SLOW, mailbox="INBOX")
    idle = idler.idle()
    told = {}
    for text in ("CREATE box", "COPY 1 box", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"):
        if text.startswith("COPY"):
            raw.ok("SELECT INBOX")
        tag = raw.command(text)
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"OK"), tagged
        check(notes(untagged), tag)
        told[text.split()[0]] = notes(untagged)
    # They are one step each: that they still work is all that is known.
    for command in ("CREATE", "COPY", "EXPUNGE"):
        assert told[command] and all(note[1:] == (None, None) for note in told[command]), told
    tag = raw.tag()
    raw.send(tag + b' APPEND INBOX {5+}\r\nhello\r\n')
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK [APPENDUID")
    check(notes(untagged), tag)
    assert notes(untagged)
    # An idle session is not told that others work.
    idler.send(b"DONE\r\n")
    assert not notes(idler.until(idle)[1])
    end_slow(coid)


def test_a_client_that_does_not_read_is_not_flooded(coid, alice):
    raw = coid.raw(alice)
    fill(raw, 12, BIG)
    raw.ok("SELECT INBOX")
    tag = raw.command("FETCH 1:* (BODY.PEEK[])")
    # Many intervals, with the output full.
    threading.Event().wait(1)
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK") and len([line for line in untagged if b" FETCH (" in line]) == 12
    check(notes(untagged), tag)


def test_idle_and_quick_commands_are_quiet(coid, alice):
    raw = coid.raw(alice, mailbox="INBOX")
    tag = raw.idle()
    assert raw.quiet(0.5) == []
    assert raw.done(tag)[1] == []
    assert not notes(raw.ok("NOOP") + raw.ok("CHECK"))
