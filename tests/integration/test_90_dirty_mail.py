"""Mail as it comes: broken headers, very long ones, multiparts that are none. Whoever looks at it sees the same message."""

import pytest

from fetchtext import fetch


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        raw.ok('SELECT "INBOX"')
        yield raw


def text(*lines):
    return "\r\n".join(lines).encode()


def put(raw, data):
    """Appends the message and returns its UID."""
    tagged = raw.append("INBOX", data)
    assert tagged.startswith(b"OK [APPENDUID"), tagged
    raw.ok("NOOP")
    return int(tagged.split()[3].rstrip(b"]"))


def readable(value):
    if isinstance(value, list):
        return [readable(v) for v in value]
    return value.decode() if isinstance(value, bytes) else value


def get(raw, uid, items):
    """The items; what is made of strings as text."""
    got = fetch(raw.ok(f"UID FETCH {uid} ({items})")[0])[1]
    return {name: value if "[" in name else readable(value) for name, value in got.items()}


def found(raw, key):
    return [int(n) for n in raw.ok(f"UID SEARCH {key}")[0].split()[2:]]


def subject(raw, uid):
    return get(raw, uid, "ENVELOPE")["ENVELOPE"][1]


MIXED = ("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b")
PARTS = ("", "--b", "", "the text", "--b", "Content-Type: application/zip; name=a.zip", "", "UEs=", "--b--", "")
LEADS = {
    "an mbox line in the middle": ("Return-Path: <a@x.test>", ">From a@x.test Mon Jan  1 10:00:00 2024"),
    "mbox lines on top": ("From a@x.test Mon Jan  1 10:00:00 2024", ">From a@x.test Mon Jan  1 10:00:00 2024"),
    "a line without a colon": ("X-First: 1", "this line says nothing"),
    "a value that is not indented": ("References: <a@b>", "<c@d>", "<e@f>"),
    "a name with a blank": ("X-First: 1", "X Second: 2"),
    "a name in 8 bits": ("X-First: 1", "Überschrift: 2"),
    "many of them": ("X-First: 1",) + 300 * ("no field at all", "  folded, too"),
}


@pytest.mark.parametrize("lead", LEADS.values(), ids=LEADS.keys())
def test_a_line_that_is_no_field_does_not_end_the_header(coid, alice, raw, lead):
    data = text(*lead, "From: Bob <bob@example.org>", "Subject: the real one", "Message-ID: <1@x>",
                "Date: Mon, 1 Jan 2024 10:00:00 +0000", *MIXED, *PARTS)
    head, body = data.split(b"\r\n\r\n", 1)
    with coid.lmtp() as lmtp:
        assert lmtp.deliver([alice], data)[alice][0] == 250
    raw.ok("NOOP")
    got = get(raw, 1, "ENVELOPE BODY BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[HEADER.FIELDS (SUBJECT)] PREVIEW")
    assert got["ENVELOPE"][1] == "the real one" and got["ENVELOPE"][2] == [["Bob", None, "bob", "example.org"]]
    assert [part[0] for part in got["BODY"][:2]] == ["text", "application"] and got["BODY"][-1] == "mixed"
    assert got["BODY[HEADER]"].endswith(head + b"\r\n\r\n") and got["BODY[TEXT]"] == body
    assert got["BODY[1]"] == b"the text" and got["PREVIEW"] == "the text"
    assert got["BODY[HEADER.FIELDS (SUBJECT)]"] == b"Subject: the real one\r\n\r\n"
    for key in ('SUBJECT "real"', 'FROM "bob"', 'HEADER "Message-ID" "1@x"', "SENTON 1-Jan-2024", 'TEXT "the real"'):
        assert found(raw, key) == [1], key
    assert found(raw, 'BODY "the real"') == []


