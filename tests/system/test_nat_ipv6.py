"""Phones on IPv6 and phones at home on IPv4 talk to each other: the relay has an interface of each family.

    carol (baresip, 2001:db8:0:1::2, no NAT) ---- [2001:db8::1]:5060 pinholed 198.51.100.1:5060 -- router -- bob (baresip)
                                        \\-- 2001:db8::3 rtpengine 198.51.100.3 --/

Expected: with BOTH_FAMILIES in script_defines the shipped script says to the relay which interface is at which side; each phone is told
of an address of its own family, in `o=` too (baresip looks there); calls, hold and hang-up in both directions.
"""

from kit import check
from kit.lab import RELAY, RELAY6, Lab
from kit.runner import variants


def told(phone, address):
    check.equal(phone.media_addresses(), {address}, f"where {phone.user} was told to send media")
    origins = {line.split()[4:6][0] for m in phone.received("INVITE") for line in m.body.decode().splitlines() if line.startswith("o=")}
    check.equal(origins, {"IP6" if ":" in address else "IP4"}, f"families in o= at {phone.user}")


def test_two_phones_on_ipv6(t):
    lab = Lab(t, ipv6=True)
    alice, bob = lab.phone6("alice"), lab.phone6("bob")
    lab.call(alice, bob)
    lab.talk(alice, bob)
    for phone in (alice, bob):
        told(phone, RELAY6)
    bob.hangup()
    lab.over(alice, bob)


@variants(caller=["ipv4", "ipv6"], bob=["udp", "tcp"])
def test_from_family_to_family(t, caller, bob):
    lab = Lab(t, ipv6=True)
    carol, bob = lab.phone6("carol"), lab.phone("bob", lab.symmetric, transport=bob)
    caller, callee = (bob, carol) if caller == "ipv4" else (carol, bob)
    for ends in (caller, callee):
        lab.call(caller, callee)
        lab.talk(caller, callee)
        told(carol, RELAY6)
        told(bob, RELAY)
        ends.hangup()
        lab.over(caller, callee)


def test_hold_and_resume(t):
    """re-INVITEs say it to the relay again, whichever side they come from."""
    lab = Lab(t, ipv6=True)
    carol, bob = lab.phone6("carol"), lab.phone("bob", lab.symmetric)
    lab.call(carol, bob)
    lab.talk(carol, bob)
    for one, other in ((carol, bob), (bob, carol)):
        one.hold(other)
        other.wait("CALL_REMOTE_SDP", param="offer")
        one.resume()
        other.wait("CALL_REMOTE_SDP", param="offer")
        told(carol, RELAY6)
        told(bob, RELAY)
    bob.hangup()
    lab.over(carol, bob)


def test_two_phones_on_ipv4_beside_them(t):
    lab = Lab(t, ipv6=True)
    alice, bob = lab.phone("alice", lab.restricted), lab.phone("bob", lab.symmetric)
    lab.call(alice, bob)
    lab.talk(alice, bob)
    for phone in (alice, bob):
        told(phone, RELAY)
    bob.hangup()
    lab.over(alice, bob)
