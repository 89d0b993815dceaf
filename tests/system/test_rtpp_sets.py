"""Sets of relays that are not in the configuration alone: from a database, and shared by the nodes.

    nh_sockets:1 (HASH rtpproxy_sock, set_id) --at the start, nh_reload_rtpp--> pinholed
    pinhole:rtpp:set:0 (HASH url -> weight), pinhole:rtpp:relay:<url> (HASH enabled, state, ...) <--> every node

Expected: a reload happens whole or not at all; what runs keeps its relay; an operator's switch holds on all nodes and after a restart; another
node's bad news is looked into, not believed.
"""

import re
import signal

from kit import check
from kit.daemon import changed_route
from kit.runner import limit, variants


def relays(daemon):
    """{(set, url): (weight, disabled)} as nh_show_rtpp has it."""
    text = daemon.ctl("nh_show_rtpp").stdout
    return {(int(s), url): (int(weight), int(disabled)) for url, s, disabled, weight in re.findall(
        r"^(\S+)::  set=(\d+)\n\tindex:: \d+\n\tdisabled:: (\d)\n\tweight:: (\d+)\n", text, re.M)}


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


def reload(daemon, status=0, want=""):
    done = daemon.ctl("nh_reload_rtpp")
    check.equal(done.returncode, status, f"status of nh_reload_rtpp ({done.stderr})")
    check.contains(done.stdout + done.stderr, want, "answer")


# The database

@variants(store=["memory", "redis"])
def test_records_are_added_at_the_start_and_replace_by_command(t, store):
    one, two, three = t.scripted_relay(), t.scripted_relay(), t.scripted_relay()
    redis = t.redis()
    redis.cli("HSET", "nh_sockets:a", "rtpproxy_sock", f"{two.url}=3 {one.url}=7", "set_id", "0")
    redis.cli("HSET", "nh_sockets:b", "rtpproxy_sock", three.url, "set_id", "4")
    daemon = t.daemon(relay=one, redis=redis if store == "redis" else None, conf={"rtpp": {"db_url": redis.url}})
    check.equal(relays(daemon), {(0, one.url): (7, 0), (0, two.url): (3, 0), (4, three.url): (1, 0)}, "at the start: with the parameter's")
    redis.cli("HSET", "nh_sockets:a", "rtpproxy_sock", f"{two.url}=5", "set_id", "0")
    redis.cli("DEL", "nh_sockets:b")
    reload(daemon)
    check.equal(relays(daemon), {(0, two.url): (5, 0)}, "after a reload: the records alone, as the guide has it")
    check.equal((daemon.stat("rtpp_reloads"), daemon.stat("rtpp_reload_failures")), (1, 0), "reloads")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    ended(call, leg, two)


def test_names_of_table_and_columns(t):
    relay, redis = t.scripted_relay(), t.redis()
    redis.cli("HSET", "nh_rtpp:7", "rtpp_socket", f"{relay.url}=2", "rtpp_set_id", "9")
    redis.cli("HSET", "nh_sockets:1", "rtpproxy_sock", "udp:127.0.0.1:1", "set_id", "0")
    daemon = t.daemon(conf={"rtpp": {"db_url": redis.url, "db_table": "nh_rtpp", "rtpp_socket_col": "rtpp_socket", "set_id_col": "rtpp_set_id"}})
    check.equal(relays(daemon), {(9, relay.url): (2, 0)}, "what is in force")


BAD = [("udp:127.0.0.1:99999", "1", "a port from 1 to 65535"), ("udp:127.0.0.1:5=x", "1", "a weight from 0 to 65535"), ("", "1", "at least one RTP proxy"),
       ("udp:127.0.0.1:5", "x", "a set id from 0 to 2147483647"), ("2 == udp:127.0.0.1:5", "1", "a column of its own"),
       ("udp:no-such-host.invalid", "1", "no address is known for the host"), ("sctp:127.0.0.1", "1", "unix:/PATH")]


