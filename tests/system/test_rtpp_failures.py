"""What a relay refuses, and what no relay is asked for: codes, failover, and a message that stays as it was.

    near --INVITE, SDP--> pinholed --U--> first relay: a code        --U--> the next one of the set, or none
                                   --> far: the message as it was, or with the next relay's address

Expected, facts 13.5 and 8.4: "no room here" goes on to the next relay of the set, other codes fail the call alone, only silence is death; a code means what
the relay's release means by it. Every function answers -1 and leaves each octet of the message when it fails.
"""

from kit import check
from kit.runner import variants
from kit.wire import Wire, equal

QUICK = {"rtpproxy_timeout": "0.1", "rtpproxy_retr": 2}
SDP = ("v=0\r\no=- 1 1 IN IP4 192.168.1.9\r\ns=-\r\nc=IN IP4 192.168.1.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
       "m=video 4002 RTP/AVP 34\r\n")
OFFER = {"case": "rtpproxy_offer();"}


def with_body(body, kind="application/sdp"):
    return f"Contact: <sip:x@192.168.1.9>\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"


PLAIN = "Contact: <sip:x@192.168.1.9>\r\nContent-Length: 0\r\n\r\n"


def counts(daemon):
    stats = daemon.stats()
    return tuple(stats[f"rtpp_{n}"] for n in ("failovers", "relays_down", "errors"))


# code, release, goes elsewhere
CODES = [(71, "3.0", True), (72, "2.0", True), (81, "3.0", True), (89, "3.0", True), (98, "3.0", True), (99, "3.0", True), (36, "3.0", True),
         (7, "1.2", True), (10, "1.2", True), (7, "3.0", False), (10, "3.0", False), (8, "3.0", False), (1, "3.0", False), (11, "3.0", False),
         (35, "3.0", False), (37, "3.0", False), (50, "3.0", False), (6, "1.2", False)]


@variants(case=CODES)
def test_codes(t, case):
    code, release, elsewhere = case
    first, second = t.scripted_relay(release=release), t.scripted_relay()
    first.answer = lambda words: f"E{code}" if words[0][0] == "U" and words[4].endswith(";2") else None
    w = Wire(t, OFFER, conf={"rtpp": {"rtpproxy_sock": f"{first.url} {second.url}=0", **QUICK}})
    sent, got, answered = w.through("case", with_body(SDP))
    check.equal(answered, 1 if elsewhere else -1, f"code of rtpproxy_offer() for E{code}")
    if elsewhere:
        check.contains(got, b"c=IN IP4 127.0.0.1\r\n", "the SDP")
    else:
        equal(got, sent, "the request")
    check.equal(len(second.commands("U")), 2 if elsewhere else 0, "offers at the second relay")
    check.equal(counts(w.daemon), (1 if elsewhere else 0, 0, 1), "failovers, relays down, errors")
    # What was made at the first one, for the stream that it took, is not left behind.
    check.until(lambda: not first.sessions, 3, "the first relay has forgotten the call")
    check.equal(first.commands("D"), [f"D {w.call_id} 1"], "D")


REPLIES = ["E1", "0", "0 0.0.0.0", "70000 127.0.0.1", "65535", "junk", "", "4000 host", "4000 127.0.0.1"]


@variants(function=["offer", "answer"])
def test_replies_that_are_none(t, function):
    """Also the phone's own address: rtpengine's way to say that it has not understood (section 14)."""
    relay = t.scripted_relay()
    w = Wire(t, {"case": f"rtpproxy_{function}();"}, conf={"rtpp": {"rtpproxy_sock": relay.url, **QUICK}})
    for reply in REPLIES:
        relay.answer = lambda words, reply=reply: reply if words[0][0] in "UL" else None
        sent, got, code = w.through("case", with_body(SDP)) if function == "offer" else w.back("case", with_body(SDP))
        equal(got, sent, f"the message after {reply!r}")
        check.equal(code, -1, f"code after {reply!r}")
    check.equal(w.daemon.stat("rtpp_relays_down"), 0, "relays down: it has answered")
    check.that(w.daemon.stat("rtpp_echoes") >= 1, "the echo is counted as one")


BODIES = {
    "no body": PLAIN,
    "other body": with_body("hello", "text/plain"),
    "no c=": with_body("v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"),
    "malformed": with_body("v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nc=IN IP4 10.0.0.5\r\nt=0 0\r\nm=audio x RTP/AVP 0\r\n"),
    "marker": with_body(SDP + "a=nortpproxy:yes\r\n"),
    "too many streams": with_body(SDP + "m=audio 4000 RTP/AVP 0\r\n" * 80),
}


