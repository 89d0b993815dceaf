"""What does not end, and what is as large as it can be: from strangers, on the SIP listeners.

    stranger --a line without end, headers without end, a byte now and then, 64 KiB, NULs--> pinholed <--REGISTER-- phones

Expected: nobody holds more than `limits.message` bytes or longer than `tcp.message_timeout`; the others are served meanwhile;
the daemon does not grow; every such end is counted.
"""

import socket
import threading
import time

from kit import check, sip
from kit.runner import limit
from kit.stranger import Stranger
from test_bad_input import alive, options


def memory(daemon):
    """Resident bytes."""
    with open(f"/proc/{daemon.process.pid}/statm", encoding="utf-8") as statm:
        return int(statm.read().split()[1]) * 4096


def pour(sock, piece, most, seconds=10):
    """Send the piece again and again until the peer closes; bytes that went out. Fails when it takes more than `most`."""
    sent, end = 0, time.monotonic() + seconds
    sock.settimeout(0.5)
    try:
        while sent < most and time.monotonic() < end:
            try:
                sent += sock.send(piece)
            except TimeoutError:
                pass                         # its buffers are full: it does not read us any more
            sock.setblocking(False)
            try:
                if sock.recv(65536) == b"":
                    return sent
            except BlockingIOError:
                pass
            sock.settimeout(0.5)
    except ConnectionError:
        return sent
    raise check.Failed(f"the connection is open after {sent} bytes of {piece[:20]!r}... and {seconds} s")


def connect(daemon):
    return socket.create_connection(daemon.server, 5)


START = b"OPTIONS sip:example.test SIP/2.0\r\n"
ENDLESS = {
    "a line": (b"", b"x" * 4096),
    "a start line": (b"OPTIONS sip:", b"x" * 4096),
    "a header": (START + b"Subject: ", b"x" * 4096),
    "a folded header": (START + b"Subject: a", b"\r\n b" * 1000),
    "headers": (START, b"X-Flood: 1\r\n" * 300),
    "Via headers": (START, b"Via: SIP/2.0/TCP 127.0.0.9;branch=z9hG4bKx\r\n" * 80),
    "NULs": (b"", b"\0" * 4096),
    "NULs in a header": (START + b"Subject: ", b"\0" * 4096),
    "a body": (options().put("Content-Length", "8000000").data(), b"x" * 4096),
    "a line of LF alone": (START, b"X: 1\n" * 800),
}


def test_streams_without_end(t):
    """Of every kind, each closed at limits.message, also when they come one after another for long."""
    daemon = t.daemon(conf={"limits": {"message": 8192}})
    alive(t, daemon)
    before, frames = memory(daemon), daemon.stat("net_tcp_bad_frames") + daemon.stat("net_oversized")
    for what, (start, piece) in ENDLESS.items():
        for _ in range(5):
            with connect(daemon) as bad:
                if start:
                    bad.sendall(start)
                sent = pour(bad, piece, 64 << 20)
                check.that(sent < 16 << 20, f"{what} without end is closed early, not after {sent} bytes")
    ends = daemon.stat("net_tcp_bad_frames") + daemon.stat("net_oversized") - frames
    check.equal(ends, 5 * len(ENDLESS), "ends that were counted")
    check.until(lambda: daemon.stat("net_tcp_open") == 0, 5, lambda: f"no connection is left: {daemon.stat('net_tcp_open')}")
    check.that(memory(daemon) - before < 32 << 20, f"memory before {before} and after {memory(daemon)}")
    alive(t, daemon)


