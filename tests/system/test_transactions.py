"""Transactions as others on the wire see them: RFC 3261 sections 9, 16 and 17.

    near --request--> pinholed --> far, far2: parties that say exactly what the test wants (kit/peer.py)

Timers are tested to the tick in tests/unit/test_tm_clock.c; here are scripts, real sockets and several daemons.
"""

import signal
import socket
import time

from kit import check, sip
from kit.dns import Dns
from kit.peer import Peer
from kit.runner import variants


def parties(t, script, count=2, conf=None, **kwargs):
    """near and far ones, and a daemon whose script knows them as {far}, {far2}, ..."""
    peers = [Peer(t, f"127.0.0.{21 + i}") for i in range(count)]
    names = {"far" + (str(i) if i > 1 else ""): p.uri for i, p in enumerate(peers) if i > 0}
    for name, uri in names.items():
        script = script.replace("{" + name + "}", uri)
    daemon = t.daemon(script=script, conf={"workers": 1, **(conf or {})}, **kwargs)
    return (daemon, *peers)


RELAY = """route {
	$du = "{far}";
	t_relay();
}
"""


# The hundred

def test_100_within_200_ms_also_before_a_slow_lookup(t):
    """The store is stopped: lookup() waits for it, the caller does not."""
    redis = t.redis()
    daemon = t.daemon(redis=redis, conf={"storage": {"command_timeout": 3000}})
    near = Peer(t, "127.0.0.21")
    redis.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        near.request("INVITE", "sip:bob@example.test", daemon)
        near.expect(100, 1)
        took = time.monotonic() - began
        check.that(took < 0.2, f"100 after {took * 1000:.0f} ms")
    finally:
        redis.process.send_signal(signal.SIGCONT)
    near.expect_final(404, 10)


def test_other_requests_get_no_100_at_once_and_no_408(t):
    """RFC 4320: 100 after 3.5 s, nothing when nobody answers (far says nothing at all)."""
    daemon, near, far = parties(t, RELAY, conf={"tm": {"fr_timer": 5000}})
    began = time.monotonic()
    near.request("OPTIONS", "sip:bob@example.test", daemon)
    far.expect("OPTIONS")
    near.expect(100, 5)
    check.that(3.3 < time.monotonic() - began < 4.0, f"100 after {time.monotonic() - began:.2f} s")
    check.until(lambda: daemon.stat("tm_timeouts") == 1, 5, "far was given up")
    near.quiet(0.5)


# CANCEL

def test_cancel_of_nothing_is_answered_481_by_the_shipped_script(t):
    daemon = t.daemon()
    near = Peer(t, "127.0.0.21")
    near.request("CANCEL", "sip:bob@example.test", daemon)
    reply = near.expect_final(481)
    check.equal(reply.method, "CANCEL", "what was answered")


def test_cancel_of_nothing_is_forwarded_without_state_by_t_relay(t):
    """RFC 3261 section 16.10: the INVITE may have been forwarded without state as well."""
    daemon, near, far = parties(t, RELAY)
    near.request("CANCEL", "sip:bob@example.test", daemon)
    cancel = far.expect("CANCEL")
    check.equal(len(cancel.all("via")), 2, "Vias of the CANCEL")
    far.answer(cancel, 481, "Call/Transaction Does Not Exist")
    near.expect_final(481)
    check.equal(daemon.stat("tm_transactions"), 0, "transactions")


def test_cancel_and_ack_reach_an_invite_that_was_forwarded_without_state(t):
    """Section 16.11: the same branch for the INVITE, its repeats, its CANCEL and the ACK to a refusal."""
    daemon, near, far = parties(t, """route {
	$du = "{far}";
	forward();
}
""")
    invite = near.request("INVITE", "sip:bob@example.test", daemon)
    got = far.expect("INVITE")
    near.send(invite, daemon)
    check.equal(far.expect("INVITE").branch, got.branch, "branch of the repeated INVITE")
    far.answer(got, 180, "Ringing")
    near.expect(180)
    near.hop(invite, "CANCEL", daemon)
    cancel = far.expect("CANCEL")
    check.equal(cancel.branch, got.branch, "branch of the CANCEL")
    far.answer(cancel, 200, "OK")
    near.expect_final(200)
    far.answer(got, 487, "Request Terminated", tag="x")
    near.expect_final(487)
    near.hop(invite, "ACK", daemon, to_tag="x")
    check.equal(far.expect("ACK").branch, got.branch, "branch of the ACK")


