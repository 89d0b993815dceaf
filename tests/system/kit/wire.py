"""Bytes in, bytes out: what a script does to a message, compared octet by octet.

    near --message--> pinholed --> far;  near <--reply-- pinholed <-- far

Two bare UDP sockets. What far gets is the message that near sent but for the daemon's own Via, which stands first and
is taken away here, and Max-Forwards, which is one less and put back here; what near gets of a reply is what far sent but
for that Via. The daemon writes nothing else: near's Via tells the truth about its address.
"""

import re
import socket

from . import check, proc, sip

SCRIPT = """route {{
	route("$hdr(X-Case)");
	xlog("L_INFO", "code of $ci is $rc\\n");
	$du = "sip:{far}";
	t_on_reply("BACK");
	t_relay();
}}
onreply_route[BACK] {{
	route("$hdr(X-Case)");
	xlog("L_INFO", "code of $ci is $rc\\n");
}}
"""


class Wire:
    """`cases`: {name: statements}; X-Case of a message (or reply) names the one that runs; "none" does nothing."""

    def __init__(self, t, cases, address="127.0.0.1", source=None, conf=None, head=""):
        self.address = address
        self.near = self.open(source or address)
        self.far = self.open(address)
        t.helpers.append(self)
        script = head + SCRIPT.format(far=self.name(self.far))
        for name, text in {"none": "return(1);", **cases}.items():
            script += f"route[{name}] {{\n\t{text}\n}}\n"
        self.daemon = t.daemon(address=address, script=script, conf={"workers": 1, **(conf or {})})
        self.sent = None
        self.call_id = None

    @staticmethod
    def open(address):
        sock = socket.socket(proc.family(address), socket.SOCK_DGRAM)
        sock.bind((address, 0))
        sock.settimeout(5)
        return sock

    @staticmethod
    def name(sock):
        host, port = sock.getsockname()[:2]
        return f"{sip.bracket(host)}:{port}"

    @property
    def source(self):
        """near as the daemon sees it: "host:port"."""
        return self.name(self.near)

    def close(self):
        self.near.close()
        self.far.close()

    def head(self, case, method="INVITE", via=None):
        """The first lines of a new request, with line ends."""
        self.call_id = sip.token()
        return (f"{method} sip:bob@example.test SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {via or self.source};branch=z9hG4bK{sip.token()}\r\n"
                f"From: <sip:alice@example.test>;tag=1\r\nTo: <sip:bob@example.test>\r\n"
                f"Call-ID: {self.call_id}\r\nCSeq: 7 {method}\r\nMax-Forwards: 70\r\nX-Case: {case}\r\n")

    def send(self, data):
        self.sent = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        self.near.sendto(self.sent, self.daemon.server)

    def at_far(self):
        """What far got, without the daemon's Via; the reply to it is kept ready in `answer`."""
        call_id = self.call_id.encode()
        while True:
            try:
                data, _ = self.far.recvfrom(65536)
            except TimeoutError:
                raise check.Failed(f"nothing came through of {self.sent[:300]!r}: {self.daemon.process.tail()}") from None
            if call_id in data and not data.startswith(b"ACK "):
                break
        start, _, rest = data.partition(b"\r\n")
        via, _, rest = rest.partition(b"\r\n")
        check.that(re.match(rb"Via: SIP/2\.0/UDP ", via), f"the daemon's Via stands first: {via!r}")
        self.own_via = via + b"\r\n"
        check.that(rest.count(b"\r\nMax-Forwards: 69\r\n") == 1, f"Max-Forwards is one less: {rest[:600]!r}")
        return start + b"\r\n" + rest.replace(b"\r\nMax-Forwards: 69\r\n", b"\r\nMax-Forwards: 70\r\n")

    def reply(self, rest, status="200 OK"):
        """Answer the request that at_far() gave; `rest` are the bytes behind the Via headers."""
        near_via = re.search(rb"\r\nVia: [^\r]*\r\n", self.sent).group(0)[2:]
        rest = rest.encode("utf-8", "surrogateescape") if isinstance(rest, str) else rest
        start = f"SIP/2.0 {status}\r\n".encode()
        self.replied = start + near_via + rest
        self.far.sendto(start + self.own_via + near_via + rest, self.daemon.server)

    def reply_head(self, case, method="INVITE"):
        return (f"From: <sip:alice@example.test>;tag=1\r\nTo: <sip:bob@example.test>;tag=2\r\n"
                f"Call-ID: {self.call_id}\r\nCSeq: 7 {method}\r\nX-Case: {case}\r\n")

    def at_near(self):
        """The next reply that is no 100 of the daemon."""
        call_id = self.call_id.encode()
        while True:
            try:
                data, _ = self.near.recvfrom(65536)
            except TimeoutError:
                raise check.Failed(f"no reply came back: {self.daemon.process.tail()}") from None
            if call_id in data and not data.startswith(b"SIP/2.0 100 "):
                return data

    def codes(self, count=1):
        """What the cases answered for the message last sent: request, reply."""
        def found():
            return [int(c) for c in re.findall(rf"code of {self.call_id} is (-?\d+)", self.daemon.log())]
        check.until(lambda: len(found()) >= count, 5, lambda: f"the script tells {count} codes, has {found()}")
        return found()

    # One way, answered with nothing of interest

    def through(self, case, rest, method="INVITE", via=None):
        """Send head + rest; (bytes as sent, bytes at far, code)."""
        self.send(self.head(case, method, via) + rest)
        got = self.at_far()
        self.reply(self.reply_head("none", method) + "Content-Length: 0\r\n\r\n")
        self.at_near()
        return self.sent, got, self.codes()[0]

    def back(self, case, rest, method="INVITE"):
        """Send a reply with head + rest; (bytes as sent, bytes at near, code)."""
        self.send(self.head("none", method) + "Contact: <sip:alice@example.test>\r\nContent-Length: 0\r\n\r\n")
        self.at_far()
        self.reply(self.reply_head(case, method) + rest)
        got = self.at_near()
        return self.replied, got, self.codes(2)[1]


def equal(found, expected, what):
    """Octet by octet; on failure both."""
    check.that(found == expected, f"{what}:\n--- found\n{found.decode('utf-8', 'replace')}\n--- expected\n"
                                  f"{expected.decode('utf-8', 'replace')}")
