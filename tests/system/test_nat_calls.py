"""What happens to calls of real phones at home beside talking: cancelled, refused, held, refreshed, gone.

    alice (baresip) -- router A, keeps ports ------\\
                                                     >-- pinholed, rtpengine, Redis
    bob   (baresip) -- router B, a port per peer --/

Expected: each phone is told what the other did, with the right status; no dialog and no relay session stays behind.
"""

from kit import check
from kit.lab import Lab
from kit.runner import variants


def pair(t, transport="udp", **kwargs):
    lab = Lab(t, tls=transport == "tls", **kwargs)
    return (lab, lab.phone("alice", lab.restricted, transport=transport),
            lab.phone("bob", lab.symmetric, transport=transport))


@variants(transport=["udp", "tcp", "tls"])
def test_caller_cancels_while_it_rings(t, transport):
    lab, alice, bob = pair(t, transport)
    alice.dial("bob")
    bob.wait("CALL_INCOMING")
    alice.wait("CALL_RINGING")
    alice.hangup()
    lab.over(alice, bob)
    check.equal(len(bob.received("CANCEL")), 1, "CANCELs at bob")
    check.that(any(m.status == 487 for m in alice.received("INVITE") if m.reply), "alice has got 487")


@variants(transport=["udp", "tcp", "tls"])
def test_callee_is_busy(t, transport):
    lab, alice, bob = pair(t, transport)
    alice.dial("bob")
    bob.wait("CALL_INCOMING")
    bob.hangup()
    check.contains(alice.wait("CALL_CLOSED")["param"], "486", "what alice is told")
    lab.over(bob)
    lab.call(alice, bob)                        # the next time he has time
    lab.talk(alice, bob)
    bob.hangup()
    lab.over(alice, bob)


def held(phone):
    """The direction that the phone was last asked for."""
    offers = [m for m in phone.received("INVITE") if m.body]
    return next(line for line in offers[-1].body.decode().splitlines() if line in ("a=sendrecv", "a=sendonly", "a=inactive", "a=recvonly"))


@variants(transport=["udp", "tcp", "tls"])
def test_hold_and_resume_later_than_the_routers_memory(t, transport):
    """re-INVITEs from either side: hold goes through when nothing but pings has kept the signalling's pinholes for long."""
    lab, alice, bob = pair(t, transport, memory=3)
    lab.call(alice, bob)
    lab.talk(alice, bob)
    check.holds(lambda: all(nat.pinholes() for nat in lab.homes.values()), 6, "both routers remember their phone")
    for one, other in ((alice, bob), (bob, alice)):
        one.hold(other)
        other.wait("CALL_REMOTE_SDP", param="offer")
        check.equal(held(other), "a=sendonly", f"what {other.user} was asked for")
        one.resume()
        other.wait("CALL_REMOTE_SDP", param="offer")
        check.equal(held(other), "a=sendrecv", f"what {other.user} was asked for")
        lab.talk(alice, bob)
    alice.hangup()
    lab.over(alice, bob)


@variants(transport=["udp", "tcp", "tls"])
def test_registrations_are_refreshed_during_a_call(t, transport):
    lab = Lab(t, tls=transport == "tls", conf={"registrar": {"nat_bflag": 6, "min_expires": 1}})
    alice = lab.phone("alice", lab.restricted, transport=transport, expires=4)
    bob = lab.phone("bob", lab.symmetric, transport=transport, expires=4)
    lab.call(alice, bob)
    lab.talk(alice, bob)
    for _ in range(2):
        for phone in (alice, bob):
            phone.wait("REGISTER_OK", fail=("REGISTER_FAIL", "CALL_CLOSED"))
    lab.talk(alice, bob)
    bob.hangup()
    lab.over(alice, bob)
    check.equal(len(lab.redis.keys("pinhole:contact:*")), 2, "contacts, one a phone")
    lab.call(bob, alice)
    alice.hangup()
    lab.over(alice, bob)


def test_plug_is_pulled_during_a_call(t):
    """bob says nothing any more. alice hangs up: her BYE finds nobody, the call is over all the same."""
    lab, alice, bob = pair(t, conf={"tm": {"fr_timer": 2000}})
    lab.call(alice, bob)
    lab.talk(alice, bob)
    bob.kill()
    alice.hangup()
    alice.wait("CALL_CLOSED")
    lab.forgotten()


def test_plug_is_pulled_and_nobody_hangs_up(t):
    """The longest duration ends it at alice, who sits there and hears nothing (rtpengine tells of no dead media on this port)."""
    lab, alice, bob = pair(t, conf={"dialog": {"default_timeout": 5}, "tm": {"fr_timer": 2000}})
    lab.call(alice, bob)
    lab.talk(alice, bob)
    bob.kill()
    alice.wait("CALL_CLOSED")
    byes = alice.received("BYE")
    check.equal([m.reply for m in byes], [False], "BYEs at alice")
    check.contains(byes[0].get("reason") or "", "maximum duration", "Reason")
    lab.forgotten()


def test_plug_is_pulled_while_it_rings(t):
    """alice is told after fr_inv_timer, and the next call after fr_timer."""
    lab, alice, bob = pair(t, conf={"tm": {"fr_inv_timer": 3000, "fr_timer": 2000}})
    alice.dial("bob")
    bob.wait("CALL_INCOMING")
    alice.wait("CALL_RINGING")
    bob.kill()
    check.contains(alice.wait("CALL_CLOSED")["param"], "408", "what alice is told")
    lab.forgotten()
    alice.dial("bob")
    check.contains(alice.wait("CALL_CLOSED")["param"], "408", "what alice is told")
    lab.forgotten()


def test_no_such_user(t):
    lab = Lab(t)
    alice = lab.phone("alice", lab.symmetric)
    alice.dial("nobody")
    check.contains(alice.wait("CALL_CLOSED")["param"], "404", "what alice is told")
    lab.forgotten()
