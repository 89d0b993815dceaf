"""A scripted relay: speaks the rtpproxy protocol and really relays. It stands in only for what rtpengine cannot do.

What it answers is what the facts have recorded: `nathelper-facts.md` 13.1 (framing), 13.2 (commands and word counts), 13.3
(sessions), 13.5 (codes), 13.6 (notifications), 13.7 (features by release). Debian's rtpengine knows neither streaming, recording,
notifications, UNIX sockets nor TCP on its rtpproxy-protocol port (facts 14), and it mixes up the addresses of a second stream there
(each U overwrites the first stream's peer), so media of two streams is proved here. It also keeps every command, and can be told to
answer late, wrongly, or not at all.
"""

import os
import select
import socket
import threading
import time
import urllib.parse

from . import proc

# What a release answers 1 to (VF), facts 13.7. 20081224 is not here: it depends on the option -n.
FEATURES = {
    "1.0": ["20040107", "20050322", "20060704"],
    "1.2": ["20040107", "20050322", "20060704", "20071116", "20071218", "20080403", "20081102"],
}
FEATURES["2.0"] = FEATURES["1.2"] + ["20090810", "20140323", "20140617", "20141004"]
FEATURES["2.1"] = FEATURES["2.0"] + ["20150330", "20150420", "20150617"]
FEATURES["3.0"] = FEATURES["2.1"] + ["20191015", "20200226", "20230205", "20230314", "20230424"]


