"""A SIP phone behind a simulated NAT: writes a private address into Via, Contact and SDP, and sends from another.

Everything received is checked; what is wrong stands in `complaints`, which Case looks at when a test ends.
One link thread a phone handles messages and timers; the test's thread starts requests and waits.
"""

import queue
import threading
import time

from . import check, rtp, sip
from .link import TcpLink, TlsLink, UdpLink

T1 = 0.5                      # s, RFC 3261 17.1.1.1
T2 = 4.0


class Timer:
    """Sends the same data again: at T1, doubled up to T2 (INVITE requests double without end)."""

    def __init__(self, data, cap=T2, limit=64 * T1, first=T1, to=None):
        self.data, self.cap, self.to = data, cap, to
        self.interval = first
        now = time.monotonic()
        self.next = now + self.interval
        self.end = now + limit


class ClientTransaction:
    def __init__(self, request):
        self.request = request
        self.replies = []
        self.sent_at = time.monotonic()
        self.final_at = None
        self.changed = threading.Condition()
        self.call = None
        self.timer = None
        self.acks = 0

    def final(self):
        for reply in self.replies:
            if reply.status >= 200:
                return reply
        return None

    def wait(self, seconds=10):
        """The final reply."""
        with self.changed:
            if not self.changed.wait_for(self.final, seconds):
                got = [r.start for r in self.replies]
                raise check.Failed(f"no final reply to {self.request.start} within {seconds:g} s, only {got}")
        return self.final()

    def wait_status(self, status, seconds=10):
        """A reply of this status, provisional or final."""
        def found():
            return next((r for r in self.replies if r.status == status), None)
        with self.changed:
            self.changed.wait_for(lambda: found() or self.final(), seconds)
        reply = found()
        check.that(reply is not None, f"{self.request.start}: no {status}, only {[r.start for r in self.replies]}")
        return reply

    def seconds(self):
        return self.final_at - self.sent_at


class Call:
    """One side of a dialog."""

    def __init__(self, phone, call_id, outgoing, streams=1):
        self.phone = phone
        self.call_id = call_id
        self.outgoing = outgoing
        self.local_tag = sip.token(4)
        self.remote_tag = None
        self.routes = []
        self.target = None
        self.cseq = 1
        self.txn = None                     # our INVITE
        self.invite = None                  # the INVITE, ours or theirs
        self.ack = None                     # received
        self.answer_data = None
        self.bye = None                     # received
        self.cancelled = threading.Event()
        self.acked = threading.Event()
        self.ended = threading.Event()
        self.remote_sdp = None
        self.media = [rtp.RtpEnd(phone.source) for _ in range(streams)]
        self.session_c = True
        self.extra_winners = []             # 2xx of other branches: acknowledged and ended

    @property
    def rtp(self):
        return self.media[0]

    def sdp(self):
        return sip.sdp(self.phone.private, [m.port for m in self.media], session_c=self.session_c)

    def targets(self):
        """Where the other side told us to send media: [(address, port)]."""
        check.that(self.remote_sdp, "the other side sent no SDP")
        return sip.media_of(self.remote_sdp)

    # What the caller waits for

    def wait_answer(self, seconds=10):
        reply = self.txn.wait(seconds)
        check.equal(reply.status, 200, f"final reply to INVITE ({reply.start})")
        return reply

    def wait_acked(self, seconds=5):
        check.that(self.acked.wait(seconds), f"{self.phone.user}: no ACK within {seconds:g} s")

    def wait_ended(self, seconds=5):
        check.that(self.ended.wait(seconds), f"{self.phone.user}: no BYE within {seconds:g} s")

    def wait_cancelled(self, seconds=5):
        check.that(self.cancelled.wait(seconds), f"{self.phone.user}: no CANCEL within {seconds:g} s")

    # What either side does

    def request(self, method, body=b"", extra=()):
        """A request inside the dialog, started."""
        self.cseq += 1
        return self.phone.start(self.in_dialog(method, self.cseq, body, extra), self if method == "INVITE" else None)

    def in_dialog(self, method, cseq, body=b"", extra=()):
        me, peer = self.phone.address_of_record(), self.peer_uri
        msg = self.phone.message(method, self.target, me, peer, self.call_id, cseq, self.local_tag, self.remote_tag, body)
        for route in self.routes:
            msg.add("Route", route)
        for name, value in extra:
            msg.add(name, value)
        return msg

    def hangup(self, seconds=5):
        reply = self.request("BYE").wait(seconds)
        check.equal(reply.status, 200, f"reply to BYE ({reply.start})")
        self.ended.set()
        return reply

    def reinvite(self, seconds=10):
        """New offer inside the call; acknowledged by the phone's thread."""
        return self.request("INVITE", self.sdp()).wait(seconds)

    def cancel(self, seconds=5):
        """CANCEL our INVITE; returns the reply to the CANCEL."""
        invite = self.txn.request
        msg = sip.Message(f"CANCEL {invite.uri} SIP/2.0", [])
        for name in ("Via", "From", "To", "Call-ID"):
            msg.add(name, invite.get(name))
        msg.add("CSeq", f"{invite.cseq} CANCEL").add("Max-Forwards", "70")
        for route in invite.all("route"):
            msg.add("Route", route)
        return self.phone.start(msg).wait(seconds)

    # What the called side does

    def reply(self, status, reason, body=b""):
        self.phone.reply(self.invite, status, reason, self.local_tag, body)

    def ring(self):
        self.reply(180, "Ringing")

    def reject(self, status=486, reason="Busy Here"):
        self.reply(status, reason)

    def answer(self):
        self.reply(200, "OK", self.sdp())

    def close(self):
        for end in self.media:
            end.close()


