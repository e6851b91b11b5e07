"""BINARY (RFC 3516): decoded parts, their sizes, literals with NUL both ways."""

import base64
import quopri
import random

import pytest

from coid import message
from fetchtext import fetch, fetch_all

BOUNDARY = b"=_frontier"


def quoted_printable(data):
    lines = [data[at:at + 24] for at in range(0, len(data), 24)]
    return b"=\r\n".join(b"".join(b"=%02X" % byte for byte in line) for line in lines)


def part(data, encoding="7bit", kind="application/octet-stream"):
    coded = data
    if encoding == "base64":
        coded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable" and kind == "text/plain":
        coded = quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        coded = quoted_printable(data)
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + coded


def mixed(*parts):
    head = b"From: a@example.org\r\nSubject: parts\r\nMIME-Version: 1.0\r\n"
    head += b'Content-Type: multipart/mixed; boundary="' + BOUNDARY + b'"\r\n\r\npreamble'
    return head + b"".join(b"\r\n--" + BOUNDARY + b"\r\n" + p for p in parts) + b"\r\n--" + BOUNDARY + b"--\r\n"


def binary_append(raw, data, mailbox="INBOX", nonsync=True, options=b""):
    tag = raw.tag()
    raw.send(tag + b' APPEND "%s" %s~{%d%s}\r\n' % (mailbox.encode(), options, len(data), b"+" if nonsync else b""))
    if not nonsync:
        answer = raw.response()
        if not answer.startswith(b"+"):
            return answer[len(tag) + 1:]
    raw.send(data + b"\r\n")
    return raw.until(tag)[0]


def item(raw, number, name):
    return fetch(raw.ok(f"FETCH {number} {name}")[0])[1]


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        raw.ok('SELECT "INBOX"')
        yield raw


TEXT = "Grüße =\r\n trailing  \r\nend\r\n".encode()
BYTES = bytes(range(256)) * 20
NO_NUL = bytes(range(1, 256)) * 20


def test_parts_are_decoded(raw):
    assert b"BINARY" in raw.ok("CAPABILITY")[0].split()
    raw.append("INBOX", mixed(part(b"plain text\r\n", "7bit", "text/plain"), part(NO_NUL, "base64"),
                              part(TEXT, "quoted-printable", "text/plain")))
    raw.ok("NOOP")
    got = item(raw, 1, "(BINARY.PEEK[1] BINARY.PEEK[2] BINARY.PEEK[3] BINARY.SIZE[1] BINARY.SIZE[2] BINARY.SIZE[3] UID)")
    assert got == {"BINARY[1]": b"plain text\r\n", "BINARY[2]": NO_NUL, "BINARY[3]": TEXT, "BINARY.SIZE[1]": 12,
                   "BINARY.SIZE[2]": len(NO_NUL), "BINARY.SIZE[3]": len(TEXT), "UID": 1}


def test_the_form_of_the_literal_tells_nul(raw):
    raw.append("INBOX", mixed(part(BYTES, "base64"), part(NO_NUL, "base64"), part(b"", "base64")))
    raw.ok("NOOP")
    assert b"BINARY[1] ~{5120}\r\n" + BYTES in raw.ok("FETCH 1 BINARY.PEEK[1]")[0]
    assert b"BINARY[2] {5100}\r\n" + NO_NUL in raw.ok("FETCH 1 BINARY.PEEK[2]")[0]
    # Partial fetches count the octets that are sent.
    assert b"BINARY[1]<1> {10}\r\n" + BYTES[1:11] in raw.ok("FETCH 1 BINARY.PEEK[1]<1.10>")[0]
    assert b"BINARY[1]<255> ~{2}\r\n\xff\x00" in raw.ok("FETCH 1 BINARY.PEEK[1]<255.2>")[0]
    assert item(raw, 1, "BINARY.PEEK[3]") == {"BINARY[3]": b""}
    assert item(raw, 1, "BINARY.SIZE[3]") == {"BINARY.SIZE[3]": 0}


