"""Every way to a relay: datagrams, UNIX sockets, TCP. Facts 8.1 and 13.1.

    alice --INVITE--> pinholed --U over udp:, unix:, cunix:, tcp:, tcp6:--> relay
    alice <===================== RTP through the relay ====================> bob

Expected: calls and their media as over UDP; a relay that refuses or hangs up counts as down at once, one that hangs when its time is over; the
offer goes to the next one of the set. The scripted relay stands in: rtpengine's rtpproxy-protocol port is UDP.
"""

import os
import time

from kit import check
from kit.daemon import changed_route
from kit.runner import variants

WAYS = ["unix", "cunix", "tcp", "tcp6"]
QUICK = {"rtpproxy_timeout": "0.2", "rtpproxy_retr": 3}


def answered(alice, bob):
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    return call, leg


def ended(call, leg, relay):
    call.hangup()
    leg.wait_ended()
    check.until(lambda: not relay.sessions, 3, "the relay has forgotten the call")


def down(daemon):
    return daemon.stat("rtpp_relays_down")


@variants(way=WAYS)
def test_calls_with_media(t, way):
    relay = t.scripted_relay(way=way)
    daemon = t.daemon(relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    t.talk(call, leg, relay, packets=20)
    ended(call, leg, relay)
    check.equal([c.partition(" ")[0] for c in relay.log if c[0] != "V"], ["U", "L", "D"], "commands, without cookies")
    if way == "unix":                        # a connection for each command
        check.equal(relay.accepted, len(relay.log), "connections")
    else:                                    # one for the service, one for each worker that had something to say
        check.that(relay.accepted <= 3, f"connections that stay, found {relay.accepted}")
        check.equal(daemon.stat("rtpp_connections"), relay.accepted, "connections that are open")


def test_a_bare_path_is_a_unix_socket(t):
    relay = t.scripted_relay(way="unix")
    route = changed_route(("if (!rtpproxy_offer()) {", 'set_rtp_proxy_set("3");\n\t\tif (!rtpproxy_offer()) {'))
    daemon = t.daemon(conf={"rtpp": {"rtpproxy_sock": f"3 == {relay.path}=2"}}, script=route)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    ended(call, leg, relay)
    check.contains(daemon.ctl("nh_show_rtpp").stdout, f"{relay.path}::  set=3\n\tindex:: 0\n\tdisabled:: 0\n\tweight:: 2\n\trecheck_ticks:: 0\n", "state")


@variants(way=WAYS)
def test_a_restarted_relay_costs_nobody_anything(t, way):
    """Its old connections are dead; whoever needs one makes a new one."""
    relay = t.scripted_relay(way=way)
    daemon = t.daemon(relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    for _ in range(2):
        call, leg = answered(alice, bob)
        ended(call, leg, relay)
        relay.restart()
    check.equal((down(daemon), daemon.stat("rtpp_timeouts")), (0, 0), "relays that are down, and commands without an answer")


@variants(way=WAYS)
def test_a_relay_that_is_gone_is_told_at_once(t, way):
    """No waiting for a timeout: the connection is refused. When it is back it is used again."""
    relay, spare = t.scripted_relay(way=way), t.scripted_relay()
    daemon = t.daemon(conf={"rtpp": {"rtpproxy_sock": f"{relay.url} {spare.url}=0", "rtpproxy_disable_tout": 0}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    relay.stop()
    begin = time.monotonic()
    call, leg = answered(alice, bob)
    check.that(time.monotonic() - begin < 4, f"the call is set up at once, it took {time.monotonic() - begin:.2f} s")
    ended(call, leg, spare)
    check.equal((len(spare.commands("U")), daemon.stat("rtpp_failovers"), down(daemon)), (1, 1, 1), "offers at the spare, failovers, relays down")
    relay.restart()
    check.until(lambda: down(daemon) == 0, 5, "the relay is up again")
    call, leg = answered(alice, bob)
    ended(call, leg, relay)
    check.equal(len(spare.commands("U")), 1, "offers at the spare")


@variants(way=WAYS)
def test_a_relay_that_hangs_is_given_up_when_its_time_is_over(t, way):
    relay, spare = t.scripted_relay(way=way), t.scripted_relay()
    daemon = t.daemon(conf={"rtpp": {"rtpproxy_sock": f"{relay.url} {spare.url}=0", **QUICK}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    relay.deaf = True
    begin = time.monotonic()
    call, leg = answered(alice, bob)
    took = time.monotonic() - begin
    check.that(0.6 <= took < 5, f"rtpproxy_timeout times rtpproxy_retr, it took {took:.2f} s")
    ended(call, leg, spare)
    call, leg = answered(alice, bob)         # it is known to be down
    ended(call, leg, spare)
    check.equal((daemon.stat("rtpp_failovers"), down(daemon)), (1, 1), "failovers, relays down")


@variants(way=WAYS)
def test_a_relay_that_is_not_there_at_the_start_is_used_when_it_comes(t, way):
    relay = t.scripted_relay(way=way)
    relay.stop()
    if way in ("unix", "cunix"):
        os.unlink(relay.path)
    daemon = t.daemon(relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    check.equal(alice.call("bob").txn.wait().status, 503, "a call without a relay")
    check.equal(down(daemon), 1, "relays down")
    relay.restart()
    check.until(lambda: down(daemon) == 0, 5, "the relay is up")
    call, leg = answered(alice, bob)
    ended(call, leg, relay)


@variants(way=["unix", "cunix", "tcp"])
def test_endless_and_foreign_lines(t, way):
    """What is no reply fails the call that asked, and the relay; the daemon takes no harm."""
    relay, spare = t.scripted_relay(way=way), t.scripted_relay()
    daemon = t.daemon(conf={"rtpp": {"rtpproxy_sock": f"{relay.url} {spare.url}=0", **QUICK}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    relay.answer = lambda words: "rubbish" if words[0][0] == "U" else None
    check.equal(alice.call("bob").txn.wait().status, 503, "a call whose relay talks rubbish")
    check.equal(down(daemon), 0, "relays down: it has answered")
    relay.answer = lambda words: "9" * 5000 if words[0][0] == "U" else None
    call, leg = answered(alice, bob)
    ended(call, leg, spare)
    check.contains(daemon.log(), "Protocol error", "log")
