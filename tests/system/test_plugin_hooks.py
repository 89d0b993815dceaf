"""What a plugin may hook into, shown with tests/plugins/watcher.

    phones --> pinholed (watcher counts, parks, stops; sends an OPTIONS of its own) --> phones

Expected: threads run and hear events; a hook may let a request wait or deal with it before the script; what leaves is
seen once; a request of our own passes local_route and tells its outcome.
"""

import time

from kit import build, check
from kit.daemon import ROUTE


def watched(t, script=ROUTE, name="pinholed", relay=None, **conf):
    return t.daemon(script=script, name=name, relay=relay, plugin_dirs=[build.test_plugin_dir()], conf={
        "plugins": ["nat", "sdp", "registrar", "rtpp", "mi", "watcher"], **conf})


def local_script(block):
    with open(ROUTE, encoding="utf-8") as source:
        return source.read() + "\nlocal_route {\n" + block + "\n}\n"


def test_threads_run_and_hear_events(t):
    daemon = watched(t)
    check.equal(daemon.stat("watcher_threads"), 2, "threads")
    check.equal(daemon.stat("watcher_prepared"), 1, "prepare() before the service")
    t.phone("alice", daemon).register()
    check.until(lambda: daemon.stat("watcher_saved") == 2, 3, "contact.saved on both threads")
    daemon.stop()


def test_no_threads_are_no_error(t):
    daemon = watched(t, watcher={"threads": 0})
    check.equal(daemon.stat("watcher_threads"), 0, "threads")


def test_hook_parks_and_stops_requests(t):
    daemon = watched(t)
    alice = t.phone("alice", daemon)
    start = time.monotonic()
    check.equal(alice.request("OPTIONS", f"sip:{daemon.domain}", extra=[("X-Park", "1")]).status, 200, "reply after a wait")
    check.that(time.monotonic() - start >= 0.045, "it waited 50 ms")
    stopped = alice.request("OPTIONS", f"sip:{daemon.domain}", extra=[("X-Stop", "1")])
    check.equal((stopped.status, stopped.reason), (603, "Stopped"), "reply of the hook")
    check.equal(daemon.stat("watcher_in"), 2, "requests seen")
    check.equal(daemon.stat("parked"), 0, "messages parked at the end")


def test_what_passes_is_seen_once(t):
    daemon = watched(t, relay=t.scripted_relay())
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    before = daemon.stats()
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    call.hangup()
    leg.wait_ended()
    after = daemon.stats()
    check.equal(after["watcher_in"] - before["watcher_in"], 3, "INVITE, ACK and BYE before the script")
    check.equal(after["watcher_out"] - before["watcher_out"], 2, "INVITE and BYE leaving")
    check.equal(after["watcher_ack_out"] - before["watcher_ack_out"], 1, "ACK leaving")
    check.that(after["watcher_reply_out"] - before["watcher_reply_out"] >= 2, "200 to INVITE and to BYE going upstream")
    check.equal(after["watcher_local"], before["watcher_local"], "no final reply was ours")
    check.equal(alice.request("OPTIONS", "sip:nobody@" + daemon.domain).status, 404, "OPTIONS to nobody")


def test_request_of_our_own(t):
    daemon = watched(t, script=local_script('xlog("L_NOTICE", "local $rm of $ci\\n");'))
    bob = t.phone("bob", daemon)
    target = f"sip:bob@{bob.source}:{bob.link.local[1]}"
    check.equal(daemon.ctl("test_send", target).returncode, 0, "status")
    check.until(lambda: daemon.stat("watcher_sent_ok") == 1, 3, "its 200")
    check.contains(daemon.log(), "local OPTIONS", "log of local_route")
    seen = [m for m in bob.received if m.method == "OPTIONS" and not m.reply]
    check.equal(len(seen), 1, "OPTIONS at the phone")
    check.contains(daemon.log(), f"of {seen[0].call_id}", "the same request in the log")
    check.equal(len(seen[0].all("via")), 1, "Vias")
    check.equal(daemon.stat("watcher_reply_out"), 0, "replies going upstream")


def test_request_of_our_own_is_dropped_or_fails(t):
    daemon = watched(t, script=local_script("drop;"))
    check.equal(daemon.ctl("test_send", "sip:127.0.0.9:9").returncode, 0, "status")
    check.until(lambda: daemon.stat("watcher_sent_dropped") == 1, 3, "it was dropped")
    other = watched(t, name="other")
    check.equal(other.ctl("test_send", "sip:no.such.host.invalid").returncode, 0, "status")
    check.until(lambda: other.stat("watcher_sent_failed") == 1, 3, "it failed")


def test_shutdown_with_a_request_of_our_own_under_way(t):
    daemon = watched(t, shutdown_timeout=1)
    daemon.ctl("test_send", "sip:127.0.0.9:9")
    daemon.stop()
