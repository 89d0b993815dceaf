"""A relay that does not answer delays the calls that need it, and nothing else.

    10 INVITEs with SDP --> pinholed --> rtpengine, stopped with SIGSTOP: no answer, ten parked scripts
    200 REGISTERs ------->  pinholed: answered meanwhile

Expected: `stats` shows parked:: 10 before and after the REGISTERs; their p99 is under 50 ms; each caller has a 100.
"""

from kit import check, latency
from kit.runner import alone, variants

SLOW = {"rtpp": {"rtpproxy_timeout": "2", "rtpproxy_retr": 3}}


@alone
@variants(store=["memory", "redis"])
def test_registers_while_ten_calls_wait(t, store):
    relay = t.relay()
    daemon = t.daemon(relay=relay, conf=SLOW, redis=t.redis() if store == "redis" else None)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    others = t.phones_of(daemon, [f"user{i}" for i in range(8)])
    for phone in (alice, bob):
        check.equal(phone.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "reply before")

    relay.pause()
    calls = [alice.call("bob") for _ in range(10)]
    check.until(lambda: daemon.stat("parked") == 10, 3, lambda: f"ten parked scripts, found {daemon.stat('parked')}")
    load = latency.registers(others, 200)
    check.equal(daemon.stat("parked"), 10, "scripts that are still parked after the REGISTERs")
    print(load)
    check.that(load.p(99) < 50, f"p99 under 50 ms, found {load}")

    check.equal(bob.count("INVITE"), 0, "INVITEs that went on without a relay")
    for call in calls:
        call.txn.wait_status(100, 1)
    for call in calls:
        check.equal(call.txn.wait(15).status, 503, "what the callers got in the end")
    check.equal(daemon.stat("parked"), 0, "parked scripts in the end")


def test_call_goes_on_when_the_relay_answers_again(t):
    """The command is repeated, so a relay that was away for a moment costs the call that moment."""
    relay = t.relay()
    daemon = t.daemon(relay=relay, conf={"rtpp": {"rtpproxy_timeout": "1", "rtpproxy_retr": 5}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    relay.pause()
    call = alice.call("bob")
    check.until(lambda: daemon.stat("parked") == 1, 3, "one parked script")
    check.equal(bob.count("INVITE"), 0, "INVITEs at bob while the relay is away")
    relay.resume()
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay, packets=10)
    check.equal(daemon.stat("parked"), 0, "parked scripts in the end")
    call.hangup()
    leg.wait_ended()


def test_call_without_media_does_not_wait(t):
    relay = t.scripted_relay()
    daemon = t.daemon(relay=relay, conf=SLOW)
    alice, bob, carol = t.phones_of(daemon, ["alice", "bob", "carol"])
    relay.deaf = True
    waiting = alice.call("bob")
    check.until(lambda: daemon.stat("parked") == 1, 3, "one parked script")
    carol.mode = "busy"
    check.equal(bob.call("carol", sdp=False).txn.wait(1).status, 486, "a call that needs no relay")
    check.equal(waiting.txn.final(), None, "final reply to the call that waits")
    relay.deaf = False
    bob.wait_call()
    waiting.wait_answer()


def test_retransmitted_invite_meets_a_parked_one(t):
    """One script, one command, one 100 each; the call is not set up twice."""
    relay = t.scripted_relay()
    daemon = t.daemon(relay=relay, conf=SLOW)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    relay.deaf = True
    call = alice.call("bob")
    check.until(lambda: daemon.stat("parked") == 1, 3, "one parked script")
    for _ in range(4):
        alice.link.send(call.invite.data())
    check.equal(alice.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "reply behind the repetitions")
    check.equal(daemon.stat("parked"), 1, "parked scripts")
    relay.deaf = False
    bob.wait_call()
    call.wait_answer()
    check.equal(len(relay.commands("U")), 1, "offers at the relay")
    check.equal(bob.incoming.qsize(), 0, "further calls at bob")


def test_cancel_meets_a_parked_invite(t):
    """200 to the CANCEL at once; when the relay answers, nothing is sent to bob, and alice has her 487."""
    relay = t.scripted_relay()
    daemon = t.daemon(relay=relay, conf=SLOW)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    relay.deaf = True
    call = alice.call("bob")
    check.until(lambda: daemon.stat("parked") == 1, 3, "one parked script")
    check.equal(call.cancel(1).status, 200, "reply to CANCEL")
    relay.deaf = False
    check.equal(call.txn.wait().status, 487, "final reply to the INVITE")
    check.until(lambda: daemon.stat("parked") == 0, 3, "no parked script")
    check.equal(bob.count("INVITE"), 0, "INVITEs at bob")
    check.until(lambda: not relay.sessions, 3, "the relay's session is deleted")
