"""SIP messages as the test phones write and read them. Strict: what is odd in a message is listed in `faults`."""

import os
import re

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
           "c": "content-type", "k": "supported", "s": "subject", "e": "content-encoding"}
MANDATORY = ("via", "from", "to", "call-id", "cseq")


def token(size=8):
    return os.urandom(size).hex()


def bracket(address):
    return f"[{address}]" if ":" in address else address


class Message:
    """A request or a reply: start line, headers in order, body."""

    def __init__(self, start, headers=None, body=b""):
        self.start = start
        self.headers = headers or []
        self.body = body if isinstance(body, bytes) else body.encode()
        self.faults = []

    @classmethod
    def parse(cls, data):
        head, gap, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape")).split("\r\n")
        msg = cls(lines[0], [], body)
        if not gap:
            msg.faults.append("no empty line after the headers")
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or "\n" in line or "\r" in line:
                msg.faults.append(f"bad header line {line!r}")
            msg.headers.append((name.strip(), value.strip()))
        for name in MANDATORY:
            if msg.get(name) is None:
                msg.faults.append(f"no {name}")
        length = msg.get("content-length")
        if length is not None and int(length) != len(body):
            msg.faults.append(f"Content-Length {length} with a body of {len(body)} bytes")
        return msg

    def data(self):
        lines = [self.start]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.get("content-length") is None:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body

    @staticmethod
    def canonical(name):
        name = name.lower()
        return COMPACT.get(name, name)

    def all(self, name):
        """Every value of a header, comma lists split for those that may be lists."""
        name = self.canonical(name)
        values = [v for n, v in self.headers if self.canonical(n) == name]
        if name in ("via", "route", "record-route", "contact", "path"):
            values = [part for v in values for part in split_list(v)]
        return values

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    def add(self, name, value):
        self.headers.append((name, value))
        return self

    def drop(self, name):
        name = self.canonical(name)
        self.headers = [(n, v) for n, v in self.headers if self.canonical(n) != name]
        return self

    def put(self, name, value):
        """Replace the header, in place."""
        wanted, done, out = self.canonical(name), False, []
        for n, v in self.headers:
            if self.canonical(n) != wanted:
                out.append((n, v))
            elif not done:
                out.append((n, value))
                done = True
        self.headers = out if done else out + [(name, value)]
        return self

    @property
    def reply(self):
        return self.start.startswith("SIP/2.0 ")

    @property
    def status(self):
        return int(self.start.split(" ", 2)[1])

    @property
    def reason(self):
        return self.start.split(" ", 2)[2] if self.start.count(" ") >= 2 else ""

    @property
    def method(self):
        """Of a reply: the method it answers."""
        return self.get("cseq").split()[1] if self.reply else self.start.split(" ", 1)[0]

    @property
    def uri(self):
        return self.start.split(" ")[1]

    @property
    def cseq(self):
        return int(self.get("cseq").split()[0])

    @property
    def call_id(self):
        return self.get("call-id")

    @property
    def branch(self):
        return param(self.get("via"), "branch")

    def tag(self, name):
        return param(self.get(name), "tag")

    def contact_uri(self):
        return uri_of(self.get("contact"))


def split_list(value):
    """Split at commas outside quotes and angle brackets."""
    out, depth, quoted, last = [], 0, False, 0
    for i, c in enumerate(value):
        if c == '"' and (i == 0 or value[i - 1] != "\\"):
            quoted = not quoted
        elif not quoted and c == "<":
            depth += 1
        elif not quoted and c == ">":
            depth -= 1
        elif not quoted and depth == 0 and c == ",":
            out.append(value[last:i].strip())
            last = i + 1
    out.append(value[last:].strip())
    return out


def param(value, name):
    """A parameter of a header value (outside the angle brackets); "" when it has no value, None when absent."""
    if value is None:
        return None
    rest = re.sub(r"<[^>]*>", "", value)
    found = re.search(r";\s*" + re.escape(name) + r"\s*(?:=\s*([^;,\s]*))?(?=[;,\s]|$)", rest, re.I)
    if not found:
        return None
    return found.group(1) or ""


def uri_of(value):
    if value is None:
        return None
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0].strip()


def uri_parts(uri):
    """(user, host without brackets, port or None, parameters in lower case)"""
    found = re.match(r"sips?:(?:([^@]*)@)?(\[[^\]]*\]|[^:;?]*)(?::(\d+))?([^?]*)", uri)
    if not found:
        raise ValueError(f"not a SIP URI: {uri!r}")
    user, host, port, params = found.groups()
    return user, host.strip("[]"), int(port) if port else None, params.lower()


def sdp(address, ports, version=1, session_c=True, extra=""):
    """Audio on each of the ports; c= once for the session or once for each media."""
    kind = "IP6" if ":" in address else "IP4"
    c = f"c=IN {kind} {address}\r\n"
    text = f"v=0\r\no=- 20 {version} IN {kind} {address}\r\ns=-\r\n{c if session_c else ''}t=0 0\r\n"
    for i, port in enumerate(ports):
        media = "audio" if i == 0 else "video"
        text += f"m={media} {port} RTP/AVP {0 if i == 0 else 34}\r\n{'' if session_c else c}"
        text += "a=rtpmap:0 PCMU/8000\r\n" if i == 0 else "a=rtpmap:34 H263/90000\r\n"
    return (text + extra).encode()


def media_of(body):
    """[(address, port)] of the streams of an SDP."""
    session, streams = None, []
    for line in body.decode("utf-8", "replace").splitlines():
        if line.startswith("c="):
            address = line.split()[2]
            if streams:
                streams[-1][0] = address
            else:
                session = address
        elif line.startswith("m="):
            streams.append([session, int(line.split()[1].split("/")[0])])
    return [tuple(s) for s in streams]