def test_the_same_in_a_part(raw):
    zip_part = ("Content-Type: application/zip;", 'name="a.zip"', "Content-Transfer-Encoding: base64",
                "this line says nothing", "Content-Disposition: attachment;", 'filename="b.zip"', "", "UEsDBA==")
    uid = put(raw, text("Subject: x", *MIXED, "", "--b", "", "text", "--b", *zip_part, "--b--", ""))
    got = get(raw, uid, "BODYSTRUCTURE BODY.PEEK[2] BINARY.PEEK[2] BODY.PEEK[2.MIME]")
    part = got["BODYSTRUCTURE"][1]
    assert part[:6] == ["application", "zip", ["name", "a.zip"], None, None, "base64"]
    assert part[8] == ["attachment", ["filename", "b.zip"]]
    assert got["BODY[2]"] == b"UEsDBA==" and got["BINARY[2]"] == b"PK\x03\x04"
    assert got["BODY[2.MIME]"] == text(*zip_part[:-1]) + b"\r\n"


def test_where_a_header_without_an_empty_line_ends(raw):
    uid = put(raw, text("Subject: x", "Hello,", "no empty line here", ""))
    got = get(raw, uid, "BODY.PEEK[HEADER] BODY.PEEK[TEXT] PREVIEW")
    assert got == {"BODY[HEADER]": b"Subject: x\r\n", "BODY[TEXT]": b"Hello,\r\nno empty line here\r\n",
                   "PREVIEW": "Hello, no empty line here", "UID": uid}
    # A message that does not begin with a field has no header.
    uid = put(raw, text("Hello,", "Subject: x", "", "text"))
    assert get(raw, uid, "BODY.PEEK[HEADER] BODY.PEEK[TEXT]") == {
        "BODY[HEADER]": b"", "BODY[TEXT]": b"Hello,\r\nSubject: x\r\n\r\ntext", "UID": uid}


@pytest.mark.parametrize("lines", [
    ("Hello,", "Subject: x", "", "text"), ("From a Mon", "Hello,", "", "text"), (" Hello,", "you", "", "text")])
def test_the_text_of_a_message_without_a_header_is_no_part_of_the_trace(coid, alice, raw, lines):
    with coid.lmtp() as lmtp:
        assert lmtp.deliver([alice], text(*lines, ""))[alice][0] == 250
        assert lmtp.deliver([alice], text("", *lines, ""))[alice][0] == 250
    raw.ok("NOOP")
    for uid in (1, 2):
        got = get(raw, uid, "BODY.PEEK[HEADER] BODY.PEEK[TEXT] ENVELOPE")
        assert got["BODY[HEADER]"].startswith(b"Return-Path:") and got["BODY[HEADER]"].endswith(b"\r\n\r\n")
        assert got["BODY[TEXT]"] == text(*lines, "") and got["ENVELOPE"][1] is None


PEOPLE = ",\r\n ".join(f'"Person number {i}" <person.number.{i}@department.example.org>' for i in range(5000))


def test_a_very_long_header_is_understood(raw):
    lines = ("Received: from somewhere",) * 20000 + ("To: " + PEOPLE, "X-Line: " + 2000000 * "x", "From: a@b",
                                                     "Subject: behind them all", "References: <root@x>", "Message-ID: <2@x>")
    first = put(raw, text("Message-ID: <root@x>", "Subject: root", "", ""))
    uid = put(raw, text(*lines, *MIXED, "X-Last: needle in it", *PARTS))
    got = get(raw, uid, "ENVELOPE BODY BODY.PEEK[HEADER.FIELDS (SUBJECT X-LAST)] BODY.PEEK[HEADER.FIELDS (TO)]")
    assert got["ENVELOPE"][1] == "behind them all" and got["ENVELOPE"][9] == "<2@x>"
    assert len(got["ENVELOPE"][5]) == 5000 and got["ENVELOPE"][5][4999][2] == "person.number.4999"
    assert [part[0] for part in got["BODY"][:2]] == ["text", "application"]
    assert got["BODY[HEADER.FIELDS (SUBJECT X-LAST)]"] == b"Subject: behind them all\r\nX-Last: needle in it\r\n\r\n"
    assert got["BODY[HEADER.FIELDS (TO)]"] == b"To: " + PEOPLE.encode() + b"\r\n\r\n"
    for key in ('SUBJECT "behind them"', 'TO "number.4999@"', 'HEADER X-Last "needle"', 'TEXT "needle in it"',
                'TEXT "person number 4321"', 'TEXT "xxxxxxxx"'):
        assert found(raw, key) == [uid], key
    assert found(raw, 'BODY "needle in it"') == [] and found(raw, 'TEXT "not there"') == []
    assert raw.ok("UID THREAD REFERENCES UTF-8 ALL")[0] == b"* THREAD (%d %d)" % (first, uid)


