"""Prompts and recordings. Facts section 9; what a relay answers: 13.2 and 13.5.

    near --INVITE (From tag 1)--> pinholed --P, S, R--> relay          near <--183, 200 (To tag 2)-- far

Expected: uac is whoever sent the request of the transaction in hand, uas whoever answers; the message itself is not touched, whatever the code.
rtpengine's rtpproxy-protocol port knows none of these commands, so the scripted relay plays.
"""

from kit import check, sip
from kit.runner import variants
from kit.wire import Wire, equal

QUICK = {"rtpproxy_timeout": "0.1", "rtpproxy_retr": 2}
PLAIN = "Contact: <sip:x@192.168.1.9>\r\nContent-Length: 0\r\n\r\n"
VIDEO_FIRST = ("v=0\r\no=- 1 1 IN IP4 192.168.1.9\r\ns=-\r\nc=IN IP4 192.168.1.9\r\nt=0 0\r\n"
               "m=video 4000 RTP/AVP 34\r\nm=audio 4002 RTP/AVP 0\r\n")


def with_sdp(body):
    return f"Contact: <sip:x@192.168.1.9>\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"


def wire(t, relay, cases, **conf):
    return Wire(t, cases, conf={"rtpp": {"rtpproxy_sock": relay.url, **QUICK, **conf}})


def yes(words):
    """A relay that has the session, and 20081102."""
    return "0" if words[0][0] in "PSR" else None


# What is sent

CASES = {
    "uac": 'rtpproxy_stream2uac("/p/moh", "-1");',
    "uas": 'rtpproxy_stream2uas("/p/moh", 3);',
    "variables": '$var(p) = "hello"; $var(n) = "2"; rtpproxy_stream2uac("$var(p).$rm", "$var(n)");',
    "stopuac": "rtpproxy_stop_stream2uac();",
    "stopuas": "rtpproxy_stop_stream2uas();",
    "record": "start_recording();",
    "alias": "rtpproxy_start_recording();",
}


def test_commands_of_requests_and_replies(t):
    relay = t.scripted_relay(release="3.0")
    relay.answer = yes
    w = wire(t, relay, CASES)
    for case, want in (("uac", "P-1 {0} /p/moh session 1;1"), ("variables", "P2 {0} hello.INVITE session 1;1"),
                       ("stopuac", "S {0} 1;1"), ("record", "R {0} 1"), ("alias", "R {0} 1")):
        sent, got, code = w.through(case, PLAIN)
        equal(got, sent, f"the request after {case}")
        check.equal((code, relay.log[-1]), (1, want.format(w.call_id)), f"code and command of {case} in a request")
    for case, want in (("uac", "P-1 {0} /p/moh session 1;1 2;1"), ("uas", "P3 {0} /p/moh session 2;1 1;1"),
                       ("stopuac", "S {0} 1;1 2;1"), ("stopuas", "S {0} 2;1 1;1"), ("record", "R {0} 2 1")):
        sent, got, code = w.back(case, PLAIN)
        equal(got, sent, f"the reply after {case}")
        check.equal((code, relay.log[-1]), (1, want.format(w.call_id)), f"code and command of {case} in a reply")
    stats = w.daemon.stats()
    check.equal([stats[f"rtpp_{n}"] for n in ("prompts", "prompt_stops", "recordings")], [4, 3, 3], "what was counted")


def test_a_prompt_goes_to_the_first_audio_stream(t):
    """Video stands first: audio is number 2. A message without SDP knows it from the call's offer."""
    relay = t.scripted_relay(release="3.0")
    w = wire(t, relay, {"offer": "rtpproxy_offer();", "uas": 'rtpproxy_stream2uas("/p/moh", 1);', "uac": 'rtpproxy_stream2uac("/p/moh", 1);'})
    w.send(w.head("offer") + with_sdp(VIDEO_FIRST))
    w.at_far()
    w.reply(w.reply_head("uas") + PLAIN)
    w.at_near()
    check.equal(w.codes(2), [1, 1], "codes")
    check.equal(relay.log[-1], f"P1 {w.call_id} /p/moh session 2;2 1;2", "the prompt")
    # Of a call that this node has not seen begin, the message's own SDP tells.
    relay.answer = yes
    w.through("uac", with_sdp(VIDEO_FIRST))
    check.equal(relay.log[-1], f"P1 {w.call_id} /p/moh session 1;2", "the prompt")


