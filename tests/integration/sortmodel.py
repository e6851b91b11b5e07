"""SORT and THREAD as RFC 5256 and RFC 5957 describe them, step by step and without any thought of speed: what the server
must answer. Knows nothing of the server's ways. Messages are made with their decoded values, so nothing is parsed here but
subjects, by the grammar of RFC 5256 section 5.
"""

import functools
import re
import unicodedata

BLOB = r"\[[^\[\]]*\][ ]*"
REFWD = re.compile(rf"(?:{BLOB})*(?:re|fwd?)[ ]*(?:{BLOB})?:", re.IGNORECASE)
TRAILER = re.compile(r"(?:\(fwd\)| )$", re.IGNORECASE)


def base_subject(subject):
    """(base subject, whether it is that of a reply or forward): section 2.1. Text or octets."""
    if isinstance(subject, bytes):
        base, reply = base_subject(subject.decode("latin-1"))
        return base.encode("latin-1"), reply
    reply = False
    text = re.sub(r"[ \t\r\n]+", " ", subject)  # (1)
    while True:
        while match := TRAILER.search(text):  # (2)
            reply = reply or match.group() != " "
            text = text[:match.start()]
        while True:  # (5)
            if text.startswith(" "):  # (3)
                text = text[1:]
            elif match := REFWD.match(text):
                reply = True
                text = text[match.end():]
            elif (match := re.match(BLOB, text)) and match.end() < len(text):  # (4)
                text = text[match.end():]
            else:
                break
        if not (text[:5].lower() == "[fwd:" and text.endswith("]") and len(text) > 5):  # (6)
            return text, reply
        reply = True
        text = text[5:-1]


def mime_casemap(text):
    """RFC 5051: titlecase and decomposition of each character by UnicodeData.txt, as octets."""
    out = []
    for char in text:
        title = char.title()
        if len(title) != 1:
            title = char
        # The algorithmic decomposition of Hangul is not in the table.
        hangul = "\uac00" <= char <= "\ud7a3"
        out.append(title if hangul else unicodedata.normalize("NFKD", title))
    return "".join(out).encode()


def collated(text):
    """A key: the empty string first, then text by i;unicode-casemap, then octets of no known charset (RFC 5255, 4.6)."""
    if isinstance(text, bytes):
        return (1, text) if text else (0, b"")
    return (0, mime_casemap(text))


class Message:
    """subject: text, or octets if it cannot be converted. Addresses: (name, mailbox, host) or None. sent: seconds or None."""

    def __init__(self, uid, subject="", sent=None, arrival=0, size=0, sender=None, to=None, cc=None, message_id=None,
                 references=(), in_reply_to=None):
        self.uid, self.subject, self.sent, self.arrival, self.size = uid, subject, sent, arrival, size
        self.sender, self.to, self.cc = sender, to, cc
        self.message_id, self.references, self.in_reply_to = message_id, list(references), in_reply_to
        self.base, self.reply = base_subject(subject)

    @property
    def date(self):
        return self.arrival if self.sent is None else self.sent

    @property
    def subject_key(self):
        return collated(self.base)


def mailbox_key(address):
    return collated(address[1] if address else "")


def display_key(address):
    if not address:
        return collated("")
    name, mailbox, host = address
    if name:
        return collated(name)
    return collated(mailbox if host is None else f"{mailbox}@{host}")


KEYS = {
    "ARRIVAL": lambda m: m.arrival,
    "CC": lambda m: mailbox_key(m.cc),
    "DATE": lambda m: m.date,
    "DISPLAYFROM": lambda m: display_key(m.sender),
    "DISPLAYTO": lambda m: display_key(m.to),
    "FROM": lambda m: mailbox_key(m.sender),
    "SIZE": lambda m: m.size,
    "SUBJECT": lambda m: m.subject_key,
    "TO": lambda m: mailbox_key(m.to),
}


def sort(messages, program):
    """`program`: "REVERSE DATE SUBJECT"; the UIDs in order. Messages come in order of their UIDs."""
    criteria, reverse = [], False
    for word in program.split():
        if word == "REVERSE":
            reverse = True
            continue
        criteria.append((KEYS[word], -1 if reverse else 1))
        reverse = False

    def compare(a, b):
        for key, sign in criteria:
            x, y = key(a), key(b)
            if x != y:
                return -sign if x < y else sign
        return a.uid - b.uid

    return [m.uid for m in sorted(messages, key=functools.cmp_to_key(compare))]


