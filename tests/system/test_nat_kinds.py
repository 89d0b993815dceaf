"""The laboratory's routers are what they are called: else nothing that is shown behind them would mean anything (RFC 4787).

    host 192.168.1.2 -- router -- 198.51.100.1, 198.51.100.2, 203.0.113.x, a UDP socket each

Expected: the usual router shows all peers the same port and lets in the peer that was asked, from the port that was asked; the
symmetric one shows each peer another port. Both forget in the time that they are told, and by being switched off.
"""

import contextlib
import socket

from kit import check
from kit.runner import variants

MEMORY = 2                                  # s


class Peers:
    """A socket at home and one at each of two servers."""

    def __init__(self, t, stack, symmetric, memory=30):
        internet = t.internet()
        self.nat = internet.nat(memory, symmetric=symmetric)
        with self.nat.lan:
            self.home = stack.enter_context(self.socket("192.168.1.2", 5060))
        with internet:
            self.one = stack.enter_context(self.socket("198.51.100.1", 5060))
            self.two = stack.enter_context(self.socket("198.51.100.2", 5060))
            self.other_port = stack.enter_context(self.socket("198.51.100.1", 5062))

    @staticmethod
    def socket(address, port):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, port))
        sock.settimeout(5)
        return sock

    def asks(self, server):
        """The address that the server sees."""
        self.home.sendto(b"?", server.getsockname())
        return server.recvfrom(100)[1]

    def lets_in(self, server, to):
        """Whether what the server sends arrives; half a second is many times what it needs."""
        server.sendto(b"!", to)
        self.home.settimeout(0.5)
        try:
            return self.home.recvfrom(100)[1] == server.getsockname()
        except TimeoutError:
            return False


@variants(symmetric=[False, True])
def test_port_for_each_peer(t, symmetric):
    with contextlib.ExitStack() as stack:
        peers = Peers(t, stack, symmetric)
        seen = [peers.asks(server) for server in (peers.one, peers.two, peers.other_port)]
        check.equal({address for address, _ in seen}, {peers.nat.public}, "addresses that are seen")
        ports = [port for _, port in seen]
        if symmetric:
            check.equal(len(set(ports)), 3, f"different ports of {ports}")
            check.that(5060 not in ports, f"the phone's own port is not among {ports}")
        else:
            check.equal(ports, [5060, 5060, 5060], "ports")


@variants(symmetric=[False, True])
def test_only_who_was_asked_is_let_in(t, symmetric):
    with contextlib.ExitStack() as stack:
        peers = Peers(t, stack, symmetric)
        way = peers.asks(peers.one)
        check.that(peers.lets_in(peers.one, way), "the answer of who was asked comes in")
        check.that(not peers.lets_in(peers.two, way), "another address is not let in")
        check.that(not peers.lets_in(peers.other_port, way), "another port is not let in")
        check.that(peers.lets_in(peers.one, way), "the first one still is")


@variants(symmetric=[False, True])
def test_silence_closes_the_pinhole(t, symmetric):
    with contextlib.ExitStack() as stack:
        peers = Peers(t, stack, symmetric, memory=MEMORY)
        way = peers.asks(peers.one)
        check.that(peers.lets_in(peers.one, way), "the pinhole is open")
        check.until(lambda: peers.nat.pinholes() == 0, 3 * MEMORY, lambda: f"it is forgotten: {peers.nat.flows()}")
        check.that(not peers.lets_in(peers.one, way), "the pinhole is closed")


def test_router_that_was_switched_off(t):
    with contextlib.ExitStack() as stack:
        peers = Peers(t, stack, True)
        way = peers.asks(peers.one)
        peers.nat.forget()
        check.that(not peers.lets_in(peers.one, way), "the pinhole is closed")
        check.that(peers.asks(peers.one) != way, "the next one has another port")
