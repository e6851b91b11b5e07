"""FETCH compared with Python's email package over many generated messages, and with itself over broken ones."""

import email
import email.policy
import email.utils
import os
import re

import pytest

import messages
from fetchtext import fetch_all

COUNT = int(os.environ.get("COID_FETCH_COUNT", "240"))
SEEDS = [int(seed) for seed in os.environ.get("COID_FETCH_SEEDS", "1,2").split(",")]
ITEMS = "(UID RFC822.SIZE BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] RFC822.HEADER ENVELOPE BODY BODYSTRUCTURE " \
        "BODY.PEEK[HEADER.FIELDS (Subject X-Folded From)] BODY.PEEK[HEADER.FIELDS.NOT (Subject X-Folded From)] " \
        "BODY.PEEK[]<7.100>)"


def is_multipart(structure):
    return isinstance(structure[0], list)


def is_message(structure):
    return structure[0].lower() == b"message" and structure[1].lower() in (b"rfc822", b"global")


def parts(structure, path=()):
    """(path, structure) of the parts below a root body structure."""
    if not is_multipart(structure):
        yield from below((*path, 1), structure)
        return
    for i, child in enumerate([s for s in structure if isinstance(s, list)][:children(structure)], 1):
        yield from below((*path, i), child)


def children(structure):
    count = 0
    while count < len(structure) and isinstance(structure[count], list):
        count += 1
    return count


def below(path, structure):
    yield path, structure
    if is_multipart(structure):
        for i, child in enumerate(structure[:children(structure)], 1):
            yield from below((*path, i), child)
    elif is_message(structure):
        yield from parts(structure[8], path)


def section(path):
    return ".".join(str(n) for n in path)


def python_parts(message, path=()):
    """The same walk over Python's tree; message is the root of a message."""
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for i, child in enumerate(message.get_payload(), 1):
            yield from python_below((*path, i), child)
    else:
        yield from python_below((*path, 1), message)


def python_below(path, part):
    yield path, part
    if not part.is_multipart():
        return
    if part.get_content_maintype() == "multipart":
        for i, child in enumerate(part.get_payload(), 1):
            yield from python_below((*path, i), child)
    else:
        yield from python_parts(part.get_payload(0), path)


def payload(part):
    """The undecoded bytes: get_payload() would decode 8-bit text."""
    return part._payload.encode("ascii", "surrogateescape")


def unfold(value):
    return re.sub(r"\r?\n", "", value).strip()


def raw_value(message, name):
    value = message.get(name)
    return None if value is None else unfold(str(value).encode("ascii", "surrogateescape").decode("latin-1")).encode("latin-1")


def addresses(message, name):
    value = raw_value(message, name)
    out = []
    for display, address in email.utils.getaddresses([value.decode("latin-1")]) if value else []:
        local, _, domain = address.rpartition("@")
        if local.startswith('"'):
            local = local[1:-1]
        out.append([display.encode() or None, None, local.encode(), domain.encode()])
    return out or None


def fields_of(header):
    return [field for field in re.split(rb"(?<=\r\n)(?=[^ \t\r\n])", header[:-2]) if field]


def named(fields, names, negate=False):
    return b"".join(f for f in fields if (f.split(b":")[0].lower() in names) != negate) + b"\r\n"


def check_whole(made, got):
    expected = made.bytes.replace(b"\0", b"\x80")
    assert got["RFC822.SIZE"] == len(expected)
    assert got["BODY[]"] == expected
    assert got["BODY[HEADER]"] + got["BODY[TEXT]"] == expected
    assert got["RFC822.HEADER"] == got["BODY[HEADER]"]
    assert got["BODY[]<7>"] == expected[7:107]
    assert len(got["ENVELOPE"]) == 10


def check_structure(got, raw, number):
    """Every part of the structure can be fetched and has the size that the structure says."""
    structure = got["BODYSTRUCTURE"]
    listed = list(parts(structure))
    asked = " ".join(f"BODY.PEEK[{section(path)}]" for path, _ in listed[:60])
    contents = fetch_all(raw.ok(f"FETCH {number} ({asked})"))[number]
    for path, part in listed[:60]:
        content = contents[f"BODY[{section(path)}]"]
        if content is None:
            # Below the depth limit the structure shows an empty text that no part is behind.
            assert part[0] == b"text" and part[6] == 0, path
            continue
        assert content in got["BODY[]"]
        if not is_multipart(part):
            assert part[6] == len(content), (path, part)
            if part[0].lower() == b"text":
                assert part[7] == content.count(b"\n"), (path, part)
            if is_message(part):
                assert part[9] == content.count(b"\n"), (path, part)
    return dict(listed), contents


