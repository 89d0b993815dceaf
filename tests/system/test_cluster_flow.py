"""Two nodes, one Redis: one speaks through the other.

    alice ── B ─────────── A ── bob          bob is registered at A: his router lets in only what A's socket sends

Expected: while A lives, everything that bob gets comes from A's address, and what he sends inside the call reaches alice
by A and B. A's own script never sees any of it: here it refuses all but REGISTER. When A is killed or hangs, B's requests reach bob
directly, within seconds. Nobody else can make A carry anything.
"""

import signal
import threading
import time

from kit import check, sip
from kit.runner import limit, variants

VOICE = """
route {
	force_rport();
	if (is_method("REGISTER")) {
		if (nat_uac_test("19")) {
			fix_nated_register();
			setbflag(6);
		}
		save("location");
		exit;
	}
	sl_send_reply("603", "This script must not run");
}

onreply_route {
	xlog("L_ERR", "this block must not run\\n");
	drop();
}
"""


class Nodes:
    """A, B, alice at B, bob at A, and a relay."""

    def __init__(self, t, transport="udp", address="127.0.0.1", mode="answer", conf=None):
        self.relay = t.relay(address)
        self.redis = t.redis()
        common = {"redis": self.redis, "relay": self.relay, "address": address}
        if transport == "tls":               # the nodes prove their addresses to each other
            certs = t.certs()
            common["tls"] = certs.make("edge", f"IP:{address}").conf(ca=certs.ca)
        self.a = t.daemon(name="edge-a", script=VOICE, conf=conf, **common)
        self.b = t.daemon(name="edge-b", **common)
        self.alice = t.phones_of(self.b, ["alice"])[0]
        self.bob = t.phones_of(self.a, ["bob"], transport=transport, mode=mode)[0]

    def call(self):
        call = self.alice.call("bob")
        leg = self.bob.wait_call()
        call.wait_answer()
        leg.wait_acked()
        return call, leg

    def script_of_a_is_quiet(self):
        check.that("must not run" not in self.a.log(), "no block of A's script runs on what A carries")

    def bob_hears_only(self, daemon, methods):
        where = daemon.tls_server if self.bob.transport == "tls" else daemon.server
        for method in methods:
            check.that(self.bob.requests(method), f"{method} at bob")
            check.equal({m.source for m in self.bob.requests(method)}, {where}, f"sources of {method} at bob")


@variants(transport=["udp", "tcp", "tls"], address=["127.0.0.1", "::1"])
def test_call_through_the_other_node(t, transport, address):
    n = Nodes(t, transport, address)
    call, leg = n.call()
    t.talk(call, leg, n.relay)
    check.equal(call.reinvite().status, 200, "alice's re-INVITE")
    check.equal(leg.reinvite().status, 200, "bob's re-INVITE")
    call.hangup()
    leg.wait_ended()
    n.bob_hears_only(n.a, ["INVITE", "ACK", "BYE"])
    check.equal(n.a.stat("flow_refused"), 0, "refused flows")
    check.until(lambda: n.a.stat("flow_carried") >= 6, 5, lambda: f"requests that A has carried: {n.a.stat('flow_carried')}")
    check.equal(n.b.stat("tm_detours_failed"), 0, "detours of B that failed")
    n.script_of_a_is_quiet()


@variants(transport=["udp", "tcp", "tls"])
def test_bob_hangs_up(t, transport):
    n = Nodes(t, transport)
    call, leg = n.call()
    leg.hangup()
    call.wait_ended()
    check.equal(n.alice.requests("BYE")[0].source, n.b.server, "who brings alice the BYE")
    n.script_of_a_is_quiet()


def test_addresses_are_repaired_as_if_b_had_heard_bob_itself(t):
    """B's script repairs what bob wrote, with bob's address and not with A's."""
    n = Nodes(t)
    call, leg = n.call()
    _, host, port, _ = sip.uri_parts(call.target)
    check.equal((host, port), n.bob.link.local, "bob's Contact as alice gets it")
    leg.reinvite()
    _, host, port, _ = sip.uri_parts(n.alice.requests("INVITE")[-1].contact_uri())
    check.equal((host, port), n.bob.link.local, "bob's Contact in his re-INVITE")
    call.target = n.alice.requests("INVITE")[-1].contact_uri()
    call.hangup()                               # the phone checks the Request-URI
    leg.wait_ended()