def test_cancel_reasons_reach_every_branch(t):
    daemon, near, far, far2 = parties(t, """route {
	if (is_method("CANCEL")) {
		t_relay();
		exit;
	}
	$du = "{far}";
	append_branch("{far2}");
	t_relay();
}
""", 3)
    invite = near.request("INVITE", "sip:bob@example.test", daemon)
    for peer in (far, far2):
        peer.answer(peer.expect("INVITE"), 180, "Ringing")
        near.expect(180)
    cancel = near.message("CANCEL", invite.uri)
    for name in ("Via", "From", "To", "Call-ID"):
        cancel.put(name, invite.get(name))
    cancel.add("Reason", 'SIP;cause=200;text="Call completed elsewhere"').add("Reason", "Q.850;cause=26")
    near.send(cancel, daemon)
    near.expect_final(200)
    for peer in (far, far2):
        got = peer.expect("CANCEL")
        check.equal(got.all("reason"), cancel.all("reason"), f"reasons at {peer.at}")


# Forking

SERIAL = """route {
	if (is_method("CANCEL")) {
		t_relay();
		exit;
	}
	if (is_method("REGISTER")) {
		save("location");
		exit;
	}
	if (is_method("ACK") || has_totag()) {
		loose_route();
		t_relay();
		exit;
	}
	record_route();
	if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	}
	LOAD;
	t_set_fr("20000", "3000");
	route(NEXT);
}
route[NEXT] {
	TAKE;
	t_on_failure("NEXT");
	t_relay();
}
failure_route[NEXT] {
	if (t_is_canceled())
		exit;
	if (TAKE) {
		t_on_failure("NEXT");
		t_relay();
	}
}
"""
FAMILIES = {"kamailio": ("t_load_contacts()", "t_next_contacts()"), "opensips": ("serialize_branches(1)", "next_branches()")}


@variants(family=sorted(FAMILIES))
def test_phones_ring_in_the_order_of_q_and_equals_together(t, family):
    load, take = FAMILIES[family]
    daemon = t.daemon(script=SERIAL.replace("LOAD", load).replace("TAKE", take))
    alice = t.phone("alice", daemon)
    bobs = [t.phone("bob", daemon, mode="manual") for _ in range(4)]
    for phone, q in zip(bobs, ("0.3", "1.0", "0.7", "0.7")):
        # these phones are not behind NAT: they are reached at their Contact
        phone.private, phone.private_port = phone.link.local
        phone.register(params=f";q={q}")
    call = alice.call("bob")
    bobs[1].wait_call().reject(486, "Busy Here")
    pair = [bobs[2].wait_call(), bobs[3].wait_call()]
    check.equal([b.count("INVITE") > 0 for b in bobs], [False, True, True, True], "who was called before the pair has answered")
    pair[0].reject(480, "Away")
    pair[1].ring()
    call.txn.wait_status(180)
    check.equal(bobs[0].count("INVITE"), 0, "INVITEs at the last one while another rings")
    pair[1].reject(486, "Busy Here")
    last = bobs[0].wait_call()
    last.answer()
    call.wait_answer()
    last.wait_acked()
    call.hangup()


def test_the_last_of_a_series_brings_the_best_of_all_refusals(t):
    load, take = FAMILIES["kamailio"]
    daemon = t.daemon(script=SERIAL.replace("LOAD", load).replace("TAKE", take))
    alice = t.phone("alice", daemon)
    bobs = [t.phone("bob", daemon, mode="manual") for _ in range(3)]
    for phone, q in zip(bobs, ("0.9", "0.5", "0.1")):
        phone.private, phone.private_port = phone.link.local
        phone.register(params=f";q={q}")
    call = alice.call("bob")
    bobs[0].wait_call().reject(404, "Not Found")
    bobs[1].wait_call()                     # says nothing: 3 s by t_set_fr()
    bobs[2].wait_call(8).reject(500, "Broken")
    check.equal(call.txn.wait().status, 404, "final reply")