@limit(90)
def test_slow_ones_are_closed_and_delay_nobody(t):
    """200 connections that begin a message and send a byte now and then: tcp.message_timeout counts from its first byte."""
    daemon = t.daemon(conf={"workers": 2, "tcp": {"message_timeout": 2000, "max_connections": 1000}})
    slow = [connect(daemon) for _ in range(200)]
    start = time.monotonic()
    closed = {}

    def drip():
        data = options().add("X-Long", "x" * 4000).data()
        for i in range(len(data)):
            for sock in slow:
                if sock in closed:
                    continue
                try:
                    sock.send(data[i:i + 1])
                    sock.setblocking(False)
                    if sock.recv(100) == b"":
                        closed[sock] = time.monotonic() - start
                except BlockingIOError:
                    pass
                except OSError:
                    closed[sock] = time.monotonic() - start
            if len(closed) == len(slow):
                return
            time.sleep(0.05)                 # the pace is the subject of this test
    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    phone = t.phone("alice", daemon, transport="tcp")
    other = t.phone("bob", daemon)
    while thread.is_alive() and time.monotonic() - start < 30:
        for p in (phone, other):
            at = time.monotonic()
            p.register(seconds=5)
            check.that(time.monotonic() - at < 1, f"{p.user} waits {time.monotonic() - at:.2f} s")
        time.sleep(0.02)
    thread.join(1)
    check.equal(len(closed), len(slow), "connections that were closed")
    check.that(all(1.5 < s < 10 for s in closed.values()), f"closed after 2 s: {min(closed.values()):.1f} to {max(closed.values()):.1f}")
    check.that(daemon.stat("net_tcp_timeouts") >= len(slow), "they are counted")
    for sock in slow:
        sock.close()


def test_more_connections_than_there_may_be(t):
    """Those above tcp.max_connections are closed at once and counted; when others have gone, there is room again."""
    daemon = t.daemon(conf={"tcp": {"max_connections": 20}})
    held = [connect(daemon) for _ in range(20)]
    check.until(lambda: daemon.stat("net_tcp_open") == 20, 5, "20 connections are open")
    for _ in range(30):
        with connect(daemon) as more:
            more.settimeout(5)
            try:
                check.equal(more.recv(10), b"", "what one too many reads")
            except ConnectionError:
                pass
    check.equal(daemon.stat("net_tcp_refused"), 30, "those refused are counted")
    other = t.phone("bob", daemon)
    other.register(seconds=5)
    for sock in held:
        sock.close()
    check.until(lambda: daemon.stat("net_tcp_open") == 0, 5, "they are gone")
    t.phone("alice", daemon, transport="tcp").register(seconds=5)


def test_a_peer_that_pings_without_end_and_reads_nothing(t):
    """CRLF CRLF asks for an answer (RFC 5626): those that nobody fetches may fill tcp.send_queue, and no more."""
    daemon = t.daemon(conf={"tcp": {"send_queue": 131072}})
    with connect(daemon) as bad:
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        end = time.monotonic() + 20
        bad.settimeout(0.5)
        ended = False
        while not ended and time.monotonic() < end:
            try:
                bad.send(b"\r\n" * 8192)
            except TimeoutError:
                pass
            except ConnectionError:
                ended = True
        check.that(ended, "the connection is closed")
    alive(t, daemon)


def test_datagrams_as_large_as_they_can_be(t):
    """65,507 bytes: a message of that size is served, garbage is counted."""
    daemon = t.daemon()
    stranger = Stranger(daemon)
    room = 65507 - len(options(port=stranger.port).add("X-Long", "").data()) - 64
    whole = options(port=stranger.port).add("X-Long", "x" * room)
    check.that(65000 < len(whole.data()) <= 65507, f"bytes of the message: {len(whole.data())}")
    reply = stranger.ask(whole.data(), 5)
    check.equal(reply and reply.status, 200, "a message of 64 KiB with one long header")
    body = options(port=stranger.port).add("Content-Type", "application/sdp")
    body.body = sip.sdp("192.168.1.2", [4000]) + b"a=x\r\n" * 12000
    reply = stranger.ask(body.data(), 5)
    check.equal(reply and reply.status, 200, "one with a body of 60,000 bytes")
    many = options(port=stranger.port)
    for i in range(3000):
        many.add(f"X-{i}", "1")
    reply = stranger.ask(many.data(), 5)
    check.that(reply is not None and reply.status in (400, 513), f"one with 3,000 headers: {reply and reply.start}")
    before = daemon.stat("bad_messages")
    for garbage in (b"\xff" * 65507, b"A" * 65507, START + b"X" * 65400, START + b"X: y\r\n" * 10800, b"(" * 65507, b"\r\n" * 32753):
        stranger.send(garbage)
    check.until(lambda: daemon.stat("bad_messages") - before >= 5, 5, lambda: f"bad messages: {daemon.stat('bad_messages') - before}")
    alive(t, daemon)


