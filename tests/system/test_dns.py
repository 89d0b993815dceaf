"""Next hops by name, on the wire: RFC 3263 with a real dnsmasq, and with a scripted server for what a real one does not do.

    alice --request for a name--> pinholed --questions--> DNS
                                  pinholed --the request--> the place that DNS says (a target, or bob)
"""

import os
import socket
import threading
import time

from kit import check, latency, proc, sip
from kit.dns import unanswered
from kit.runner import limit

ROUTE = """
route {
	if (!mf_process_maxfwd_header("10")) {
		sl_send_reply("483", "Too Many Hops");
		exit;
	}
	if (is_method("OPTIONS") && $rU == NULL) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (is_method("CANCEL")) {
		t_relay();
		exit;
	}
	if (is_method("INVITE"))
		record_route();
	loose_route();
	if ($hdr(X-Du) != NULL)
		$du = $hdr(X-Du);
	t_on_failure("FAILED");
	t_relay();
}

failure_route[FAILED] {
	xlog("L_INFO", "failure block: $T_reply_code\\n");
}
"""


def conf(*servers, dns=None, **more):
    return {"dns": {"servers": list(servers), "hosts_file": "", **(dns or {})}, "plugins": ["mi"], "registrar": None, "rtpp": None, **more}


def edge(t, *servers, script=ROUTE, name="pinholed", dns=None, port=None, **more):
    return t.daemon(name=name, script=script, port=port, conf=conf(*servers, dns=dns, **more))


def places(*targets, name="d.test", kind="udp", priority=10, weight=10):
    """SRV records that lead to targets, all of one priority; and their addresses."""
    out = []
    for i, target in enumerate(targets):
        out.append(f"_sip._{kind}.{name} SRV {priority} {weight} {target.port} h{i}.{name}")
        out.append(f"h{i}.{name} {'AAAA' if ':' in target.address else 'A'} {target.address}")
    return out


def ordered(*targets, name="d.test", kind="udp"):
    """Likewise, one priority after the other."""
    out = []
    for i, target in enumerate(targets):
        out += [f"_sip._{kind}.{name} SRV {i + 1} 0 {target.port} h{i}.{name}", f"h{i}.{name} A {target.address}"]
    return out


class Closed:
    """A place where nobody is."""

    def __init__(self):
        self.address, port = unanswered().split(":")
        self.port = int(port)


def status(phone, uri, seconds=20, method="MESSAGE", extra=()):
    return phone.request(method, uri, seconds=seconds, extra=extra).status


# The way there

def test_call_by_naptr_srv_and_address_over_udp(t):
    dns = t.dns([])
    daemon = edge(t, dns.server)
    alice, bob = t.phone("alice", daemon), t.phone("bob", daemon)
    host, port = bob.link.local
    bob.private, bob.private_port, bob.public = host, port, "d.test"
    dns.change(["d.test NAPTR 10 10 s SIP+D2U _sip._udp.d.test", f"_sip._udp.d.test SRV 10 10 {port} bob.d.test", f"bob.d.test A {host}"])
    call = alice.call("bob", uri="sip:bob@d.test")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    call.hangup()
    leg.wait_ended()
    check.equal(sorted({(k, dns.asked(k)) for k in ("NAPTR", "SRV", "A", "AAAA")}), [("A", 1), ("AAAA", 0), ("NAPTR", 1), ("SRV", 1)], "questions of a call")


def test_request_by_naptr_over_tcp_and_back(t):
    target = t.target()
    dns = t.dns(["d.test NAPTR 10 10 s SIP+D2T _sip._tcp.d.test", "d.test NAPTR 20 10 s SIP+D2U _sip._udp.d.test", *places(target, kind="tcp")])
    daemon = edge(t, dns.server)
    alice = t.phone("alice", daemon)
    check.equal(status(alice, "sip:bob@d.test"), 200, "reply over TCP")
    check.that(target.requests[0][1].get("via").startswith("SIP/2.0/TCP "), "the Via says TCP")
    check.equal(daemon.stat("net_tcp_connected"), 1, "connections")


