"""The control socket and pinholectl; JSON-RPC itself is in test_mi_rpc.py.

    operator --pinholectl--> UNIX socket --bus--> the service that owns the thing

Expected: the guide's text (name:: value), JSON with --json, exit status 0 done, 1 the daemon's error, 2 not reachable or usage.
"""

import os
import signal
import socket
import stat
import subprocess
import threading
import time

from kit import build, check, proc

NOBODY = 65534


def test_help_lists_the_commands(t):
    daemon = t.daemon()
    done = daemon.ctl("help")
    check.equal(done.returncode, 0, "status")
    for name in ("help", "uptime", "stats", "nh_show_rtpp"):
        check.contains(done.stdout, f"{name}::", "help")


def test_uptime(t):
    daemon = t.daemon(conf={"node": "n1"})
    done = daemon.ctl("uptime")
    check.equal(done.returncode, 0, "status")
    check.contains(done.stdout, "n1", "uptime")
    check.contains(done.stdout, "Uptime:: ", "uptime")


def test_stats_count(t):
    daemon = t.daemon()
    before = daemon.stats()
    check.that(len(before) > 20, f"counters: {sorted(before)}")
    phone = t.phone("alice", daemon)
    for _ in range(5):
        phone.register()
    check.equal(daemon.stat("messages") - before["messages"], 5, "messages that were counted")
    check.equal(daemon.stat("parked"), 0, "parked scripts")


