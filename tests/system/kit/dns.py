"""DNS servers: a real dnsmasq with records of the test's own, and a scripted one for what a real one does not do.

Records are lines of a zone without class and TTL:

    example.org NAPTR 10 20 s SIP+D2U _sip._udp.example.org
    _sip._udp.example.org SRV 10 60 5060 a.example.org          priority weight port target; "." is the root
    a.example.org A 127.0.0.3
    www.example.org CNAME a.example.org
"""

import socket
import struct
import threading
import time

from . import check, proc

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "AAAA": 28, "SRV": 33, "NAPTR": 35}
NAMES = {number: name for name, number in TYPES.items()}


def option(record, ttl):
    """A record as dnsmasq's option."""
    name, kind, *rest = record.split()
    if kind in ("A", "AAAA"):
        return f"--host-record={name},{rest[0]},{ttl}"
    if kind == "CNAME":
        return f"--cname={name},{rest[0]},{ttl}"
    if kind == "SRV":
        priority, weight, port, target = rest
        return f"--srv-host={name},{'' if target == '.' else target},{port},{priority},{weight}"
    if kind == "NAPTR":
        order, preference, flags, service, replacement = rest
        return f"--naptr-record={name},{order},{preference},{flags},{service},,{replacement}"
    raise ValueError(record)


class Dns:
    """dnsmasq on a port of its own; names of .test and example.org that have no record do not exist."""

    def __init__(self, case, records, ttl=300, address="127.0.0.1", port=None):
        self.case, self.ttl, self.address = case, ttl, address
        self.port = port or proc.free_port(address)
        self.server = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        self.records = list(records)
        self.process = None
        self.start()

    def start(self):
        argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-daemon", "--pid-file=",
                f"--port={self.port}", f"--listen-address={self.address}", "--bind-interfaces", "--user=root", "--log-queries",
                "--log-facility=-", f"--local-ttl={self.ttl}", "--local=/test/", "--local=/example.org/", "--cache-size=0"]
        self.process = self.case.spawn("dnsmasq", argv + [option(r, self.ttl) for r in self.records])
        self.process.ready(self.answers, 10)

    def answers(self):
        """Does it, yet? The question is for a name that no test uses."""
        with socket.socket(proc.family(self.address), socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            try:
                sock.sendto(question("ready.kit.test", "A"), (self.address, self.port))
                return len(sock.recv(512)) > 0
            except OSError:
                return False

    def stop(self):
        self.process.kill()

    def change(self, records):
        """Other records from now on."""
        self.stop()
        self.records = list(records)
        self.start()

    def asked(self, kind=None, name=None):
        """How often it was asked, for that type and name."""
        count = 0
        for line in self.process.log().splitlines():
            _, found, rest = line.partition("query[")
            if not found or "ready.kit.test" in rest:
                continue
            what, _, rest = rest.partition("] ")
            what = NAMES.get(int(what[5:]), what) if what.startswith("type=") else what
            if kind in (None, what) and name in (None, rest.split()[0].lower()):
                count += 1
        return count


# The octets of messages

def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label) + b"\0"


def decode_name(data, at):
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode("ascii", "replace"))
        at += 1 + data[at]
    return ".".join(labels).lower(), at + 1


def question(name, kind, number=1):
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + encode_name(name) + struct.pack(">2H", TYPES[kind], 1)


def encode_record(record, ttl):
    name, kind, *rest = record.split()
    if kind in ("A", "AAAA"):
        data = socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, rest[0])
    elif kind == "CNAME":
        data = encode_name(rest[0])
    elif kind == "SRV":
        data = struct.pack(">3H", *map(int, rest[:3])) + encode_name(rest[3])
    elif kind == "NAPTR":
        data = struct.pack(">2H", *map(int, rest[:2])) + b"".join(bytes([len(s)]) + s.encode() for s in (rest[2], rest[3], ""))
        data += encode_name(rest[4])
    else:                                    # SOA: rest[0] is its last field
        data = encode_name("ns." + name) + encode_name("root." + name) + struct.pack(">5I", 1, 2, 3, 4, int(rest[0]))
    return encode_name(name) + struct.pack(">2HIH", TYPES[kind], 1, ttl, len(data)) + data


class Query:
    """A question as the scripted server received it, and the answers that one may give."""

    def __init__(self, data, tcp):
        self.tcp = tcp
        self.id, _, _, _, _, _ = struct.unpack(">6H", data[:12])
        self.name, end = decode_name(data, 12)
        number, = struct.unpack(">H", data[end:end + 2])
        self.type = NAMES.get(number, str(number))
        self.asked = data[12:end + 4]

    def answer(self, records=(), rcode=0, ttl=300, authority=(), truncated=False, number=None, asked=None):
        flags = 0x8180 | rcode | (0x0200 if truncated else 0)
        head = struct.pack(">6H", self.id if number is None else number, flags, 1, len(records), len(authority), 0)
        return head + (asked or self.asked) + b"".join(encode_record(r, ttl) for r in (*records, *authority))


class ScriptedDns:
    """
    Calls script(query) for each question, on a thread of its own; it returns the octets of the answer, a list of several, or None: silence.
    `delay` seconds are waited before each answer goes out, without holding up others.
    """

    def __init__(self, case, script, address="127.0.0.1"):
        self.script, self.address, self.delay = script, address, 0
        self.port = proc.free_port(address)
        self.server = f"{address}:{self.port}"
        self.queries = []
        self.udp = socket.socket(proc.family(address), socket.SOCK_DGRAM)
        self.udp.bind((address, self.port))
        self.tcp = socket.socket(proc.family(address), socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, self.port))
        self.tcp.listen(16)
        self.open = True
        case.helpers.append(self)
        for loop in (self.udp_loop, self.tcp_loop):
            threading.Thread(target=loop, daemon=True).start()

    def asked(self, kind=None, name=None):
        return sum(1 for q in list(self.queries) if kind in (None, q.type) and name in (None, q.name))

    def answers_to(self, data, tcp):
        query = Query(data, tcp)
        self.queries.append(query)
        found = self.script(query)
        return found if isinstance(found, list) else [] if found is None else [found]

    def udp_loop(self):
        while self.open:
            try:
                data, source = self.udp.recvfrom(4096)
            except OSError:
                return
            for packet in self.answers_to(data, False):
                if self.delay:
                    threading.Timer(self.delay, self.send_late, (packet, source)).start()
                else:
                    self.send_late(packet, source)

    def send_late(self, packet, source):
        try:
            self.udp.sendto(packet, source)
        except OSError:
            pass                             # the test is over

    def tcp_loop(self):
        while self.open:
            try:
                sock, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.tcp_serve, args=(sock,), daemon=True).start()

    def tcp_serve(self, sock):
        with sock:
            sock.settimeout(10)
            try:
                while self.open:
                    head = sock.recv(2, socket.MSG_WAITALL)
                    if len(head) < 2:
                        return
                    for packet in self.answers_to(sock.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL), True):
                        time.sleep(self.delay)
                        sock.sendall(struct.pack(">H", len(packet)) + packet)
            except OSError:
                return

    def close(self):
        self.open = False
        for sock in (self.udp, self.tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass                         # UDP: not connected
            sock.close()


def unanswered(address="127.0.0.1"):
    """A port where nobody listens: "ADDRESS:PORT"."""
    return f"{address}:{proc.free_port(address)}"
