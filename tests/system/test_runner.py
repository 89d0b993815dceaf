"""The runner of these tests, given a folder of small ones.

    tests/system/run --fork--> each test in a process and a network of its own, several beside each other

Expected: a line each, the sums, status 1 when one failed; neighbours do not see each other's ports; @alone is alone.
"""

import os
import re
import signal

from kit import build, check, netns, proc

HEAD = """
import os, signal, socket, time
from kit import check
from kit.runner import alone, limit, variants
HERE = os.path.dirname(__file__)

def mark(name):
    open(os.path.join(HERE, name), "w").close()

def there(name):
    return os.path.exists(os.path.join(HERE, name))

def meet(mine, other):
    mark(mine)
    check.until(lambda: there(other), 20, other + " runs as well")
"""


def start(t, tests, *args):
    """The runner at work on a folder with that file, as a process."""
    folder = os.path.join(t.dir, "tests")
    os.mkdir(folder)
    with open(os.path.join(folder, "test_small.py"), "w", encoding="utf-8") as out:
        out.write(HEAD + tests)
    code = f"import sys; sys.path.insert(0, {build.HERE!r}); from kit import runner; sys.exit(runner.main({folder!r}))"
    return t.spawn("runner", ["python3", "-B", "-c", code, "--logs", os.path.join(t.dir, "kept"), *args],
                   env={"PINHOLE_BUILD": build.folder()})


def finished(t, tests, *args):
    """(status, lines without the seconds)."""
    process = start(t, tests, *args)
    status = process.wait(40)
    return status, re.sub(r" \(\d+\.\d s\)", "", process.log()).splitlines()


def test_lines_sums_and_logs(t):
    status, lines = finished(t, """
def test_a_good(t): pass
def test_b_bad(t): check.equal(1, 2, "a number")
def test_c_skipped(t): raise check.Skipped("no reason")
def test_d_dead(t): os.kill(os.getpid(), signal.SIGKILL)
@limit(0.3)
def test_e_long(t): time.sleep(30)
@variants(way=["x", "y"])
def test_f_ways(t, way): print("seen", way)
""", "-j", "1")
    check.equal(status, 1, "status")
    check.that(lines[0].endswith(", 1 at once") or ", 1 at once, all in one network" in lines[0], f"first line: {lines[0]}")
    kept = os.path.join(t.dir, "kept", "test_small.test_")
    check.equal(lines[1:], [
        "ok      test_small.test_a_good",
        "FAILED  test_small.test_b_bad: test_small.py:18: a number: found 1, expected 2", f"        logs: {kept}b_bad",
        "skipped test_small.test_c_skipped: no reason",
        "FAILED  test_small.test_d_dead: the test process died", f"        logs: {kept}d_dead",
        "FAILED  test_small.test_e_long: ran longer than 0.3 s", f"        logs: {kept}e_long",
        "ok      test_small.test_f_ways[x]", "ok      test_small.test_f_ways[y]",
        "3 passed, 3 failed, 1 skipped"], "lines")
    check.that(os.path.exists(kept + "b_bad/test.log"), "its log is kept")


def test_neighbours_have_networks_of_their_own(t):
    """Both have the same ports at the same time, and so has this test."""
    if not netns.allowed():
        raise check.Skipped("network namespaces need root")
    port = proc.free_port()
    meeting = """
def have_it(mine, other):
    for address in ("127.0.0.1", "127.9.9.9", "::1"):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            sock.bind((address, PORT))
            held.append(sock)
    meet(mine, other)
held = []
def test_one(t): have_it("one", "two")
def test_two(t): have_it("two", "one")
""".replace("PORT", str(port))
    status, lines = finished(t, meeting, "-j", "2")
    check.equal((status, lines[-1]), (0, "2 passed, 0 failed, 0 skipped"), "status and sums")


def test_the_long_ones_first_and_alone_at_the_end(t):
    status, lines = finished(t, """
@alone
def test_alone(t):
    mark("alone")
    check.that(there("long done") and there("short done"), "the others are through")
def test_short(t):
    meet("short", "long")
    check.that(not there("alone"), "it waits for all")
    mark("short done")
@limit(70)
def test_long(t):
    meet("long", "short")
    time.sleep(0.2)                                # here nothing can be awaited: that the one behind does not begin
    check.that(not there("alone"), "it waits for all")
    mark("long done")
@alone
def test_last(t): check.that(there("alone"), "one after the other")
""", "-j", "4")
    check.equal(status, 0, f"status ({lines})")
    check.equal(lines[3:], ["ok      test_small.test_alone", "ok      test_small.test_last", "4 passed, 0 failed, 0 skipped"], "lines")


def test_interrupt_ends_all(t):
    process = start(t, """
def stay(t, name):
    process = t.spawn("sleep", ["sleep", "1000"])
    with open(os.path.join(HERE, name + ".pids"), "w") as out:
        out.write(f"{os.getpid()} {process.pid}\\n")
    time.sleep(50)
def test_one(t): stay(t, "one")
def test_two(t): stay(t, "two")
""", "-j", "2")

    def pids():
        texts = []
        for name in ("one", "two"):
            path = os.path.join(t.dir, "tests", name + ".pids")
            with open(path, encoding="utf-8") if os.path.exists(path) else open(os.devnull, encoding="utf-8") as text:
                texts.append(text.read())
        return [int(p) for p in " ".join(texts).split()] if all(text.endswith("\n") for text in texts) else None
    below = check.until(pids, 20, "both are at work")
    process.stop(signal.SIGINT, 10)
    check.until(lambda: not any(os.path.exists(f"/proc/{p}") for p in below), 5, "all have ended")


def test_number_at_once(t):
    for argv in (["-j", "0"], ["-j", "x"], ["-j", "65"]):
        done = proc.run([os.path.join(build.HERE, "run"), *argv], env={"PINHOLE_BUILD": build.folder()})
        check.equal(done.returncode, 2, f"status of {argv}")
        check.contains(done.stderr, "-j", f"stderr of {argv}")
