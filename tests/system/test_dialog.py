"""Calls that are followed, on one node: what the store has of them, and their end at both phones.

    alice --INVITE--> pinholed (create_dialog) --INVITE--> bob
    alice <---BYE---- pinholed ----BYE---> bob         when the time is up, or an operator wants it

Expected: one BYE a phone, in the other's name: its tags, the next CSeq, the route set; one dead phone does not matter.
"""

import signal
import time

from kit import check, followed, sip
from kit.runner import limit, variants


@variants(store=["memory", "redis"])
def test_phones_end_their_call(t, store):
    daemon = followed.daemon(t, redis=t.redis() if store == "redis" else None)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    for hangs_up in ("caller", "callee"):
        call, leg = followed.up(alice, bob)
        one = followed.wait_listed(daemon, call)
        check.equal(one["Node"], "pinholed", "node")
        check.that(43100 < one["Timeout"] <= 43200, f"seconds left: {one['Timeout']}")
        check.equal(one["Caller"]["Tag"], call.local_tag, "the caller's tag")
        check.equal(one["Callee"]["Tag"], leg.local_tag, "the callee's tag")
        check.equal(daemon.stat("dialog_active"), 1, "active dialogs")
        first, second = (call, leg) if hangs_up == "caller" else (leg, call)
        first.hangup()
        second.wait_ended()
        check.until(lambda: not followed.listed(daemon), 3, "no dialog is left")
        check.equal(daemon.stat("dialog_active"), 0, "active dialogs")
    check.equal(daemon.stat("dialog_ended_bye"), 2, "ended by BYE")
    check.equal(daemon.stat("dialog_byes_sent"), 0, "BYEs of our own")


def test_keys_of_a_dialog(t):
    redis = t.redis()
    daemon = followed.daemon(t, redis=redis, conf={"node": "edge1"})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    call = alice.call("bob")
    leg = bob.wait_call()
    pattern = f"pinhole:dialog:{{{call.call_id}}}:*"
    key = check.until(lambda: redis.keys(pattern), 3, "the dialog's key")[0]
    name = key.rpartition(":")[2]
    check.equal(redis.hash(key)["state"], "early", "state while it rings")
    check.equal(redis.cli("GET", f"pinhole:dialog:id:{name}"), call.call_id, "the id's call")
    leg.answer()
    call.wait_answer()
    leg.wait_acked()
    check.until(lambda: redis.hash(key)["state"] == "confirmed", 3, "state after the answer")
    fields = redis.hash(key)
    check.equal(fields["node"], "edge1", "node")
    check.that(abs(int(fields["started"]) - time.time()) < 10, f"started: {fields['started']}")
    deadline = int(fields["deadline"])
    check.that(abs(deadline / 1000 - time.time() - 43200) < 10, f"deadline: {deadline}")
    check.equal(int(float(redis.cli("ZSCORE", "pinhole:dialog:timers", name))), deadline, "its timer")
    values = set(fields.values())
    for what, value in (("the caller's tag", call.local_tag), ("the callee's tag", leg.local_tag),
                        ("the caller's address", f"udp:{alice.source}:{alice.link.local[1]}"),
                        ("the callee's address", f"udp:{bob.source}:{bob.link.local[1]}"),
                        ("our listener", f"udp:127.0.0.1:{daemon.port}"),
                        ("the callee's Contact, repaired", f"sip:bob@{bob.source}:{bob.link.local[1]}")):
        check.that(value in values, f"{what} ({value}) in {fields}")
    check.that(0 < int(redis.cli("TTL", key)) <= 43200 + 120, f"TTL: {redis.cli('TTL', key)}")
    call.hangup()
    check.until(lambda: redis.hash(key)["state"] == "ended", 3, "state after the BYE")
    check.equal(redis.hash(key)["reason"], "BYE", "reason")
    check.equal(redis.cli("ZCARD", "pinhole:dialog:timers"), "0", "timers")
    check.that(0 < int(redis.cli("TTL", key)) <= 60, f"TTL of an ended one: {redis.cli('TTL', key)}")


