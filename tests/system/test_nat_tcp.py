"""Phones at home over TCP: they are reached over the connection that they have opened, and in no other way.

    alice (baresip) -- router A \\
                                 >-- pinholed
    bob (baresip, TCP) -- router B, which may forget the connection

Expected: when bob's connection is gone the caller is told so at once (430); when it is dead and nobody was told, in the time that a
phone has to answer (408), be the router silent or not. The daemon never opens a connection to him, which his router would refuse. Pings keep the connection alive.
"""

import time

from kit import check
from kit.lab import Lab
from kit.runner import variants

MEMORY = 3                                  # s
QUICK = {"tm": {"fr_timer": 3000}}


def refused(lab, alice, status):
    """alice calls bob and is refused; the seconds that it took."""
    start = time.monotonic()
    alice.dial("bob")
    closed = alice.wait("CALL_CLOSED")
    check.contains(closed["param"], str(status), "what alice is told")
    check.equal(lab.daemon.stat("net_tcp_connected"), 0, "connections that the daemon opened itself")
    lab.forgotten()
    return time.monotonic() - start


def test_phone_that_closed_its_connection(t):
    """Its process dies, the system closes its connection."""
    lab = Lab(t)
    alice = lab.phone("alice", lab.restricted)
    bob = lab.phone("bob", lab.symmetric, transport="tcp")
    bob.kill()
    check.until(lambda: lab.daemon.stat("net_tcp_open") == 0, 5, "bob's connection is closed")
    seconds = refused(lab, alice, 430)
    check.that(seconds < 2, f"she is told at once, not after {seconds:.1f} s")


def test_phone_that_closed_its_connection_during_a_call(t):
    """alice hangs up: nobody tries to connect to bob's router, her BYE is answered at once."""
    lab = Lab(t)
    alice = lab.phone("alice", lab.restricted)
    bob = lab.phone("bob", lab.symmetric, transport="tcp")
    lab.call(alice, bob)
    bob.kill()
    check.until(lambda: lab.daemon.stat("net_tcp_open") == 0, 5, "bob's connection is closed")
    start = time.monotonic()
    alice.hangup()
    answer = check.until(lambda: alice.received("BYE"), 10, "an answer to alice's BYE")[0]
    check.that(answer.status in (477, 500), f"it says that it could not be sent: {answer.start}")
    check.that(time.monotonic() - start < 2, f"at once, not after {time.monotonic() - start:.1f} s")
    lab.forgotten()


@variants(resets=[False, True])
def test_router_that_forgets_the_connection(t, resets):
    lab = Lab(t, conf=QUICK)
    home = lab.home("bob", symmetric=True, resets=resets)
    alice = lab.phone("alice", lab.restricted)
    bob = lab.phone("bob", home, transport="tcp")
    home.forget()
    refused(lab, alice, 408)
    check.equal(bob.received("INVITE"), [], "INVITEs at bob")


@variants(ping=[1, 0])
def test_router_that_forgets_silent_connections(t, ping):
    """With natping_tcp the connection lives for longer than the router remembers a silent one, without it does not."""
    lab = Lab(t, conf={**QUICK, "natping": {"natping_interval": 1, "natping_tcp": ping}})
    home = lab.home("bob", symmetric=True, tcp_timeout=MEMORY)
    alice = lab.phone("alice", lab.restricted)
    bob = lab.phone("bob", home, transport="tcp", expires=3600)
    if not ping:
        check.until(lambda: not home.flows("tcp"), 3 * MEMORY, lambda: f"the router forgets the connection: {home.flows()}")
        refused(lab, alice, 408)
        return
    check.holds(lambda: home.flows("tcp"), 3 * MEMORY, "the router remembers the connection")
    lab.call(alice, bob)
    lab.talk(alice, bob)
    bob.hangup()
    lab.over(alice, bob)
