"""RTP at one end of a call: sends numbered packets, counts what comes, by the address it comes from."""

import collections
import select
import socket
import struct
import threading
import time

from . import check, proc

FRAME = b"\xff" * 160          # 20 ms of silence in PCMU


class RtpEnd:
    """A socket on an even port. Counting runs on a thread until close()."""

    def __init__(self, address, ssrc=None):
        self.address = address
        self.socket = None
        for _ in range(50):
            port = proc.free_port(address, tcp=False, low=20000, high=27998)
            sock = socket.socket(proc.family(address), socket.SOCK_DGRAM)
            try:
                sock.bind((address, port))
            except OSError:
                sock.close()
                continue
            self.socket, self.port = sock, port
            break
        check.that(self.socket is not None, f"no RTP port on {address}")
        self.ssrc = ssrc or (port << 8 | 1)
        self.seq = 0
        self.sent = 0
        self.received = collections.Counter()   # (address, port) -> packets
        self.ssrcs = collections.Counter()
        self.bad = 0
        self.open = True
        self.thread = threading.Thread(target=self.count, daemon=True)
        self.thread.start()

    def count(self):
        while self.open:
            ready, _, _ = select.select([self.socket], [], [], 0.1)
            if not ready or not self.open:
                continue
            try:
                data, source = self.socket.recvfrom(2048)
            except OSError:
                continue
            if len(data) != 12 + len(FRAME) or data[0] != 0x80 or data[12:] != FRAME:
                self.bad += 1
                continue
            self.ssrcs[struct.unpack("!I", data[8:12])[0]] += 1
            self.received[source[:2]] += 1

    def send(self, target):
        header = struct.pack("!BBHII", 0x80, 0, self.seq & 0xffff, self.seq * 160 & 0xffffffff, self.ssrc)
        self.socket.sendto(header + FRAME, target)
        self.seq += 1
        self.sent += 1

    def total(self):
        return sum(self.received.values())

    def close(self):
        self.open = False
        self.thread.join(2)
        self.socket.close()


def exchange(ends, packets=50, gap=0.01):
    """Send from both ends at once. `ends`: two pairs (RtpEnd, target). Ends early on nothing: all packets are sent."""
    for _ in range(packets):
        for end, target in ends:
            end.send(target)
        time.sleep(gap)


def opened(ends):
    """Send until each end has heard the other once: behind a real NAT the relay learns the way from what it receives."""
    def heard():
        for end, target in ends:
            end.send(target)
        return all(end.total() > 0 for end, _ in ends)
    def quiet():
        before = [end.total() for end, _ in ends]
        time.sleep(0.05)                    # many times what a packet needs on this machine
        return before == [end.total() for end, _ in ends]
    check.until(heard, 3, "media in both directions")
    check.until(quiet, 3, "nothing is on its way any more")
    for end, _ in ends:
        end.received.clear()
        end.ssrcs.clear()


def crossed(a, b, relay_address, packets):
    """Both ends got exactly the other's packets, from the relay's address alone."""
    for end, other in ((a, b), (b, a)):
        check.until(lambda end=end: end.total() >= packets, 3,
                    lambda end=end: f"{packets} RTP packets at {end.address}:{end.port}: has {dict(end.received)}")
        check.equal({host for host, _ in end.received}, {relay_address}, "RTP arrives from")
        check.equal(end.total(), packets, f"RTP packets at {end.address}:{end.port}")
        check.equal(set(end.ssrcs), {other.ssrc}, "RTP sources (SSRC)")
        check.equal(end.bad, 0, "packets that are no RTP of the other phone")
