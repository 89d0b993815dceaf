"""Keepalives: each registered phone is pinged once an interval, through the pinhole that its REGISTER has made.

    phone --REGISTER--> pinholed          from a private address, behind NAT
    phone <--- 4 zero bytes or OPTIONS --- pinholed, from the very socket that the REGISTER came to
    phone --- 200 OK ---> pinholed        ends there: no script sees it

Expected: one ping in an interval and nothing from another address; none for phones that are not wanted, are gone, or belong
to another node.
"""

import os
import socket
import struct
import time

from kit import check, proc, sip
from kit.runner import limit, variants

PLUGINS = ["nat", "sdp", "registrar", "rtpp", "natping", "mi"]
INTERVAL = 1
SIP_PING = {"sipping_bflag": 6, "sipping_from": "sip:pinger@example.test"}   # the script's flag for "behind NAT"
SIP_PLUS = 0.25                                    # s; more than any lateness of a ping on a busy machine should be


def conf(natping=None, **more):
    return {"plugins": PLUGINS, "natping": {"natping_interval": INTERVAL, **(natping or {})}, **more}


def pings(phone):
    """(time, address) of the 4-byte pings so far."""
    with phone.lock:
        return [(at, address) for at, data, address in phone.keepalives if data == bytes(4)]


def wait_pings(phone, count, seconds=None):
    check.until(lambda: len(pings(phone)) >= count, seconds or count * INTERVAL + 3,
                lambda: f"{phone.user} has {count} pings, found {len(pings(phone))}")
    return pings(phone)


def options(phone):
    with phone.lock:
        return [m for m in phone.received if not m.reply and m.method == "OPTIONS"]


def wait_options(phone, count):
    check.until(lambda: len(options(phone)) >= count, count * INTERVAL + 3,
                lambda: f"{phone.user} has {count} OPTIONS, found {len(options(phone))}")
    return options(phone)


def check_period(times, interval=INTERVAL):
    for a, b in zip(times, times[1:]):
        check.that(abs(b - a - interval) < SIP_PLUS * interval, f"two pings {b - a:.3f} s apart, want {interval}")


def is_quiet(phone, seconds):
    before = len(phone.keepalives) + len(options(phone))
    time.sleep(seconds)
    check.equal(len(phone.keepalives) + len(options(phone)), before, f"pings at {phone.user}, who should have none")


# Who is pinged, and from where

@variants(ip=["v4", "v6"], store=["memory", "redis"])
def test_pings_come_from_the_socket_of_the_registration(t, ip, store):
    address = "127.0.0.1" if ip == "v4" else "::1"
    host = sip.bracket(address)
    port, other = proc.free_port(address), proc.free_port(address)
    daemon = t.daemon(address=address, port=port, redis=t.redis() if store == "redis" else None,
                      conf=conf({"natping_processes": 2}, listen=[f"udp:{host}:{port}", f"udp:{host}:{other}"]))
    alice, bob = t.phone("alice", daemon), t.phone("bob", daemon)
    bob.server = bob.link.server = (address, other)
    bob.sources = {bob.server}
    for phone in (alice, bob):
        start = time.monotonic()
        phone.register()
        found = wait_pings(phone, 1)
        check.that(found[0][0] - start < INTERVAL + SIP_PLUS, "the first ping comes within an interval")
    for phone in (alice, bob):
        found = wait_pings(phone, 3)
        check.equal({a for _, a in found}, {phone.server}, f"{phone.user} is pinged from")
        check_period([at for at, _ in found])
    check.equal(daemon.stat("natping_contacts"), 2, "contacts")
    check.that(daemon.stat("natping_sent_udp") >= 6, "pings sent are counted")


def test_refresh_keeps_the_phase_and_a_new_address_takes_over(t):
    daemon = t.daemon(conf=conf())
    alice = t.phone("alice", daemon)
    alice.register()
    first = wait_pings(alice, 2)[-1][0]
    for _ in range(4):
        alice.register()
        time.sleep(0.3)
    times = [at for at, _ in wait_pings(alice, 5)]
    check_period(times)
    check.that(abs((times[-1] - first + INTERVAL / 2) % INTERVAL - INTERVAL / 2) < SIP_PLUS, "the phase is where it was")
    alice.reconnect()                              # its router gave it another port
    alice.keepalives.clear()
    alice.register()
    check_period([at for at, _ in wait_pings(alice, 3)])
    check.equal(daemon.stat("natping_contacts"), 1, "contacts")