def test_cancel_ends_a_series(t):
    load, take = FAMILIES["opensips"]
    daemon = t.daemon(script=SERIAL.replace("LOAD", load).replace("TAKE", take))
    alice = t.phone("alice", daemon)
    bobs = [t.phone("bob", daemon, mode="ring") for _ in range(2)]
    for phone, q in zip(bobs, ("0.9", "0.5")):
        phone.private, phone.private_port = phone.link.local
        phone.register(params=f";q={q}")
    call = alice.call("bob")
    leg = bobs[0].wait_call()
    call.txn.wait_status(180)
    check.equal(call.cancel().status, 200, "reply to CANCEL")
    leg.wait_cancelled()
    check.equal(call.txn.wait().status, 487, "final reply")
    check.equal(bobs[1].count("INVITE"), 0, "INVITEs at the second phone")


# What scripts do when a call fails

def test_three_failure_blocks_after_each_other(t):
    """append_branch() and t_relay() in one, t_reply() in the last; each is armed by the one before."""
    daemon, near, far, far2, far3 = parties(t, """route {
	if (is_method("ACK")) {
		t_relay();
		exit;
	}
	t_newtran();
	if (!t_check_trans()) {
		xlog("L_ERR", "no transaction\\n");
		exit;
	}
	$du = "{far}";
	t_on_failure("FIRST");
	t_on_branch("B");
	t_on_reply("R");
	t_relay();
}
branch_route[B] {
	append_hf("X-Branch: first-$T_branch_idx\\r\\n");
}
branch_route[C] {
	append_hf("X-Branch: later-$T_branch_idx\\r\\n");
	if ($T_branch_idx == 2)
		drop;
}
onreply_route[R] {
	xlog("L_INFO", "reply $rs\\n");
	append_hf("X-Reply: yes\\r\\n");
	if (status == 183)
		drop;
}
failure_route[FIRST] {
	if (t_check_status("486")) {
		append_branch("{far2}");
		append_branch("{far3}");
		t_on_branch("C");
		t_on_failure("SECOND");
		t_relay();
		drop;
	}
}
failure_route[SECOND] {
	$ru = "{far3}";
	$du = NULL;
	t_on_failure("THIRD");
	t_relay();
}
failure_route[THIRD] {
	append_to_reply("X-Code: $T_reply_code\\r\\n");
	t_reply("480", "All Failed");
	drop;
}
""", 4)
    near.request("INVITE", "sip:bob@example.test", daemon)
    got = far.expect("INVITE")
    check.equal(got.get("x-branch"), "first-0", "mark of the branch block")
    far.answer(got, 183, "Session Progress")
    far.answer(got, 180, "Ringing")
    check.equal(near.expect(180).get("x-reply"), "yes", "mark of the reply block")
    far.answer(got, 486, "Busy Here")
    far.expect("ACK")
    got = far2.expect("INVITE")
    check.equal(got.get("x-branch"), "later-1", "mark of the second branch block")
    far3.quiet(0.3)                          # dropped by its branch block
    far2.answer(got, 404, "Not Found")
    got = far3.expect("INVITE")
    check.equal(got.get("x-branch"), None, "mark of a block that was not armed again")
    far3.answer(got, 603, "Decline")
    reply = near.expect_final(480)
    check.equal((reply.reason, reply.get("x-code")), ("All Failed", "603"), "reply of the last block")
    check.equal(daemon.log().count("reply 183"), 1, "183 in the log")


def test_a_cancelled_call_is_not_sent_on_by_its_failure_block(t):
    daemon, near, far, far2 = parties(t, """route {
	if (is_method("CANCEL|ACK")) {
		t_relay();
		exit;
	}
	$du = "{far}";
	t_on_failure("F");
	t_relay();
}
failure_route[F] {
	xlog("L_INFO", "failed with $T_reply_code\\n");
	append_branch("{far2}");
	t_relay();
}
""", 3)
    invite = near.request("INVITE", "sip:bob@example.test", daemon)
    got = far.expect("INVITE")
    far.answer(got, 180, "Ringing")
    near.expect(180)
    near.hop(invite, "CANCEL", daemon)
    far.answer(far.expect("CANCEL"), 200, "OK")
    far.answer(got, 487, "Request Terminated")
    near.expect(487)
    far2.quiet()
    check.equal(daemon.log().count("failed with 487"), 1, "runs of the failure block")


