"""Two nodes, one Redis: a call ends at both phones whichever node lives, and each phone gets one BYE.

    alice ─┐
           A ──────── Redis ──────── B <── a media timeout, from whatever RTP proxy
    bob ───┘

Expected: while A lives its calls end from A's socket, wherever the notification came in. When A was killed or hangs, both phones have their BYE
from B within 5 s. Phones take SIP only from the nodes that are in their `sources`.
"""

import signal
import time

from kit import check, followed, proc
from kit.runner import variants

from test_notify import tell

PROMPT = 5.0    # s from the notification to the BYE, whoever is dead


class Two:
    """A and B; each has a port for notifications. Phones are registered where the test says."""

    def __init__(self, t, timeout=43200, transport="udp", address="127.0.0.1"):
        self.t, self.redis, self.relay = t, t.redis(), t.scripted_relay(address)
        self.at = {}
        self.a, self.b = (self.node(name, timeout, address) for name in ("edge-a", "edge-b"))
        self.transport = transport

    def node(self, name, timeout, address="127.0.0.1", **kwargs):
        port = proc.free_port(udp=False)
        self.at[name] = ("127.0.0.1", port)
        return followed.daemon(self.t, notify=f"tcp:127.0.0.1:{port}", redis=self.redis, relay=self.relay, name=name, address=address,
                               conf={"dialog": {"default_timeout": timeout}}, **kwargs)

    def phone(self, user, node, hears=()):
        phone = self.t.phones_of(node, [user], transport=self.transport)[0]
        phone.sources |= {other.server for other in hears}
        return phone

    def tell(self, node, name):
        tell(self.at[node.name], name + "\n")
        return time.monotonic()

    def settled(self, phones):
        """Nobody hears of it again, and nobody looks after it any more."""
        followed.no_more_byes(phones, 4, [1] * len(phones))
        node = self.b if self.b.process.running() else self.a
        check.equal(followed.listed(node), {}, "dialogs in the store")


def from_node(side, node):
    check.equal(side.bye.source, node.server, f"which node's socket the BYE to {side.phone.user} comes from")


@variants(transport=["udp", "tcp"], address=["127.0.0.1", "::1"])
def test_notification_at_the_other_node(t, transport, address):
    two = Two(t, transport=transport, address=address)
    alice, bob = two.phone("alice", two.a), two.phone("bob", two.a)
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(two.b, call))
    start = two.tell(two.b, name)
    followed.ended_by_us(call, "media timeout", highest=0)
    followed.ended_by_us(leg, "media timeout", highest=1)
    check.that(time.monotonic() - start < 1.9, "the owner does it at once")
    from_node(call, two.a)
    from_node(leg, two.a)
    two.settled([alice, bob])
    check.equal((two.a.stat("dialog_claims_won"), two.b.stat("dialog_claims_won")), (1, 0), "claims")


def test_notification_when_the_owner_was_killed(t):
    """Its heartbeat has not run out when the notification comes."""
    two = Two(t)
    alice, bob = two.phone("alice", two.a, [two.b]), two.phone("bob", two.a, [two.b])
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(two.b, call))
    leg.request("OPTIONS").wait()
    check.until(lambda: followed.listed(two.b)[call.call_id]["Callee"]["CSeq"] == leg.cseq, 3, "the CSeq is stored")
    two.a.kill()
    start = two.tell(two.b, name)
    followed.ended_by_us(call, "media timeout", highest=leg.cseq, seconds=PROMPT)
    followed.ended_by_us(leg, "media timeout", highest=1, seconds=PROMPT)
    check.that(time.monotonic() - start < PROMPT, "both have it in time")
    from_node(call, two.b)
    check.until(lambda: not two.relay.sessions, 3, "B has told the relay, which it knows by the record alone")
    two.settled([alice, bob])


def test_notification_when_the_owner_hangs(t):
    """It goes on after B has ended the call: nobody gets a second BYE."""
    two = Two(t)
    alice, bob = two.phone("alice", two.a, [two.b]), two.phone("bob", two.a, [two.b])
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(two.b, call))
    two.a.process.send_signal(signal.SIGSTOP)
    try:
        two.tell(two.b, name)
        followed.ended_by_us(call, "media timeout", seconds=PROMPT + 1)
        followed.ended_by_us(leg, "media timeout", seconds=PROMPT + 1)
    finally:
        two.a.process.send_signal(signal.SIGCONT)
    two.settled([alice, bob])
    check.until(lambda: two.a.stat("dialog_active") == 1, 3, "the owner has not been told yet")
    leg.request("OPTIONS").wait()                  # the next write tells it
    check.until(lambda: two.a.stat("dialog_active") == 0, 5, "the owner lets go of it")
    check.equal(two.a.stat("dialog_ended_elsewhere"), 1, "ended elsewhere")


