"""What nobody should send.

    somebody --bytes--> pinholed <--OPTIONS, REGISTER-- a phone that wants service

Expected: the daemon stays up and answers the phone; 400 with a reason where an answer is possible; counted.
"""

import os
import random
import re
import socket

from kit import check, sip
from kit.stranger import Stranger

MANDATORY = ("Via", "From", "To", "Call-ID", "CSeq")


def options(user="mallory", port=5060):
    msg = sip.Message("OPTIONS sip:example.test SIP/2.0", [
        ("Via", f"SIP/2.0/UDP 127.0.0.9:{port};branch=z9hG4bK{sip.token()};rport"), ("Max-Forwards", "70"),
        ("From", f"<sip:{user}@example.test>;tag={sip.token(4)}"), ("To", "<sip:example.test>"),
        ("Call-ID", sip.token()), ("CSeq", "1 OPTIONS")])
    return msg


def alive(t, daemon):
    check.that(daemon.process.running(), f"the daemon runs: {daemon.process.tail()}")
    phone = t.phone(f"user{len(t.phones)}", daemon)
    phone.register(seconds=5)
    check.equal(phone.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "OPTIONS afterwards")


def bad_request(reply, what):
    check.that(reply is not None, f"{what}: no answer")
    check.equal(reply.status, 400, f"{what}: {reply.start}")
    check.that(len(reply.reason) > 3, f"{what}: a reason phrase, found {reply.start!r}")


def test_missing_mandatory_headers(t):
    daemon = t.daemon()
    stranger = Stranger(daemon)
    check.equal(stranger.ask(options().data()).status, 200, "the complete message")
    before = daemon.stat("bad_messages")
    for name in MANDATORY:
        msg = options()
        msg.drop(name)
        reply = stranger.ask(msg.data(), 1.0 if name != "Via" else 0.3)
        if name == "Via":
            check.equal(reply, None, "reply without a Via to send it to")
        else:
            check.that(reply is None or reply.status == 400, f"without {name}: {reply and reply.start}")
        if name in ("From", "To"):
            check.that(reply is None or reply.reason, f"without {name}: a reason")
    check.equal(daemon.stat("bad_messages") - before, len(MANDATORY), "bad messages that were counted")
    alive(t, daemon)


def test_bad_values_get_400_with_a_reason(t):
    daemon = t.daemon()
    stranger = Stranger(daemon)
    cases = {
        "CSeq without number": ("CSeq", "OPTIONS"),
        "CSeq too large": ("CSeq", "99999999999 OPTIONS"),
        "CSeq of another method": ("CSeq", "1 INVITE"),
        "Content-Length negative": ("Content-Length", "-1"),
        "Content-Length no number": ("Content-Length", "many"),
        "Content-Length beyond the datagram": ("Content-Length", "4000"),
    }
    before = daemon.stat("bad_messages_answered")
    for what, (name, value) in cases.items():
        bad_request(stranger.ask(options().put(name, value).data()), what)
    check.equal(daemon.stat("bad_messages_answered") - before, len(cases), "answers that were counted")
    alive(t, daemon)


def test_other_version(t):
    daemon = t.daemon()
    msg = options()
    msg.start = "OPTIONS sip:example.test SIP/7.0"
    reply = Stranger(daemon).ask(msg.data())
    check.that(reply is not None and reply.status == 505, f"505 to SIP/7.0, found {reply and reply.start}")
    alive(t, daemon)


def test_truncated_at_every_byte(t):
    daemon = t.daemon()
    stranger = Stranger(daemon)
    phone = t.phone("alice", daemon)
    whole = phone.register_message().data()
    invite = options()
    invite.start = "INVITE sip:alice@example.test SIP/2.0"
    invite.put("CSeq", "1 INVITE").add("Contact", "<sip:m@10.0.0.1>").add("Content-Type", "application/sdp")
    invite.body = sip.sdp("10.0.0.1", [4000])
    for data in (whole, invite.data()):
        for size in range(len(data) - 1):
            stranger.send(data[:size])
    alive(t, daemon)
    check.that(daemon.stat("bad_messages") > 0, "bad messages are counted")


