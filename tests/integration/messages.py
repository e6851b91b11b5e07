"""Varied messages from a seed: sound ones, for comparison with Python's email package, and broken ones.

    for made in messages.make(seed=1, count=200):
        made.bytes      the message, with CRLF (a broken one may have bare LF)
        made.sound      email.message_from_bytes reads the same from it as any other parser
        made.kind       what it is, for messages about failures
"""

import base64
import dataclasses
import quopri
import random

WORDS = ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau "
         "meeting lunch invoice report holiday picture answer question tomorrow yesterday").split()
WIDE = ["Grüße", "straße", "naïve", "crème brûlée", "日本語", "Привет", "Ελληνικά", "emoji 🎉", "עברית"]
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclasses.dataclass
class Made:
    bytes: bytes
    sound: bool
    kind: str


class Maker:
    def __init__(self, rng):
        self.rng = rng
        self.boundaries = 0

    # -- pieces ---------------------------------------------------------------------------------------------------

    def words(self, low, high):
        return " ".join(self.rng.choice(WORDS) for _ in range(self.rng.randint(low, high)))

    def wide(self):
        return self.words(0, 3) + " " + self.rng.choice(WIDE) + " " + self.words(0, 3)

    def encoded_word(self, text):
        raw = text.strip().encode()
        if self.rng.random() < 0.5:
            return "=?utf-8?B?" + base64.b64encode(raw).decode() + "?="
        body = "".join(chr(b) if 48 <= b <= 57 or 65 <= b <= 90 or 97 <= b <= 122 else f"={b:02X}" for b in raw)
        return f"=?UTF-8?q?{body}?="

    def address(self):
        local = self.rng.choice(["anna", "bob.b", "carol+tag", '"odd local"', "d_e-f"])
        domain = self.rng.choice(["example.org", "mail.example.net", "xn--mller-kva.example"])
        name = self.rng.choice(["", self.words(1, 2), f'"{self.words(1, 2)}, jr."', self.encoded_word(self.wide())])
        return f"{name} <{local}@{domain}>" if name else f"{local}@{domain}"

    def addresses(self):
        text = ", ".join(self.address() for _ in range(self.rng.randint(1, 4)))
        return text.replace(", ", ",\r\n\t") if self.rng.random() < 0.3 else text

    def date(self):
        r = self.rng
        return (f"{r.choice(DAYS)}, {r.randint(1, 28)} {r.choice(MONTHS)} {r.randint(1999, 2026)} "
                f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02} {r.choice('+-')}{r.randint(0, 11):02}30")

    def subject(self):
        text = self.rng.choice([self.words(1, 8), self.encoded_word(self.wide()), "Re: " + self.words(1, 3), ""])
        if self.rng.random() < 0.2:
            text = text.replace(" ", "\r\n ", 1)
        return text

    def headers(self):
        fields = [("From", self.address()), ("To", self.addresses()), ("Subject", self.subject()),
                  ("Date", self.date()), ("Message-ID", f"<{self.rng.getrandbits(64):x}@example.org>")]
        extra = [("Cc", self.addresses()), ("Reply-To", self.address()), ("Sender", self.address()),
                 ("In-Reply-To", f"<{self.rng.getrandbits(32):x}@example.org>"),
                 ("References", "\r\n ".join(f"<{i}.{self.rng.getrandbits(32):x}@example.org>" for i in range(3))),
                 ("X-Folded", self.words(5, 9).replace(" ", "\r\n\t")), ("X-Empty", ""),
                 ("Received", f"from a by b;\r\n\t{self.date()}"), ("DKIM-Signature", "v=1; b=" + "A" * 60)]
        fields += self.rng.sample(extra, self.rng.randint(0, len(extra)))
        self.rng.shuffle(fields)
        return fields

    def join(self, fields):
        return "".join(f"{name}: {value}\r\n" for name, value in fields)

    def boundary(self):
        self.boundaries += 1
        return self.rng.choice(["b", "=_x.", "----=_Part_", "'()+_,-./:=?"]) + str(self.boundaries)

    def lines(self, wide=False):
        count = self.rng.choice([0, 1, 2, 5, 40])
        return "".join((self.wide() if wide else self.words(0, 12)) + "\r\n" for _ in range(count))

    # -- parts: (header fields, body bytes) -----------------------------------------------------------------------

    def text_part(self):
        kind = self.rng.randint(0, 5)
        subtype = self.rng.choice(["plain", "html", "x-other"])
        if kind == 0:
            return [], self.lines().encode()
        if kind == 1:
            return [("Content-Type", f"text/{subtype}; charset=us-ascii")], self.lines().encode()
        if kind == 2:
            body = quopri.encodestring(self.lines(wide=True).replace("\r\n", "\n").encode()).replace(b"\n", b"\r\n")
            return [("Content-Type", f'text/{subtype}; charset="utf-8"'),
                    ("Content-Transfer-Encoding", "quoted-printable")], body
        if kind == 3:
            body = base64.encodebytes(self.lines(wide=True).encode()).replace(b"\n", b"\r\n")
            return [("Content-Type", f"text/{subtype};\r\n charset=UTF-8;\r\n\tformat=flowed"),
                    ("Content-Transfer-Encoding", "base64")], body
        if kind == 4:
            return [("Content-Type", f"text/{subtype}; charset=utf-8"),
                    ("Content-Transfer-Encoding", "8bit")], self.lines(wide=True).encode()
        return [("Content-Type", f"text/{subtype}; charset=iso-8859-1"),
                ("Content-Transfer-Encoding", "8bit"), ("Content-Language", "en, de"),
                ("Content-Disposition", "inline")], "Grüße\r\n".encode("latin-1")

    def binary_part(self):
        body = base64.encodebytes(self.rng.randbytes(self.rng.randint(0, 600))).replace(b"\n", b"\r\n")
        name = self.rng.choice(["report.pdf", "a b.txt", "x"])
        return [("Content-Type", f'application/octet-stream; name="{name}"'), ("Content-Transfer-Encoding", "base64"),
                ("Content-Disposition", f'attachment;\r\n filename="{name}"'),
                ("Content-ID", f"<{self.rng.getrandbits(32):x}@example.org>"),
                ("Content-Description", self.words(1, 3))], body

    def message_part(self, depth):
        return [("Content-Type", "message/rfc822")], self.entity(self.headers(), self.part(depth + 1))

    def multipart(self, depth):
        boundary = self.boundary()
        subtype = self.rng.choice(["mixed", "alternative", "related", "x-unknown"])
        out = b""
        if self.rng.random() < 0.5:
            out += b"This is a message in MIME format.\r\n"
        for _ in range(self.rng.randint(1, 4)):
            fields, body = self.part(depth + 1)
            out += f"--{boundary}\r\n".encode() + self.entity(fields, body=body) + b"\r\n"
        out += f"--{boundary}--\r\n".encode()
        if self.rng.random() < 0.3:
            out += b"epilogue\r\n"
        return [("Content-Type", f'multipart/{subtype}; boundary="{boundary}"')], out

    def part(self, depth=0):
        kind = self.rng.random()
        if depth < 4 and kind < (0.5 if depth == 0 else 0.25):
            return self.multipart(depth)
        if depth < 3 and kind < 0.6 and depth > 0:
            return self.message_part(depth)
        if kind < 0.75:
            return self.binary_part()
        return self.text_part()

    def entity(self, fields, part=None, body=b""):
        if part:
            more, body = part
            fields = fields + ([("MIME-Version", "1.0")] if more else []) + more
        return self.join(fields).encode() + b"\r\n" + body

    def sound(self):
        return self.entity(self.headers(), self.part())

    # -- broken ---------------------------------------------------------------------------------------------------

    def broken(self, kind):
        whole = self.sound()
        r = self.rng
        if kind == "cut":
            return whole[:r.randint(0, len(whole))]
        if kind == "bare-lf":
            return whole.replace(b"\r\n", b"\n")
        if kind == "mixed-line-ends":
            return b"".join(line + r.choice([b"\r\n", b"\n"]) for line in whole.split(b"\r\n"))
        if kind == "bare-cr":
            return whole.replace(b" ", b"\r", 3)
        if kind == "nul":
            at = r.randint(0, len(whole))
            return whole[:at] + b"\0" * r.randint(1, 3) + whole[at:]
        if kind == "no-final-boundary":
            return (b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nfirst\r\n--q\r\n"
                    b"Content-Type: text/html\r\n\r\nsecond")
        if kind == "no-boundary-parameter":
            return b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\ntext\r\n--x--\r\n"
        if kind == "boundary-never-used":
            return b"Content-Type: multipart/mixed; boundary=never\r\n\r\nall of this is preamble\r\n"
        if kind == "same-boundary-nested":
            inner = b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\ninner\r\n--q--\r\n"
            return b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n" + inner + b"--q\r\n\r\nafter\r\n--q--\r\n"
        if kind == "outer-boundary-ends-inner":
            return (b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
                    b"Content-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\none\r\n--o\r\n\r\ntwo\r\n--o--\r\n")
        if kind == "random-bytes":
            return r.randbytes(r.randint(1, 3000))
        if kind == "8bit-header":
            return "Subject: Grüße ohne Kodierung\r\nFrom: Müller <m@example.org>\r\n\r\n".encode("latin-1") + b"x\r\n"
        if kind == "odd-header-lines":
            return b"Subject: ok\r\nno colon here\r\n: no name\r\n continuation of nothing\r\nX: y\r\n\r\nbody\r\n"
        if kind == "only-newlines":
            return b"\r\n" * r.randint(1, 5)
        if kind == "header-only":
            return self.join(self.headers()).encode()
        if kind == "bad-types":
            value = r.choice(["text", "/plain", "text/", "text/plain; charset", "text/plain; =x;;", ";", "a/b/c", '"text"/plain',
                              "multipart/mixed; boundary=\"", "message/rfc822; x=y", "text/plain; name=\"a\\\"b\""])
            return f"Content-Type: {value}\r\n\r\nbody\r\n--x\r\n".encode()
        if kind == "bad-addresses":
            value = r.choice(["<>", "<<a@b>>", "a@b@c", "undisclosed-recipients:;", "group: a@b, c@d;, e@f", ",,,", "\"open",
                              "a (comment (nested)) <a@b>", "@route:a@b", "<@r1,@r2:a@b>", "a b c d", "(only a comment)"])
            return f"From: {value}\r\nTo: {value}, x@y\r\nCc:\r\n\r\nbody".encode()
        if kind == "rfc2231":
            return (b"Content-Type: application/x; name*0*=utf-8'en'%C3%A4; name*1=\"b c\"; name*2*=%20d;\r\n"
                    b" plain*=us-ascii'en-us'This%20is\r\nContent-Disposition: attachment; filename*=UTF-8''%e2%82%ac\r\n\r\nx")
        if kind == "deep":
            out = b""
            for i in range(80):
                out += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
            return out + b"\r\ninnermost\r\n"
        if kind == "deep-messages":
            return b"Content-Type: message/rfc822\r\n\r\n" * 80 + b"Subject: innermost\r\n\r\nx\r\n"
        if kind == "long-lines":
            return b"Subject: " + b"s" * 5000 + b"\r\nX: " + b"\r\n y" * 500 + b"\r\n\r\n" + b"z" * 20000 + b"\r\n"
        if kind == "encoded-message":
            return (b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: message/rfc822\r\n"
                    b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(b"Subject: in\r\n\r\nx") + b"\r\n--q--\r\n")
        if kind == "digest":
            return (b"Content-Type: multipart/digest; boundary=q\r\n\r\n--q\r\n\r\nSubject: one\r\n\r\nfirst\r\n--q\r\n\r\n"
                    b"Subject: two\r\n\r\nsecond\r\n--q--\r\n")
        if kind == "from-line":
            return b"From anna@example.org Mon Jan  1 00:00:00 2026\r\nSubject: mbox\r\n\r\nx\r\n"
        if kind == "repeated-fields":
            return b"Subject: one\r\nSubject: two\r\nFrom: a@b\r\nFrom: c@d\r\nDate: x\r\nDate: y\r\nContent-Type: text/html\r\n" \
                   b"Content-Type: text/plain\r\n\r\nbody\r\n"
        raise ValueError(kind)


BROKEN = ["cut", "bare-lf", "mixed-line-ends", "bare-cr", "nul", "no-final-boundary", "no-boundary-parameter",
          "boundary-never-used", "same-boundary-nested", "outer-boundary-ends-inner", "random-bytes", "8bit-header",
          "odd-header-lines", "only-newlines", "header-only", "bad-types", "bad-addresses", "rfc2231", "deep",
          "deep-messages", "long-lines", "encoded-message", "digest", "from-line", "repeated-fields"]


def make(seed, count):
    """About a third of them broken, each kind in turn."""
    maker = Maker(random.Random(seed))
    made = []
    for i in range(count):
        if i % 3 == 2:
            kind = BROKEN[i // 3 % len(BROKEN)]
            data = maker.broken(kind)
            # An empty APPEND is refused.
            made.append(Made(data or b"\r\n", False, kind))
        else:
            made.append(Made(maker.sound(), True, "sound"))
    return made