def test_a_reload_that_fails_changes_nothing(t):
    relay, redis = t.scripted_relay(), t.redis()
    redis.cli("HSET", "nh_sockets:1", "rtpproxy_sock", relay.url, "set_id", "0")
    daemon = t.daemon(conf={"rtpp": {"db_url": redis.url}})
    before = relays(daemon)
    check.equal(before, {(0, relay.url): (1, 0)}, "what is in force")
    for sockets, set_id, want in BAD:
        redis.cli("HSET", "nh_sockets:0", "rtpproxy_sock", "udp:127.0.0.1:7", "set_id", "5")
        redis.cli("HSET", "nh_sockets:2", "rtpproxy_sock", sockets, "set_id", set_id)
        reload(daemon, 1, want)
        reload(daemon, 1, "nothing was changed")
        check.equal(relays(daemon), before, f"what is in force after {sockets!r}, {set_id!r}")
    for key in ("nh_sockets:0", "nh_sockets:1", "nh_sockets:2"):
        redis.cli("DEL", key)
    reload(daemon, 1, "the table has no records")
    redis.process.kill()
    reload(daemon, 1, "the database does not answer")
    check.equal(relays(daemon), before, "what is in force in the end")
    check.equal((daemon.stat("rtpp_reloads"), daemon.stat("rtpp_reload_failures")), (0, 2 * len(BAD) + 2), "reloads")


def test_without_a_database_there_is_nothing_to_reload(t):
    daemon = t.daemon(relay=t.scripted_relay())
    reload(daemon, 1, "db_url is not set")


@limit(90)
def test_a_database_that_is_away_at_the_start_is_read_later(t):
    relay, later, redis = t.scripted_relay(), t.scripted_relay(), t.redis()
    redis.process.kill()
    daemon = t.daemon(relay=relay, conf={"rtpp": {"db_url": redis.url}})
    check.equal(relays(daemon), {(0, relay.url): (1, 0)}, "what is in force")
    check.contains(daemon.log(), "going on without its records, and trying again", "log")
    redis.start()
    redis.cli("HSET", "nh_sockets:1", "rtpproxy_sock", later.url, "set_id", "3")
    check.until(lambda: (3, later.url) in relays(daemon), 15, "the record is read")
    check.equal(relays(daemon), {(0, relay.url): (1, 0), (3, later.url): (1, 0)}, "what is in force")