def test_drop_gives_up_what_the_block_is_about_and_no_more(t):
    """request: nothing happens; branch: this branch; reply: a provisional one; failure: the rest of the block."""
    daemon, near, far = parties(t, """route {
	if (is_method("MESSAGE"))
		drop;
	$du = "{far}";
	t_on_reply("R");
	if (is_method("OPTIONS"))
		t_on_branch("B");
	t_on_failure("F");
	t_relay();
}
branch_route[B] {
	drop;
}
onreply_route[R] {
	drop;
}
failure_route[F] {
	drop;
	t_reply("500", "Never");
}
""")
    near.request("MESSAGE", "sip:bob@example.test", daemon)
    near.request("OPTIONS", "sip:bob@example.test", daemon)
    near.expect_final(480)                   # no branch was left
    far.quiet()
    near.request("INVITE", "sip:bob@example.test", daemon)
    near.expect(100)
    got = far.expect("INVITE")
    far.answer(got, 180, "Ringing")
    near.quiet()
    far.answer(got, 486, "Busy Here")
    near.expect_final(486)


# Replies that come too late, or to nothing

def test_stray_replies_go_nowhere(t):
    """RFC 6026 section 7.3; a reply is forwarded only by the transaction that it belongs to."""
    daemon, near, far = parties(t, RELAY)
    own = f"SIP/2.0/UDP {daemon.address}:{daemon.port};branch=z9hG4bKnever"
    for status in ("180 Ringing", "200 OK", "404 Not Found"):
        msg = far.message("INVITE", "sip:x")
        msg.start = f"SIP/2.0 {status}"
        msg.headers = [("Via", own), ("Via", f"SIP/2.0/UDP {near.at};branch=z9hG4bKnear")] + msg.headers[2:]
        far.send(msg, daemon)
    check.until(lambda: daemon.stat("tm_replies_stray") == 3, 5, "three stray replies are counted")
    near.quiet()


def test_ack_to_nothing_is_forwarded_by_its_route_and_never_answered(t):
    daemon = t.daemon()
    near, far = Peer(t, "127.0.0.21"), Peer(t, "127.0.0.22")
    near.request("ACK", far.uri, daemon, [("Route", f"<sip:{daemon.address}:{daemon.port};lr>")], to_tag="x")
    far.expect("ACK")
    near.request("ACK", far.uri, daemon, to_tag="x")
    near.request("ACK", "sip:bob@example.test", daemon)
    far.quiet()
    near.quiet()


# Loops

def test_a_script_that_sends_to_itself_is_stopped(t):
    daemon = t.daemon(script="""route {
	t_relay("udp:$socket_in(ip):$socket_in(port)");
}
""")
    near = Peer(t, "127.0.0.21")
    invite = near.request("INVITE", "sip:bob@example.test", daemon)
    reply = near.expect_final(482)
    near.hop(invite, "ACK", daemon, to_tag=reply.tag("to"))
    check.equal(daemon.stat("tm_loops"), 1, "loops")
    check.that(daemon.stat("tm_transactions") <= 3, f"transactions: {daemon.stat('tm_transactions')}")


def test_two_servers_that_send_to_each_other_are_stopped(t):
    script = """route {
	t_relay("udp:127.0.0.1:PORT");
}
"""
    one = t.daemon(name="one", script=script, start=False)
    two = t.daemon(name="two", script=script.replace("PORT", str(one.port)))
    with open(one.conf["script"], "w", encoding="utf-8") as out:
        out.write(script.replace("PORT", str(two.port)))
    one.start()
    near = Peer(t, "127.0.0.21")
    near.request("INVITE", "sip:bob@example.test", one)
    near.expect_final(482)
    check.that(one.stat("tm_transactions") + two.stat("tm_transactions") <= 5, "it went round once or twice")


