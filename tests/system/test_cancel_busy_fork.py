"""Calls that do not come about as usual.

    alice --INVITE--> pinholed --INVITE--> bob (one phone, or two with the same user)

CANCEL while it rings, busy, nobody answers, two phones of which one answers. Expected: one final reply at alice,
every failure acknowledged hop by hop, the losing phone cancelled, the relay's session gone.
"""

from kit import check


def setup(t, bobs=1, relay=None, **conf):
    relay = relay or t.relay()
    daemon = t.daemon(relay=relay, conf=conf)
    alice = t.phones_of(daemon, ["alice"])[0]
    phones = t.phones_of(daemon, ["bob"] * bobs, mode="ring")
    return relay, daemon, alice, phones


def test_cancel_while_it_rings(t):
    relay, _, alice, (bob,) = setup(t)
    call = alice.call("bob")
    leg = bob.wait_call()
    call.txn.wait_status(180)
    check.equal(call.cancel().status, 200, "reply to CANCEL")
    leg.wait_cancelled()
    check.equal(call.txn.wait().status, 487, "final reply to the INVITE")
    check.until(lambda: bob.count("ACK") == 1, 3, "the daemon acknowledges bob's 487")
    check.equal(bob.count("CANCEL"), 1, "CANCELs at bob")
    check.until(lambda: relay.commands("D") >= 1, 3, "the relay was told that the call is over")


def test_cancel_before_the_phone_says_anything(t):
    """RFC 3261 section 9.1: the CANCEL to bob waits for his first provisional reply."""
    _, _, alice, (bob,) = setup(t)
    bob.mode = "manual"
    call = alice.call("bob")
    leg = bob.wait_call()
    check.equal(call.cancel().status, 200, "reply to CANCEL")
    check.equal(bob.count("CANCEL"), 0, "CANCELs at bob before his 180")
    leg.ring()
    leg.wait_cancelled()
    check.equal(call.txn.wait().status, 487, "final reply to the INVITE")


def test_busy(t):
    relay, daemon, alice, (bob,) = setup(t)
    bob.mode = "busy"
    call = alice.call("bob")
    check.equal(call.txn.wait().status, 486, "final reply to the INVITE")
    check.until(lambda: bob.count("ACK") == 1, 3, "the daemon acknowledges bob's 486")
    check.until(lambda: relay.commands("D") >= 1, 3, "the relay was told that the call is over")
    check.equal(len([r for r in call.txn.replies if r.status >= 200]), 1, "final replies at alice")
    check.equal(daemon.stat("parked"), 0, "parked scripts")


def test_busy_with_a_caller_that_repeats_its_ack_late(t):
    """A 486 is repeated until the ACK; the ACK ends at the daemon and is not forwarded."""
    _, _, alice, (bob,) = setup(t)
    bob.mode = "busy"
    call = alice.call("bob")
    call.txn.wait()
    alice.ack_failure(call.txn, call.txn.final())
    check.equal(alice.request("OPTIONS", "sip:bob@example.test").status, 200, "reply behind the second ACK")
    check.equal(bob.count("ACK"), 1, "ACKs at bob")


def test_two_phones_one_answers(t):
    relay, _, alice, (first, second) = setup(t, 2)
    call = alice.call("bob")
    winner, loser = first.wait_call(), second.wait_call()
    winner.answer()
    call.wait_answer()
    winner.wait_acked()
    loser.wait_cancelled()
    check.until(lambda: second.count("ACK") == 1, 3, "the daemon acknowledges the loser's 487")
    t.talk(call, winner, relay)
    check.equal([r.status for r in call.txn.replies if r.status >= 200], [200], "final replies at alice")
    check.equal(first.count("CANCEL"), 0, "CANCELs at the winner")
    call.hangup()
    winner.wait_ended()
    check.equal(second.count("BYE"), 0, "BYEs at the loser")


def test_two_phones_one_busy_other_answers(t):
    relay, _, alice, (first, second) = setup(t, 2)
    first.mode = "busy"
    call = alice.call("bob")
    leg = second.wait_call()
    check.until(lambda: first.count("ACK") >= 1, 3, "the busy phone is acknowledged")      # each time that it repeats its 486
    check.equal(call.txn.final(), None, "final reply at alice while the other phone rings")
    leg.answer()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay)
    call.hangup()
    leg.wait_ended()


def test_two_phones_both_refuse(t):
    """The best reply goes upstream once (RFC 3261 section 16.7): a 6xx wins."""
    _, _, alice, (first, second) = setup(t, 2)
    call = alice.call("bob")
    first.wait_call().reject(486, "Busy Here")
    second.wait_call().reject(603, "Decline")
    check.equal(call.txn.wait().status, 603, "final reply at alice")


def test_two_phones_cancelled(t):
    _, _, alice, (first, second) = setup(t, 2)
    call = alice.call("bob")
    legs = [first.wait_call(), second.wait_call()]
    call.txn.wait_status(180)
    check.equal(call.cancel().status, 200, "reply to CANCEL")
    for leg in legs:
        leg.wait_cancelled()
    check.equal(call.txn.wait().status, 487, "final reply at alice")


def test_nobody_answers(t):
    """fr_inv_timer after the 180: 408 to alice, CANCEL to bob."""
    relay, _, alice, (bob,) = setup(t, tm={"fr_inv_timer": 1000})
    call = alice.call("bob")
    leg = bob.wait_call()
    leg.wait_cancelled(5)
    check.equal(call.txn.wait().status, 408, "final reply at alice")
    check.until(lambda: relay.commands("D") >= 1, 3, "the relay was told that the call is over")


def test_phone_is_gone(t):
    """fr_timer without any reply: 408; the INVITE was repeated meanwhile."""
    _, _, alice, (bob,) = setup(t, tm={"fr_timer": 1800})
    bob.mode = "silent"
    call = alice.call("bob")
    check.equal(call.txn.wait().status, 408, "final reply at alice")
    check.that(bob.count("INVITE") >= 2, f"the INVITE was repeated, bob has {bob.count('INVITE')}")


def test_cancel_that_comes_too_late(t):
    """bob has answered: 200 to the CANCEL, the call lives, media flows."""
    relay, _, alice, (bob,) = setup(t)
    call = alice.call("bob")
    leg = bob.wait_call()
    leg.answer()
    call.wait_answer()
    leg.wait_acked()
    check.that(call.cancel().status in (200, 481), "reply to a late CANCEL")
    check.equal(bob.count("CANCEL"), 0, "CANCELs at bob")
    t.talk(call, leg, relay, packets=10)
    call.hangup()
    leg.wait_ended()
