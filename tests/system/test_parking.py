"""Suspended scripts: the test plugin's test_wait(ms) parks the message that runs it.

    clients --MESSAGE (waits), OPTIONS (does not), INVITE--> pinholed with one worker and tests/plugins/waiter

Expected: the waiting ones delay nobody; what meets a parked message - CANCEL, retransmission, a second reply, a
repeated ACK, the deadline, the limit, the shutdown - has its one defined outcome.
"""

import time

from kit import build, check
from kit.burst import Burst
from kit.latency import Latencies, undisturbed
from kit.runner import alone, variants

HEAD = """
route {
	mf_process_maxfwd_header("10");
	if (is_method("OPTIONS")) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (is_method("REGISTER")) {
		force_rport();
		fix_nated_register();
		save("location");
		exit;
	}
	force_rport();
	if (nat_uac_test("19"))
		fix_nated_contact();
"""


def waiting(t, script, **conf):
    return t.daemon(script=script, plugin_dirs=[build.test_plugin_dir()], conf={
        "workers": 1, "plugins": ["nat", "sdp", "registrar", "rtpp", "mi", "waiter"], **conf})


def thousand(t, daemon, number):
    """One round; (ms until the last one that waits is done after the last arrival, latencies of the others)."""
    patient, hasty = Burst(daemon, f"127.0.{number}.7"), Burst(daemon, f"127.0.{number}.8")
    t.helpers += [patient, hasty]
    pairs = [(patient.request("MESSAGE", "bob"), hasty.request("OPTIONS")) for _ in range(1000)]
    start = time.perf_counter()
    for i, (slow, quick) in enumerate(pairs):
        patient.send(slow)
        hasty.send(quick)
        while time.perf_counter() < start + i * 0.00015:
            hasty.drain()                    # 150 us apart: all are sent while the first one still waits
            patient.drain()
    last = max(patient.sent.values())
    together = last - min(patient.sent.values()) < 0.2
    replies = patient.wait(1000, 5)
    check.equal({status for status, _ in replies.values()}, {200}, "replies to those that waited")
    shortest = min(at - patient.sent[c] for c, (_, at) in replies.items())
    check.that(shortest >= 0.18, f"they really waited 200 ms, the shortest {shortest * 1000:.0f} ms")
    latest = (max(at for _, at in replies.values()) - last) * 1000
    quick = Latencies([at - hasty.sent[c] for c, (_, at) in hasty.wait(1000, 5).items()])
    print(f"all done {latest:.0f} ms after the last arrival; beside them {quick}; all waited at once: {together}")
    return latest, quick, together


@alone
def test_a_thousand_wait_and_a_thousand_do_not(t):
    """1,000 messages that wait 200 ms on one worker: all done within 400 ms of the last; OPTIONS beside them: p99 under 5 ms."""
    daemon = waiting(t, HEAD + '\ttest_wait(200);\n\tsend_reply("200", "Waited");\n}\n')
    # What else runs on the machine can only add to a time: it is kept away where that is allowed, and the best of some rounds counts.
    rounds = []
    for number in range(1, 6):
        with undisturbed(daemon) as how:
            latest, quick, together = thousand(t, daemon, number)
        rounds.append(f"{how}: {latest:.0f} ms, {quick}")
        if (together and latest < 400 and quick.p(99) < 5) or build.sanitizer():   # sanitizers cost a multiple
            break
    else:
        raise check.Failed(f"all done within 400 ms and p99 of the others under 5 ms, found {rounds}")
    check.equal(daemon.stat("parked_total"), 1000 * len(rounds), "suspensions")
    check.equal(daemon.stat("parked"), 0, "parked scripts in the end")


