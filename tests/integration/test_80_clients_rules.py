"""The rules that real clients need kept, each by its name, checked on the wire.

Extensions are checked as they are announced: what CAPABILITY does not name must be unknown, what it names must be right.
"""

import base64
import datetime
import re
import socket
import ssl
import statistics
import threading
import time
import zlib

import pytest

import imapraw
from coid import PASSWORD, message

# The untagged responses that a client knows which implements RFC 3501 alone.
PLAIN = re.compile(
    rb"\* (\d+ (EXISTS|RECENT|EXPUNGE)$|\d+ FETCH \(|(FLAGS|LIST|LSUB|SEARCH|STATUS|CAPABILITY)( |$)|(OK|NO|BAD|BYE) )")
EXTENDED_FETCH = re.compile(rb"\b(MODSEQ|EMAILID|THREADID|PREVIEW|SAVEDATE)\b")
CHAT_FETCH = ("UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE X-MICROSOFT-ORIGINAL-MESSAGE-ID FROM CONTENT-TYPE "
              "SECURE-JOIN CHAT-VERSION CHAT-IS-POST-MESSAGE AUTOCRYPT-SETUP-MESSAGE)]")


def capabilities(raw):
    return set(raw.ok("CAPABILITY")[0].decode().split()[2:])


def numbers(untagged, what):
    """The numbers of "* n EXISTS" and the like, in order."""
    return [int(line.split()[1]) for line in untagged if re.fullmatch(rb"\* \d+ %s" % what.encode(), line)]


def fetches(untagged):
    return [line for line in untagged if re.match(rb"\* \d+ FETCH ", line)]


def code(untagged, name):
    """The number in a response code such as [UIDNEXT 5]; None if it was not said."""
    for line in untagged:
        found = re.match(rb"\* OK \[%s (\d+)\]" % name.encode(), line)
        if found:
            return int(found.group(1))
    return None


def fill(coid, user, count):
    for i in range(count):
        coid.deliver(user, message(subject=f"number {i}"))


class Deflated:
    """A socket behind COMPRESS DEFLATE (RFC 4978)."""

    def __init__(self, sock):
        self.sock = sock
        self.deflate = zlib.compressobj(wbits=-15)
        self.inflate = zlib.decompressobj(wbits=-15)

    def sendall(self, data):
        self.sock.sendall(self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, size):
        while True:
            data = self.sock.recv(size)
            text = self.inflate.decompress(data)
            if text or not data:
                return text

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    def gettimeout(self):
        return self.sock.gettimeout()

    def close(self):
        self.sock.close()


# proves CL-01
def test_a_plain_session_hears_plain_responses(coid, alice):
    fill(coid, alice, 4)
    plain = coid.raw(alice)
    other = coid.raw(alice, mailbox="INBOX")
    heard = []

    def both(text, change):
        """A command of the plain session after a change that it has not been told."""
        change()
        tagged, untagged = plain.cmd(text)
        assert not tagged.startswith(b"BAD"), (text, tagged)
        heard.extend(untagged)
        return untagged

    def metadata():
        if "METADATA" in capabilities(other):
            other.ok('SETMETADATA "" (/private/comment "x")')
            other.ok('SETMETADATA INBOX (/private/comment "x")')

    both('SELECT "INBOX"', metadata)
    both("NOOP", lambda: other.ok(r"STORE 1 +FLAGS (\Flagged keyword)"))
    both("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)", lambda: other.ok(r"STORE 2 +FLAGS (\Seen)"))
    both("SEARCH ALL", lambda: coid.deliver(alice, message(subject="new")))
    both("UID SEARCH UNSEEN", lambda: other.ok(r"STORE 3 +FLAGS.SILENT (\Deleted)"))
    both(r"STORE 1 -FLAGS (\Flagged)", lambda: other.ok("EXPUNGE"))
    both("NOOP", metadata)
    both('LIST "" "*"', lambda: other.ok("CREATE Folder/Below"))
    both('LIST "" "%"', lambda: other.ok("SUBSCRIBE Folder/Below"))
    both('LSUB "" "*"', lambda: other.ok("UNSUBSCRIBE Folder/Below"))
    status = both("STATUS Folder/Below (MESSAGES UNSEEN UIDNEXT)", lambda: other.ok("RENAME Folder Other"))
    assert status == []
    status = both("STATUS Other/Below (MESSAGES UNSEEN UIDNEXT)", lambda: None)
    assert re.fullmatch(rb'\* STATUS "?Other/Below"? \(MESSAGES 0 UNSEEN 0 UIDNEXT 1\)', status[0]), status
    both("COPY 1 Other", metadata)
    both("CHECK", lambda: other.ok("DELETE Other/Below"))
    tag = plain.idle()
    coid.deliver(alice, message(subject="while idle"))
    other.ok(r"UID STORE 1:2 +FLAGS.SILENT (\Deleted)")
    other.ok("EXPUNGE")
    metadata()
    end = time.monotonic() + 20
    while not any(line.endswith(b" EXPUNGE") for line in heard[-1:]) and time.monotonic() < end:
        heard += plain.quiet(0.2)
    heard += plain.done(tag)[1]

    kinds = {line.split(b" ")[2 if line[2:3].isdigit() else 1] for line in heard}
    assert {b"EXISTS", b"EXPUNGE", b"FETCH", b"SEARCH", b"LIST", b"FLAGS"} <= kinds
    for line in heard:
        assert PLAIN.match(line), line
        if b" FETCH (" in line:
            assert not EXTENDED_FETCH.search(line), line
        if line.startswith((b"* LIST", b"* LSUB")):
            assert re.fullmatch(rb'\* L\w+ \([^()]*\) "/" ("[^"]*"|[^ "()]+)', line), line


