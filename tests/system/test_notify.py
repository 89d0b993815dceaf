"""What RTP proxies tell of calls whose media have died (facts section 13.6), on one node.

    alice ==== silence ==== bob
    rtpproxy --TCP or UNIX: the call's id--> pinholed --BYE--> alice, bob

Expected: every form that rtpproxies write ends the call, once; whatever else is written there has no effect. The test itself is the rtpproxy.
"""

import os
import random
import socket
import stat
import time

from kit import check, followed, proc
from kit.runner import limit, variants


def free_tcp(address="127.0.0.1"):
    return proc.free_port(address, udp=False)


def connect(where):
    """As an rtpproxy does: `where` is a path or (address, port)."""
    if isinstance(where, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(5)
        sock.connect(where)
        return sock
    return socket.create_connection(where, 5)


def tell(where, data):
    with connect(where) as sock:
        sock.sendall(data if isinstance(data, bytes) else data.encode())


def closed(sock):
    """Has the other side closed it?"""
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@variants(kind=["tcp", "tcp6", "unix", "path"])
def test_media_timeout_ends_the_call(t, kind):
    port, path = free_tcp("::1" if kind == "tcp6" else "127.0.0.1"), os.path.join(t.dir, "notify.sock")
    text, where = {"tcp": (f"tcp:127.0.0.1:{port}", ("127.0.0.1", port)), "tcp6": (f"tcp:[::1]:{port}", ("::1", port)),
                   "unix": (f"unix:{path}", path), "path": (path, path)}[kind]
    daemon = followed.daemon(t, notify=text)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(daemon, call))
    tell(where, name + "\n")
    followed.ended_by_us(call, "media timeout", highest=0, seconds=2)
    followed.ended_by_us(leg, "media timeout", highest=1, seconds=2)
    check.equal(daemon.stat("dialog_ended_media_timeout"), 1, "ended because of it")
    check.equal(daemon.stat("notify_timeouts"), 1, "lines that ended a call")
    tell(where, name + "\n")                       # once more, from another connection
    check.until(lambda: daemon.stat("notify_repeated") == 1, 3, "a repeated line")
    followed.no_more_byes([alice, bob], 0.5, [1, 1])


def in_pieces(where, text):
    with connect(where) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in text.encode():
            sock.send(bytes([byte]))


FORMS = {
    "CR LF": lambda at, name: tell(at, f"{name}\r\n"),
    "NUL": lambda at, name: tell(at, f"{name}\0"),
    "LF and NUL": lambda at, name: tell(at, f"{name}\n\0"),
    "blanks": lambda at, name: tell(at, f" \t {name} \t\n"),
    "encoded": lambda at, name: tell(at, "".join(f"%{ord(c):02x}" if i % 3 else c for i, c in enumerate(name)) + "\n"),
    "byte by byte": lambda at, name: in_pieces(at, name + "\n"),
    "once per stream": lambda at, name: tell(at, f"{name}\n{name}\n{name}\n"),
    "without an end": tell,
    "behind other lines": lambda at, name: tell(at, f"35000 35002\n\n{'x' * 4000}\n{name}\ntag B\n"),
}


@limit(90)
def test_every_form(t):
    at = ("127.0.0.1", free_tcp())
    daemon = followed.daemon(t, notify=f"tcp:127.0.0.1:{at[1]}")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    for number, (form, send) in enumerate(FORMS.items(), 1):
        call, leg = followed.up(alice, bob)
        send(at, followed.id_of(followed.wait_listed(daemon, call)))
        try:
            followed.ended_by_us(call, "media timeout", seconds=3, count=number)
            followed.ended_by_us(leg, "media timeout", seconds=3, count=number)
        except check.Failed as err:
            raise check.Failed(f"form '{form}': {err}") from None
    stats = daemon.stats()
    check.equal((stats["notify_too_long"], stats["notify_repeated"], stats["notify_garbage"]), (1, 2, 2), "lines of other kinds")


