"""What connections may cost: how many there are, how long they may say nothing, and how little a bad one disturbs the others.

    strangers --TCP or TLS: many, silent, slow, never reading--> pinholed (one worker for all) <--UDP, TCP, TLS-- phones

Expected: every limit is kept, counted and told; the phones notice nothing.
"""

import contextlib
import errno
import select
import socket
import ssl
import time

from kit import check, latency, sip
from kit.runner import limit, variants

NAMES = ("DNS:example.test", "IP:127.0.0.1")


def world(t, tcp=None, tls=None, **conf):
    certs = t.certs()
    return t.daemon(tls=certs.make("edge", *NAMES).conf(**(tls or {})), conf={"tcp": tcp or {}, **conf}), certs


def stranger(daemon, source="127.0.0.99", transport="tcp", certs=None):
    """A connection; over TLS with its handshake done."""
    plain = socket.create_connection(daemon.tls_server if transport == "tls" else daemon.server, 5, (source, 0))
    if transport != "tls":
        return plain
    context = ssl.create_default_context(cafile=certs.ca)
    return context.wrap_socket(plain, server_hostname="example.test")


def is_closed(sock):
    """Has the other side closed it?"""
    sock.settimeout(0)
    try:
        return sock.recv(4096) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def say_slowly(sock, data, gap=0.1):
    """Byte by byte until all is said or the other side has had enough; the seconds that it took."""
    start = time.monotonic()
    for byte in data:
        try:
            sock.sendall(bytes([byte]))
        except OSError:
            break
        if select.select([sock], [], [], gap)[0] and is_closed(sock):
            break
        sock.settimeout(5)
    return time.monotonic() - start


# How many

@variants(workers=[1, 4])
def test_connections_of_one_source(t, workers):
    """The limit holds over all workers, which have the connections by their ports; another source is not concerned."""
    daemon, _ = world(t, tcp={"max_connections_per_source": 10}, workers=workers)
    with contextlib.ExitStack() as stack:
        mine = [stack.enter_context(stranger(daemon)) for _ in range(30)]
        check.until(lambda: sum(map(is_closed, mine)) == 20, 5, lambda: f"20 are closed, found {sum(map(is_closed, mine))}")
        check.equal(daemon.stat("net_tcp_refused_source"), 20, "refused ones are counted")
        check.equal(daemon.stat("net_tcp_open"), 10, "connections")
        check.equal(daemon.log().count("127.0.0.99 has 10 connections (tcp.max_connections_per_source)"), 1, "lines about it")
        t.phone("alice", daemon, transport="tcp").register()
        next(s for s in mine if not is_closed(s)).close()
        check.until(lambda: daemon.stat("net_tcp_open") == 10, 5, "one has gone, alice has come")
        check.that(not is_closed(stack.enter_context(stranger(daemon))), "there is room for one more")
        check.until(lambda: daemon.stat("net_tcp_open") == 11, 5, "it is there")


def test_tls_and_tcp_count_together(t):
    daemon, certs = world(t, tcp={"max_connections_per_source": 4})
    with contextlib.ExitStack() as stack:
        for transport in ("tcp", "tls", "tcp", "tls"):
            stack.enter_context(stranger(daemon, transport=transport, certs=certs))
        try:
            fifth = stack.enter_context(stranger(daemon, transport="tls", certs=certs))
            check.until(lambda: is_closed(fifth), 5, "the fifth is closed")
        except (ssl.SSLError, ConnectionError):
            pass
        check.equal(daemon.stat("net_tcp_refused_source"), 1, "refused ones are counted")


@limit(120)
def test_thousands_of_idle_connections(t):
    """Up to the limit of the process; phones that are there already go on as ever, and their latency is that of a quiet daemon."""
    many = 2000
    daemon, certs = world(t, tcp={"max_connections": many, "max_connections_per_source": 0, "first_message_timeout": 0})
    phones = t.phones_of(daemon, ["u1", "u2"]) + t.phones_of(daemon, ["t1"], transport="tcp") + t.phones_of(
        daemon, ["s1"], transport="tls", tls=certs.believer())
    with contextlib.ExitStack() as stack:
        for i in range(many - 2):
            stack.enter_context(stranger(daemon, f"127.0.1.{i % 200 + 1}"))
        check.until(lambda: daemon.stat("net_tcp_open") == many - 1, 10, lambda: f"all are there: {daemon.stat('net_tcp_open')}")
        more = [stack.enter_context(stranger(daemon)) for _ in range(5)]
        check.until(lambda: all(map(is_closed, more)), 5, "further ones are closed")
        check.equal(daemon.stat("net_tcp_refused"), 5, "and counted")
        with latency.undisturbed(daemon) as how:
            load = latency.registers(phones, 200)
        print(f"beside {many} idle connections, {how}: {load}")
        check.that(load.p(99) < 50, f"p99 under 50 ms, found {load}")
    check.until(lambda: daemon.stat("net_tcp_open") == 1, 10, "they are gone")
    t.phone("late", daemon, transport="tcp").register()