class Leg:
    """One port of the relay: what comes in here goes out of `other` to the address that `other` knows."""

    def __init__(self, address):
        self.socket = socket.socket(proc.family(address), socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.port = self.socket.getsockname()[1]
        self.peer = None
        self.other = None


class Session:
    """One stream of a call."""

    def __init__(self, address):
        self.legs = (Leg(address), Leg(address))       # of the offerer's side, of the other
        self.legs[0].other, self.legs[1].other = self.legs[1], self.legs[0]
        self.codecs = None                   # what the modifier C said
        self.notify = None                   # (socket, tag) of the last U
        self.playing = {}                    # tag of who hears it -> (prompt, count)
        self.recorded = False


class ScriptedRelay:
    """`way`: udp, unix, cunix, tcp or tcp6. `release`: whose features and codes it has. `notify`: targets of -n, as its command line has them."""

    def __init__(self, case, address="127.0.0.1", way="udp", release="1.0", notify=(), port=None):
        self.address, self.way, self.release, self.case = address, way, release, case
        self.targets = list(notify)
        self.prompts = None                  # names that there are files for; None: all
        self.sessions = {}                   # (call-id, stream) -> Session
        self.cache = {}                      # cookie -> reply: a repeated command is not carried out again (13.1)
        self.log = []                        # commands as received, without cookie
        self.sources = []                    # where each came from (UDP)
        self.repeats = 0
        self.deaf = False                    # answers nothing
        self.delay = 0.0                     # s, before each answer to U and L
        self.answer = None                   # function(command words) -> reply text, or None for the usual one
        self.open = True
        self.connections = {}                # socket -> bytes that were not a whole line yet
        self.accepted = 0
        self.listen(port)
        case.helpers.append(self)
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def listen(self, port=None):
        if self.way == "udp":
            self.control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.control.bind(("127.0.0.1", port or 0))
            self.url = f"udp:127.0.0.1:{self.control.getsockname()[1]}"
        elif self.way in ("tcp", "tcp6"):
            host = "127.0.0.1" if self.way == "tcp" else "::1"
            self.control = socket.socket(proc.family(host), socket.SOCK_STREAM)
            self.control.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.control.bind((host, port or 0))
            self.url = f"{self.way}:{host if self.way == 'tcp' else '[::1]'}:{self.control.getsockname()[1]}"
        else:
            self.path = os.path.join(self.case.dir, f"relay-{id(self) % 10000}.sock")
            if os.path.exists(self.path):
                os.unlink(self.path)
            self.control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.control.bind(self.path)
            self.url = f"{self.way}:{self.path}"
        if self.way != "udp":
            self.control.listen(64)

    def restart(self):
        """Away and back on the same socket: sessions and connections are gone."""
        self.stop()
        self.sessions.clear()
        self.cache.clear()
        self.open = True
        self.listen(int(self.url.rpartition(":")[2]) if self.way in ("udp", "tcp", "tcp6") else None)
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def stop(self):
        """Nobody listens any more."""
        self.open = False
        self.thread.join(2)
        self.control.close()
        for sock in list(self.connections):
            self.hang_up(sock)
        for session in self.sessions.values():
            for leg in session.legs:
                leg.socket.close()

    def close(self):
        if self.open:
            self.stop()

    def commands(self, letter):
        return [c for c in self.log if c.startswith(letter)]

    def uses(self, port):
        return any(port == leg.port for s in list(self.sessions.values()) for leg in s.legs)

    # Media and control on one thread

    def loop(self):
        while self.open:
            legs = {leg.socket: leg for s in list(self.sessions.values()) for leg in s.legs}
            ready, _, _ = select.select([self.control, *self.connections, *legs], [], [], 0.02)
            for sock in ready:
                if sock is self.control and self.way == "udp":
                    data, source = sock.recvfrom(65536)
                    self.on_datagram(data.decode("utf-8", "replace"), source)
                elif sock is self.control:
                    self.accepted += 1
                    self.connections[sock.accept()[0]] = b""
                elif sock in self.connections:
                    self.on_stream(sock)
                elif sock.fileno() >= 0:
                    self.relay(legs[sock])

    @staticmethod
    def relay(leg):
        data, source = leg.socket.recvfrom(65536)
        leg.peer = source                    # latching: the address that media really comes from
        if leg.other.peer:
            leg.other.socket.sendto(data, leg.other.peer)

    def on_datagram(self, text, source):
        cookie, _, command = text.strip("\n").partition(" ")
        if self.deaf:
            return
        if cookie in self.cache:
            self.repeats += 1
        else:
            self.sources.append(source)
            self.cache[cookie] = self.on_command(command)
        self.control.sendto(f"{cookie} {self.cache[cookie]}\n".encode(), source)

    def hang_up(self, sock):
        self.connections.pop(sock, None)
        sock.close()

    def on_stream(self, sock):
        """A line is a command; unix: one of them, then the server closes (13.1)."""
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.hang_up(sock)
            return
        self.connections[sock] += data
        while b"\n" in self.connections.get(sock, b""):
            line, _, rest = self.connections[sock].partition(b"\n")
            self.connections[sock] = rest
            if self.deaf:
                continue
            reply = self.on_command(line.decode("utf-8", "replace").strip("\r"))
            try:
                sock.sendall(reply.encode() + b"\n")
            except OSError:                  # whoever asked has given up meanwhile
                self.hang_up(sock)
            if self.way == "unix":
                self.hang_up(sock)

    def on_command(self, command):
        self.log.append(command)
        words = command.split(" ")
        reply = self.answer(words) if self.answer else None
        if reply is None:
            reply = self.carry_out(words)
        if self.delay and command[0] in "UL":
            time.sleep(self.delay)
        return reply

    # The commands, facts 13.2

    def modern(self):
        return self.release not in ("1.0", "1.2")

    def no_session(self):
        return "E50" if self.modern() else "E8"

    def carry_out(self, words):
        letter = words[0][:1].upper()
        if words[0] == "V":
            return "20040107"
        if words[0] == "VF":
            return "1" if words[1:] in ([f] for f in FEATURES[self.release]) or (words[1:] == ["20081224"] and self.targets) else "0"
        if letter in "UL" and 5 <= len(words) <= 8:
            return self.update(letter, words)
        if letter == "D" and len(words) in (3, 4):
            gone = [key for key in self.sessions if key[0] == words[1]]
            for key in gone:
                for leg in self.sessions.pop(key).legs:
                    leg.socket.close()
            return "0" if gone else self.no_session()
        if letter == "P" and len(words) in (5, 6):
            return self.play(words)
        if letter == "S" and len(words) in (3, 4):
            session = self.stream_of(words[1], words[2])
            if session is None:
                return self.no_session()
            session.playing.pop(words[2].partition(";")[0], None)
            return "0"
        if letter == "R" and len(words) in (3, 4):
            found = [s for key, s in self.sessions.items() if key[0] == words[1]]
            for session in found:
                session.recorded = True
            return "0" if found else self.no_session()
        return "E1"

    def stream_of(self, call_id, tag):
        """P and S need the exact ";n" (13.2)."""
        return self.sessions.get((call_id, int(tag.partition(";")[2] or 0)))

    def update(self, letter, words):
        key = (words[1], int(words[4].partition(";")[2] or 1))
        notify = words[-2:] if letter == "U" and len(words) >= 7 else None
        session = self.sessions.get(key)
        if notify and not self.targets:
            return "E75"
        if session is None and letter == "L":
            return "0 0.0.0.0"
        if session is None:
            session = self.sessions[key] = Session(self.address)
        if letter == "U":                    # one without the words takes the handler away (13.6)
            session.notify = notify
        if "C" in words[0]:
            session.codecs = words[0].partition("C")[2]
        # U tells the offerer's address and gets the port that the other side sends to; L the reverse.
        mine, theirs = session.legs if letter == "U" else session.legs[::-1]
        mine.peer = (words[2], int(words[3]))
        return f"{theirs.port} {self.address}" + (" 6" if ":" in self.address else "")

    def play(self, words):
        session = self.stream_of(words[1], words[4])
        if session is None:
            return self.no_session()
        if words[3] == "session" and not session.codecs:
            return "E35"
        if self.prompts is not None and words[2] not in self.prompts:
            return "E60" if self.modern() else "E6"
        session.playing[words[4].partition(";")[0]] = (words[2], int(words[0][1:] or 1))
        return "0"

    # What -n is for, facts 13.6

    def kept(self, target):
        """How this release keeps a target's name."""
        if target.startswith("unix:"):
            return target[5:]
        return target[4:] if target.startswith("tcp:") and self.release in ("1.0", "1.2", "2.0") else target

    def time_out(self, call_id):
        """The call's media have died: its sessions go, and whoever is its target is told, once for each stream. Returns what was told."""
        told = []
        for key in [k for k in self.sessions if k[0] == call_id]:
            session = self.sessions.pop(key)
            for leg in session.legs:
                leg.socket.close()
            for target in self.targets:
                if session.notify and self.kept(target) == session.notify[0]:
                    told.append((target, urllib.parse.unquote(session.notify[1])))
        for target, tag in told:
            path = target[5:] if target.startswith("unix:") else target
            kind, where = (socket.AF_UNIX, path) if path.startswith("/") else \
                (socket.AF_INET, (target.split(":")[-2], int(target.split(":")[-1])))
            with socket.socket(kind, socket.SOCK_STREAM) as sock:
                sock.settimeout(5)
                sock.connect(where)
                sock.sendall(f"{tag}\n".encode())
        return told