def test_a_spiral_passes(t):
    """The same server twice, for another user: no loop."""
    daemon, near, far = parties(t, """route {
	if ($rU == "bob") {
		$rU = "carol";
		t_relay("udp:$socket_in(ip):$socket_in(port)");
		exit;
	}
	t_relay("{far}");
}
""")
    near.request("INVITE", "sip:bob@example.test", daemon)
    got = far.expect("INVITE")
    check.equal((got.uri, len(got.all("via"))), ("sip:carol@example.test", 3), "URI and Vias at far")
    check.equal(got.get("max-forwards"), "68", "Max-Forwards after two passages")


@variants(method=["INVITE", "OPTIONS", "MESSAGE"])
def test_max_forwards_0_and_proxy_require_whatever_the_script(t, method):
    daemon, near, far = parties(t, RELAY)
    msg = near.message(method, "sip:bob@example.test").put("Max-Forwards", "0")
    near.send(msg, daemon)
    near.expect_final(483)
    near.request(method, "sip:bob@example.test", daemon, [("Proxy-Require", "foo, bar")])
    check.equal(near.expect_final(420).all("unsupported"), ["foo, bar"], "Unsupported")
    far.quiet()
    near.request(method, "sip:bob@example.test", daemon, [("Require", "foo")])
    check.equal(far.expect(method).get("require"), "foo", "Require at far")


# Route sets

def test_a_strict_router_on_either_side(t):
    """RFC 3261 section 16.12.1.2, both hops."""
    daemon, near, far = parties(t, """route {
	loose_route();
	t_relay();
}
""")
    ours = f"sip:{daemon.address}:{daemon.port};lr"
    # it has put our Route into the Request-URI and the phone's URI last
    near.request("BYE", ours, daemon, [("Route", "<sip:bob@192.0.2.9>"), ], to_tag="x")
    # ... which leads nowhere from here: with far as the next Route it gets there
    near.request("BYE", ours, daemon, [("Route", f"<{far.uri};lr>"), ("Route", "<sip:bob@192.0.2.9>")], to_tag="x")
    got = far.expect("BYE")
    check.equal((got.uri, got.all("route")), ("sip:bob@192.0.2.9", [f"<{far.uri};lr>"]), "URI and Route behind a strict router")
    # and the next one is strict
    near.request("BYE", "sip:bob@192.0.2.9", daemon,
                 [("Route", f"<{ours}>"), ("Route", f"<{far.uri}>"), ("Route", "<sip:p3.example.test;lr>")], to_tag="x")
    got = far.expect("BYE")
    check.equal((got.uri, got.all("route")), (far.uri, ["<sip:p3.example.test;lr>", "<sip:bob@192.0.2.9>"]),
                "URI and Route before a strict router")


# A full table

def test_a_flood_that_nobody_answers_leaves_room_for_calls_that_stand(t):
    """1,500 INVITEs fill the table; a call that was set up before is held, resumed and ended meanwhile."""
    daemon = t.daemon(script="""route {
	if (is_method("REGISTER")) {
		save("location");
		exit;
	}
	if (has_totag()) {
		loose_route();
		t_relay();
		exit;
	}
	if ($rU == "nobody") {
		t_relay("udp:127.0.0.99:9");
		exit;
	}
	record_route();
	if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	}
	t_relay();
}
""", conf={"workers": 1, "limits": {"transactions": 800}})
    alice, bob = t.phone("alice", daemon), t.phone("bob", daemon)
    for phone in (alice, bob):
        phone.private, phone.private_port = phone.link.local
        phone.register()
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    flood = Peer(t, "127.0.0.21")
    for i in range(1500):
        flood.request("INVITE", "sip:nobody@example.test", daemon)
        check.that(flood.receive(5) is not None, f"a word to INVITE {i}")
    check.until(lambda: daemon.stat("tm_refused") > 0, 5, "requests are refused")
    stats = daemon.stats()
    check.that(stats["tm_transactions_active"] <= 800, f"transactions: {stats['tm_transactions_active']}")
    flood.request("INVITE", "sip:nobody@example.test", daemon)
    refused = flood.expect_final(503)
    check.that(int(refused.get("retry-after")) > 0, "Retry-After")
    check.equal(call.reinvite().status, 200, "re-INVITE in the call that stands")
    check.equal(leg.request("OPTIONS").wait().status, 200, "OPTIONS in it, from the other side")
    call.hangup()
    leg.wait_ended()