# proves CL-02
def test_response_texts_are_ascii(coid, alice):
    raw = coid.raw()
    said = [raw.greeting_line]

    def ask(text):
        tagged, untagged = raw.cmd(text)
        said.extend([tagged, *(line for line in untagged if re.match(rb"\* (OK|NO|BAD|BYE)", line))])

    ask('LOGIN "gr\u00fc\u00dfe@example.org" "p\u00e4ssword"')
    ask(f'LOGIN "{alice}" "{PASSWORD}"')
    ask('CREATE "Gr&APw-n"')
    ask('SELECT "Gr&APw-n"')
    ask('SELECT "Gr\u00fcn"')
    ask('CREATE "Gr\u00fcn"')
    ask('CREATE "Gr&APw-n"')
    ask('DELETE "&AOQA9gD8-"')
    ask('RENAME "&AOQA9gD8-" "Gr&APw-n"')
    ask('SEARCH CHARSET "L\u00e4tin" SUBJECT x')
    ask('COPY 1 "&AOQA9gD8-"')
    ask("STORE 1 +FLAGS (gr\u00fcn)")
    ask("GR\u00dcN")
    ask("LOGOUT")
    assert len(said) > 15
    for line in said:
        assert line.isascii(), line


# proves CL-03
def test_select_says_exact_uids_and_never_no(coid, alice):
    fill(coid, alice, 3)
    raw = coid.raw(alice)
    raw.ok("CREATE Other")
    seen = set()
    for mailbox in ("INBOX", "Other", "INBOX"):
        for verb in ("SELECT", "EXAMINE"):
            untagged = raw.ok(f"{verb} {mailbox}")
            assert not any(line.startswith(b"* NO") for line in untagged)
            uidnext, validity = code(untagged, "UIDNEXT"), code(untagged, "UIDVALIDITY")
            assert uidnext and validity
            seen.add((mailbox, validity))
            made = re.match(rb"OK \[APPENDUID (\d+) (\d+)\]", raw.append(mailbox, message()))
            assert (int(made.group(1)), int(made.group(2))) == (validity, uidnext)
    assert len(seen) == 2
    # UIDNEXT is one more than the highest UID that was ever there, even if that message is gone.
    raw.ok("SELECT Other")
    raw.ok(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
    raw.ok("EXPUNGE")
    assert code(raw.ok("SELECT Other"), "UIDNEXT") == 3


# proves CL-04
def test_metadata_is_what_strict_parsers_read(coid, alice):
    raw = coid.raw(alice)
    if "METADATA" not in capabilities(raw):
        raw.bad('GETMETADATA "" /shared/comment')
        return
    unknown = raw.ok('GETMETADATA "" (/shared/comment /shared/admin /shared/vendor/deltachat/irohrelay '
                     '/shared/vendor/deltachat/turn /private/nothing/here)')
    raw.ok('SETMETADATA "" (/private/comment "mine")')
    raw.ok('SETMETADATA "INBOX" (/private/comment {5+}\r\na"b\\c)')
    server = raw.ok('GETMETADATA "" /private/comment')
    inbox = raw.ok("GETMETADATA INBOX (/private/comment /private/nothing)")
    assert re.fullmatch(rb'\* METADATA "" \(/private/comment ("mine"|~?\{4\}\r\nmine)\)', server[0]), server
    assert inbox[0].startswith(b'* METADATA "INBOX" (/private/comment ')
    for line in unknown + server + inbox:
        assert re.match(rb'\* METADATA "(INBOX)?" \([^)]', line), line
        line.decode("utf-8")
    for line in unknown:
        assert not re.search(rb"/private/nothing/here (?!NIL)", line)

    # Tokens for pushes are nobody's business, not even of a session that wants to hear of changes.
    listener = coid.raw(alice, mailbox="INBOX")
    tagged, _ = listener.cmd("ENABLE METADATA")
    assert tagged.startswith(b"OK")
    tag = listener.idle()
    token = "token" * 40
    answers = [raw.cmd(f'SETMETADATA "INBOX" (/private/devicetoken "{token}")')[0],
               raw.cmd(f'SETMETADATA "" (/private/devicetoken "{token}")')[0]]
    assert all(answer.startswith((b"OK", b"NO")) for answer in answers), answers
    heard = listener.quiet(0.5) + listener.done(tag)[1] + listener.ok("NOOP")
    assert not any(b"devicetoken" in line.lower() for line in heard), heard


# proves CL-05
def test_idle_wakes_with_the_event_and_makes_no_noise(coid, alice):
    raw = coid.raw(alice, mailbox="INBOX")
    coid.deliver(alice, message())
    raw.ok("NOOP")

    # The session is not told about flags that it changed itself.
    raw.ok(r"UID STORE 1 +FLAGS.SILENT (\Seen)")
    tag = raw.idle()
    assert raw.quiet(0.3) == []
    # Somebody else takes \Recent: no reason to wake up.
    other = coid.raw(alice, mailbox="INBOX")
    assert raw.quiet(0.3) == []
    # The event itself wakes.
    coid.deliver(alice, message(subject="wake up"))
    assert raw.response() == b"* 2 EXISTS"
    rest = raw.quiet(0.3)
    assert all(re.fullmatch(rb"\* \d+ RECENT", line) for line in rest), rest
    other.ok(r"UID STORE 1 +FLAGS.SILENT (\Answered)")
    flags = raw.response()
    assert flags.startswith(b"* 1 FETCH (") and rb"\Answered" in flags
    other.ok(r"UID STORE 1 +FLAGS.SILENT (\Deleted)")
    assert b" FETCH (" in raw.response()
    other.ok("UID EXPUNGE 1")
    assert raw.response() == b"* 1 EXPUNGE"
    begin = time.monotonic()
    tagged, _ = raw.done(tag)
    assert tagged.startswith(b"OK") and time.monotonic() - begin < 5

    # Without a mailbox it is + too, or BAD; never silence.
    lone = coid.raw(alice)
    tag = lone.command("IDLE")
    answer = lone.response()
    assert answer.startswith((b"+", tag + b" BAD"))
    if answer.startswith(b"+"):
        assert lone.done(tag)[0].startswith(b"OK")


# proves CL-05
def test_an_idler_is_kept_by_his_keepalive(make_coid):
    coid = make_coid(settings={"imap.idle_keepalive": "1s", "imap.timeout_auth": "2s"})
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice, mailbox="INBOX")
    tag = raw.idle()
    for _ in range(5):
        assert raw.response() == b"* OK Still here"
    coid.deliver(alice, message())
    while (line := raw.response()) == b"* OK Still here":
        pass
    assert line == b"* 1 EXISTS"
    assert raw.done(tag)[0].startswith(b"OK")


