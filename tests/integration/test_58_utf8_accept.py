"""UTF8=ACCEPT (RFC 6855): UTF-8 in mailbox names and quoted strings, APPEND of UTF-8 headers; old and new clients at once."""

import base64

import pytest

from coid import PASSWORD, message
from fetchtext import fetch

NAME = "Bücher/Übersicht & mehr"
QUOTED = f'"{NAME}"'.encode()
OLD = b'"B&APw-cher/&ANw-bersicht &- mehr"'


@pytest.fixture
def old(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


@pytest.fixture
def new(coid, alice):
    with coid.raw(alice) as raw:
        assert raw.ok("ENABLE UTF8=ACCEPT") == [b"* ENABLED UTF8=ACCEPT"]
        yield raw


def starting(lines, what):
    return [line for line in lines if line.startswith(what)]


def names(lines):
    return [line.split(b' "/" ', 1)[1] for line in lines]


def test_it_is_announced_but_not_demanded(coid, alice, old):
    for answer in (old.ok("CAPABILITY")[0], coid.raw().greeting_line):
        assert b" UTF8=ACCEPT" in answer
        assert b"UTF8=ONLY" not in answer
    assert old.ok("ENABLE UTF8=ONLY") == [b"* ENABLED"]
    assert old.ok("ENABLE utf8=accept CONDSTORE") == [b"* ENABLED CONDSTORE UTF8=ACCEPT"]


def test_every_answer_with_a_name_is_in_utf8_for_whoever_asked_for_it(new, old):
    new.ok(b"CREATE " + QUOTED)
    new.ok(b"SUBSCRIBE " + QUOTED)
    new.ok(b"SETMETADATA " + QUOTED + b' (/private/comment "x")')
    for raw, name in ((new, QUOTED), (old, OLD)):
        above = name.split(b"/")[0] + b'"'
        assert names(raw.ok('LIST "" "B*"')) == [above, name]
        assert names(raw.ok('LSUB "" "B*"')) == [name]
        assert names(raw.ok('LSUB "" "B%"')) == [above]
        assert names(raw.ok('LIST (SUBSCRIBED) "" "B*"')) == [name]
        lines = raw.ok('LIST "" ("*") RETURN (STATUS (MESSAGES) METADATA (/private/comment))')
        assert b"* STATUS " + name + b" (MESSAGES 0)" in lines
        assert b"* METADATA " + name + b' (/private/comment "x")' in lines
        assert raw.ok(b"STATUS " + name + b" (MESSAGES)") == [b"* STATUS " + name + b" (MESSAGES 0)"]
        assert raw.ok(b"GETMETADATA " + name + b" /private/comment") == [
            b"* METADATA " + name + b' (/private/comment "x")']
        assert raw.ok(b"GETQUOTAROOT " + name)[0].startswith(b"* QUOTAROOT " + name)
        assert raw.ok(b"MYRIGHTS " + name)[0].startswith(b"* MYRIGHTS " + name + b" ")
        assert raw.ok(b"GETACL " + name)[0].startswith(b"* ACL " + name + b" ")
        assert raw.ok(b"LISTRIGHTS " + name + b" alice@example.org")[0].startswith(b"* LISTRIGHTS " + name + b" ")
        assert starting(raw.ok('LIST "" "B*" RETURN (MYRIGHTS)'), b"* MYRIGHTS " + name + b" ")
        assert raw.ok("NAMESPACE") == [b'* NAMESPACE (("" "/")) NIL NIL']


@pytest.mark.parametrize("form", [lambda name: b'"' + name + b'"', lambda name: b"{%d+}\r\n" % len(name) + name])
def test_every_command_takes_a_name_in_utf8(new, form):
    first, second = (form(text.encode()) for text in ("Ünï", "Dvě ☃"))
    assert new.no(b"SELECT " + first, "NONEXISTENT")
    new.ok(b"CREATE " + first)
    new.ok(b"SELECT " + first)
    data = message()
    tag = new.tag()
    new.send(tag + b" APPEND " + first + b" {%d+}\r\n" % len(data) + data + b"\r\n")
    assert new.until(tag)[0].startswith(b"OK")
    assert new.cmd(b"COPY 1 " + second)[0].startswith(b"NO [TRYCREATE]")
    new.ok(b"CREATE " + second)
    new.ok(b"COPY 1 " + second)
    new.ok(b"UID MOVE 1 " + second)
    new.ok(b"EXAMINE " + second)
    new.ok("CLOSE")
    new.ok(b"RENAME " + second + b" " + form("Tři".encode()))
    new.ok(b"SUBSCRIBE " + form("Tři".encode()))
    new.ok(b"UNSUBSCRIBE " + form("Tři".encode()))
    assert new.ok(b"LIST " + form(b"") + b" " + form("T*y".encode())) == []
    assert names(new.ok(b"LIST " + form("Tř".encode()) + b" " + form(b"%"))) == ['"Tři"'.encode()]
    new.ok(b"DELETE " + form("Tři".encode()))
    new.ok(b"DELETE " + first)


def test_an_ampersand_is_itself_in_utf8_and_encoded_in_the_old_form(new, old):
    new.ok('CREATE "R&D"')
    new.ok('CREATE "&APw-"')
    assert names(new.ok('LIST "" "%&*"')) == [b'"&APw-"', b'"R&D"']
    assert names(old.ok('LIST "" "%&-*"')) == [b'"&-APw-"', b'"R&-D"']
    old.no('STATUS "R&D" (MESSAGES)')
    old.ok('STATUS "R&-D" (MESSAGES)')
    new.no('STATUS "R&-D" (MESSAGES)', "NONEXISTENT")


def test_a_name_in_utf8_is_understood_from_clients_that_did_not_ask(old):
    """RFC 6855 section 3; the answer is in the form that they know."""
    old.ok('CREATE "Entwürfe"')
    assert names(old.ok('LIST "" "Entw*"')) == [b'"Entw&APw-rfe"']
    assert old.ok('STATUS "Entwürfe" (MESSAGES)') == [b'* STATUS "Entw&APw-rfe" (MESSAGES 0)']
    old.ok('SELECT "Entw&APw-rfe"')


def test_names_are_normalised(new, old):
    decomposed, composed = "Cafe\u0301", "Café"
    new.ok(f'CREATE "{decomposed}"')
    assert names(new.ok('LIST "" "C%"')) == [f'"{composed}"'.encode()]
    assert names(new.ok(f'LIST "" "{decomposed}*"')) == [f'"{composed}"'.encode()]
    assert names(new.ok(f'LIST "{decomposed}" "%"')) == [f'"{composed}"'.encode()]
    new.no(f'CREATE "{composed}"', "ALREADYEXISTS")
    new.ok(f'SELECT "{decomposed}"')
    old.ok('SELECT "Caf&AOk-"')
    old.ok('SELECT "Cafe&AwE-"')
    assert new.append(decomposed, message()).startswith(b"OK")
    new.ok("NOOP")
    assert new.cmd(f'COPY 1 "{decomposed}"')[0].startswith(b"OK [COPYUID")
    assert new.cmd(f'MOVE 1 "{decomposed}"')[0].startswith(b"OK")
    new.ok(f'SUBSCRIBE "{decomposed}"')
    old.ok("NOOP")
    assert names(old.ok('LSUB "" "C%"')) == [b'"Caf&AOk-"']
    new.ok("UNSELECT")
    old.ok("UNSELECT")
    new.ok(f'DELETE "{decomposed}"')


@pytest.mark.parametrize("bad", ["\u0001", "\u001f", "\u007f", "\u0080", "\u009f", "\u2028", "\u2029"])
def test_characters_outside_net_unicode_are_refused(new, bad):
    new.no(f'CREATE "a{bad}b"', "CANNOT")
    new.no(f'RENAME INBOX "a{bad}b"', "CANNOT")
    new.no(f'SUBSCRIBE "a{bad}b"', "CANNOT")
    new.no(f'SELECT "a{bad}b"', "NONEXISTENT")


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4x"])
def test_octets_that_are_not_utf8_are_bad(new, old, bad):
    for raw in (new, old):
        assert raw.bad(b'CREATE "a' + bad + b'"')
        assert raw.bad(b"CREATE {%d+}\r\na" % (len(bad) + 1) + bad)
        raw.ok("SELECT INBOX")
        assert raw.bad(b'SEARCH HEADER "' + bad + b'" x')
        assert raw.bad(b'LIST "" "' + bad + b'"')
        assert raw.bad(b'SETMETADATA "" (/private/comment/"' + bad + b'" x)')
    assert old.bad(b'SEARCH CHARSET UTF-8 SUBJECT "' + bad + b'"')


def test_octets_that_are_data_need_not_be_utf8(coid, alice, new, old):
    """JavaMail sends the characters of Latin-1 as octets once it has enabled UTF8=ACCEPT."""
    coid.deliver(alice, message("=?utf-8?q?caf=C3=A9?="))
    coid.deliver(alice, message("tea"))
    for raw in (new, old):
        raw.ok("SELECT INBOX")
        for string in (b'"caf\xe9"', b"{4+}\r\ncaf\xe9", b'"CAF\xc9"', '"café"'.encode()):
            assert raw.ok(b"SEARCH SUBJECT " + string) == [b"* SEARCH 1"]
        assert raw.ok(b'SEARCH OR FROM "\xff" SUBJECT "tea"') == [b"* SEARCH 2"]
        raw.ok(b'ID ("name" "caf\xe9")')
        raw.ok(b'SETMETADATA INBOX (/private/comment "caf\xe9")')
        assert b"{4}\r\ncaf\xe9" in raw.ok("GETMETADATA INBOX /private/comment")[0]


def test_8bit_octets_in_atoms_are_bad(new):
    new.bad("CREATE Übung")
    new.bad("SELECT INBOX (Ü)")


def test_search_takes_quoted_utf8_and_no_charset(coid, alice, new, old):
    coid.deliver(alice, message("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", body="nichts\r\n"))
    coid.deliver(alice, message("anderes", body="schöne Grüße\r\n", headers=[
        "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]))
    new.ok("SELECT INBOX")
    old.ok("SELECT INBOX")
    assert new.ok('SEARCH SUBJECT "grüße"') == [b"* SEARCH 1"]
    assert new.ok('UID SEARCH BODY "GRÜSSE"') in ([b"* SEARCH 2"], [b"* SEARCH"])
    assert new.ok('UID SEARCH BODY "grüße"') == [b"* SEARCH 2"]
    assert new.ok('SEARCH TEXT {7+}\r\nGrüße') == [b"* SEARCH 1 2"]
    for command in ('SEARCH CHARSET UTF-8 ALL', 'UID SEARCH CHARSET US-ASCII ALL', 'SEARCH CHARSET KOI8-R ALL',
                    'SEARCH RETURN (COUNT) CHARSET UTF-8 SUBJECT "grüße"'):
        new.bad(command)
    # A command that must name a charset names UTF-8 (RFC 9755).
    assert new.ok('SORT (SUBJECT) UTF-8 SUBJECT "grüße"') == [b"* SORT 1"]
    assert new.ok('UID THREAD ORDEREDSUBJECT utf-8 SUBJECT "grüße"') == [b"* THREAD (1)"]
    new.bad("SORT (SUBJECT) US-ASCII ALL")
    new.bad("UID THREAD ORDEREDSUBJECT KOI8-R ALL")
    assert old.ok("SORT (ARRIVAL) US-ASCII 1") == [b"* SORT 1"]
    assert old.ok('SEARCH CHARSET UTF-8 SUBJECT "grüße"') == [b"* SEARCH 1"]
    old.no("SEARCH CHARSET X-NONE ALL", "BADCHARSET (US-ASCII UTF-8)")


def eight_bit(subject="Grüße", sender='"Jörg" <jörg@bücher.example>', body="Text\r\n"):
    return message(subject, body, sender=sender)


def append(raw, text):
    tag = raw.tag()
    raw.send(tag + b" APPEND INBOX " + text + b"\r\n")
    return raw.until(tag)[0]


def utf8_data(data, plus=b"+"):
    return b"UTF8 (~{%d%s}\r\n" % (len(data), plus) + data + b")"


def test_append_of_utf8_headers(coid, alice, new, old):
    data = eight_bit()
    assert append(new, utf8_data(data)).startswith(b"OK [APPENDUID ")
    assert append(new, b'(\\Seen $x) "01-Jan-2026 00:00:00 +0000" ' + utf8_data(data)).startswith(b"OK")
    # The name of the data form in any case; a synchronising literal8.
    tag = new.tag()
    new.send(tag + b" APPEND INBOX utf8 (~{%d}\r\n" % len(data))
    assert new.response().startswith(b"+")
    new.send(data + b")\r\n")
    assert new.until(tag)[0].startswith(b"OK")
    # Clients of IMAP4rev2 and RFC 9755 know no UTF8 form.
    assert append(new, b"{%d+}\r\n" % len(data) + data).startswith(b"OK")
    # Several in one, of both kinds.
    plain = message()
    assert append(new, utf8_data(data) + b" (\\Flagged) {%d+}\r\n" % len(plain) + plain + b" " +
                  utf8_data(data)).startswith(b"OK")
    for raw in (new, old):
        raw.ok("SELECT INBOX")
        got = [fetch(line)[1] for line in raw.ok("FETCH 1:* (FLAGS BODY.PEEK[] ENVELOPE)")]
        assert [item["BODY[]"] for item in got] == [data] * 5 + [plain, data]
        assert "Grüße".encode() in got[0]["ENVELOPE"]
        assert {b"\\Seen", b"$x"} <= set(got[1]["FLAGS"])
        assert raw.ok('SEARCH SUBJECT "grüße"') == [b"* SEARCH 1 2 3 4 5 7"]
        assert raw.ok('SEARCH FROM "jörg@bücher"') == [b"* SEARCH 1 2 3 4 5 7"]


@pytest.mark.parametrize("text", [
    b"UTF8 ({1+}\r\nx)",  # a literal8 is needed
    b"UTF8 (~{1+}\r\nx",
    b"UTF8 ~{1+}\r\nx",
    b"UTF8 ()",
    b"UTF8",
    b"UTF8 (~{1+}\r\nx) UTF8",
    b"UTF8(~{1+}\r\nx)",
    b"(~{1+}\r\nx)",
    b"UTF8 (UTF8 (~{1+}\r\nx))",
])
def test_a_broken_utf8_form_is_bad(new, text):
    assert append(new, text).startswith(b"BAD")
    new.ok("NOOP")
    assert new.ok("STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 0)']


def test_a_utf8_form_without_octets_takes_the_command_back(new):
    assert append(new, b"UTF8 (~{0+}\r\n)").startswith(b"NO")
    new.ok("NOOP")


def test_clients_that_did_not_ask_append_8bit_headers_all_the_same(old):
    """Much mail is so (RFC 6855 section 4 notwithstanding): it can be moved in, and looks as it came."""
    utf8, latin1, plain = eight_bit(), eight_bit().decode().encode("latin-1"), message()
    for data in (utf8, latin1):
        assert append(old, b"{%d+}\r\n" % len(data) + data).startswith(b"OK [APPENDUID ")
        assert append(old, b"{%d+}\r\n" % len(plain) + plain + b" {%d+}\r\n" % len(data) + data).startswith(b"OK")
        assert append(old, b"CATENATE (TEXT {%d+}\r\n" % len(data) + data + b")").startswith(b"OK")
    old.ok("SELECT INBOX")
    head = latin1.index(b"\r\n\r\n") + 4
    tag = old.tag()
    old.send(tag + b" UID REPLACE 8 INBOX {%d+}\r\n" % len(latin1) + latin1 + b"\r\n")
    assert old.until(tag)[0].startswith(b"OK")
    got = [fetch(line)[1] for line in old.ok("FETCH 1:* (BODY.PEEK[] BODY.PEEK[HEADER] ENVELOPE BODYSTRUCTURE)")]
    assert [item["BODY[]"] for item in got] == [utf8, plain, utf8, utf8, latin1, plain, latin1, latin1]
    assert got[7]["BODY[HEADER]"] == latin1[:head]
    assert "Grüße".encode() in got[0]["ENVELOPE"]
    # 8-bit octets go out in literals, which every client can read.
    line = old.ok("FETCH 1 ENVELOPE")[0]
    assert b"{7}\r\n" + "Grüße".encode() in line and b'"Gr\xc3' not in line
    assert old.ok('SEARCH CHARSET UTF-8 SUBJECT "grüße"')[0].startswith(b"* SEARCH 1 3 4")


def test_8bit_headers_are_refused_if_that_is_wanted(make_coid):
    coid = make_coid(settings={"imap.append_8bit_headers": "refuse"})
    alice = coid.add_user("alice@example.org")
    with coid.raw(alice) as old, coid.raw(alice) as new:
        new.ok("ENABLE UTF8=ACCEPT")
        refuse_8bit_headers(old)
        look_at_headers_byte_by_byte(old)
        assert append(new, utf8_data(eight_bit())).startswith(b"OK")
        assert append(new, b"{%d+}\r\n" % len(eight_bit()) + eight_bit()).startswith(b"OK")
        old.ok("SELECT INBOX")
        tag = old.tag()
        old.send(tag + b" UID REPLACE 1 INBOX {%d+}\r\n" % len(eight_bit()) + eight_bit() + b"\r\n")
        assert old.until(tag)[0].startswith(b"NO [CANNOT]")


def refuse_8bit_headers(old):
    plain = message()
    for text in (utf8_data(eight_bit()), b"{%d+}\r\n" % len(eight_bit()) + eight_bit(),
                 b"{%d+}\r\n" % len(plain) + plain + b" {%d+}\r\n" % len(eight_bit()) + eight_bit(),
                 b"{12+}\r\nSubject: x\r\xe4"):
        assert append(old, text).startswith(b"NO [CANNOT]")
        assert old.ok("STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 0)']
    # A body may have 8-bit octets as before, and the data form may have a header without any.
    body = message(body="Grüße\r\n\r\nÄ: Ö\r\n")
    assert append(old, b"{%d+}\r\n" % len(body) + body).startswith(b"OK")
    assert append(old, utf8_data(plain)).startswith(b"OK")
    assert append(old, b"{7+}\r\n\r\n\r\n\xe4\xe4x").startswith(b"OK")


def look_at_headers_byte_by_byte(old):
    for data, answer in ((b"a: b\n\n\xc3\xa4", b"OK"), (b"a: b\r\nc: \xc3\xa4\r\n\r\nx", b"NO"), (b"\n\xc3\xa4", b"OK")):
        tag = old.tag()
        old.send_slowly(tag + b" APPEND INBOX {%d+}\r\n" % len(data) + data + b"\r\n")
        assert old.until(tag)[0].startswith(answer)


def test_users_and_passwords_in_utf8(coid):
    user, password = "jörg@bücher.example", "pässwörd ☃"
    coid.add_user(user, password)
    plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    raw = coid.raw()
    raw.ok(f"AUTHENTICATE PLAIN {plain}")
    raw = coid.raw()
    raw.ok(f'LOGIN "{user}" "{password}"')
    raw = coid.raw()
    raw.ok(f"LOGIN {{{len(user.encode())}+}}\r\n{user} {{{len(password.encode())}+}}\r\n{password}")
    raw = coid.raw()
    raw.no(f'LOGIN "{user}" "passwort"', "AUTHENTICATIONFAILED")
    raw.bad(b'LOGIN "j\xf6rg@x" "y"')
    raw.ok(f"AUTHENTICATE PLAIN {plain}")
    raw.ok("SELECT INBOX")


def test_the_mode_ends_with_unauthenticate(coid, alice, new):
    new.ok('CREATE "Ä"')
    new.ok("UNAUTHENTICATE")
    new.ok(f'LOGIN "{alice}" "{PASSWORD}"')
    assert names(new.ok('LIST "" "&AMQ-%"')) == [b'"&AMQ-"']
    new.ok("SELECT INBOX")
    new.ok("SEARCH CHARSET UTF-8 ALL")


def test_old_and_new_clients_change_the_same_mailboxes(new, old):
    """Either side can use a name of the other: create, rename, subscribe, delete."""
    new.ok('CREATE "Ältere"')
    old.ok('SELECT "&AMQ-ltere"')
    old.append("&AMQ-ltere", message())
    new.ok('SELECT "Ältere"')
    new.ok('RENAME "Ältere" "Jüngere"')
    assert new.ok("FETCH 1 UID") == [b"* 1 FETCH (UID 1)"]
    assert names(old.ok('LIST "" "J%re"')) == [b'"J&APw-ngere"']
    old.ok('SUBSCRIBE "J&APw-ngere"')
    assert names(new.ok('LSUB "" "Jü%"')) == ['"Jüngere"'.encode()]
    old.ok("UNSELECT")
    old.ok('DELETE "J&APw-ngere"')
    assert new.expect_closed()[-1].startswith(b"* BYE")
