"""A relay that is down: when it is asked again, and that no call pays for asking. Facts 8.4.

    pinholed --V, VF (in the background)--> relay that was silent;  calls --> the spare meanwhile

Expected: rtpproxy_disable_tout n: left alone for n seconds, then asked each second until it answers; 0: each second; -1: not until it is
enabled. The last one of a set is asked each second anyhow. Over datagrams and streams alike.
"""

import time

from kit import check
from kit.runner import limit, variants

QUICK = {"rtpproxy_timeout": "0.1", "rtpproxy_retr": 2}


def ring(alice, bob):
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    call.hangup()
    leg.wait_ended()


def paid(daemon):
    """How many calls have met the silence."""
    return daemon.stat("rtpp_failovers")


def pair(t, way, tout):
    """A relay with a spare, brought down by a call; (relay, spare, daemon, alice, bob)."""
    relay, spare = t.scripted_relay(way=way), t.scripted_relay()
    daemon = t.daemon(conf={"rtpp": {"rtpproxy_sock": f"{relay.url} {spare.url}=0", "rtpproxy_disable_tout": tout, **QUICK}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    ring(alice, bob)
    if way == "udp":
        relay.deaf = True                    # there is no other way to be dead over UDP
    else:
        relay.stop()
    ring(alice, bob)
    check.equal((daemon.stat("rtpp_relays_down"), paid(daemon)), (1, 1), "relays down, calls that have paid for it")
    return relay, spare, daemon, alice, bob


def back(relay):
    relay.log.clear()
    if relay.open:
        relay.deaf = False
    else:
        relay.restart()


@variants(way=["udp", "unix", "tcp"])
def test_it_is_asked_when_its_time_is_over(t, way):
    relay, _, daemon, alice, bob = pair(t, way, 3)
    down_at = time.monotonic()
    ticks = [line for line in daemon.ctl("nh_show_rtpp").stdout.splitlines() if "recheck_ticks" in line]
    check.that(2 <= int(ticks[0].split(":: ")[1]) <= 10 and ticks[1].endswith(":: 0"), f"uptime at which it is asked again: {ticks}")
    back(relay)
    for _ in range(4):
        ring(alice, bob)                     # no call goes there, and none pays for it
    time.sleep(max(0.0, down_at + 2.3 - time.monotonic()))     # nothing must happen: there is nothing to wait for
    check.equal((relay.log, paid(daemon)), ([], 1), "commands before its time, calls that have paid")
    check.until(lambda: daemon.stat("rtpp_relays_down") == 0, 4, "it is up again")
    ring(alice, bob)
    check.equal(len(relay.commands("U")), 1, "offers at the relay")


@variants(way=["udp", "unix", "tcp"])
def test_zero_means_each_second(t, way):
    relay, _, daemon, alice, bob = pair(t, way, 0)
    failures = daemon.stat("rtpp_commands")
    check.until(lambda: daemon.stat("rtpp_commands") >= failures + 2, 5, "it is asked while it is down")
    for _ in range(3):
        ring(alice, bob)
    check.equal(paid(daemon), 1, "calls that have paid")
    back(relay)
    check.until(lambda: daemon.stat("rtpp_relays_down") == 0, 3, "it is up again")


@variants(way=["udp", "tcp"])
def test_minus_one_waits_for_the_operator(t, way):
    relay, _, daemon, alice, bob = pair(t, way, -1)
    back(relay)
    check.contains(daemon.ctl("nh_show_rtpp").stdout, "disabled:: 1\n\tweight:: 1\n\trecheck_ticks:: 4294967295", "state")
    time.sleep(2.5)                          # nothing must happen: there is nothing to wait for
    check.equal((relay.log, daemon.stat("rtpp_relays_down")), ([], 1), "commands, relays down")
    check.equal(daemon.ctl("nh_enable_rtpp", relay.url, "1").returncode, 0, "status")
    ring(alice, bob)
    check.equal(len(relay.commands("U")), 1, "offers at the relay")


@limit(90)
def test_the_last_one_of_a_set_is_asked_each_second(t):
    """Anything is better than no relay, whatever rtpproxy_disable_tout says."""
    relay = t.scripted_relay()
    daemon = t.daemon(relay=relay, conf={"rtpp": {"rtpproxy_disable_tout": 600, **QUICK}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    relay.deaf = True
    check.equal(alice.call("bob").txn.wait().status, 503, "a call without a relay")
    relay.deaf = False
    check.until(lambda: daemon.stat("rtpp_relays_down") == 0, 4, "it is up again")
    ring(alice, bob)


def test_features_are_asked_again_when_it_comes_back(t):
    """It may have been replaced by another release meanwhile."""
    relay = t.scripted_relay(release="1.0")
    daemon = t.daemon(relay=relay, conf={"rtpp": QUICK})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    ring(alice, bob)
    check.equal(relay.commands("UC"), [], "offers with codecs")
    relay.deaf = True
    check.equal(alice.call("bob").txn.wait().status, 503, "a call without a relay")
    relay.release, relay.deaf = "3.0", False
    check.until(lambda: daemon.stat("rtpp_relays_down") == 0, 4, "it is up again")
    ring(alice, bob)
    check.equal(len(relay.commands("UC0 ")), 1, "offers with codecs")


def test_something_else_on_the_port_is_no_relay(t):
    relay = t.scripted_relay()
    relay.answer = lambda words: "20050101" if words == ["V"] else None
    daemon = t.daemon(relay=relay)
    check.contains(daemon.log(), 'answers V with "20050101", not with 20040107', "log")
    check.equal(daemon.stat("rtpp_relays_down"), 1, "relays down")