def test_the_hundredth_part_is_understood(raw):
    lines = []
    for i in range(120):
        lines += ["--b"] + 500 * ["X-Nothing: of any interest to anybody"]
        lines += [f"Content-Type: image/x{i}; name=n{i}", "Content-Transfer-Encoding: base64", f"X-Mark: mark {i} here", "", "UEs="]
    uid = put(raw, text("Subject: x", *MIXED, "", *lines, "--b--", ""))
    got = get(raw, uid, "BODY BINARY.PEEK[120]")
    assert [part[:3] for part in got["BODY"][:120]] == [["image", f"x{i}", ["name", f"n{i}"]] for i in range(120)]
    assert got["BINARY[120]"] == b"PK"
    assert found(raw, 'BODY "mark 119 here"') == [uid]


@pytest.mark.parametrize("kind", ["multipart/mixed", 'multipart/alternative; boundary=""',
                                  "multipart/mixed; boundary=" + 300 * "b", "multipart/digest; charset=utf-8"])
def test_a_multipart_without_a_boundary_has_one_text(raw, kind):
    body = "--b\r\n\r\nsome text\r\n--b--\r\n"
    uid = put(raw, text("Subject: x", f"Content-Type: {kind}", "", body))
    got = get(raw, uid, "BODY BODY.PEEK[1] BODY.PEEK[TEXT] BINARY.SIZE[1] PREVIEW")
    subtype = kind.split("/")[1].split(";")[0]
    assert got["BODY"] == [["text", "plain", ["charset", "us-ascii"], None, None, "7bit", len(body), 4], subtype]
    assert got["BODY[1]"] == got["BODY[TEXT]"] == body.encode() and got["BINARY.SIZE[1]"] == len(body)
    assert "some text" in got["PREVIEW"] and found(raw, 'BODY "some text"') == [uid]
    # The same holds for a part.
    uid = put(raw, text("Subject: x", *MIXED, "", "--b", f"Content-Type: {kind}", "", "inner", "--b--", ""))
    got = get(raw, uid, "BODY BODY.PEEK[1.1] BODY.PEEK[1]")
    assert got["BODY"][0] == [["text", "plain", ["charset", "us-ascii"], None, None, "7bit", 5, 0], subtype]
    assert got["BODY[1.1]"] == got["BODY[1]"] == b"inner"


def test_parts_beyond_the_depth_are_one_text(raw):
    data = text("Subject: x")
    for i in range(60):
        data += text("", f"Content-Type: multipart/mixed; boundary=b{i}", "", f"--b{i}")
    uid = put(raw, data + b"\r\n\r\ndeep\r\n")
    structure = get(raw, uid, "BODY")["BODY"]
    for _ in range(50):
        assert structure[1] == "mixed"
        structure = structure[0]
    assert structure[:2] == ["text", "plain"]


def test_a_quoted_token_is_a_token(raw):
    uid = put(raw, text("Subject: x", 'Content-Type: "text/html"; charset=utf-8', 'Content-Transfer-Encoding: "base64"',
                        'Content-Disposition: "attachment"; filename=x', "", "PGI+"))
    got = get(raw, uid, "BODYSTRUCTURE BINARY.PEEK[1]")
    assert got["BODYSTRUCTURE"][:2] == ["text", "html"] and got["BODYSTRUCTURE"][9] == ["attachment", ["filename", "x"]]
    assert got["BODYSTRUCTURE"][5] == "base64" and got["BINARY[1]"] == b"<b>"


FROM = {
    "user-from (comment)@ (comment) domain.org": "user-from@domain.org",
    "user-from @ domain . org": "user-from@domain.org",
    '"user from"@domain.org': "user from@domain.org",
    "<@route.org,@other.org:user-from@domain.org>": "<user-from@domain.org>",
    '"Real" (x) "Name" <a@domain.org>': "real name <a@domain.org>",
    "a@domain.org (Real Name)": "real name <a@domain.org>",
    '"Real  \\"Name" <a@domain.org>': 'Real  "Name <a@',
    "=?utf-8?q?J=C3=B6rg?= (x) <a@domain.org>": "jörg <a@domain.org>",
}


