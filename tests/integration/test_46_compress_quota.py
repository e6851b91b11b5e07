"""COMPRESS=DEFLATE (RFC 4978) and QUOTA (RFC 9208)."""

import re
import zlib

from coid import message


class Deflated:
    """Puts raw deflate between a raw client and its socket, as RFC 4978 says."""

    def __init__(self, raw):
        self.sock = raw.sock
        self.out = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.back = zlib.decompressobj(-15)
        raw.sock = self
        assert raw.buffer == b""

    def sendall(self, data):
        self.sock.sendall(self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, size):
        while True:
            data = self.sock.recv(size)
            if not data:
                return b""
            plain = self.back.decompress(data)
            if plain:
                return plain

    def __getattr__(self, name):
        return getattr(self.sock, name)


def compressed(coid, user, tls=False):
    raw = coid.raw(user, tls=tls)
    raw.ok("COMPRESS DEFLATE")
    Deflated(raw)
    return raw


def test_compress_is_announced_after_login_only(coid, alice):
    raw = coid.raw()
    assert b"COMPRESS" not in raw.greeting_line
    assert b"COMPRESS" not in raw.ok("CAPABILITY")[0]
    raw.bad("COMPRESS DEFLATE")
    raw.ok(f'LOGIN "{alice}" "correct horse battery"')
    assert b" COMPRESS=DEFLATE" in raw.ok("CAPABILITY")[0]
    raw.bad("COMPRESS")
    raw.bad("COMPRESS LZW")
    raw.bad("COMPRESS DEFLATE now")


def test_compressed_sessions_work_like_others(coid, alice):
    """CL-07: works at once, each response flushed, tags may start again."""
    for tls in (False, True):
        raw = compressed(coid, alice, tls)
        raw.serial = 0
        assert raw.no("COMPRESS DEFLATE", "COMPRESSIONACTIVE")
        body = message(body="".join(f"line {i}\r\n" for i in range(20000)))
        assert raw.append("INBOX", body).startswith(b"OK [APPENDUID")
        assert raw.append("INBOX", body, nonsync=False).startswith(b"OK [APPENDUID")
        raw.ok("SELECT INBOX")
        (answer,) = raw.ok("FETCH 1 (BODY.PEEK[])")
        assert body in answer
        tag = raw.idle()
        coid.deliver(alice, message())
        assert raw.response().endswith(b" EXISTS")
        raw.quiet(0.2)
        assert raw.done(tag)[0].startswith(b"OK")
        raw.ok("LOGOUT")


def test_a_compressed_idle_session_wakes_after_its_state_was_put_away(coid, alice):
    raw = compressed(coid, alice)
    raw.ok("SELECT INBOX")
    for _ in range(3):
        raw.ok("FETCH 1:* (FLAGS)") if _ else raw.ok("NOOP")
        tag = raw.idle()
        raw.quiet(4)
        coid.deliver(alice, message())
        assert raw.response().endswith(b" EXISTS")
        raw.quiet(0.2)
        assert raw.done(tag)[0].startswith(b"OK")


def test_bytes_behind_compress_are_compressed_ones(coid, alice):
    """Everything in one segment: the command in plain text, then a compressed one."""
    raw = coid.raw(alice)
    out = zlib.compressobj(6, zlib.DEFLATED, -15)
    raw.send(b"a1 COMPRESS DEFLATE\r\n" + out.compress(b"a2 NOOP\r\n") + out.flush(zlib.Z_SYNC_FLUSH))
    assert raw.response().startswith(b"a1 OK")
    back = zlib.decompressobj(-15)
    answer = back.decompress(raw.buffer)
    while b"\r\n" not in answer:
        answer += back.decompress(raw.sock.recv(1000))
    assert answer.startswith(b"a2 OK")


def test_nonsense_in_the_compressed_stream_ends_the_connection(coid, alice):
    raw = coid.raw(alice)
    raw.ok("COMPRESS DEFLATE")
    raw.send(b"\xff" * 100)
    raw.expect_closed()
    assert coid.login(alice).noop()[0] == "OK"


def test_a_compressed_bomb_stays_within_the_limits(coid, alice):
    raw = compressed(coid, alice)
    raw.send(b"x NOOP " + b"a" * 20_000_000 + b"\r\n")
    assert b" BAD " in raw.response()
    raw.ok("NOOP")


