"""UNAUTHENTICATE (RFC 8437)."""

from coid import PASSWORD, message


def test_another_user_takes_the_connection_over(coid, alice):
    bob = coid.add_user("bob@example.org")
    coid.deliver(alice, message())
    raw = coid.raw()
    assert b"UNAUTHENTICATE" not in raw.ok("CAPABILITY")[0]
    raw.bad("UNAUTHENTICATE")
    raw.ok(f'LOGIN "{alice}" "{PASSWORD}"')
    assert b" UNAUTHENTICATE" in raw.ok("CAPABILITY")[0]
    raw.bad("UNAUTHENTICATE now")
    raw.ok("SELECT INBOX")
    raw.ok("STORE 1 +FLAGS (\\Deleted)")
    raw.ok("UNAUTHENTICATE")
    assert b"AUTH=PLAIN" in raw.ok("CAPABILITY")[0]
    raw.bad("SELECT INBOX")
    raw.bad("FETCH 1 (FLAGS)")
    raw.ok(f'LOGIN "{bob}" "{PASSWORD}"')
    assert b"* 0 EXISTS" in raw.ok("SELECT INBOX")
    # UNAUTHENTICATE expunges nothing, and the session is no longer told about alice's mail.
    coid.deliver(alice, message())
    assert raw.ok("NOOP") == []
    assert b"* 2 EXISTS" in coid.raw(alice).ok("SELECT INBOX")


def test_pipelined_with_the_next_login(coid, alice):
    raw = coid.raw(alice)
    raw.send(f'u UNAUTHENTICATE\r\nl LOGIN "{alice}" "{PASSWORD}"\r\nn NOOP\r\n')
    for tag in (b"u", b"l", b"n"):
        assert raw.until(tag)[0].startswith(b"OK")


def test_a_connection_counts_for_one_user_at_a_time(make_coid):
    coid = make_coid(settings={"server.max_connections_per_user": 1})
    alice = coid.add_user("alice@example.org")
    first = coid.raw(alice)
    second = coid.raw()
    second.no(f'LOGIN "{alice}" "{PASSWORD}"')
    first.ok("UNAUTHENTICATE")
    second.ok(f'LOGIN "{alice}" "{PASSWORD}"')
    first.no(f'LOGIN "{alice}" "{PASSWORD}"')


def test_not_while_compressed(coid, alice):
    import zlib
    raw = coid.raw(alice)
    raw.ok("COMPRESS DEFLATE")
    out = zlib.compressobj(6, zlib.DEFLATED, -15)
    raw.send(out.compress(b"c CAPABILITY\r\nu UNAUTHENTICATE\r\n") + out.flush(zlib.Z_SYNC_FLUSH))
    back, text = zlib.decompressobj(-15), b""
    while b"\r\nu " not in text or not text.endswith(b"\r\n"):
        text += back.decompress(raw.sock.recv(10000))
    assert b"UNAUTHENTICATE" not in text.split(b"\r\n")[0]
    assert b"\r\nu BAD" in text