# A thread is (uid or None for a dummy, [threads]).


def by_date(nodes):
    def key(node):
        while node.message is None:
            node = node.children[0]
        return node.message.date, node.message.uid
    return sorted(nodes, key=key)


class Node:
    def __init__(self, message=None):
        self.message, self.parent, self.children = message, None, []

    def is_above(self, other):
        while other:
            if other is self:
                return True
            other = other.parent
        return False

    def attach(self, parent):
        self.detach()
        self.parent = parent
        parent.children.append(self)

    def detach(self):
        if self.parent:
            self.parent.children.remove(self)
        self.parent = None

    def thread(self):
        return (self.message.uid if self.message else None, [child.thread() for child in self.children])


def ordered_subject(messages):
    threads = {}
    for message in sorted(messages, key=lambda m: (m.subject_key, m.date, m.uid)):
        threads.setdefault(message.subject_key, []).append(message)
    ordered = sorted(threads.values(), key=lambda thread: (thread[0].date, thread[0].uid))
    return [(thread[0].uid, [(m.uid, []) for m in thread[1:]]) for thread in ordered]


def link_all(messages):
    """Step 1; all nodes."""
    by_id, nodes = {}, []

    def node_for(name):
        if name not in by_id:
            by_id[name] = Node()
            nodes.append(by_id[name])
        return by_id[name]

    for message in messages:
        if message.message_id is not None and node_for(message.message_id).message is None:
            node = node_for(message.message_id)
            node.message = message
        else:
            node = Node(message)
            nodes.append(node)
        names = message.references or ([message.in_reply_to] if message.in_reply_to else [])
        chain = [node_for(name) for name in names]
        for parent, child in zip(chain, chain[1:]):
            if child.parent is None and not child.is_above(parent):
                child.attach(parent)
        node.detach()
        if chain and not node.is_above(chain[-1]):
            node.attach(chain[-1])
    return nodes


def prune(root):
    """Step 3, from the leaves up."""
    stack, order = [root], []
    while stack:
        node = stack.pop()
        order.append(node)
        stack += node.children
    for node in reversed(order):
        for child in list(node.children):
            if child.message is None and (node is not root or len(child.children) < 2):
                for grandchild in list(child.children):
                    grandchild.attach(node)
                child.detach()


def first_message(node):
    return node.message or node.children[0].message


def references(messages):
    root = Node()
    for node in link_all(messages):  # (1)
        if node.parent is None:  # (2)
            node.attach(root)
    prune(root)  # (3)
    for node in root.children:  # (4)
        if node.message is None:
            node.children = by_date(node.children)
    root.children = by_date(root.children)
    table = {}  # (5)
    for node in root.children:
        message = first_message(node)
        if not message.base:
            continue
        old = table.get(message.subject_key)
        if old is None or (old.message is not None and (
                node.message is None or (old.message.reply and not node.message.reply))):
            table[message.subject_key] = node
    for node in list(root.children):
        message = first_message(node)
        other = table.get(message.subject_key)
        if not message.base or other is node:
            continue
        if other.message is None and node.message is None:
            for child in list(node.children):
                child.attach(other)
            node.detach()
        elif other.message is None:
            node.attach(other)
        elif node.message is not None and node.message.reply and not other.message.reply:
            node.attach(other)
        else:
            dummy = Node()
            dummy.attach(root)
            node.attach(dummy)
            other.attach(dummy)
            table[message.subject_key] = dummy
    stack, order = [root], []
    while stack:
        node = stack.pop()
        order.append(node)
        stack += node.children
    for node in reversed(order):  # (6)
        node.children = by_date(node.children)
    return [node.thread() for node in root.children]


def printed(threads):
    """The threads in the form of the THREAD response."""
    def members(thread):
        uid, children = thread
        text = "" if uid is None else str(uid)
        while len(children) == 1:
            uid, children = children[0]
            text += f" {uid}"
        nested = "".join(f"({members(child)})" for child in children)
        return text + (" " if text and nested else "") + nested
    return "".join(f"({members(thread)})" for thread in threads)