# proves CL-06
def test_no_exists_is_lost_between_commands_and_idle(coid, alice):
    count = 40
    raw = coid.raw(alice, mailbox="INBOX")

    def sender():
        with coid.lmtp() as lmtp:
            for i in range(count):
                assert lmtp.deliver([alice], message(subject=f"number {i}"))[alice][0] == 250
                time.sleep(i % 4 * 0.004)

    thread = threading.Thread(target=sender)
    thread.start()
    told = [0]
    rounds = 0
    while told[-1] < count:
        # IDLE comes right behind other commands, DONE at any moment. After the last letter nothing else brings news:
        # what is not said here hangs, and the socket's time limit ends the test.
        rounds += 1
        tag = raw.command("NOOP")
        told += numbers(raw.until(tag)[1], "EXISTS")
        tag = raw.idle()
        while told[-1] < count:
            heard = numbers([raw.response()], "EXISTS")
            told += heard
            if heard and rounds % 3:
                break
        told += numbers(raw.done(tag)[1], "EXISTS")
    thread.join()
    assert told == sorted(told) and told[-1] == count
    assert rounds > 1


# proves CL-07
def test_compression_works_at_once_and_is_flushed(coid, alice):
    for tls in (False, True):
        raw = coid.raw(alice, tls=tls)
        if "COMPRESS=DEFLATE" not in capabilities(raw):
            raw.bad("COMPRESS DEFLATE")
            continue
        raw.send(b"A0001 COMPRESS DEFLATE\r\n")
        assert raw.response().startswith(b"A0001 OK")
        raw.sock = Deflated(raw.sock)
        raw.send(b"A0001 NOOP\r\n")
        assert raw.until(b"A0001")[0].startswith(b"OK")
        raw.no("COMPRESS DEFLATE", "COMPRESSIONACTIVE")
        raw.ok("SELECT INBOX")
        coid.deliver(alice, message(subject="squeezed", body="again and again " * 500 + "\r\n"))
        untagged = raw.ok("NOOP")
        last = numbers(untagged, "EXISTS")[0]
        assert any(b"again and again" in line for line in raw.ok(f"FETCH {last} (FLAGS BODY.PEEK[])"))
        tag = raw.idle()
        coid.deliver(alice, message(subject="wake up"))
        assert raw.response() == b"* %d EXISTS" % (last + 1)
        assert raw.done(tag)[0].startswith(b"OK")
        raw.ok("LOGOUT")


