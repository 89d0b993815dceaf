"""The messages of RFC 4475 and RFC 5118, each through the daemon, over UDP and over TCP.

    near --message--> pinholed --> far;  near <--reply-- pinholed <-- far

The script is a proxy's usual one: force_rport, sanity_check, Max-Forwards, record_route, and everything goes to far. Expected, as the
RFC says by message: forwarded - then far has it octet by octet but for what a proxy adds and counts down, and near has far's
reply likewise - or answered with an error, or dropped. The daemon lives on and serves the next one.

A row is (section-name, UDP, TCP): FORWARD, a status, DROP, CLOSE (a 400, and the stream has no next message), WAIT (for octets that the header
promises, until tcp.message_timeout). What the RFC wants stands beside it where it is not the obvious.
"""

import os
import re

from kit import build, check
from kit.runner import variants
from kit.stranger import Stranger, cut, name_of, named, own_address, squeezed

FOLDER = os.path.join(build.TOP, "tests", "fuzz", "corpus", "message")
FORWARD, DROP, CLOSE, WAIT = "forwarded", "dropped", "closed", "waits"

REQUESTS = [
    # RFC 4475, 3.1.1 valid messages
    ("3.1.1.1-wsinv", FORWARD, FORWARD),
    ("3.1.1.2-intmeth", FORWARD, FORWARD),
    ("3.1.1.3-esc01", FORWARD, FORWARD),
    ("3.1.1.4-escnull", FORWARD, FORWARD),
    ("3.1.1.5-esc02", FORWARD, FORWARD),          # the escaped method name is another method than REGISTER
    ("3.1.1.6-lwsdisp", FORWARD, FORWARD),
    ("3.1.1.7-longreq", FORWARD, FORWARD),
    ("3.1.1.8-dblreq", FORWARD, FORWARD),         # UDP: octets behind the body are ignored; TCP: they are the next request
    ("3.1.1.9-semiuri", FORWARD, FORWARD),
    ("3.1.1.10-transports", FORWARD, FORWARD),
    ("3.1.1.11-mpart01", FORWARD, FORWARD),
    # 3.1.2 invalid messages
    ("3.1.2.1-badinv01", 400, 400),
    ("3.1.2.2-clerr", 400, WAIT),                 # a stream may still bring the rest
    ("3.1.2.3-ncl", 400, CLOSE),
    ("3.1.2.4-scalar02", 400, 400),
    ("3.1.2.6-quotbal", 400, 400),
    ("3.1.2.7-ltgtruri", 400, 400),
    ("3.1.2.8-lwsruri", 400, 400),
    ("3.1.2.9-lwsstart", 400, 400),
    ("3.1.2.10-trws", 400, 400),
    ("3.1.2.11-escruri", 400, 400),               # acceptable; the escaped header must not be forwarded in any case
    ("3.1.2.12-baddate", FORWARD, FORWARD),       # who does not use Date may ignore it
    ("3.1.2.13-regbadct", FORWARD, FORWARD),      # the registrar refuses it, see below; a Contact is nothing to a proxy
    ("3.1.2.14-badaspec", 400, 400),
    ("3.1.2.15-baddn", 400, 400),
    ("3.1.2.16-badvers", 505, 505),
    ("3.1.2.17-mismatch01", 400, 400),
    ("3.1.2.18-mismatch02", 400, 400),            # 501 would do as well
    # 3.2, 3.3 transaction and application layer
    ("3.2.1-badbranch", FORWARD, FORWARD),        # may be taken for a branch of RFC 2543
    ("3.3.1-insuf", 400, 400),                    # "ideally"; From, To and Call-ID cannot be repeated
    ("3.3.2-unkscm", 416, 416),
    ("3.3.3-novelsc", 416, 416),
    ("3.3.4-unksm2", FORWARD, FORWARD),           # proxies should treat it as any other request for this URI
    ("3.3.5-bext01", 420, 420),
    ("3.3.6-invut", FORWARD, FORWARD),            # 415 is the called phone's
    ("3.3.7-regaut01", FORWARD, FORWARD),
    ("3.3.8-multi01", 400, 400),
    ("3.3.9-mcl01", 400, CLOSE),
    ("3.3.11-zeromf", 483, 483),
    ("3.3.12-cparam01", FORWARD, FORWARD),
    ("3.3.13-cparam02", FORWARD, FORWARD),
    ("3.3.14-regescrt", FORWARD, FORWARD),
    ("3.3.15-sdp01", FORWARD, FORWARD),           # 406 is the called phone's
    ("3.4.1-inv2543", FORWARD, CLOSE),            # has no Content-Length: RFC 3261 section 18.3 wants one on streams
    # RFC 5118. The Content-Lengths of 4.6, 4.8 and 4.9 are those of the bodies here, which the RFC's text has wrong
    ("4.1-ipv6-good", FORWARD, FORWARD),
    ("4.2-ipv6-bad", 400, 400),
    ("4.3-port-ambiguous", FORWARD, FORWARD),     # well-formed; what was meant nobody can know
    ("4.4-port-unambiguous", FORWARD, FORWARD),
    ("4.5-via-received-param-with-delim", FORWARD, FORWARD),
    ("4.5-via-received-param-no-delim", FORWARD, FORWARD),
    ("4.6-ipv6-in-sdp", FORWARD, FORWARD),
    ("4.7-mult-ip-in-header", FORWARD, FORWARD),
    ("4.8-mult-ip-in-sdp", FORWARD, FORWARD),
    ("4.9-ipv4-mapped-ipv6", FORWARD, FORWARD),
    ("4.10-ipv6-bug-abnf-3-colons", 400, 400),    # may be repaired; "a robust proxy" is one more hop that guesses
    ("4.10-ipv6-correct-abnf-2-colons", FORWARD, FORWARD),
]