def check_email(made, got, listed, contents):
    message = email.message_from_bytes(made.bytes, policy=email.policy.compat32)
    fields = fields_of(got["BODY[HEADER]"])
    names = {b"subject", b"x-folded", b"from"}
    assert got["BODY[HEADER.FIELDS (Subject X-Folded From)]"] == named(fields, names)
    assert got["BODY[HEADER.FIELDS.NOT (Subject X-Folded From)]"] == named(fields, names, negate=True)
    assert len(fields) == len(message.items())
    check_envelope(message, got["ENVELOPE"])
    found = dict(python_parts(message))
    assert list(found) == list(listed)
    for path, part in found.items():
        if section(path) and f"BODY[{section(path)}]" in contents:
            check_part(part, listed[path], contents[f"BODY[{section(path)}]"])


def check_envelope(message, envelope):
    for at, name in [(0, "Date"), (1, "Subject"), (8, "In-Reply-To"), (9, "Message-ID")]:
        assert envelope[at] == raw_value(message, name), name
    sender = addresses(message, "From")
    assert envelope[2] == sender
    assert envelope[3] == (addresses(message, "Sender") or sender)
    assert envelope[4] == (addresses(message, "Reply-To") or sender)
    assert envelope[5] == addresses(message, "To")
    assert envelope[6] == addresses(message, "Cc")
    assert envelope[7] is None


def check_part(part, structure, content):
    if is_multipart(structure):
        assert part.get_content_maintype() == "multipart"
        count = children(structure)
        assert len(part.get_payload()) == count
        assert structure[count].lower().decode() == part.get_content_subtype()
        return
    assert f"{structure[0].decode()}/{structure[1].decode()}".lower() == part.get_content_type()
    if part.get("Content-Type"):
        params = structure[2] or []
        assert {params[i].lower().decode(): params[i + 1].decode() for i in range(0, len(params), 2)} == \
            {name.lower(): value for name, value in part.get_params()[1:]}
    else:
        assert structure[2] == [b"charset", b"us-ascii"]
    assert structure[3] == raw_value(part, "Content-ID")
    assert structure[4] == raw_value(part, "Content-Description")
    assert structure[5].lower() == (raw_value(part, "Content-Transfer-Encoding") or b"7bit").lower()
    if is_message(structure):
        inner = email.message_from_bytes(content, policy=email.policy.compat32)
        assert inner.items() == part.get_payload(0).items()
        check_envelope(inner, structure[7])
    else:
        assert content == payload(part)
    disposition = part.get("Content-Disposition")
    first = {"text": 8}.get(part.get_content_maintype(), 10 if is_message(structure) else 7)
    extension = structure[first:]
    assert (extension[1][0].decode() if extension[1] else None) == (disposition.split(";")[0] if disposition else None)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_generated_messages(coid, alice, seed):
    made = messages.make(seed, COUNT)
    with coid.raw(alice) as raw:
        raw.ok("ENABLE UTF8=ACCEPT")  # else headers with 8-bit octets are refused
        for message in made:
            assert raw.append("INBOX", message.bytes).startswith(b"OK"), message.kind
            # A bare LF is stored and served as CRLF.
            message.bytes = re.sub(rb"(?<!\r)\n", b"\r\n", message.bytes)
        raw.ok('SELECT "INBOX"')
        got = fetch_all(raw.ok(f"FETCH 1:* {ITEMS}"))
        assert len(got) == len(made)
        for number, message in enumerate(made, 1):
            try:
                check_whole(message, got[number])
                listed, contents = check_structure(got[number], raw, number)
                if message.sound:
                    check_email(message, got[number], listed, contents)
            except AssertionError as error:
                raise AssertionError(f"seed {seed} message {number} ({message.kind}):\n{message.bytes[:3000]!r}\n"
                                     f"{got[number]['BODYSTRUCTURE']}\n{error}") from error


@pytest.mark.timeout(300)
def test_what_was_stored_survives_a_restart_and_a_copy(coid, alice):
    made = messages.make(7, 60)
    with coid.raw(alice) as raw:
        raw.ok("ENABLE UTF8=ACCEPT")  # else headers with 8-bit octets are refused
        for message in made:
            assert raw.append("INBOX", message.bytes).startswith(b"OK")
        raw.ok('SELECT "INBOX"')
        before = fetch_all(raw.ok(f"FETCH 1:* {ITEMS}"))
        raw.ok('CREATE "Copies"')
        raw.ok('COPY 1:* "Copies"')
    coid.restart()
    with coid.raw(alice, mailbox="INBOX") as raw:
        assert fetch_all(raw.ok(f"FETCH 1:* {ITEMS}")) == before
        raw.ok('SELECT "Copies"')
        assert fetch_all(raw.ok(f"FETCH 1:* {ITEMS}")) == before
