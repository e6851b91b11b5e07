"""An LMTP client that reads one reply for each recipient (smtplib's reads one alone)."""

import socket


class Lmtp:
    def __init__(self, address, timeout=30):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(address)
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        """(code, [text of each line]); (0, []) when the server has closed."""
        texts = []
        while True:
            line = self.file.readline()
            if not line:
                return 0, texts
            texts.append(line[4:].rstrip(b"\r\n").decode())
            if line[3:4] != b"-":
                return int(line[:3]), texts

    def cmd(self, text):
        self.send(text + "\r\n")
        return self.reply()

    def hello(self, name="relay.example.org"):
        greeting = self.reply()
        assert greeting[0] == 220, greeting
        code, texts = self.cmd(f"LHLO {name}")
        assert code == 250, (code, texts)
        return texts

    @staticmethod
    def stuff(message):
        """Dots at the start of lines doubled, the final line end made sure of."""
        if not message.endswith(b"\r\n"):
            message += b"\r\n"
        if message.startswith(b"."):
            message = b"." + message
        return message.replace(b"\r\n.", b"\r\n..")

    def deliver(self, recipients, message, sender="sender@example.net", options=""):
        """One transaction; {recipient: (code, text)}. Pipelined as relays do."""
        self.send(f"MAIL FROM:<{sender}>{options}\r\n" + "".join(f"RCPT TO:<{r}>\r\n" for r in recipients))
        code, texts = self.reply()
        answers = {}
        accepted = []
        for recipient in recipients:
            rcode, rtexts = self.reply()
            if rcode == 250:
                accepted.append(recipient)
            else:
                answers[recipient] = (rcode, rtexts[-1])
        assert code == 250, (code, texts)
        if not accepted:
            assert self.cmd("RSET")[0] == 250
            return answers
        code, texts = self.cmd("DATA")
        if code != 354:
            assert self.cmd("RSET")[0] == 250
            return {**answers, **{r: (code, texts[-1]) for r in accepted}}
        self.send(self.stuff(message) + b".\r\n")
        for recipient in accepted:
            code, texts = self.reply()
            answers[recipient] = (code, texts[-1])
        return answers