def test_roles_are_those_of_the_transaction(t):
    """In a re-INVITE of the callee the From tag is the callee's, and uac is the callee."""
    relay = t.scripted_relay(release="3.0")
    script = """
route {
	mf_process_maxfwd_header("10");
	force_rport();
	if (is_method("REGISTER")) { fix_nated_register(); setbflag(6); save("location"); exit; }
	fix_nated_contact();
	if (has_totag()) {
		loose_route();
		if (is_method("INVITE")) { rtpproxy_stream2uac("to_uac", 1); rtpproxy_stream2uas("to_uas", 1); }
	} else {
		record_route();
		rtpproxy_offer();
		lookup("location");
	}
	t_on_reply("R");
	t_relay();
}
onreply_route[R] {
	fix_nated_contact();
	if (has_sdp()) rtpproxy_answer();
}
"""
    daemon = t.daemon(relay=relay, script=script)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    for side, other in ((call, leg), (leg, call)):
        relay.log.clear()
        check.equal(side.reinvite().status, 200, "reply to the re-INVITE")
        a, b = side.local_tag, other.local_tag
        check.equal(relay.commands("P"), [f"P1 {call.call_id} to_uac session {a};1 {b};1", f"P1 {call.call_id} to_uas session {b};1 {a};1"], "prompts")
    check.equal(relay.sessions[(call.call_id, 1)].playing, {call.local_tag: ("to_uas", 1), leg.local_tag: ("to_uac", 1)}, "what plays in the end")
    call.hangup()


# What fails: -1, and the message as it was

FAILING = {
    "no file": ('rtpproxy_stream2uac("/absent", 1);', "3.0", None, "is there a file of that name"),
    "no session": ('rtpproxy_stream2uac("/p", 1);', "3.0", None, "no such session"),
    "no session of 1.2": ("rtpproxy_stop_stream2uac();", "1.2", None, "no such session"),
    "recording without a session": ("start_recording();", "3.0", None, "no such session"),
    "codecs unknown": ('rtpproxy_stream2uac("/p", 1);', "3.0", "E35", "knows no codecs"),
    "rubbish": ('rtpproxy_stream2uac("/p", 1);', "3.0", "rubbish", "that is no answer to it"),
    "a relay of 1.0": ('rtpproxy_stream2uac("/p", 1);', "1.0", None, "cannot play prompts (VF 20081102)"),
    "stop at a relay of 1.0": ("rtpproxy_stop_stream2uac();", "1.0", None, "cannot play prompts (VF 20081102)"),
    "no To tag": ('rtpproxy_stream2uas("/p", 1);', "3.0", None, "no tag where this function needs one"),
    "stop without To tag": ("rtpproxy_stop_stream2uas();", "3.0", None, "no tag where this function needs one"),
    "a blank in the name": ('$var(p) = "a b"; rtpproxy_stream2uac("$var(p)", 1);', "3.0", None, "no blanks"),
    "an empty name": ('$var(p) = ""; rtpproxy_stream2uac("$var(p)", 1);', "3.0", None, "1 to 512 characters"),
    "a count that is none": ('$var(n) = "many"; rtpproxy_stream2uac("/p", "$var(n)");', "3.0", None, "count"),
    "a count below -1": ('$var(n) = "-2"; rtpproxy_stream2uac("/p", "$var(n)");', "3.0", None, "-1 (for ever)"),
}


@variants(name=FAILING)
def test_failures_are_told_and_harm_nothing(t, name):
    statement, release, answer, want = FAILING[name]
    relay = t.scripted_relay(release=release)
    relay.answer = lambda words: answer if words[0][0] in "PSR" else None
    if name == "no file":                    # the session is there
        relay.answer = lambda words: "E60" if words[0][0] == "P" else None
    w = wire(t, relay, {"case": statement})
    sent, got, code = w.through("case", with_sdp(VIDEO_FIRST))
    equal(got, sent, "the request")
    check.equal(code, -1, "code")
    check.contains(w.daemon.log(), want, "log")


