"""A real phone: Debian's baresip, controlled over its JSON port (ctrl_tcp), playing a tone of its own into its calls.

    alice = t.baresip("alice", daemon, home.lan, transport="tcp")     # started and registered
    alice.dial("bob"); bob.wait("CALL_INCOMING"); bob.accept(); alice.wait("CALL_ESTABLISHED")
    alice.hears(bob)                                                   # from here on: bob's tone, and no other
    alice.hangup(); bob.wait("CALL_CLOSED")

wait() takes events in the order in which the phone told them and skips those of other types; each is returned once. What the phone
received is kept: its SIP messages in its log (trace), its audio as dump-*-dec.wav in its folder (sndfile).
"""

import contextlib
import glob
import json
import os
import re
import socket
import threading
import time

from . import check, proc, sip, tone

PROGRAM = "baresip"
MODULES = "/usr/lib/baresip/modules"
SECONDS = 25                            # for things that take milliseconds on a machine with nothing else to do
CONTROL = 4444                          # on the loopback of the phone's own host

TRACE = re.compile(r"\x1b\[36;1m#\n(\w+) (\S+) -> (\S+)\n(.*?)\x1b\[;m\n", re.DOTALL)

CONFIG = """\
poll_method epoll
call_local_timeout 120
call_max_calls 4
audio_source aufile,{folder}/tone.wav
audio_player none,none
audio_alert none,none
audio_level no
rtp_tos 184
rtp_ports {rtp}
jitter_buffer_delay 5-10
snd_path {folder}
module_path {modules}
module g711.so
module aufile.so
module sndfile.so
module uuid.so
{more}module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
ringback_disabled yes
menu_bell no
"""


def needed():
    if not os.access(os.path.join(MODULES, "ctrl_tcp.so"), os.R_OK):
        raise check.Skipped("baresip is not installed: see apt-packages (baresip-core)")


