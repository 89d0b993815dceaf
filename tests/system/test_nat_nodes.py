"""Two nodes, a real phone at home at each: a call enters at a node that the other phone's router does not know.

    alice (baresip) -- router A -- edge1 198.51.100.1 \\
                                                        Redis, rtpengine 198.51.100.3
    bob   (baresip) -- router B -- edge2 198.51.100.2 /

Expected: calls in both directions, long after the routers would have forgotten; each phone hears of its own node alone. A node that dies
during a call takes nothing with it but the signalling of its own phones.
"""

from kit import check
from kit.lab import Lab
from kit.runner import limit, variants

MEMORY = 3                                  # s


def world(t, alice="udp", bob="udp", **kwargs):
    lab = Lab(t, nodes=2, memory=MEMORY, **kwargs)
    return (lab, lab.phone("alice", lab.restricted, lab.nodes[0], transport=alice, expires=3600),
            lab.phone("bob", lab.symmetric, lab.nodes[1], transport=bob, expires=3600))


@variants(alice=["udp", "tcp"], bob=["udp", "tcp"])
def test_calls_between_nodes(t, alice, bob):
    lab, alice, bob = world(t, alice, bob)
    check.holds(lambda: all(nat.pinholes() for nat in lab.homes.values()), 2 * MEMORY, "both routers remember their phone")
    for caller, callee in ((alice, bob), (bob, alice)):
        lab.call(caller, callee)
        lab.talk(caller, callee)
        callee.hangup()
        lab.over(caller, callee)
    for phone, node in ((alice, "198.51.100.1"), (bob, "198.51.100.2")):
        nat = lab.restricted if phone is alice else lab.symmetric
        check.equal({f.peer for f in nat.flows() if f.peer_port == 5060}, {node}, f"servers that {phone.user} has talked to")


@limit(90)
def test_node_that_dies_during_a_call(t):
    """alice's node dies: they go on talking, and bob's node ends the call when its time is over."""
    lab, alice, bob = world(t, conf={"dialog": {"default_timeout": 8}, "tm": {"fr_timer": 2000}})
    lab.call(alice, bob)
    lab.nodes[0].kill()
    lab.talk(alice, bob)
    bob.wait("CALL_CLOSED")
    check.contains(bob.received("BYE")[0].get("reason") or "", "maximum duration", "Reason")
    lab.forgotten()
