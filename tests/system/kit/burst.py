"""Many small requests at once from one socket, with the kernel's time of arrival for each reply.

A phone would measure itself at such rates. Here nothing is parsed before all is over, and there is no thread whose turn could
fall between reading the clock and sending.
"""

import re
import select
import socket
import struct
import time

from . import check, proc, sip

SO_TIMESTAMPNS = 35            # Linux; the module does not name it


class Burst:
    def __init__(self, daemon, source="127.0.0.7"):
        self.daemon = daemon
        self.socket = socket.socket(proc.family(daemon.address), socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((source, 0))
        self.socket.connect(daemon.server)
        self.sent = {}                       # call-id -> time
        self.arrived = []                    # (time, datagram)

    def request(self, method, user=""):
        """(call-id, datagram); made before the clock starts."""
        call_id = sip.token()
        target = f"sip:{user}{'@' if user else ''}{self.daemon.domain}"
        return call_id, (
            f"{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.9.9:5060;branch=z9hG4bK{call_id};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:burst@{self.daemon.domain}>;tag={call_id[:8]}\r\nTo: <{target}>\r\n"
            f"Call-ID: {call_id}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n").encode()

    def send(self, request):
        call_id, data = request
        self.sent[call_id] = time.time()
        self.socket.send(data)

    def drain(self):
        """Take what has arrived; the kernel has noted when."""
        while True:
            try:
                data, control, _, _ = self.socket.recvmsg(4096, 128, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            at = time.time()
            for level, kind, value in control:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(value) >= 16:
                    seconds, nanoseconds = struct.unpack("qq", value[:16])
                    at = seconds + nanoseconds / 1e9
            self.arrived.append((at, data))

    def finals(self):
        """{call-id: (status, time)} of the first final reply to each."""
        out = {}
        for at, data in self.arrived:
            status = int(data[8:11])
            call_id = re.search(rb"\r\nCall-ID: (\S+)", data, re.I).group(1).decode()
            if status >= 200 and call_id not in out:
                out[call_id] = (status, at)
        return out

    def wait(self, count, seconds):
        """The final replies, once all `count` are there."""
        end = time.monotonic() + seconds
        while len(self.finals()) < count:
            left = end - time.monotonic()
            check.that(left > 0, f"not within {seconds:g} s: {count} final replies, found {len(self.finals())}")
            if select.select([self.socket], [], [], left)[0]:
                self.drain()
        return self.finals()

    def close(self):
        self.socket.close()