def test_silence_is_a_failure_and_the_relay_is_down(t):
    relay = t.scripted_relay(release="3.0")
    w = wire(t, relay, CASES)
    relay.deaf = True
    for case in ("uac", "record", "stopuac"):
        sent, got, code = w.through(case, PLAIN)
        equal(got, sent, f"the request after {case}")
        check.equal(code, -1, f"code of {case}")
    check.equal((w.daemon.stat("rtpp_timeouts"), w.daemon.stat("rtpp_relays_down")), (1, 1), "one waited, the others knew")


def test_a_call_id_that_leads_elsewhere_is_not_recorded(t):
    """13.8: a relay makes a file's name of it."""
    relay = t.scripted_relay(release="3.0")
    relay.answer = yes
    w = wire(t, relay, CASES)
    for call_id, code in (("../../etc/x", -1), ("a/b", -1), ("..", -1), ("a.b@c", 1)):
        head = w.head("record").replace(w.call_id, call_id)
        w.call_id = call_id
        w.send(head + PLAIN)
        equal(w.at_far(), w.sent, "the request")
        check.equal(w.codes(), [code], f"code of start_recording() for Call-ID {call_id}")
    check.equal(relay.commands("R"), ["R a.b@c 1"], "recordings at the relay")


def test_without_relays_there_is_nobody_to_play(t):
    w = Wire(t, CASES)
    for case in ("uac", "stopuac", "record"):
        sent, got, code = w.through(case, PLAIN)
        equal(got, sent, f"the request after {case}")
        check.equal(code, -1, f"code of {case}")


def test_literals_are_checked_when_the_script_is_loaded(t):
    script = "route {\n" + "\n".join(f"\t{s};" for s in (
        'rtpproxy_stream2uac("a b", "1")', 'rtpproxy_stream2uas("", "1")', 'rtpproxy_stream2uac("a", "many")',
        'rtpproxy_stream2uac("a", "-2")', 'rtpproxy_stream2uac("a")', "start_recording(1)")) + \
        '\n\tt_on_failure("F");\n\tt_relay();\n}\nfailure_route[F] {\n\trtpproxy_stop_stream2uac();\n\tstart_recording();\n}\n'
    done = t.daemon(start=False, script=script).check_conf()
    check.equal(done.returncode, 1, "status")
    for line, want in ((2, "must have no blanks"), (3, "1 to 512 characters"), (4, "must be a number"), (5, "expected -1 (for ever)"),
                       (6, "takes 2 arguments, got 1"), (7, "takes 0 arguments, got 1"), (12, "'rtpproxy_stop_stream2uac' cannot be used in failure_route[F]")):
        mine = [text for text in done.stderr.splitlines() if f".route:{line}:" in text]
        check.that(mine and want in mine[0], f"line {line}: {want!r}; found {mine}, in {done.stderr}")
    check.that(".route:13:" not in done.stderr, "start_recording() may stand in failure_route")


def test_music_on_hold_is_heard_by_who_is_held(t):
    """A whole call with a relay that knows its codecs from the SDP: it plays because P follows U and L with the codec list (13.4 C)."""
    relay = t.scripted_relay(release="3.0")
    relay.prompts = ["moh"]
    script = """
route {
	mf_process_maxfwd_header("10");
	force_rport();
	if (is_method("REGISTER")) { fix_nated_register(); setbflag(6); save("location"); exit; }
	fix_nated_contact();
	if (has_totag()) loose_route();
	else { record_route(); lookup("location"); }
	if (is_method("INVITE")) {
		if (has_totag()) {
			if ($rb =~ "a=sendonly") rtpproxy_stream2uas("moh", "-1");
			else rtpproxy_stop_stream2uas();
		}
		rtpproxy_offer();
	}
	t_on_reply("R");
	t_relay();
}
onreply_route[R] {
	fix_nated_contact();
	if (has_sdp()) rtpproxy_answer();
}
"""
    daemon = t.daemon(relay=relay, script=script)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    txn = call.request("INVITE", sip.sdp(alice.private, [call.rtp.port], version=2, extra="a=sendonly\r\n"))
    check.equal(txn.wait().status, 200, "reply to the re-INVITE that holds")
    session = relay.sessions[(call.call_id, 1)]
    check.equal(session.playing, {leg.local_tag: ("moh", -1)}, "bob hears")
    check.equal(call.reinvite().status, 200, "reply to the re-INVITE that resumes")
    check.equal(session.playing, {}, "nobody hears")
    check.equal(daemon.stat("rtpp_errors"), 0, "errors")
    call.hangup()