def test_only_phones_behind_nat(t):
    daemon = t.daemon(conf=conf({"ping_nated_only": 1}))
    alice = t.phone("alice", daemon)
    bob = t.phone("bob", daemon, source="127.0.0.66", private="127.0.0.66")
    alice.register()
    bob.private_port = bob.link.local[1]           # he writes what is true
    bob.register()
    check.contains(daemon.ctl("contacts", "bob").stdout, "NAT:: 0", "bob's contact")
    wait_pings(alice, 3)
    check.equal(len(bob.keepalives), 0, "pings at the phone that is not behind NAT")
    check.equal(daemon.stat("natping_contacts"), 1, "contacts")


def test_nobody_is_pinged_after_the_registration(t):
    daemon = t.daemon(conf=conf({}, registrar={"min_expires": 1}))
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    wait_pings(alice, 1)
    wait_pings(bob, 1)
    alice.register(0)
    bob.register(2)
    expired = time.monotonic() + 2
    is_quiet(alice, 2.2 * INTERVAL)
    check.until(lambda: daemon.stat("natping_contacts") == 0, 3 + INTERVAL, "both are forgotten")
    check.that(pings(bob)[-1][0] < expired + 1.2, "no ping after the registration has expired")
    is_quiet(bob, 1.2 * INTERVAL)


def test_contact_star_removes_all(t):
    daemon = t.daemon(conf=conf())
    alice = t.phone("alice", daemon)
    alice.register()
    alice.register(contact="<sip:alice@192.168.1.200:5060>")
    check.until(lambda: daemon.stat("natping_contacts") == 2, 3, "two contacts")
    alice.register(0, contact="*")
    check.until(lambda: daemon.stat("natping_contacts") == 0, 3, "none is left")


# SIP pings

WATCHING = """
route {
	if (is_method("OPTIONS"))
		xlog("L_ERR", "SCRIPT SEES OPTIONS\\n");
	if (is_method("REGISTER")) {
		fix_nated_register();
		setbflag(6);
		save("location");
	}
}
onreply_route {
	xlog("L_ERR", "SCRIPT SEES A REPLY\\n");
}
"""


@variants(ip=["v4", "v6"])
def test_sip_pings_and_their_replies(t, ip):
    daemon = t.daemon(address="127.0.0.1" if ip == "v4" else "::1", script=WATCHING,
                      conf=conf({**SIP_PING, "sipping_from": '"Ping" <sip:pinger@example.test>'}))
    alice = t.phone("alice", daemon)
    alice.register()
    asked = wait_options(alice, 3)
    host = sip.bracket(daemon.address)
    for msg in asked:                              # the phone has checked source, Request-URI and the rest
        check.equal(msg.uri, sip.uri_of(alice.contact()), "Request-URI")
        check.equal(msg.get("to"), f"<{msg.uri}>", "To")
        check.that(msg.get("from").startswith('"Ping" <sip:pinger@example.test>;tag='), msg.get("from"))
        check.equal(msg.get("cseq"), "1 OPTIONS", "CSeq")
        check.equal(msg.get("max-forwards"), "70", "Max-Forwards")
        check.equal(len(msg.all("via")), 1, "Via headers")
        check.that(msg.get("via").startswith(f"SIP/2.0/UDP {host}:{daemon.port};branch=z9hG4bK"), msg.get("via"))
    check.equal(len({m.branch for m in asked}), len(asked), "different branches")
    check.equal(len({m.call_id for m in asked}), len(asked), "different Call-IDs")
    check.equal(len(alice.keepalives), 0, "4-byte pings")
    check.until(lambda: daemon.stat("natping_replies") >= 3, 3, "the replies are absorbed")
    check.that("SCRIPT SEES" not in daemon.log(), "the script has seen a ping's reply")
    check.that(daemon.stat("natping_sent_sip") >= 3, "SIP pings are counted")


def test_only_flagged_contacts_get_sip_pings(t):
    """The method is another one, and any reply is absorbed."""
    daemon = t.daemon(script=WATCHING.replace("setbflag(6);", 'if ($fU == "alice") setbflag(6);'),
                      conf=conf({**SIP_PING, "sipping_method": "NOTIFY"}))
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    check.until(lambda: alice.count("NOTIFY") >= 2, 5, "alice has SIP pings")      # she answers 501
    wait_pings(bob, 2)
    check.equal(len(alice.keepalives), 0, "4-byte pings at alice")
    check.equal(bob.count("NOTIFY"), 0, "SIP pings at bob")
    check.until(lambda: daemon.stat("natping_replies") >= 2, 3, "a 501 is absorbed too")
    check.that("SCRIPT SEES" not in daemon.log(), "the script has seen a ping's reply")


