"""Who made the offer? Letters, tags and stream numbers of the commands, for every way to exchange offer and answer.

    alice (tag A) --INVITE, UPDATE, ACK, PRACK--> pinholed --U, L--> relay;  pinholed --> bob (tag B)

Expected, facts 7.1 and 7.2: tag A of a command is the offerer's, whatever message carries it; U comes from that party and L from the
other; streams are numbered by the place of their m= line. Addresses are the packet's source, ports those of the SDP.
"""

from kit import check, sip
from kit.daemon import changed_route
from kit.runner import variants

ALL = (('is_method("INVITE") && has_sdp()', 'is_method("INVITE|UPDATE") && has_sdp()'),
       ('is_method("ACK") && has_sdp()', 'is_method("ACK|PRACK") && has_sdp()'),
       ('is_method("INVITE") && t_check_status', 'is_method("INVITE|UPDATE") && t_check_status'))
MANAGE = (("rtpproxy_offer()", "rtpproxy_manage()"), ("rtpproxy_answer()", "rtpproxy_manage()"))


def parties(t, relay=None, functions="named", **conf):
    relay = relay or t.scripted_relay()
    daemon = t.daemon(relay=relay, script=changed_route(*ALL, *(MANAGE if functions == "manage" else ())), conf={"rtpp": conf})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    return relay, daemon, alice, bob


def line(letter, call, phone, port, a, b=None, number=1):
    """A command as the facts have it: told by `phone`, whose SDP says `port`."""
    tags = f"{a};{number}" + (f" {b};{number}" if b else "")
    return f"{letter} {call.call_id} {phone.link.local[0]} {port} {tags}"


def told(relay):
    """Commands about media since the last time."""
    out = [c for c in relay.log if c[0] in "ULD"]
    relay.log.clear()
    return out


def answered(alice, bob, **more):
    call = alice.call("bob", **more)
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    return call, leg


def answer_requests(phone, method, body):
    """The phone takes that method, answering with body()."""
    setattr(phone, f"on_{method.lower()}", lambda msg: phone.reply(msg, 200, "OK", body=body()))


@variants(functions=["named", "manage"])
def test_offer_in_the_invite(t, functions):
    relay, _, alice, bob = parties(t, functions=functions)
    call, leg = answered(alice, bob)
    a, b = call.local_tag, leg.local_tag
    check.equal(told(relay), [line("U", call, alice, call.rtp.port, a), line("L", call, bob, leg.rtp.port, a, b)], "the call's commands")
    # A new offer of the caller's, and one of the callee's: From is whoever sends the re-INVITE.
    check.equal(call.reinvite().status, 200, "reply to the caller's re-INVITE")
    check.equal(told(relay), [line("U", call, alice, call.rtp.port, a, b), line("L", call, bob, leg.rtp.port, a, b)], "the caller's re-INVITE")
    check.equal(leg.reinvite().status, 200, "reply to the callee's re-INVITE")
    check.equal(told(relay), [line("U", call, bob, leg.rtp.port, b, a), line("L", call, alice, call.rtp.port, b, a)], "the callee's re-INVITE")
    leg.hangup()
    call.wait_ended()
    check.until(lambda: relay.commands("D"), 3, "the end")
    check.equal(told(relay), [f"D {call.call_id} {b} {a}"], "the end: tags as in the BYE, without a number")


@variants(functions=["named", "manage"])
def test_offer_in_the_200_and_answer_in_the_ack(t, functions):
    relay, _, alice, bob = parties(t, functions=functions)
    call, leg = answered(alice, bob, sdp=False)
    a, b = call.local_tag, leg.local_tag
    check.until(lambda: len(relay.commands("L")) == 1, 3, "the answer at the relay")
    check.equal(told(relay), [line("U", call, bob, leg.rtp.port, b, a), line("L", call, alice, call.rtp.port, b, a)], "offer and answer")
    # The same inside the call, from the other side.
    txn = leg.request("INVITE")
    check.equal(txn.wait().status, 200, "reply to bob's re-INVITE without SDP")
    check.until(lambda: len(relay.commands("L")) == 1, 3, "the answer at the relay")
    check.equal(told(relay), [line("U", call, alice, call.rtp.port, a, b), line("L", call, bob, leg.rtp.port, a, b)], "late offer of alice's")
    call.hangup()
    leg.wait_ended()


