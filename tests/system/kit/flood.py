"""Processes that send datagrams of one kind as fast as they can, from sockets of their own, to one listener."""

import multiprocessing
import os
import random
import signal
import socket
import time

from . import proc, sip
from .stranger import own_address

# A fork that takes nothing along but this function's arguments is enough, and starts at once.
FORK = multiprocessing.get_context("fork")


def garbage(chance):
    """Random bytes; one in eight begins like a line of text."""
    data = chance.randbytes(chance.randrange(1, 1400))
    return data if chance.randrange(8) else b"GET / HTTP/1.1\r\nHost: example.test\r\n\r\n" + data


def half_sip(chance):
    """What begins like SIP and is none: cut off, bytes changed, without what a request must have."""
    method = chance.choice(["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE"])
    whole = (f"{method} sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.2:5060;branch=z9hG4bK{sip.token()};rport\r\n"
             f"Max-Forwards: 70\r\nFrom: <sip:mallory@example.test>;tag={sip.token(4)}\r\nTo: <sip:mallory@example.test>\r\n"
             f"Call-ID: {sip.token()}\r\nCSeq: 1 {method}\r\nContact: <sip:m@192.168.1.2>\r\nContent-Length: 0\r\n\r\n").encode()
    kind = chance.randrange(4)
    if kind == 0:
        return whole[:chance.randrange(20, len(whole) - 4)]
    if kind == 1:
        return whole.replace(b"CSeq: 1", b"CSeq: x")
    if kind == 2:
        return whole.replace(b"Content-Length: 0", b"Content-Length: 4000")
    at = chance.randrange(whole.index(b"\r\n"), len(whole) - 60)
    return whole[:at] + b"\0\r" + whole[at:]


def pour(make, server, end, count):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.geteuid() != 0:                    # where latency.undisturbed() can do nothing: floods come from other machines, and take no
        os.nice(19)                          # processor time from the daemon
    chance = random.Random(os.getpid())
    data = [make(chance) for _ in range(2000)]
    sock = socket.socket(proc.family(server[0]), socket.SOCK_DGRAM)
    sock.bind((own_address(), 0))
    sock.connect(server)
    sent = 0
    while time.monotonic() < end:
        for one in data:
            try:
                sock.send(one)
                sent += 1
            except OSError:                  # an ICMP error of the one before, or no room for a moment
                pass
        count.value = sent


class Flood:
    def __init__(self, make, server, seconds, processes=3):
        self.counts = [FORK.Value("Q", 0) for _ in range(processes)]
        self.seconds = seconds
        end = time.monotonic() + seconds
        self.children = [FORK.Process(target=pour, args=(make, server, end, count), daemon=True) for count in self.counts]
        for child in self.children:
            child.start()

    @property
    def sent(self):
        return sum(count.value for count in self.counts)

    def running(self):
        return any(child.is_alive() for child in self.children)

    def join(self):
        for child in self.children:
            child.join(self.seconds + 10)
        return self.sent

    def close(self):
        for child in self.children:
            if child.is_alive():
                child.kill()
            child.join()