SCRIPT = """route {{
	force_rport();
	if (!sanity_check())
		exit;
	if (!mf_process_maxfwd_header("70")) {{
		sl_send_reply("483", "Too Many Hops");
		exit;
	}}
	if (is_method("INVITE"))
		record_route();
	$du = "sip:{far}";
	t_relay();
}}
"""
NUMBER = rb"\d+"


def load(row_name):
    name = row_name.partition("-")[2]
    with open(os.path.join(FOLDER, name + ".dat"), "rb") as message:
        return message.read()


class Bench:
    """far, the daemon, and near on the port that its Via names."""

    def __init__(self, t, script=None, conf=None):
        self.t = t
        self.address = own_address()
        self.far = Stranger()
        t.helpers.append(self.far)
        self.daemon = t.daemon(script=(script or SCRIPT).format(far=f"{self.far.address}:{self.far.port}"),
                               conf={"workers": 1, "tcp": {"message_timeout": 1000}, **(conf or {})})

    def near(self, message, transport="udp"):
        sent_by = named(cut(message)[1], b"via")[0].partition(b":")[2].partition(b";")[0]
        port = re.search(rb":(\d+)\s*$", re.sub(rb"\[.*\]", b"", sent_by))
        port = int(port.group(1)) if port else 5060
        near = Stranger(self.daemon, self.address, port if transport == "udp" else 0, transport)
        self.t.helpers.append(near)
        return near

    def serves(self):
        """It is alive, and has nothing left over from the message before."""
        check.that(self.daemon.process.running(), f"the daemon runs: {self.daemon.process.tail()}")
        message = (f"OPTIONS sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP {self.address};branch=z9hG4bKalive\r\n"
                   f"From: <sip:a@example.test>;tag=1\r\nTo: <sip:bob@example.test>\r\nCall-ID: alive@{self.address}\r\n"
                   f"CSeq: 1 OPTIONS\r\nMax-Forwards: 0\r\nContent-Length: 0\r\n\r\n").encode()
        near = Stranger(self.daemon)
        near.send(message)
        reply = near.receive()
        near.close()
        check.that(reply and reply.startswith(b"SIP/2.0 483 "), f"483 to a good message with no hops left: {reply!r}")


def top_via_is(got, sent, what):
    """The sender's Via, with where it really came from."""
    truth = re.sub(rb";(?:received=[^;,]*|rport(?:=[^;,]*)?)", b"", squeezed(got).partition(b":")[2])
    wrote = re.sub(rb";(?:received=[^;,]*|rport(?:=[^;,]*)?)", b"", squeezed(sent).partition(b":")[2])
    check.equal(truth, wrote, f"{what}: top Via but for received and rport")
    check.that(re.search(rb";received=127\.[\d.]+;rport=\d+", got), f"{what}: received and rport: {got!r}")


