"""A Content-Length that lies.

    near --message--> pinholed --> far

Expected, RFC 3261 section 18.3: in a datagram what lies behind the body is cut off, a body that is not all there gets 400; on a stream
the length alone says where the next message begins, so a wrong one ends the connection, with an error that says why, or after
tcp.message_timeout.
"""

from kit import check
from kit.runner import variants
from kit.stranger import cut, named
from test_torture import Bench, answer, unharmed

MESSAGE = (b"MESSAGE sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.2;branch=z9hG4bK%(n)d\r\nFrom: <sip:a@example.test>;tag=1\r\n"
           b"To: <sip:bob@example.test>\r\nCall-ID: %(n)d@192.168.1.2\r\nCSeq: 7 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: text/plain\r\n"
           b"%(length)s\r\n0123456789")


def message(number, *lengths):
    return MESSAGE % {b"n": number, b"length": b"".join(b"Content-Length: %s\r\n" % length for length in lengths)}


GOOD = [b"10", b"010", b"0000000000000000000000010", b"\r\n 10"]
SHORT = [b"9", b"1", b"0"]
LONG = [b"11", b"12", b"400", b"65535"]
WRONG = [b"-1", b"+10", b"10.0", b"0x0A", b"1e1", b"10 10", b"10,10", b"ten", b"", b"\"10\"", b"1\r\n 0", b"4294967306",
         b"18446744073709551626", b"99999999999999999999999999", b"-18446744073709551606"]
BOTH = [(b"10", b"9"), (b"9", b"10"), (b"10", b"010"), (b"10", b"")]


def comes_through(bench, data, what):
    got = bench.far.receive()
    check.that(got, f"{what}: nothing came to far")
    unharmed(data, got, what)
    bench.far.send(answer(got), bench.daemon)


def test_in_datagrams(t):
    bench = Bench(t, conf={"limits": {"bad_answers": 1000}})
    number = 0
    near = bench.near(message(0, b"10"))

    def outcome(*lengths):
        nonlocal number
        number += 1
        near.send(message(number, *lengths))
        return f"Content-Length: {lengths}"
    for length in GOOD + SHORT:
        what = outcome(length)
        comes_through(bench, message(number, length), what)
        check.that(near.receive_final().startswith(b"SIP/2.0 200 "), f"{what}: the reply")
    what = outcome(b"10", b"10")             # written twice it leaves once
    body = cut(bench.far.receive())
    check.equal((body[2], named(body[1], b"content-length")), (b"0123456789", [b"Content-Length: 10\r\n"]), what)
    for lengths in [(length,) for length in LONG + WRONG] + BOTH:
        what = outcome(*lengths)
        reply = near.receive_final()
        check.that(reply and reply.startswith(b"SIP/2.0 400 "), f"{what}: {reply}")
        check.that(b"Call-ID: %d@" % number in reply, f"{what}: the answer is to it: {reply}")
    check.equal(bench.far.receive(0.1), None, "what else far got")
    bench.serves()


@variants(size=[1, 7, 4096])
def test_several_in_a_row(t, size):
    """Messages behind each other in one stream, in pieces of any size, each with line ends before it."""
    bench = Bench(t)
    near = bench.near(message(0, b"10"), "tcp")
    stream = b"".join(b"\r\n" * (n % 3) + message(n, GOOD[n % 3]) for n in range(20))
    for at in range(0, len(stream), size):
        near.send(stream[at:at + size])
    for n in range(20):
        comes_through(bench, message(n, GOOD[n % 3]), f"message {n} in pieces of {size}")
    for n in range(20):
        reply = near.receive_final()
        check.that(reply and reply.startswith(b"SIP/2.0 200 "), f"reply {n}: {reply}")
    bench.serves()


STREAMS = [(repr(b" and ".join(lengths))[1:], *lengths) for lengths in [(length,) for length in LONG + WRONG] + BOTH] + [("none",)]


@variants(case=STREAMS)
def test_on_streams(t, case):
    """The good message before it is served, and of what follows nothing."""
    lengths = case[1:]
    bench = Bench(t)
    near = bench.near(message(0, b"10"), "tcp")
    near.send(message(1, b"10"))
    comes_through(bench, message(1, b"10"), "the message before")
    check.that(near.receive_final().startswith(b"SIP/2.0 200 "), "its reply")
    waits = len(lengths) == 1 and lengths[0] in LONG and lengths[0] != b"65535"     # that is too large with its header
    near.send(message(2, *lengths) + (b"" if waits else message(3, b"10")))
    if not waits:
        reply = near.receive(5)
        start, fields, _ = cut(reply)
        check.that(start[:12] in (b"SIP/2.0 400 ", b"SIP/2.0 513 "), f"why the connection ends: {start}")
        check.equal(named(fields, b"call-id"), [b"Call-ID: 2@192.168.1.2\r\n"], "and to what")
    check.equal(near.receive(5), b"", "the connection is closed")
    check.equal(bench.far.receive(0.1), None, "what far got of it")
    ends = {name: bench.daemon.stat(name) for name in ("net_tcp_timeouts", "net_tcp_bad_frames", "net_oversized")}
    check.equal(sum(ends.values()), 1, f"its end is counted: {ends}")
    bench.serves()


@variants(length=[(length.decode(), length) for length in SHORT])
def test_short_on_streams(t, length):
    """What lies behind the body begins the next message: with a method that its CSeq does not name."""
    length = length[1]
    bench = Bench(t)
    near = bench.near(message(0, b"10"), "tcp")
    near.send(message(1, length) + message(2, b"10"))
    comes_through(bench, message(1, length), f"Content-Length {length}")
    check.equal({near.receive_final()[:12], near.receive_final()[:12]}, {b"SIP/2.0 200 ", b"SIP/2.0 400 "}, "replies to both")
    check.equal(bench.far.receive(0.1), None, "what else far got")
    bench.serves()