@variants(killed=[False, True])
def test_maximum_duration(t, killed):
    two = Two(t, timeout=3)
    hears = [two.b] if killed else []
    alice, bob = two.phone("alice", two.a, hears), two.phone("bob", two.a, hears)
    call, leg = followed.up(alice, bob)
    start = time.monotonic()
    followed.wait_listed(two.b, call)
    if killed:
        two.a.kill()
    followed.ended_by_us(call, "maximum duration", seconds=3 + PROMPT)
    followed.ended_by_us(leg, "maximum duration", seconds=3 + PROMPT)
    check.that(time.monotonic() - start > 2.5, "not before its time")
    for side in (call, leg):
        from_node(side, two.b if killed else two.a)
    two.settled([alice, bob])


def test_phone_of_the_other_node(t):
    """alice's call enters at B, bob is A's: his BYE leaves from A's socket, hers from B's, although A was told."""
    two = Two(t)
    alice, bob = two.phone("alice", two.b), two.phone("bob", two.a)
    call, leg = followed.up(alice, bob)
    one = followed.wait_listed(two.a, call)
    check.equal((one["Node"], one["Callee"]["Socket"]), ("edge-b", f"udp:127.0.0.1:{two.a.port}"), "who looks after it, and bob's socket")
    two.tell(two.a, followed.id_of(one))
    followed.ended_by_us(call, "media timeout", highest=0)
    followed.ended_by_us(leg, "media timeout", highest=1, nodes=2)
    from_node(call, two.b)
    from_node(leg, two.a)
    two.settled([alice, bob])


@variants(dead=["owner", "other"])
def test_phones_of_two_nodes_when_one_is_dead(t, dead):
    """The same, and one of the two was killed: the phone of the dead node's socket is called directly."""
    two = Two(t)
    alice, bob = two.phone("alice", two.b, [two.a]), two.phone("bob", two.a, [two.b])
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(two.a, call))
    victim, lives = (two.b, two.a) if dead == "owner" else (two.a, two.b)
    victim.kill()
    start = two.tell(lives, name)
    followed.ended_by_us(call, "media timeout", seconds=PROMPT)
    followed.ended_by_us(leg, "media timeout", seconds=PROMPT)
    check.that(time.monotonic() - start < PROMPT, "both have it in time")
    from_node(call, lives)
    from_node(leg, lives)
    two.settled([alice, bob])


def test_other_node_takes_the_address_over(t):
    """A is dead and a node of another name has its address: the call goes on there, with its relay, and ends there."""
    two = Two(t)
    alice, bob = two.phone("alice", two.a), two.phone("bob", two.a)
    call, leg = followed.up(alice, bob)
    followed.wait_listed(two.b, call)
    two.a.kill()
    heir = two.node("edge-c", 43200, port=two.a.port)
    check.equal(call.reinvite().status, 200, "re-INVITE")
    leg.wait_acked()
    check.equal(heir.stat("dialog_fetched"), 1, "dialogs that it has read")
    check.equal(len({c.split(" ")[1] for c in two.relay.commands("U")}), 1, "sessions at the relay")
    leg.hangup()
    call.wait_ended()
    check.until(lambda: not followed.listed(heir), 3, "no dialog is left")
    check.until(lambda: not two.relay.sessions, 3, "the relay has forgotten the call")


def test_two_notifications_at_once(t):
    """Each node is told by a relay: the claim goes to one of them."""
    two = Two(t)
    alice, bob = two.phone("alice", two.a), two.phone("bob", two.a)
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(two.b, call))
    two.tell(two.a, name)
    two.tell(two.b, name)
    followed.ended_by_us(call, "media timeout")
    followed.ended_by_us(leg, "media timeout")
    two.settled([alice, bob])


def test_operator_at_the_other_node(t):
    two = Two(t)
    alice, bob = two.phone("alice", two.a), two.phone("bob", two.a)
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(two.b, call))
    check.equal(two.b.ctl("dlg_end_dlg", name).returncode, 0, "status")
    followed.ended_by_us(call, "ended by an operator")
    followed.ended_by_us(leg, "ended by an operator")
    from_node(leg, two.a)
    two.settled([alice, bob])


def test_ringing_call_of_a_killed_node_is_forgotten(t):
    two = Two(t)
    alice, bob = two.phone("alice", two.a), two.phone("bob", two.a)
    bob.mode = "ring"
    call = alice.call("bob")
    bob.wait_call()
    name = followed.id_of(followed.wait_listed(two.b, call, "early"))
    two.a.kill()
    two.tell(two.b, name)
    check.until(lambda: not followed.listed(two.b), 8, "its record is gone once A counts as dead")
    check.equal(alice.count("BYE") + bob.count("BYE"), 0, "BYEs")
