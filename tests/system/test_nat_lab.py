"""The NAT laboratory: real phones at home, behind a port-restricted and a symmetric NAT, call each other.

    alice (baresip) -- router A, keeps ports ------\\                            Redis
                                                     >-- pinholed 198.51.100.1
    bob   (baresip) -- router B, a port per peer --/    rtpengine 198.51.100.3

Expected: both register, each calls the other, each hears the other's tone and nothing else, whoever hangs up; afterwards neither the
store nor the relay knows the call. The same over TCP and TLS, and between the transports.
"""

import re

from kit import check
from kit.lab import Lab
from kit.runner import variants


def stored(lab, user):
    keys = lab.redis.keys(f"pinhole:contact:{{{user}}}:*")
    check.equal(len(keys), 1, f"contacts of {user}")
    return lab.redis.hash(keys[0])


@variants(alice=["udp", "tcp", "tls"], bob=["udp", "tcp", "tls"])
def test_calls_in_both_directions(t, alice, bob):
    lab = Lab(t, tls=True)
    alice = lab.phone("alice", lab.restricted, transport=alice)
    bob = lab.phone("bob", lab.symmetric, transport=bob)
    for caller, callee in ((alice, bob), (bob, alice)):
        for ends in (caller, callee):
            lab.call(caller, callee)
            lab.talk(caller, callee)
            ends.hangup()
            lab.over(caller, callee)
    stats = lab.daemon.stats()
    check.equal((stats["net_tcp_connected"], stats["net_tls_connected"]), (0, 0), "connections that the daemon opened itself")


@variants(transport=["udp", "tcp", "tls"])
def test_what_is_stored_of_a_phone_at_home(t, transport):
    """The contact as the phone wrote it, the router's address, and the port that the router has chosen for it."""
    lab = Lab(t, tls=True)
    port = 5061 if transport == "tls" else 5060
    for user, nat in (("alice", lab.restricted), ("bob", lab.symmetric)):
        lab.phone(user, nat, transport=transport)
        flow = [f for f in nat.flows("udp" if transport == "udp" else "tcp") if f.peer_port == port]
        check.equal(len(flow), 1, f"ways to the server: {flow}")
        contact = stored(lab, user)
        suffix = "" if transport == "udp" else f";transport={transport}"
        check.equal(contact["received"], f"sip:{nat.public}:{flow[0].mapped}{suffix}", "received")
        check.that(re.match(r"sip:[^@]+@192\.168\.1\.2:\d+", contact["uri"]), f"uri: {contact['uri']}")
        check.equal(contact["nated"], "1", "nated")
        check.equal(contact["socket"], f"{transport}:198.51.100.1:{port}", "socket")


def test_two_phones_in_one_home(t):
    """Neighbours hear each other through the relay as well: only their router knows that they are neighbours."""
    lab = Lab(t)
    alice = lab.phone("alice", lab.symmetric)
    bob = lab.phone("bob", lab.symmetric, host=lab.symmetric.host(), address="192.168.1.3")
    lab.call(alice, bob)
    lab.talk(alice, bob)
    bob.hangup()
    lab.over(alice, bob)