def unharmed(sent, got, what):
    """What the daemon added taken away, far has what near sent."""
    start, fields, body = cut(sent)
    got_start, got_fields, got_body = cut(got)
    length = named(fields, b"content-length")
    if length:
        body = body[:int(re.search(NUMBER, length[0].partition(b":")[2]).group())]
    check.equal(got_start, start, f"{what}: request line")
    check.equal(got_body, body, f"{what}: body")
    ours = got_fields.pop(0)
    check.that(re.match(rb"Via: SIP/2\.0/UDP 127\.0\.0\.1:\d+;branch=z9hG4bK", ours), f"{what}: our Via on top: {ours!r}")
    if start.startswith(b"INVITE "):
        routes = [f for f in got_fields if re.match(rb"Record-Route: <sip:127\.0\.0\.1", f)]
        # From TCP to UDP there is one for each side.
        check.equal([b";r2=on" in r for r in routes], [True, True] if len(routes) > 1 else [False], f"{what}: Record-Route fields of ours")
        for route in routes:
            got_fields.remove(route)
    if not length:
        check.equal(got_fields.pop(), b"Content-Length: %d\r\n" % len(body), f"{what}: Content-Length that was added")
    if not named(fields, b"max-forwards"):
        check.equal(got_fields.pop(), b"Max-Forwards: 70\r\n", f"{what}: Max-Forwards that was added")
    check.equal(len(got_fields), len(fields), f"{what}: header fields")
    vias = 0
    for ours, theirs in zip(got_fields, fields):
        if name_of(theirs) == b"max-forwards":
            hops = int(re.search(NUMBER, theirs).group())
            check.equal(int(re.search(NUMBER, ours).group()), min(hops - 1, 255), f"{what}: Max-Forwards")
        elif name_of(theirs) == b"via" and vias == 0:
            vias += 1
            top_via_is(ours, theirs, what)
        else:
            check.equal(ours, theirs, f"{what}: header field")


def answer(got):
    """far's 200: what a reply takes from the request, and a field that nobody knows."""
    fields = named(cut(got)[1], b"via", b"from", b"to", b"call-id", b"cseq")
    return b"SIP/2.0 200 \xd0\x94\xd0\xb0\r\n" + b"".join(fields) + b"X-Odd : ;;,\xff\r\n folded\r\nContent-Length: 4\r\n\r\na\0\r\n"


def forwarded(bench, near, sent, what):
    got = bench.far.receive()
    check.that(got, f"{what}: nothing came to far: {bench.daemon.process.tail()}")
    unharmed(sent, got, what)
    reply = answer(got)
    bench.far.send(reply, bench.daemon)
    start, fields, body = cut(reply)
    back = near.receive_final()
    check.that(back, f"{what}: no reply came back: {bench.daemon.process.tail()}")
    check.equal(cut(back), (start, fields[1:], body), f"{what}: the reply but for our Via")


def answered(near, sent, status, what):
    reply = near.receive_final()
    check.that(reply, f"{what}: no answer")
    start, fields, _ = cut(reply)
    check.that(start.startswith(b"SIP/2.0 %d " % status), f"{what}: {status} expected, found {start!r}")
    for name in (b"call-id", b"cseq", b"from"):
        check.equal(named(fields, name)[:1], named(cut(sent)[1], name)[:1], f"{what}: {name.decode()} of the answer")
    if status == 420:
        check.that(b"Unsupported: noProxiesSupportThis, norDoAnyProxiesSupportThis\r\n" in fields, f"{what}: {fields}")


@variants(message=REQUESTS, transport=["udp", "tcp"])
def test_request(t, message, transport):
    name, outcome = message[0], message[1 if transport == "udp" else 2]
    data = load(name)
    if name.endswith("dblreq") and transport == "tcp":
        data = data[:-5]                 # the second body is that much longer than its Content-Length says, and would be no message
    bench = Bench(t)
    near = bench.near(data, transport)
    near.send(data)
    if outcome == FORWARD:
        forwarded(bench, near, data, name)
        if name.endswith("dblreq") and transport == "tcp":
            forwarded(bench, near, data[data.index(b"INVITE "):], f"{name}, second request")
    elif outcome in (CLOSE, WAIT):
        if outcome == CLOSE:
            answered(near, data, 400, name)
        check.equal(near.receive(5), b"", "the connection is closed")
        check.equal(bench.daemon.stat("net_tcp_bad_frames" if outcome == CLOSE else "net_tcp_timeouts"), 1, "ends counted")
    else:
        answered(near, data, outcome, name)
        check.equal(bench.daemon.stat("bad_messages_answered"), 1 if outcome in (400, 505) else 0, "answers counted")
    if outcome != FORWARD:
        check.equal(bench.far.receive(0.05), None, "what far got")
    bench.serves()


# Replies: far's answer to a request that fits

REPLIES = [
    ("3.1.1.12-unreason", FORWARD),
    ("3.1.1.13-noreason", DROP),          # valid, but a 100 is for this hop (RFC 3261 section 16.7 step 3)
    ("3.1.2.5-scalarlg", DROP),           # its CSeq is out of range: discarded
    ("3.1.2.19-bigcode", DROP),           # discarded
    ("3.3.10-bcast", FORWARD),            # belongs to a transaction here: goes where its request came from, whatever its Via says
]


def request_for(reply, near):
    """One to which the reply could be an answer."""
    call_id, cseq, source, to = (named(cut(reply)[1], n)[0] for n in (b"call-id", b"cseq", b"from", b"to"))
    method = cseq.split()[-1]
    number = cseq.split()[1] if len(cseq.split()[1]) < 9 else b"9"
    return (b"%s sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;rport;branch=z9hG4bK1\r\n%s%s%sCSeq: %s %s\r\n"
            b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (
                method, near.address.encode(), near.port, source, re.sub(rb";tag=[^\r]*", b"", to), call_id, number, method))


