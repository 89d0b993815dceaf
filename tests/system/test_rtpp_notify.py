"""Flag n: a relay tells of a call without media, and the call is ended at both phones. Facts section 10 and 13.6.

    alice --INVITE--> pinholed --U ... <notify socket> <dialog id>--> relay (-n)
    relay, when the media have died --"<dialog id>\\n"--> plugin notify --> plugin dialog --BYE--> alice, bob; rtpp --D--> relay

Expected: the words stand on every U of the call, in the form that the relay's release keeps, and never where they do harm. The scripted relay
notifies: no rtpengine does on its rtpproxy-protocol port.
"""

import os
import re

from kit import check, proc
from kit.daemon import changed_route
from kit.runner import variants

ALL = ["nat", "sdp", "registrar", "rtpp", "dialog", "notify", "mi"]
WITH_N = ("if (!rtpproxy_offer()) {", 'if (!rtpproxy_offer("n")) {')
FIRST_ALONE = ("if (!rtpproxy_offer()) {", """$var(ok) = 1;
		if (has_totag()) {
			if (!rtpproxy_offer())
				$var(ok) = 0;
		} else {
			if (!rtpproxy_offer("n"))
				$var(ok) = 0;
		}
		if ($var(ok) == 0) {""")


def edge(t, relay, socket, route=(WITH_N,), plugins=ALL, **more):
    return t.daemon(relay=relay, script=changed_route(*route), conf={"plugins": plugins, "rtpp": {"rtpp_notify_socket": socket}}, **more)


def answered(alice, bob, **more):
    call = alice.call("bob", **more)
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    return call, leg


def words_of(command):
    """Notify socket and tag of a U; (None, None) without."""
    words = command.split(" ")
    return tuple(words[-2:]) if len(words) > 6 else (None, None)


# The words

RELEASES = [("1.2", "127.0.0.1:{0}"), ("2.0", "127.0.0.1:{0}"), ("2.1", "tcp:127.0.0.1:{0}"), ("3.0", "tcp:127.0.0.1:{0}")]


@variants(case=RELEASES)
def test_the_socket_is_named_as_the_release_keeps_it(t, case):
    """Text that differs from what the relay keeps is taken without a word, and nothing is ever told."""
    release, want = case
    port = proc.free_port()
    relay = t.scripted_relay(release=release, notify=[f"tcp:127.0.0.1:{port}"])
    daemon = edge(t, relay, f"tcp:127.0.0.1:{port}")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob, streams=2)
    offers = relay.commands("U")
    check.equal(len(offers), 2, "offers, one a stream")
    for offer in offers:
        socket, tag = words_of(offer)
        check.equal(socket, want.format(port), "name of the socket")
        check.that(re.fullmatch("[0-9a-f]{24}", tag), f"the dialog's id: {tag!r}")
    check.equal(len({words_of(o) for o in offers}), 1, "one name for all streams")
    check.contains(daemon.ctl("dialogs").stdout, words_of(offers[0])[1], "dialogs")
    for answer in relay.commands("L"):
        check.equal(len(answer.split(" ")), 6, f"words of {answer!r}: L cannot carry them")
    call.hangup()
    leg.wait_ended()


def test_a_unix_socket_is_named_by_its_path(t):
    path = os.path.join(t.dir, "notify.sock")
    relay = t.scripted_relay(release="3.0", notify=[f"unix:{path}"])
    daemon = edge(t, relay, f"unix:{path}")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    check.equal(words_of(relay.commands("U")[0])[0], path, "name of the socket")
    check.that(relay.time_out(call.call_id), "the relay has somebody to tell")
    call.wait_ended()
    leg.wait_ended()


@variants(flag=["always", "first"])
def test_every_offer_of_the_call_repeats_it(t, flag):
    """A U without the words takes the handler away: re-INVITEs repeat them, from either side, also when their call of the function has no n."""
    port = proc.free_port()
    relay = t.scripted_relay(release="3.0", notify=[f"tcp:127.0.0.1:{port}"])
    daemon = edge(t, relay, f"tcp:127.0.0.1:{port}", route=(WITH_N if flag == "always" else FIRST_ALONE,))
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    first = words_of(relay.commands("U")[0])
    check.that(first[1], "the first offer has the words")
    for side, other in ((call, leg), (leg, call)):
        check.equal(side.reinvite().status, 200, "reply to the re-INVITE")
        last = relay.commands("U")[-1]
        check.equal(words_of(last), first, "the words of the re-INVITE's offer")
        check.equal(last.split(" ")[4:6], [f"{side.local_tag};1", f"{other.local_tag};1"], "behind both tags")
    check.equal(relay.sessions[(call.call_id, 1)].notify, list(first), "what the relay will tell")
    call.hangup()
    leg.wait_ended()


def test_a_late_offer_has_it_too(t):
    """The 200 has the offer; the script has asked for a dialog, as there was no offer to do it with the INVITE."""
    port = proc.free_port()
    relay = t.scripted_relay(release="3.0", notify=[f"tcp:127.0.0.1:{port}"])
    daemon = edge(t, relay, f"tcp:127.0.0.1:{port}", route=(
        ('if (!rtpproxy_offer())\n\t\t\t\txlog("L_WARN", "$ci late', 'if (!rtpproxy_offer("n"))\n\t\t\t\txlog("L_WARN", "$ci late'),
        ('if (is_method("INVITE|SUBSCRIBE"))\n\t\trecord_route();', 'if (is_method("INVITE|SUBSCRIBE"))\n\t\trecord_route();\n\tif (is_method("INVITE"))\n\t\tcreate_dialog();')))
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob, sdp=False)
    offer = relay.commands("U")[0]
    check.equal(offer.split(" ")[4:6], [f"{leg.local_tag};1", f"{call.local_tag};1"], "tags: the offerer's first")
    check.contains(daemon.ctl("dialogs").stdout, words_of(offer)[1], "dialogs")
    check.that(relay.time_out(call.call_id), "the relay has somebody to tell")
    call.wait_ended()
    leg.wait_ended()


