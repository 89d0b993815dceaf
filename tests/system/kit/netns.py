"""Hosts on one machine: network namespaces of the test's own, and real NAT routers between them (nftables masquerade).

    internet (servers' addresses on its loopback)
       | 203.0.113.x/30                one veth pair a router
    router (masquerade, short conntrack times)
       | 192.168.1.0/24
    lan (phones)

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

    def address(self, text, device="lo"):
        self.run("ip", "addr", "add", text, "dev", device)

    def write(self, path, text):
        with self, open(path, "w", encoding="ascii") as out:
            out.write(text)

    def close(self):
        os.close(self.fd)


class Nat:
    """A router and the LAN behind it. `public` is the address that servers see."""

    def __init__(self, internet, number, udp_timeout):
        self.router, self.lan = Namespace(), Namespace()
        self.public = f"203.0.113.{4 * number + 2}"
        outer, inner = f"wan{number}", f"lan{number}"
        # A pair is made in the one namespace and its other end moved into the other.
        self.pair(internet, f"net{number}", self.router, outer)
        self.pair(self.router, inner, self.lan, "eth0")
        internet.address(f"203.0.113.{4 * number + 1}/30", f"net{number}")
        self.router.address(f"{self.public}/30", outer)
        self.router.address("192.168.1.1/24", inner)
        self.lan.address("192.168.1.2/24", "eth0")
        self.router.run("ip", "route", "add", "default", "via", f"203.0.113.{4 * number + 1}")
        self.lan.run("ip", "route", "add", "default", "via", "192.168.1.1")
        self.router.write("/proc/sys/net/ipv4/ip_forward", "1")
        for rule in ("add table ip nat", "add chain ip nat post { type nat hook postrouting priority 100 ; }",
                     f"add rule ip nat post oifname {outer} masquerade fully-random",
                     # What nobody inside has asked for does not come in, as with any home router.
                     "add table ip filter", "add chain ip filter through { type filter hook forward priority 0 ; policy drop ; }",
                     f"add rule ip filter through iifname {inner} accept",
                     f"add rule ip filter through iifname {outer} ct state established,related accept"):
            self.router.run("nft", rule)
        for name in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
            self.router.write(f"/proc/sys/net/netfilter/{name}", str(udp_timeout))

    def pinholes(self):
        """How many ways in and out the router remembers now."""
        with self.router, open("/proc/thread-self/net/nf_conntrack", encoding="ascii") as table:
            return len(table.readlines())

    @staticmethod
    def pair(one, one_name, other, other_name):
        one.run("ip", "link", "add", one_name, "type", "veth", "peer", "name", other_name, "netns",
                f"/proc/{os.getpid()}/fd/{other.fd}")
        one.run("ip", "link", "set", one_name, "up")
        other.run("ip", "link", "set", other_name, "up")

    def close(self):
        self.router.close()
        self.lan.close()


class Internet(Namespace):
    """Where the servers are. nat() makes another router with a LAN."""

    def __init__(self, addresses=("198.51.100.1", "198.51.100.2", "198.51.100.3")):
        super().__init__()
        self.nats = []
        for address in addresses:
            self.address(f"{address}/32")

    def nat(self, udp_timeout=30):
        self.nats.append(Nat(self, len(self.nats), udp_timeout))
        return self.nats[-1]

    def close(self):
        with contextlib.ExitStack() as stack:
            for nat in self.nats:
                stack.callback(nat.close)
            stack.callback(super().close)