@variants(transport=["udp", "tcp"], ip=["v4", "v6"])
def test_maximum_duration(t, transport, ip):
    daemon = followed.daemon(t, address="127.0.0.1" if ip == "v4" else "::1", conf={"dialog": {"default_timeout": 2}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"], transport=transport)
    call, leg = followed.up(alice, bob)
    start = time.monotonic()
    leg.request("OPTIONS").wait()                     # both sides have sent something
    leg.request("OPTIONS").wait()
    followed.ended_by_us(call, "maximum duration", highest=leg.cseq)
    followed.ended_by_us(leg, "maximum duration", highest=1)
    check.that(1.8 < time.monotonic() - start < 4, f"it lasted {time.monotonic() - start:.1f} s")
    check.until(lambda: not followed.listed(daemon), 3, "no dialog is left")
    check.equal(daemon.stat("dialog_byes_answered"), 2, "BYEs answered")
    check.equal(daemon.stat("dialog_ended_max_duration"), 1, "ended by the deadline")
    followed.no_more_byes([alice, bob], 1, [1, 1])


def test_duration_of_one_call(t):
    """$DLG_timeout before the answer, and moved while the call lasts."""
    daemon = followed.daemon(t, '$DLG_timeout = 2;', changes=[
        ("\tif (loose_route()) {\n", '\tif (is_method("OPTIONS"))\n\t\t$DLG_timeout = 3;\n\tif (loose_route()) {\n')])
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = followed.up(alice, bob)
    start = time.monotonic()
    check.that(followed.wait_listed(daemon, call)["Timeout"] <= 2, "seconds left")
    time.sleep(1)                                  # a later moment is the subject
    call.request("OPTIONS").wait()
    followed.ended_by_us(call, "maximum duration")
    followed.ended_by_us(leg, "maximum duration", highest=2)
    check.that(3.7 < time.monotonic() - start < 6, f"it lasted {time.monotonic() - start:.1f} s")


def test_one_phone_is_dead(t):
    daemon = followed.daemon(t, conf={"dialog": {"default_timeout": 1}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, _ = followed.up(alice, bob)
    bob.link.close()
    followed.ended_by_us(call, "maximum duration", highest=0)
    check.until(lambda: not followed.listed(daemon), 6, "the record does not wait for the dead phone")
    followed.no_more_byes([alice], 1, [1])


def test_operator_ends_a_call(t):
    daemon = followed.daemon(t)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(daemon, call))
    check.equal(daemon.ctl("dlg_end_dlg", name).returncode, 0, "status")
    followed.ended_by_us(call, "ended by an operator", highest=0, seconds=2)
    followed.ended_by_us(leg, "ended by an operator", highest=1, seconds=2)
    for wrong, text in ((name, ""), ("0123456789abcdef01234567", "no dialog"), ("rubbish", "expected the id")):
        done = daemon.ctl("dlg_end_dlg", wrong)
        check.equal(done.returncode, 1, f"status for {wrong}")
        check.contains(done.stderr, text, "complaint")


def test_ringing_call_is_cancelled(t):
    daemon = followed.daemon(t)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    call = alice.call("bob")
    leg = bob.wait_call()
    call.txn.wait_status(180)
    name = followed.id_of(followed.wait_listed(daemon, call, "early"))
    check.equal(daemon.ctl("dlg_end_dlg", name).returncode, 0, "status")
    reply = call.txn.wait()
    check.equal(reply.status, 480, "reply to the caller")
    check.contains(reply.get("reason") or "", "ended by an operator", "Reason of the 480")
    leg.wait_cancelled()
    check.contains(bob.requests("CANCEL")[0].get("reason") or "", "ended by an operator", "Reason of the CANCEL")
    check.until(lambda: not followed.listed(daemon), 3, "no dialog is left")
    check.equal(alice.count("BYE") + bob.count("BYE"), 0, "BYEs")


def test_nobody_answers_for_too_long(t):
    daemon = followed.daemon(t, conf={"dialog": {"early_timeout": 1}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    call = alice.call("bob")
    leg = bob.wait_call()
    check.equal(call.txn.wait().status, 480, "reply to the caller")
    leg.wait_cancelled()
    check.equal(daemon.stat("dialog_ended_not_answered"), 1, "ended by early_timeout")


def test_calls_that_fail_leave_nothing(t):
    daemon = followed.daemon(t)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "busy"
    check.equal(alice.call("bob").txn.wait().status, 486, "busy")
    bob.wait_call()
    bob.mode = "ring"
    call = alice.call("bob")
    leg = bob.wait_call()
    call.txn.wait_status(180)
    call.cancel()
    check.equal(call.txn.wait().status, 487, "cancelled")
    leg.wait_cancelled()
    check.equal(alice.call("nobody").txn.wait().status, 404, "nobody there")
    check.until(lambda: not followed.listed(daemon), 3, "no dialog is left")
    stats = daemon.stats()
    check.equal((stats["dialog_ended_failed"], stats["dialog_ended_cancelled"], stats["dialog_active"]), (1, 1, 0), "ends")


def test_call_after_a_challenge_is_followed(t):
    """The PBX behind asks for a password: the INVITE comes again with the same Call-ID and tag."""
    daemon = followed.daemon(t, conf={"dialog": {"default_timeout": 2}}, redis=t.redis())
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "manual"
    call = alice.call("bob")
    bob.wait_call().reject(407, "Proxy Authentication Required")
    check.equal(call.txn.wait().status, 407, "challenge")
    bob.mode = "answer"
    msg = sip.Message.parse(call.invite.data())
    msg.put("Via", alice.via()).put("CSeq", "2 INVITE")
    call.invite, call.cseq = msg, 2
    alice.start(msg, call)
    leg = bob.wait_call()
    call.wait_answer()
    followed.ended_by_us(leg, "maximum duration", highest=2, count=None)
    followed.ended_by_us(call, "maximum duration", count=None)


def test_forked_call_is_one_dialog(t):
    daemon = followed.daemon(t, conf={"dialog": {"default_timeout": 3}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    twin = t.phone("bob", daemon)
    twin.register()
    twin.mode = bob.mode = "ring"
    call = alice.call("bob")
    legs = [bob.wait_call(), twin.wait_call()]
    check.equal(len(followed.listed(daemon)), 1, "dialogs while two phones ring")
    legs[1].answer()
    call.wait_answer()
    legs[0].wait_cancelled()
    check.equal(followed.wait_listed(daemon, call)["Callee"]["Tag"], legs[1].local_tag, "who has answered")
    followed.ended_by_us(legs[1], "maximum duration")
    followed.ended_by_us(call, "maximum duration")
    check.equal(bob.count("BYE"), 0, "BYEs at the phone that only rang")


def test_phone_that_has_moved(t):
    """alice's router gives her another port: her re-INVITE tells the dialog."""
    daemon = followed.daemon(t, conf={"dialog": {"default_timeout": 3}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = followed.up(alice, bob)
    alice.reconnect()
    check.equal(call.reinvite().status, 200, "re-INVITE from the new port")
    leg.wait_acked()
    followed.ended_by_us(call, "maximum duration")
    followed.ended_by_us(leg, "maximum duration", highest=2)


def test_local_route_sees_the_byes(t):
    daemon = followed.daemon(t, conf={"dialog": {"default_timeout": 1}}, tail="""
local_route {
	xlog("L_NOTICE", "local_route: $rm $ru, $DLG_end_reason\\n");
	if ($ru =~ "sip:bob")
		drop();
}
""")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, _ = followed.up(alice, bob)
    followed.ended_by_us(call, "maximum duration")
    check.until(lambda: not followed.listed(daemon), 5, "no dialog is left")
    check.equal(daemon.log().count("local_route: BYE"), 2, "BYEs that local_route has seen")
    check.equal(daemon.log().count(", maximum duration"), 2, "reasons that it has seen")
    check.equal(bob.count("BYE"), 0, "BYEs at bob, whose one was dropped")


def test_scripts_variables(t):
    daemon = followed.daemon(t, 'if (is_method("INVITE"))',
                             '\txlog("L_NOTICE", "made id=$DLG_did status=$DLG_status dir=$DLG_dir\\n");', changes=[
        ("\tif (loose_route()) {\n", '\tif (match_dialog() && is_known_dlg())\n\t\txlog("L_NOTICE", "in $rm id=$DLG_did status=$DLG_status '
         'dir=$DLG_dir life=$DLG_lifetime\\n");\n\tif (loose_route()) {\n')])
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = followed.up(alice, bob)
    name = followed.id_of(followed.wait_listed(daemon, call))
    leg.request("OPTIONS").wait()
    call.hangup()
    for text in (f"made id={name} status=1 dir=downstream", f"in ACK id={name} status=4 dir=downstream life=",
                 f"in OPTIONS id={name} status=4 dir=upstream", f"in BYE id={name} status=4 dir=downstream"):
        check.contains(daemon.log(), text, "log")


def test_redis_goes_and_comes_back(t):
    """Calls go on, begin and end without it; the records are right once it is back."""
    redis = t.redis()
    daemon = followed.daemon(t, redis=redis, conf={"dialog": {"default_timeout": 6}, "storage": {"command_timeout": 500}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    stays, stays_leg = followed.up(alice, bob)
    ends, ends_leg = followed.up(alice, bob)
    followed.wait_listed(daemon, stays)
    redis.process.send_signal(signal.SIGSTOP)
    ends.hangup()
    ends_leg.wait_ended()
    check.equal(stays_leg.request("OPTIONS").wait().status, 200, "a request meanwhile")
    check.until(lambda: daemon.stat("dialog_dirty") == 2, 5, lambda: f"changes wait: {daemon.stats()}")
    redis.process.send_signal(signal.SIGCONT)
    check.until(lambda: daemon.stat("dialog_dirty") == 0, 5, lambda: f"changes are written: {daemon.stats()}")
    key = redis.keys(f"pinhole:dialog:{{{stays.call_id}}}:*")[0]
    check.equal(redis.hash(key)["state"], "confirmed", "state of the one that stays")
    check.that(ends.call_id not in followed.listed(daemon), "the one that has ended")
    redis.process.kill()                           # and the deadline comes while it is away
    followed.ended_by_us(stays, "maximum duration", seconds=8, highest=2, count=None)
    followed.ended_by_us(stays_leg, "maximum duration", highest=1, count=None)
    check.equal(daemon.stat("dialog_claims_unasked"), 1, "ended without the store's word")


def test_node_restarts_in_a_call(t):
    """The record is there when the daemon is back: requests find it, and the deadline holds."""
    redis = t.redis()
    daemon = followed.daemon(t, redis=redis, conf={"dialog": {"default_timeout": 5}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = followed.up(alice, bob)
    followed.wait_listed(daemon, call)
    daemon.kill()
    daemon.start()
    check.equal(call.request("OPTIONS").wait().status, 200, "a request afterwards")
    check.equal(daemon.stat("dialog_fetched"), 1, "dialogs read from the store")
    followed.ended_by_us(call, "maximum duration", seconds=8)
    followed.ended_by_us(leg, "maximum duration", highest=2)
    followed.no_more_byes([alice, bob], 1, [1, 1])


@limit(90)
def test_a_hundred_calls_end_at_once(t):
    daemon = followed.daemon(t, conf={"workers": 4, "dialog": {"default_timeout": 3}}, redis=t.redis())
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    calls = [alice.call("bob") for _ in range(100)]
    legs = {}
    for _ in calls:
        leg = bob.wait_call(20)
        legs[leg.call_id] = leg
    for call in calls:
        call.wait_answer(20)
        legs[call.call_id].wait_acked(20)
    for call in calls:
        call.wait_ended(20)
        legs[call.call_id].wait_ended(20)
    check.equal([followed.byes(p) for p in (alice, bob)], [100, 100], "BYEs")
    check.until(lambda: not followed.listed(daemon), 5, "no dialog is left")
    check.equal(daemon.stat("dialog_claims_won"), 100, "claims")


def test_bound_of_the_table(t):
    daemon = followed.daemon(t, conf={"workers": 1, "dialog": {"max_dialogs": 1}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    followed.up(alice, bob)
    call, leg = followed.up(alice, bob)            # goes on without
    check.equal(daemon.stat("dialog_refused"), 1, "refused dialogs")
    check.equal(len(followed.listed(daemon)), 1, "dialogs")
    call.hangup()
    leg.wait_ended()


def test_wrong_values_are_refused(t):
    daemon = followed.daemon(t, start=False, conf={"dialog": {"default_timeout": 0, "early_timeout": 86401, "max_dialogs": -1, "timeout": 3}})
    done = daemon.check_conf()
    check.equal(done.returncode, 1, "status")
    for want in ("default_timeout", "864000", "early_timeout", "86400", "max_dialogs", "unknown"):
        check.contains(done.stderr, want, "complaints")
    flags = followed.daemon(t, start=False, name="flags", changes=[("create_dialog()", 'create_dialog("Bx")')])
    check.contains(flags.check_conf().stderr, "unknown flag letter 'x'", "complaint about flags")
    absent = followed.daemon(t, start=False, name="absent", conf={"plugins": ["nat", "sdp", "registrar", "rtpp", "mi"]})
    check.contains(absent.check_conf().stderr, "'create_dialog' needs plugin 'dialog'", "complaint about the missing plugin")