def test_bob_calls_alice(t):
    """bob's call enters at A; alice is reached through B's socket."""
    relay, redis = t.relay(), t.redis()
    a = t.daemon(name="edge-a", redis=redis, relay=relay)
    b = t.daemon(name="edge-b", redis=redis, script=VOICE)
    alice, bob = t.phones_of(b, ["alice"])[0], t.phones_of(a, ["bob"])[0]
    call = bob.call("alice")
    leg = alice.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay)
    leg.hangup()
    call.wait_ended()


def test_requests_outside_calls(t):
    n = Nodes(t)
    check.equal(n.alice.request("OPTIONS", "sip:bob@example.test").status, 200, "OPTIONS")
    n.bob_hears_only(n.a, ["OPTIONS"])
    check.equal(n.bob.count("OPTIONS"), 1, "OPTIONS at bob")


def test_a_slow_phone_is_not_a_silent_node(t):
    """A says at once that it has the request: B does not take another way while bob thinks."""
    n = Nodes(t)
    late = []

    def answer_later(msg):
        late.append(threading.Timer(1.6, lambda: n.bob.reply(msg, 200, "OK")))
        late[-1].start()

    n.bob.on_options = answer_later
    check.equal(n.alice.request("OPTIONS", "sip:bob@example.test").status, 200, "OPTIONS")
    n.bob_hears_only(n.a, ["OPTIONS"])
    check.equal(n.b.stat("tm_detours_failed"), 0, "detours of B that failed")


def test_max_forwards_is_lowered_at_both(t):
    n = Nodes(t)
    msg = n.alice.message("OPTIONS", "sip:bob@example.test", n.alice.address_of_record(), "sip:bob@example.test", sip.token(), 1,
                          sip.token(4)).put("Max-Forwards", "1")
    check.equal(n.alice.start(msg).wait().status, 483, "OPTIONS that may take one step, but needs two")
    check.equal(n.alice.request("OPTIONS", "sip:bob@example.test").status, 200, "OPTIONS")
    check.equal(n.bob.requests("OPTIONS")[0].get("max-forwards"), "68", "Max-Forwards at bob")


def test_cancel_before_the_answer(t):
    n = Nodes(t, mode="ring")
    call = n.alice.call("bob")
    leg = n.bob.wait_call()
    call.txn.wait_status(180)
    check.equal(call.cancel().status, 200, "reply to CANCEL")
    leg.wait_cancelled()
    check.equal(call.txn.wait().status, 487, "final reply to the INVITE")
    check.until(lambda: n.bob.count("ACK") == 1, 3, "the 487 is acknowledged")
    n.bob_hears_only(n.a, ["INVITE", "CANCEL", "ACK"])
    n.script_of_a_is_quiet()


def test_busy(t):
    n = Nodes(t, mode="busy")
    call = n.alice.call("bob")
    check.equal(call.txn.wait().status, 486, "final reply to the INVITE")
    check.until(lambda: n.bob.count("ACK") == 1, 3, "the 486 is acknowledged")
    n.bob_hears_only(n.a, ["INVITE", "ACK"])
    n.script_of_a_is_quiet()


def test_the_port_of_the_phone_s_router_changes(t):
    """Mid-call: what bob sends from another port is still bob's."""
    n = Nodes(t)
    call, leg = n.call()
    n.bob.reconnect()
    leg.hangup()
    call.wait_ended()
    n.script_of_a_is_quiet()


# A dies


def after_death(n, method, seconds=4):
    """The first request of B's own that reaches bob, and how long it took."""
    n.bob.sources.add(n.b.server)
    start = time.monotonic()
    check.until(lambda: n.bob.requests(method, n.b.server), seconds, f"{method} reaches bob directly from B")
    return time.monotonic() - start


@variants(how=["SIGKILL", "SIGSTOP"])
def test_next_call_when_a_is_dead(t, how):
    """A's heartbeat has not run out yet: B finds out by A's silence."""
    n = Nodes(t)
    call, leg = n.call()
    call.hangup()
    if how == "SIGKILL":
        n.a.kill()
    else:
        n.a.process.send_signal(signal.SIGSTOP)
    call = n.alice.call("bob")
    took = after_death(n, "INVITE")
    check.that(0.8 < took < 4, f"the call took {took:.2f} s")
    leg = n.bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    # the silence is remembered: the next one does not wait
    start = time.monotonic()
    second = n.alice.call("bob")
    n.bob.wait_call()
    second.wait_answer()
    check.that(time.monotonic() - start < 0.7, f"the second call took {time.monotonic() - start:.2f} s")
    for one in (second, call):
        one.hangup()
    check.that(n.b.stat("tm_detours_failed") >= 1, "B has counted the detour that failed")
    if how == "SIGSTOP":
        n.a.process.send_signal(signal.SIGCONT)