@variants(condition=[
    ('test_wait(30, 1) && test_wait(30, 1)', "200 Yes", 2),
    ('test_wait(30, 1) && test_wait(30, -1)', "404 No", 2),
    ('test_wait(30, -1) && test_wait(30, 1)', "404 No", 1),
    ('test_wait(30, -1) || test_wait(30, 1)', "200 Yes", 2),
    ('!test_wait(30, -1)', "200 Yes", 1),
    ('!(test_wait(30, 1) && !test_wait(30, -1)) || is_method("BYE")', "404 No", 2),
])
def test_parked_in_the_middle_of_a_condition(t, condition):
    text, outcome, waits = condition
    daemon = waiting(t, HEAD + f"""
	$var(kept) = "kept";
	if ({text}) {{
		if ($var(kept) == "kept")
			send_reply("200", "Yes");
	}} else {{
		if ($var(kept) == "kept")
			send_reply("404", "No");
	}}
}}
""")
    phone = t.phone("alice", daemon)
    reply = phone.request("MESSAGE", "sip:bob@example.test")
    check.equal(f"{reply.status} {reply.reason}", outcome, f"reply of {text}")
    check.equal(daemon.stat("parked_total"), waits, f"suspensions of {text}")


CALLS = HEAD + """
	if (loose_route()) {
		if (is_method("ACK"))
			WAIT_ACK
		t_relay();
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans())
			t_relay();
		exit;
	}
	t_on_reply("R");
	WAIT_INVITE
	record_route();
	lookup("location");
	t_relay();
}
onreply_route[R] {
	WAIT_REPLY
	fix_nated_contact();
}
"""


def calls(invite="", reply="", ack=";"):
    return CALLS.replace("WAIT_INVITE", invite).replace("WAIT_REPLY", reply).replace("WAIT_ACK", ack)


def test_cancel_meets_a_parked_invite(t):
    daemon = waiting(t, calls(invite="test_wait(600);"))
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob", sdp=False)
    check.until(lambda: daemon.stat("parked") == 1, 3, "one parked script")
    call.txn.wait_status(100, 1)
    start = time.monotonic()
    check.equal(call.cancel(1).status, 200, "reply to CANCEL")
    check.that(time.monotonic() - start < 0.4, "the CANCEL is answered at once")
    check.equal(daemon.stat("waiter_cancelled"), 1, "calls of the plugins' cancelled hook")
    check.equal(call.txn.wait().status, 487, "final reply to the INVITE")
    check.equal(bob.count("INVITE"), 0, "INVITEs at bob")
    check.equal(daemon.stat("parked"), 0, "parked scripts")


@variants(method=["INVITE", "MESSAGE"])
def test_retransmission_meets_a_parked_request(t, method):
    daemon = waiting(t, calls(invite="test_wait(500);"))
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    if method == "INVITE":
        txn = alice.call("bob", sdp=False).txn
    else:
        txn = alice.start(alice.message("MESSAGE", "sip:bob@example.test", "sip:alice@example.test", "sip:bob@example.test",
                                        "retransmitted", 1, "tag1"))
    for _ in range(5):
        alice.link.send(txn.request.data())
    reply = txn.wait()
    check.equal(reply.status, 200 if method == "INVITE" else 501, "final reply")   # the phones know no MESSAGE
    check.equal(bob.count(method), 1, f"{method}s at bob")
    check.equal(daemon.stat("parked_total"), 1, "suspensions")


def test_second_reply_meets_a_parked_one(t):
    """180 and 200 come while the first is parked: they go on one after the other, in order; repetitions are dropped."""
    daemon = waiting(t, calls(reply="test_wait(250);"))
    # By himself bob would repeat his 200 after 500 ms: just when both waits are over, and it may pass.
    alice, bob = t.phones_of(daemon, ["alice", "bob"], retransmit=False)
    bob.mode = "manual"
    call = alice.call("bob", sdp=False)
    leg = bob.wait_call()
    leg.ring()
    leg.answer()
    key = (leg.invite.branch, "INVITE")
    for _ in range(3):
        bob.link.send(bob.served[key])
    call.wait_answer()
    leg.wait_acked()
    check.equal([r.status for r in call.txn.replies if r.status != 100], [180, 200], "replies at alice")
    check.equal(daemon.stat("parked_total"), 2, "suspensions")
    call.hangup()
    leg.wait_ended()


