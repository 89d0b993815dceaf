"""The NAT laboratory: servers on public addresses, homes behind real NATs, real phones in them. Needs root and baresip.

    lab = Lab(t)                                   # edge1 198.51.100.1, relay 198.51.100.3, Redis
    alice = lab.phone("alice", lab.restricted)     # registered from behind a NAT that keeps ports
    bob = lab.phone("bob", lab.symmetric, transport="tcp")        # "tls": Lab(t, tls=True)
    lab.call(alice, bob)                           # rings, is accepted, is established at both
    lab.talk(alice, bob)                           # each hears the other, through the relay alone
    alice.hangup()
    lab.over(alice, bob)                           # closed at both; no dialog and no relay session is left
"""

import os

from . import baresip, build, check, daemon, followed

EDGE, RELAY = "198.51.100.{}", "198.51.100.3"
EDGE6, RELAY6 = "2001:db8::{}", "2001:db8::3"
SCRIPT = os.path.join(build.TOP, "examples", "cluster", "cluster.route")
PLUGINS = ["nat", "sdp", "registrar", "rtpp", "natping", "dialog", "notify", "mi"]


class Lab:
    """`memory`: seconds that routers remember a silent pinhole. `conf` is merged over that of each of the `nodes`. With
    `tls` they listen at 5061 as well, with certificates of self.certs, with `ipv6` at both families; so does the relay then."""

    def __init__(self, t, memory=30, nodes=1, script=SCRIPT, conf=None, tls=False, ipv6=False):
        baresip.needed()
        self.t, self.memory, self.script, self.conf = t, memory, script, conf or {}
        self.certs, self.ipv6 = t.certs() if tls else None, ipv6
        kinds = (EDGE, EDGE6) if ipv6 else (EDGE,)
        relays = {"external": RELAY, "internal": RELAY6} if ipv6 else {"external": RELAY}
        self.internet = t.internet(addresses=[*(kind.format(n + 1) for n in range(nodes) for kind in kinds), *relays.values()])
        self.redis = t.redis()
        with self.internet:
            self.relay = t.relay(interfaces=relays, delete_delay=0)
            self.nodes = [self.node(n + 1) for n in range(nodes)]
        self.daemon = self.nodes[0]
        self.homes = {}

    def node(self, number):
        address, name = EDGE.format(number), f"edge{number}"
        conf = {"plugins": PLUGINS, "storage": {"backend": "redis", "url": f"unix://{self.redis.socket}"},
                "listen": [f"udp:{address}:5060", f"tcp:{address}:5060"],
                "natping": {"natping_interval": 1, "ping_nated_only": 1},
                "notify": {"rtpp_notify_socket": f"tcp:{address}:9990"}}
        if self.ipv6:
            conf["script_defines"] = ["BOTH_FAMILIES"]
            conf["listen"] += [f"{tr}:[{EDGE6.format(number)}]:5060" for tr in ("udp", "tcp")]
        if self.certs:
            conf["listen"].append(f"tls:{address}:5061")
            conf["tls"] = self.certs.make(name, "DNS:example.test", f"IP:{address}").conf(ca=self.certs.ca)
        return self.t.daemon(name=name, address=address, port=5060, relay=self.relay, script=self.script, conf=daemon.merge(conf, self.conf))

    def home(self, name, **kwargs):
        if name not in self.homes:
            self.homes[name] = self.internet.nat(self.memory, **kwargs)
        return self.homes[name]

    @property
    def restricted(self):
        return self.home("restricted")

    @property
    def symmetric(self):
        return self.home("symmetric", symmetric=True)

    # Phones

    def phone(self, user, nat, node=None, **kwargs):
        """The first phone of a home; further ones: host=nat.host(), address="192.168.1.3"."""
        node = node or self.daemon
        if kwargs.get("transport") == "tls":
            kwargs["server"] = (node.address, 5061)
            kwargs["config"] = f"sip_cafile {self.certs.ca}\n" + kwargs.get("config", "")
        return self.t.baresip(user, node, kwargs.pop("host", nat.lan), **kwargs)

    def phone6(self, user, node=None, **kwargs):
        """A phone with an IPv6 address, which needs no NAT."""
        number = self.nodes.index(node or self.daemon) + 1
        host = self.internet.host()
        return self.t.baresip(user, node or self.daemon, host, address=host.address6, server=(EDGE6.format(number), 5060), args=["-6"], **kwargs)

    def call(self, caller, callee):
        caller.dial(callee.user)
        callee.wait("CALL_INCOMING")
        callee.accept()
        self.established(caller, callee)

    def established(self, *phones):
        for phone in phones:
            phone.wait("CALL_ESTABLISHED", fail=("CALL_CLOSED",))

    def talk(self, one, other):
        """Each hears the other's tone and nothing else, was told of no other address than the relay's, and has sent to no other."""
        one.hears(other)
        other.hears(one)
        for phone in (one, other):
            where = phone.media_addresses()
            check.that(where and where <= set(self.relay.addresses), f"{phone.user} was told to send media to {where}")
        known = {RELAY, *(node.address for node in self.nodes)}
        for name, nat in self.homes.items():
            check.that({f.peer for f in nat.flows()} <= known, f"home {name!r} talks to {nat.flows()}")

    def over(self, *phones):
        for phone in phones:
            phone.wait("CALL_CLOSED")
        self.forgotten()

    def forgotten(self):
        """No call is left, in the store and at the relay."""
        node = next(n for n in self.nodes if n.process.running())
        check.until(lambda: not followed.listed(node), 10, lambda: f"dialogs are gone: {followed.listed(node)}")
        with self.internet:
            check.until(lambda: not self.relay.open_ports(), 10, lambda: f"the relay's ports are closed: {self.relay.open_ports()}")