def test_nuls(t):
    """In every place of a good message. A NUL is no SIP outside of bodies: 400, or nothing; in a body it is a byte like any other."""
    daemon = t.daemon()
    stranger = Stranger(daemon)
    good = options(port=stranger.port).data()
    check.equal(stranger.ask(good).status, 200, "the message without")
    for at in range(0, len(good), 3):
        stranger.send(good[:at] + b"\0" + good[at:])
        stranger.send(good[:at] + b"\0" + good[at + 1:])
    for name in ("From", "To", "Call-ID", "Subject", "Contact"):
        msg = options(port=stranger.port)
        msg.put(name, (msg.get(name) or "<sip:a@b>") + "\0evil")
        reply = stranger.ask(msg.data(), 0.3)
        check.that(reply is None or reply.status == 400, f"NUL in {name}: {reply and reply.start}")
    with_body = options(port=stranger.port).add("Content-Type", "application/octet-stream")
    with_body.body = bytes(range(256)) * 4
    reply = stranger.ask(with_body.data())
    check.equal(reply and reply.status, 200, "a binary body")
    keepalives = daemon.stat("net_udp_keepalives")
    bad = daemon.stat("bad_messages")
    for size in (1, 2, 3, 4):
        stranger.send(b"\0" * size)
    check.until(lambda: daemon.stat("net_udp_keepalives") >= keepalives + 1, 5, "4 zero bytes are a keepalive")
    alive(t, daemon)
    check.that(daemon.stat("bad_messages") - bad <= 3, "and no bad message")


def test_strangers_requests_for_what_they_have_not(t):
    """CANCEL, ACK, BYE, PRACK of calls that are none; replies to requests that are none; Route headers into the world."""
    daemon = t.daemon()
    stranger = Stranger(daemon)

    def other(method, tag=True):
        msg = options(port=stranger.port)
        msg.start = f"{method} sip:bob@example.test SIP/2.0"
        msg.put("CSeq", f"7 {method}")
        if tag:
            msg.put("To", "<sip:bob@example.test>;tag=x")
        return msg
    for method in ("BYE", "PRACK", "INFO", "UPDATE"):
        reply = stranger.ask(other(method).data())
        check.that(reply is not None and reply.status in (404, 481), f"{method} of no call: {reply and reply.start}")
    check.that((stranger.ask(other("CANCEL", False).data(), 0.3) or sip.Message("SIP/2.0 481 x")).status == 481, "CANCEL of no call")
    check.equal(stranger.ask(other("ACK").data(), 0.3), None, "answer to an ACK")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as world:
        world.bind(("127.0.0.8", 0))
        world.settimeout(0.5)
        host, port = world.getsockname()
        for method in ("INVITE", "MESSAGE", "SUBSCRIBE"):
            for route in (f"<sip:{host}:{port};lr>", f"<sip:{daemon.address}:{daemon.port};lr>, <sip:{host}:{port};lr>"):
                stranger.send(other(method, False).add("Route", route).data())
        msg = other("MESSAGE", False)
        msg.start = f"MESSAGE sip:bob@{host}:{port} SIP/2.0"
        stranger.send(msg.data())
        alive(t, daemon)
        world.settimeout(0.3)
        try:
            raise check.Failed(f"sent into the world for a stranger: {world.recv(65536)[:200]!r}")
        except TimeoutError:
            pass