@limit(90)
def test_a_hanging_node_wakes_up_while_the_phone_rings(t):
    """It has the INVITE still: bob's phone takes it for what it is, and B takes it back."""
    n = Nodes(t, mode="ring")
    first = n.alice.call("bob")
    n.bob.wait_call()
    first.cancel()
    first.txn.wait()
    n.a.process.send_signal(signal.SIGSTOP)
    call = n.alice.call("bob")
    after_death(n, "INVITE")
    leg = n.bob.wait_call()
    call.txn.wait_status(180)
    n.a.process.send_signal(signal.SIGCONT)
    check.until(lambda: len(n.bob.requests("INVITE", n.a.server)) >= 2, 5, "A's copy arrives late")
    leg.answer()
    call.wait_answer()
    leg.wait_acked()
    check.equal(call.extra_winners, [], "other phones that answered")
    call.hangup()
    leg.wait_ended()


def test_call_in_progress_when_a_is_killed(t):
    """alice's BYE names A in its Route; bob gets it all the same."""
    n = Nodes(t)
    call, leg = n.call()
    n.a.kill()
    call.request("BYE")
    took = after_death(n, "BYE")
    check.that(took < 4, f"the BYE took {took:.2f} s")
    leg.wait_ended()


@limit(90)
def test_when_the_heartbeat_has_run_out_nobody_waits(t):
    n = Nodes(t)
    call, leg = n.call()
    call.hangup()
    n.a.kill()
    lease = f"pinhole:lease:udp:127.0.0.1:{n.a.port}"
    check.until(lambda: n.redis.cli("EXISTS", lease) == "0", 6, "A's lease runs out")
    time.sleep(1.5)                             # B looks once a second
    n.bob.sources.add(n.b.server)
    start = time.monotonic()
    call = n.alice.call("bob")
    n.bob.wait_call()
    check.that(time.monotonic() - start < 0.7, f"the call took {time.monotonic() - start:.2f} s")
    call.wait_answer()
    check.equal(n.b.stat("tm_detours_failed"), 0, "detours of B that failed")
    call.hangup()


@limit(90)
def test_a_comes_back(t):
    """Its sockets are used again as soon as it holds them again."""
    n = Nodes(t)
    call, leg = n.call()
    call.hangup()
    n.a.kill()
    call = n.alice.call("bob")
    after_death(n, "INVITE")
    n.bob.wait_call()
    call.wait_answer()
    call.hangup()
    lease = f"pinhole:lease:udp:127.0.0.1:{n.a.port}"
    check.until(lambda: n.redis.cli("EXISTS", lease) == "0", 6, "A's lease runs out")
    n.a.start()
    n.bob.sources.discard(n.b.server)

    def through_a():
        before = len(n.bob.requests("OPTIONS", n.a.server))
        check.equal(n.alice.request("OPTIONS", "sip:bob@example.test").status, 200, "OPTIONS")
        return len(n.bob.requests("OPTIONS", n.a.server)) > before

    n.bob.sources.add(n.b.server)
    check.until(through_a, 10, "OPTIONS go through A again")
    n.bob.sources.discard(n.b.server)
    call, leg = n.call()
    call.hangup()


def test_a_node_that_drains_is_passed_by(t):
    """A takes no new work: its 503 is no answer of bob's."""
    n = Nodes(t, mode="ring", conf={"shutdown_timeout": 15})
    ringing = n.alice.call("bob")
    leg = n.bob.wait_call()
    ringing.txn.wait_status(180)
    n.a.terminate()
    check.until(lambda: "draining" in n.a.log(), 5, "A is draining")
    n.bob.sources.add(n.b.server)
    n.bob.mode = "answer"
    start = time.monotonic()
    call = n.alice.call("bob")
    n.bob.wait_call()
    call.wait_answer()
    check.that(time.monotonic() - start < 0.9, "B does not wait for a node that says no")
    call.hangup()
    leg.answer()                                # what was begun goes on
    ringing.wait_answer()
    leg.wait_acked()
    ringing.hangup()