def test_partial_counts_decoded_octets(raw):
    data = random.Random(1).randbytes(300000)
    raw.append("INBOX", mixed(part(data, "base64")))
    raw.ok("NOOP")
    for offset, length in ((0, 1), (0, 57), (1000, 70000), (65535, 2), (299999, 5), (300000, 5), (4000000000, 4294967295)):
        got = item(raw, 1, f"BINARY.PEEK[1]<{offset}.{length}>")
        assert got == {f"BINARY[1]<{offset}>": data[offset:offset + length]}
    pieces = b"".join(item(raw, 1, f"BINARY.PEEK[1]<{at}.65536>")[f"BINARY[1]<{at}>"] for at in range(0, 300000, 65536))
    assert pieces == data


def test_seen(coid, alice, raw):
    raw.append("INBOX", mixed(part(b"x", "7bit")))
    with coid.raw(alice, mailbox="INBOX") as other:
        raw.ok("FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1])")
        assert b"\\Seen" not in item(raw, 1, "FLAGS")["FLAGS"]
        got = item(raw, 1, "BINARY[1]")
        assert got["BINARY[1]"] == b"x" and b"\\Seen" in got["FLAGS"]
        assert b"\\Seen" in fetch(other.ok("NOOP")[-1])[1]["FLAGS"]
        other.ok('EXAMINE "INBOX"')
        raw.ok("STORE 1 FLAGS.SILENT ()")
        other.ok("NOOP")
        assert "FLAGS" not in item(other, 1, "BINARY[1]")


def test_whole_messages_and_multiparts_are_not_decoded(raw):
    inner = mixed(part(b"inner", "base64"))
    data = mixed(part(inner, "7bit", "message/rfc822"), part(b"second", "base64"))
    raw.append("INBOX", data)
    raw.append("INBOX", part(b"only one", "base64", "text/plain"))
    raw.ok("NOOP")
    assert item(raw, 1, "BINARY.PEEK[]") == {"BINARY[]": data}
    assert item(raw, 1, "(BINARY.PEEK[]<5.10> BINARY.SIZE[])") == {"BINARY[]<5>": data[5:15], "BINARY.SIZE[]": len(data)}
    assert item(raw, 1, "BINARY.PEEK[1]")["BINARY[1]"] == item(raw, 1, "BODY.PEEK[1]")["BODY[1]"] == inner
    assert item(raw, 1, "BINARY.PEEK[1.1]") == {"BINARY[1.1]": b"inner"}
    assert item(raw, 2, "BINARY.PEEK[1]") == {"BINARY[1]": b"only one"}


def test_parts_that_are_not_there(raw):
    raw.append("INBOX", mixed(part(b"x")))
    raw.ok("NOOP")
    assert item(raw, 1, "(BINARY.PEEK[2] BINARY.SIZE[2] BINARY.PEEK[1.1])") == {
        "BINARY[2]": None, "BINARY.SIZE[2]": 0, "BINARY[1.1]": None}


def test_an_unknown_encoding(coid, alice, raw):
    raw.append("INBOX", mixed(part(b"x", "base64"), part(b"y", "x-uuencode")))
    raw.append("INBOX", mixed(part(b"z", "base64"), part(b"w", "base64")))
    raw.append("INBOX", mixed(part(b"L" * 600000, "7bit"), part(b"y", "x-unknown")))
    raw.ok("NOOP")
    raw.no("FETCH 1 BINARY.PEEK[2]", "UNKNOWN-CTE")
    raw.no("FETCH 1 BINARY.SIZE[2]", "UNKNOWN-CTE")
    raw.no("UID FETCH 1 (FLAGS BINARY.PEEK[1] BINARY.PEEK[2])", "UNKNOWN-CTE")
    assert item(raw, 1, "BINARY.PEEK[1]") == {"BINARY[1]": b"x"}
    # Others are answered, and what is known before a long literal is not found out behind it.
    tagged, untagged = raw.cmd("FETCH 1:3 (BODY.PEEK[1] BINARY.PEEK[2])")
    assert tagged.startswith(b"NO [UNKNOWN-CTE]") and set(fetch_all(untagged)) == {2}
    raw.ok("NOOP")
    # The part is returned as it is stored.
    assert item(raw, 1, "BODY.PEEK[2]") == {"BODY[2]": b"y"}