@pytest.mark.parametrize("key", ["FROM", "TO", "CC", "BCC"])
def test_addresses_are_found_as_envelope_shows_them(raw, key):
    uids = {value: put(raw, text("Subject: x", f"{key.title()}: {value}", "", "")) for value in FROM}
    other = put(raw, text("Subject: user-from@domain.org real name", "X-From: user-from@domain.org", "", ""))
    for value, needle in FROM.items():
        tagged, untagged = raw.cmd(f"UID SEARCH CHARSET UTF-8 {key} ".encode() + b"{%d+}\r\n" % len(needle.encode()) + needle.encode())
        assert tagged.startswith(b"OK")
        got = [int(n) for n in untagged[0].split()[2:]]
        assert uids[value] in got and other not in got, (value, needle, got)
        if key == "FROM":
            without = raw.cmd(b"UID SEARCH CHARSET UTF-8 NOT FROM {%d+}\r\n" % len(needle.encode()) + needle.encode())[1]
            assert sorted(got + [int(n) for n in without[0].split()[2:]]) == sorted([*uids.values(), other])
    # The text as it is written is found as before.
    assert found(raw, f'{key} "user-from (comment)@ (comment) domain"') == [uids["user-from (comment)@ (comment) domain.org"]]


@pytest.mark.parametrize("charset, octets", [("utf8", "schön".encode()), ("ISO-8859-1", "schön".encode("latin-1")),
                                             ("iso_8859-15", "schön".encode("latin-1")), ("windows-1252", "schön".encode("latin-1"))])
def test_search_in_other_charsets(raw, charset, octets):
    uid = put(raw, text("Subject: =?utf-8?q?sch=C3=B6n?=", "Content-Type: text/plain; charset=" + charset,
                        "Content-Transfer-Encoding: 8bit", "", "").strip() + b"\r\n\r\n" + octets + b"\r\n")
    literal = b"{%d+}\r\n" % len(octets) + octets
    for key in (b"SUBJECT ", b"BODY ", b"TEXT "):
        assert raw.cmd(b"UID SEARCH CHARSET " + charset.encode() + b" " + key + literal)[1] == [b"* SEARCH %d" % uid]
    assert raw.cmd(b"UID SORT (SUBJECT) " + charset.encode() + b" SUBJECT " + literal)[1] == [b"* SORT %d" % uid]
    raw.no("UID SEARCH CHARSET X-NONE ALL", "BADCHARSET")


def test_search_in_east_asian_and_cyrillic_charsets(raw):
    words = {"KOI8-R": "тест", "GBK": "中文", "gb2312": "中文", "Big5": "中文", "Shift_JIS": "日本", "EUC-KR": "한국", "windows-1251": "тест"}
    for charset, word in words.items():
        octets = word.encode(charset)
        uid = put(raw, text(f"Subject: {charset}", f"Content-Type: text/plain; charset={charset}", "", "") + octets)
        tagged, untagged = raw.cmd(b"UID SEARCH CHARSET %s SUBJECT %s BODY {%d+}\r\n%s" % (
            charset.encode(), charset.encode(), len(octets), octets))
        assert tagged.startswith(b"OK") and untagged == [b"* SEARCH %d" % uid], charset


BARE = b"Subject: x\nTo: a@b\n\tc@d\n\n\nline\r\nline\n\rx\n"
WHOLE = b"Subject: x\r\nTo: a@b\r\n\tc@d\r\n\r\n\r\nline\r\nline\r\n\rx\r\n"


def served(raw, uid):
    got = get(raw, uid, "RFC822.SIZE BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[HEADER.FIELDS (TO)] BODY "
              "BINARY.PEEK[1] BINARY.SIZE[1]")
    assert got["RFC822.SIZE"] == len(got["BODY[]"]) and got["BODY[]"] == got["BODY[HEADER]"] + got["BODY[TEXT]"]
    assert got["BODY[HEADER.FIELDS (TO)]"] == b"To: a@b\r\n\tc@d\r\n\r\n"
    assert got["BODY"][6] == len(got["BODY[TEXT]"]) == got["BINARY.SIZE[1]"] and got["BINARY[1]"] == got["BODY[TEXT]"]
    return got["BODY[]"]


