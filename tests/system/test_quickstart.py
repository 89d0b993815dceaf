"""./quickstart as a newcomer runs it.

    newcomer --./quickstart--> packages, build, rtpengine, pinholed, two simulated phones

Expected: seven steps with ok, two lines that say how to point a phone at it, a daemon that serves until Ctrl-C, and
nothing left afterwards.
"""

import os
import re
import signal
import socket

from kit import build, check, proc
from kit.phone import Phone
from kit.runner import alone, limit

QUICKSTART = os.path.join(build.TOP, "quickstart")


def start(t, *args, port=None):
    port = port or proc.free_port("0.0.0.0")
    env = {**build.environment(), "PINHOLE_BUILD": build.folder(), "TMPDIR": t.dir}
    return port, t.spawn("quickstart", [QUICKSTART, "--port", str(port), *args], env=env)


def children(pid):
    """The processes below pid, by id and name."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8") as stat:
                    text = stat.read()
            except OSError:
                continue
            ppid = int(text.rpartition(")")[2].split()[1])
            if ppid == pid:
                found[int(name)] = text[text.index("(") + 1:text.rindex(")")]
    return found


def gone(pids):
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@alone
@limit(300)
def test_demonstration_and_ctrl_c(t):
    port, process = start(t)
    process.ready(lambda: "Then register a second one" in process.log(), 240)
    log = process.log()
    steps = re.findall(r"^  \d\. .* \.\.\. (ok|FAILED)", log, re.M)
    check.equal(steps, ["ok"] * 7, f"steps of the demonstration: {log}")
    check.contains(log, "50 of 50 RTP packets reached bob, 50 of 50 reached alice", "the demonstration")
    check.equal(len(re.findall("^(?:Point a phone|Then register)", log, re.M)), 2, "lines on how to point a phone at it")

    phone = Phone("visitor", ("127.0.0.1", port), f"127.0.0.1:{port}")
    t.phones.append(phone)
    phone.register()
    control = re.search(r"Counters:  (\S+) -s (\S+) stats", log)
    check.equal(proc.run([control.group(1), "-s", control.group(2), "stats"], env=build.environment()).returncode, 0,
                "the command for counters that it prints")

    below = children(process.pid)
    check.equal({n for n in below.values() if n in ("pinholed", "rtpengine")}, {"pinholed", "rtpengine"}, "what runs")
    check.equal(process.stop(signal.SIGINT, 20), 0, "exit status after Ctrl-C")
    check.until(lambda: gone(below), 3, f"something still runs of {below}")
    check.equal([n for n in os.listdir(t.dir) if n.startswith("pinhole-quickstart")], [], "folders left behind")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", port))


@alone
@limit(120)
def test_second_run_beside_the_first(t):
    """The port is taken: it says so, by whom, and what to do. The first goes on."""
    port, first = start(t, "--no-demo")
    first.ready(lambda: "Then register" in first.log(), 100)
    check.that("demonstration" not in first.log(), "--no-demo shows none")
    _, second = start(t, port=port)
    check.equal(second.wait(30), 1, "exit status of the second")
    check.contains(second.log(), f"port {port} is in use", "what the second says")
    check.contains(second.log(), "--port", "what the second proposes")
    check.that(first.running(), "the first goes on")
    check.equal(first.stop(signal.SIGTERM, 20), 143, "exit status after SIGTERM")


@alone
@limit(120)
def test_its_death_takes_all_with_it(t):
    _, process = start(t, "--no-demo")
    process.ready(lambda: "Then register" in process.log(), 100)
    below = children(process.pid)
    process.child.kill()
    process.wait(5)
    check.until(lambda: gone(p for p, n in below.items() if n in ("pinholed", "rtpengine")), 15, "its children end as well")


def test_help_and_wrong_arguments(t):
    done = proc.run([QUICKSTART, "--help"])
    check.equal(done.returncode, 0, "status of --help")
    check.contains(done.stdout, "--no-demo", "text of --help")
    for argv in (["--nonsense"], ["--port"], ["--port", "abc"], ["--port", "70000"], ["--port", "0"]):
        done = proc.run([QUICKSTART, *argv])
        check.equal(done.returncode, 2, f"status of {argv}")
        check.that(done.stderr.strip(), f"a text for {argv}")


def test_failed_demonstration_is_said(t):
    """The demonstration itself against a daemon without a relay: the step, FAILED and why, exit status 1."""
    daemon = t.daemon(conf={"aliases": ["127.0.0.1"]})
    done = proc.run(["python3", os.path.join(build.TOP, "scripts", "demo.py"), "--port", str(daemon.port)], seconds=40)
    check.equal(done.returncode, 1, "status")
    check.that(re.search(r"^  \d\. .* FAILED: .*\S", done.stdout, re.M), f"which step and why: {done.stdout}")