# Requests too large for a datagram

def long_request(near, daemon, size=1400):
    msg = near.message("INVITE", "sip:bob@example.test")
    msg.add("X-Fill", "x" * (size - len(msg.data())))
    return near.send(msg, daemon)


def test_a_long_request_goes_over_tcp_and_back_to_udp_when_that_is_refused(t):
    """RFC 3261 section 18.1.1. far listens on UDP, and on TCP from the second call on."""
    daemon, near, far = parties(t, RELAY, conf={"tm": {"udp_mtu": 1300}})
    short = near.request("INVITE", "sip:bob@example.test", daemon)
    check.that(far.expect("INVITE").get("via").startswith("SIP/2.0/UDP "), "a short one goes over UDP")
    check.that(len(short.data()) < 1000, "it was short")
    long_request(near, daemon)
    got = far.expect("INVITE")
    check.that(got.get("via").startswith("SIP/2.0/UDP ") and len(got.data()) > 1400, f"over UDP after all: {got.get('via')}")
    far.answer(got, 486, "Busy Here")
    near.expect(486)
    far.expect("ACK")
    check.equal(daemon.stat("tm_mtu_switches"), 1, "tries of TCP")
    with socket.socket() as server:
        server.bind((far.address, far.port))
        server.listen()
        server.settimeout(5)
        long_request(near, daemon)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            got = sip.Message.parse(data)
            check.that(got.get("via").startswith("SIP/2.0/TCP "), f"the Via of the copy: {got.get('via')}")
            got.start = "SIP/2.0 603 Decline"
            got.put("To", got.get("to") + ";tag=x")
            for name in ("max-forwards", "contact", "x-fill"):
                got.drop(name)
            connection.sendall(got.data())
            near.expect(603)
    far.quiet()


def test_forward_waits_for_a_name_like_t_relay(t):
    dns = Dns(t, ["far.test A 127.0.0.22"])
    near, far = Peer(t, "127.0.0.21"), Peer(t, "127.0.0.22")
    daemon = t.daemon(script=f"""route {{
	if (forward("sip:far.test:{far.port}"))
		xlog("L_INFO", "forwarded\\n");
	else
		xlog("L_INFO", "not forwarded\\n");
}}
""", conf={"workers": 1, "dns": {"servers": [dns.server], "hosts_file": ""}})
    near.request("OPTIONS", "sip:bob@example.test", daemon)
    got = far.expect("OPTIONS")
    far.answer(got, 200, "OK")
    near.expect_final(200)
    check.until(lambda: "forwarded" in daemon.log(), 3, "the script has gone on")
    check.that("not forwarded" not in daemon.log(), "it was told the truth")


def resident(daemon):
    """Bytes of memory that the daemon has."""
    with open(f"/proc/{daemon.process.child.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))


@variants(state=["unanswered", "answered"])
def test_memory_of_a_transaction(t, state):
    """What docs/architecture.md says of it: an INVITE that nobody answers keeps its message, an answered request only its reply."""
    daemon, near, far = parties(t, RELAY, conf={"tm": {"t1": 30000, "t2": 60000}})
    count = {"unanswered": 4000, "answered": 4000}[state]
    method = {"unanswered": "INVITE", "answered": "OPTIONS"}[state]
    extra = [("X-Fill", "x" * 300)]          # 700 bytes in all, an INVITE without much SDP

    def burst(n):
        for _ in range(n):
            near.request(method, "sip:bob@example.test", daemon, extra)
            got = far.expect(method)
            if state == "answered":
                far.answer(got, 200, "OK")
            check.that(near.receive(5) is not None, "a reply")

    burst(500)                               # what is allocated once is there
    before = resident(daemon)
    burst(count)
    each = (resident(daemon) - before) / count
    check.equal(daemon.stat("tm_transactions_active"), count + 500, "transactions in memory")
    print(f"{each:.0f} bytes of memory for each {state} {method}")
    check.that(each < {"unanswered": 16384, "answered": 4096}[state], f"{each:.0f} bytes for each {state} {method}")