def test_random_bytes(t):
    daemon = t.daemon()
    stranger = Stranger(daemon)
    chance = random.Random(20260101)
    for _ in range(400):
        stranger.send(chance.randbytes(chance.randrange(1, 1400)))
    alive(t, daemon)


def test_random_changes_of_a_good_message(t):
    daemon = t.daemon()
    stranger = Stranger(daemon)
    chance = random.Random(20260102)
    phone = t.phone("alice", daemon)
    bodies = [phone.register_message().data(), options().data()]
    for _ in range(1500):
        data = bytearray(chance.choice(bodies))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data))
            what = chance.randrange(4)
            if what == 0:
                data[at] = chance.randrange(256)
            elif what == 1:
                del data[at:at + chance.randrange(1, 20)]
            elif what == 2:
                data[at:at] = chance.choice([b"\r\n", b";", b"<", b'"', b"\0", b"%", b",", b"\r\n ", b"\xff\xfe"])
            else:
                data[at:at] = data[max(0, at - 30):at]
            if not data:
                break
        stranger.send(bytes(data))
    alive(t, daemon)


def test_oversized(t):
    daemon = t.daemon(conf={"limits": {"message": 8192, "headers": 64}})
    stranger = Stranger(daemon)
    long_header = options().add("X-Long", "x" * 20000)
    reply = stranger.ask(long_header.data())
    check.that(reply is None or reply.status in (400, 413, 513), f"a message above limits.message: {reply and reply.start}")
    many = options()
    for i in range(200):
        many.add(f"X-{i}", "1")
    reply = stranger.ask(many.data())
    check.that(reply is not None and reply.status in (400, 513), f"more headers than limits.headers: {reply and reply.start}")
    stranger.send(options().add("X-Long", "x" * 64000).data())
    alive(t, daemon)


def test_oversized_over_tcp(t):
    daemon = t.daemon(conf={"limits": {"message": 8192}})
    for data in (options().put("Content-Length", "99999999").data(),
                 options().add("X-Long", "x" * 100000).data(),
                 b"OPTIONS " + b"x" * 100000):
        with socket.create_connection(daemon.server, 5) as bad:
            bad.settimeout(10)
            got = b""
            try:
                bad.sendall(data)
                while True:
                    part = bad.recv(65536)
                    if not part:
                        break
                    got += part
            except ConnectionError:
                pass
            except TimeoutError:
                raise check.Failed(f"the connection stays open after {len(data)} bytes; got {got[:200]!r}") from None
            check.that(not got or re.match(rb"SIP/2\.0 (400|413|513)", got), f"an error or nothing, found {got[:100]!r}")
    alive(t, daemon)


def test_replies_to_nothing(t):
    """Replies that nobody asked for are dropped and counted; a Via of ours on them leads nowhere."""
    daemon = t.daemon()
    stranger = Stranger(daemon)
    for status in (100, 180, 200, 404, 603):
        msg = options()
        msg.start = f"SIP/2.0 {status} Whatever"
        msg.headers.insert(0, ("Via", f"SIP/2.0/UDP {daemon.address}:{daemon.port};branch=z9hG4bKnone"))
        stranger.send(msg.data())
        msg.drop("Via")
        stranger.send(msg.data())
    alive(t, daemon)


def test_loops_and_hops(t):
    daemon = t.daemon()
    stranger = Stranger(daemon)
    reply = stranger.ask(options().put("Max-Forwards", "0").data())
    check.equal(reply and reply.status, 483, "Max-Forwards 0")
    reply = stranger.ask(options().put("Max-Forwards", "x").data())
    check.that(reply is not None and reply.status in (400, 483), f"Max-Forwards x: {reply and reply.start}")
    alive(t, daemon)


def test_control_socket_gets_nonsense(t):
    daemon = t.daemon()
    for data in (b"", b"\n", b"\0" * 5000, b"{" * 3000, b'{"jsonrpc":"2.0","id":1,"method":7}', os.urandom(4000)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(5)
            sock.connect(daemon.mi)
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
            except ConnectionError:
                pass
            except TimeoutError:
                raise check.Failed(f"the control socket neither answers nor closes after {data[:20]!r}") from None
    check.equal(daemon.ctl("uptime").returncode, 0, "pinholectl uptime afterwards")
    alive(t, daemon)