def test_late_offer_in_a_183_and_answer_in_its_prack(t):
    relay, _, alice, bob = parties(t)
    bob.mode = "silent"
    answer_requests(bob, "PRACK", lambda: b"")
    call = alice.call("bob", sdp=False)
    leg = bob.wait_call()
    leg.reply(183, "Session Progress", leg.sdp())
    progress = call.txn.wait_status(183)
    call.remote_tag, call.target = progress.tag("to"), progress.contact_uri()
    call.routes = list(reversed(progress.all("record-route")))
    check.equal(call.request("PRACK", call.sdp(), extra=[("RAck", "1 1 INVITE")]).wait().status, 200, "reply to PRACK")
    a, b = call.local_tag, leg.local_tag
    check.equal(told(relay), [line("U", call, bob, leg.rtp.port, b, a), line("L", call, alice, call.rtp.port, b, a)], "offer and answer")
    leg.reply(200, "OK")
    call.wait_answer()
    call.hangup()


def test_answers_in_183_and_200_and_an_update_between(t):
    relay, _, alice, bob = parties(t)
    bob.mode = "silent"
    call = alice.call("bob")
    leg = bob.wait_call()
    leg.reply(183, "Session Progress", leg.sdp())
    progress = call.txn.wait_status(183)
    a, b = call.local_tag, leg.local_tag
    answer = line("L", call, bob, leg.rtp.port, a, b)
    check.equal(told(relay), [line("U", call, alice, call.rtp.port, a), answer], "offer, and the answer of the 183")
    call.remote_tag, call.target = progress.tag("to"), progress.contact_uri()
    call.routes = list(reversed(progress.all("record-route")))
    answer_requests(bob, "UPDATE", leg.sdp)
    check.equal(call.request("UPDATE", call.sdp()).wait().status, 200, "reply to UPDATE")
    check.equal(told(relay), [line("U", call, alice, call.rtp.port, a, b), answer], "the UPDATE of the early dialog")
    leg.reply(200, "OK", leg.sdp())
    call.wait_answer()
    check.equal(told(relay), [answer], "the answer of the 200")
    answer_requests(alice, "UPDATE", call.sdp)
    leg.target, leg.routes = leg.invite.contact_uri(), leg.invite.all("record-route")
    check.equal(leg.request("UPDATE", leg.sdp()).wait().status, 200, "reply to bob's UPDATE")
    check.equal(told(relay), [line("U", call, bob, leg.rtp.port, b, a), line("L", call, alice, call.rtp.port, b, a)], "bob's UPDATE")
    call.hangup()


def test_streams_keep_their_places(t):
    """A declined stream and one that no relay takes are counted and left alone; offer and answer agree on the numbers."""
    relay, _, alice, bob = parties(t)
    call, leg = answered(alice, bob, streams=3)
    a, b = call.local_tag, leg.local_tag
    told(relay)
    ports = [m.port for m in call.media]
    offer = sip.sdp(alice.private, ports, version=2).decode().replace(f"m=audio {ports[0]} RTP/AVP 0", "m=audio 0 RTP/AVP 0") \
        .replace(f"m=video {ports[1]} RTP/AVP 34", f"m=message {ports[1]} TCP/MSRP *")
    txn = call.request("INVITE", offer.encode())
    check.equal(txn.wait().status, 200, "reply to the re-INVITE")
    check.equal(told(relay), [line("U", call, alice, ports[2], a, b, 3)] +
                [line("L", call, bob, m.port, a, b, n) for n, m in enumerate(leg.media, 1)], "commands")
    lines = leg.invite.body.decode().splitlines()
    check.that("m=audio 0 RTP/AVP 0" in lines and f"m=message {ports[1]} TCP/MSRP *" in lines, f"the others at bob: {lines}")
    call.hangup()
    leg.wait_ended()


def test_lookup_asks_for_what_is_there(t):
    """Flag l: L, with the tags of the other side first; a relay that does not know the call makes nothing of it, and the message stays."""
    relay = t.scripted_relay()
    daemon = t.daemon(relay=relay, script=changed_route(("if (!rtpproxy_offer()) {", 'if (has_totag() && !rtpproxy_offer("l")) {')))
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    a, b = call.local_tag, leg.local_tag
    told(relay)
    check.equal(call.reinvite().status, 503, "reply to a re-INVITE that looks up what is not there")
    check.equal(told(relay), [line("L", call, alice, call.rtp.port, b, a)], "the lookup")
    call.hangup()
    leg.wait_ended()