def test_name_in_route_and_in_du(t):
    route, du, plain = t.target(), t.target(), t.target()
    dns = t.dns([*places(route, name="route.test"), *places(du, name="du.test"), *places(plain, name="d.test")])
    alice = t.phone("alice", edge(t, dns.server))
    check.equal(status(alice, "sip:bob@d.test", extra=[("Route", "<sip:route.test;lr>")]), 200, "by Route")
    check.equal((route.count("MESSAGE"), plain.count("MESSAGE")), (1, 0), "where it went")
    check.equal(status(alice, "sip:bob@d.test", extra=[("X-Du", "sip:du.test")]), 200, "by $du")
    check.equal((du.count("MESSAGE"), plain.count("MESSAGE")), (1, 0), "where it went")
    check.equal(du.requests[0][1].uri, "sip:bob@d.test", "Request-URI")


def test_name_in_a_contact_is_followed_for_the_requests_of_the_call(t):
    """The callee's Contact, and with it the remote target of ACK and BYE, is a name; the ACK goes without a transaction."""
    dns = t.dns([])
    daemon = edge(t, dns.server)
    alice, bob = t.phone("alice", daemon), t.phone("bob", daemon)
    host, port = bob.link.local
    dns.change([f"phone.d.test A {host}", f"_sip._udp.d.test SRV 1 0 {port} phone.d.test"])
    bob.private, bob.private_port, bob.public = "phone.d.test", port, "d.test"
    call = alice.call("bob", uri="sip:bob@d.test")
    leg = bob.wait_call()
    call.wait_answer()
    daemon.ctl("dns_flush")                  # ACK and BYE have to wait for their next hop
    leg.wait_acked()
    daemon.ctl("dns_flush")
    call.hangup()
    leg.wait_ended()


def test_target_with_an_ipv6_address_alone(t):
    target = t.target(address="::1")
    dns = t.dns(places(target))
    port = proc.free_port("::1")
    daemon = edge(t, dns.server, port=port, listen=[f"udp:127.0.0.1:{port}", f"udp:[::1]:{port}"])
    alice = t.phone("alice", daemon)
    check.equal(status(alice, "sip:bob@d.test"), 200, "reply")
    check.that("[::1]" in target.requests[0][1].get("via"), "from the IPv6 listener")


# Failover

@limit(90)
def test_dead_first_target_is_followed_by_the_next_and_then_left_alone(t):
    for what, first in (("silent", t.target(mode="silent")), ("closed", Closed()), ("503", t.target(mode="503"))):
        second = t.target()
        dns = t.dns(ordered(first, second))
        daemon = edge(t, dns.server, name=f"edge-{what}", tm={"failover_timer": 800}, dns={"bad_hop_time": 60000})
        alice = t.phone("alice", daemon)
        began = time.monotonic()
        check.equal(status(alice, "sip:bob@d.test"), 200, f"first target {what}")
        took = time.monotonic() - began
        check.that(took < (0.5 if what == "503" else 3), f"first target {what}: it took {took:.2f} s")
        began = time.monotonic()
        for _ in range(5):
            check.equal(status(alice, "sip:bob@d.test"), 200, f"again, first target {what}")
        took = time.monotonic() - began
        check.that(took < 0.7, f"the first target ({what}) is left alone: five requests took {took:.2f} s")
        check.equal(second.count("MESSAGE"), 6, f"requests at the second target, first {what}")
        stats = daemon.stats()
        check.equal((stats["tm_failovers"], stats["dns_bad_hops"]), (1, 1), f"tm_failovers, dns_bad_hops with the first {what}")
        check.that("failure block" not in daemon.log(), f"no failure block ran: first {what}")
        check.contains(daemon.ctl("dns_lookup", "d.test").stdout, "state=failed", "dns_lookup shows it")
        daemon.process.stop()


def test_call_to_a_dead_first_target_over_tcp(t):
    second = t.target()
    dns = t.dns(ordered(Closed(), second, kind="tcp"))
    daemon = edge(t, dns.server)
    alice = t.phone("alice", daemon)
    call = alice.call("bob", uri="sip:bob@d.test;transport=tcp")
    call.wait_answer()
    call.hangup()
    check.equal(second.count("INVITE"), 1, "INVITEs")
    check.equal(daemon.stat("tm_failovers"), 1, "tm_failovers")


