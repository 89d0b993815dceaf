"""What is repeated as often as a message has room: header fields, values, parameters, quotes, folds, lines of SDP.

    somebody --64 KiB of it, eighty times, over UDP or TCP--> pinholed (one worker) <--OPTIONS-- another

Expected: each is answered, passed on or dropped, and none costs the worker more than some milliseconds, so that the other waits for
nobody; memory stays. limits.headers is the largest that can be configured; with the default nearly all of these are refused with 513.
"""

import os

from kit import build, check, sip
from kit.latency import Latencies
from kit.runner import limit, variants
from kit.stranger import Stranger
from test_endless import memory

ROOM = 65400                                  # bytes of a message
TIMES = 40
MOST = 10000                                  # pieces
CPU_MS = 5.0                                  # of the worker, for one; sanitizers take ten times that

VIA = b"Via: SIP/2.0/UDP 192.168.1.2:5060;branch=z9hG4bK%(id)s;rport\r\n"
OTHERS = (b"From: <sip:m@example.test>;tag=%(id)s\r\nTo: <sip:bob@example.test>\r\nCall-ID: %(id)s\r\nCSeq: 7 %(method)s\r\n"
          b"Max-Forwards: 70\r\n")
LINE = b"%(method)s sip:bob@example.test SIP/2.0\r\n"
REST = VIA + OTHERS
CONTACT = b"Contact: <sip:m@192.168.1.2:5060>"
SDP = b"Content-Type: application/sdp\r\nContent-Length: %(length)d\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.168.1.2\r\ns=-\r\n"

# name: (head, piece, tail)
SHAPES = {
    "Via fields": (LINE + OTHERS, b"Via: SIP/2.0/UDP 192.168.1.2;branch=z9hG4bK%(id)s\r\n", b"Content-Length: 0\r\n\r\n"),
    "Route fields": (LINE + REST, b"Route: <sip:p;lr>\r\n", b"Content-Length: 0\r\n\r\n"),
    "Record-Route fields": (LINE + REST, b"Record-Route: <sip:p;lr>\r\n", b"Content-Length: 0\r\n\r\n"),
    "Contact fields": (LINE + REST, b"Contact: sip:a\r\n", b"Content-Length: 0\r\n\r\n"),
    "Path fields": (LINE + REST + CONTACT + b"\r\n", b"Path: <sip:p;lr>\r\n", b"Content-Length: 0\r\n\r\n"),
    "unknown fields": (LINE + REST, b"X:y\r\n", b"Content-Length: 0\r\n\r\n"),
    "empty fields": (LINE + REST, b"X:\r\n", b"Content-Length: 0\r\n\r\n"),
    "Via values": (LINE + OTHERS + b"Via: SIP/2.0/UDP 192.168.1.2;branch=z9hG4bK%(id)s", b",SIP/2.0/UDP a",
                   b"\r\nContent-Length: 0\r\n\r\n"),
    "Contact values": (LINE + REST + CONTACT, b",sip:a", b"\r\nContent-Length: 0\r\n\r\n"),
    "Route values": (LINE + REST + b"Route: <sip:p;lr>", b",<a:b>", b"\r\nContent-Length: 0\r\n\r\n"),
    "Record-Route values": (LINE + REST + b"Record-Route: <sip:p;lr>", b",<a:b>", b"\r\nContent-Length: 0\r\n\r\n"),
    "commas": (LINE + REST + CONTACT, b",", b"\r\nContent-Length: 0\r\n\r\n"),
    "Request-URI parameters": (b"%(method)s sip:bob@example.test", b";a=b", b" SIP/2.0\r\n" + REST + b"Content-Length: 0\r\n\r\n"),
    "Contact URI parameters": (LINE + REST + b"Contact: <sip:m@192.168.1.2", b";a=b", b">\r\nContent-Length: 0\r\n\r\n"),
    "Contact parameters": (LINE + REST + CONTACT, b";a=b", b"\r\nContent-Length: 0\r\n\r\n"),
    "From parameters": (LINE + VIA + OTHERS.partition(b"\r\n")[2] + b"From: <sip:m@example.test>;tag=%(id)s", b";a=b",
                        b"\r\nContent-Length: 0\r\n\r\n"),
    "Via parameters": (LINE + OTHERS + VIA[:-2], b";a=b", b"\r\nContent-Length: 0\r\n\r\n"),
    "quoted parameters": (LINE + REST + CONTACT, b";a=\"\"", b"\r\nContent-Length: 0\r\n\r\n"),
    "quotes": (LINE + REST + b"Contact: ", b"\"", b" <sip:m@192.168.1.2>\r\nContent-Length: 0\r\n\r\n"),
    "escaped quotes": (LINE + REST + b"Contact: \"", b"\\\"", b"\" <sip:m@192.168.1.2>\r\nContent-Length: 0\r\n\r\n"),
    "brackets": (LINE + REST + b"Contact: ", b"<", b"sip:m@192.168.1.2>\r\nContent-Length: 0\r\n\r\n"),
    "folds": (LINE + REST + CONTACT + b"\r\nSubject: a", b"\r\n b", b"\r\nContent-Length: 0\r\n\r\n"),
    "folds of a Contact": (LINE + REST + CONTACT, b"\r\n ", b";q=1\r\nContent-Length: 0\r\n\r\n"),
    "a line": (LINE + REST + CONTACT + b"\r\nSubject: ", b"abcdef", b"\r\nContent-Length: 0\r\n\r\n"),
    "a display name": (LINE + REST + b"Contact: ", b"abcdef", b"<sip:m@192.168.1.2>\r\nContent-Length: 0\r\n\r\n"),
    "a user": (b"%(method)s sip:", b"abcdef", b"@example.test SIP/2.0\r\n" + REST + b"Content-Length: 0\r\n\r\n"),
    "a Call-ID": (LINE + VIA + b"From: <sip:m@example.test>;tag=%(id)s\r\nTo: <sip:bob@example.test>\r\nCSeq: 7 %(method)s\r\n"
                  b"Max-Forwards: 70\r\nCall-ID: %(id)s", b"abcdef", b"\r\nContent-Length: 0\r\n\r\n"),
    "c= lines": (LINE + REST + CONTACT + b"\r\n" + SDP, b"c=IN IP4 1.2.3.4\r\n", b"m=audio 4000 RTP/AVP 0\r\n"),
    "m= lines": (LINE + REST + CONTACT + b"\r\n" + SDP + b"c=IN IP4 1.2.3.4\r\n", b"m=audio 4000 RTP/AVP 0\r\n", b""),
    "a= lines": (LINE + REST + CONTACT + b"\r\n" + SDP + b"c=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 0\r\n", b"a=b\r\n", b""),
}