def test_many_calls_in_one_write(t):
    at = ("127.0.0.1", free_tcp())
    daemon = followed.daemon(t, notify=f"tcp:127.0.0.1:{at[1]}")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    sides = [followed.up(alice, bob) for _ in range(12)]
    names = [followed.id_of(followed.wait_listed(daemon, call)) for call, _ in sides[:10]]
    random.shuffle(names)
    tell(at, "".join(f"{n}\n{n}\n" for n in names))
    for call, leg in sides[:10]:
        followed.ended_by_us(call, "media timeout", seconds=3, count=None)
        followed.ended_by_us(leg, "media timeout", seconds=3, count=None)
    followed.no_more_byes([alice, bob], 0.5, [10, 10])
    check.equal(len(followed.listed(daemon)), 2, "calls that were not told of")


def test_ringing_call(t):
    """Its relay session has run down while nobody answered: the call is cancelled."""
    at = ("127.0.0.1", free_tcp())
    daemon = followed.daemon(t, notify=f"tcp:127.0.0.1:{at[1]}")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    call = alice.call("bob")
    leg = bob.wait_call()
    call.txn.wait_status(180)
    tell(at, followed.id_of(followed.wait_listed(daemon, call, "early")) + "\n")
    check.equal(call.txn.wait().status, 480, "reply to the caller")
    leg.wait_cancelled()
    check.equal(alice.count("BYE") + bob.count("BYE"), 0, "BYEs")


def test_strangers_have_no_effect(t):
    at = ("127.0.0.1", free_tcp())
    daemon = followed.daemon(t, notify=f"tcp:127.0.0.1:{at[1]}", conf={"notify": {"max_connections": 8}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(daemon, call))
    relay = connect(at)                            # one that has told of something already keeps its place
    relay.sendall(b"0123456789abcdef01234567\n")
    check.until(lambda: daemon.stat("notify_unknown") == 1, 3, "an id that nobody knows")
    forged = [f"{int(name[:8], 16):08x}{random.getrandbits(64):016x}" for _ in range(200)]
    tell(at, "".join(f"{f}\n" for f in forged))
    tell(at, bytes(random.getrandbits(8) for _ in range(20000)))
    tell(at, name.upper() + "\n" + name[:-1] + "\n" + name + "0\n" + "GET / HTTP/1.1\r\n\r\n")
    with connect(at) as endless:
        try:
            for _ in range(300):
                endless.sendall(b"x" * 10000)
        except OSError as err:
            raise check.Failed(f"a line that does not end is no reason to close: {err}") from None
        check.until(lambda: daemon.stat("notify_too_long") >= 1, 3, "the line was too long")
    idle = [connect(at) for _ in range(30)]
    check.until(lambda: sum(closed(s) for s in idle) >= 22, 3, lambda: f"closed {sum(closed(s) for s in idle)} of 30")
    check.until(lambda: daemon.stat("notify_unknown") == 201, 3, lambda: f"unknown ids: {daemon.stats()}")
    stats = daemon.stats()
    check.that(stats["notify_connections"] <= 8, f"connections {stats['notify_connections']}")
    check.that(stats["notify_garbage"] >= 4, f"garbage {stats['notify_garbage']}")
    followed.no_more_byes([alice, bob], 0.3, [0, 0])
    check.that(daemon.log().count("notify:") < 40, "strangers do not fill the log")
    relay.sendall(name.encode() + b"\n")           # and the relay is heard
    followed.ended_by_us(call, "media timeout")
    followed.ended_by_us(leg, "media timeout")
    for sock in [relay, *idle]:
        sock.close()


def test_redis_is_away(t):
    """The node's own calls end all the same; the store hears of it when it is back."""
    at, redis = ("127.0.0.1", free_tcp()), t.redis()
    daemon = followed.daemon(t, notify=f"tcp:127.0.0.1:{at[1]}", redis=redis)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(daemon, call))
    redis.process.kill()
    tell(at, name + "\n")
    followed.ended_by_us(call, "media timeout")
    followed.ended_by_us(leg, "media timeout")
    check.that(daemon.stat("notify_store_away") >= 1, "the store was away")
    redis.start()
    check.until(lambda: daemon.stat("dialog_dirty") == 0 and daemon.stat("notify_unknown") == 1, 10, "the store was told")
    followed.no_more_byes([alice, bob], 0.5, [1, 1])