def test_late_reply_to_another_node_s_ping(t):
    """Its successor at the same address, with the same Redis, knows whose ping that was."""
    redis = t.redis()
    first = t.daemon(redis=redis, script=WATCHING, name="edge1", conf=conf(SIP_PING))
    alice = t.phone("alice", first)
    alice.on_options = lambda msg: None            # thinks about it
    alice.register()
    asked = wait_options(alice, 1)[0]
    first.kill()
    second = t.daemon(redis=redis, script=WATCHING, name="edge2", port=first.port, conf=conf({**SIP_PING, "natping_interval": 600}))
    alice.reply(asked, 200, "OK")
    check.until(lambda: second.stat("natping_replies_other") == 1, 3, "the late reply is absorbed")
    check.equal(second.stat("natping_replies"), 0, "replies to its own pings")
    # A stranger's reply is nobody's ping.
    forged = sip.Message.parse(asked.data())
    forged.source = asked.source
    forged.put("via", asked.get("via").replace(asked.branch, asked.branch[:-4] + "0000"))
    alice.reply(forged, 200, "OK")
    check.until(lambda: "SCRIPT SEES A REPLY" in second.log(), 3, "what is no ping's goes the way of all replies")
    check.equal(second.stat("natping_replies_other"), 1, "absorbed replies")


# By way of others

@variants(kind=["zeros", "sip"])
def test_path_is_followed(t, kind):
    """The REGISTER came through an edge: it alone has the pinhole."""
    daemon = t.daemon(script=WATCHING, conf=conf(SIP_PING if kind == "sip" else {}))
    alice = t.phone("alice", daemon)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as edge:
        edge.bind(("127.0.0.90", 0))
        edge.settimeout(5)
        path = f"<sip:token@127.0.0.90:{edge.getsockname()[1]};lr>"
        alice.register(extra=[("Path", path), ("Supported", "path")])
        data, source = edge.recvfrom(65536)
    check.equal(source, daemon.server, "source of the ping")
    if kind == "zeros":
        check.equal(data, bytes(4), "ping")
    else:
        msg = sip.Message.parse(data)
        check.equal(msg.faults, [], "faults of the ping")
        check.equal(msg.all("route"), [path], "Route")
        check.equal(msg.uri, sip.uri_of(alice.contact()), "Request-URI")
    check.equal(len(alice.keepalives) + len(options(alice)), 0, "pings past the edge")


def test_tcp_is_pinged_over_its_own_connection(t):
    daemon = t.daemon(conf=conf({"natping_tcp": 1, "natping_processes": 2}))
    alice = t.phone("alice", daemon, transport="tcp")
    alice.register()
    check.until(lambda: len(alice.keepalives) >= 3, 3 * INTERVAL + 3, "CRLF CRLF over TCP")
    check.equal({data for _, data, _ in alice.keepalives}, {b"\r\n\r\n"}, "pings")
    check.that(daemon.stat("natping_sent_tcp") >= 3, "they are counted")
    sent = daemon.stat("natping_sent_tcp")
    alice.link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    alice.link.close()                             # reset: the port is free at once
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as ear:                 # would it connect now?
        ear.bind(alice.link.local)
        ear.listen()
        check.until(lambda: daemon.stat("natping_sent_tcp") >= sent + 2, 2 * INTERVAL + 3, "pings that find no connection")
        ear.settimeout(0.5)
        try:
            ear.accept()
            raise check.Failed("the daemon has made a connection for a ping")
        except TimeoutError:
            pass


def test_tcp_is_left_alone_unless_asked(t):
    daemon = t.daemon(conf=conf())
    alice, bob = t.phone("alice", daemon, transport="tcp"), t.phone("bob", daemon)
    alice.register()
    bob.register()
    wait_pings(bob, 2)
    check.equal(len(alice.keepalives), 0, "pings over TCP")


def test_sip_pings_over_tcp(t):
    daemon = t.daemon(script=WATCHING, conf=conf({"natping_tcp": 1, **SIP_PING}))
    alice = t.phone("alice", daemon, transport="tcp")
    alice.register()
    msg = wait_options(alice, 2)[0]
    check.that(msg.get("via").startswith("SIP/2.0/TCP "), msg.get("via"))
    check.until(lambda: daemon.stat("natping_replies") >= 2, 3, "replies are absorbed")
    check.that("SCRIPT SEES" not in daemon.log(), "the script has seen a ping's reply")


