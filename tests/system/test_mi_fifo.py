"""The control FIFO, with the shell tools that operators have.

    operator --":command:reply\\nargument\\n\\n"--> FIFO --bus--> the service that owns the thing
    operator <--"200 OK\\n...\\n\\n"-- a FIFO of the operator's in mi.fifo_reply_dir

Expected: the framing of 2009 (facts, section 12); what clients do wrong - no reader, a reader that dies, names that lead
elsewhere, garbage, no end - costs that client its answer and nobody else anything.
"""

import errno
import fcntl
import os
import random
import re
import select
import signal
import stat
import subprocess
import threading
import time

from kit import build, check, proc
from kit.runner import variants

NOBODY = 65534
F_SETPIPE_SZ = 1031

# As opensipsctl does it: a FIFO for the reply, a reader, the request in one write.
CLIENT = r"""
set -e
fifo=$1 dir=$2 name=reply_$$ command=$3
shift 3
mkfifo "$dir/$name"
chmod a+w "$dir/$name"
trap 'rm -f "$dir/$name"' EXIT
cat "$dir/$name" &
request=":$command:$name\n"
for arg in "$@"; do request="$request$arg\n"; done
printf "$request\n" > "$fifo"
wait
"""


class Fifo:
    """A daemon with a FIFO and a folder for replies, both of the test's own."""

    def __init__(self, t, relay=None, redis=None, plugins=None, natping=None, **mi):
        self.t = t
        self.path, self.dir = os.path.join(t.dir, "fifo"), os.path.join(t.dir, "replies")
        os.makedirs(self.dir)
        more = {"plugins": plugins, "natping": natping} if plugins else {}
        self.daemon = t.daemon(relay=relay, redis=redis, conf={"mi": {"fifo": self.path, "fifo_reply_dir": self.dir, **mi}, **more})
        self.number = 0

    def ask(self, *words, user=None, seconds=10):
        """The shell client's output."""
        done = subprocess.run(["sh", "-c", CLIENT, "client", self.path, self.dir, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds, user=user, check=False,
                              preexec_fn=proc.die_with_parent)
        check.equal(done.returncode, 0, f"status of the shell client ({done.stderr})")
        return done.stdout

    def write(self, data):
        """Straight into the FIFO; the daemon must have it open."""
        fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(fd, True)
        try:
            os.write(fd, data.encode() if isinstance(data, str) else data)
        finally:
            os.close(fd)

    def reply_fifo(self, name=None, mode=0o600):
        self.number += 1
        path = os.path.join(self.dir, name or f"r{self.number}")
        os.mkfifo(path, mode)
        return path

    def stat(self, name):
        return self.daemon.stat(name)


class Reader:
    """Reads a FIFO to its end, in a thread of its own; the FIFO is open before the constructor returns."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.data = b""
        self.writers = False
        self.ended = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                part = os.read(self.fd, 65536)
            except BlockingIOError:                 # a writer, and nothing yet
                self.writers = True
                time.sleep(0.002)
                continue
            if part:
                self.writers = True
                self.data += part
            elif self.writers:
                break
            else:
                time.sleep(0.002)                   # no writer yet
        os.close(self.fd)
        self.ended.set()

    def text(self, seconds=5):
        check.that(self.ended.wait(seconds), f"an answer within {seconds} s; so far {self.data!r}")
        return self.data.decode()


def asked(fifo, request, name=None):
    """The answer to a request in which {} stands for the reply FIFO."""
    path = fifo.reply_fifo(name)
    reader = Reader(path)
    fifo.write(request.format(os.path.basename(path)))
    return reader.text()


# As operators do it

def test_shell_client(t):
    relay = t.relay()
    fifo = Fifo(t, relay)
    check.equal(fifo.ask("nh_show_rtpp"),
                f"200 OK\n{relay.url}::  set=0\n\tindex:: 0\n\tdisabled:: 0\n\tweight:: 1\n\trecheck_ticks:: 0\n\n", "nh_show_rtpp")
    check.equal(fifo.ask("nh_enable_rtpp", relay.url, "0"), "200 OK\n\n", "nh_enable_rtpp 0")
    check.contains(fifo.ask("nh_show_rtpp"), "\tdisabled:: 1\n\tweight:: 1\n\trecheck_ticks:: 4294967295\n", "switched off")
    check.equal(fifo.ask("nh_enable_rtpp", relay.url, "1"), "200 OK\n\n", "nh_enable_rtpp 1")
    check.contains(fifo.daemon.ctl("nh_show_rtpp").stdout, "\tdisabled:: 0\n", "pinholectl sees the same")


def test_errors_have_their_codes(t):
    relay = t.relay()
    fifo = Fifo(t, relay)
    check.equal(fifo.ask("nh_enable_rtpp", "udp:192.0.2.1:1", "0"), "404 RTP proxy not found\n\n", "a relay that is not there")
    check.that(fifo.ask("nh_enable_rtpp", relay.url).startswith("400 Too few or too many arguments"), "an argument is missing")
    check.that(fifo.ask("nh_enable_rtpp", relay.url, "x").startswith("400 Bad parameter"), "no number")
    check.equal(fifo.ask("no_such"), "404 no such command 'no_such': the command help lists them\n\n", "an unknown command")
    check.equal(fifo.stat("mi_errors"), 4, "errors that were counted")


def test_guides_session_of_the_pings(t):
    """Examples 1.30 and 1.33 of the guide, by FIFO and by pinholectl."""
    fifo = Fifo(t, plugins=["nat", "sdp", "registrar", "rtpp", "natping", "mi"], natping={"natping_interval": 30})
    check.equal(fifo.ask("nh_enable_ping"), "200 OK\nStatus:: 1\n\n", "the switch")
    check.equal(fifo.ask("nh_enable_ping", "0"), "200 OK\n\n", "off")
    check.equal(fifo.ask("nh_enable_ping"), "200 OK\nStatus:: 0\n\n", "the switch now")
    check.equal(fifo.daemon.ctl("nh_enable_ping").stdout, "Status:: 0\n", "pinholectl nh_enable_ping")
    check.equal(fifo.daemon.ctl("nh_enable_ping", "1").stdout, "", "pinholectl nh_enable_ping 1")
    check.equal(fifo.daemon.ctl("nh_enable_ping").stdout, "Status:: 1\n", "pinholectl nh_enable_ping")
    check.that(fifo.ask("nh_enable_ping", "x").startswith("400 Bad parameter"), "no number")
    check.that(fifo.ask("nh_enable_ping", "1", "2").startswith("400 Too few or too many arguments"), "one too many")
    check.that(fifo.ask("nh_reload_rtpp").startswith("400 "), "nothing to reload from without db_url")


def test_quoted_arguments_and_lines_with_cr(t):
    relay = t.relay()
    fifo = Fifo(t, relay)
    check.equal(asked(fifo, f':nh_enable_rtpp:{{}}\r\n"{relay.url}"\r\n"0"\r\n\r\n'), "200 OK\n\n", "quotes are taken off")
    check.contains(fifo.ask("nh_show_rtpp"), "\tdisabled:: 1\n", "it is switched off")


def test_command_without_reply_runs(t):
    relay = t.relay()
    fifo = Fifo(t, relay)
    proc.run(["sh", "-c", f'printf ":nh_enable_rtpp:\\n{relay.url}\\n0\\n\\n" > {fifo.path}'])
    check.until(lambda: "disabled:: 1" in fifo.daemon.ctl("nh_show_rtpp").stdout, 3, "the relay is switched off")
    check.equal(fifo.stat("mi_fifo_replies_lost"), 0, "lost replies")


def test_long_answer_arrives_whole(t):
    """More than a pipe holds at once: the rest follows as the reader takes it."""
    fifo = Fifo(t)
    phone = t.phone("alice", fifo.daemon)
    for _ in range(250):                            # "events" keeps 200 of them
        phone.register()
    check.until(lambda: len(fifo.daemon.ctl("events").stdout.splitlines()) == 200, 5, "200 events")
    path = fifo.reply_fifo()
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(fd, F_SETPIPE_SZ, 4096)
    fifo.write(f":events:{os.path.basename(path)}\n\n")
    data = b""
    while not data.endswith(b"\n\n"):
        try:
            part = os.read(fd, 1000)
            check.that(part or not data, f"the answer ended early, after {len(data)} bytes")
            data += part
        except BlockingIOError:
            time.sleep(0.001)
    os.close(fd)
    check.equal(len(data.decode().splitlines()), 202, "lines")
    check.that(len(data) > 10000, f"a long answer: {len(data)} bytes")


def test_many_clients_at_once(t):
    relay = t.relay()
    fifo = Fifo(t, relay)
    jobs = []
    for i in range(24):
        words = ["nh_show_rtpp"] if i % 2 else ["nh_enable_rtpp", relay.url, "1"]
        jobs.append(t.spawn("client", ["sh", "-c", CLIENT, "client", fifo.path, fifo.dir, *words]))
    for i, job in enumerate(jobs):
        check.equal(job.wait(15), 0, f"status of client {i} ({job.tail()})")
        check.that(job.log().startswith("200 OK\n"), f"answer of client {i}: {job.log()!r}")
        check.equal(relay.url in job.log(), bool(i % 2), f"each has its own answer: {job.log()!r}")
    check.equal(fifo.stat("mi_fifo_refused"), 0, "requests refused")


def test_more_requests_at_once_than_run_at_once(t):
    """200 requests in one go: they are taken up as others end, each is answered."""
    fifo = Fifo(t)
    paths = [fifo.reply_fifo() for _ in range(50)]
    readers = [Reader(path) for path in paths]
    fifo.write("".join(":uptime:\n\n" * 3 + f":uptime:{os.path.basename(path)}\n\n" for path in paths))
    for reader in readers:
        check.that(reader.text().startswith("200 OK\nNode:: "), f"answer: {reader.data!r}")
    check.that(fifo.stat("mi_commands") >= 200, "commands")


def test_answers_to_one_name_follow_each_other(t):
    fifo = Fifo(t)
    path = fifo.reply_fifo("same")
    fifo.write(":uptime:same\n\n:no_such:same\n\n:help:same\n\n")
    text = ""
    for _ in range(3):
        reader = Reader(path)
        text += reader.text()
        if text.count("\n\n") == 3:
            break
    heads = [answer.splitlines()[0] for answer in text.split("\n\n") if answer]
    check.equal(heads, ["200 OK", "404 no such command 'no_such': the command help lists them", "200 OK"], "answers in order")


# Readers that do not

def test_reader_may_come_a_moment_later(t):
    fifo = Fifo(t)
    path = fifo.reply_fifo()
    fifo.write(f":uptime:{os.path.basename(path)}\n\n")
    time.sleep(0.5)                                 # what is tested is this delay
    check.contains(Reader(path).text(), "200 OK\n", "answer")


def test_reader_that_never_opens_delays_nobody(t):
    fifo = Fifo(t, fifo_timeout=1500)
    for _ in range(100):                            # more than are kept
        fifo.write(f":uptime:{os.path.basename(fifo.reply_fifo())}\n\n")
    start = time.monotonic()
    check.contains(asked(fifo, ":uptime:{}\n\n"), "200 OK\n", "an answer beside them")
    check.that(time.monotonic() - start < 1, "without delay")
    check.until(lambda: fifo.stat("mi_fifo_replies_lost") == 100, 5, lambda: f"lost: {fifo.stat('mi_fifo_replies_lost')}")
    check.contains(fifo.daemon.log(), "too many replies wait", "log")
    lines = [line for line in fifo.daemon.log().splitlines() if "is lost" in line]
    check.that(len(lines) <= 2, f"one line in 10 s: {lines}")


def test_reader_that_dies(t):
    """It opens, and goes before it has read an answer that is longer than the pipe."""
    fifo = Fifo(t)
    for user in ("alice", "bob", "carol"):
        phone = t.phone(user, fifo.daemon)
        for _ in range(30):
            phone.register()
    check.until(lambda: len(fifo.daemon.ctl("events").stdout.splitlines()) == 90, 5, "90 events")
    path = fifo.reply_fifo()
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(fd, F_SETPIPE_SZ, 4096)
    fifo.write(f":events:{os.path.basename(path)}\n\n")
    check.until(lambda: readable(fd), 3, "the beginning of the answer is there")
    os.close(fd)
    check.until(lambda: fifo.stat("mi_fifo_replies_lost") == 1, 3, "the answer is lost")
    check.contains(fifo.daemon.log(), "its reader went away", "log")
    check.contains(asked(fifo, ":uptime:{}\n\n"), "200 OK\n", "the next one")


def readable(fd):
    return bool(select.select([fd], [], [], 0)[0])


def test_reader_that_stops_reading(t):
    fifo = Fifo(t, fifo_timeout=600)
    phone = t.phone("alice", fifo.daemon)
    for _ in range(60):
        phone.register()
    check.until(lambda: len(fifo.daemon.ctl("events").stdout.splitlines()) == 60, 5, "60 events")
    path = fifo.reply_fifo()
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(fd, F_SETPIPE_SZ, 4096)
    fifo.write(f":events:{os.path.basename(path)}\n\n")
    check.contains(asked(fifo, ":uptime:{}\n\n"), "200 OK\n", "another client meanwhile")
    check.until(lambda: fifo.stat("mi_fifo_replies_lost") == 1, 3, "the answer is given up")
    check.contains(fifo.daemon.log(), "its reader does not take it", "log")
    os.close(fd)


def test_names_that_lead_elsewhere(t):
    """Nothing is written outside of the folder, into a file, through a link, to another user's FIFO."""
    fifo = Fifo(t)
    outside = os.path.join(t.dir, "outside")
    os.mkfifo(outside)
    victim = os.path.join(fifo.dir, "victim")
    with open(victim, "w", encoding="utf-8") as out:
        out.write("precious")
    os.symlink(victim, os.path.join(fifo.dir, "to-file"))
    os.symlink(outside, os.path.join(fifo.dir, "to-fifo"))
    fd = os.open(outside, os.O_RDONLY | os.O_NONBLOCK)
    for name in ("../outside", outside, "..", ".", "../../etc/x"):
        fifo.write(f":uptime:{name}\n\n")
    check.until(lambda: fifo.stat("mi_fifo_refused") == 5, 3, "requests with such names are refused")
    for name in ("victim", "to-file", "to-fifo", "absent"):
        fifo.write(f":uptime:{name}\n\n")
    check.until(lambda: fifo.stat("mi_fifo_replies_lost") == 4, 3, "answers to what is no FIFO are lost")
    with open(victim, encoding="utf-8") as now:
        check.equal(now.read(), "precious", "the file")
    check.equal(os.read(fd, 100), b"", "what came out of the FIFO outside")
    os.close(fd)
    check.that(not os.path.exists(os.path.join(fifo.dir, "absent")), "no file was made")
    check.contains(asked(fifo, ":uptime:{}\n\n"), "200 OK\n", "the next one")


def test_reply_fifo_of_a_stranger(t):
    if os.geteuid() != 0:
        raise check.Skipped("needs root")
    fifo = Fifo(t)
    path = fifo.reply_fifo("planted")
    os.chown(path, NOBODY, NOBODY)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fifo.write(":contacts:planted\n\n")
    check.until(lambda: fifo.stat("mi_fifo_replies_lost") == 1, 3, "the answer is lost")
    check.equal(os.read(fd, 100), b"", "what a stranger could read")
    os.close(fd)
    check.contains(fifo.daemon.log(), "the FIFO is another user's", "log")


# Bad input

def test_garbage_is_skipped(t):
    """Bytes of every kind, with and without line ends; a request behind them is answered all the same."""
    fifo = Fifo(t)
    rng = random.Random(5)
    for _ in range(30):
        fifo.write(bytes(rng.randrange(256) for _ in range(3000)).replace(b":", b";"))
    check.contains(asked(fifo, ":uptime:{}\n\n"), "200 OK\n", "a request right behind it")
    fifo.write(b"x" * 60000)
    check.contains(asked(fifo, ":uptime:{}\n\n"), "200 OK\n", "behind an endless line")
    fifo.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    check.contains(asked(fifo, ":uptime:{}\n\n"), "200 OK\n", "behind lines of another protocol")
    check.that(fifo.stat("mi_fifo_skipped") >= 150000, "bytes skipped")
    lines = [line for line in fifo.daemon.log().splitlines() if "skipped" in line]
    check.equal(len(lines), 1, f"lines about it in the log {lines}")


def test_flood_of_garbage_delays_nobody(t):
    """A megabyte, while phones register and the control socket is asked."""
    fifo = Fifo(t)
    phone = t.phone("alice", fifo.daemon)
    flood = t.spawn("flood", ["sh", "-c", f"head -c 20000000 /dev/urandom > {fifo.path}"])
    for _ in range(20):
        phone.register()
        check.equal(fifo.daemon.ctl("uptime").returncode, 0, "pinholectl meanwhile")
    check.equal(flood.wait(30), 0, "status of the flood")
    check.contains(asked(fifo, ":uptime:{}\n\n"), "200 OK\n", "a request behind it")


def test_malformed_requests_are_answered(t):
    fifo = Fifo(t)
    wrong = {
        ":uptime:{}\n" + "x\n" * 33 + "\n": "400 more than 32 arguments",
        ":uptime:{}\n" + "x" * 9000 + "\n\n": "400 a request is longer than 8192 bytes",
        ":uptime:{}\na\0b\n\n": "400 an argument has control characters",
        ":no command:{}\n\n": "400 a command's name is",
        "::{}\n\n": "400 a command's name is",
        ":uptime:{}\n\"x\n\n": "400 a quoted argument has no closing quote",
    }
    for request, answer in wrong.items():
        check.that(asked(fifo, request).startswith(answer), f"answer to {request[:40]!r}")
    path = fifo.reply_fifo()
    reader = Reader(path)
    fifo.write(f":uptime:{os.path.basename(path)}\n".encode() + b"m\xfcller\n\n")
    check.equal(reader.text(), "400 an argument is no UTF-8 text\n\n", "answer")
    check.equal(fifo.stat("mi_fifo_refused"), len(wrong), "requests refused")


def test_request_without_end(t):
    """Refused at the deadline, or when the next one begins."""
    fifo = Fifo(t, fifo_timeout=300)
    check.equal(asked(fifo, ":uptime:{}\n"), "400 no empty line at the end of the request came in time\n\n", "answer at the deadline")
    first, second = fifo.reply_fifo(), fifo.reply_fifo()
    readers = Reader(first), Reader(second)
    fifo.write(f":uptime:{os.path.basename(first)}\n:uptime:{os.path.basename(second)}\n\n")
    check.equal(readers[0].text(), "400 no empty line at the end of the request\n\n", "answer to the first")
    check.contains(readers[1].text(), "200 OK\n", "answer to the second")


def test_request_in_pieces(t):
    fifo = Fifo(t)
    path = fifo.reply_fifo()
    reader = Reader(path)
    for piece in (":upt", "ime:", os.path.basename(path), "\n", "\n"):
        fifo.write(piece)
    check.contains(reader.text(), "200 OK\n", "answer")


# The file

def test_fifo_is_private_and_removed_at_the_end(t):
    old = os.umask(0)                               # the mode does not depend on it
    try:
        fifo = Fifo(t)
    finally:
        os.umask(old)
    st = os.stat(fifo.path)
    check.that(stat.S_ISFIFO(st.st_mode), "it is a FIFO")
    check.equal(oct(stat.S_IMODE(st.st_mode)), "0o600", "mode of the FIFO")
    check.equal(oct(stat.S_IMODE(os.stat(fifo.daemon.mi).st_mode)), "0o600", "mode of the socket")
    fifo.daemon.stop()
    check.that(not os.path.exists(fifo.path), "the FIFO is removed")


def test_umask_takes_no_right_away(t):
    old = os.umask(0o777)
    try:
        daemon = t.daemon(start=False, conf={"mi": {"fifo": os.path.join(t.dir, "fifo"), "fifo_reply_dir": t.dir}})
        os.chmod(daemon.conf_path, 0o600)
        with open(os.path.join(t.dir, "pinholed.log"), "w", encoding="utf-8"):
            pass
        os.chmod(os.path.join(t.dir, "pinholed.log"), 0o600)
        daemon.start()
    finally:
        os.umask(old)
    for path in (os.path.join(t.dir, "fifo"), daemon.mi):
        check.equal(oct(stat.S_IMODE(os.stat(path).st_mode)), "0o600", f"mode of {path}")


def test_fifo_of_a_killed_daemon_is_used_again(t):
    fifo = Fifo(t)
    inode = os.stat(fifo.path).st_ino
    fifo.daemon.kill()
    os.chmod(fifo.path, 0o666)
    fifo.daemon.start()
    check.equal(os.stat(fifo.path).st_ino, inode, "the FIFO")
    check.equal(oct(stat.S_IMODE(os.stat(fifo.path).st_mode)), "0o600", "its mode is set right")
    check.contains(fifo.ask("uptime"), "200 OK\n", "answer")


def test_fifo_of_a_running_daemon_is_refused(t):
    fifo = Fifo(t)
    second = t.daemon(start=False, name="second", conf={"mi": {"fifo": fifo.path, "fifo_reply_dir": fifo.dir}})
    status, log = second.refused()
    check.equal(status, 1, "status of the second")
    check.contains(log, "another process has it", "log of the second")
    check.contains(fifo.ask("uptime"), "200 OK\n", "the first goes on")


def test_fifo_that_is_removed_is_made_anew(t):
    fifo = Fifo(t)
    os.unlink(fifo.path)
    check.until(lambda: os.path.exists(fifo.path), 8, "the FIFO is there again")
    check.contains(fifo.ask("uptime"), "200 OK\n", "answer")
    fifo.daemon.stop()
    check.that(not os.path.exists(fifo.path), "and removed at the end")


def test_another_file_at_the_end_is_left_alone(t):
    """Somebody put a file there meanwhile: it is not ours to remove."""
    fifo = Fifo(t)
    os.unlink(fifo.path)
    os.unlink(fifo.daemon.mi)
    for path in (fifo.path, fifo.daemon.mi):
        with open(path, "w", encoding="utf-8") as out:
            out.write("precious")
    fifo.daemon.stop()
    for path in (fifo.path, fifo.daemon.mi):
        check.that(os.path.exists(path), f"{path} is still there")


def test_fifo_of_another_user_is_refused(t):
    if os.geteuid() != 0:
        raise check.Skipped("needs root")
    path = os.path.join(t.dir, "fifo")
    os.mkfifo(path)
    os.chown(path, NOBODY, NOBODY)
    status, log = t.daemon(start=False, conf={"mi": {"fifo": path, "fifo_reply_dir": t.dir}}).refused()
    check.equal(status, 1, "status")
    check.contains(log, "another user's", "log")
    check.that(os.path.exists(path), "it is left there")


def test_daemon_that_has_dropped_its_rights(t):
    """FIFO and socket belong to the user it runs as; root and that user reach them, and they are removed at the end."""
    if os.geteuid() != 0:
        raise check.Skipped("needs root")
    folder = os.path.join(t.dir, "run")
    os.makedirs(folder)
    os.chown(folder, NOBODY, NOBODY)
    os.chmod(t.dir, 0o755)
    path, mi = os.path.join(folder, "fifo"), os.path.join(folder, "mi.sock")
    replies = os.path.join(t.dir, "tmp")
    os.makedirs(replies)
    os.chmod(replies, 0o1777)
    daemon = t.daemon(start=False, conf={"user": "nobody", "group": "nogroup", "mi": {"socket": mi, "fifo": path, "fifo_reply_dir": replies}})
    daemon.mi = mi
    daemon.start()
    for file in (path, mi):
        check.equal((os.stat(file).st_uid, oct(stat.S_IMODE(os.stat(file).st_mode))), (NOBODY, "0o600"), f"owner and mode of {file}")
    for user in (0, NOBODY):
        done = subprocess.run(["sh", "-c", CLIENT, "client", path, replies, "uptime"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=10, user=user, check=False)
        check.that(done.stdout.startswith("200 OK\n"), f"answer to uid {user}: {done}")
        done = subprocess.run([build.program("pinholectl"), "-s", mi, "uptime"], capture_output=True, text=True, timeout=10, user=user,
                              check=False)
        check.equal(done.returncode, 0, f"pinholectl as uid {user} ({done.stderr})")
    done = subprocess.run([build.program("pinholectl"), "-s", mi, "uptime"], capture_output=True, text=True, timeout=10, user=1,
                          check=False)
    check.equal(done.returncode, 2, "pinholectl as a stranger")
    check.contains(done.stderr, "Permission denied", "stderr")
    daemon.stop()
    check.equal(os.listdir(folder), [], "what is left")


def test_folder_that_the_user_cannot_write_to(t):
    """What to do is in the log."""
    if os.geteuid() != 0:
        raise check.Skipped("needs root")
    for key in ("socket", "fifo"):
        daemon = t.daemon(start=False, name=key, conf={"user": "nobody", "mi": {
            "socket": "", key: os.path.join(t.dir, "absent", "x"), "fifo_reply_dir": t.dir}})
        status, log = daemon.refused()
        check.equal(status, 1, "status")
        check.contains(log, "install -d -o USER", "log")


@variants(case=[
    ("relative-socket", "socket", "relative.sock", "the absolute path of a socket, at most 107 characters"),
    ("long-socket", "socket", "/" + "x" * 107, "at most 107 characters"),
    ("file-as-socket", "socket", "FILE", "what is there is no socket"),
    ("relative-fifo", "fifo", "relative", "the absolute path of a FIFO"),
    ("file-as-fifo", "fifo", "FILE", "what is there is no FIFO"),
    ("folder-as-fifo", "fifo", "DIR", "what is there is no FIFO"),
    ("relative-folder", "fifo_reply_dir", "tmp", "the absolute path of a folder"),
    ("absent-folder", "fifo_reply_dir", "/no/such/folder", "a folder that exists"),
    ("file-as-folder", "fifo_reply_dir", "FILE", "a folder that exists"),
    ("short-timeout", "fifo_timeout", 50, "milliseconds from 100 to 60000"),
    ("no-clients", "max_clients", 0, "1 to 1024"),
    ("short-idle", "idle_timeout", 1, "milliseconds from 1000 to 86400000"),
    ("text-as-timeout", "fifo_timeout", "soon", "milliseconds from 100 to 60000"),
])
def test_bad_parameter(t, case):
    """Refused with file, line, key, what was found and what is right; a file that stands in the way is left alone."""
    _, key, value, right = case
    file = os.path.join(t.dir, "file")
    with open(file, "w", encoding="utf-8") as out:
        out.write("precious")
    value = {"FILE": file, "DIR": t.dir}.get(value, value)
    daemon = t.daemon(start=False, conf={"mi": {key: value}})
    with open(daemon.conf_path, encoding="utf-8") as conf:
        line = next(n for n, text in enumerate(conf, 1) if re.match(rf"\s*{key} = ", text))
    done = daemon.check_conf()
    check.equal(done.returncode, 1, "status of -c")
    found = [text for text in done.stderr.splitlines() if text.startswith(f"{daemon.conf_path}:{line}: mi.{key}: ")]
    check.that(len(found) == 1 and right in found[0] and str(value)[:60] in found[0], f"file, line, key, what is right: {done.stderr}")
    check.equal(daemon.refused()[0], 1, "status of the start")
    with open(file, encoding="utf-8") as now:
        check.equal(now.read(), "precious", "the file")


def test_socket_and_fifo_at_one_path(t):
    path = os.path.join(t.dir, "both")
    done = t.daemon(start=False, conf={"mi": {"socket": path, "fifo": path}}).check_conf()
    check.equal(done.returncode, 1, "status of -c")
    check.contains(done.stderr, "fifo and socket are one path", "stderr")


def test_command_that_the_stop_meets(t):
    """Its client is told, instead of waiting for ever."""
    redis = t.redis()
    fifo = Fifo(t, redis=redis)
    redis.process.send_signal(signal.SIGSTOP)
    path = fifo.reply_fifo()
    reader = Reader(path)
    fifo.write(f":contacts:{os.path.basename(path)}\n\n")
    check.until(lambda: fifo.stat("mi_fifo_requests") == 1, 3, "the command is under way")
    fifo.daemon.stop()
    check.that(reader.text().startswith("503 "), f"answer: {reader.data!r}")


def test_off_by_default(t):
    daemon = t.daemon()
    check.that(not any(stat.S_ISFIFO(os.stat(os.path.join(t.dir, name)).st_mode) for name in os.listdir(t.dir)), "no FIFO is made")
    check.equal(daemon.ctl("uptime").returncode, 0, "status")
    try:
        os.open("/run/pinhole/fifo", os.O_WRONLY | os.O_NONBLOCK)
    except OSError as err:
        check.that(err.errno in (errno.ENOENT, errno.ENXIO), f"no FIFO where examples have one: {err}")
