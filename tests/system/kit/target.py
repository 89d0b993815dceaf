"""A SIP server at a given place, UDP and TCP: what a name leads to. Answers every request as its mode says."""

import socket
import threading

from . import proc, sip


class Target:
    """
    `mode`: a status ("200", "503", ...), or "silent". `requests` has what came, by arrival: (method, Message). INVITEs are answered at once; what
    belongs to their calls is answered 200.
    """

    def __init__(self, case, address="127.0.0.1", port=None, mode="200", extra=()):
        self.address, self.mode, self.extra = address, mode, list(extra)
        self.port = port or proc.free_port(address)
        self.requests = []
        self.open = True
        self.udp = socket.socket(proc.family(address), socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.udp.bind((address, self.port))
        self.tcp = socket.socket(proc.family(address), socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, self.port))
        self.tcp.listen(64)
        case.helpers.append(self)
        for loop in (self.udp_loop, self.tcp_loop):
            threading.Thread(target=loop, daemon=True).start()

    def count(self, method):
        """Without retransmissions: by the branch of the topmost Via."""
        return len({msg.branch for what, msg in list(self.requests) if what == method})

    def answer(self, data, send):
        msg = sip.Message.parse(data)
        if msg.reply:
            return
        self.requests.append((msg.method, msg))
        if msg.method == "ACK" or self.mode == "silent":
            return
        status = "200" if msg.method in ("BYE", "CANCEL") else self.mode
        reply = sip.Message(f"SIP/2.0 {status} {'OK' if status == '200' else 'No'}", [], b"")
        for name, value in msg.headers:
            if name.lower() in ("via", "from", "call-id", "cseq", "record-route"):
                reply.add(name, value)
            elif name.lower() == "to":
                reply.add(name, value if ";tag=" in value else f"{value};tag=t{self.port}")
        if msg.method == "INVITE":
            reply.add("Contact", f"<sip:target@{sip.bracket(self.address)}:{self.port}>")
        for name, value in self.extra:
            reply.add(name, value)
        send(reply.data())

    def udp_loop(self):
        while self.open:
            try:
                data, source = self.udp.recvfrom(65536)
                self.answer(data, lambda reply, to=source: self.udp.sendto(reply, to))
            except OSError:
                return

    def tcp_loop(self):
        while self.open:
            try:
                sock, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.tcp_serve, args=(sock,), daemon=True).start()

    def tcp_serve(self, sock):
        data = b""
        with sock:
            while self.open:
                try:
                    more = sock.recv(65536)
                except OSError:
                    return
                if not more:
                    return
                data += more
                while b"\r\n\r\n" in data:
                    head, _, rest = data.partition(b"\r\n\r\n")
                    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
                    if len(rest) < length:
                        break
                    self.answer(head + b"\r\n\r\n" + rest[:length], sock.sendall)
                    data = rest[length:]

    def close(self):
        if not self.open:
            return
        self.open = False
        for sock in (self.udp, self.tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass                         # not connected
            sock.close()