class Phone:
    """`mode`: what happens to an incoming INVITE: answer, ring, busy, silent, or manual (it rings by itself when told)."""

    def __init__(self, user, server, domain, transport="udp", source="127.0.0.2", private="192.168.1.10",
                 mode="answer", private_port=5060, contact_user=None, retransmit=True, public=None, tls=None,
                 scheme="sip"):
        self.user, self.domain, self.server = user, domain, server
        self.source, self.private, self.private_port = source, private, private_port
        self.transport, self.mode, self.retransmit = transport, mode, retransmit
        self.tls, self.scheme = tls or {}, scheme
        self.public = public                # behind a real NAT: its address; the port is the router's to choose
        self.contact_user = contact_user or user
        self.lock = threading.RLock()
        self.complaints = []
        self.sources = {server}             # who may send to it: its router lets in nothing else
        self.received = []                  # every message, in order
        self.keepalives = []                # (time.monotonic(), bytes, address): 4 zero bytes, CRLF CRLF
        self.transactions = {}              # (branch, method) -> ClientTransaction
        self.calls = {}                     # (call-id, local tag) -> Call
        self.seen = set()                   # (branch, method) of requests that were handled
        self.served = {}                    # (branch, method) -> last reply we sent
        self.timers = {}
        self.incoming = queue.Queue()       # Calls, as their INVITE arrives
        self.options = 0
        self.register_id = sip.token()
        self.register_cseq = 0
        self.connect()

    def connect(self):
        if self.transport == "tls":
            self.link = TlsLink(self.source, self.server, self.on_data, self.tls)
        else:
            kind = TcpLink if self.transport == "tcp" else UdpLink
            self.link = kind(self.source, self.server, self.on_data)
        self.link.start()

    def reconnect(self):
        """From a new port, as after a reboot of the phone or of its router."""
        self.link.close()
        self.connect()

    def close(self):
        self.link.close()
        for call in list(self.calls.values()):
            call.close()

    def complain(self, text, msg=None):
        self.complaints.append(f"{self.user}: {text}" + (f" in {msg.start!r}" if msg else ""))

    # Writing

    def address_of_record(self):
        return f"{self.scheme}:{self.user}@{self.domain}"

    def contact(self, params=""):
        transport = f";transport={self.transport}" if self.transport != "udp" and self.scheme == "sip" else ""
        return f"<{self.scheme}:{self.contact_user}@{sip.bracket(self.private)}:{self.private_port}{transport}>{params}"

    def via(self):
        where = f"{sip.bracket(self.private)}:{self.private_port}"
        return f"SIP/2.0/{self.transport.upper()} {where};branch=z9hG4bK{sip.token()};rport"

    def message(self, method, uri, from_uri, to_uri, call_id, cseq, from_tag, to_tag=None, body=b"", contact=None):
        msg = sip.Message(f"{method} {uri} SIP/2.0", [], body)
        msg.add("Via", self.via()).add("Max-Forwards", "70")
        msg.add("From", f"<{from_uri}>;tag={from_tag}")
        msg.add("To", f"<{to_uri}>" + (f";tag={to_tag}" if to_tag else ""))
        msg.add("Call-ID", call_id).add("CSeq", f"{cseq} {method}")
        if method in ("INVITE", "REGISTER", "SUBSCRIBE", "UPDATE"):
            msg.add("Contact", contact if contact is not None else self.contact())
        if method == "INVITE":
            msg.add("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS")
        msg.add("User-Agent", "test phone")
        if body:
            msg.add("Content-Type", "application/sdp")
        return msg

    def start(self, msg, call=None):
        """Send a request with retransmissions; returns its ClientTransaction. The answer to an INVITE of a call is acknowledged."""
        txn = ClientTransaction(msg)
        data, to = msg.data(), self.next_hop(msg)
        with self.lock:
            if call:
                txn.call, call.txn = call, txn
            self.transactions[(msg.branch, msg.method)] = txn
            if self.retransmit and not self.link.reliable:
                txn.timer = Timer(data, cap=1e9 if msg.method == "INVITE" else T2, to=to)
                self.timers[id(txn)] = txn.timer
        self.link.send(data, to)
        return txn

    def next_hop(self, msg):
        """The first Route's address, when it is one of those that we talk to; else the server."""
        route = msg.get("route")
        if route is None:
            return self.server
        _, host, port, _ = sip.uri_parts(sip.uri_of(route))
        return (host, port or 5060) if (host, port or 5060) in self.sources else self.server

    def request(self, method, uri, seconds=10, body=b"", extra=()):
        """A request outside any call, waited for."""
        msg = self.message(method, uri, self.address_of_record(), uri, sip.token(), 1, sip.token(4), body=body)
        for name, value in extra:
            msg.add(name, value)
        return self.start(msg).wait(seconds)

    def register_message(self, expires=3600, contact=None, params="", extra=()):
        self.register_cseq += 1
        aor = self.address_of_record()
        msg = self.message("REGISTER", f"sip:{self.domain}", aor, aor, self.register_id, self.register_cseq, sip.token(4),
                           contact=contact or self.contact(params))
        if expires is not None:
            msg.add("Expires", str(expires))
        for name, value in extra:
            msg.add(name, value)
        return msg

    def register(self, expires=3600, contact=None, params="", status=200, extra=(), seconds=10):
        reply = self.start(self.register_message(expires, contact, params, extra)).wait(seconds)
        if status is not None:
            check.equal(reply.status, status, f"reply to REGISTER of {self.user} ({reply.start})")
        return reply

    def call(self, user, streams=1, session_c=True, sdp=True, uri=None, extra=()):
        """Start a call; returns at once."""
        uri = uri or f"sip:{user}@{self.domain}"
        call = Call(self, sip.token(), True, streams)
        call.session_c = session_c
        call.peer_uri = uri
        msg = self.message("INVITE", uri, self.address_of_record(), uri, call.call_id, 1, call.local_tag,
                           body=call.sdp() if sdp else b"")
        for name, value in extra:
            msg.add(name, value)
        call.invite = msg
        with self.lock:
            self.calls[(call.call_id, call.local_tag)] = call
        self.start(msg, call)
        return call

    def wait_call(self, seconds=5):
        """The next incoming call."""
        try:
            return self.incoming.get(timeout=seconds)
        except queue.Empty:
            raise check.Failed(f"{self.user}: no INVITE within {seconds:g} s") from None

    def count(self, method):
        """Requests of this method that arrived, retransmissions included."""
        return len(self.requests(method))

    # Reading

    def on_data(self, data, address):
        with self.lock:
            if data is None:
                self.tick()
                return
            if not data.strip(b"\r\n\0"):
                self.keepalives.append((time.monotonic(), data, address))
                return
            msg = sip.Message.parse(data)
            msg.source = address
            self.received.append(msg)
            for fault in msg.faults:
                self.complain(fault, msg)
            if msg.faults:
                return
            if address != self.server and address not in self.sources:
                self.complain(f"came from {address}, not from {sorted(self.sources)}", msg)
            if msg.reply:
                self.on_reply(msg)
            else:
                self.on_request(msg)

    def tick(self):
        now = time.monotonic()
        for key, timer in list(self.timers.items()):
            if now >= timer.end:
                del self.timers[key]
            elif now >= timer.next:
                self.link.send(timer.data, timer.to)
                timer.interval = min(timer.interval * 2, timer.cap)
                timer.next = now + timer.interval

    def on_reply(self, msg):
        vias = msg.all("via")
        txn = self.transactions.get((msg.branch, msg.method))
        if txn is None:
            self.complain("reply to nothing that was asked", msg)
            return
        if len(vias) != 1:
            self.complain(f"{len(vias)} Via headers in a reply that ends here", msg)
        self.check_reply(txn.request, msg, vias[0])
        with txn.changed:
            if txn.final() is None and msg.status >= 200:
                txn.final_at = time.monotonic()
            txn.replies.append(msg)
            if msg.status >= 200 or msg.method == "INVITE":
                self.timers.pop(id(txn), None)
            if msg.method == "INVITE":
                if msg.status >= 300:
                    self.ack_failure(txn, msg)
                elif txn.call is not None:
                    self.on_answer(txn, msg)
            txn.changed.notify_all()

    def check_reply(self, request, msg, via):
        for name in ("from", "call-id", "cseq"):
            if msg.get(name) != request.get(name):
                self.complain(f"{name} is {msg.get(name)!r}, was {request.get(name)!r}", msg)
        seen = self.public or self.link.local[0]
        if sip.param(via, "received") not in (seen, sip.bracket(seen)):
            self.complain(f"no received={seen} in Via {via!r}", msg)
        if not (sip.param(via, "rport") or "").isdigit() if self.public else sip.param(via, "rport") != str(self.link.local[1]):
            self.complain(f"no rport, or not that of the packet, in Via {via!r}", msg)

    def ack_failure(self, txn, msg):
        invite = txn.request
        ack = sip.Message(f"ACK {invite.uri} SIP/2.0", [])
        ack.add("Via", invite.get("via")).add("From", invite.get("from")).add("To", msg.get("to"))
        ack.add("Call-ID", invite.call_id).add("CSeq", f"{invite.cseq} ACK").add("Max-Forwards", "70")
        for route in invite.all("route"):
            ack.add("Route", route)
        txn.acks += 1
        self.link.send(ack.data())

    def on_answer(self, txn, msg):
        call = txn.call
        if msg.body:
            call.remote_sdp = msg.body
        if msg.status < 200:
            return
        if call.remote_tag not in (None, msg.tag("to")):
            self.end_other_winner(call, msg)
            return
        call.remote_tag = msg.tag("to")
        call.target = msg.contact_uri()
        if txn.request.tag("to") is None:
            call.routes = list(reversed(msg.all("record-route")))
        if call.target is None:
            self.complain("200 to INVITE without Contact", msg)
            return
        late = call.sdp() if not txn.request.body else b""
        ack = call.in_dialog("ACK", txn.request.cseq, late)
        self.link.send(ack.data(), self.next_hop(ack))
        txn.acks += 1

    def end_other_winner(self, call, msg):
        """A second branch answered: acknowledge and hang up, as RFC 3261 13.2.2.4 says."""
        other = Call.__new__(Call)
        other.__dict__.update(call.__dict__)
        other.remote_tag, other.target = msg.tag("to"), msg.contact_uri()
        other.routes = list(reversed(msg.all("record-route")))
        self.link.send(other.in_dialog("ACK", msg.cseq).data())
        if msg.tag("to") not in call.extra_winners:
            call.extra_winners.append(msg.tag("to"))
            other.request("BYE")

    def on_request(self, msg):
        if sip.uri_parts(msg.uri)[1] not in (self.private, self.link.local[0], self.public):
            self.complain("request URI is not this phone's", msg)
        key = (msg.branch, msg.method)
        # CANCEL and the ACK to a failure are the daemon's own: they have their INVITE's branch. So is what has its Via alone.
        own = (msg.method in ("CANCEL", "ACK") and (msg.branch, "INVITE") in self.seen) or len(msg.all("via")) == 1
        if int(msg.get("max-forwards") or -1) >= 70 and not own:
            self.complain("Max-Forwards was not lowered", msg)
        if msg.method == "ACK":
            self.on_ack(msg)
            return
        if key in self.seen:                # a retransmission: the same reply, if there was one
            if key in self.served:
                self.link.send(self.served[key], msg.source)
            return
        self.seen.add(key)
        handler = getattr(self, "on_" + msg.method.lower(), None)
        if handler:
            handler(msg)
        else:
            self.reply(msg, 501, "Not Implemented")

    def reply(self, request, status, reason, tag=None, body=b""):
        msg = sip.Message(f"SIP/2.0 {status} {reason}", [], body)
        for name, value in request.headers:
            low = request.canonical(name)
            if low in ("via", "from", "call-id", "cseq") or (low == "record-route" and 100 < status < 300):
                msg.add(name, value)
        to = request.get("to")
        if request.tag("to") is None and status > 100:
            to += f";tag={tag or sip.token(4)}"
        msg.add("To", to)
        if request.method in ("INVITE", "SUBSCRIBE", "UPDATE") and status < 300:
            msg.add("Contact", self.contact())
        if body:
            msg.add("Content-Type", "application/sdp")
        data = msg.data()
        with self.lock:
            key = (request.branch, request.method)
            self.served[key] = data
            if request.method == "INVITE" and status >= 200 and (status < 300 or not self.link.reliable):
                self.timers[key] = Timer(data, to=request.source)
        self.link.send(data, getattr(request, "source", None))      # as received and rport of its Via say

    def call_of(self, msg):
        return self.calls.get((msg.call_id, msg.tag("to")))

    def is_merged(self, msg):
        """The same request has come by another way and is being worked on: RFC 3261 8.2.2.2."""
        return any(not c.outgoing and c.call_id == msg.call_id and c.remote_tag == msg.tag("from") and
                   c.invite.cseq == msg.cseq for c in self.calls.values())

    def requests(self, method, source=None):
        """Those that arrived, in order, retransmissions included; from that source only."""
        with self.lock:
            return [m for m in self.received
                    if not m.reply and m.method == method and source in (None, m.source)]

    def on_invite(self, msg):
        call = self.call_of(msg) if msg.tag("to") else None
        if call is None and msg.tag("to"):
            self.reply(msg, 481, "Call Does Not Exist")
            return
        if call is None and self.is_merged(msg):
            self.reply(msg, 482, "Loop Detected")
            return
        if call is None:
            call = Call(self, msg.call_id, False, max(1, len(sip.media_of(msg.body))))
            call.routes = msg.all("record-route")
            call.remote_tag = msg.tag("from")
            call.peer_uri = sip.uri_of(msg.get("from"))
            self.calls[(call.call_id, call.local_tag)] = call
            self.incoming.put(call)
        call.invite, call.target = msg, msg.contact_uri()
        call.acked.clear()
        if msg.body:
            call.remote_sdp = msg.body
        if self.mode == "answer":
            if not msg.tag("to"):
                call.ring()
            call.answer()
        elif self.mode == "ring":
            call.ring()
        elif self.mode == "busy":
            call.reject()

    def on_ack(self, msg):
        call = self.call_of(msg)
        self.timers.pop((msg.branch, "INVITE"), None)      # of a failure: same branch
        if call is None:
            return
        self.timers.pop((call.invite.branch, "INVITE"), None)
        call.ack = msg
        if msg.body:
            call.remote_sdp = msg.body
        call.acked.set()

    def on_bye(self, msg):
        call = self.call_of(msg)
        if call is None:
            self.reply(msg, 481, "Call Does Not Exist")
            return
        call.bye = msg
        self.timers.pop((call.invite.branch, "INVITE"), None)
        self.reply(msg, 200, "OK")
        call.ended.set()

    def on_cancel(self, msg):
        self.reply(msg, 200, "OK")
        for call in self.calls.values():
            if not call.outgoing and call.invite.branch == msg.branch and not call.cancelled.is_set():
                call.cancelled.set()
                call.reply(487, "Request Terminated")

    def on_options(self, msg):
        self.options += 1
        self.reply(msg, 200, "OK")