# How long

def test_who_never_says_a_thing(t):
    """Silence, half a message, a TLS connection without a word: closed. A keepalive or a message: kept."""
    daemon, certs = world(t, tcp={"first_message_timeout": 1000})
    with contextlib.ExitStack() as stack:
        silent, half, pinging, crlf = (stack.enter_context(stranger(daemon)) for _ in range(4))
        secure = stack.enter_context(stranger(daemon, transport="tls", certs=certs))
        start = time.monotonic()
        half.sendall(b"REGISTER sip:example.test SIP/2.0\r\nVia: ")
        pinging.sendall(b"\r\n\r\n")
        crlf.sendall(b"\r\n")
        alice = t.phones_of(daemon, ["alice"], transport="tcp")[0]
        for sock in (silent, half, secure):
            check.until(lambda s=sock: is_closed(s), 5, "it is closed")
        check.that(time.monotonic() - start > 0.8, "not before its time")
        check.equal(pinging.recv(10), b"\r\n", "answer to the keepalive")
        check.holds(lambda: not is_closed(pinging) and not is_closed(crlf), 1, "who has pinged is kept")
        check.equal(daemon.stat("net_tcp_timeouts"), 3, "they are counted")
        check.equal(alice.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "alice is still there")


@variants(how=["silent", "slow", "garbage"])
def test_handshake_that_does_not_come_to_its_end(t, how):
    daemon, certs = world(t, tls={"handshake_timeout": 1500})
    hello = hello_of(certs)
    phones = t.phones_of(daemon, ["alice", "bob"])
    with socket.create_connection(daemon.tls_server, 5) as sock:
        start = time.monotonic()
        if how == "slow":
            took = say_slowly(sock, hello, 0.05)            # the whole of it would take 15 s and more
        elif how == "garbage":
            sock.sendall(b"\x16\x03\x01\xff\xff" + b"A" * 3000)
            check.until(lambda: is_closed(sock), 5, "it is closed")
            took = time.monotonic() - start
        else:
            load = latency.registers(phones, 40)
            check.until(lambda: is_closed(sock), 5, "it is closed")
            took = time.monotonic() - start
            print(f"meanwhile: {load}")
    check.that(took < 3, f"closed in time, found {took:.1f} s")
    stats = daemon.stats()
    check.equal((stats["net_tls_failed"], stats["net_tls_timeouts"]), (1, how != "garbage"), "failed, because of time")
    check.contains(daemon.log(), "127.0.0.1:", "a line that says who")
    t.phone("carol", daemon, transport="tls", tls=certs.believer()).register()