def test_broken_encodings_give_what_can_be_read(raw):
    raw.append("INBOX", mixed(b"Content-Transfer-Encoding: base64\r\n\r\nQUJD!!REVG",
                              b"Content-Transfer-Encoding: quoted-printable\r\n\r\na=ZZb=", b"\r\nQQ="))
    raw.ok("NOOP")
    got = item(raw, 1, "(BINARY.PEEK[1] BINARY.SIZE[1] BINARY.PEEK[2] BINARY.SIZE[2])")
    assert got["BINARY[1]"] == b"ABCDEF" and got["BINARY.SIZE[1]"] == 6
    assert len(got["BINARY[2]"]) == got["BINARY.SIZE[2]"]


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_large_parts_in_slices_while_others_work(coid, alice, raw, encoding):
    data = random.Random(2).randbytes(3000000)
    raw.append("INBOX", mixed(part(data, encoding), part(b"small", "base64")))
    raw.ok("NOOP")
    with coid.raw(alice, mailbox="INBOX") as other:
        tag = raw.command("FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BINARY.PEEK[2])")
        other.ok("STORE 1 +FLAGS (\\Flagged)")
        other.append("INBOX", message())
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"OK")
        got = fetch(untagged[0])[1]
        assert got == {"BINARY.SIZE[1]": len(data), "BINARY[1]": data, "BINARY[2]": b"small"}
        # The message goes while it is sent.
        tag = raw.command("FETCH 1 BINARY.PEEK[1]")
        other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        assert fetch(raw.until(tag)[1][0])[1] in ({"BINARY[1]": data}, {})


def test_wrong_requests(raw):
    raw.append("INBOX", message())
    raw.ok("NOOP")
    for text in ("BINARY", "BINARY[1", "BINARY[1.]", "BINARY[0]", "BINARY[HEADER]", "BINARY[1.MIME]", "BINARY[TEXT]",
                 "BINARY.SIZE[1]<0.1>", "BINARY.SIZE", "BINARY.PEEK", "BINARY[1]<0>", "BINARY[1]<0.0>", "BINARY.FOO[1]"):
        raw.bad(f"FETCH 1 {text}")


# -- APPEND -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonsync", [True, False])
@pytest.mark.parametrize("size", [100, 500000])
def test_a_binary_part_comes_back_as_it_was(raw, nonsync, size):
    data = random.Random(size).randbytes(size - 1) + b"\0"
    assert binary_append(raw, mixed(part(b"text\r\n", "7bit", "text/plain"), part(data, "binary"),
                                    part(b"\0\1\2", "binary")), nonsync=nonsync).startswith(b"OK [APPENDUID ")
    raw.ok("NOOP")
    got = item(raw, 1, "(BINARY.PEEK[1] BINARY.PEEK[2] BINARY.PEEK[3] BINARY.SIZE[2])")
    assert got["BINARY[1]"] == b"text\r\n" and got["BINARY[2]"] == data and got["BINARY[3]"] == b"\0\1\2"
    assert got["BINARY.SIZE[2]"] == size
    # A part that can't be sent in a literal is declared, and sent, in another encoding.
    structure = item(raw, 1, "BODYSTRUCTURE")["BODYSTRUCTURE"]
    assert [p[5].lower() for p in structure[:3]] == [b"7bit", b"base64", b"base64"]
    body = item(raw, 1, "BODY.PEEK[2]")["BODY[2]"]
    assert base64.b64decode(body) == data and max(map(len, body.split(b"\r\n"))) == 76
    whole = item(raw, 1, "(BODY.PEEK[] RFC822.SIZE)")
    assert b"\0" not in whole["BODY[]"] and len(whole["BODY[]"]) == whole["RFC822.SIZE"]
    assert whole["BODY[]"].count(b"\r\n--" + BOUNDARY) == 4


def test_a_message_of_one_binary_part(raw):
    data = b"Subject: x\r\nContent-Transfer-Encoding:\r\n  Binary \r\nX-After: y\r\n\r\na\0b"
    assert binary_append(raw, data).startswith(b"OK")
    raw.ok("NOOP")
    got = item(raw, 1, "(BINARY.PEEK[1] BODY.PEEK[])")
    assert got["BINARY[1]"] == b"a\0b"
    assert got["BODY[]"] == b"Subject: x\r\nContent-Transfer-Encoding: base64\r\nX-After: y\r\n\r\nYQBi\r\n"


