"""Sets of relays: which one takes a call, and what when it is silent or switched off.

    alice --INVITE--> pinholed --U--> relay of the chosen set; its L and D follow it without being asked for
    alice <-- 200 --- pinholed        bob

Expected: a silent relay's calls go to the next of its set; a call's commands never change their relay.
"""

from kit import check
from kit.daemon import changed_route as script

QUICK = {"rtpproxy_timeout": "0.2", "rtpproxy_retr": 2}


def call_and_end(alice, bob, relay):
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    for side in (call, leg):
        for _, port in side.targets():
            check.that(relay.uses(port), f"media port {port} is none of the relay's")
    call.hangup()
    leg.wait_ended()
    check.until(lambda: not relay.sessions, 3, "the relay has forgotten the call")


def test_offer_goes_to_the_next_relay_when_one_is_silent(t):
    first, spare = t.scripted_relay(), t.scripted_relay()
    daemon = t.daemon(conf={"rtpp": {"rtpproxy_sock": f"{first.url} {spare.url}=0", **QUICK}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call_and_end(alice, bob, first)
    check.equal(len(spare.commands("U")), 0, "offers at the spare")
    first.deaf = True
    call_and_end(alice, bob, spare)
    check.equal(daemon.stat("rtpp_failovers"), 1, "offers taken elsewhere")
    call_and_end(alice, bob, spare)          # it is known to be down: no second wait
    check.equal(daemon.stat("rtpp_failovers"), 1, "offers taken elsewhere")
    check.equal(daemon.stat("rtpp_relays_down"), 1, "relays that are down")
    check.equal((len(spare.commands("U")), len(spare.commands("L"))), (2, 2), "offers and answers at the spare")


def test_call_stays_with_the_set_of_its_offer(t):
    zero, seven = t.scripted_relay(), t.scripted_relay()
    route = script(("if (!rtpproxy_offer()) {", """if (set_rtp_proxy_set("9"))
			xlog("L_ERR", "set 9 was taken\\n");
		$var(set) = 7;
		if (!set_rtp_proxy_set("$var(set)"))
			xlog("L_ERR", "set 7 was not taken\\n");
		if (!rtpproxy_offer("or")) {"""))
    daemon = t.daemon(script=route, conf={"rtpp": {"rtpproxy_sock": [zero.url, f"7 == {seven.url}"]}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call_and_end(alice, bob, seven)
    check.equal([c for c in zero.log if c[0] != "V"], [], "commands at the relay of set 0")
    check.that(seven.commands("U")[0].split(" ")[2] == alice.private, f"flag r: the SDP's address in {seven.log}")
    check.contains(daemon.log(), "there is no set 9", "log")
    check.that("was taken" not in daemon.log() and "was not taken" not in daemon.log(), "sets were taken as they should")


def test_manage_knows_what_each_message_is(t):
    relay = t.scripted_relay()
    route = script(("rtpproxy_offer()", "rtpproxy_manage()"), ("rtpproxy_answer()", "rtpproxy_manage()"),
                   ("unforce_rtp_proxy()", "rtpproxy_manage()"))
    daemon = t.daemon(relay=relay, script=route)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call_and_end(alice, bob, relay)
    check.equal((len(relay.commands("U")), len(relay.commands("L")), len(relay.commands("D"))), (1, 1, 1), "U, L and D")
    bob.mode = "busy"
    check.equal(alice.call("bob").txn.wait().status, 486, "a call that is refused")
    check.until(lambda: not relay.sessions, 3, "the relay has forgotten it")


def test_relay_is_switched_off_and_on(t):
    relay = t.scripted_relay()
    daemon = t.daemon(relay=relay, conf={"rtpp": QUICK})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    check.equal(daemon.ctl("nh_enable_rtpp", relay.url, "0").returncode, 0, "status")
    check.contains(daemon.ctl("nh_show_rtpp").stdout, "\tdisabled:: 1\n\tweight:: 1\n\trecheck_ticks:: 4294967295", "state")
    check.equal(alice.call("bob").txn.wait().status, 503, "a new call")
    call.hangup()                            # the old one is still the relay's
    leg.wait_ended()
    check.until(lambda: not relay.sessions, 3, "the relay has forgotten the old call")
    check.equal(daemon.ctl("nh_enable_rtpp", relay.url, "1").returncode, 0, "status")
    call_and_end(alice, bob, relay)
    check.equal(daemon.ctl("nh_enable_rtpp", "udp:127.0.0.1:9", "1").returncode, 1, "status for an unknown relay")


def test_faults_of_configuration_and_script_are_named(t):
    """Each with its line and what would be right; the values that no parameter takes are in test_bad_values.py."""
    daemon = t.daemon(start=False, script=script(("rtpproxy_offer()", 'rtpproxy_offer("ry")'), ("rtpproxy_answer()", 'rtpproxy_answer("n")')), conf={"rtpp": {
        "rtpproxy_sock": ["udp:127.0.0.1:99999", "sctp:127.0.0.1:1", "udp:127.0.0.1=x", "unix:relative", "tcp:[::1]:5"], "rtpproxy_timeout": "0"}})
    done = daemon.check_conf()
    check.equal(done.returncode, 1, "status")
    for want in ("a port from 1 to 65535", "tcp6:[ADDRESS][:PORT]", "a weight from 0 to 65535", "an absolute path", "udp6: or tcp6:", "rtpproxy_timeout",
                 "unknown flag letter 'y'", "flag letter 'n' needs the parameter rtpp_notify_socket", ".route:"):
        check.contains(done.stderr, want, "complaints")


def test_values_that_do_not_go_together_are_refused(t):
    for rtpp, want in (({"rtpproxy_timeout": "1", "rtpproxy_tout": 1}, "rtpproxy_tout and rtpproxy_timeout are both given"),
                       ({"rtpproxy_sock": ["udp:127.0.0.1:5", "udp:127.0.0.1:5"]}, "each RTP proxy once in a set"),
                       ({"rtpproxy_sock": "udp:no-such-host.invalid"}, "the host 'no-such-host.invalid' has no IPv4 address")):
        done = t.daemon(start=False, conf={"rtpp": rtpp}).check_conf()
        check.equal(done.returncode, 1, f"status for {rtpp}")
        check.contains(done.stderr, want, "complaint")
    done = t.daemon(start=False, conf={"rtpp": {"rtpproxy_tout": 1}}).check_conf()
    check.equal(done.returncode, 0, f"status with the obsolete name alone: {done.stderr}")
    check.contains(done.stderr, 'rtpproxy_tout is obsolete: write rtpproxy_timeout = "1"', "warning")