def hello_of(certs):
    """What a TLS client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = ssl.create_default_context(cafile=certs.ca).wrap_bio(incoming, outgoing, server_hostname="example.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


def test_flood_of_handshakes(t):
    """Each costs us a signature and those who ask nothing. On one worker, the phones get their turn between them."""
    daemon, certs = world(t, workers=1, tcp={"max_connections_per_source": 0}, tls={"handshake_timeout": 20000})
    phones = t.phones_of(daemon, ["u1", "u2"]) + t.phones_of(daemon, ["t1"], transport="tcp")
    hello = hello_of(certs)
    with contextlib.ExitStack() as stack:
        flood = [stack.enter_context(socket.create_connection(daemon.tls_server, 5)) for _ in range(1500)]
        check.until(lambda: daemon.stat("net_tls_open") == 1500, 10, "all are accepted")
        with latency.undisturbed(daemon) as how:
            quiet = latency.registers(phones, 60)
            for sock in flood:
                sock.sendall(hello)
            start = time.monotonic()
            beside = latency.registers(phones, 30, gap=0.002)
            took = time.monotonic() - start
        for sock in flood:
            sock.settimeout(10)
            check.that(sock.recv(5), "the server's hello")
        print(f"{how}: quiet {quiet}; beside 1500 handshakes, for {took * 1000:.0f} ms, {beside}")
        check.that(beside.p(50) < quiet.p(50) + 80, f"p50 beside them {beside}, without {quiet}")


@variants(transport=["tcp", "tls"])
def test_message_that_does_not_come_to_its_end(t, transport):
    """From somebody who has said something before: message_timeout decides."""
    daemon, certs = world(t, tcp={"message_timeout": 1000})
    phone = t.phones_of(daemon, ["alice"], transport=transport, tls=certs.believer())[0]
    phone.link.send(phone.register_message().data()[:100])
    check.that(phone.link.closed.wait(5), "it is closed")
    check.equal(daemon.stat("net_tcp_timeouts"), 1, "timeouts")


@variants(transport=["tcp", "tls"])
def test_idle_connection(t, transport):
    daemon, certs = world(t, tcp={"idle_timeout": 1000})
    phone = t.phones_of(daemon, ["alice"], transport=transport, tls=certs.believer())[0]
    for _ in range(4):
        phone.link.send(b"\r\n\r\n")
        check.that(not phone.link.closed.wait(0.5), "who pings is not idle")        # half of the timeout, on purpose
    check.that(phone.link.closed.wait(5), "who does not is")


# How slow

@variants(transport=["tcp", "tls"])
def test_one_byte_every_100_ms(t, transport):
    """All connections on one worker: the others' requests are answered as if nobody were slow."""
    daemon, certs = world(t, workers=1, tcp={"first_message_timeout": 60000})
    phones = t.phones_of(daemon, ["u1", "u2"]) + t.phones_of(daemon, ["t1"], transport="tcp") + t.phones_of(
        daemon, ["s1"], transport="tls", tls=certs.believer())
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(stranger(daemon, transport=transport, certs=certs)) for _ in range(50)]
        data = phones[2].register_message().data()
        with latency.undisturbed(daemon) as how:
            quiet = latency.registers(phones, 60)
            times = []
            for i in range(10):
                for sock in slow:
                    sock.sendall(data[i:i + 1])
                times += latency.registers(phones, 12, gap=0.008).ms
            beside = latency.Latencies([ms / 1000 for ms in times])
        print(f"{how}: quiet {quiet}; beside 50 slow ones {beside}")
        check.that(beside.p(99) < quiet.p(99) + 50, f"p99 beside slow ones {beside}, without {quiet}")
        check.equal(sum(map(is_closed, slow)), 0, "slow ones that were closed: they have time")


@variants(transport=["tcp", "tls"])
def test_peer_that_does_not_read(t, transport):
    """Answers for it fill its own queue until that is too long: then it is closed. Nobody else waits for it."""
    daemon, certs = world(t, workers=1, tcp={"send_queue": 262144, "message_timeout": 60000})
    phones = t.phones_of(daemon, ["u1", "u2"]) + t.phones_of(daemon, ["t1"], transport="tcp")
    probe = t.phone("probe", daemon)
    with stranger(daemon, transport=transport, certs=certs) as deaf:
        deaf.settimeout(0.05)
        with latency.undisturbed(daemon) as how:
            quiet = latency.registers(phones, 60)
            times, sent = [], 0
            end = time.monotonic() + 30
            while time.monotonic() < end and daemon.stat(f"net_{transport}_open") > (1 if transport == "tcp" else 0):
                request = probe.message("OPTIONS", f"sip:{daemon.domain}", "sip:a@x", f"sip:{daemon.domain}", sip.token(), 1, sip.token(4))
                request.put("Via", f"SIP/2.0/{transport.upper()} 192.0.2.1;branch=z9hG4bK{sip.token()};x={'x' * 3000}")
                for _ in range(40):
                    try:
                        deaf.sendall(request.data())
                        sent += 1
                    except (TimeoutError, ssl.SSLError):
                        break                                   # it does not read us either
                    except OSError as err:
                        check.that(err.errno in (errno.EPIPE, errno.ECONNRESET), f"closed, found {err}")
                        break
                times += latency.registers(phones, 9).ms
            beside = latency.Latencies([ms / 1000 for ms in times])
        print(f"{how}: {sent} requests of the deaf one; quiet {quiet}; beside it {beside}")
        check.equal(daemon.stat(f"net_{transport}_open"), 1 if transport == "tcp" else 0, "connections: the deaf one is gone")
        check.that(daemon.stat("net_tcp_send_errors") > 0, "what did not leave is counted")
        check.that(beside.p(99) < quiet.p(99) + 50, f"p99 beside it {beside}, without {quiet}")
