"""Two nodes behind which phones sit at home: real NATs that let in only what was asked for, with short memories.

    alice -- router A --\\                             Redis (UNIX socket)
                         >-- edge1 198.51.100.1  edge2 198.51.100.2
    bob   -- router B --/    rtpengine 198.51.100.3

Expected: a phone of edge1 is reached by a call that enters at edge2, which only edge1's address can do; pings keep its pinhole open for
longer than the router remembers, without them it closes; a node that dies leaves no call behind.
"""

import os
import socket
import time

from kit import build, check, rtp
from kit.runner import limit

SCRIPT = os.path.join(build.TOP, "examples", "cluster", "cluster.route")
PLUGINS = ["nat", "sdp", "registrar", "rtpp", "natping", "dialog", "notify", "mi"]
MEMORY = 4                                  # s that the routers remember a silent pinhole


class Homes:
    """Both nodes, the relay, and a router for each phone."""

    def __init__(self, t, **conf):
        self.t, self.internet = t, t.internet()
        self.redis = t.redis()
        with self.internet:
            self.relay = t.relay(address="198.51.100.3")
            self.one, self.two = (self.node(number, conf) for number in (1, 2))
        self.nats = []

    def node(self, number, conf):
        return self.t.daemon(
            name=f"edge{number}", address=f"198.51.100.{number}", port=5060, relay=self.relay, script=SCRIPT, conf={
                "plugins": PLUGINS, "storage": {"backend": "redis", "url": f"unix://{self.redis.socket}"},
                "natping": {"natping_interval": 1, "ping_nated_only": 1},
                "notify": {"rtpp_notify_socket": f"tcp:198.51.100.{number}:9990"}, **conf})

    def phone(self, user, node):
        nat = self.internet.nat(MEMORY, symmetric=True)
        self.nats.append(nat)
        phone = self.t.phone(user, node, nat=nat)
        phone.register(600)
        return phone

    def call(self, phone, user, **kwargs):
        with self.nats[self.t.phones.index(phone)].lan:
            return phone.call(user, **kwargs)


def talk(homes, call, leg):
    ends = [(call.media[0], call.targets()[0]), (leg.media[0], leg.targets()[0])]
    rtp.opened(ends)
    rtp.exchange(ends, 30)
    rtp.crossed(call.media[0], leg.media[0], homes.relay.address, 30)


@limit(90)
def test_call_from_node_to_node_long_after_the_registration(t):
    homes = Homes(t)
    alice, bob = homes.phone("alice", homes.one), homes.phone("bob", homes.two)
    # Nothing but pings keeps the pinholes open.
    check.holds(lambda: all(nat.pinholes() > 0 for nat in homes.nats), 2 * MEMORY, "both routers remember their phone")
    call = homes.call(alice, "bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    talk(homes, call, leg)
    check.equal({m.source[0] for m in bob.received}, {"198.51.100.2"}, "addresses that bob heard from")
    check.equal({m.source[0] for m in alice.received}, {"198.51.100.1"}, "addresses that alice heard from")
    leg.hangup()
    call.wait_ended()


@limit(90)
def test_without_pings_the_pinhole_closes(t):
    """The NAT is one: else the test above would prove nothing."""
    homes = Homes(t, natping={"natping_interval": 0}, tm={"fr_timer": 2000})
    alice, bob = homes.phone("alice", homes.one), homes.phone("bob", homes.two)
    check.until(lambda: homes.nats[1].pinholes() == 0, 3 * MEMORY, lambda: f"bob's router forgets him: {homes.nats[1].flows()}")
    call = homes.call(alice, "bob")
    check.equal(call.txn.wait(15).status, 408, "reply to the INVITE")
    check.equal(bob.count("INVITE"), 0, "INVITEs at bob")


@limit(90)
def test_maximum_duration_when_its_node_is_killed(t):
    """alice's node sets up the call and dies; bob's node ends it when its time is over: BYE to both, once."""
    homes = Homes(t, dialog={"default_timeout": 5})
    alice, bob = homes.phone("alice", homes.one), homes.phone("bob", homes.two)
    call = homes.call(alice, "bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    check.until(lambda: homes.redis.keys("pinhole:dialog:{*"), 3, "the dialog in Redis")
    homes.one.kill()
    leg.wait_ended(12)
    check.equal(bob.count("BYE"), 1, "BYEs at bob")
    # alice's router lets in nobody but the dead node: her BYE goes to her address all the same, and is lost there.
    check.until(lambda: homes.two.stat("dialog_byes_sent") == 2, 5, "BYEs sent")


@limit(90)
def test_media_timeout_told_to_the_other_node(t):
    """alice's node set up the call; the relay tells edge2. While edge1 lives it ends its call; killed, edge2 does, within 5 s."""
    homes = Homes(t)
    alice, bob = homes.phone("alice", homes.one), homes.phone("bob", homes.two)
    for kill in (False, True):
        call = homes.call(alice, "bob")
        leg = bob.wait_call()
        call.wait_answer()
        leg.wait_acked()
        check.until(lambda: homes.redis.keys("pinhole:dialog:id:*"), 3, "the dialog in Redis")
        name = [k.rpartition(":")[2] for k in homes.redis.keys("pinhole:dialog:id:*")
                if homes.redis.cli("GET", k) == call.call_id]
        check.equal(len(name), 1, f"ids of the call in {homes.redis.keys('pinhole:dialog*')}")
        before = bob.count("BYE")
        if kill:
            homes.one.kill()
        with homes.internet, socket.create_connection(("198.51.100.2", 9990), 5) as relay:
            relay.sendall(name[0].encode() + b"\n" + name[0].encode() + b"\n")
            start = time.monotonic()
            leg.wait_ended(5)
            print(f"BYE at bob after {time.monotonic() - start:.1f} s")
            if not kill:
                call.wait_ended(5)
        check.equal(bob.count("BYE") - before, 1, "BYEs at bob")