def test_show_rtpp(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    done = daemon.ctl("nh_show_rtpp")
    check.equal(done.returncode, 0, "status")
    lines = done.stdout.rstrip("\n").split("\n")
    check.that(lines[0].startswith(f"{relay.url}::"), f"the relay's url first: {lines}")
    check.contains(lines[0], "set=0", "first line")
    for want in ("\tindex:: 0", "\tdisabled:: 0", "\tweight:: 1", "\trecheck_ticks:: 0"):
        check.that(want in lines, f"{want!r} in {lines}")


def test_show_rtpp_of_a_dead_relay(t):
    relay = t.scripted_relay()
    relay.deaf = True
    daemon = t.daemon(relay=relay, conf={"rtpp": {"rtpproxy_timeout": "0.2", "rtpproxy_retr": 2}})
    alice, _ = t.phones_of(daemon, ["alice", "bob"])
    check.equal(alice.call("bob").txn.wait().status, 503, "call without a relay")
    check.until(lambda: "\tdisabled:: 1" in daemon.ctl("nh_show_rtpp").stdout, 3, "the relay shows as disabled")


def test_contacts(t):
    daemon = t.daemon()
    alice, _ = t.phones_of(daemon, ["alice", "bob"])
    done = daemon.ctl("contacts", "alice")
    check.equal(done.returncode, 0, f"status ({done.stderr})")
    check.contains(done.stdout, f"@{alice.private}:5060", "alice's contact")
    check.that("bob" not in done.stdout, "bob is not asked for")
    check.contains(daemon.ctl("contacts").stdout, "bob", "all contacts")


def test_json(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    check.equal(daemon.json("stats")["parked"], 0, "parked in JSON")
    check.contains(str(daemon.json("nh_show_rtpp")), relay.url, "relays in JSON")
    check.contains(str(daemon.json("uptime")), "serving", "uptime in JSON")


def test_switch_a_relay(t):
    """The guide's nh_enable_rtpp: nothing is printed on success; the URL is compared as it was written."""
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    done = daemon.ctl("nh_enable_rtpp", relay.url, "0")
    check.equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "nh_enable_rtpp 0")
    check.contains(daemon.ctl("nh_show_rtpp").stdout, "\tdisabled:: 1\n", "nh_show_rtpp")
    check.equal(daemon.ctl("nh_enable_rtpp", relay.url, "1").returncode, 0, "status of nh_enable_rtpp 1")
    for words, text in ((("udp:192.0.2.1:9", "0"), "404 RTP proxy not found"), ((relay.url, "x"), "400 Bad parameter"),
                        ((relay.url,), "400 Too few or too many arguments"), ((relay.url, "0", "0"), "400 Too few or too many")):
        done = daemon.ctl("nh_enable_rtpp", *words)
        check.equal((done.returncode, done.stdout), (1, ""), f"status of nh_enable_rtpp {words}")
        check.that(done.stderr.startswith(f"pinholectl: {text}"), f"stderr of nh_enable_rtpp {words}: {done.stderr!r}")


def test_contact_that_is_no_utf8(t):
    """What a phone writes cannot make the operator's answer disappear."""
    daemon = t.daemon()
    t.phone("alice", daemon).register(extra=[("User-Agent", "M\udcfcller")])
    done = daemon.ctl("contacts")
    check.equal(done.returncode, 0, f"status ({done.stderr})")
    check.contains(done.stdout, "M?ller", "the header in the text")
    check.contains(str(daemon.json("contacts")), "M?ller", "the header in JSON")


def test_exit_statuses(t):
    daemon = t.daemon()
    unknown = daemon.ctl("no_such_command")
    check.equal(unknown.returncode, 1, "status of an unknown command")
    check.equal((unknown.stdout, unknown.stderr), ("", "pinholectl: 404 no such command 'no_such_command': the command help lists them\n"),
                "its text goes to stderr")
    absent = proc.run([build.program("pinholectl"), "-s", os.path.join(t.dir, "absent.sock"), "uptime"])
    check.equal(absent.returncode, 2, "status without a daemon")
    check.contains(absent.stderr, "absent.sock: No such file or directory (is pinholed running", "stderr without a daemon")
    for argv in (["-s"], [], ["--nonsense", "uptime"], ["-s", daemon.mi], ["--json"]):
        done = proc.run([build.program("pinholectl"), *argv])
        check.equal(done.returncode, 2, f"status of wrong usage {argv}")
        check.contains(done.stderr, "usage: pinholectl", f"stderr of wrong usage {argv}")
    done = proc.run([build.program("pinholectl"), "--help"])
    check.equal((done.returncode, done.stderr), (0, ""), "status of --help")
    check.contains(done.stdout, "Exit status: 0 done; 1 the daemon answered an error; 2 not reachable", "the text of --help")


def test_arguments_of_every_kind(t):
    """Behind the command nothing is an option; text that is no UTF-8 is told, not left out."""
    daemon = t.daemon()
    for words in (["contacts", "-x"], ["contacts", "--json"], ["contacts", "--"], ["contacts", ""], ["contacts", "a b\"c\\d\n"],
                  ["--", "contacts", "-s"], ["contacts", "x" * 20000]):
        done = daemon.ctl(*words)
        check.that(done.returncode in (0, 1) and "usage" not in done.stderr, f"it reached the daemon: {words} {done}")
    check.contains(daemon.ctl("stats", "-x", "-y").stderr, "400 Too few or too many arguments: expected [prefix]", "stderr")
    done = subprocess.run([build.program("pinholectl"), "-s", daemon.mi, "contacts", b"m\xfcller"], capture_output=True, timeout=10, check=False)
    check.equal(done.returncode, 2, "status with bytes that are no UTF-8")
    check.contains(done.stderr.decode("utf-8", "replace"), "an argument is no UTF-8 text", "stderr")
    done = daemon.ctl("contacts", "x" * 70000)
    check.equal(done.returncode, 1, "status with a request that is too long")
    check.contains(done.stderr, "at most 65536 bytes", "stderr")


def test_where_the_socket_is(t):
    """-s, else $PINHOLE_SOCKET, else the default."""
    daemon = t.daemon()
    run = [build.program("pinholectl"), "uptime"]
    check.equal(proc.run(run, env={"PINHOLE_SOCKET": daemon.mi}).returncode, 0, "status with PINHOLE_SOCKET")
    check.contains(proc.run(run, env={"PINHOLE_SOCKET": "/nowhere/mi.sock"}).stderr, "/nowhere/mi.sock", "stderr")
    if not os.path.exists("/run/pinhole/mi.sock"):
        check.contains(proc.run(run, env={"PINHOLE_SOCKET": ""}).stderr, "/run/pinhole/mi.sock", "stderr with the default")
    long = proc.run([*run[:1], "-s", "/" + "x" * 200, "uptime"])
    check.equal(long.returncode, 2, "status with a path that is too long")
    check.contains(long.stderr, "at most 107 characters", "stderr")


def test_daemon_that_is_stopped(t):
    """SIGSTOP: pinholectl gives up in bounded time and says so."""
    daemon = t.daemon()
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        start = time.monotonic()
        done = daemon.ctl("uptime", seconds=20)
        took = time.monotonic() - start
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    check.equal(done.returncode, 2, "status")
    check.contains(done.stderr, "within 10 s: is it stopped?", "stderr")
    check.that(9 < took < 13, f"after 10 s: {took:.1f} s")
    check.equal(daemon.ctl("uptime").returncode, 0, "status when it goes on")


def answering(path, data):
    """A stand-in for the daemon: takes one client and writes data, then waits until it goes."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(1)

    def serve():
        client, _ = server.accept()
        client.recv(65536)
        client.sendall(data)
        if not data.endswith(b"\n"):
            client.shutdown(socket.SHUT_WR)
        client.recv(65536)
        client.close()
        server.close()
    threading.Thread(target=serve, daemon=True).start()


def test_what_answers_is_no_daemon(t):
    for number, (data, text) in enumerate(((b"220 mail ESMTP\r\n", "does not speak JSON-RPC"), (b"{}\n", "does not speak JSON-RPC"),
                                           (b"", "it closed the connection"), (b"\0\xff\n", "does not speak JSON-RPC"),
                                           (b'{"result":"half', "it closed the connection"))):
        path = os.path.join(t.dir, f"other{number}.sock")
        answering(path, data)
        done = proc.run([build.program("pinholectl"), "-s", path, "uptime"])
        check.equal((done.returncode, done.stdout), (2, ""), f"status for {data!r}")
        check.contains(done.stderr, text, f"stderr for {data!r}")


def test_result_that_cannot_be_written(t):
    daemon = t.daemon()
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([build.program("pinholectl"), "-s", daemon.mi, "stats"], stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=10, check=False)
    check.equal(done.returncode, 2, "status")
    check.contains(done.stderr, "its result cannot be written", "stderr")


def test_log_level(t):
    daemon = t.daemon()
    check.equal(daemon.ctl("log_level", "tm").stdout, "tm:: info\n", "level")
    check.equal(daemon.ctl("log_level", "tm", "debug").stdout, "tm:: debug\n", "level that was set")
    check.equal(daemon.ctl("log_level", "tm").stdout, "tm:: debug\n", "level now")
    check.contains(daemon.ctl("log_level", "mt").stderr, "404 nobody logs as 'mt'", "a source that is none")
    check.contains(daemon.ctl("log_level", "tm", "loud").stderr, "400 Bad parameter: expected debug, info", "a level that is none")
    check.contains(daemon.ctl("log_level").stderr, "400 Too few or too many arguments: expected source [level]", "no argument")


def test_socket_is_private(t):
    daemon = t.daemon()
    mode = stat.S_IMODE(os.stat(daemon.mi).st_mode)
    check.equal(oct(mode), "0o600", "mode of the control socket")
    daemon.stop()
    check.that(not os.path.exists(daemon.mi), "the socket is removed at the end")


def test_socket_of_a_killed_daemon_is_taken_over(t):
    daemon = t.daemon()
    daemon.kill()
    check.that(os.path.exists(daemon.mi), "the socket is still there")
    daemon.start()
    check.equal(daemon.ctl("uptime").returncode, 0, "status")


def test_socket_of_another_user_or_no_socket_is_left_alone(t):
    """Only a socket that nobody answers is replaced."""
    path = os.path.join(t.dir, "taken")
    first = t.daemon(conf={"mi": {"socket": path}}, start=False)
    first.mi = path
    first.start()
    status, log = t.daemon(start=False, name="second", conf={"mi": {"socket": path}}).refused()
    check.equal(status, 1, "status of a second daemon")
    check.contains(log, "is in use or another user's", "log of the second")
    check.equal(first.ctl("uptime").returncode, 0, "the first is there")
    if os.geteuid() != 0:
        raise check.Skipped("the other half needs root")
    folder = os.path.join(t.dir, "run")
    os.makedirs(folder)
    os.chown(folder, NOBODY, NOBODY)
    roots = os.path.join(folder, "mi.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(roots)
    os.chmod(roots, 0o600)
    status, log = t.daemon(start=False, name="third", conf={"user": "nobody", "mi": {"socket": roots}}).refused()
    check.equal(status, 1, "status of one that cannot know whether somebody is there")
    check.contains(log, "is in use or another user's", "log of the third")
    check.that(os.path.exists(roots), "the socket is left there")


def test_commands_at_once(t):
    """Twenty operators at the same time."""
    daemon = t.daemon()
    jobs = [t.spawn("ctl", [build.program("pinholectl"), "-s", daemon.mi, "stats"], env=build.environment()) for _ in range(20)]
    for job in jobs:
        check.equal(job.wait(10), 0, f"status ({job.tail()})")
        check.contains(job.log(), "parked:: 0", "stats")