# proves CL-07
def test_compression_can_be_switched_off(make_coid):
    coid = make_coid(settings={"imap.compress": False})
    raw = coid.raw(coid.add_user("alice@example.org"))
    assert "COMPRESS=DEFLATE" not in capabilities(raw)
    raw.no("COMPRESS DEFLATE", "CANNOT")
    raw.ok("NOOP")


# proves CL-08
def test_a_login_tells_the_capabilities(coid, alice):
    plain = base64.b64encode(f"\0{alice}\0{PASSWORD}".encode()).decode()
    by_login = coid.raw().cmd(f'LOGIN "{alice}" "{PASSWORD}"')[0]
    one_line = coid.raw().cmd(f"AUTHENTICATE PLAIN {plain}")[0]
    two_steps = coid.raw()
    tag = two_steps.command("authenticate PLAIN")
    assert two_steps.response().startswith(b"+ ")
    two_steps.send(plain + "\r\n")
    in_two, _ = two_steps.until(tag)
    told = capabilities(two_steps)
    for answer in (by_login, one_line, in_two):
        found = re.match(rb"OK \[CAPABILITY ([^\]]+)\]", answer)
        assert found, answer
        assert set(found.group(1).decode().split()) == told
    assert {"IMAP4rev1", "IDLE", "UIDPLUS", "MOVE"} <= told


# proves CL-09
def test_uids_beyond_the_end_and_uids_that_are_gone(coid, alice):
    fill(coid, alice, 5)
    raw = coid.raw(alice, mailbox="INBOX")
    raw.ok("CREATE Other")
    assert raw.ok(f"UID FETCH 6:505 ({CHAT_FETCH})") == []
    last = raw.ok("UID FETCH 6:* (FLAGS)")
    assert len(last) == 1 and last[0].startswith(b"* 5 FETCH (") and b"UID 5" in last[0]
    last = raw.ok("UID FETCH 900:* (UID)")
    assert last == [b"* 5 FETCH (UID 5)"]
    raw.ok(r"UID STORE 2,5 +FLAGS.SILENT (\Deleted)")
    raw.ok("EXPUNGE")
    for gone in ("2", "5", "2,5,77", "70:80"):
        assert raw.ok(rf"UID STORE {gone} +FLAGS (\Seen)") == []
        assert raw.ok(f"UID FETCH {gone} (FLAGS)") == []
        assert raw.ok(f"UID COPY {gone} Other") == []
        assert raw.ok(f"UID MOVE {gone} Other") == []
    assert raw.ok("STATUS Other (MESSAGES)")[0].endswith(b"(MESSAGES 0)")


