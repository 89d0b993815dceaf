"""The log, and readers of it that do not read.

    phone --OPTIONS--> pinholed --a line each--> a pipe, or the socket of the system's log, that nobody reads

Expected: the daemon answers as if nothing were; lines that found the buffer full are counted, and told of once somebody reads.
"""

import fcntl
import os
import re
import signal
import socket
import threading
import time

from kit import build, check, netns
from kit.latency import Latencies
from kit.runner import alone

SMALL = {"level": "debug", "buffer": 65536}
ROUTE = """
route {
	xdbg("seen $rm %s\\n");
	send_reply("200", "OK");
}
""" % ("and say so in a line that is rather long; " * 10)


class Reader:
    """The other end of the daemon's stderr. It reads when it is told to."""

    def __init__(self, t):
        self.path = os.path.join(t.dir, "stderr")
        os.mkfifo(self.path)
        self.fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, 4096)
        self.text = ""
        t.helpers.append(self)

    def read(self):
        """What is there now, beside what was before."""
        try:
            while part := os.read(self.fd, 65536):
                self.text += part.decode("utf-8", "replace")
        except BlockingIOError:
            pass
        return self.text

    def close(self):
        os.close(self.fd)


def launch(daemon, *wrapper):
    """Start it by another program, which gets the daemon's words behind its own."""
    argv = daemon.argv
    daemon.argv = lambda *more: [*wrapper, *argv(*more)]
    daemon.start()


def piped(t, **kwargs):
    reader = Reader(t)
    daemon = t.daemon(start=False, script=ROUTE, **kwargs)
    launch(daemon, "sh", "-c", 'exec "$@" 2>"$0"', reader.path)
    return daemon, reader


def ask(daemon, phone, count):
    times = []
    for _ in range(count):
        start = time.monotonic()
        check.equal(phone.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "reply to OPTIONS")
        times.append(time.monotonic() - start)
    return Latencies(times)


def left_out(text):
    return sum(int(n) for n in re.findall(r"log: (\d+) lines left out", text))


@alone
def test_nobody_reads_stderr(t):
    daemon, reader = piped(t, conf={"log": {"level": "err", "script": "debug", "buffer": 65536}})
    alice = t.phone("alice", daemon)
    load = ask(daemon, alice, 500)                 # 220 kB of lines
    print(load)
    check.that(load.p(99) < 50, f"p99 under 50 ms, found {load}")
    check.until(lambda: daemon.stat("log_dropped") > 100, 3, lambda: f"lines are left out: {daemon.ctl('stats', 'log_').stdout}")
    dropped = daemon.stat("log_dropped")
    check.equal(daemon.stat("log_dropped_errors"), 0, "errors among them")
    check.that("left out" not in reader.text, "nothing is told yet")

    check.until(lambda: left_out(reader.read()) >= dropped, 10, lambda: f"{dropped} left out, told of {left_out(reader.text)}")
    check.equal(left_out(reader.text), daemon.stat("log_dropped"), "lines that were left out, in the log and in stats")
    ask(daemon, alice, 1)
    check.until(lambda: reader.read().count("seen OPTIONS") == 501 - dropped, 5, lambda: f"the other lines, and the last one, are there: {reader.text.count('seen OPTIONS')} and {dropped}")
    check.equal(daemon.stat("log_dropped"), dropped, "lines left out afterwards")


def test_end_while_nobody_reads(t):
    """The last lines have a second, and the daemon ends with status 0."""
    daemon, _ = piped(t, conf={"log": SMALL})
    ask(daemon, t.phone("alice", daemon), 200)
    start = time.monotonic()
    daemon.stop(8)
    took = time.monotonic() - start
    check.that(0.9 < took, f"it ended after {took:.1f} s, though lines waited for their reader")


def test_end_while_somebody_reads(t):
    """Nothing of what waits is lost at the end."""
    daemon, reader = piped(t, conf={"log": {"level": "debug"}})
    ask(daemon, t.phone("alice", daemon), 200)
    daemon.terminate()
    end = time.monotonic() + 10
    while daemon.process.running() and time.monotonic() < end:
        reader.read()
        time.sleep(0.001)
    check.equal(daemon.process.wait(1), 0, "exit status")
    check.equal(reader.read().count("seen OPTIONS"), 200, "lines of the script")
    check.contains(reader.text, "drained", "what is logged at the end")


