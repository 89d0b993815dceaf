"""A call between phones that differ: one on UDP and one on TCP, one on IPv4 and one on IPv6; hung up from either side.

    alice (UDP) --INVITE--> pinholed --INVITE--> bob (TCP, over the connection he opened)

Expected: the same as between equals; requests to bob always go over his own connection, never to a new one. The server
stands twice in the route set, once for each side (RFC 5658 section 6), and both are gone from what phones get.
"""

from kit import check, proc, rtp, sip
from kit.runner import variants


@variants(caller=["udp", "tcp"], ends=["caller", "callee"])
def test_call_between_transports(t, caller, ends):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    other = "tcp" if caller == "udp" else "udp"
    alice = t.phones_of(daemon, ["alice"], transport=caller)[0]
    bob = t.phones_of(daemon, ["bob"], transport=other)[0]
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay, packets=20)
    if ends == "caller":
        call.hangup()
        leg.wait_ended()
    else:
        leg.hangup()
        call.wait_ended()
    check.equal(daemon.stat("net_tcp_connected"), 0, "connections that the daemon opened itself")


def check_route_sets(daemon, call, leg, caller, callee):
    """caller and callee: (address, transport) of the server as each of them sees it."""
    ours = [f"<sip:{sip.bracket(address)}:{daemon.port}" + (f";transport={tr}" if tr != "udp" else "") + ";r2=on;lr;ftag="
            for address, tr in (callee, caller)]
    for side, routes in (("callee", leg.routes), ("caller", list(reversed(call.routes)))):
        check.equal(len(routes), 2, f"Record-Routes at the {side}: {routes}")
        for route, start in zip(routes, ours):
            check.that(route.startswith(start), f"{side}: {route} begins with {start}")


def talk_inside(call, leg):
    """Requests inside the call, from both sides; our Routes are gone when they arrive."""
    check.equal(call.reinvite().status, 200, "re-INVITE of the caller")
    leg.wait_acked()
    check.equal(leg.request("OPTIONS").wait().status, 200, "OPTIONS of the callee")
    check.equal(call.request("OPTIONS").wait().status, 200, "OPTIONS of the caller")
    for phone in (call.phone, leg.phone):
        for msg in phone.received:
            check.that(msg.reply or not msg.all("route"), f"{phone.user} got {msg.start} with Route {msg.all('route')}")


@variants(caller=["udp", "tcp"])
def test_both_routes_of_ours_in_a_call_between_transports(t, caller):
    daemon = t.daemon(relay=t.relay())
    other = "tcp" if caller == "udp" else "udp"
    alice = t.phones_of(daemon, ["alice"], transport=caller)[0]
    bob = t.phones_of(daemon, ["bob"], transport=other)[0]
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    check_route_sets(daemon, call, leg, (daemon.address, caller), (daemon.address, other))
    talk_inside(call, leg)
    leg.hangup()
    call.wait_ended()


def test_each_phone_of_a_fork_has_the_routes_that_fit_it(t):
    """bob has a phone on UDP and one on TCP; alice is on UDP. The one on TCP answers."""
    daemon = t.daemon(relay=t.relay())
    alice = t.phones_of(daemon, ["alice"])[0]
    near = t.phones_of(daemon, ["bob"], mode="ring")[0]
    far = t.phones_of(daemon, ["bob"], mode="manual", transport="tcp")[0]
    call = alice.call("bob")
    leg = far.wait_call()
    other = near.wait_call()
    check.equal((len(other.routes), len(leg.routes)), (1, 2), "Record-Routes at the phones on UDP and TCP")
    leg.answer()
    far.mode = "answer"
    call.wait_answer()
    leg.wait_acked()
    other.wait_cancelled()
    check_route_sets(daemon, call, leg, (daemon.address, "udp"), (daemon.address, "tcp"))
    talk_inside(call, leg)
    leg.hangup()
    call.wait_ended()


class Side:
    """The daemon as phones of one family see it."""

    def __init__(self, daemon, address):
        self.address, self.server, self.domain = address, (address, daemon.port), daemon.domain


SCRIPT = """route {
	force_rport();
	if (nat_uac_test("19")) {
		if (is_method("REGISTER")) {
			fix_nated_register();
			setbflag(6);
		} else {
			fix_nated_contact();
		}
	}
	if (is_method("REGISTER")) {
		save("location");
		exit;
	}
	if (has_totag()) {
		if (!loose_route())
			exit;
	} else {
		record_route();
		if (!is_method("CANCEL") && !lookup("location")) {
			sl_send_reply("404", "Not Found");
			exit;
		}
	}
	if (is_method("INVITE") && has_sdp()) {
		if (af == INET)
			rtpproxy_offer("ie");
		else
			rtpproxy_offer("ei");
	}
	if (is_method("BYE"))
		unforce_rtp_proxy();
	t_on_reply("BACK");
	t_relay();
}
onreply_route[BACK] {
	if (nat_uac_test("1"))
		fix_nated_contact();
	if (has_sdp()) {
		if (af == INET)
			rtpproxy_answer("ie");
		else
			rtpproxy_answer("ei");
	}
}
"""


@variants(caller=["v4", "v6"], transport=["udp", "tcp"], ends=["caller", "callee"])
def test_call_between_ipv4_and_ipv6_with_media_through_the_relay(t, caller, transport, ends):
    relay = t.relay(interfaces={"internal": "127.0.0.1", "external": "::1"})
    port = proc.free_port("127.0.0.1")
    daemon = t.daemon(relay=relay, port=port, script=SCRIPT, conf={
        "listen": [f"{tr}:{at}:{port}" for at in ("127.0.0.1", "[::1]") for tr in ("udp", "tcp")]})
    sides = {"v4": Side(daemon, "127.0.0.1"), "v6": Side(daemon, "::1")}
    called = "v6" if caller == "v4" else "v4"
    alice = t.phones_of(sides[caller], ["alice"], transport=transport)[0]
    bob = t.phones_of(sides[called], ["bob"], transport=transport)[0]
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    check_route_sets(daemon, call, leg, (sides[caller].address, transport), (sides[called].address, transport))
    for side, family in ((call, caller), (leg, called)):
        address, media = side.targets()[0]
        check.equal(address, sides[family].address, f"media address for the phone on IP{family}")
        check.that(relay.uses(media), f"media port {media} is none of the relay's")
    rtp.exchange([(call.rtp, call.targets()[0]), (leg.rtp, leg.targets()[0])], 30)
    for here, there, family in ((call, leg, caller), (leg, call, called)):
        check.until(lambda here=here: here.rtp.total() >= 30, 3, f"30 RTP packets at {here.phone.user}")
        check.equal({host for host, _ in here.rtp.received}, {sides[family].address}, f"RTP arrives at {here.phone.user} from")
        check.equal(set(here.rtp.ssrcs), {there.rtp.ssrc}, "RTP sources (SSRC)")
    talk_inside(call, leg)
    if ends == "caller":
        call.hangup()
        leg.wait_ended()
    else:
        leg.hangup()
        call.wait_ended()
