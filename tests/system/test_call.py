"""The call that everything hangs on.

    alice 127.0.0.2            pinholed + rtpengine               bob 127.0.0.3
    (says 192.168.1.2)                                            (says 192.168.1.3)
      |-- REGISTER ------------>|<------------------ REGISTER -----|
      |-- INVITE, SDP --------->|-- U ... (relay)                  |
      |                         |-- INVITE, SDP: relay ----------->|
      |                         |<--------- 180, 200, SDP ---------|
      |<-- 180, 200, SDP: relay-|-- L ... (relay)                  |
      |-- ACK ----------------->|--------------------------- ACK ->|
      |===== 50 RTP =====> relay ====================== 50 RTP ===>|   both ways
      |-- BYE ----------------->|-- D ... (relay), BYE ----------->|

Expected: each end counts exactly the other's 50 packets, from the relay's address alone; no phone sees an odd message.
"""

from kit import check, sip
from kit.runner import limit, variants


@variants(store=["memory", "redis"], transport=["udp", "tcp"], ip=["v4", "v6"])
def test_call_with_media(t, store, transport, ip):
    address = "127.0.0.1" if ip == "v4" else "::1"
    relay = t.relay(address)
    daemon = t.daemon(address=address, relay=relay, redis=t.redis() if store == "redis" else None)
    alice, bob = t.phones_of(daemon, ["alice", "bob"], transport=transport)

    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay)

    call.hangup()
    leg.wait_ended()
    check.until(lambda: relay.commands("D") >= 1, 3, "the relay was told that the call is over")
    check.equal(call.txn.acks, 1, "200s that alice had to acknowledge")


@variants(caller=["udp", "tcp"])
def test_call_from_one_transport_to_the_other(t, caller):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    alice = t.phones_of(daemon, ["alice"], transport=caller)[0]
    bob = t.phones_of(daemon, ["bob"], transport="tcp" if caller == "udp" else "udp")[0]

    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay)
    leg.hangup()                              # the called side ends it: the other direction of the route set
    call.wait_ended()


@variants(c_line=["session", "media"])
def test_two_streams(t, c_line):
    """Audio and video, each with ports of its own. With the scripted relay: see kit/scripted.py for the reason."""
    relay = t.scripted_relay()
    daemon = t.daemon(relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob", streams=2, session_c=c_line == "session")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    check.equal(len(leg.targets()), 2, "streams that bob was offered")
    t.talk(call, leg, relay)
    call.hangup()
    leg.wait_ended()
    check.equal([c.split(" ")[4][-2:] for c in relay.commands("U")], [";1", ";2"], "streams that were offered")
    check.equal([c.split(" ")[4][-2:] for c in relay.commands("L")], [";1", ";2"], "streams that were answered")
    check.until(lambda: relay.commands("D"), 3, "the relay was told that the call is over")


def test_two_streams_with_rtpengine(t):
    """rtpengine answers 0.0.0.0 for the second stream: both phones get the address of the first one."""
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob", streams=2)
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    for side in (call, leg):
        check.equal({address for address, _ in side.targets()}, {relay.address}, "media addresses")
        check.equal(len({port for _, port in side.targets()}), 2, "different ports")
    call.hangup()
    leg.wait_ended()


def test_reinvite_from_the_called_phone(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay, packets=10)
    first = leg.targets()

    check.equal(leg.reinvite().status, 200, "reply to the re-INVITE")
    call.wait_acked()
    check.equal(leg.targets(), first, "the relay's ports stay")
    leg.hangup()
    call.wait_ended()


def test_invite_without_sdp(t):
    """The offer comes in the 200, the answer in the ACK."""
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob", sdp=False)
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    check.that(leg.ack.body, "no SDP in the ACK")
    t.talk(call, leg, relay)
    call.hangup()
    leg.wait_ended()


def test_retransmissions_are_absorbed(t):
    """A phone that repeats its INVITE sees one call and one answer; the relay is asked once."""
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    call = alice.call("bob")
    leg = bob.wait_call()
    call.txn.wait_status(180)
    for _ in range(5):
        alice.link.send(call.invite.data())
    alice.request("OPTIONS", f"sip:{daemon.domain}")       # behind them in the same socket's queue
    check.equal(bob.count("INVITE"), 1, "INVITEs at bob")
    check.equal(relay.commands("U"), 1, "offers at the relay")
    leg.answer()
    call.wait_answer()
    leg.wait_acked()
    check.equal(bob.incoming.qsize(), 0, "further calls at bob")
    call.hangup()
    leg.wait_ended()


@limit(120)
def test_forty_calls_at_once(t):
    """All workers busy: each call finds its own worker, no call hears another."""
    relay = t.relay()
    daemon = t.daemon(relay=relay, conf={"workers": 4})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    calls = [alice.call("bob") for _ in range(40)]
    legs = {}
    for _ in calls:
        leg = bob.wait_call()
        legs[leg.call_id] = leg
    for call in calls:
        call.wait_answer(20)
        leg = legs[call.call_id]
        leg.wait_acked()
        t.talk(call, leg, relay, packets=3)
    check.equal(len({c.targets()[0] for c in calls}), 40, "ports of the relay that the calls use")
    for call in calls:
        call.hangup()
        legs[call.call_id].wait_ended()


def test_unknown_user_and_foreign_domain(t):
    daemon = t.daemon()
    alice = t.phones_of(daemon, ["alice"])[0]
    check.equal(alice.call("nobody").txn.wait().status, 404, "call to a user who is not registered")
    reply = alice.call("bob", uri="sip:bob@192.0.2.99").txn.wait()
    check.equal(reply.status, 403, "call to a foreign domain: no open relay")
    routed = alice.call("bob", uri="sip:bob@192.0.2.99", extra=[("Route", "<sip:192.0.2.99;lr>")])
    check.equal(routed.txn.wait().status, 403, "call with a Route to a foreign host")


def test_options_to_the_server(t):
    daemon = t.daemon()
    phone = t.phone("alice", daemon)
    check.equal(phone.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "reply to OPTIONS")
    port = sip.uri_parts(f"sip:{sip.bracket(daemon.address)}:{daemon.port}")[2]
    check.equal(phone.request("OPTIONS", f"sip:{daemon.address}:{port}").status, 200, "reply to OPTIONS by address")
