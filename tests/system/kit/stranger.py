"""Somebody who sends any bytes, from an address of his own, by UDP or TCP; and messages cut into their fields as they stand.

Each has a loopback address that no other test has, so that its port may be the one that a message's Via names.
"""

import random
import re
import socket

from . import check, sip


def own_address():
    """127.x.y.z, another one for every call."""
    return "127." + ".".join(str(random.SystemRandom().randrange(2, 250)) for _ in range(3))


class Stranger:
    """`daemon` may be left out by who only answers, and tells send() where to."""

    def __init__(self, daemon=None, address=None, port=0, transport="udp"):
        self.server, self.transport = daemon and daemon.server, transport
        self.address = address or own_address()
        kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind((self.address, port))
        self.rest = b""
        if transport == "tcp":
            self.socket.settimeout(5)
            self.socket.connect(self.server)

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def close(self):
        self.socket.close()

    def send(self, data, daemon=None):
        if self.transport == "tcp":
            self.socket.sendall(data)
        else:
            self.socket.sendto(data, daemon.server if daemon else self.server)

    def receive(self, seconds=5):
        """The next message, None when there is none in that time, b"" when the connection was closed."""
        self.socket.settimeout(seconds)
        try:
            if self.transport == "udp":
                return self.socket.recv(65536)
            while True:
                self.rest = self.rest.lstrip(b"\r\n")          # keepalives
                head, gap, _ = self.rest.partition(b"\r\n\r\n")
                length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:\s*(\d+)", head)
                size = len(head) + 4 + int(length.group(1)) if gap and length else None
                if size is not None and len(self.rest) >= size:
                    message, self.rest = self.rest[:size], self.rest[size:]
                    return message
                more = self.socket.recv(65536)
                if not more:
                    return b""
                self.rest += more
        except TimeoutError:
            return None
        except ConnectionError:
            return b""

    def receive_final(self, seconds=5):
        """The same, but provisional replies are passed over."""
        while True:
            data = self.receive(seconds)
            if not data or not re.match(rb"SIP/2\.0 1\d\d ", data):
                return data

    def ask(self, data, seconds=1.0):
        """Send; the first reply as a Message, or None. What came before is forgotten."""
        self.socket.settimeout(0.0001)
        try:
            while self.socket.recv(65536):
                pass
        except OSError:
            pass
        self.send(data)
        reply = self.receive(seconds)
        return sip.Message.parse(reply) if reply else None


def cut(data):
    """(start line, [field, ...], body): each with its own bytes, folds and line ends included."""
    head, gap, body = data.partition(b"\r\n\r\n")
    check.that(gap, f"a message with an end of its header: {data[:200]!r}")
    start, _, rest = (head + b"\r\n").partition(b"\r\n")
    return start, re.findall(rb"[^\n]*\n(?:[ \t][^\n]*\n)*", rest), body


def name_of(field):
    """Lower case, long form for those that tests ask for."""
    name = field.partition(b":")[0].strip().lower()
    return {b"v": b"via", b"i": b"call-id", b"l": b"content-length", b"m": b"contact", b"f": b"from", b"t": b"to"}.get(name, name)


def named(fields, *names):
    return [f for f in fields if name_of(f) in names]


def squeezed(field):
    """Without any blank or fold, for fields that were written anew."""
    return re.sub(rb"\s+", b"", field)