@variants(function=["rtpproxy_offer", "rtpproxy_answer", "rtpproxy_manage", "force_rtp_proxy"])
def test_messages_that_no_relay_is_asked_about(t, function):
    relay = t.scripted_relay()
    w = Wire(t, {"case": f"{function}();"}, conf={"rtpp": {"rtpproxy_sock": relay.url, **QUICK}})
    way = w.back if function == "rtpproxy_answer" else w.through
    for name, rest in BODIES.items():
        sent, got, code = way("case", rest)
        equal(got, sent, f"the message with {name}")
        check.equal(code, -1, f"code with {name}")
    check.equal([c for c in relay.log if c[0] != "V"], [], "commands")


def test_arguments_that_are_none(t):
    relay = t.scripted_relay()
    w = Wire(t, {
        "letter": '$var(f) = "y"; rtpproxy_offer("$var(f)");',
        "ip": '$var(i) = "host"; rtpproxy_offer("", "$var(i)");',
        "lookup": '$var(f) = "l"; rtpproxy_answer("$var(f)");',
        "lookupoffer": 'rtpproxy_offer("l");',
        "set": 'set_rtp_proxy_set("9");',
        "setname": '$var(s) = "many"; set_rtp_proxy_set("$var(s)");',
        "setneg": '$var(s) = "-1"; set_rtp_proxy_set("$var(s)");',
        "good": 'set_rtp_proxy_set("0");',
    }, conf={"rtpp": {"rtpproxy_sock": relay.url, **QUICK}})
    for case, want in (("letter", "unknown flag letter 'y'"), ("ip", "is no IP address"), ("lookup", "flag letter 'l' has no meaning in an answer"),
                       ("lookupoffer", "no tag where this function needs one"), ("set", "there is no set 9"), ("setname", None), ("setneg", "there is no set -1")):
        sent, got, code = w.through(case, with_body(SDP))
        equal(got, sent, f"the message after {case}")
        check.equal(code, -1, f"code of {case}")
        if want:
            check.contains(w.daemon.log(), want, "log")
    check.equal(w.through("good", PLAIN)[2], 1, "code of a set that is there")
    check.equal([c for c in relay.log if c[0] != "V"], [], "commands")


@variants(release=["none", "1.2", "3.0"])
def test_the_end_of_a_call_that_no_relay_knows(t, release):
    """unforce_rtp_proxy(): -1 without a relay, 1 whatever a relay says of it (E8, E50)."""
    relay = t.scripted_relay(release=release) if release != "none" else None
    w = Wire(t, {"case": "unforce_rtp_proxy();"}, conf={"rtpp": {"rtpproxy_sock": relay.url, **QUICK} if relay else {}})
    sent, got, code = w.through("case", PLAIN)
    equal(got, sent, "the message")
    check.equal(code, 1 if relay else -1, "code")
    if relay:
        check.until(lambda: relay.commands("D"), 3, "D")
        check.equal(relay.commands("D"), [f"D {w.call_id} 1"], "D")
    check.equal(w.daemon.stat("rtpp_errors"), 0, "errors")


def test_call_ids_and_tags_that_would_break_a_line(t):
    """A blank shifts the words of a command: such a message is not told to any relay."""
    relay = t.scripted_relay()
    w = Wire(t, OFFER, conf={"rtpp": {"rtpproxy_sock": relay.url, **QUICK}})
    head = w.head("case")
    for old, new in ((";tag=1", ";tag=\"1 2\""), (";tag=1", ";tag=1;2")):
        text = w.head("case").replace(old, new, 1) + with_body(SDP)
        w.send(text)
        try:
            got = w.at_far()
        except check.Failed:
            continue                         # refused as no SIP at all
        if new == ";tag=1;2":                # a parameter behind the tag: the tag is 1
            check.contains(got, b"c=IN IP4 127.0.0.1\r\n", "the SDP")
        else:
            equal(got, w.sent, "the message")
    check.that(head and all(len(c.split(" ")) == 5 for c in relay.commands("U")), f"words of {relay.commands('U')}")


def test_a_relay_that_is_silent_fails_the_call_and_is_left_alone(t):
    relay = t.scripted_relay()
    w = Wire(t, OFFER, conf={"rtpp": {"rtpproxy_sock": relay.url, **QUICK}})
    relay.deaf = True
    for _ in range(2):
        sent, got, code = w.through("case", with_body(SDP))
        equal(got, sent, "the message")
        check.equal(code, -1, "code")
    check.equal(counts(w.daemon), (0, 1, 0), "failovers, relays down, errors")
    check.equal(w.daemon.stat("rtpp_offers"), 2, "offers")