def test_busy_port_refuses_the_start(t):
    port = free_tcp()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        daemon = followed.daemon(t, notify=f"tcp:127.0.0.1:{port}", start=False)
        status, log = daemon.refused()
    check.equal(status, 1, "exit status")
    check.contains(log, f"rtpp_notify_socket tcp:127.0.0.1:{port}: cannot be bound: Address already in use", "log")


def test_unix_socket(t):
    path = os.path.join(t.dir, "notify.sock")
    daemon = followed.daemon(t, notify=path, conf={"notify": {"mode": "0666"}})
    check.equal(stat.S_IMODE(os.stat(path).st_mode), 0o666, "mode")
    second = followed.daemon(t, notify=path, start=False, name="second")
    status, log = second.refused()
    check.equal(status, 1, "exit status of a second one")
    check.contains(log, "another process listens there", "log")
    check.that(os.path.exists(path), "the first one's socket is still there")
    daemon.kill()
    daemon.start()                                 # what it has left is replaced
    tell(path, "0123456789abcdef01234567\n")
    check.until(lambda: daemon.stat("notify_unknown") == 1, 3, "it is heard")
    daemon.stop()
    check.that(not os.path.exists(path), "a stop takes the socket away")
    with open(path, "w", encoding="ascii") as out:
        out.write("precious")
    status, log = second.refused()
    check.equal(status, 1, "exit status with a file in the way")
    check.contains(log, "a file that is no socket", "log")
    with open(path, encoding="ascii") as kept:
        check.equal(kept.read(), "precious", "the file in the way")


def test_wrong_values_are_refused(t):
    for number, value in enumerate(("tcp:127.0.0.1", "udp:127.0.0.1:1", "tcp:host.invalid:1", "unix:x", "")):
        daemon = followed.daemon(t, notify=value or "x", start=False, name=f"wrong{number}", conf={"notify": {"rtpp_notify_socket": value}})
        done = daemon.check_conf()
        check.equal(done.returncode, 1, f"status for {value!r}")
        check.contains(done.stderr, "rtpp_notify_socket", f"complaint about {value!r}")
        check.contains(done.stderr, "tcp:IP:PORT", f"what would be right instead of {value!r}")
    daemon = followed.daemon(t, notify="/x", start=False, conf={"notify": {"mode": "0999", "max_connections": 0, "max_line": 10}})
    done = daemon.check_conf()
    for want in ("mode", "octal", "max_connections", "10000", "max_line", "65536"):
        check.contains(done.stderr, want, "complaints")
    lonely = followed.daemon(t, notify="/x", start=False, name="lonely", conf={"plugins": ["nat", "sdp", "registrar", "rtpp", "notify", "dialog", "mi"]})
    check.contains(lonely.check_conf().stderr, "'notify'", "complaint about the order")
    check.contains(lonely.check_conf().stderr, "needs plugin 'dialog': list it before", "complaint about the order")


def test_stop_with_connections(t):
    """Nothing hangs and nothing leaks when it stops while RTP proxies are connected and speak."""
    at = ("127.0.0.1", free_tcp())
    daemon = followed.daemon(t, notify=f"tcp:127.0.0.1:{at[1]}", redis=t.redis())
    socks = [connect(at) for _ in range(20)]
    for sock in socks:
        sock.sendall("".join(f"{random.getrandbits(96):024x}\n" for _ in range(500)).encode())
    start = time.monotonic()
    daemon.stop()
    check.that(time.monotonic() - start < 5, "it stops at once")
    for sock in socks:
        sock.close()


def test_address_that_moves_here(t):
    """The nodes of a cluster listen on one address, which only one of them has at a time."""
    internet = t.internet()
    with internet:
        node = followed.daemon(t, notify="tcp:198.51.100.9:9990")
        check.contains(node.log(), "no address of this machine now", "log")
        internet.address("198.51.100.9/32")
        tell(("198.51.100.9", 9990), "nonsense\n")
    check.until(lambda: node.stat("notify_garbage") == 1, 5, "what was said there has arrived")