def test_what_needs_no_change_is_kept(raw):
    data = mixed(part(b"\xff\xfe without", "binary"), part(b"8bit \xc3\xa4", "8bit"))
    assert binary_append(raw, data).startswith(b"OK")
    assert binary_append(raw, message(), options=b'(\\Seen) "17-Jul-1996 02:44:25 -0700" ').startswith(b"OK")
    raw.ok("NOOP")
    assert item(raw, 1, "BODY.PEEK[]") == {"BODY[]": data}
    assert item(raw, 2, "(FLAGS INTERNALDATE)")["INTERNALDATE"] == b"17-Jul-1996 02:44:25 -0700"


@pytest.mark.parametrize("nonsync", [True, False])
def test_nul_outside_a_binary_part_is_kept_as_it_came(raw, nonsync):
    messages = [mixed(part(b"a\0b", "8bit")), b"Subject: a\0b\r\n\r\nx", mixed(b"Content-Transfer-Encoding: base64\r\n\r\n\0")]
    for data in messages:
        assert binary_append(raw, data, nonsync=nonsync).startswith(b"OK")
        # The same octets in an ordinary literal.
        assert raw.append("INBOX", data).startswith(b"OK")
    raw.ok("NOOP")
    for number, data in enumerate(messages):
        for n in (2 * number + 1, 2 * number + 2):
            assert item(raw, n, "BINARY.PEEK[]") == {"BINARY[]": data}
            assert item(raw, n, "(BODY.PEEK[] RFC822.SIZE)") == {"BODY[]": data.replace(b"\0", b"\x80"), "RFC822.SIZE": len(data)}
    assert item(raw, 1, "BINARY.PEEK[1]") == {"BINARY[1]": b"a\0b"}
    # If a message has parts of both kinds, only the binary part gets another encoding.
    assert binary_append(raw, mixed(part(b"fine\0", "binary"), part(b"not\0", "7bit")), nonsync=nonsync).startswith(b"OK")
    raw.ok("NOOP")
    assert item(raw, 7, "(BINARY.PEEK[1] BINARY.PEEK[2])") == {"BINARY[1]": b"fine\0", "BINARY[2]": b"not\0"}
    assert item(raw, 7, "BODY.PEEK[1]")["BODY[1]"] == base64.b64encode(b"fine\0") + b"\r\n"


def test_several_messages_some_of_them_binary(raw):
    one, two, three = (mixed(part(bytes([i, 0, i]), "binary")) for i in (1, 2, 3))
    tag = raw.tag()
    raw.send(tag + b" APPEND INBOX ~{%d+}\r\n%s (\\Seen) {%d+}\r\n%s ~{%d+}\r\n%s ~{%d+}\r\n%s\r\n" % (
        len(one), one, len(message()), message(), len(two), two, len(three), three))
    assert b" 1:4] " in raw.until(tag)[0]
    raw.ok("NOOP")
    assert item(raw, 1, "BINARY.PEEK[1]")["BINARY[1]"] == b"\1\0\1"
    assert item(raw, 2, "BODY.PEEK[]")["BODY[]"] == message()
    assert item(raw, 3, "BINARY.PEEK[1]")["BINARY[1]"] == b"\2\0\2"
    assert item(raw, 4, "BINARY.PEEK[1]")["BINARY[1]"] == b"\3\0\3"


def test_a_client_that_vanishes_while_its_message_is_encoded(coid, alice, raw):
    data = mixed(part(b"\0" * 2000000, "binary"))
    other = coid.raw(alice)
    other.send(b"a APPEND INBOX ~{%d+}\r\n" % len(data) + data + b"\r\n")
    other.close()
    raw.ok("NOOP")
    assert binary_append(raw, mixed(part(b"\0", "binary"))).startswith(b"OK")


def test_the_limit_counts_what_is_stored(make_coid):
    coid = make_coid()
    with coid.raw(coid.add_user("alice@example.org")) as raw:
        limit = int(next(w for w in raw.ok("CAPABILITY")[0].split() if w.startswith(b"APPENDLIMIT=")).split(b"=")[1])
        tag = raw.tag()
        raw.send(tag + b" APPEND INBOX ~{%d}\r\n" % (limit + 1))
        assert raw.until(tag)[0].startswith(b"NO [TOOBIG]")