def test_several_addresses_of_one_name_are_several_hops(t):
    second = t.target(address="127.0.0.3")
    first = t.target(address="127.0.0.2", port=second.port, mode="503")
    dns = t.dns(["h.test A 127.0.0.2", "h.test A 127.0.0.3"])
    alice = t.phone("alice", edge(t, dns.server))
    for _ in range(4):
        check.equal(status(alice, f"sip:bob@h.test:{second.port}"), 200, "reply")
    check.equal(second.count("MESSAGE"), 4, "requests at the good address")
    check.that(first.count("MESSAGE") <= 1, "requests at the bad one")


def test_hop_that_has_come_back_is_used_again(t):
    first, second = t.target(mode="503"), t.target()
    dns = t.dns(ordered(first, second))
    daemon = edge(t, dns.server, dns={"bad_hop_time": 1000})
    alice = t.phone("alice", daemon)
    check.equal(status(alice, "sip:bob@d.test"), 200, "first request")
    first.mode = "200"

    def back():
        check.equal(status(alice, "sip:bob@d.test"), 200, "later request")
        return first.count("MESSAGE") > 1
    check.until(back, 10, "the first target is tried again")
    before = second.count("MESSAGE")
    check.equal([status(alice, "sip:bob@d.test") for _ in range(3)], [200] * 3, "then")
    check.equal(second.count("MESSAGE"), before, "requests at the second target once the first is back")
    check.contains(daemon.log(), "answers again", "log")


def test_all_targets_fail_and_the_failure_block_sees_the_last_code(t):
    first, second = t.target(mode="503"), t.target(mode="480")
    dns = t.dns(ordered(first, second))
    daemon = edge(t, dns.server)
    alice = t.phone("alice", daemon)
    alice.call("bob", uri="sip:bob@d.test").txn.wait_status(480)
    check.until(lambda: "failure block: 480" in daemon.log(), 5, "the failure block ran, with 480")
    check.equal(daemon.log().count("failure block"), 1, "runs of the failure block")
    second.mode = "503"
    alice.call("bob", uri="sip:bob@d.test").txn.wait_status(500)
    check.until(lambda: "failure block: 503" in daemon.log(), 5, "the failure block ran, with 503")


@limit(90)
def test_weights_are_kept_over_many_requests(t):
    heavy, light = t.target(), t.target()
    dns = t.dns([f"_sip._udp.d.test SRV 1 75 {heavy.port} h0.d.test", f"_sip._udp.d.test SRV 1 25 {light.port} h0.d.test", "h0.d.test A 127.0.0.1"])
    alice = t.phone("alice", edge(t, dns.server))
    count = 600
    started = []
    for _ in range(count):
        msg = alice.message("MESSAGE", "sip:bob@d.test", "sip:alice@example.test", "sip:bob@d.test", sip.token(), 1, sip.token(4))
        started.append(alice.start(msg))
        if len(started) % 20 == 0:
            started[-1].wait(10)
    for txn in started:
        check.equal(txn.wait(10).status, 200, "reply")
    share = heavy.count("MESSAGE") / count
    check.equal(heavy.count("MESSAGE") + light.count("MESSAGE"), count, "requests")
    # standard deviation 0.018: further away than this in one of 30,000 runs
    check.that(0.675 < share < 0.825, f"the target with 75 of 100 got {share:.3f}")


# Cache

def test_names_that_do_not_exist_are_asked_for_once(t):
    dns = t.dns([])
    daemon = edge(t, dns.server)
    alice = t.phone("alice", daemon)
    for _ in range(10):
        check.equal(status(alice, "sip:bob@nowhere.test:5060"), 478, "reply")
    check.equal(dns.asked("A", "nowhere.test"), 1, "questions")
    check.equal(daemon.stat("dns_negative_hits"), 9, "dns_negative_hits")
    check.contains(daemon.log(), "no next hop for nowhere.test: A nowhere.test: no such name", "log")


def test_absence_is_kept_as_long_as_the_soa_says(t):
    dns = t.scripted_dns(lambda q: q.answer(rcode=3, authority=["test SOA 1"], ttl=600))
    daemon = edge(t, dns.server, dns={"min_ttl": 0})
    alice = t.phone("alice", daemon)
    check.equal(status(alice, "sip:bob@gone.test:5060"), 478, "reply")
    check.equal(status(alice, "sip:bob@gone.test:5060"), 478, "at once again")
    check.equal(dns.asked("A"), 1, "questions within a second")
    check.until(lambda: status(alice, "sip:bob@gone.test:5060") == 478 and dns.asked("A") == 2, 5, "asked again after the SOA's second")


