"""Real NATs: two home routers (nftables masquerade with ports of its own choosing), servers on public addresses.

    alice (192.168.1.2) -- router A --\\
                                       >-- pinholed 198.51.100.1, rtpengine 198.51.100.3
    bob   (192.168.1.2) -- router B --/

Expected: both phones have the same private address, and still hear each other.
"""

from kit import check, rtp
from kit.runner import variants


def world(t, udp_timeout=30, **kwargs):
    internet = t.internet()
    with internet:
        relay = t.relay(address="198.51.100.3")
        daemon = t.daemon(relay=relay, address="198.51.100.1", port=5060, **kwargs)
    return internet, relay, daemon, internet.nat(udp_timeout, symmetric=True), internet.nat(udp_timeout, symmetric=True)


def talk(internet, call, leg, relay):
    """Both ways, through the relay alone; the phones' media ports are not what the relay sees."""
    for side in (call, leg):
        for address, port in side.targets():
            check.equal(address, relay.address, "media address in the SDP")
            check.that(relay.uses(port), f"media port {port} is none of the relay's")
    ours, theirs = call.media[0], leg.media[0]
    ends = [(ours, call.targets()[0]), (theirs, leg.targets()[0])]
    rtp.opened(ends)
    rtp.exchange(ends, 50)
    rtp.crossed(ours, theirs, relay.address, 50)


@variants(transport=["udp", "tcp"])
def test_call_between_two_homes(t, transport):
    internet, relay, daemon, home_a, home_b = world(t)
    alice = t.phone("alice", daemon, nat=home_a, transport=transport)
    bob = t.phone("bob", daemon, nat=home_b, transport=transport)
    for phone in (alice, bob):
        phone.register()
    with home_a.lan:
        call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    talk(internet, call, leg, relay)
    leg.hangup()
    call.wait_ended()
