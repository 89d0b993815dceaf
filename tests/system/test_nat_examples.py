"""The shipped examples as they are, started by their own commands on a public address, with real phones at home.

    alice (baresip) -- router A --\\      ./quickstart:          one node, contacts in memory
                                   >--
    bob   (baresip) -- router B --/      examples/cluster/run:  alice registers at edge1, bob at edge2

Expected: both register and hear each other, over UDP and TCP, whoever calls and hangs up.
"""

import os

from kit import baresip, build, check
from kit.runner import limit, variants

ADDRESS = "198.51.100.1"


class Example:
    """Looks like a daemon to a phone: where it is, and its domain."""

    domain = "localhost"

    def __init__(self, t, command, ready, ports):
        baresip.needed()
        self.t, self.ports, self.server = t, ports, (ADDRESS, ports[0])
        self.internet = t.internet(addresses=[ADDRESS])
        env = {**build.environment(), "PINHOLE_BUILD": build.folder(), "TMPDIR": t.dir}
        with self.internet:
            self.process = t.spawn("example", [os.path.join(build.TOP, command[0]), *command[1:]], env=env)
        self.process.ready(lambda: ready in self.process.log(), 240)
        self.homes = [self.internet.nat(), self.internet.nat(symmetric=True)]

    def phone(self, user, number, transport):
        server = (ADDRESS, self.ports[number % len(self.ports)])
        return self.t.baresip(user, self, self.homes[number].lan, server=server, transport=transport)

    def calls(self, transport):
        alice, bob = self.phone("alice", 0, transport), self.phone("bob", 1, transport)
        for caller, callee in ((alice, bob), (bob, alice)):
            caller.dial(callee.user)
            callee.wait("CALL_INCOMING")
            callee.accept()
            for phone in (caller, callee):
                phone.wait("CALL_ESTABLISHED", fail=("CALL_CLOSED",))
            alice.hears(bob)
            bob.hears(alice)
            for phone in (alice, bob):
                check.equal(phone.media_addresses(), {ADDRESS}, f"where {phone.user} was told to send media")
            callee.hangup()
            for phone in (caller, callee):
                phone.wait("CALL_CLOSED")


@limit(300)
@variants(transport=["udp", "tcp"])
def test_quickstart(t, transport):
    Example(t, ["quickstart", "--no-demo", "--media", ADDRESS], "Then register", [5060]).calls(transport)


@limit(300)
@variants(transport=["udp", "tcp"])
def test_cluster(t, transport):
    Example(t, ["examples/cluster/run", "--address", ADDRESS], "kill a node", [5060, 5062]).calls(transport)