def test_many_requests_at_once_ask_once(t):
    target = t.target()
    dns = t.scripted_dns(lambda q: q.answer([f"{q.name} A 127.0.0.1"]))
    dns.delay = 0.5
    daemon = edge(t, dns.server, workers=1)
    alice = t.phone("alice", daemon)
    started = [alice.start(alice.message("MESSAGE", f"sip:bob@h.test:{target.port}", "sip:alice@example.test", "sip:bob@h.test", sip.token(), 1,
                                         sip.token(4))) for _ in range(50)]
    for txn in started:
        check.equal(txn.wait(10).status, 200, "reply")
    check.equal(dns.asked(), 1, "questions")
    check.equal(daemon.stat("dns_joined"), 49, "dns_joined")


@limit(90)
def test_other_answer_is_used_when_the_ttl_is_over(t):
    old, new = t.target(), t.target(address="127.0.0.2")
    new.close()
    new = t.target(address="127.0.0.2", port=old.port)
    dns = t.dns(["h.test A 127.0.0.1"], ttl=2)
    daemon = edge(t, dns.server)
    alice = t.phone("alice", daemon)
    uri = f"sip:bob@h.test:{old.port}"
    check.equal(status(alice, uri), 200, "reply")
    dns.change(["h.test A 127.0.0.2"])
    check.equal(status(alice, uri), 200, "within the TTL")
    check.equal((old.count("MESSAGE"), new.count("MESSAGE")), (2, 0), "where it went")
    check.until(lambda: status(alice, uri) == 200 and new.count("MESSAGE") > 0, 10, "the new address is used")
    check.equal(daemon.stat("dns_stale_used"), 0, "dns_stale_used")


# Servers in trouble

@limit(90)
def test_server_that_is_dead_at_the_start(t):
    target = t.target()
    where = unanswered()
    daemon = edge(t, where, dns={"timeout": 200, "tries": 2, "deadline": 1000, "failure_ttl": 1})
    alice = t.phone("alice", daemon)
    uri = f"sip:bob@h.test:{target.port}"
    began = time.monotonic()
    check.equal(status(alice, uri), 478, "reply")
    check.that(time.monotonic() - began < 3, "it did not take long")
    check.contains(daemon.log(), "no next hop for h.test: A h.test: no server answered", "log")
    t.dns([f"h.test A {target.address}"], port=int(where.split(":")[1]))
    check.until(lambda: status(alice, uri) == 200, 10, "once the server is there")


@limit(90)
def test_server_that_dies_leaves_calls_to_known_names_alone(t):
    target = t.target()
    dns = t.dns([f"h.test A {target.address}"], ttl=1)
    daemon = edge(t, dns.server, dns={"timeout": 300, "tries": 2, "failure_ttl": 2})
    alice = t.phone("alice", daemon)
    uri = f"sip:bob@h.test:{target.port}"
    check.equal(status(alice, uri), 200, "reply")
    dns.stop()
    check.until(lambda: "state=stale" in daemon.ctl("dns_cache").stdout, 5, "the answer's time is over")
    slowest = 0
    for _ in range(30):
        began = time.monotonic()
        check.equal(status(alice, uri), 200, "reply while the server is dead")
        slowest = max(slowest, time.monotonic() - began)
    check.that(slowest < 2, f"the slowest took {slowest:.2f} s")
    check.that(daemon.stat("dns_stale_used") >= 25, f"dns_stale_used {daemon.stat('dns_stale_used')}")
    check.contains(daemon.log(), "the last answer is used", "log")
    dns.start()
    check.until(lambda: status(alice, uri) == 200 and dns.asked("A", "h.test") > 0, 10, "the server is asked again")


def test_stale_answers_can_be_switched_off(t):
    target = t.target()
    dns = t.dns([f"h.test A {target.address}"], ttl=1)
    daemon = edge(t, dns.server, dns={"timeout": 200, "tries": 1, "stale_ttl": 0})
    alice = t.phone("alice", daemon)
    uri = f"sip:bob@h.test:{target.port}"
    check.equal(status(alice, uri), 200, "reply")
    dns.stop()
    check.until(lambda: status(alice, uri) == 478, 10, "no answer, no call")


