"""The control socket and pinholectl.

    operator --pinholectl--> UNIX socket --bus--> the service that owns the thing

Expected: the guide's text (name:: value), JSON with --json, exit status 0 done, 1 the daemon's error, 2 not reachable or usage.
"""

import os
import stat

from kit import build, check, proc


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


def test_exit_statuses(t):
    daemon = t.daemon()
    unknown = daemon.ctl("no_such_command")
    check.equal(unknown.returncode, 1, "status of an unknown command")
    check.that(unknown.stderr.strip() and not unknown.stdout.strip(), f"its text goes to stderr: {unknown}")
    absent = proc.run([build.program("pinholectl"), "-s", os.path.join(t.dir, "absent.sock"), "uptime"])
    check.equal(absent.returncode, 2, "status without a daemon")
    check.contains(absent.stderr, "absent.sock", "stderr without a daemon")
    for argv in (["-s"], [], ["--nonsense", "uptime"]):
        check.equal(proc.run([build.program("pinholectl"), *argv]).returncode, 2, f"status of wrong usage {argv}")


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


def test_commands_at_once(t):
    """Twenty operators at the same time."""
    daemon = t.daemon()
    jobs = [t.spawn("ctl", [build.program("pinholectl"), "-s", daemon.mi, "stats"], env=build.environment()) for _ in range(20)]
    for job in jobs:
        check.equal(job.wait(10), 0, f"status ({job.tail()})")
        check.contains(job.log(), "parked:: 0", "stats")
