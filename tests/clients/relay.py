"""A small mail relay for clients that send: SMTP submission on loopback, delivery by LMTP to a coid daemon.

    with Relay(coid, {"alice@example.org": "password"}) as relay:
        relay.tls_port, relay.starttls_port

TLS at once or by STARTTLS, AUTH PLAIN and LOGIN, PIPELINING. Its users are its recipients; whom coid refuses in LMTP is
remembered in `refused` (SMTP has one answer for all). Messages are kept in `taken` as (sender, recipients, bytes).
"""

import asyncio
import base64
import hmac
import re
import ssl
import threading

from lmtpraw import Lmtp

LINE_MAX = 4096
MESSAGE_MAX = 50 * 1024 * 1024
RECIPIENTS_MAX = 1000

PATH = re.compile(r"(?:FROM|TO):\s*<([^<>]*)>", re.IGNORECASE)


class Hangup(Exception):
    """The client is gone or must go."""


class Session:
    def __init__(self, relay, reader, writer, secure):
        self.relay = relay
        self.reader = reader
        self.writer = writer
        self.secure = secure
        self.user = None
        self.reset()

    def reset(self):
        self.sender = None
        self.recipients = []

    def say(self, text):
        self.writer.write(text.encode() + b"\r\n")

    async def line(self):
        await self.writer.drain()
        try:
            line = await self.reader.readuntil(b"\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            raise Hangup() from None
        return line[:-2].decode("utf-8", "surrogateescape")

    async def run(self):
        self.say("220 relay.example.org ESMTP")
        while True:
            line = await self.line()
            verb, _, rest = line.partition(" ")
            handler = getattr(self, "do_" + verb.lower(), None) if verb.isalpha() else None
            if not handler:
                self.say("500 5.5.1 what?")
            elif verb.lower() in ("mail", "rcpt", "data") and not self.user:
                self.say("530 5.7.0 log in first")
            else:
                await handler(rest)

    async def do_ehlo(self, _):
        lines = ["relay.example.org", "PIPELINING", "8BITMIME", "SMTPUTF8", f"SIZE {MESSAGE_MAX}"]
        lines.append("AUTH PLAIN LOGIN" if self.secure else "STARTTLS")
        for line in lines[:-1]:
            self.say("250-" + line)
        self.say("250 " + lines[-1])

    async def do_helo(self, _):
        self.say("250 relay.example.org")

    async def do_starttls(self, _):
        if self.secure:
            self.say("503 5.5.1 TLS is on")
            return
        self.say("220 go ahead")
        await self.writer.drain()
        await self.writer.start_tls(self.relay.context)
        self.secure = True
        self.reset()

    async def prompt(self, text):
        self.say("334 " + base64.b64encode(text.encode()).decode())
        return base64.b64decode(await self.line())

    async def do_auth(self, rest):
        mechanism, _, initial = rest.partition(" ")
        if not self.secure:
            self.say("538 5.7.11 TLS first")
            return
        try:
            if mechanism.upper() == "PLAIN":
                answer = base64.b64decode(initial) if initial else await self.prompt("")
                _, user, password = answer.split(b"\0")
            elif mechanism.upper() == "LOGIN":
                user = base64.b64decode(initial) if initial else await self.prompt("Username:")
                password = await self.prompt("Password:")
            else:
                self.say("504 5.5.4 unknown mechanism")
                return
        except ValueError:
            self.say("501 5.5.2 not understood")
            return
        expected = self.relay.passwords.get(user.decode("utf-8", "replace").lower())
        if expected is None or not hmac.compare_digest(expected.encode(), password):
            self.say("535 5.7.8 authentication failed")
            return
        self.user = user.decode().lower()
        self.say("235 2.7.0 welcome")

    async def do_mail(self, rest):
        found = PATH.match(rest)
        if not found:
            self.say("501 5.5.4 MAIL FROM:<address>")
            return
        self.reset()
        self.sender = found.group(1)
        self.say("250 2.1.0 ok")

    async def do_rcpt(self, rest):
        found = PATH.match(rest)
        if self.sender is None or not found:
            self.say("503 5.5.1 MAIL first")
        elif len(self.recipients) >= RECIPIENTS_MAX:
            self.say("452 4.5.3 too many")
        elif found.group(1).lower() not in self.relay.passwords:
            self.say("550 5.1.1 no such user")
        else:
            self.recipients.append(found.group(1))
            self.say("250 2.1.5 ok")

    async def do_data(self, _):
        if not self.recipients:
            self.say("503 5.5.1 RCPT first")
            return
        self.say("354 go on")
        message = await self.message()
        answers = await asyncio.get_running_loop().run_in_executor(
            None, self.relay.deliver, self.sender, self.recipients, message)
        self.reset()
        codes = {code for code, _ in answers.values()}
        self.say("250 2.0.0 taken" if 250 in codes else f"{max(codes)} 5.0.0 refused")

    async def message(self):
        message = bytearray()
        while True:
            await self.writer.drain()
            try:
                line = await self.reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as overrun:
                line = await self.reader.readexactly(overrun.consumed)
            except (asyncio.IncompleteReadError, ConnectionError):
                raise Hangup() from None
            if line == b".\r\n" and (not message or message.endswith(b"\r\n")):
                return bytes(message)
            if line.startswith(b".") and (not message or message.endswith(b"\r\n")):
                line = line[1:]
            message += line
            if len(message) > MESSAGE_MAX:
                self.say("552 5.3.4 too large")
                raise Hangup()

    async def do_rset(self, _):
        self.reset()
        self.say("250 2.0.0 ok")

    async def do_noop(self, _):
        self.say("250 2.0.0 ok")

    async def do_quit(self, _):
        self.say("221 2.0.0 bye")
        await self.writer.drain()
        raise Hangup()


class Relay:
    def __init__(self, coid, passwords):
        self.coid = coid
        self.passwords = {user.lower(): password for user, password in passwords.items()}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(coid.settings["tls.cert"], coid.settings["tls.key"])
        self.lock = threading.Lock()
        self.taken = []
        self.refused = []
        self.writers = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.servers = [self.wait(self.listen(secure)) for secure in (True, False)]
        self.tls_port, self.starttls_port = (server.sockets[0].getsockname()[1] for server in self.servers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    async def listen(self, secure):
        async def serve(reader, writer):
            self.writers.add(writer)
            try:
                await Session(self, reader, writer, secure).run()
            except (Hangup, ConnectionError, ssl.SSLError):
                pass
            finally:
                self.writers.discard(writer)
                writer.close()

        return await asyncio.start_server(
            serve, "127.0.0.1", 0, limit=LINE_MAX, ssl=self.context if secure else None)

    def close(self):
        self.wait(self.shutdown())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    async def shutdown(self):
        for server in self.servers:
            server.close()
        for writer in list(self.writers):
            writer.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_default_executor()

    def deliver(self, sender, recipients, message):
        """One LMTP transaction for all recipients: {recipient: (code, text)}. Runs on a thread of the executor."""
        try:
            with Lmtp(("127.0.0.1", self.coid.ports["lmtp"]), timeout=60) as lmtp:
                lmtp.hello()
                answers = lmtp.deliver(recipients, message, sender)
        except (OSError, AssertionError) as error:
            answers = {recipient: (451, str(error)) for recipient in recipients}
        with self.lock:
            self.taken.append((sender, list(recipients), message))
            self.refused += [(r, *answer) for r, answer in answers.items() if answer[0] != 250]
        return answers