# proves CL-10
def test_deleting_one_message_is_cheap_and_silent(coid, alice):
    def rounds(raw, mailbox, count):
        """Seconds of the quickest rounds: deleted, closed, selected again, as a client does with each chat message."""
        times = []
        first = 1
        for uid in range(first, first + count):
            begin = time.monotonic()
            raw.ok(rf"UID STORE {uid} +FLAGS.SILENT (\Deleted)")
            assert raw.ok("CLOSE") == []
            raw.ok(f"SELECT {mailbox}")
            times.append(time.monotonic() - begin)
        return statistics.median(sorted(times)[:count // 2])

    fill(coid, alice, 10)
    raw = coid.raw(alice, mailbox="INBOX")
    raw.ok("CREATE Small")
    raw.ok("CREATE Large")
    raw.ok("COPY 1:* Small")
    raw.ok("COPY 1:* Large")
    raw.ok("SELECT Large")
    while numbers(raw.ok("SELECT Large"), "EXISTS")[0] < 5000:
        raw.ok("COPY 1:* Large")
    large = rounds(raw, "Large", 10)
    raw.ok("SELECT Small")
    small = rounds(raw, "Small", 10)
    # The work must not grow by the factor 500, as it would if the whole mailbox were read again.
    assert large < 25 * small, (large, small)

    untagged = raw.ok("SELECT Small")
    assert numbers(untagged, "EXISTS") == [0]
    assert code(untagged, "UIDNEXT") == 11
    raw.ok("LOGOUT")
    coid.restart()
    assert code(coid.raw(alice).ok("SELECT Small"), "UIDNEXT") == 11


# proves CL-11
def test_literals_without_waiting_and_long_lines(coid, alice):
    raw = coid.raw()
    before = capabilities(raw)
    assert "LITERAL-" in before and "LITERAL+" not in before
    raw.ok(f"LOGIN {{{len(alice)}+}}\r\n{alice} {{{len(PASSWORD)}+}}\r\n{PASSWORD}")
    after = capabilities(raw)
    assert "LITERAL+" in after and "LITERAL-" not in after

    def lit(text):
        return f"{{{len(text)}+}}\r\n{text}"

    raw.ok(f"CREATE {lit('Box one')}")
    raw.ok(f"SUBSCRIBE {lit('Box one')}")
    assert len(raw.ok(f"LIST {lit('')} {lit('Box*')}")) == 1
    assert len(raw.ok(f"LSUB {lit('')} {lit('Box*')}")) == 1
    raw.ok(f"STATUS {lit('Box one')} (MESSAGES)")
    assert raw.append("Box one", message(body="x" * 100000 + "\r\n")).startswith(b"OK")
    raw.ok(f"SELECT {lit('Box one')}")
    assert raw.ok(f"SEARCH CHARSET {lit('UTF-8')} SUBJECT {lit('hello')} TEXT {lit('xxx')}") == [b"* SEARCH 1"]
    raw.ok(f"COPY 1 {lit('INBOX')}")
    assert len(raw.ok(f"FETCH 1 (BODY.PEEK[HEADER.FIELDS ({lit('Subject')} {lit('From')})])")) == 1
    raw.ok(f"ID ({lit('name')} {lit('a client')})")
    raw.ok(f"RENAME {lit('Box one')} {lit('Box two')}")
    raw.ok(f"UNSUBSCRIBE {lit('Box one')}")

    long_set = ",".join(str(uid) for uid in range(1, 8000, 2))
    assert len(long_set) > 16384
    assert raw.ok(f"UID FETCH {long_set} (UID)") == [b"* 1 FETCH (UID 1)"]
    raw.ok(f"UID STORE {long_set} +FLAGS.SILENT (\\Seen)")
    assert raw.ok(f"UID SEARCH UID {long_set}") == [b"* SEARCH 1"]
    if "METADATA" in after:
        tagged, _ = raw.cmd(f'SETMETADATA INBOX (/private/comment "{"t" * 9000}")')
        assert not tagged.startswith(b"BAD"), tagged
    raw.ok(f"DELETE {lit('Box two')}")


# proves CL-12
def test_refusals_carry_the_codes_that_clients_look_for(coid, alice):
    coid.deliver(alice, message())
    raw = coid.raw()
    refused = raw.no('LOGIN "alice@example.org" "wrong password"', "AUTHENTICATIONFAILED")
    assert refused.startswith(b"NO [AUTHENTICATIONFAILED] Authentication failed")
    plain = base64.b64encode(f"\0{alice}\0wrong".encode()).decode()
    assert b"authentication" in raw.no(f"AUTHENTICATE PLAIN {plain}", "AUTHENTICATIONFAILED").lower()
    assert raw.no('LOGIN "nobody@example.org" "wrong password"', "AUTHENTICATIONFAILED") == refused
    raw.ok(f'LOGIN "{alice}" "{PASSWORD}"')
    raw.ok("SELECT INBOX")
    for nonsync in (True, False):
        assert raw.append("Missing", message(), nonsync=nonsync).startswith(b"NO [TRYCREATE]")
    for verb in ("COPY", "MOVE", "UID COPY", "UID MOVE"):
        raw.no(f"{verb} 1 Missing", "TRYCREATE")
    raw.ok("CREATE There")
    raw.no("CREATE There", "ALREADYEXISTS")
    raw.no("CREATE INBOX", "ALREADYEXISTS")
    assert numbers(raw.ok("SELECT INBOX"), "EXISTS") == [1]


# proves CL-13
def test_quick_logins_cost_nothing_and_hanging_up_is_no_crime(make_coid):
    coid = make_coid(settings={"auth.delay_max": "1m"})
    alice = coid.add_user("alice@example.org")
    begin = time.monotonic()
    for _ in range(6):
        raw = coid.raw(alice, mailbox="INBOX")
        raw.command("UID FETCH 1:* (FLAGS)")
        raw.close()
    idler = coid.raw(alice, mailbox="INBOX")
    idler.idle()
    idler.close()
    both = [coid.raw(), coid.raw()]
    tags = [raw.command(f'LOGIN "{alice}" "{PASSWORD}"') for raw in both]
    for raw, tag in zip(both, tags):
        assert raw.until(tag)[0].startswith(b"OK")
    assert time.monotonic() - begin < 20
    assert not re.search(r"^\S+ (warn|error) ", coid.log_text(), re.M), coid.log_text()


# proves CL-14
@pytest.mark.parametrize("offer, chosen", [(["imap"], "imap"), (["h2", "imap"], "imap"), (["h2", "http/1.1"], None),
                                           (["managesieve"], None), (None, None)])
def test_alpn_offers_never_fail_the_handshake(coid, alice, offer, chosen):
    context = ssl.create_default_context(cafile=coid.settings["tls.cert"])
    if offer:
        context.set_alpn_protocols(offer)
    tls = context.wrap_socket(
        socket.create_connection(("127.0.0.1", coid.ports["imaps"]), timeout=30), server_hostname="localhost")
    with imapraw.Raw(None, None, sock=tls) as raw:
        assert tls.selected_alpn_protocol() == chosen
        assert raw.greeting().startswith(b"* OK")
        raw.ok(f'LOGIN "{alice}" "{PASSWORD}"')


# proves CL-15
def test_the_lists_that_clients_ask_for(coid, alice):
    coid.deliver(alice, message())
    raw = coid.raw(alice)
    raw.ok("CREATE Folder/Below")
    raw.ok("SUBSCRIBE Folder/Below")
    raw.ok("SUBSCRIBE INBOX")
    bare = raw.ok('LIST "" *')
    names = {re.search(rb'"/" "?([^"]*)"?$', line).group(1) for line in bare}
    assert {b"INBOX", b"Folder", b"Folder/Below"} <= names
    assert bare == raw.ok('LIST "" "*"')
    subscribed = {re.search(rb'"/" "?([^"]*)"?$', line).group(1) for line in raw.ok('LSUB "" "*"')}
    assert {b"INBOX", b"Folder/Below"} <= subscribed

    told = capabilities(raw)
    if "LIST-EXTENDED" in told:
        lines = raw.ok('LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE)')
        assert {re.search(rb'"/" "?([^"]*?)"?( \(|$)', line).group(1) for line in lines} == subscribed
        assert all(rb"\Subscribed" in line for line in lines), lines
        if "LIST-STATUS" in told:
            items = "MESSAGES UIDNEXT UNSEEN UIDVALIDITY"
            lines = raw.ok(f'LIST "" "*" RETURN (STATUS ({items}) SPECIAL-USE CHILDREN SUBSCRIBED)')
            lists = [line for line in lines if line.startswith(b"* LIST")]
            status = [line for line in lines if line.startswith(b"* STATUS")]
            assert len(lists) == len(bare) and len(lists) + len(status) == len(lines)
            assert len(status) == sum(rb"\Noselect" not in line and rb"\NonExistent" not in line for line in lists)
            inbox = next(line for line in status if b"INBOX" in line)
            assert re.search(rb"MESSAGES 1 UIDNEXT 2 UNSEEN 1 UIDVALIDITY \d+", inbox), inbox
            folder = next(line for line in lists if line.endswith(b'"Folder"') or line.endswith(b" Folder"))
            assert rb"\HasChildren" in folder
            assert any(rb"\Subscribed" in line for line in lists)
    else:
        raw.bad('LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE)')

    # A probe leaves no trace.
    raw.no('EXAMINE "INBOX/DeltaChat"')
    raw.no('STATUS "INBOX/DeltaChat" (MESSAGES)')
    assert raw.ok('LIST "" *') == bare


# proves CL-16
def test_a_folder_is_deleted_by_moving_it_below_trash(coid, alice):
    raw = coid.raw(alice)
    raw.ok('CREATE "X"')
    raw.ok('CREATE "X/Child"')
    raw.ok('SUBSCRIBE "X"')
    assert raw.append("X", message()).startswith(b"OK")
    raw.ok('RENAME "X" "Trash/X"')
    raw.ok('SUBSCRIBE "Trash/X"')
    raw.ok('UNSUBSCRIBE "X"')
    listed = b"\n".join(raw.ok('LIST "" "*"'))
    assert b"Trash/X" in listed and b"Trash/X/Child" in listed
    assert not re.search(rb'"/" "?X(/Child)?"?$', listed, re.M)
    assert numbers(raw.ok('SELECT "Trash/X"'), "EXISTS") == [1]
    subscribed = raw.ok('LSUB "" "*"')
    assert any(b"Trash/X" in line for line in subscribed)
    assert not any(re.search(rb'"/" "?X"?$', line) for line in subscribed)

    # The server creates superior mailboxes that are missing.
    raw.ok('CREATE "Y"')
    raw.ok('RENAME "Y" "Bin/Deep/Y"')
    names = {re.search(rb'"/" "?([^"]*)"?$', line).group(1) for line in raw.ok('LIST "" "Bin*"')}
    assert names == {b"Bin", b"Bin/Deep", b"Bin/Deep/Y"}
    raw.ok('SELECT "Bin/Deep/Y"')


# proves CL-17
def test_many_commands_may_be_sent_without_waiting(coid, alice):
    fill(coid, alice, 20)
    raw = coid.raw(alice, mailbox="INBOX")
    commands = []
    for i in range(200):
        uid = i % 20 + 1
        commands.append((uid, "FETCH") if i % 3 else (uid, "STORE"))
    batch = b""
    tags = []
    for uid, verb in commands:
        tag = raw.tag()
        tags.append(tag)
        text = f"UID FETCH {uid} (INTERNALDATE BODY.PEEK[])" if verb == "FETCH" else \
            rf"UID STORE {uid} +FLAGS.SILENT (\Seen)"
        batch += tag + b" " + text.encode() + b"\r\n"
    raw.send(batch)
    for (uid, verb), tag in zip(commands, tags):
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"OK"), tagged
        if verb == "FETCH":
            assert any(b"UID %d " % uid in line and f"Subject: number {uid - 1}".encode() in line for line in untagged)
    assert raw.ok("UID SEARCH SEEN") != [b"* SEARCH"]


# proves CL-18
def test_chat_mail_is_dated_by_its_arrival(coid, alice):
    now = datetime.datetime.now(datetime.timezone.utc)
    for shift in (-6, 400, -3000):
        date = (now + datetime.timedelta(days=shift)).strftime("%a, %d %b %Y %H:%M:%S +0000")
        text = message(subject="[...]", headers=["Chat-Version: 1.0"])
        coid.deliver(alice, re.sub(rb"Date: [^\r]*", b"Date: " + date.encode(), text))
    raw = coid.raw(alice, mailbox="INBOX")
    for line in raw.ok("FETCH 1:* (INTERNALDATE)"):
        text = re.search(rb'INTERNALDATE "([^"]*)"', line).group(1).decode()
        stamp = datetime.datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z")
        assert abs(stamp - now) < datetime.timedelta(minutes=5), line
    yesterday, tomorrow = ((now + datetime.timedelta(days=days)).strftime("%d-%b-%Y") for days in (-1, 2))
    assert raw.ok(f"SEARCH SINCE {yesterday} BEFORE {tomorrow}") == [b"* SEARCH 1 2 3"]
    assert raw.ok(f"SEARCH SENTSINCE {yesterday}") == [b"* SEARCH 2"]
    if "SORT" in capabilities(raw):
        assert raw.ok("SORT (ARRIVAL) US-ASCII ALL") == [b"* SORT 1 2 3"]
    if "WITHIN" in capabilities(raw):
        assert raw.ok("SEARCH YOUNGER 3600") == [b"* SEARCH 1 2 3"]
        assert raw.ok("SEARCH OLDER 3600") == [b"* SEARCH"]


def squeeze(raw, command="COMPRESS DEFLATE"):
    """Compresses from here on if the server offers it."""
    if "COMPRESS=DEFLATE" in capabilities(raw):
        raw.ok(command)
        raw.sock = Deflated(raw.sock)


def test_the_words_of_delta_chat(coid, alice):
    raw = coid.raw(alice, tls=True)
    told = capabilities(raw)
    raw.ok('ID ("name" "Delta Chat" "version" NIL)')
    squeeze(raw)
    if "QUOTA" in told:
        assert raw.ok('GETQUOTAROOT "INBOX"')[0].startswith(b'* QUOTAROOT ')
    if "METADATA" in told:
        raw.ok('GETMETADATA "" (/shared/comment /shared/admin /shared/vendor/deltachat/irohrelay)')
    raw.ok('SELECT "INBOX"')
    for i in range(1, 6):
        tag = raw.idle()
        coid.deliver(alice, message(subject="[...]", headers=["Chat-Version: 1.0", "Secure-Join: vc-request"]))
        assert raw.response() == b"* 1 EXISTS"
        assert raw.done(tag)[0].startswith(b"OK")
        heads = fetches(raw.ok(f"UID FETCH {i}:{i + 499} ({CHAT_FETCH})"))
        assert len(heads) == 1 and b"UID %d " % i in heads[0] and b"Secure-Join: vc-request\r\n" in heads[0]
        assert b"Subject" not in heads[0]
        whole = fetches(raw.ok(f"UID FETCH {i} (FLAGS BODY.PEEK[])"))
        assert len(whole) == 1 and b"FLAGS (" in whole[0] and b"BODY[] {" in whole[0]
        raw.ok(f"UID STORE {i} +FLAGS (\\Deleted)")
        assert raw.ok("CLOSE") == []
        selected = raw.ok('SELECT "INBOX"')
        assert b"* 0 EXISTS" in selected and code(selected, "UIDNEXT") == i + 1


def test_the_words_of_thunderbird(coid, alice):
    for i in range(3):
        coid.deliver(alice, message(subject=f"number {i}", body="find the needle\r\n" if i == 1 else "hay\r\n"))
    plain = base64.b64encode(f"\0{alice}\0{PASSWORD}".encode()).decode()
    first, second = coid.raw(tls=True), coid.raw(tls=True)
    for raw in (first, second):
        tag = raw.command("authenticate PLAIN")
        assert raw.response().startswith(b"+")
        raw.send(plain + "\r\n")
        assert raw.until(tag)[0].startswith(b"OK")
        told = capabilities(raw)
        raw.ok("namespace")
        squeeze(raw, "compress DEFLATE")
        raw.ok('ID ("name" "Thunderbird" "version" "153.0")')
    if "LIST-EXTENDED" in told:
        first.ok('list (subscribed) "" "*" return (special-use)')
    else:
        first.ok('lsub "" "*"')
    first.ok('select "INBOX"')
    if "QUOTA" in told:
        first.ok('getquotaroot "INBOX"')
    assert len(first.ok("UID fetch 1:* (FLAGS)")) == 3
    heads = first.ok("UID fetch 1:3 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID "
                     "Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To Received)])")
    assert len(heads) == 3 and all(b"Subject: number" in head for head in heads)
    assert b"find the needle" in first.ok("UID fetch 2 (UID RFC822.SIZE BODY.PEEK[])")[0]
    assert b"BODY[TEXT]<0> {17}\r\nfind the needle\r\n" in first.ok("UID fetch 2 (UID BODY.PEEK[TEXT]<0.2048>)")[0]
    assert first.ok('uid SEARCH UNDELETED BODY "needle"') == [b"* SEARCH 2"]
    tag = first.idle()
    second.ok('select "INBOX"')
    moved = second.ok('uid move 2 "Trash"')
    assert any(re.match(rb"\* OK \[COPYUID \d+ 2 1\]", line) for line in moved) and b"* 2 EXPUNGE" in moved
    heard = [first.response()]
    while heard[-1] != b"* 2 EXPUNGE":
        heard.append(first.response())
    assert first.done(tag)[0].startswith(b"OK")
    text = message(subject="sent")
    tag = second.command(b'append "Sent" (\\Seen) {%d+}\r\n' % len(text) + text)
    assert second.until(tag)[0].startswith(b"OK [APPENDUID ")
    assert second.ok('status "Sent" (MESSAGES UNSEEN)')[0].endswith(b"(MESSAGES 1 UNSEEN 0)")
