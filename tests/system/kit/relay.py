"""The real media relay: Debian's rtpengine on its rtpproxy-protocol UDP port."""

import signal
import socket

from . import proc


class Relay:
    def __init__(self, case, address="127.0.0.1", ports=200, interfaces=None, delete_delay=None):
        """address: where media goes; its control port is on the loopback of the same host. interfaces: {name: address}
        of a relay between networks ("internal" and "external": flags i and e), instead of the one address. delete_delay:
        seconds that a session is kept after its end (rtpengine: 30)."""
        self.addresses = list((interfaces or {"": address}).values())
        self.address = self.addresses[0]
        self.control_port = proc.free_port("127.0.0.1", tcp=False)
        self.ports = ports
        named = [f"--interface={name}/{at}" for name, at in (interfaces or {}).items()] or [f"--interface={address}"]
        self.first = proc.free_range(ports, self.addresses)
        self.url = f"udp:127.0.0.1:{self.control_port}"
        self.process = case.spawn("rtpengine", [
            "rtpengine", "--config-file=none", "--foreground", "--table=-1", *named,
            f"--listen-udp=127.0.0.1:{self.control_port}", f"--port-min={self.first}",
            f"--port-max={self.first + ports - 1}", "--num-threads=2", "--log-stderr", "--log-level=6",
            *([] if delete_delay is None else [f"--delete-delay={delete_delay}"])])
        self.process.ready(lambda: self.command("V", 0.1) == "20040107", 10)

    def command(self, text, seconds=1.0):
        """One command of the control protocol; None when no answer comes."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(seconds)
            try:
                sock.sendto(f"kit_1 {text}\n".encode(), ("127.0.0.1", self.control_port))
                return sock.recv(2048).decode().strip().partition(" ")[2] or None
            except OSError:
                return None

    def pause(self):
        """It stays there and answers nothing: the worst way for a relay to be dead."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def commands(self, letter):
        """How many commands of this letter it has accepted."""
        return sum(1 for line in self.process.log().splitlines()
                   if "Got valid command" in line and f" {letter}" in line.split(": ", 3)[-1])

    def open_ports(self):
        """Ports for media that are open on this host now."""
        found = set()
        for name in ("udp", "udp6"):
            with open(f"/proc/thread-self/net/{name}", encoding="ascii") as table:
                found |= {int(line.split()[1].rpartition(":")[2], 16) for line in table.readlines()[1:]}
        return sorted(port for port in found if self.uses(port))

    def uses(self, port):
        return self.first <= port < self.first + self.ports