class Baresip:
    """`host` is a Namespace, the machine of this phone alone, and `address` its address there. `server` is the outbound proxy."""

    def __init__(self, case, user, domain, server, host, address, transport="udp", expires=60, config="", args=()):
        needed()
        self.case, self.user, self.domain, self.transport = case, user, domain, transport
        self.host, self.address, self.args = host, address, args
        self.number = len(case.real_phones)
        self.tone = 400 + 110 * self.number
        self.folder = os.path.join(case.dir, f"phone-{user}")
        self.process = self.control = None
        self.events, self.read = [], 0          # all so far, and how many of them wait() has passed
        self.answers = {}                       # token -> what a command gave
        self.heard = {}                         # file -> octets of audio that hears() has passed
        self.held = False
        self.rtp = range(20000 + 200 * self.number, 20198 + 200 * self.number, 2)
        self.changed = threading.Condition()
        at = f"{sip.bracket(server[0])}:{server[1]}"
        self.account = (f"<sip:{user}@{domain};transport={transport}>;regint={expires};answermode=manual;ptime=20;"
                        f"outbound=\"sip:{at};transport={transport}\";audio_codecs=pcmu/8000/1")
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "config"), "w", encoding="ascii") as out:
            out.write(CONFIG.format(folder=self.folder, modules=MODULES, control=CONTROL, more=config,
                                    rtp=f"{self.rtp.start}-{self.rtp.stop}"))
        for name in ("accounts", "contacts"):   # the account comes by command, when somebody hears what becomes of it
            with open(os.path.join(self.folder, name), "w", encoding="ascii"):
                pass
        tone.write(os.path.join(self.folder, "tone.wav"), self.tone, 120)

    def start(self):
        with self.host:
            self.process = self.case.spawn(self.user, [PROGRAM, "-s", "-f", self.folder, *self.args])
        self.process.ready(self.connect, SECONDS)
        threading.Thread(target=self.listen, args=(self.control,), daemon=True).start()

    def connect(self):
        """True once the phone has its control port open."""
        with self.host:
            sock = socket.socket()
            try:
                sock.connect(("127.0.0.1", CONTROL))
            except OSError:
                sock.close()
                return False
        self.control = sock
        return True

    def listen(self, sock):
        """Netstrings: LENGTH:JSON,"""
        data = b""
        while True:
            try:
                more = sock.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more
            while (head := re.match(rb"(\d+):", data)) and len(data) > head.end() + int(head[1]):
                end = head.end() + int(head[1])
                self.take(json.loads(data[head.end():end].decode("utf-8", "replace")))
                data = data[end + 1:]

    def take(self, message):
        with self.changed:
            if message.get("response"):
                self.answers[message.get("token")] = message
            else:
                self.events.append(message)
            self.changed.notify_all()

    # What its user does

    def command(self, name, params=None, seconds=SECONDS):
        """A command of baresip's menu; what it printed."""
        token = sip.token(8)
        text = json.dumps({"command": name, "token": token, **({"params": params} if params else {})})
        self.control.sendall(f"{len(text)}:{text},".encode())
        with self.changed:
            self.changed.wait_for(lambda: token in self.answers, seconds)
            answer = self.answers.pop(token, None)
        check.that(answer is not None, f"{self.user}: no answer to {name}: {self.process.tail()}")
        check.that(answer.get("ok"), f"{self.user}: {name} {params or ''}: {answer.get('data')!r}")
        return answer.get("data", "")

    def register(self):
        self.command("uanew", self.account)
        return self.wait("REGISTER_OK", fail=("REGISTER_FAIL",))

    def dial(self, user):
        self.command("dial", user if user.startswith("sip") else f"sip:{user}@{self.domain}")

    def accept(self):
        self.command("accept")

    def hangup(self):
        """Also: cancel what rings at the other, refuse (486) what rings here."""
        self.command("hangup")

    def hold(self, other):
        self.command("hold")
        self.held = other.held = True           # until the call is over

    def resume(self):
        self.command("resume")

    # What it tells

    def wait(self, kind, seconds=SECONDS, fail=(), param=None):
        """The next event of this type, with this parameter; one of a type in `fail` before it fails the test."""
        def passed():
            while self.read < len(self.events):
                event = self.events[self.read]
                self.read += 1
                if event["type"] == "CALL_CLOSED":
                    self.held = False
                if (event["type"] == kind and param in (None, event.get("param"))) or event["type"] in fail:
                    return event
            return None
        found = []

        def come():
            found.append(passed())
            return found[-1]
        with self.changed:
            self.changed.wait_for(come, seconds)
        found = found[-1]
        check.that(found is not None, f"{self.user}: no {kind} within {seconds:g} s, only {self.told()}")
        check.equal(found["type"], kind, f"{self.user}: event ({found.get('param')})")
        return found

    def told(self):
        return [e["type"] + (f"({e['param']})" if len(e.get("param", "")) < 60 and e.get("param") else "") for e in self.events]

    def count(self, kind):
        return sum(1 for e in self.events if e["type"] == kind)

    def hears(self, other, seconds=SECONDS, tenths=5):
        """From now on: `tenths` tenths of a second of the other's tone, and nothing of anybody else's."""
        if self.held:
            found = self.on_the_wire(seconds, tenths)
        else:
            found = self.recorded(other.tone, seconds, tenths)
        check.that(found.count(other.tone) >= tenths, f"{self.user} does not hear {other.user} ({other.tone} Hz): {found[-20:]}")
        wrong = {t for t in found if t and t != other.tone}
        check.that(not wrong, f"{self.user} hears {wrong} Hz beside {other.tone} Hz")

    def tones(self):
        return [p.tone for p in self.case.real_phones]

    def recorded(self, wanted, seconds, tenths):
        """What it has decoded: its recordings."""
        for path in self.recordings():
            self.heard[path] = os.path.getsize(path)
        found, end = [], time.monotonic() + seconds
        while found.count(wanted) < tenths and time.monotonic() < end:
            time.sleep(0.05)
            for path in self.recordings():
                start = self.heard.get(path, 44)        # of a WAV file's header
                with open(path, "rb") as recording:
                    recording.seek(start)
                    data = recording.read()
                whole = len(data) // (2 * tone.WINDOW) * 2 * tone.WINDOW
                self.heard[path] = start + whole
                found += tone.heard(tone.samples(data[:whole]), self.tones())
        return found

    def on_the_wire(self, seconds, tenths):
        """What arrives at its network card, for calls that were on hold: baresip 1.0 stops recording then."""
        data, end = b"", time.monotonic() + seconds
        with self.host, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as card:
            card.bind(("eth0", 0x0800))
            card.settimeout(1)
            # The first packets may be those from before whatever the test has just done.
            while len(data) < (tenths + 3) * tone.WINDOW and time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    packet, (_, _, kind, *_) = card.recvfrom(2048)
                    if kind == socket.PACKET_HOST and self.is_audio(packet):
                        data += packet[20 + 8 + 12:]
        return tone.heard(tone.from_pcmu(data), self.tones())

    def is_audio(self, packet):
        """UDP to one of its ports for media, RTP of PCMU."""
        port = int.from_bytes(packet[22:24], "big")
        return packet[9] == 17 and port in self.rtp and len(packet) == 20 + 8 + 12 + 160 and packet[29] & 127 == 0

    def recordings(self):
        return sorted(glob.glob(os.path.join(self.folder, "dump-*-dec.wav")))

    def received(self, method=None):
        """The SIP messages that it has received, of this method (requests and replies), oldest first."""
        own = self.address + ":"
        parts = TRACE.findall(self.process.log())
        messages = [sip.Message.parse(text.encode()) for _, _, to, text in parts if to.replace("[", "").replace("]", "").startswith(own)]
        return [m for m in messages if method in (None, m.method)]

    def media_addresses(self):
        """The addresses that it was told to send media to."""
        return {line.split()[-1] for m in self.received() for line in m.body.decode().splitlines() if line.startswith("c=")}

    # The end

    def kill(self):
        """The plug is pulled: it says nothing to anybody."""
        self.process.kill()

    def close(self):
        if self.control is not None:
            self.control.close()