FLAGS = [("r", "U", "private"), ("a", "UA", "private"), ("w", "US", "source"), ("s", "US", "source"), ("aw", "US", "private"), ("i", "UI", "source"),
         ("ie", "UIE", "source"), ("EI", "UEI", "source"), ("z20", "UZ20C0", "source"), ("foc", "UC0", "source"), ("FAIE", "UAIEC0", "private")]


@variants(case=FLAGS)
def test_letters_of_the_flags(t, case):
    """7.3 and 13.4: what each flag sends; r and a tell the SDP's address. z and codecs only to a relay that knows them."""
    flags, word, where = case
    modern = "Z" in word or "C" in word
    relay = t.scripted_relay(release="3.0" if modern else "1.0")
    daemon = t.daemon(relay=relay, script=changed_route(("rtpproxy_offer()", f'rtpproxy_offer("{flags}")')))
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    address = alice.private if where == "private" else alice.link.local[0]
    check.equal(relay.commands("U"), [f"{word} {call.call_id} {address} {call.rtp.port} {call.local_tag};1"], f"offer with {flags!r}")
    call.hangup()
    leg.wait_ended()


def test_ipv6_is_said_of_the_address_that_is_told(t):
    relay = t.scripted_relay(address="::1")
    daemon = t.daemon(relay=relay, address="::1")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    check.equal(relay.commands("U"), [f"U6 {call.call_id} ::1 {call.rtp.port} {call.local_tag};1"], "offer")
    check.equal(relay.commands("L"), [f"L6 {call.call_id} ::1 {leg.rtp.port} {call.local_tag};1 {leg.local_tag};1"], "answer")
    t.talk(call, leg, relay, packets=5)
    call.hangup()
    leg.wait_ended()


def test_repetitions_ask_nothing_new(t):
    """The INVITE and the 200 come again: the transactions answer, the relay hears nothing of it."""
    relay, _, alice, bob = parties(t)
    call, leg = answered(alice, bob)
    before = told(relay)
    check.equal(len(before), 2, "commands of the call")
    alice.link.send(call.invite.data())
    bob.link.send(bob.served[(leg.invite.branch, "INVITE")])
    check.equal(alice.request("OPTIONS", f"sip:{alice.domain}").status, 200, "reply behind the repetitions")
    call.hangup()
    leg.wait_ended()
    check.that(all(c[0] == "D" for c in told(relay)), f"commands after the repetitions: {relay.log}")


# The same with the real relay

def test_rtpengine_takes_a_late_offer_and_its_media(t):
    relay = t.relay()
    _, daemon, alice, bob = parties(t, relay)
    call, leg = answered(alice, bob, sdp=False)
    check.until(lambda: leg.remote_sdp, 3, "the answer has come to bob")
    t.talk(call, leg, relay, packets=20)
    check.equal((relay.commands("U"), relay.commands("L")), (1, 1), "offers and answers")
    check.equal((daemon.stat("rtpp_errors"), daemon.stat("rtpp_echoes")), (0, 0), "errors, echoes")
    call.hangup()
    leg.wait_ended()


@variants(holder=["caller", "callee"])
def test_rtpengine_holds_and_resumes(t, holder):
    """Hold by 0.0.0.0 (RFC 2543) and by sendonly: the null address stays, ports are the relay's; then media flow again."""
    relay = t.relay()
    _, daemon, alice, bob = parties(t, relay)
    call, leg = answered(alice, bob)
    t.talk(call, leg, relay, packets=10)
    side, other, phone = (call, leg, alice) if holder == "caller" else (leg, call, bob)
    for version, body in enumerate((sip.sdp("0.0.0.0", [side.rtp.port], version=2),
                                    sip.sdp(phone.private, [side.rtp.port], version=3, extra="a=sendonly\r\n")), 2):
        txn = side.request("INVITE", body)
        check.equal(txn.wait().status, 200, "reply to the re-INVITE that holds")
        address, port = other.targets()[0]
        check.equal(address, "0.0.0.0" if version == 2 else relay.address, "address of the held stream")
        check.that(relay.uses(port), f"port {port} is the relay's")
    check.equal(side.reinvite().status, 200, "reply to the re-INVITE that resumes")
    for end in (call.rtp, leg.rtp):
        end.received.clear()
        end.ssrcs.clear()
    t.talk(call, leg, relay, packets=10)
    check.equal(daemon.stat("rtpp_echoes"), 0, "echoes")
    call.hangup()
    leg.wait_ended()