def test_calls_end_at_a_relay_that_a_reload_has_taken_away(t):
    """re-INVITE, answer and end still go there; new calls do not."""
    old, new, redis = t.scripted_relay(), t.scripted_relay(), t.redis()
    redis.cli("HSET", "nh_sockets:1", "rtpproxy_sock", old.url, "set_id", "0")
    daemon = t.daemon(conf={"rtpp": {"db_url": redis.url}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    redis.cli("HSET", "nh_sockets:1", "rtpproxy_sock", new.url, "set_id", "8")
    reload(daemon)
    check.equal(relays(daemon), {(8, new.url): (1, 0)}, "what is in force")
    check.equal(leg.reinvite().status, 200, "reply to a re-INVITE")
    t.talk(call, leg, old, packets=5)
    check.equal((len(old.commands("U")), len(old.commands("L"))), (2, 2), "offers and answers at the old relay")
    check.equal(alice.call("bob").txn.wait().status, 503, "a new call: set 0 is gone")
    ended(call, leg, old)
    check.equal([c for c in new.log if c[0] != "V"], [], "commands at the new relay")


def test_what_is_known_of_a_relay_survives_a_reload(t):
    sick, off, redis = t.scripted_relay(), t.scripted_relay(), t.redis()
    redis.cli("HSET", "nh_sockets:1", "rtpproxy_sock", f"{sick.url} {off.url}", "set_id", "0")
    daemon = t.daemon(conf={"rtpp": {"db_url": redis.url, "rtpproxy_disable_tout": 600}})
    check.equal(daemon.ctl("nh_enable_rtpp", off.url, "0").returncode, 0, "status")
    sick.deaf = True
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    check.equal(alice.call("bob").txn.wait(15).status, 503, "a call without a relay")
    redis.cli("HSET", "nh_sockets:1", "rtpproxy_sock", f"{off.url}=2 {sick.url}=2", "set_id", "1")
    reload(daemon)
    check.equal(relays(daemon), {(1, off.url): (2, 1), (1, sick.url): (2, 1)}, "both are disabled")
    check.equal(daemon.stat("rtpp_relays_down"), 1, "relays down")


# Shared by the nodes

def node(t, redis, name, **rtpp):
    return t.daemon(redis=redis, name=name, conf={"rtpp": rtpp})


def test_the_parameters_sets_are_put_into_the_store(t):
    redis = t.redis()
    daemon = node(t, redis, "a", rtpproxy_sock=["udp:127.0.0.1:7001=2 udp:127.0.0.1:7002|203.0.113.9", "7 == tcp:127.0.0.1:7003=0"])
    check.until(lambda: redis.keys("pinhole:rtpp:set:*") == ["pinhole:rtpp:set:0", "pinhole:rtpp:set:7"], 3, lambda: f"sets: {redis.keys()}")
    check.equal(redis.hash("pinhole:rtpp:set:0"), {"udp:127.0.0.1:7001": "2", "udp:127.0.0.1:7002|203.0.113.9": "1"}, "set 0")
    check.equal(redis.hash("pinhole:rtpp:set:7"), {"tcp:127.0.0.1:7003": "0"}, "set 7")
    daemon.stop()
    # What an operator has written there meanwhile goes before the file, and stays.
    redis.cli("HSET", "pinhole:rtpp:set:0", "udp:127.0.0.1:7001", "5")
    daemon = node(t, redis, "a", rtpproxy_sock="udp:127.0.0.1:7001=2")
    check.equal(relays(daemon)[(0, "udp:127.0.0.1:7001")][0], 5, "weight in force")
    check.contains(daemon.log(), "the shared weight 5 holds, not 2 of rtpproxy_sock", "log")
    check.equal(redis.hash("pinhole:rtpp:set:0")["udp:127.0.0.1:7001"], "5", "weight in the store")


def test_what_is_written_to_the_store_holds_on_all_nodes(t):
    """A relay comes, changes its weight, goes away: by redis-cli, within two seconds, or at once by command."""
    redis, one, two = t.redis(), t.scripted_relay(), t.scripted_relay()
    a = node(t, redis, "a", rtpproxy_sock=one.url)
    b = node(t, redis, "b", rtpproxy_sock=f"3 == {one.url}")
    want = {(0, one.url): (1, 0), (3, one.url): (1, 0)}
    for daemon in (a, b):
        check.until(lambda daemon=daemon: relays(daemon) == want, 5, lambda daemon=daemon: f"the other's set is known: {relays(daemon)}")
    redis.cli("HSET", "pinhole:rtpp:set:0", two.url, "4")
    want[(0, two.url)] = (4, 0)
    check.equal(a.ctl("nh_sync_rtpp").returncode, 0, "status of nh_sync_rtpp")
    check.equal(relays(a), want, "at once where it was asked for")
    check.until(lambda: relays(b) == want, 5, "on the other one by itself")
    redis.cli("HSET", "pinhole:rtpp:set:0", one.url, "-1")
    del want[(0, one.url)]
    for daemon in (a, b):
        check.until(lambda daemon=daemon: relays(daemon) == want, 5, "the relay is taken out, also where the file names it")
    alice, bob = t.phones_of(a, ["alice", "bob"])
    call, leg = answered(alice, bob)
    ended(call, leg, two)
    redis.cli("HSET", "pinhole:rtpp:set:0", one.url, "1")
    check.until(lambda: (0, one.url) in relays(b), 5, "and back")


def test_members_that_are_none_are_left_out(t):
    redis, relay = t.redis(), t.scripted_relay()
    daemon = node(t, redis, "a", rtpproxy_sock=relay.url)
    for field, weight in (("rubbish", "1"), ("udp:127.0.0.1:5", "70000"), ("udp:no-such-host.invalid", "1"), ("udp:127.0.0.1:6|x", "1"),
                          ("udp:127.0.0.1:7", "many")):
        redis.cli("HSET", "pinhole:rtpp:set:0", field, weight)
    redis.cli("SADD", "pinhole:rtpp:sets", "many", "-5")
    check.equal(daemon.ctl("nh_sync_rtpp").returncode, 0, "status")
    check.equal(relays(daemon), {(0, relay.url): (1, 0)}, "what is in force")
    check.contains(daemon.log(), "left out", "log")


def test_the_switch_holds_on_all_nodes_and_after_a_restart(t):
    redis, relay = t.redis(), t.scripted_relay()
    a, b = (node(t, redis, name, rtpproxy_sock=relay.url) for name in ("a", "b"))
    check.equal(a.ctl("nh_enable_rtpp", relay.url, "0").returncode, 0, "status")
    check.equal(redis.hash(f"pinhole:rtpp:relay:{relay.url}")["enabled"], "0", "the switch in the store")
    check.until(lambda: relays(b)[(0, relay.url)] == (1, 1), 5, "off on the other node")
    alice, bob = t.phones_of(b, ["alice", "bob"])
    check.equal(alice.call("bob").txn.wait().status, 503, "a call there")
    b.stop()
    b.start()
    check.equal(relays(b)[(0, relay.url)], (1, 1), "off after a restart, from the first call on")
    check.equal(b.ctl("nh_enable_rtpp", relay.url, "1").returncode, 0, "status")
    check.until(lambda: relays(a)[(0, relay.url)] == (1, 0), 5, "on again on both")
    call, leg = answered(alice, bob)
    ended(call, leg, relay)


def test_another_nodes_report_is_looked_into_not_believed(t):
    """Node a cannot reach the relay any more; node b asks it at once, and goes on."""
    redis, relay = t.redis(), t.scripted_relay()
    a, b = (node(t, redis, name, rtpproxy_sock=relay.url, rtpproxy_timeout="0.2", rtpproxy_retr=2) for name in ("a", "b"))
    key = f"pinhole:rtpp:relay:{relay.url}"
    for daemon in (a, b):                    # both have said that it is well
        check.equal(daemon.ctl("nh_sync_rtpp").returncode, 0, "status")
    check.equal(redis.hash(key).get("state"), "up", "what is known of the relay")
    probe = 1 + 8                            # V, and VF for each feature
    check.until(lambda: len(relay.commands("V")) >= 2 * probe, 5, "both have asked it at their start")
    before = len(relay.commands("V"))
    redis.cli("HSET", key, "state", "down", "reported_by", "c", "last_error", "no answer", "disabled_until", "1")
    check.until(lambda: len(relay.commands("V")) >= before + 2 * probe, 5, "both nodes have asked it")
    asked = len(relay.commands("V"))
    for daemon in (a, b):
        check.equal(daemon.ctl("nh_sync_rtpp").returncode, 0, "status")
        check.equal(relays(daemon)[(0, relay.url)], (1, 0), "it is in use")
    check.equal(len(relay.commands("V")), asked, "one report is looked into once")
    # A node that finds out by itself reports it, with the reason; and its return.
    relay.deaf = True
    redis.cli("HSET", key, "reported_by", "d")
    check.until(lambda: redis.hash(key).get("reported_by") in ("a", "b"), 8, "a report of ours")
    report = redis.hash(key)
    check.equal(report["state"], "down", "state")
    check.contains(report["last_error"], "no answer to a probe", "reason")
    relay.deaf = False
    check.until(lambda: redis.hash(key).get("state") == "up", 10, "the return is reported")


def test_while_the_store_is_away_what_is_known_stays(t):
    redis, one, two = t.redis(), t.scripted_relay(), t.scripted_relay()
    a = node(t, redis, "a", rtpproxy_sock=one.url)
    redis.cli("HSET", "pinhole:rtpp:set:0", two.url, "0")
    check.equal(a.ctl("nh_sync_rtpp").returncode, 0, "status")
    known = relays(a)
    check.equal(known, {(0, one.url): (1, 0), (0, two.url): (0, 0)}, "what is in force")
    redis.process.kill()
    done = a.ctl("nh_sync_rtpp")
    check.equal(done.returncode, 1, "status without a store")
    check.contains(done.stderr, "the store does not answer", "answer")
    check.equal(relays(a), known, "what is in force")
    # The switch holds here at once, and on the others when the store is back.
    done = a.ctl("nh_enable_rtpp", one.url, "0")
    check.equal(done.returncode, 0, "status")
    check.contains(done.stdout, "holds on this node; the store is away", "answer")
    check.equal(relays(a)[(0, one.url)], (1, 1), "off")
    redis.start()
    check.until(lambda: redis.hash(f"pinhole:rtpp:relay:{one.url}").get("enabled") == "0", 10, "the switch is written")
    check.until(lambda: one.url in redis.hash("pinhole:rtpp:set:0"), 10, "an empty store has our sets again")


def test_the_bye_of_another_node_finds_the_relay(t):
    """The call is set up by a; a is gone when bob hangs up through b. Sets have two relays, so that nobody finds it by chance alone."""
    redis = t.redis()
    pool = [t.scripted_relay() for _ in range(4)]
    sock = "6 == " + " ".join(r.url for r in pool)
    plugins = ["nat", "sdp", "registrar", "rtpp", "dialog", "mi"]
    route = changed_route(("if (!rtpproxy_offer()) {", 'if (!has_totag())\n\t\t\tset_rtp_proxy_set("6");\n\t\tif (!rtpproxy_offer()) {'),
                          ('if (is_method("INVITE|SUBSCRIBE"))\n\t\trecord_route();',
                           'if (is_method("INVITE|SUBSCRIBE"))\n\t\trecord_route();\n\tif (is_method("INVITE"))\n\t\tcreate_dialog();'))
    a = t.daemon(redis=redis, name="a", script=route, conf={"plugins": plugins, "rtpp": {"rtpproxy_sock": sock}})
    alice, bob = t.phones_of(a, ["alice", "bob"])
    calls = [answered(alice, bob) for _ in range(6)]
    used = {call.call_id: next(r for r in pool if (call.call_id, 1) in r.sessions) for call, _ in calls}
    check.that(len(set(used.values())) > 1, "the calls are spread over the set")
    check.until(lambda: all(redis.hash(k).get("state") == "confirmed" and redis.hash(k).get("relay") for k in redis.keys("pinhole:dialog:{*")), 5,
                "the dialogs are in the store")
    a.process.send_signal(signal.SIGKILL)
    a.process.wait(5)
    b = t.daemon(redis=redis, name="b", port=a.port, script=route, conf={"plugins": plugins, "rtpp": {"rtpproxy_sock": sock}})
    for call, leg in calls:
        check.equal(leg.reinvite().status, 200, "reply to a re-INVITE through the other node")
        leg.hangup()
        call.wait_ended()
        check.until(lambda call=call: (call.call_id, 1) not in used[call.call_id].sessions, 3, "its own relay has forgotten the call")
    for relay in pool:
        check.equal(len(relay.commands("D")), sum(1 for r in used.values() if r is relay), "ends at each relay")
    check.equal(b.stat("rtpp_errors"), 0, "errors")
    a.process = None
