"""The daemon stops, orderly or not, while phones talk.

    alice <== media ==> rtpengine <== media ==> bob          pinholed: SIGTERM, SIGINT, or kill -9 and a new start

Expected: media goes on (the relay has it); what is in flight is finished within shutdown_timeout, nothing new begins;
with Redis a new process knows the phones and their calls go on.
"""

import signal
import time

from kit import check
from kit.runner import variants


def talking(t, daemon, relay, **kwargs):
    alice, bob = t.phones_of(daemon, ["alice", "bob"], **kwargs)
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay, packets=10)
    return alice, bob, call, leg


def clear(call, leg):
    for side in (call, leg):
        side.rtp.received.clear()
        side.rtp.ssrcs.clear()


@variants(number=["SIGTERM", "SIGINT"])
def test_stop_in_mid_call(t, number):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    _, _, call, leg = talking(t, daemon, relay)
    # The INVITE's server transaction is over with its 200: nothing is in flight, so the stop is quick.
    check.equal(daemon.process.stop(getattr(signal, number), 10), 0, f"exit status after {number}")
    clear(call, leg)
    t.talk(call, leg, relay, packets=10)


def test_call_in_flight_is_finished_and_nothing_new_begins(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay, conf={"shutdown_timeout": 20})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    call = alice.call("bob")
    leg = bob.wait_call()
    call.txn.wait_status(180)
    daemon.terminate()

    def refused():
        return bob.request("OPTIONS", "sip:alice@example.test").status == 503
    check.until(refused, 5, "new requests get 503")
    check.that(daemon.process.running(), "the daemon waits for the call")
    leg.answer()
    check.equal(call.txn.wait(5).status, 200, "final reply to the call in flight")
    start = time.monotonic()
    check.equal(daemon.process.wait(15), 0, "exit status")
    check.that(time.monotonic() - start < 15, "it ends when the call is through, not at shutdown_timeout")


def test_shutdown_timeout_ends_what_does_not_finish(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay, conf={"shutdown_timeout": 2})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    call = alice.call("bob")
    bob.wait_call()
    call.txn.wait_status(180)
    start = time.monotonic()
    daemon.stop()
    took = time.monotonic() - start
    check.that(1.5 < took < 6, f"it took the 2 s of shutdown_timeout: {took:.1f} s")


def test_second_signal_stops_at_once(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay, conf={"shutdown_timeout": 40})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    call = alice.call("bob")
    bob.wait_call()
    call.txn.wait_status(180)
    daemon.terminate()
    check.until(lambda: bob.request("OPTIONS", "sip:alice@example.test").status == 503, 5, "it drains")
    daemon.terminate()
    daemon.process.wait(5)


def test_stop_while_a_script_is_parked(t):
    relay = t.scripted_relay()
    daemon = t.daemon(relay=relay, conf={"shutdown_timeout": 1, "rtpp": {"rtpproxy_timeout": "10", "rtpproxy_retr": 3}})
    alice, _ = t.phones_of(daemon, ["alice", "bob"])
    relay.deaf = True
    call = alice.call("bob")
    check.until(lambda: daemon.stat("parked") == 1, 3, "one parked script")
    start = time.monotonic()
    daemon.stop()
    check.that(time.monotonic() - start < 6, "a parked script does not hold up the end")
    check.that(call.txn.final() is None or call.txn.final().status >= 500, "the caller is not told that it worked")


@variants(end=["SIGTERM", "SIGKILL"])
def test_restart_on_redis(t, end):
    """The phones do nothing: they are still reachable, and the call that was up can be ended."""
    relay, redis = t.relay(), t.redis()
    daemon = t.daemon(relay=relay, redis=redis)
    alice, bob, call, leg = talking(t, daemon, relay)
    if end == "SIGTERM":
        daemon.stop()
    else:
        daemon.kill()
    daemon.start()

    clear(call, leg)
    t.talk(call, leg, relay, packets=10)
    call.hangup()
    leg.wait_ended()
    again = bob.call("alice")
    answered = alice.wait_call()
    again.wait_answer()
    answered.wait_acked()
    t.talk(again, answered, relay, packets=10)
    again.hangup()
    answered.wait_ended()


def test_restart_on_redis_while_it_rings(t):
    """kill -9 while bob's phone rings: alice's repeated INVITE after the restart does not reach nobody."""
    relay, redis = t.relay(), t.redis()
    daemon = t.daemon(relay=relay, redis=redis)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    call = alice.call("bob")
    bob.wait_call()
    call.txn.wait_status(180)
    daemon.kill()
    daemon.start()
    bob.mode = "answer"
    again = alice.call("bob")
    leg = bob.wait_call()
    again.wait_answer()
    leg.wait_acked()
    again.hangup()
    leg.wait_ended()


def test_tcp_phone_after_a_restart(t):
    """Its connection is gone with the process: it connects and registers again, as TCP phones do, and is reachable."""
    relay, redis = t.relay(), t.redis()
    daemon = t.daemon(relay=relay, redis=redis)
    alice, bob, _, _ = talking(t, daemon, relay, transport="tcp")
    daemon.kill()
    daemon.start()
    for phone in (alice, bob):
        check.that(phone.link.closed.wait(5), "the phone sees its connection closed")
        phone.reconnect()
        phone.register()
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay, packets=10)


def test_stop_at_once_while_scripts_wait_for_a_relay_and_for_redis(t):
    """What is under way is given up cleanly: a relay that is silent, a Redis that is silent, both with scripts behind them."""
    relay, redis = t.relay(), t.redis()
    daemon = t.daemon(relay=relay, redis=redis, conf={"shutdown_timeout": 30, "storage": {"command_timeout": 20000}, "rtpp": {
        "rtpproxy_timeout": "5"}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    relay.pause()
    for _ in range(5):
        alice.call("bob")
    check.until(lambda: daemon.stat("parked") == 5, 5, "five scripts that wait for the relay")
    redis.process.send_signal(signal.SIGSTOP)
    for phone in (alice, bob):
        phone.start(phone.register_message())
    check.until(lambda: daemon.stat("parked") == 7, 5, lambda: f"two more that wait for Redis, found {daemon.stat('parked')}")
    daemon.terminate()
    check.until(lambda: "draining" in daemon.log(), 3, "the drain has begun")
    daemon.terminate()
    check.equal(daemon.process.wait(5), 0, "exit status")
    redis.process.send_signal(signal.SIGCONT)
