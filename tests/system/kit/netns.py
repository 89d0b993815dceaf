"""Hosts on one machine: network namespaces of the test's own, and real NAT routers between them (nftables masquerade).

    internet (servers' addresses on its loopback) ------ host (a phone on a public address)
       | 203.0.113.x/30, 2001:db8:0:n::/64               one veth pair a router or host
    router (masquerade, short conntrack times)
       | 192.168.1.0/24                                  a bridge
    lan (a phone), further ones with nat.host()

Two kinds of routers (RFC 4787): the usual one keeps a phone's port whoever it talks to, the symmetric one takes another port for
each peer. Both let in only what was asked for: answers from the very address and port that the phone has sent to.

A namespace has no name: it lives as long as this process has it open, so a test that is killed leaves none behind. `with ns:`
makes sockets, threads and processes of the block belong to it. Needs root.
"""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess

from . import check

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
LIBC = ctypes.CDLL(None, use_errno=True)


def call(function, *args):
    if function(*args) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def here():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def own_network():
    """This process leaves the machine's network for one of its own: a loopback of which all ports are free. OSError: not allowed."""
    call(LIBC.unshare, CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        flags = struct.unpack_from("16xh", fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16s24x", b"lo")))[0]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def allowed():
    """May own_network() be called? Tried in a process that ends at once."""
    pid = os.fork()
    if pid == 0:
        try:
            own_network()
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


class Namespace:
    """A host. Entered by the calling thread alone."""

    def __init__(self):
        if os.geteuid() != 0:
            raise check.Skipped("network namespaces need root")
        outside = here()
        try:
            call(LIBC.unshare, CLONE_NEWNET)
        except OSError as err:
            os.close(outside)
            raise check.Skipped(f"no network namespaces here: {err}") from None
        self.fd = here()
        call(LIBC.setns, outside, CLONE_NEWNET)
        os.close(outside)
        self.stack = []
        self.run("ip", "link", "set", "lo", "up")

    def __enter__(self):
        self.stack.append(here())
        call(LIBC.setns, self.fd, CLONE_NEWNET)
        return self

    def __exit__(self, *_):
        outside = self.stack.pop()
        call(LIBC.setns, outside, CLONE_NEWNET)
        os.close(outside)

    def run(self, *argv):
        with self:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
        check.equal(done.returncode, 0, f"status of {' '.join(argv)} ({done.stderr.strip()})")
        return done.stdout

    def address(self, text, device="lo", nodad=False):
        self.run("ip", "addr", "add", text, "dev", device, *(["nodad"] if nodad else []))

    def write(self, path, text):
        with self, open(path, "w", encoding="ascii") as out:
            out.write(text)

    def close(self):
        os.close(self.fd)


def pair(one, one_name, other, other_name):
    """A cable between two hosts: made in the one namespace, its other end moved into the other."""
    one.run("ip", "link", "add", one_name, "type", "veth", "peer", "name", other_name, "netns",
            f"/proc/{os.getpid()}/fd/{other.fd}")
    one.run("ip", "link", "set", one_name, "up")
    other.run("ip", "link", "set", other_name, "up")


class Flow:
    """A line of the router's memory: who inside talks to whom outside, and the port that the outside sees."""

    def __init__(self, line):
        words = line.split()
        self.protocol = words[2]
        values = [word.partition("=")[2] for word in words if word.partition("=")[0] in ("src", "dst", "sport", "dport")]
        self.inside, self.peer, answer = values[0], values[1], values[-1]
        self.port, self.peer_port, self.mapped = (int(v) if v.isdigit() else 0 for v in (values[2], values[3], answer))

    def __repr__(self):
        return f"{self.protocol} {self.inside}:{self.port}->{self.mapped}->{self.peer}:{self.peer_port}"


class Nat:
    """A router and the LAN behind it. `public` is the address that servers see."""

    def __init__(self, internet, number, udp_timeout, symmetric, tcp_timeout, resets):
        self.router, self.lan = Namespace(), Namespace()
        self.hosts = []                     # of the LAN
        self.public = f"203.0.113.{4 * number + 2}"
        self.outer = outer = f"wan{number}"
        pair(internet, f"net{number}", self.router, outer)
        internet.address(f"203.0.113.{4 * number + 1}/30", f"net{number}")
        self.router.address(f"{self.public}/30", outer)
        self.router.run("ip", "link", "add", "lan", "type", "bridge")
        self.router.run("ip", "link", "set", "lan", "up")
        self.router.address("192.168.1.1/24", "lan")
        self.router.run("ip", "route", "add", "default", "via", f"203.0.113.{4 * number + 1}")
        self.join(self.lan)
        self.router.write("/proc/sys/net/ipv4/ip_forward", "1")
        # Linux keeps the source port where it can; fully-random is its word for a symmetric NAT.
        kind = " fully-random" if symmetric else ""
        for rule in ("add table ip nat", "add chain ip nat post { type nat hook postrouting priority 100 ; }",
                     f"add rule ip nat post oifname {outer} masquerade{kind}",
                     # What nobody inside has asked for does not come in, as with any home router.
                     "add table ip filter", "add chain ip filter through { type filter hook forward priority 0 ; policy drop ; }",
                     "add rule ip filter through iifname lan accept",
                     f"add rule ip filter through iifname {outer} ct state established,related accept"):
            self.router.run("nft", rule)
        if not resets:
            for rule in ("add chain ip filter local { type filter hook input priority 0 ; policy accept ; }",
                         f"add rule ip filter local iifname {outer} drop"):
                self.router.run("nft", rule)
        for name, seconds in (("udp_timeout", udp_timeout), ("udp_timeout_stream", udp_timeout), ("tcp_timeout_established", tcp_timeout)):
            self.router.write(f"/proc/sys/net/netfilter/nf_conntrack_{name}", str(seconds))

    def join(self, host):
        """The next address of the LAN for this host: 192.168.1.2 and up."""
        self.hosts.append(host)
        pair(self.router, f"port{len(self.hosts)}", host, "eth0")
        self.router.run("ip", "link", "set", f"port{len(self.hosts)}", "master", "lan")
        host.address(f"192.168.1.{len(self.hosts) + 1}/24", "eth0")
        host.run("ip", "route", "add", "default", "via", "192.168.1.1")
        return host

    def host(self):
        """Another host of this LAN."""
        return self.join(Namespace())

    def flows(self, protocol=None):
        """The ways in and out that the router remembers now, of "udp" or "tcp" alone; its own IGMP and the like are none."""
        with self.router, open("/proc/thread-self/net/nf_conntrack", encoding="ascii") as table:
            flows = [Flow(line) for line in table if line.startswith("ipv4 ")]
        return [f for f in flows if f.protocol in ((protocol,) if protocol else ("udp", "tcp"))]

    def pinholes(self):
        """How many they are."""
        return len(self.flows())

    def forget(self):
        """Lose all that is remembered, as a router does that is switched off and on: connections of TCP are dead, and nobody is told."""
        self.router.run("ip", "link", "set", self.outer, "down")    # masquerade drops what it knows of a link that goes down
        self.router.run("ip", "link", "set", self.outer, "up")
        gateway = self.public.rpartition(".")
        self.router.run("ip", "route", "add", "default", "via", f"{gateway[0]}.{int(gateway[2]) - 1}")
        check.until(lambda: self.pinholes() == 0, 5, lambda: f"the router has forgotten all: {self.flows()}")

    def close(self):
        for host in (self.router, *self.hosts):
            host.close()


class Internet(Namespace):
    """Where the servers are. nat() makes another router with a LAN, host() a host on a public address."""

    def __init__(self, addresses=("198.51.100.1", "198.51.100.2", "198.51.100.3")):
        super().__init__()
        self.parts = []
        for address in addresses:
            self.address(f"{address}/128" if ":" in address else f"{address}/32", nodad=":" in address)

    def nat(self, udp_timeout=30, symmetric=False, tcp_timeout=7440, resets=False):
        """resets: what belongs to no connection of TCP is answered with RST; else, as with most home routers, with silence."""
        self.parts.append(Nat(self, len(self.parts), udp_timeout, symmetric, tcp_timeout, resets))
        return self.parts[-1]

    def host(self):
        """Without NAT: `address4` and `address6`."""
        self.parts.append(Host(self, len(self.parts)))
        return self.parts[-1]

    def close(self):
        with contextlib.ExitStack() as stack:
            for part in self.parts:
                stack.callback(part.close)
            stack.callback(super().close)


class Host(Namespace):
    """A host with public addresses of both families."""

    def __init__(self, internet, number):
        super().__init__()
        self.address4, self.address6 = f"203.0.113.{4 * number + 2}", f"2001:db8:0:{number + 1:x}::2"
        pair(internet, f"net{number}", self, "eth0")
        for host, device, end in ((internet, f"net{number}", 1), (self, "eth0", 2)):
            host.address(f"203.0.113.{4 * number + end}/30", device)
            host.address(f"2001:db8:0:{number + 1:x}::{end}/64", device, nodad=True)
        self.run("ip", "route", "add", "default", "via", f"203.0.113.{4 * number + 1}")
        self.run("ip", "-6", "route", "add", "default", "via", f"2001:db8:0:{number + 1:x}::1")
