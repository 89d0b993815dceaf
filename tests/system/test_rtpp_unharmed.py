"""What the relay functions do when they cannot do it: -1, and every byte of the message goes on as it came.

    near --INVITE or 200 with SDP--> pinholed --> far; the relay is absent, refuses, or talks nonsense (a scripted one)
"""

from kit import check, sip
from kit.runner import variants
from kit.wire import Wire, equal

SDP = sip.sdp("192.168.1.20", [4000, 4002]).decode()
MARKED = SDP + "a=nortpproxy:yes\r\n"

CALLS = {
    "offer": "rtpproxy_offer();", "offer_with": 'rtpproxy_offer("ocr", "192.0.2.1");', "answer": "rtpproxy_answer();",
    "manage": "rtpproxy_manage();", "force": "force_rtp_proxy();", "unforce": "unforce_rtp_proxy();",
    "uac": 'rtpproxy_stream2uac("/prompts/moh", "-1");', "uas": 'rtpproxy_stream2uas("/prompts/moh", "1");',
    "stop_uac": "rtpproxy_stop_stream2uac();", "stop_uas": "rtpproxy_stop_stream2uas();", "record": "start_recording();",
    "no_set": "set_rtp_proxy_set(99);", "no_number": '$var(s) = "x"; set_rtp_proxy_set("$var(s)");',
    "no_prompt": '$var(p) = "a b"; rtpproxy_stream2uac("$var(p)", "1");', "no_count": '$var(n) = "x"; rtpproxy_stream2uac("/p", "$var(n)");',
    "bad_flags": '$var(f) = "y"; rtpproxy_offer("$var(f)");', "bad_ip": '$var(i) = "nowhere"; rtpproxy_offer("", "$var(i)");',
}


def body(text, kind="application/sdp"):
    return f"Contact: <sip:a@192.168.1.20>\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n{text}"


def unharmed(wire, case, rest, what, code=-1, ways=("through", "back")):
    for way in ways:
        sent, got, found = getattr(wire, way)(case, rest)
        equal(got, sent, f"{case} with {what}, {way}")
        check.equal(found, code, f"code of {case} with {what}, {way}")


def test_without_a_relay(t):
    wire = Wire(t, CALLS)
    for case in CALLS:
        unharmed(wire, case, body(SDP), "no relay configured")


def test_bodies_that_cannot_be_relayed(t):
    relay = t.scripted_relay()
    wire = Wire(t, CALLS, conf={"rtpp": {"rtpproxy_sock": [relay.url]}})
    bodies = {"no body": "Content-Length: 0\r\n\r\n", "text": body(SDP, "text/plain"), "a marker": body(MARKED), "junk": body("v=0\r\nm=audio\r\n"),
              "no address": body("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n")}
    for what, rest in bodies.items():
        for case in ("offer", "offer_with", "answer", "force"):
            unharmed(wire, case, rest, what)
    for case in ("no_set", "no_number", "bad_flags", "bad_ip"):
        unharmed(wire, case, body(SDP), "good SDP")
    for case in ("no_prompt", "no_count"):
        unharmed(wire, case, body(SDP), "good SDP", ways=("through",))
    check.equal(relay.commands("U") + relay.commands("L"), [], "what the relay was asked")


REFUSALS = ["E1", "E71", "E8", "0", "-1", "70000", "x", "", "4000 nowhere", "4000 192.0.2.1 extra words", "9" * 600]


@variants(case=["offer", "offer_with", "manage", "force"])
def test_relay_that_refuses_or_talks_nonsense(t, case):
    """To an offer; of two streams the second alone is refused in one of the cases: then the first is not rewritten either."""
    relay = t.scripted_relay()
    wire = Wire(t, CALLS, conf={"rtpp": {"rtpproxy_sock": [relay.url], "rtpproxy_timeout": "0.2", "rtpproxy_retr": 2}})
    check.until(lambda: "disabled:: 0" in wire.daemon.ctl("nh_show_rtpp").stdout, 5, "the relay is known")
    for reply in REFUSALS:
        relay.answer = lambda words, reply=reply: reply if words[0][0] in "UL" else None
        unharmed(wire, case, body(SDP), f"a relay that says {reply[:20]!r}", ways=("through",))
    relay.answer = lambda words: "E71" if words[0][0] == "U" and words[4].endswith(";2") else None
    unharmed(wire, case, body(SDP), "a relay that refuses the second stream", ways=("through",))
    relay.answer = None
    sent, got, code = wire.through(case, body(SDP))
    check.equal(code, 1, "code when it does its work")
    check.that(got != sent, "the message is then another")


def test_answer_of_a_call_that_the_relay_does_not_know(t):
    relay = t.scripted_relay()
    wire = Wire(t, CALLS, conf={"rtpp": {"rtpproxy_sock": [relay.url]}})
    unharmed(wire, "answer", body(SDP), "no session", ways=("back",))
    sent, got, code = wire.through("unforce", "Content-Length: 0\r\n\r\n", "BYE")
    equal(got, sent, "BYE of a call that the relay does not know")
    check.equal(code, 1, "code of unforce_rtp_proxy(): the reply does not matter")
