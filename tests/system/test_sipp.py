"""Real sipp on both sides.

    sipp uac 127.0.0.8 --calls--> pinholed + rtpengine --> sipp uas 127.0.0.9 (registered as bob)

Expected: every call is set up and ended; both sipps end with 0 (none failed); no transaction or parked script is left;
the relay got an offer, an answer and a delete for each call.
"""

import os

from kit import build, check, proc
from kit.runner import limit, variants

SCENARIOS = os.path.join(build.HERE, "sipp")


def sipp(t, daemon, name, scenario, address, port, count, *more, transport="u1"):
    argv = ["sipp", f"{daemon.address}:{daemon.port}", "-sf", os.path.join(SCENARIOS, scenario), "-s", "bob", "-i", address,
            "-p", str(port), "-m", str(count), "-t", transport, "-nostdin", "-trace_err", "-error_file",
            os.path.join(t.dir, name + "-errors.log"), "-timeout", "40s", "-timeout_error", *more]
    return t.spawn(name, argv, env={"TERM": "dumb"})


def finished(t, process, what, seconds):
    status = process.wait(seconds)
    errors = os.path.join(t.dir, process.name + "-errors.log")
    text = ""
    if os.path.exists(errors):
        with open(errors, encoding="utf-8", errors="replace") as log:
            text = log.read()[:1500]
    check.equal(status, 0, f"exit status of sipp, {what} {text}")


@limit(90)
@variants(transport=["udp", "tcp"])
def test_calls_by_sipp(t, transport):
    count, kind = 100, "u1" if transport == "udp" else "t1"
    relay = t.relay(ports=800)
    daemon = t.daemon(relay=relay)
    called, calling = proc.free_port("127.0.0.9"), proc.free_port("127.0.0.8")
    more = ["-mp", str(proc.free_port("127.0.0.9", tcp=False))]

    finished(t, sipp(t, daemon, "register", "register.xml", "127.0.0.9", called, 1, transport=kind), "REGISTER", 45)
    uas = sipp(t, daemon, "uas", "uas.xml", "127.0.0.9", called, count, *more, transport=kind)
    check.until(lambda: listens(transport, called), 5, "sipp waits for calls")
    uac = sipp(t, daemon, "uac", "uac.xml", "127.0.0.8", calling, count, "-r", "50", "-l", "40", transport=kind)
    finished(t, uac, "the calling side", 60)
    finished(t, uas, "the called side", 20)

    check.equal(daemon.stat("parked"), 0, "parked scripts")
    for letter in "ULD":
        check.that(relay.commands(letter) >= count, f"{letter} commands at the relay: {relay.commands(letter)}")


def both(t, daemon, uas, uac, count, rate, *more):
    """A phone registered as bob, and a caller, with these scenarios."""
    called, calling = proc.free_port("127.0.0.9"), proc.free_port("127.0.0.8")
    finished(t, sipp(t, daemon, "register", "register.xml", "127.0.0.9", called, 1), "REGISTER", 45)
    server = sipp(t, daemon, "uas", uas, "127.0.0.9", called, count, "-mp", str(proc.free_port("127.0.0.9", tcp=False)), *more)
    check.until(lambda: listens("udp", called), 5, "sipp waits for calls")
    client = sipp(t, daemon, "uac", uac, "127.0.0.8", calling, count, "-r", str(rate), "-l", "100", *more)
    finished(t, client, "the calling side", 60)
    finished(t, server, "the called side", 45)


@limit(120)
def test_calls_by_sipp_on_a_bad_line(t):
    """Each side loses 15 % of what counts and the caller half of what does not: repeats on both sides of the daemon make up for it."""
    daemon = t.daemon(relay=t.relay(ports=800))
    both(t, daemon, "uas_lossy.xml", "uac_lossy.xml", 60, 20, "-max_invite_retrans", "9", "-max_non_invite_retrans", "11")
    stats = daemon.stats()
    check.that(stats["tm_retransmissions_in"] > 0 and stats["tm_retransmissions_out"] > 0, "requests were repeated on both sides")
    check.that(stats["tm_reply_retransmissions_in"] > 0, "replies were repeated")


@limit(90)
def test_cancelled_calls_by_sipp(t):
    daemon = t.daemon(relay=t.relay(ports=800))
    both(t, daemon, "uas_cancel.xml", "uac_cancel.xml", 60, 30)
    check.equal(daemon.stat("tm_cancels"), 60, "CANCELs")


def listens(transport, port):
    """Is the port of the called side open? Asked of /proc, so that sipp gets no packet that it does not expect."""
    with open(f"/proc/net/{transport}", encoding="utf-8") as table:
        return any(line.split()[1].endswith(f":{port:04X}") for line in table if ":" in line.split()[1])