def test_crash_leaves_the_last_lines(t):
    """A second before the end of a process is what somebody wants to read."""
    if build.sanitizer():
        raise check.Skipped("sanitizers have handlers of their own")
    daemon = t.daemon(script=ROUTE, conf={"log": {"level": "debug"}})
    alice = t.phone("alice", daemon)
    for _ in range(5):
        alice.request("OPTIONS", f"sip:{daemon.domain}")
    daemon.process.send_signal(signal.SIGSEGV)
    check.equal(daemon.process.wait(5), -signal.SIGSEGV, "status of the process")
    check.equal(daemon.process.log().count("seen OPTIONS"), 5, "lines of the script")
    daemon.process = None                          # its death was wanted


class Syslog:
    """The system's log of one process: /dev is another one to it, where log is this socket."""

    SCRIPT = """
dev=$0/dev
mkdir "$dev"
for name in null zero urandom random; do touch "$dev/$name"; mount --bind "/dev/$name" "$dev/$name" || exit 1; done
ln -s "$0/log" "$dev/log"
mount --rbind "$dev" /dev || exit 1
exec "$@"
"""

    def __init__(self, t):
        self.dir = os.path.join(t.dir, "syslog")
        os.mkdir(self.dir)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(self.dir, "log"))
        self.socket.settimeout(0.1)
        self.lines = []
        self.thread = None
        self.open = True
        t.helpers.append(self)

    def start(self, daemon):
        if not netns.allowed():
            raise check.Skipped("another /dev needs root")
        launch(daemon, "unshare", "-m", "sh", "-c", self.SCRIPT, self.dir)

    def read(self):
        """From here on it reads."""
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while self.open:
            try:
                self.lines.append(self.socket.recv(8192).decode("utf-8", "replace"))
            except TimeoutError:
                continue

    def text(self):
        return "\n".join(self.lines)

    def close(self):
        self.open = False
        if self.thread:
            self.thread.join(2)
        self.socket.close()


def test_system_log(t):
    syslog = Syslog(t)
    syslog.read()
    daemon = t.daemon(start=False, script=ROUTE, conf={"log": {"to": "syslog", "level": "debug"}})
    syslog.start(daemon)
    ask(daemon, t.phone("alice", daemon), 20)
    check.until(lambda: syslog.text().count("DEBUG script: ") >= 20, 5, lambda: f"all lines, found {syslog.text()[-500:]}")
    line = next(line for line in syslog.lines if "seen OPTIONS" in line)
    # <priority> is facility daemon (3) and level debug (7); the time is syslog's own.
    check.that(re.match(r"<31>\w{3} [ \d]\d [\d:]{8} pinholed\[\d+\]: DEBUG script: \[\S+] pinholed\.route:3 request_route: seen OPTIONS and say", line), f"a line: {line}")
    daemon.stop()
    check.contains(syslog.text(), "drained", "the last lines")
    check.equal(daemon.process.log(), "", "stderr")


def test_nobody_reads_the_system_log(t):
    syslog = Syslog(t)
    daemon = t.daemon(start=False, script=ROUTE, conf={"log": {"to": "syslog", "level": "err", **{"script": "debug", "buffer": 65536}}})
    syslog.start(daemon)
    load = ask(daemon, t.phone("alice", daemon), 500)
    print(load)
    check.that(load.p(50) < 50, f"p50 under 50 ms, found {load}")
    check.until(lambda: daemon.stat("log_dropped") > 100, 3, lambda: f"lines are left out: {daemon.ctl('stats', 'log_').stdout}")
    dropped = daemon.stat("log_dropped")
    syslog.read()
    check.until(lambda: left_out(syslog.text()) >= dropped, 10, lambda: f"{dropped} left out, told of {left_out(syslog.text())}")
    check.equal(syslog.text().count("seen OPTIONS"), 500 - dropped, "the other lines")
