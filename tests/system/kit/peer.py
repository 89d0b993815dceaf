"""A party that says exactly what a test wants: one UDP socket, messages in and out, nothing by itself.

    caller = Peer(t, "127.0.0.21");  server = Peer(t, "127.0.0.22")
    invite = caller.request("INVITE", f"sip:bob@{server.at}", daemon)
    got = server.expect("INVITE")
    server.answer(got, 486, "Busy Here")
    caller.expect(486)
"""

import socket
import time

from . import check, proc, sip


class Peer:
    def __init__(self, t, address):
        self.address = address
        self.socket = socket.socket(proc.family(address), socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.port = self.socket.getsockname()[1]
        self.at = f"{sip.bracket(address)}:{self.port}"
        self.uri = f"sip:{self.at}"
        t.helpers.append(self)

    def close(self):
        self.socket.close()

    def message(self, method, uri, call_id=None, cseq=1, to_tag=None, branch=None):
        branch = branch or "z9hG4bK" + sip.token()
        return sip.Message(f"{method} {uri} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {self.at};branch={branch};rport"), ("Max-Forwards", "70"),
            ("From", f"<sip:peer@example.test>;tag={sip.token(4)}"),
            ("To", "<sip:bob@example.test>" + (f";tag={to_tag}" if to_tag else "")),
            ("Call-ID", call_id or sip.token()), ("CSeq", f"{cseq} {method}"), ("Contact", f"<{self.uri}>")])

    def send(self, msg, to):
        """to: a daemon, or (address, port)."""
        self.socket.sendto(msg.data(), getattr(to, "server", to))
        return msg

    def request(self, method, uri, to, extra=(), **kwargs):
        msg = self.message(method, uri, **kwargs)
        for name, value in extra:
            msg.add(name, value)
        return self.send(msg, to)

    def hop(self, request, method, to, to_tag=None):
        """CANCEL, or the ACK to a refusal, of a request of ours: same branch."""
        msg = sip.Message(f"{method} {request.uri} SIP/2.0", [
            (name, request.get(name)) for name in ("Via", "From", "To", "Call-ID")])
        if to_tag:
            msg.put("To", f"{request.get('to')};tag={to_tag}")
        msg.add("CSeq", f"{request.cseq} {method}").add("Max-Forwards", "70")
        return self.send(msg, to)

    def receive(self, seconds):
        """The next message; None when none comes in time."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data, source = self.socket.recvfrom(65536)
        except TimeoutError:
            return None
        msg = sip.Message.parse(data)
        msg.source = source
        check.equal(msg.faults, [], f"faults of {msg.start}")
        return msg

    def expect(self, what, seconds=5):
        """The next message with this method, or this status; others are passed over."""
        end, seen = time.monotonic() + seconds, []
        while time.monotonic() < end:
            msg = self.receive(end - time.monotonic())
            if msg is None:
                break
            seen.append(msg.start)
            if what == (msg.status if msg.reply else msg.start.split(" ")[0]):
                return msg
        raise check.Failed(f"no {what} at {self.at} within {seconds:g} s, only {seen}")

    def expect_final(self, status, seconds=5):
        """The next reply that is no provisional one."""
        end = time.monotonic() + seconds
        while True:
            msg = self.receive(end - time.monotonic())
            check.that(msg is not None, f"no final reply at {self.at}, expected {status}")
            if msg.reply and msg.status >= 200:
                check.equal(msg.status, status, f"final reply at {self.at}")
                return msg

    def quiet(self, seconds=0.4):
        msg = self.receive(seconds)
        check.that(msg is None, f"{self.at} got {msg and msg.start!r}")

    def answer(self, request, status, reason, tag=None, extra=(), body=b""):
        msg = sip.Message(f"SIP/2.0 {status} {reason}", [], body)
        for name, value in request.headers:
            low = request.canonical(name)
            if low in ("via", "from", "call-id", "cseq") or (low == "record-route" and 100 < status < 300):
                msg.add(name, value)
        to = request.get("to")
        msg.add("To", to if request.tag("to") or status == 100 else f"{to};tag={tag or self.port}")
        msg.add("Contact", f"<{self.uri}>")
        for name, value in extra:
            msg.add(name, value)
        self.socket.sendto(msg.data(), request.source)
        return msg