def test_repeated_ack_meets_a_parked_one(t):
    daemon = waiting(t, calls(ack="test_wait(300);"))
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob", sdp=False)
    leg = bob.wait_call()
    call.wait_answer()
    check.until(lambda: daemon.stat("parked") == 1, 3, "the ACK is parked")
    ack = call.in_dialog("ACK", 1)
    for _ in range(4):
        alice.link.send(ack.data())
    leg.wait_acked()
    check.until(lambda: daemon.stat("parked") == 0, 3, "no parked script")
    check.equal(bob.count("ACK"), 1, "ACKs at bob")
    check.that(daemon.stat("acks_repeated") >= 4, "repeated ACKs that were dropped")
    call.hangup()
    leg.wait_ended()


def test_deadline_meets_a_parked_request(t):
    daemon = waiting(t, HEAD + """
	if (test_never())
		send_reply("200", "Woken");
	else
		send_reply("504", "Deadline");
}
""")
    phone = t.phone("alice", daemon)
    start = time.monotonic()
    check.equal(phone.request("MESSAGE", "sip:bob@example.test").status, 504, "reply")
    took = time.monotonic() - start
    check.that(0.25 < took < 1.5, f"the deadline of 300 ms: {took * 1000:.0f} ms")
    check.equal((daemon.stat("waiter_timeouts"), daemon.stat("park_timeouts")), (1, 1), "suspensions ended by the deadline")


def test_stale_wake_is_a_counted_nothing(t):
    daemon = waiting(t, HEAD + '\ttest_stale();\n\tsend_reply("200", "Once");\n}\n')
    phone = t.phone("alice", daemon)
    check.equal(phone.request("MESSAGE", "sip:bob@example.test").status, 200, "reply")
    check.equal(daemon.stat("wakes_stale"), 1, "wakes for a suspension that was over")


def test_limit_of_parked_messages(t):
    """Above limits.parked: 503 with Retry-After, counted; the others go on."""
    daemon = waiting(t, HEAD + '\ttest_wait(400);\n\tsend_reply("200", "Waited");\n}\n', limits={"parked": 10})
    phone = t.phone("alice", daemon)
    started = [phone.start(phone.message("MESSAGE", "sip:bob@example.test", "sip:alice@example.test", "sip:bob@example.test",
                                         f"limit-{i}", 1, "tag1")) for i in range(15)]
    replies = [txn.wait() for txn in started]
    check.equal(sorted(r.status for r in replies), [200] * 10 + [503] * 5, "replies")
    check.that(all(r.get("retry-after") for r in replies if r.status == 503), "Retry-After in the 503s")
    check.equal(daemon.stat("park_refused"), 5, "messages refused")


def test_shutdown_meets_parked_requests(t):
    """A wait that ends in time is waited for; the rest is ended at shutdown_timeout, and nothing is relayed any more."""
    daemon = waiting(t, calls(invite='if ($rU == "bob") { test_wait(500); } else { test_wait(9000); }'), shutdown_timeout=2)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "busy"
    short, long = alice.call("bob", sdp=False), alice.call("carol", sdp=False)
    check.until(lambda: daemon.stat("parked") == 2, 3, "two parked scripts")
    start = time.monotonic()
    daemon.terminate()
    check.equal(short.txn.wait(5).status, 486, "the call whose wait ended in time")
    check.equal(daemon.process.wait(10), 0, "exit status")
    check.that(time.monotonic() - start < 6, "the end is not held up")
    check.that(long.txn.final() is None or long.txn.final().status >= 400, "the other call did not come about")


def test_every_worker_is_asked(t):
    """A command that needs worker state is answered by all of them under one root."""
    daemon = waiting(t, HEAD + "}\n", workers=3)
    done = daemon.ctl("test_where")
    check.equal(done.returncode, 0, f"status ({done.stderr})")
    for worker in range(3):
        check.contains(done.stdout, f"thread:: worker.{worker}", "test_where")