def test_without_other_limits_that_of_mailboxes_is_told(coid, alice):
    raw = coid.raw(alice)
    assert set(re.findall(rb" QUOTA\S*", raw.ok("CAPABILITY")[0])) == {
        b" QUOTA", b" QUOTA=RES-STORAGE", b" QUOTA=RES-MESSAGE", b" QUOTA=RES-MAILBOX"}
    count = len(raw.ok('LIST "" *'))
    told = b'* QUOTA "" (MAILBOX %d 5000)' % count
    # Roundcube and others take the first resource for storage: MAILBOX alone would be "0 %".
    assert raw.ok('GETQUOTAROOT "INBOX"') == [b'* QUOTAROOT "INBOX" ""', b'* QUOTA "" ()']
    assert raw.ok('GETQUOTA ""') == [told]


def mailboxes_used(raw):
    return int(re.search(rb"MAILBOX (\d+) 10\)", raw.ok('GETQUOTA ""')[0]).group(1))


def test_the_number_of_mailboxes_is_a_quota(make_coid):
    """RFC 9208 5.3: it is exact, follows every command, and what would pass it is refused as OVERQUOTA."""
    coid = make_coid(settings={"store.mailboxes_max": 10})
    alice = coid.add_user("alice@example.org")
    raw, other = coid.raw(alice), coid.raw(alice)
    assert mailboxes_used(raw) == len(raw.ok('LIST "" *')) == 6
    raw.ok("CREATE a/b")
    assert mailboxes_used(other) == 8
    raw.ok("CREATE a")
    assert mailboxes_used(other) == 8
    other.ok("CREATE c")
    raw.no("CREATE d/e", "OVERQUOTA")
    raw.no("RENAME a/b f/g/b", "OVERQUOTA")
    raw.ok("CREATE d")
    assert mailboxes_used(other) == 10
    for refused in ("CREATE e", "RENAME INBOX e", "RENAME c e/c"):
        other.no(refused, "OVERQUOTA")
        assert raw.append("e", message()).startswith(b"NO [TRYCREATE]")
    assert mailboxes_used(other) == len(raw.ok('LIST "" *')) == 10
    other.ok("RENAME c e")
    # It stays as a name above the other one, and counts.
    raw.ok("DELETE a")
    assert mailboxes_used(other) == 10
    # With the other one it goes, too.
    raw.ok("DELETE a/b")
    assert mailboxes_used(other) == 8
    raw.ok("RENAME INBOX old")
    assert mailboxes_used(other) == 9


def test_quota_is_told_in_its_units(coid, alice):
    coid.ctl("user", "quota", alice, "--storage", "10M", "--messages", "5")
    raw = coid.raw(alice)
    assert raw.ok("GETQUOTAROOT INBOX") == [b'* QUOTAROOT "INBOX" ""', b'* QUOTA "" (STORAGE 0 10240 MESSAGE 0 5 MAILBOX 6 5000)']
    raw.append("INBOX", message(body="x" * 3000))
    (answer,) = raw.ok('GETQUOTA ""')
    assert re.fullmatch(rb'\* QUOTA "" \(STORAGE 4 10240 MESSAGE 1 5 MAILBOX 6 5000\)', answer)
    assert raw.ok('GETQUOTAROOT "not/there"')[0] == b'* QUOTAROOT "not/there" ""'
    raw.no("GETQUOTA other", "NONEXISTENT")
    raw.no('SETQUOTA "" (STORAGE 5)', "NOPERM")
    raw.no('SETQUOTA "" ()', "NOPERM")
    for broken in ("GETQUOTA", 'GETQUOTA "" x', "GETQUOTAROOT", 'SETQUOTA ""', 'SETQUOTA "" (STORAGE)', 'SETQUOTA "" (STORAGE x)'):
        raw.bad(broken)


def test_the_limits_hold_for_append_and_copy(coid, alice):
    coid.ctl("user", "quota", alice, "--messages", "2")
    raw = coid.raw(alice, mailbox="INBOX")
    assert raw.append("INBOX", message()).startswith(b"OK")
    assert raw.append("INBOX", message()).startswith(b"OK")
    assert raw.append("INBOX", message()).startswith(b"NO [OVERQUOTA]")
    assert raw.append("INBOX", message(), nonsync=False).startswith(b"NO [OVERQUOTA]")
    raw.no("COPY 1 Sent", "OVERQUOTA")
    raw.ok("MOVE 1 Sent")
    raw.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")
    assert raw.append("INBOX", message()).startswith(b"OK")


def test_status_tells_deleted_messages(coid, alice):
    raw = coid.raw(alice, mailbox="INBOX")
    for size in (100, 200):
        raw.append("INBOX", message(body="x" * size))
    raw.ok("STORE 2 +FLAGS (\\Deleted)")
    size = int(re.search(rb"RFC822.SIZE (\d+)", raw.ok("FETCH 2 (RFC822.SIZE)")[0]).group(1))
    assert raw.ok("STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)") == [
        b'* STATUS "INBOX" (MESSAGES 2 DELETED 1 DELETED-STORAGE %d)' % size]