@limit(90)
def test_odd_servers(t):
    target = t.target()
    address = f"A {target.address}"

    def script(q):
        good = q.answer([f"{q.name} {address}"])
        case = q.name.split(".")[0]
        if case == "never":
            return None
        if case == "truncated":
            return good if q.tcp else q.answer(truncated=True)
        if case == "wrongid":
            return [q.answer([f"{q.name} A 192.0.2.66"], number=q.id ^ 0x5555), good]
        if case == "wrongname":
            return [q.answer(["evil.test A 192.0.2.66"], asked=b"\x04evil\x04test\x00\x00\x01\x00\x01"), good]
        if case == "garbage":
            return [os.urandom(200), good[:7], b"", good[:2] + os.urandom(60), good]
        if case == "circle":
            return q.answer(["circle.test CNAME circle2.test", "circle2.test CNAME circle.test"])
        if case.startswith("long"):          # one CNAME an answer, without end
            return q.answer([f"{q.name} CNAME {'long' + str(int(case[4:] or 0) + 1)}.test"])
        if case == "alias":
            return q.answer(["alias.test CNAME good.test"])
        if case == "servfail":
            return q.answer(rcode=2)
        if case == "refused":
            return q.answer(rcode=5)
        if case == "malformed":
            return good[:-2]
        return good

    dns = t.scripted_dns(script)
    daemon = edge(t, dns.server, dns={"timeout": 200, "tries": 2, "deadline": 1500})
    alice = t.phone("alice", daemon)
    for case, expected in (("good", 200), ("truncated", 200), ("wrongid", 200), ("wrongname", 200), ("garbage", 200), ("alias", 200), ("never", 478), ("circle", 478),
                           ("long", 478), ("servfail", 478), ("refused", 478), ("malformed", 478)):
        check.equal(status(alice, f"sip:bob@{case}.test:{target.port}"), expected, f"reply when the server is odd: {case}")
    check.that(any(q.tcp for q in dns.queries), "the truncated answer was fetched over TCP")
    check.equal(target.count("MESSAGE"), 6, "requests")
    stats = daemon.stats()
    check.that(stats["dns_timeouts"] >= 1 and stats["dns_failures"] >= 4, f"counters {stats['dns_timeouts']}, {stats['dns_failures']}")
    check.equal(stats["dns_in_flight"], 0, "questions in flight")


def test_second_server_is_asked_when_the_first_is_silent(t):
    target = t.target()
    dns = t.dns([f"h.test A {target.address}"])
    silent = t.scripted_dns(lambda q: None)
    daemon = edge(t, silent.server, dns.server, dns={"timeout": 300}, workers=1)
    alice = t.phone("alice", daemon)
    check.equal(status(alice, f"sip:bob@h.test:{target.port}"), 200, "reply")
    check.that(silent.asked() > 0, "the first server was asked")

    def turned():
        check.equal(status(alice, f"sip:bob@{sip.token(4)}.test:5060"), 478, "a name that is none")
        return "the next one comes first now" in daemon.log()
    check.until(turned, 10, "the silent server is no longer the first")
    before = silent.asked()
    check.equal([status(alice, f"sip:bob@{sip.token(4)}.test:5060") for _ in range(5)], [478] * 5, "names that are none")
    check.equal(silent.asked(), before, "questions to the silent server")


def test_answer_within_the_deadline_is_in_time_and_one_behind_it_is_not(t):
    target = t.target()
    dns = t.scripted_dns(lambda q: q.answer([f"{q.name} A {target.address}"]))
    daemon = edge(t, dns.server, dns={"timeout": 5000, "tries": 1, "deadline": 1000}, workers=1)
    alice = t.phone("alice", daemon)
    dns.delay = 0.5
    check.equal(status(alice, f"sip:bob@one.test:{target.port}"), 200, "late")
    dns.delay = 2
    check.equal(status(alice, f"sip:bob@two.test:{target.port}"), 478, "too late")
    check.contains(daemon.log(), "no answer in time", "log")
    check.until(lambda: status(alice, f"sip:bob@two.test:{target.port}") == 200, 5, "the answer that came too late is kept")
    check.equal(dns.asked("A", "two.test"), 1, "questions")


