"""A byte-exact IMAP client: sends what it is told, shows what came, understands literals and nothing else."""

import re
import socket
import ssl
import time

LITERAL = re.compile(rb"~?\{(\d+)\}\r\n$")


class Closed(Exception):
    """The server closed the connection."""


class Raw:
    def __init__(self, host, port, tls=False, timeout=30, sock=None):
        self.sock = sock or socket.create_connection((host, port), timeout)
        self.sock.settimeout(timeout)
        self.buffer = b""
        self.serial = 0
        self.greeting_line = None
        if tls:
            self.start_tls()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def send_slowly(self, data, step=1):
        for i in range(0, len(data), step):
            self.send(data[i:i + step])

    def fill(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise Closed()
        self.buffer += piece

    def take(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.fill()
        end = self.buffer.index(b"\r\n") + 2
        return self.take(end)

    def response(self):
        """One whole response: its line and the literals in it, as bytes without the last CRLF."""
        data = b""
        while True:
            line = self.line()
            data += line
            literal = LITERAL.search(line)
            if not literal:
                return data[:-2]
            data += self.take(int(literal.group(1)))

    def greeting(self):
        self.greeting_line = self.response()
        return self.greeting_line

    def tag(self):
        self.serial += 1
        return b"t%d" % self.serial

    def command(self, text):
        """Sends one command without waiting; returns its tag."""
        tag = self.tag()
        self.send(tag + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return tag

    def until(self, tag):
        """(tagged response, [untagged responses before it])."""
        untagged = []
        while True:
            response = self.response()
            if response.startswith(tag + b" "):
                return response[len(tag) + 1:], untagged
            untagged.append(response)

    def cmd(self, text):
        return self.until(self.command(text))

    def ok(self, text):
        """Sends, expects OK, returns the untagged responses."""
        tagged, untagged = self.cmd(text)
        assert tagged.startswith(b"OK"), (text, tagged, untagged)
        return untagged

    def no(self, text, code=None):
        tagged, untagged = self.cmd(text)
        assert tagged.startswith(b"NO"), (text, tagged, untagged)
        if code:
            assert tagged.startswith(f"NO [{code}".encode()), (text, tagged)
        return tagged

    def bad(self, text):
        tagged, untagged = self.cmd(text)
        assert tagged.startswith(b"BAD"), (text, tagged, untagged)
        return tagged

    def append(self, mailbox, message, options="", nonsync=True):
        """APPEND; returns the tagged response."""
        tag = self.tag()
        head = tag + f' APPEND "{mailbox}" {options}{" " if options else ""}'.encode()
        if nonsync:
            self.send(head + b"{%d+}\r\n" % len(message) + message + b"\r\n")
        else:
            self.send(head + b"{%d}\r\n" % len(message))
            answer = self.response()
            if not answer.startswith(b"+"):
                return answer[len(tag) + 1:]
            self.send(message + b"\r\n")
        return self.until(tag)[0]

    def idle(self):
        """Starts IDLE; returns its tag after the continuation."""
        tag = self.command("IDLE")
        response = self.response()
        assert response.startswith(b"+"), response
        return tag

    def done(self, tag):
        self.send(b"DONE\r\n")
        return self.until(tag)

    def quiet(self, seconds=0.3):
        """The responses that come within this time: an empty list if nothing may come."""
        end = time.monotonic() + seconds
        got = []
        timeout = self.sock.gettimeout()
        try:
            while True:
                left = end - time.monotonic()
                if left <= 0:
                    return got
                self.sock.settimeout(left)
                try:
                    got.append(self.response())
                except (TimeoutError, socket.timeout, ssl.SSLWantReadError):
                    return got
        finally:
            self.sock.settimeout(timeout)

    def expect_closed(self):
        """Reads until the server closes; returns what came before."""
        got = []
        try:
            while True:
                got.append(self.response())
        except (Closed, ConnectionResetError, ssl.SSLError):
            return got
