"""Ten thousand phones, three threads, an interval of 10 s: each is pinged once an interval, and the load is even.

    REGISTER x 10,000 --> pinholed --> 4 zero bytes to 127.x.y.z, an address for each phone
                                       one socket takes them all: the kernel notes when, and for whom

Expected: two pings of one phone are 10 s apart, 5 % more or less; no 100 ms hold more than 1.5 times the mean.
"""

import socket
import struct
import threading
import time

from kit import check
from kit.burst import SO_TIMESTAMPNS, Burst
from kit.runner import alone, limit

PHONES = 10_000
INTERVAL = 10.0
WINDOW = 0.1
AT_ONCE = 256                                      # REGISTERs without a reply

ROUTE = """
route {
	if (is_method("REGISTER"))
		save("location");
}
"""


def address_of(number):
    return f"127.{100 + number // 40000}.{number // 200 % 200}.{number % 200 + 1}"


class Phones:
    """Their common socket: on all addresses, and told by the kernel which one a datagram was for."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, 8, 1)          # IP_PKTINFO; the module does not name it
        self.socket.bind(("0.0.0.0", 0))
        self.socket.settimeout(0.2)
        self.port = self.socket.getsockname()[1]
        self.arrived = []                                        # (time, address of the phone as 4 bytes)
        self.wrong = 0
        self.open = True
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while self.open:
            try:
                data, control, _, _ = self.socket.recvmsg(64, 256)
            except TimeoutError:
                continue
            at = to = None
            for level, kind, value in control:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", value[:16])
                    at = seconds + nanoseconds / 1e9
                elif level == socket.IPPROTO_IP and kind == 8:
                    to = value[8:12]
            if data == bytes(4) and at and to:
                self.arrived.append((at, to))
            else:
                self.wrong += 1

    def close(self):
        self.open = False
        self.thread.join(2)
        self.socket.close()


def register_all(daemon, phones):
    burst = Burst(daemon)
    for number in range(PHONES):
        call_id, data = burst.request("REGISTER")
        user = b"user%d" % number
        contact = f"Contact: <sip:u@{address_of(number)}:{phones.port}>\r\nExpires: 3600\r\n".encode()
        data = data.replace(b"To: <sip:", b"To: <sip:" + user + b"@").replace(b"CSeq: ", contact + b"CSeq: ")
        while len(burst.sent) - len(burst.arrived) >= AT_ONCE:
            burst.drain()
            time.sleep(0.001)
        burst.send((call_id, data))
    finals = burst.wait(PHONES, 20)
    check.equal({status for status, _ in finals.values()}, {200}, "replies to REGISTER")
    burst.close()


def worst_window(times):
    """The most of the sorted times within WINDOW."""
    worst = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - WINDOW:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


@alone
@limit(75)
def test_ten_thousand_phones_once_an_interval_and_evenly(t):
    phones = Phones()
    t.helpers.append(phones)
    daemon = t.daemon(script=ROUTE, conf={
        "secret": "the phases of this test", "plugins": ["registrar", "rtpp", "natping", "mi"], "registrar": None,
        "natping": {"natping_interval": int(INTERVAL), "natping_processes": 3}})
    register_all(daemon, phones)
    check.until(lambda: daemon.stat("natping_contacts") == PHONES, 5, "all are known to the threads")
    start = time.time()
    late = daemon.stat("natping_late_turns")
    time.sleep(2 * INTERVAL + 1)                   # the time that is measured
    arrived = sorted(phones.arrived)
    late = daemon.stat("natping_late_turns") - late
    check.equal(phones.wrong, 0, "datagrams that are no pings")

    by_phone = {}
    for at, to in arrived:
        by_phone.setdefault(to, []).append(at)
    check.equal(len(by_phone), PHONES, "phones that were pinged")
    gaps = [b - a for times in by_phone.values() for a, b in zip(times, times[1:])]
    check.that(min(len(times) for times in by_phone.values()) >= 2, "each was pinged in both intervals")
    measured = [at for at, _ in arrived if start <= at < start + 2 * INTERVAL]
    worst = worst_window(measured)
    mean = PHONES / INTERVAL * WINDOW
    print(f"gaps {min(gaps):.3f} to {max(gaps):.3f} s; at most {worst} in 100 ms, the mean is {mean:.0f}; {late} late turns")
    check.that(abs(len(measured) - 2 * PHONES) < 0.01 * PHONES, f"{len(measured)} pings in two intervals")
    check.that(0.95 * INTERVAL <= min(gaps) and max(gaps) <= 1.05 * INTERVAL, f"gaps of {min(gaps):.3f} to {max(gaps):.3f} s")
    check.that(worst <= 1.5 * mean, f"{worst} pings in 100 ms, the mean is {mean:.0f} ({late} late turns)")
