"""How a phone reaches the server: UDP, or one TCP or TLS connection with correct framing."""

import select
import socket
import ssl
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
        self.secure()
        self.open = True
        self.closed = threading.Event()      # the server closed the connection
        self.pongs = 0                       # answers to our CRLF CRLF
        self.buffer = b""
        self.thread = threading.Thread(target=self.loop, daemon=True)

    def secure(self):
        pass

    def start(self):
        self.thread.start()

    def receive_some(self):
        return self.socket.recv(65536)

    def readable(self):
        return bool(select.select([self.socket], [], [], 0.02)[0])

    def loop(self):
        while self.open:
            if self.readable() and self.open:
                try:
                    data = self.receive_some()
                except ssl.SSLWantReadError:
                    continue                 # a ticket, or half a record
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


class TlsLink(TcpLink):
    """`tls`: {"ca": file to believe, "cert": (file, key) of the phone's own, "name": what to ask for and to check, "version": ssl.TLSVersion}."""

    def __init__(self, source, server, receive, tls):
        self.tls = tls
        self.lock = threading.Lock()         # an SSL object is for one thread at a time
        super().__init__(source, server, receive)

    def secure(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if self.tls.get("ca"):
            context.load_verify_locations(self.tls["ca"])
            context.verify_mode = ssl.CERT_REQUIRED
            context.check_hostname = bool(self.tls.get("name"))
        if self.tls.get("cert"):
            context.load_cert_chain(*self.tls["cert"])
        if self.tls.get("version"):
            context.minimum_version = context.maximum_version = self.tls["version"]
        self.socket = context.wrap_socket(self.socket, server_hostname=self.tls.get("name"))
        self.certificate = self.socket.getpeercert(True)
        self.socket.settimeout(0)

    def readable(self):
        return self.socket.pending() > 0 or super().readable()

    def receive_some(self):
        with self.lock:
            return self.socket.recv(65536)

    def send(self, data, address=None):
        view = memoryview(data)
        while view and not self.closed.is_set():
            try:
                with self.lock:
                    view = view[self.socket.send(view):]
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                select.select([], [self.socket], [], 1)
            except OSError:
                self.closed.set()