@limit(90)
def test_lookups_that_wait_do_not_slow_others(t):
    dns = t.scripted_dns(lambda q: None)
    daemon = edge(t, dns.server, dns={"timeout": 1000, "tries": 3, "deadline": 5000})
    alice, bob = t.phone("alice", daemon), t.phone("bob", daemon)
    stop = threading.Event()

    def flood():
        i = 0
        while not stop.is_set():
            i += 1
            alice.link.send(alice.message("MESSAGE", f"sip:x@n{i}.test", "sip:alice@example.test", "sip:x@n.test", sip.token(), 1, sip.token(4)).data())
            time.sleep(0.005)

    def ask(count):
        taken = []
        for _ in range(count):
            began = time.monotonic()
            check.equal(bob.request("OPTIONS", f"sip:127.0.0.1:{daemon.port}").status, 200, "reply to OPTIONS")
            taken.append(time.monotonic() - began)
            time.sleep(0.005)
        return latency.Latencies(taken)

    with latency.undisturbed(daemon) as how:
        alone = ask(150)
        thread = threading.Thread(target=flood)
        thread.start()
        check.until(lambda: daemon.stat("dns_in_flight") > 50, 10, "lookups wait")
        beside = ask(150)
        waiting = daemon.stat("dns_in_flight")
        stop.set()
        thread.join()
    print(f"OPTIONS {how}: alone {alone}; beside {waiting} questions in flight {beside}")
    check.that(beside.p(50) < alone.p(50) + 5 and beside.p(90) < alone.p(90) + 10, f"alone {alone}; beside {waiting} questions in flight {beside}")


def test_lookups_are_limited(t):
    dns = t.scripted_dns(lambda q: None)
    daemon = edge(t, dns.server, dns={"max_lookups": 5, "deadline": 3000}, workers=1)
    alice = t.phone("alice", daemon)
    started = [alice.start(alice.message("MESSAGE", f"sip:x@n{i}.test:5060", "sip:alice@example.test", "sip:x@n.test", sip.token(), 1, sip.token(4)))
               for i in range(20)]
    check.until(lambda: sum(1 for txn in started if txn.final()) >= 15, 2, "those above the limit are answered at once")
    check.equal({txn.wait(5).status for txn in started}, {478}, "replies")
    check.that(daemon.stat("dns_lookups_refused") >= 15, "dns_lookups_refused")


# The request meanwhile

def test_cancel_during_the_lookup(t):
    target = t.target()
    dns = t.scripted_dns(lambda q: q.answer([f"{q.name} A {target.address}"]))
    dns.delay = 1
    alice = t.phone("alice", edge(t, dns.server))
    call = alice.call("bob", uri=f"sip:bob@h.test:{target.port}")
    call.txn.wait_status(100)
    call.cancel()
    call.txn.wait_status(487)
    check.equal(target.count("INVITE"), 0, "INVITEs that left")


def test_daemon_that_stops_during_lookups(t):
    dns = t.scripted_dns(lambda q: None)
    daemon = edge(t, dns.server, shutdown_timeout=0)
    alice = t.phone("alice", daemon)
    for i in range(20):
        alice.start(alice.message("MESSAGE", f"sip:x@n{i}.test", "sip:alice@example.test", "sip:x@n.test", sip.token(), 1, sip.token(4)))
        alice.call("bob", uri=f"sip:bob@m{i}.test")
    check.until(lambda: daemon.stat("dns_in_flight") >= 40, 10, "questions are in flight")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:   # a command that waits
        sock.connect(daemon.mi)
        sock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"dns_lookup","params":["late.test"]}\n')
        check.equal(daemon.process.stop(), 0, "exit status")


def test_answer_after_the_transaction_is_gone(t):
    """The script has answered meanwhile; the lookup's answer finds nobody."""
    target = t.target()
    dns = t.scripted_dns(lambda q: q.answer([f"{q.name} A {target.address}"]))
    dns.delay = 2.5
    daemon = edge(t, dns.server, tm={"t1": 10, "t4": 50, "fr_timer": 200}, dns={"deadline": 500, "timeout": 5000})
    alice = t.phone("alice", daemon)
    check.equal(status(alice, f"sip:bob@h.test:{target.port}"), 478, "reply")
    check.until(lambda: daemon.stat("tm_transactions_active") == 0, 5, "the transaction is gone")
    check.equal(daemon.stat("dns_in_flight"), 1, "questions in flight")
    check.until(lambda: daemon.stat("dns_in_flight") == 0, 5, "the answer has come")
    check.equal(target.count("MESSAGE"), 0, "requests that left")