def test_force_socket_stands_in(t):
    """Registered over TCP, but to be reached by UDP: the listener of the registration cannot."""
    port, other = proc.free_port(), proc.free_port()
    daemon = t.daemon(port=port, script=WATCHING.replace("fix_nated_register();", ""), conf=conf(
        {"force_socket": f"127.0.0.1:{other}"},
        listen=[f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}", f"udp:127.0.0.1:{other}"]))
    alice = t.phone("alice", daemon, transport="tcp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((alice.source, 0))
        ear.settimeout(5)
        alice.register(contact=f"<sip:alice@{alice.source}:{ear.getsockname()[1]}>")
        check.equal(ear.recvfrom(64), (bytes(4), ("127.0.0.1", other)), "the ping")


def test_contact_with_a_host_name(t):
    """By the hosts file, and by DNS, for which no ping waits: the next one has it."""
    dns = t.dns(["phone.test A 127.0.0.1"])
    daemon = t.daemon(script=WATCHING.replace("fix_nated_register();", ""), conf={**conf(), "dns": {"servers": [dns.server]}})
    alice, bob = t.phone("alice", daemon), t.phone("bob", daemon)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(5)
        alice.register(contact=f"<sip:alice@localhost:{ear.getsockname()[1]}>")
        bob.register(contact="<sip:bob@nowhere.invalid>")
        check.equal(ear.recvfrom(64), (bytes(4), daemon.server), "the ping")
        alice.register(contact=f"<sip:alice@phone.test:{ear.getsockname()[1]}>")
        check.equal(ear.recvfrom(64), (bytes(4), daemon.server), "the ping to a name of DNS")
    check.until(lambda: daemon.stat("natping_unresolved") >= 1, INTERVAL + 3, "the unknown name is counted")


# The forged source

def forged(t):
    if os.geteuid() != 0:
        raise check.Skipped("raw sockets need root")
    return "127.0.0.77", 5999


def test_natping_socket_forges_the_source(t):
    address = forged(t)
    daemon = t.daemon(script=WATCHING.replace("setbflag(6);", 'if ($fU == "bob") setbflag(6);'),
                      conf=conf({"natping_socket": f"{address[0]}:{address[1]}", **SIP_PING}))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        wire.settimeout(5)
        alice, bob = t.phones_of(daemon, ["alice", "bob"])
        found = wait_pings(alice, 2)
        check.equal({a for _, a in found}, {address}, "source of the 4-byte pings")
        while True:
            packet = wire.recv(65536)
            if packet[12:16] == socket.inet_aton(address[0]):
                break
    check.equal(len(packet), 32, "bytes of the packet")
    check.equal((packet[0], packet[1], packet[8], packet[9]), (0x45, 0, 69, 17), "version and length, TOS, TTL, protocol")
    check.equal(struct.unpack("!HH", packet[4:8]), (23, 0), "id and fragmentation")
    check.equal(struct.unpack("!HHHH", packet[20:28]), (address[1], alice.link.local[1], 12, 0), "UDP header")
    check.equal(packet[28:], bytes(4), "payload")
    wait_options(bob, 1)                           # he checks that SIP pings have the true source
    check.that(daemon.stat("natping_sent_raw") >= 2, "forged pings are counted")


def test_natping_socket_without_the_right_to(t):
    daemon = t.daemon(conf=conf({"natping_socket": "192.0.2.9"}), start=False)
    daemon.process = t.spawn("pinholed", daemon.argv(), user="nobody" if os.geteuid() == 0 else None)
    check.that(daemon.process.wait(15) != 0, "the start is refused")
    check.contains(daemon.log(), "CAP_NET_RAW", "log")
    check.contains(daemon.log(), "natping_socket", "log")


# The switch

def test_switch(t):
    daemon = t.daemon(conf=conf())
    alice = t.phone("alice", daemon)
    alice.register()
    first = wait_pings(alice, 2)[-1][0]
    check.equal(daemon.ctl("nh_enable_ping").stdout.strip(), "Status:: 1", "the switch")
    done = daemon.ctl("nh_enable_ping", "0")
    check.equal((done.returncode, done.stdout.strip()), (0, ""), "switching off")
    check.equal(daemon.ctl("nh_enable_ping").stdout.strip(), "Status:: 0", "the switch")
    is_quiet(alice, 2.2 * INTERVAL)
    check.equal(daemon.ctl("nh_enable_ping", "0x20").returncode, 0, "switching on")
    check.equal(daemon.json("nh_enable_ping"), {"Status": 1}, "the switch, as JSON")
    alice.keepalives.clear()
    again = wait_pings(alice, 1)[0][0]
    check.that(abs((again - first + INTERVAL / 2) % INTERVAL - INTERVAL / 2) < SIP_PLUS, "the phase has gone on")
    for bad in ("x", "-1", "", "1.5", "0x"):
        done = daemon.ctl("nh_enable_ping", bad)
        check.equal((done.returncode, done.stderr.strip()[-13:]), (1, "Bad parameter"), f"nh_enable_ping {bad!r}")
    done = daemon.ctl("nh_enable_ping", "1", "2")
    check.equal(done.returncode, 1, "two arguments")
    check.equal(daemon.ctl("nh_enable_ping").stdout.strip(), "Status:: 1", "the switch after bad words")


def test_switch_without_interval(t):
    daemon = t.daemon(conf=conf({"natping_interval": 0}))
    alice = t.phone("alice", daemon)
    alice.register()
    for words in ((), ("1",)):
        done = daemon.ctl("nh_enable_ping", *words)
        check.equal(done.returncode, 1, "exit status")
        check.contains(done.stderr, "NATping disabled from script", "stderr")
    is_quiet(alice, 1.2)


# Shared state

def test_each_node_pings_its_own(t):
    redis = t.redis()
    nodes = [t.daemon(redis=redis, name=name, conf=conf({"natping_resync": 10})) for name in ("edge1", "edge2")]
    phones = [t.phone(f"user{i}", nodes[i % 2]) for i in range(6)]
    for phone in phones:
        phone.register()
    start = time.monotonic()
    for phone in phones:
        wait_pings(phone, 4)
    seconds = time.monotonic() - start
    for phone in phones:
        found = pings(phone)
        check.equal({a for _, a in found}, {phone.server}, f"{phone.user} is pinged from")
        check.that(len(found) <= seconds / INTERVAL + 2, f"{phone.user}: {len(found)} pings in {seconds:.1f} s")
        check_period([at for at, _ in found])
    check.equal([n.stat("natping_contacts") for n in nodes], [3, 3], "contacts of the nodes")


def move(phone, daemon):
    """Its next requests go to another node, from where they were sent before."""
    phone.sources.add(daemon.server)
    phone.server = phone.link.server = daemon.server


def two_nodes(t, redis, natping=None):
    """They have read the store: what they drop from now on, they drop because they were told."""
    nodes = [t.daemon(redis=redis, name=name, conf=conf(natping)) for name in ("edge1", "edge2")]
    for daemon in nodes:
        await_reads(daemon, 0, natping)
    return nodes


def await_reads(daemon, before, natping=None):
    threads = (natping or {}).get("natping_processes", 1)
    check.until(lambda: daemon.stat("natping_reads") >= before + 2 * threads, 10, "each thread has read both listeners, UDP and TCP")


@variants(threads=[1, 2])
def test_phone_that_moves_is_pinged_by_its_new_node_alone(t, threads):
    """Long before the old one reads its contacts again; and so when it comes back."""
    redis = t.redis()
    first, second = two_nodes(t, redis, {"natping_processes": threads})
    alice, bob = t.phones_of(first, ["alice", "bob"])
    wait_pings(alice, 1)
    for old, new in ((first, second), (second, first), (first, second)):
        move(alice, new)
        alice.register()
        check.until(lambda: old.stat("natping_contacts") == (1 if old is first else 0), 3, "the old node has let go")
        alice.keepalives.clear()
        found = wait_pings(alice, 2)
        check.equal({a for _, a in found}, {new.server}, "alice is pinged from")
        check_period([at for at, _ in found])
    bob.keepalives.clear()
    check.equal({a for _, a in wait_pings(bob, 2)}, {first.server}, "bob, who has stayed, is pinged from")


@variants(how=["expires", "star"])
def test_phone_that_leaves_by_another_node_is_pinged_no_more(t, how):
    redis = t.redis()
    first, second = two_nodes(t, redis)
    alice, bob = t.phones_of(first, ["alice", "bob"])
    wait_pings(alice, 1)
    move(alice, second)
    alice.register(0, contact="*" if how == "star" else None)
    check.until(lambda: first.stat("natping_contacts") == 1, 3, "the node that pinged her has let go")
    is_quiet(alice, 2.2 * INTERVAL)
    wait_pings(bob, 2)


def test_moves_are_told_again_after_redis_was_away(t):
    """The old node cannot ask when the phone moves: it reads all once it is back, and what is told from then on."""
    redis = t.redis()
    first, second = two_nodes(t, redis)
    alice = t.phone("alice", first)
    alice.register()
    before = first.stat("natping_reads")
    redis.process.kill()
    alice.keepalives.clear()
    wait_pings(alice, 2)
    redis.start()                                  # empty: its streams begin anew
    check.until(lambda: alice.register(status=None).status == 200, 10, "REGISTER once Redis is back")
    await_reads(first, before)
    move(alice, second)
    check.until(lambda: alice.register(status=None).status == 200, 10, "REGISTER at the other node")
    check.until(lambda: first.stat("natping_contacts") == 0, 5, "the old node has let go")
    alice.keepalives.clear()
    check.equal({a for _, a in wait_pings(alice, 2)}, {second.server}, "alice is pinged from")


def test_one_of_two_that_have_the_same_address_pings(t):
    """Both are configured with the address that phones see; the lease says which one speaks for it."""
    redis = t.redis()
    nodes = []
    for name in ("edge1", "edge2"):
        port = proc.free_port()
        nodes.append(t.daemon(redis=redis, name=name, port=port, conf=conf(listen=[
            {"address": f"udp:127.0.0.1:{port}", "advertise": "198.51.100.5:5060"}])))
        if name == "edge1":
            check.until(lambda: redis.cli("GET", "pinhole:lease:udp:198.51.100.5:5060") == "edge1", 5, "edge1 has the lease")
    first, second = nodes
    alice = t.phone("alice", first)
    alice.register()
    wait_pings(alice, 2)
    check.until(lambda: second.stat("natping_not_mine") > 0 or second.stat("natping_contacts") == 0, 5, "the other one knows")
    alice.keepalives.clear()
    check.equal({a for _, a in wait_pings(alice, 4)}, {first.server}, "alice is pinged from")
    check_period([at for at, _ in pings(alice)])
    first.kill()                                   # what its lease is for
    alice.keepalives.clear()
    check.equal({a for _, a in wait_pings(alice, 2, 10)}, {second.server}, "alice is pinged from")


def test_who_takes_the_address_over_takes_the_pings_over(t):
    redis = t.redis()
    first = t.daemon(redis=redis, name="edge1", conf=conf())
    alice = t.phone("alice", first)
    alice.register()
    wait_pings(alice, 1)
    first.kill()
    alice.keepalives.clear()
    second = t.daemon(redis=redis, name="edge2", port=first.port, conf=conf())
    check.equal({a for _, a in wait_pings(alice, 2, 8)}, {second.server}, "alice is pinged from")


@limit(90)
def test_node_that_starts_again_pings_who_is_registered(t):
    redis = t.redis()
    daemon = t.daemon(redis=redis, conf=conf({"natping_processes": 3}))
    phones = t.phones_of(daemon, [f"user{i}" for i in range(8)])
    for phone in phones:
        wait_pings(phone, 1)
    daemon.kill()
    for phone in phones:
        phone.keepalives.clear()
    daemon.start()
    for phone in phones:
        check_period([at for at, _ in wait_pings(phone, 2)])
    check.equal(daemon.stat("natping_contacts"), 8, "contacts")


def test_pings_go_on_while_redis_is_away(t):
    redis = t.redis()
    daemon = t.daemon(redis=redis, conf=conf({"natping_resync": 10}))
    alice = t.phone("alice", daemon)
    alice.register()
    wait_pings(alice, 1)
    redis.process.kill()
    alice.keepalives.clear()
    wait_pings(alice, 3)
    redis.start()                                  # empty: nothing is on disk
    check.until(lambda: daemon.stat("natping_contacts") == 0, 15, "the store is the truth again")


# Refused at the start; for values that are wrong by themselves see test_bad_values.py

def test_ping_nated_only_needs_nat_bflag(t):
    daemon = t.daemon(conf=conf({"ping_nated_only": 1}, registrar={"nat_bflag": None}), start=False)
    done = daemon.check_conf()
    check.equal(done.returncode, 1, "pinholed -c")
    check.contains(done.stderr, "ping_nated_only: needs nat_bflag", "complaint")


def test_force_socket_that_is_no_listener(t):
    daemon = t.daemon(conf=conf({"force_socket": "udp:127.0.0.1:9"}), start=False)
    status, log = daemon.refused()
    check.that(status != 0, "the start is refused")
    check.contains(log, 'force_socket: found "udp:127.0.0.1:9", want one of our listeners', "log")
