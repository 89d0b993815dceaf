"""How a phone reaches the server: UDP, or one TCP connection with correct framing."""

import select
import socket
import threading

from . import proc


class UdpLink:
    reliable = False

    def __init__(self, source, server, receive):
        self.server = server
        self.receive = receive               # called with (data, address) on the link's thread
        self.socket = socket.socket(proc.family(server[0]), socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((source, 0))
        self.local = self.socket.getsockname()[:2]
        self.open = True
        self.thread = threading.Thread(target=self.loop, daemon=True)

    def start(self):
        self.thread.start()

    def loop(self):
        while self.open:
            ready, _, _ = select.select([self.socket], [], [], 0.02)
            if ready and self.open:
                try:
                    data, address = self.socket.recvfrom(65536)
                except OSError:
                    continue                 # ICMP errors of earlier sends: the sender retransmits
                self.receive(data, address[:2])
            self.receive(None, None)         # a tick for the phone's timers

    def send(self, data, address=None):
        try:
            self.socket.sendto(data, address or self.server)
        except OSError:
            pass                             # as on a network: it is lost

    def close(self):
        self.open = False
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(2)
        self.socket.close()


class TcpLink:
    reliable = True

    def __init__(self, source, server, receive):
        self.server = server
        self.receive = receive
        self.socket = socket.socket(proc.family(server[0]), socket.SOCK_STREAM)
        self.socket.bind((source, 0))
        self.socket.settimeout(5)
        self.socket.connect(server)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local = self.socket.getsockname()[:2]
        self.open = True
        self.closed = threading.Event()      # the server closed the connection
        self.pongs = 0                       # answers to our CRLF CRLF
        self.buffer = b""
        self.thread = threading.Thread(target=self.loop, daemon=True)

    def start(self):
        self.thread.start()

    def loop(self):
        while self.open:
            ready, _, _ = select.select([self.socket], [], [], 0.02)
            if ready and self.open:
                try:
                    data = self.socket.recv(65536)
                except OSError:
                    data = b""
                if not data:
                    self.closed.set()
                    return
                self.buffer += data
                self.frames()
            self.receive(None, None)

    def frames(self):
        while self.buffer:
            if self.buffer.startswith(b"\r\n\r\n"):     # a ping: RFC 5626 section 3.5.1
                self.buffer = self.buffer[4:]
                self.receive(b"\r\n\r\n", self.server)
                self.send(b"\r\n")
                continue
            if self.buffer.startswith(b"\r\n"):
                self.buffer = self.buffer[2:]
                self.pongs += 1
                continue
            head, gap, rest = self.buffer.partition(b"\r\n\r\n")
            if not gap:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.strip().lower() in (b"content-length", b"l"):
                    length = int(value)
            if len(rest) < length:
                return
            data, self.buffer = head + gap + rest[:length], rest[length:]
            self.receive(data, self.server)

    def send(self, data, address=None):
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed.set()

    def close(self):
        self.open = False
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(2)
        self.socket.close()