@variants(message=REPLIES)
def test_reply(t, message):
    name, outcome = message
    data = load(name)
    bench = Bench(t)
    near = Stranger(bench.daemon)
    t.helpers.append(near)
    near.send(request_for(data, near))
    got = bench.far.receive()
    check.that(got, "the request came to far")
    vias = named(cut(got)[1], b"via")
    start, fields, body = cut(data)
    fields = [f for f in fields if name_of(f) != b"via"]
    reply = start + b"\r\n" + b"".join(vias + fields) + b"\r\n" + body
    bad = bench.daemon.stat("bad_messages")
    bench.far.send(reply, bench.daemon)
    if outcome == FORWARD:
        check.equal(cut(near.receive_final()), (start, vias[1:] + fields, body), f"{name}: the reply but for our Via")
    else:
        bench.far.send(answer(got), bench.daemon)
        back = near.receive_final()
        check.that(back and back.startswith(b"SIP/2.0 200 "), f"{name} is dropped, and the good one behind it comes: {back!r}")
        check.equal(bench.daemon.stat("bad_messages") - bad, 0 if "noreason" in name else 1, f"{name}: bad messages counted")
    bench.serves()


@variants(message=[*REPLIES])
def test_stray_reply(t, message):
    """As it stands, from somebody who was asked nothing: nothing leaves, to the broadcast address of bcast in particular."""
    name, _ = message
    bench = Bench(t)
    stranger = Stranger(bench.daemon)
    t.helpers.append(stranger)
    data = load(name)
    before = bench.daemon.stats()
    stranger.send(data)
    bench.serves()
    ours = b"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKph00000001000000010123456789abcdef\r\n" % bench.daemon.port
    stranger.send(data.replace(b"Via: ", ours + b"Via: ", 1))
    bench.serves()
    after = bench.daemon.stats()
    check.equal(after["net_udp_sent"] - before["net_udp_sent"], 2, "datagrams sent: the two replies to bench.serves()")
    strays = sum(after[c] - before[c] for c in ("tm_replies_stray", "bad_messages"))
    check.equal(strays, 2, "counted as stray or bad")


# A registrar

REGISTRAR = """route {{
	force_rport();
	if (is_method("REGISTER"))
		save("location");
	# {far}
}}
"""

REGISTERS = [
    ("3.1.1.4-escnull", 404, None),              # no user of ours has a NUL in his name; and "null-" is not meant
    ("3.1.1.5-esc02", None, None),                                       # no REGISTER, and nobody answers it here
    ("3.1.1.8-dblreq", 200, [b"<sip:j.user@host.example.com>"]),
    ("3.1.2.13-regbadct", 400, None),
    ("3.3.4-unksm2", 400, None),                                         # "since the To header field is required to be a SIP URI"
    ("3.3.7-regaut01", 200, []),                                         # who asks for no password ignores what it has not asked for
    ("3.3.12-cparam01", 200, [b"<sip:+19725552222@gw1.example.net>"]),   # the parameter is the header's, and unknown
    ("3.3.13-cparam02", 200, [b"<sip:+19725552222@gw1.example.net;unknownparam>"]),    # the URI's
    ("3.3.14-regescrt", 200, [b"<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"]),
]


@variants(message=REGISTERS)
def test_register(t, message):
    name, status, contacts = message
    data = load(name)
    bench = Bench(t, REGISTRAR, {"aliases": ["example.com"]})
    near = bench.near(data)
    near.send(data)
    reply = near.receive_final(5 if status else 0.3)
    if status is None:
        check.equal(reply, None, "an answer")
        return
    check.that(reply and reply.startswith(b"SIP/2.0 %d " % status), f"{status} expected, found {reply!r}")
    listed = b"".join(named(cut(reply)[1], b"contact"))
    check.equal(re.findall(rb"<[^>]*>", listed), contacts or [], "contacts in the reply")


def test_register_of_contacts_with_nuls(t):
    """escnull for a user that there may be: its two contacts differ in their number of escaped NULs only, and are two."""
    data = load("3.1.1.4-escnull").replace(b"null-%00-null", b"alice")
    bench = Bench(t, REGISTRAR, {"aliases": ["example.com"]})
    near = bench.near(data)
    near.send(data)
    reply = near.receive_final()
    listed = b"".join(named(cut(reply)[1], b"contact"))
    check.equal(sorted(re.findall(rb"<[^>]*>", listed)), [b"<sip:%00%00@host5.example.com>", b"<sip:%00@host5.example.com>"],
                f"contacts in {reply!r}")
