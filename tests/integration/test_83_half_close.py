"""A client that sends all its commands and shuts down its writing side gets every answer."""

import socket

import pytest
from coid import PASSWORD, message
from lmtpraw import Lmtp


def everything(sock):
    pieces = []
    while True:
        piece = sock.recv(65536)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def converse(coid, text):
    with socket.create_connection(("127.0.0.1", coid.ports["imap"]), 30) as sock:
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR)
        return everything(sock)


def commands(alice, *more):
    return "".join(line + "\r\n" for line in (f'a LOGIN "{alice}" "{PASSWORD}"', "b SELECT INBOX", *more)).encode()


@pytest.fixture
def mail(coid, alice):
    for i in range(20):
        coid.deliver(alice, message(subject=f"number {i}", body="x" * 5000 + "\r\n"))
    return alice


def test_pipelined_commands_are_answered_after_a_half_close(coid, mail):
    answer = converse(coid, commands(mail, "c FETCH 1:* (UID BODY.PEEK[])", "d SEARCH SUBJECT number", "e LOGOUT"))
    for word in (b"\r\na OK ", b"\r\nb OK ", b"\r\nc OK ", b"\r\nd OK ", b"* BYE ", b"\r\ne OK "):
        assert word in answer, (word, answer[-300:])
    assert answer.count(b"x" * 5000) == 20


def test_a_logout_is_not_needed_and_a_half_command_is_not_waited_for(coid, mail):
    answer = converse(coid, commands(mail, "c NOOP", "d FETCH 1 (UID)")[:-2])
    assert b"\r\nc OK " in answer and b"d OK" not in answer
    assert b"\r\nd OK " in converse(coid, commands(mail, "c NOOP", "d FETCH 1 (UID)"))


def test_output_beyond_every_buffer_comes_whole(make_coid):
    coid = make_coid(settings={"imap.output_high_water": "4K"})
    alice = coid.add_user("alice@example.org")
    for i in range(8):
        coid.deliver(alice, message(body=("y" * 70 + "\r\n") * 2000))
    answer = converse(coid, commands(alice, *[f"f{i} FETCH 1:* (BODY.PEEK[TEXT])" for i in range(2)], "e LOGOUT"))
    assert answer.count(b"y" * 70) == 2 * 8 * 2000 and b"\r\ne OK " in answer


def test_who_waits_for_the_client_ends(coid, alice):
    """IDLE, AUTHENTICATE and a literal would need more of the client."""
    for more in (["c IDLE"], ["c APPEND INBOX {100}"], ["c APPEND INBOX {100+}", "half of it"]):
        answer = converse(coid, commands(alice, *more))
        assert b"\r\nb OK " in answer and b"c OK" not in answer
    assert b"AUTHENTICATE" not in converse(coid, b"a AUTHENTICATE PLAIN\r\n")


def test_wrong_passwords_are_answered_too(coid, alice):
    answer = converse(coid, f'a LOGIN "{alice}" "wrong"\r\nb LOGIN "{alice}" "{PASSWORD}"\r\nc LOGOUT\r\n'.encode())
    assert b"a NO [AUTHENTICATIONFAILED]" in answer and b"\r\nb OK " in answer and b"\r\nc OK " in answer


def test_compressed_commands_are_answered_after_a_half_close(coid, mail):
    import zlib
    with coid.raw(mail) as raw:
        raw.ok("COMPRESS DEFLATE")
        deflate, inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        text = b"b SELECT INBOX\r\nc FETCH 1:* (BODY.PEEK[])\r\nd LOGOUT\r\n"
        raw.sock.sendall(deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH))
        raw.sock.shutdown(socket.SHUT_WR)
        answer = inflate.decompress(everything(raw.sock))
    assert b"\r\nc OK " in answer and b"\r\nd OK " in answer and answer.count(b"x" * 5000) == 20


def test_lmtp_answers_after_a_half_close(coid, alice):
    data = message(subject="half closed")
    text = (b"LHLO relay\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<" + alice.encode() + b">\r\nRCPT TO:<nobody@example.org>\r\n"
            b"DATA\r\n" + data + b".\r\n")
    for end in (b"QUIT\r\n", b""):
        with socket.create_connection(("127.0.0.1", coid.ports["lmtp"]), 30) as sock:
            sock.sendall(text + end)
            sock.shutdown(socket.SHUT_WR)
            codes = [line[:3] for line in everything(sock).split(b"\r\n") if line[3:4] == b" "]
        assert codes == [b"220", b"250", b"250", b"250", b"550", b"354", b"250"] + ([b"221"] if end else []), codes
    with coid.raw(alice, mailbox="INBOX") as raw:
        assert len(raw.ok("SEARCH SUBJECT \"half closed\"")[0].split()) == 4


def test_lmtp_takes_no_half_message(coid, alice):
    with Lmtp(("127.0.0.1", coid.ports["lmtp"])) as lmtp:
        lmtp.hello()
        lmtp.cmd("MAIL FROM:<a@example.net>")
        lmtp.cmd(f"RCPT TO:<{alice}>")
        assert lmtp.cmd("DATA")[0] == 354
        lmtp.send(b"Subject: half\r\n\r\nno end\r\n")
        lmtp.sock.shutdown(socket.SHUT_WR)
        assert lmtp.reply()[0] == 0
    with coid.raw(alice, mailbox="INBOX") as raw:
        assert raw.ok("SEARCH ALL") == [b"* SEARCH"]


def test_after_tls_close_notify_the_answers_come(coid, mail):
    """TLS 1.3 closes each direction by itself (RFC 8446 section 6.1)."""
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    got = b""
    with socket.create_connection(("127.0.0.1", coid.ports["imaps"]), 30) as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        tls.write(commands(mail, "c FETCH 1:* (BODY.PEEK[])", "d LOGOUT"))
        with pytest.raises(ssl.SSLWantReadError):
            tls.unwrap()
        sock.sendall(outgoing.read())
        # This library no longer shows data that comes after our own close_notify, so the bytes are counted.
        got = everything(sock)
    assert len(got) > 20 * 5000