# Where it would do harm

def test_rtpengine_never_gets_the_words(t):
    """It would not understand the line, and send the phone's own address back (section 14); with media, so that it shows."""
    relay = t.relay()
    daemon = edge(t, relay, f"tcp:127.0.0.1:{proc.free_port()}", args=["-o", "workers=1"])
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    for _ in range(2):
        call, leg = answered(alice, bob)
        t.talk(call, leg, relay, packets=5)
        check.equal(call.reinvite().status, 200, "reply to the re-INVITE")
        call.hangup()
        leg.wait_ended()
    check.equal(daemon.stat("rtpp_echoes"), 0, "echoes")
    check.equal(daemon.log().count("flag n has no effect there"), 1, "warnings")


def test_a_relay_without_the_option_is_asked_again(t):
    """E75: the offer is repeated without the words, once; a warning for the relay, not for each call."""
    relay = t.scripted_relay(release="3.0")
    relay.targets = ["tcp:127.0.0.1:1"]      # VF says that it can ...
    daemon = edge(t, relay, f"tcp:127.0.0.1:{proc.free_port()}", args=["-o", "workers=1"])
    relay.targets = []                       # ... and then it cannot
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    for _ in range(3):
        call, leg = answered(alice, bob)
        check.equal(words_of(relay.commands("U")[-1]), (None, None), "words of the last offer")
        call.hangup()
        leg.wait_ended()
    check.equal(len(relay.commands("U")), 4, "offers: the first one twice")
    check.equal(daemon.stat("rtpp_notify_refused"), 1, "offers repeated without notification")
    check.equal(daemon.log().count("takes no notifications"), 1, "warnings")


def test_without_the_plugin_dialog_it_is_said_once(t):
    relay = t.scripted_relay(release="3.0", notify=["tcp:127.0.0.1:9"])
    daemon = edge(t, relay, "tcp:127.0.0.1:9", plugins=["nat", "sdp", "registrar", "rtpp", "mi"], args=["-o", "workers=1"])
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    for _ in range(3):
        call, leg = answered(alice, bob)
        call.hangup()
        leg.wait_ended()
    check.equal(daemon.log().count("only ended when the plugin dialog is enabled"), 1, "warnings")


def test_flag_n_needs_its_socket(t):
    """Refused when the script is loaded if the flag is literal; -1 and the message as it was if it comes at run time."""
    relay = t.scripted_relay(release="3.0")
    done = t.daemon(start=False, relay=relay, script=changed_route(WITH_N)).check_conf()
    check.equal(done.returncode, 1, "status")
    check.contains(done.stderr, "flag letter 'n' needs the parameter rtpp_notify_socket", "complaint")
    daemon = t.daemon(relay=relay, script=changed_route(("if (!rtpproxy_offer()) {", '$var(f) = "n";\n\t\tif (!rtpproxy_offer("$var(f)")) {')))
    alice, _ = t.phones_of(daemon, ["alice", "bob"])
    check.equal(alice.call("bob").txn.wait().status, 503, "a call")
    check.equal(relay.commands("U"), [], "offers")
    check.contains(daemon.log(), "flag letter 'n' needs the parameter rtpp_notify_socket", "log")


# To the end

@variants(store=["memory", "redis"], release=["2.0", "3.0"])
def test_a_call_without_media_is_ended_at_both_phones(t, store, release):
    port = proc.free_port()
    relay = t.scripted_relay(release=release, notify=[f"tcp:127.0.0.1:{port}"])
    daemon = edge(t, relay, f"tcp:127.0.0.1:{port}", redis=t.redis() if store == "redis" else None)
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob, streams=2)
    told = relay.time_out(call.call_id)
    check.equal(len(told), 2, "told once for each stream")
    call.wait_ended()
    leg.wait_ended()
    check.equal((call.bye.get("reason"), leg.bye.get("reason")), ('SIP;cause=480;text="media timeout"',) * 2, "reasons")
    check.equal((alice.count("BYE"), bob.count("BYE")), (1, 1), "BYEs")
    # The relay is told as well: whoever has ended the call runs no script for a BYE. Its session is gone already (E50), which is no fault.
    check.until(lambda: relay.commands("D"), 3, "D for the call")
    check.equal(relay.commands("D"), [f"D {call.call_id} {call.local_tag} {leg.local_tag}"], "D")
    check.equal(daemon.stat("rtpp_errors"), 0, "errors")


def test_a_call_that_is_ended_by_command_frees_its_relay(t):
    """Another end of ours: the session at the relay goes with it."""
    port = proc.free_port()
    relay = t.scripted_relay(release="3.0", notify=[f"tcp:127.0.0.1:{port}"])
    daemon = edge(t, relay, f"tcp:127.0.0.1:{port}")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call, leg = answered(alice, bob)
    check.equal(daemon.ctl("dlg_end_dlg", words_of(relay.commands("U")[0])[1]).returncode, 0, "status of dlg_end_dlg")
    call.wait_ended()
    leg.wait_ended()
    check.until(lambda: not relay.sessions, 3, "the relay has forgotten the call")
