"""A scripted relay: speaks the rtpproxy protocol and really relays. It stands in only for what rtpengine cannot do.

Debian's rtpengine mixes up the addresses of a second stream on its rtpproxy-protocol port (each U overwrites the
first stream's peer), so media of two streams is proved here. It also keeps every command, and can be told to answer
late, wrongly, or not at all.
"""

import select
import socket
import threading
import time

from . import proc


class Leg:
    """One port of the relay: what comes in here goes out of `other` to the address that `other` knows."""

    def __init__(self, address):
        self.socket = socket.socket(proc.family(address), socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.port = self.socket.getsockname()[1]
        self.peer = None
        self.other = None


class ScriptedRelay:
    def __init__(self, case, address="127.0.0.1"):
        self.address = address
        self.control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.control.bind(("127.0.0.1", 0))
        self.url = f"udp:127.0.0.1:{self.control.getsockname()[1]}"
        self.sessions = {}                   # (call-id, stream) -> (Leg of the offerer's side, Leg of the other)
        self.cache = {}                      # cookie -> reply: a repeated command is not carried out again
        self.log = []                        # commands as received, without cookie
        self.repeats = 0
        self.deaf = False                    # answers nothing
        self.delay = 0.0                     # s, before each answer to U and L
        self.answer = None                   # function(command words) -> reply text, or None for the usual one
        self.open = True
        case.helpers.append(self)
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def commands(self, letter):
        return [c for c in self.log if c.startswith(letter)]

    def uses(self, port):
        return any(port == leg.port for pair in self.sessions.values() for leg in pair)

    def loop(self):
        while self.open:
            legs = {leg.socket: leg for pair in self.sessions.values() for leg in pair}
            ready, _, _ = select.select([self.control, *legs], [], [], 0.05)
            for sock in ready:
                if sock is self.control:
                    data, source = sock.recvfrom(65536)
                    self.on_command(data.decode("utf-8", "replace"), source)
                elif sock.fileno() >= 0:
                    self.relay(legs[sock])

    @staticmethod
    def relay(leg):
        data, source = leg.socket.recvfrom(65536)
        leg.peer = source                    # latching: the address that media really comes from
        if leg.other.peer:
            leg.other.socket.sendto(data, leg.other.peer)

    def on_command(self, text, source):
        cookie, _, command = text.strip("\n").partition(" ")
        if self.deaf:
            return
        if cookie in self.cache:
            self.repeats += 1
        else:
            self.log.append(command)
            words = command.split(" ")
            reply = self.answer(words) if self.answer else None
            self.cache[cookie] = self.carry_out(words) if reply is None else reply
            if self.delay and command[0] in "UL":
                time.sleep(self.delay)
        self.control.sendto(f"{cookie} {self.cache[cookie]}\n".encode(), source)

    def carry_out(self, words):
        letter = words[0][0]
        if words[0] == "V":
            return "20040107"
        if words[0] == "VF":
            return "1" if words[1] in ("20040107", "20050322") else "0"
        if letter in "UL" and len(words) >= 5:
            stream = int(words[4].partition(";")[2] or 1)
            pair = self.sessions.get((words[1], stream))
            if pair is None and letter == "L":
                return "0 0.0.0.0"
            if pair is None:
                pair = (Leg(self.address), Leg(self.address))
                pair[0].other, pair[1].other = pair[1], pair[0]
                self.sessions[(words[1], stream)] = pair
            # U tells the offerer's address and gets the port that the other side sends to; L the reverse.
            mine, theirs = pair if letter == "U" else (pair[1], pair[0])
            mine.peer = (words[2], int(words[3]))
            return f"{theirs.port} {self.address}" + (" 6" if ":" in self.address else "")
        if letter == "D":
            gone = [key for key in self.sessions if key[0] == words[1]]
            for key in gone:
                for leg in self.sessions.pop(key):
                    leg.socket.close()
            return "0" if gone else "E8"
        return "E1"

    def close(self):
        self.open = False
        self.thread.join(2)
        self.control.close()
        for pair in self.sessions.values():
            for leg in pair:
                leg.socket.close()
