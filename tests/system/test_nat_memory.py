"""A real phone is called when its router would have forgotten it long ago: only pings keep the way to it open.

    alice (baresip) -- router A \\
                                 >-- pinholed, natping each second or not at all
    bob   (baresip) -- router B /    both routers forget after 3 s of silence

Expected: with pings bob rings after three times the memory, behind both kinds of NAT; without them his router lets nothing in, alice
gets 408, and his next REGISTER mends it. A call that lasts longer than the memory is hung up, held and resumed all the same.
"""

from kit import check
from kit.lab import Lab
from kit.runner import variants

MEMORY = 3                                  # s
OFF = {"natping": {"natping_interval": 0}}


@variants(home=["restricted", "symmetric"])
def test_called_long_after_the_registration(t, home):
    lab = Lab(t, memory=MEMORY)
    bob = lab.phone("bob", getattr(lab, home), expires=3600)
    check.holds(lambda: getattr(lab, home).pinholes() > 0, 3 * MEMORY, "the router remembers bob")
    alice = lab.phone("alice", lab.home("other"))
    lab.call(alice, bob)
    lab.talk(alice, bob)
    alice.hangup()
    lab.over(alice, bob)


@variants(home=["restricted", "symmetric"])
def test_without_pings_nothing_comes_in(t, home):
    lab = Lab(t, memory=MEMORY, conf={**OFF, "tm": {"fr_timer": 2000}})
    nat = getattr(lab, home)
    bob = lab.phone("bob", nat, expires=3600)
    check.until(lambda: nat.pinholes() == 0, 3 * MEMORY, lambda: f"the router forgets bob: {nat.flows()}")
    alice = lab.phone("alice", lab.home("other"))
    alice.dial("bob")
    check.contains(alice.wait("CALL_CLOSED")["param"], "408", "what alice is told")
    check.equal(bob.received("INVITE"), [], "INVITEs at bob")
    lab.forgotten()


@variants(transport=["udp", "tcp", "tls"])
def test_call_outlasts_the_memory(t, transport):
    """While they talk the pinholes for signalling are kept by pings alone, those for media by media."""
    lab = Lab(t, memory=MEMORY, tls=transport == "tls")
    alice = lab.phone("alice", lab.restricted, transport=transport, expires=3600)
    bob = lab.phone("bob", lab.symmetric, transport=transport, expires=3600)
    lab.call(alice, bob)
    lab.talk(alice, bob)
    check.holds(lambda: all(nat.flows("udp" if transport == "udp" else "tcp") for nat in lab.homes.values()), 2 * MEMORY, "both routers remember their phone")
    lab.talk(alice, bob)
    bob.hangup()
    lab.over(alice, bob)