# Strangers


def test_forged_flows_are_refused(t):
    n = Nodes(t)
    mallory = t.phone("mallory", n.a)
    routes = ["flow1nAAAAAAAAAAAAAAAAAAAA", "flow1d" + "A" * 26, "flow1", "flow9whatever", "flow1n" + "A" * 300]
    for user in routes:
        route = ("Route", f"<sip:{user}@127.0.0.1:{n.a.port};lr>")
        status = mallory.request("MESSAGE", f"sip:bob@127.0.0.1:{n.bob.link.local[1]}", extra=[route]).status
        check.equal(status, 603 if user == "flow1" else 403, f"MESSAGE with {user[:20]}")
    check.equal(n.a.stat("flow_refused"), 4, "refused flows")
    check.equal(n.a.stat("flow_carried"), 0, "carried requests")
    check.equal(n.bob.count("MESSAGE"), 0, "what has reached bob")
    check.that("refused a request with a flow in Route" in n.a.log(), "A's log says so")


def test_a_flow_that_was_seen_in_a_call_opens_nothing_else(t):
    """alice's phone knows the Record-Route of the call with bob. It is good inside that call only."""
    n = Nodes(t)
    call, leg = n.call()
    flow = next(r for r in call.routes if "flow1d" in r)
    mallory = t.phone("mallory", n.a)
    uri = call.target
    check.equal(mallory.request("MESSAGE", uri, extra=[("Route", flow)]).status, 403, "in another call")
    same_call = mallory.message("INVITE", uri, mallory.address_of_record(), uri, call.call_id, 1, sip.token(4))
    same_call.add("Route", flow)
    check.equal(mallory.start(same_call).wait().status, 403, "in that call, but as a new dialog")
    elsewhere = mallory.message("BYE", uri, mallory.address_of_record(), uri, call.call_id, 9, sip.token(4), "x")
    elsewhere.add("Route", flow).add("Route", f"<sip:127.0.0.1:{mallory.link.local[1]};lr>")
    mallory.start(elsewhere).wait(3)
    check.equal(mallory.count("BYE"), 0, "mallory is not bob: nothing goes where his Route says")
    check.equal(n.bob.count("INVITE"), 1, "INVITEs at bob")
    check.equal(n.bob.count("MESSAGE"), 0, "MESSAGEs at bob")
    again = n.bob.message("INVITE", uri, n.bob.address_of_record(), uri, call.call_id, 1, sip.token(4))
    again.add("Route", flow)
    check.equal(n.bob.start(again).wait().status, 403, "bob himself, as a new dialog")
    call.hangup()


def test_a_contact_that_leads_back_to_a_is_refused(t):
    """However it got into the store: A does not send to itself."""
    n = Nodes(t)
    key = n.redis.keys("pinhole:contact:{bob}:*")[0]
    n.redis.cli("HSET", key, "received", f"sip:127.0.0.1:{n.a.port}")
    call = n.alice.call("bob")
    check.equal(call.txn.wait().status, 403, "final reply to the INVITE")
    check.equal(n.a.stat("flow_refused"), 1, "refused flows")
    check.equal(n.a.stat("flow_carried"), 0, "carried requests")


def test_nodes_with_different_secrets_do_not_carry(t):
    relay, redis = t.relay(), t.redis()
    a = t.daemon(name="edge-a", redis=redis, script=VOICE, conf={"secret": "one secret of 16+"})
    b = t.daemon(name="edge-b", redis=redis, relay=relay, conf={"secret": "another secret..."})
    alice, bob = t.phones_of(b, ["alice"])[0], t.phones_of(a, ["bob"])[0]
    check.equal(alice.call("bob").txn.wait().status, 403, "final reply to the INVITE")
    check.equal(a.stat("flow_refused"), 1, "refused flows")
    check.equal(bob.count("INVITE"), 0, "INVITEs at bob")


def test_a_closed_connection_is_a_failed_flow(t):
    """RFC 5626 section 5.3: a TCP phone behind NAT cannot be connected to."""
    n = Nodes(t, "tcp")
    n.call()[0].hangup()
    n.bob.link.close()
    call = n.alice.call("bob")
    check.equal(call.txn.wait().status, 430, "final reply to the INVITE")
    check.equal(n.a.stat("net_tcp_connected"), 0, "connections that A has made")
