"""Garbage as fast as three processes can send it, on the listener that real phones use, and calls by sipp beside it.

    3 strangers --as fast as they can--> pinholed (one UDP port) <--calls--> sipp uac, sipp uas

Expected: no call is lost and none of the phones' requests stays without its answer; garbage is counted; the log tells of it in a
line a second for each worker; memory stays.
"""

import os

from kit import check, proc
from kit.flood import Flood, garbage, half_sip
from kit.latency import registers, undisturbed
from kit.runner import limit, variants
from test_endless import memory
from test_sipp import finished, listens, sipp

SECONDS = 10
CALLS = 80                                    # at 10 a second: nearly as long as the flood
WORKERS = 2


def drops(port):
    """Datagrams that the kernel had no room for, on all sockets of that port."""
    with open("/proc/net/udp", encoding="utf-8") as table:
        rows = [line.split() for line in table]
    return sum(int(row[-1]) for row in rows[1:] if row[1].endswith(f":{port:04X}"))


def drops_are_counted(daemon):
    """The counter follows the kernel's, as soon as the buffer is looked at while it is full again."""
    lost, counted = drops(daemon.port), daemon.stat("net_udp_dropped")
    check.that(counted <= lost and (lost == 0 or counted > 0), f"net_udp_dropped is {counted}, the kernel counts {lost}")


def cpu_seconds(daemon):
    with open(f"/proc/{daemon.process.pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@limit(120)
@variants(kind=[garbage, half_sip])
def test_calls_beside_a_flood(t, kind):
    relay = t.relay(ports=800)
    daemon = t.daemon(relay=relay, conf={"workers": WORKERS})
    called, calling = proc.free_port("127.0.0.9"), proc.free_port("127.0.0.8")
    more = ["-mp", str(proc.free_port("127.0.0.9", tcp=False))]
    finished(t, sipp(t, daemon, "register", "register.xml", "127.0.0.9", called, 1), "REGISTER", 45)
    before, bad, used = memory(daemon), daemon.stat("bad_messages"), cpu_seconds(daemon)
    flood = Flood(kind, daemon.server, SECONDS)
    t.helpers.append(flood)
    with undisturbed(daemon) as priority:      # and with it sipp, which begins here
        uas = sipp(t, daemon, "uas", "uas.xml", "127.0.0.9", called, CALLS, *more)
        check.until(lambda: listens("udp", called), 5, "sipp waits for calls")
        check.until(lambda: flood.sent > 1000, 10, "the flood has begun")
        uac = sipp(t, daemon, "uac", "uac.xml", "127.0.0.8", calling, CALLS, "-r", "10", "-l", "80")
        finished(t, uac, "the calling side", 60)
        finished(t, uas, "the called side", 30)
        sent = flood.join()
        check.until(lambda: daemon.stat("bad_messages") - bad > 0.98 * (sent - drops(daemon.port)), 10, "the rest is read")
    drops_are_counted(daemon)
    stats, lost = daemon.stats(), drops(daemon.port)
    counted = stats["bad_messages"] - bad
    print(f"{sent} datagrams in {SECONDS} s: {counted} refused, {lost} had no room; {stats['bad_messages_answered']} answered; "
          f"{stats['tm_retransmissions_in']} requests of the calls came again; "
          f"{(cpu_seconds(daemon) - used) / counted * 1e6:.1f} us of processor time for each, the {CALLS} calls included; daemon {priority}")
    check.that(sent > 3000 * SECONDS, f"a flood, not a trickle: {sent} datagrams in {SECONDS} s")
    check.that(stats["bad_messages_answered"] <= WORKERS * 200 * (SECONDS + 2), f"answers to it: {stats['bad_messages_answered']}")
    lines = daemon.log().count("refused a message")
    check.that(0 < lines <= WORKERS * (SECONDS + 2), f"lines about it in the log: {lines}")
    check.that("more since the last such line" in daemon.log(), "the log says how many lines it left out")
    check.that(memory(daemon) - before < 64 << 20, f"memory before {before} and after {memory(daemon)}")


@limit(90)
@variants(kind=[garbage, half_sip])
def test_phones_beside_a_flood(t, kind):
    """Registered phones that ask again and again: each is answered, and does not wait for it."""
    daemon = t.daemon(conf={"workers": WORKERS})
    phones = t.phones_of(daemon, ["alice", "bob", "carol"])
    flood = Flood(kind, daemon.server, 5)
    t.helpers.append(flood)
    check.until(lambda: flood.sent > 1000, 10, "the flood has begun")
    with undisturbed(daemon) as priority:
        times = registers(phones, 300, gap=0.01)
        check.that(flood.running(), "the flood goes on until the last answer")
    print(f"{flood.join()} datagrams, {drops(daemon.port)} had no room; {times}; daemon {priority}")
    check.that(times.p(90) < 250, f"half of T1, after which they would ask again: {times}")
    drops_are_counted(daemon)