def test_bare_line_feeds_are_served_as_line_ends(coid, alice, raw):
    assert served(raw, put(raw, BARE)) == WHOLE
    # Wherever the bytes are cut on their way.
    tag = raw.tag()
    raw.send(tag + b' APPEND "INBOX" {%d+}\r\n' % len(BARE))
    raw.send_slowly(BARE + b"\r\n")
    assert raw.until(tag)[0].startswith(b"OK")
    assert served(raw, 2) == WHOLE
    # A large one, beyond what stays in memory.
    large = BARE + 200000 * b"some text\n"
    assert served(raw, put(raw, large)) == WHOLE + 200000 * b"some text\r\n"
    with coid.lmtp() as lmtp:
        assert lmtp.deliver([alice], BARE)[alice][0] == 250
    raw.ok("NOOP")
    assert get(raw, 4, "BODY.PEEK[]")["BODY[]"].endswith(WHOLE + b"\r\n")


def test_a_literal8_and_catenate_keep_what_they_bring(raw):
    tag = raw.tag()
    raw.send(tag + b' APPEND "INBOX" ~{%d+}\r\n' % len(BARE) + BARE + b"\r\n")
    assert raw.until(tag)[0].startswith(b"OK")
    raw.ok("NOOP")
    assert get(raw, 1, "BODY.PEEK[] RFC822.SIZE") == {"BODY[]": BARE, "RFC822.SIZE": len(BARE), "UID": 1}
    tag = raw.tag()
    raw.send(tag + b' APPEND "INBOX" CATENATE (TEXT {%d+}\r\n' % len(BARE) + BARE +
             b" URL \"/INBOX/;UID=1/;SECTION=TEXT\" TEXT {2+}\r\n\n\n)\r\n")
    assert raw.until(tag)[0].startswith(b"OK")
    raw.ok("NOOP")
    assert get(raw, 2, "BODY.PEEK[]")["BODY[]"] == WHOLE + b"\nline\r\nline\n\rx\n" + b"\r\n\r\n"


def test_the_same_recipient_twice_gets_one_copy(coid, alice, raw):
    raw.ok("CREATE Lists")
    with coid.lmtp() as lmtp:
        lmtp.send("MAIL FROM:<s@example.net>\r\n" + 3 * f"RCPT TO:<{alice}>\r\n" + f"RCPT TO:<{alice.upper()}>\r\n"
                  + 2 * f"RCPT TO:<{alice.replace('@', '+Lists@')}>\r\n" + "DATA\r\n")
        codes = [lmtp.reply()[0] for _ in range(8)]
        assert codes == 7 * [250] + [354]
        lmtp.send("Subject: once\r\n\r\nbody\r\n.\r\n")
        assert [lmtp.reply()[0] for _ in range(6)] == 6 * [250]
        assert lmtp.cmd("NOOP")[0] == 250
    assert b'* STATUS "INBOX" (MESSAGES 1)' in raw.ok("STATUS INBOX (MESSAGES)")
    assert b'* STATUS "Lists" (MESSAGES 1)' in raw.ok("STATUS Lists (MESSAGES)")


def test_blanks_at_the_end_of_quoted_printable_lines_are_none(raw):
    body = b"one \t \r\ntwo  =\r\n three=20 \r\nfour \t" + 20000 * b" " + b" \t\r\nsix =" + 5000 * b" " + b"\r\nfive   "
    uid = put(raw, text("Subject: x", "Content-Type: text/plain", "Content-Transfer-Encoding: quoted-printable", "", "") + body)
    decoded = b"one\r\ntwo   three \r\nfour\r\nsix five"
    got = get(raw, uid, "BINARY.PEEK[1] BINARY.SIZE[1]")
    assert got == {"BINARY[1]": decoded, "BINARY.SIZE[1]": len(decoded), "UID": uid}