def shaped(name, method):
    """The message, with a Call-ID and branch of its own, and how many pieces it has."""
    values = {b"id": sip.token().encode(), b"method": method.encode(), b"length": 0}
    head, piece, tail = (part % values for part in SHAPES[name])
    count = min(MOST, (ROOM - len(head) - len(tail) - 8) // len(piece))
    if b"%(length)d" in SHAPES[name][0]:
        body = len(head.partition(b"\r\n\r\n")[2]) + count * len(piece) + len(tail)
        head = SHAPES[name][0] % {**values, b"length": body}
    return head + count * piece + tail, count


def worker_ms(daemon):
    """Processor time of its worker threads."""
    total = 0
    for task in os.listdir(f"/proc/{daemon.process.pid}/task"):
        with open(f"/proc/{daemon.process.pid}/task/{task}/comm", encoding="utf-8") as comm:
            if not comm.read().startswith("worker"):
                continue
        with open(f"/proc/{daemon.process.pid}/task/{task}/schedstat", encoding="utf-8") as stat:
            total += int(stat.read().split()[0])
    return total / 1e6


def options():
    token = sip.token()
    return (f"OPTIONS sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.3;branch=z9hG4bK{token};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:a@example.test>;tag=1\r\nTo: <sip:example.test>\r\nCall-ID: {token}\r\nCSeq: 1 OPTIONS\r\n"
            f"Content-Length: 0\r\n\r\n").encode()


@limit(90)
@variants(shape=list(SHAPES))
def test_repeated(t, shape):
    """As REGISTER, as INVITE to a phone that is there, and as its 200; UDP and TCP by turns."""
    relay = t.relay()
    daemon = t.daemon(relay=relay, conf={"workers": 1, "limits": {"headers": 4096, "bad_answers": 100000}, "shutdown_timeout": 0})
    bob = t.phone("bob", daemon, mode="silent", retransmit=False)
    bob.register()
    t.tolerate_complaints = True
    other = Stranger(daemon)
    t.helpers.append(other)
    strangers = [Stranger(daemon), Stranger(daemon, transport="tcp")]
    t.helpers.extend(strangers)
    for method in ("REGISTER", "INVITE"):
        waits, before, pieces = [], memory(daemon), 0
        for number in range(TIMES):
            data, pieces = shaped(shape, method)
            used = worker_ms(daemon)
            strangers[number % 2].send(data)
            reply = other.ask(options(), 10)
            check.that(reply is not None and reply.status == 200, f"OPTIONS beside {shape}: {reply and reply.start}")
            waits.append(worker_ms(daemon) - used)
        bound = CPU_MS * (10 if build.sanitizer() else 1)
        print(f"{method}, {pieces} {shape}: {Latencies([w / 1e3 for w in waits])} of processor time")
        check.that(sorted(waits)[TIMES // 2] < bound, f"{method}, {pieces} {shape}: {sorted(waits)[TIMES // 2]:.1f} ms each")
        check.that(memory(daemon) - before < 64 << 20, f"{method}, {shape}: memory before {before} and after {memory(daemon)}")
    check.that(daemon.process.running(), f"the daemon runs: {daemon.process.tail()}")


def test_ten_thousand_contacts(t):
    """A REGISTER is refused with a reason, all of it: nothing is stored."""
    daemon = t.daemon(conf={"workers": 1})
    stranger = Stranger(daemon)
    t.helpers.append(stranger)
    data, count = shaped("Contact values", "REGISTER")
    check.that(count > 9000, f"contacts in it: {count}")
    reply = stranger.ask(data, 5)
    check.that(reply is not None and 400 <= reply.status < 600 and len(reply.reason) > 3, f"refused: {reply and reply.start}")
    check.equal(daemon.ctl("ul_dump").stdout.count("AOR::"), 0, "users that are registered")
