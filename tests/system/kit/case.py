"""One run of one test: it owns the processes and phones, and ends them in reverse order."""

import os
import shutil

from . import check, proc, rtp
from .baresip import Baresip
from .certs import Certs
from .daemon import Daemon
from .dns import Dns, ScriptedDns
from .netns import Internet
from .phone import Phone
from .redis import Redis
from .relay import Relay
from .scripted import ScriptedRelay
from .target import Target


class Case:
    def __init__(self, folder):
        self.dir = folder
        self.processes = []
        self.phones = []
        self.real_phones = []
        self.daemons = []
        self.helpers = []                   # threads of the kit that need a close()
        self.names = {}
        self.hosts = []                     # network namespaces
        self.tolerate_complaints = False    # for tests whose phones break the rules themselves

    # Parties

    def spawn(self, name, argv, env=None, user=None):
        if not shutil.which(argv[0]):
            raise check.Failed(f"{argv[0]} is not installed: see apt-packages")
        self.names[name] = self.names.get(name, 0) + 1
        suffix = "" if self.names[name] == 1 else f"-{self.names[name]}"
        process = proc.Process(name, argv, os.path.join(self.dir, f"{name}{suffix}.log"), env=env, cwd=self.dir, user=user)
        self.processes.append(process)
        return process

    def daemon(self, **kwargs):
        daemon = Daemon(self, start=False, **{k: v for k, v in kwargs.items() if k != "start"})
        self.daemons.append(daemon)
        if kwargs.get("start", True):
            daemon.start()
        return daemon

    def relay(self, address="127.0.0.1", ports=200, **kwargs):
        """A call takes four ports, and rtpengine keeps them for 30 s after its end."""
        return Relay(self, address, ports, **kwargs)

    def scripted_relay(self, address="127.0.0.1", **kwargs):
        return ScriptedRelay(self, address, **kwargs)

    def certs(self, name="certs"):
        """A CA of the test's own, and what it signs."""
        return Certs(os.path.join(self.dir, name))

    def internet(self, **kwargs):
        """Servers' host in a network namespace; its nat() makes routers with phones behind them. Needs root."""
        internet = Internet(**kwargs)
        self.hosts.append(internet)
        return internet

    def redis(self, **kwargs):
        return Redis(self, **kwargs)

    def dns(self, records, **kwargs):
        """dnsmasq with these records: kit/dns.py."""
        return Dns(self, records, **kwargs)

    def scripted_dns(self, script, **kwargs):
        return ScriptedDns(self, script, **kwargs)

    def target(self, **kwargs):
        """A SIP server that a name leads to: kit/target.py."""
        return Target(self, **kwargs)

    def phone(self, user, daemon, **kwargs):
        """A phone of the daemon's domain. IPv4 phones have addresses of their own, 127.0.0.2 and up."""
        if "nat" in kwargs:                  # a real one: the phone has the LAN's address and writes it
            nat = kwargs.pop("nat")
            with nat.lan:
                return self.phone(user, daemon, source="192.168.1.2", private="192.168.1.2", public=nat.public, **kwargs)
        number = len(self.phones) + 2
        if ":" in daemon.address:
            kwargs.setdefault("source", daemon.address)
            kwargs.setdefault("private", f"fd00::{number:x}")
        else:
            kwargs.setdefault("source", f"127.0.0.{number}")
            kwargs.setdefault("private", f"192.168.1.{number}")
        server = daemon.tls_server if kwargs.get("transport") == "tls" else daemon.server
        phone = Phone(user, server, kwargs.pop("domain", daemon.domain), **kwargs)
        self.phones.append(phone)
        return phone

    def baresip(self, user, daemon, host, address="192.168.1.2", **kwargs):
        """A real phone on this host (a LAN's, or internet.host()), registered; start=False: not yet."""
        start = kwargs.pop("start", True)
        phone = Baresip(self, user, daemon.domain, kwargs.pop("server", daemon.server), host, address, **kwargs)
        self.real_phones.append(phone)
        if start:
            phone.start()
            phone.register()
        return phone

    def phones_of(self, daemon, users, **kwargs):
        """Phones that have registered."""
        out = []
        for user in users:
            phone = self.phone(user, daemon, **kwargs)
            phone.register()
            out.append(phone)
        return out

    # What tests do again and again

    def talk(self, caller, callee_call, relay, packets=50):
        """Media both ways between the two sides of an answered call, through the relay alone."""
        for call in (caller, callee_call):
            for address, port in call.targets():
                check.equal(address, relay.address, "media address in the SDP")
                check.that(relay.uses(port), f"media port {port} is none of the relay's")
        for ours, theirs, a, b in zip(caller.media, callee_call.media, caller.targets(), callee_call.targets()):
            rtp.exchange([(ours, a), (theirs, b)], packets)
            rtp.crossed(ours, theirs, relay.address, packets)

    # The end

    def close(self):
        """What went wrong outside of the test function, as a list of texts."""
        wrong = []
        for phone in self.phones:
            phone.close()
            if not self.tolerate_complaints:
                wrong += phone.complaints[:5]
        for phone in self.real_phones:
            phone.close()
        for daemon in self.daemons:
            text = daemon.verdict()
            if text:
                wrong.append(text)
        for helper in self.helpers:
            helper.close()
        for process in reversed(self.processes):
            process.kill()
        for host in self.hosts:
            host.close()
        return wrong
