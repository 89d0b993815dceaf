"""The guide's examples, as docs/guide.md has them: taken from the page, loaded, and run against real calls.

    alice ("Cisco ATA 186" or another) --INVITE--> pinholed with a script of the page, a relay --> bob

Expected: what the guide says of each example. The page is the only place where the scripts stand.
"""

import re

from kit import build, check, guide, proc, reference, sip
from kit.runner import variants
from kit.wire import Wire

CONFS = list(guide.blocks("conf"))
FRAGMENTS = [title for title in guide.blocks("route") if title not in ("frame", "edge")]
HOME = {"1.27": "edge"}                     # the script that an example runs in; else "frame"


def need(*functions):
    """Those of another version of the daemon cannot be tried."""
    known = {name for part in reference.plugins().values() for name in part.functions}
    missing = [f for f in functions if f not in known]
    if missing:
        raise check.Skipped(f"this build has no {', '.join(missing)}")


def whole(title):
    return guide.script(HOME.get(title, "frame"), title)


# They load

@variants(title=CONFS)
def test_configurations_are_right(t, title):
    """Beside what every configuration must have; all plugins are enabled, notify where it is configured."""
    text = guide.blocks("conf")[title]
    known = {p.key for p in reference.params()}
    for group, members in re.findall(r"^(\w+) = \{([^}]*)\}", text, re.M):
        for name in re.findall(r"(?:^|[{;])\s*(\w+) = ", re.sub(r"#.*", "", members), re.M):
            if f"{group}.{name}" not in known:
                raise check.Skipped(f"this build has no {group}.{name}")
    daemon = t.daemon(start=False)
    plugins = [name for name in reference.plugins() if name != "notify" or "notify = " in text]
    head = f'listen = "udp:127.0.0.1:5999";\nscript = "{daemon.conf["script"]}";\nplugins = ( ' + \
        ", ".join(f'"{name}"' for name in plugins) + " );\n"
    daemon.write(head + text)
    done = daemon.check_conf()
    check.equal((done.returncode, done.stderr), (0, ""), "status and complaints of -c")


@variants(title=FRAGMENTS)
def test_scripts_load(t, title):
    """Without a complaint; but for the parenthesis that the guide forgets, which is put in with a warning at its place."""
    text = whole(title)
    need(*set(re.findall(r"\b(rtpproxy_\w+|start_recording|unforce_rtp_proxy|set_rtp_proxy_set)\(", text)))
    daemon = t.daemon(start=False, script=text)
    done = daemon.check_conf()
    check.equal(done.returncode, 0, f"status of -c: {done.stderr}")
    warnings = []
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r'if \(search\("[^"]*"\) \{', line):
            warnings.append(f".route:{number}:{line.index('{') + 1}: warning: ')' missing before '{{'")
    found = done.stderr.splitlines()
    check.equal(len(found), len(warnings), f"complaints: {found}")
    for complaint, warning in zip(found, warnings):
        check.contains(complaint, warning, "complaint")


# They run

def phones(t, title, **more):
    daemon = t.daemon(script=whole(title), **more)
    return daemon, *t.phones_of(daemon, ["alice", "bob"])


def ring_through(alice, bob, extra=(), **more):
    """A call that is answered and acknowledged; (caller's side, callee's side)."""
    call = alice.call("bob", extra=extra, **more)
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    return call, leg


def end_both(call, leg):
    call.hangup()
    leg.wait_ended()


def public(phone):
    return "{}:{}".format(*phone.link.local)


ATA = [("User-Agent", "Cisco ATA 186 v3.1")]


def test_fix_nated_contact_usage(t):
    """1.20: an ATA's Contact gets the source and ";ata=cisco", others the source alone."""
    _, alice, bob = phones(t, "1.20")
    for extra, params in ((ATA, ";ata=cisco"), ((), "")):
        call, leg = ring_through(alice, bob, extra)
        check.equal(leg.invite.contact_uri(), f"sip:alice@{public(alice)}{params}", f"alice's Contact at bob, with {extra}")
        check.equal(call.target, f"sip:bob@{public(bob)}", "bob's Contact at alice")
        leg.hangup()                         # goes to that Contact
        call.wait_ended()


def test_fix_nated_sdp_usage(t):
    """1.21: flags 3 for an ATA: its address in the SDP is the source, and it is called active; others stay as they are."""
    _, alice, bob = phones(t, "1.21")
    call, leg = ring_through(alice, bob, ATA)
    check.equal([host for host, _ in sip.media_of(leg.invite.body)], [alice.link.local[0]], "address in the SDP at bob")
    check.contains(leg.invite.body, b"a=direction:active\r\n", "the SDP at bob")
    check.contains(leg.invite.body, f"a=oldmediaip:{alice.private}\r\n".encode(), "the SDP at bob")
    end_both(call, leg)
    call, leg = ring_through(alice, bob)
    check.equal(leg.invite.body, call.invite.body, "the SDP of another phone at bob")
    end_both(call, leg)


def test_set_rtp_proxy_set_usage(t):
    """1.22: the call goes through the relay of set 2."""
    need("set_rtp_proxy_set", "rtpproxy_offer")
    first, second = t.relay(), t.relay()
    _, alice, bob = phones(t, "1.22", conf={"rtpp": {"rtpproxy_sock": [first.url, f"2 == {second.url}"]}})
    call, leg = ring_through(alice, bob)
    for host, port in leg.targets():
        check.that(host == second.address and second.uses(port), f"media of bob goes to the second relay, found {host}:{port}")
    check.equal((first.commands("U"), second.commands("U")), (0, 1), "offers at the relays")
    end_both(call, leg)


def test_rtpproxy_offer_and_answer_usage(t):
    """1.23, 1.24, 1.25: media both ways through the relay alone, when the INVITE has the offer and when it has not."""
    need("rtpproxy_offer", "rtpproxy_answer", "unforce_rtp_proxy")
    relay = t.relay()
    _, alice, bob = phones(t, "1.23 and 1.24", relay=relay)
    for round, sdp in enumerate((True, False), 1):
        call, leg = ring_through(alice, bob, sdp=sdp)
        if not sdp:
            check.until(lambda: leg.remote_sdp, 3, "the answer is in the ACK")
        t.talk(call, leg, relay)
        end_both(call, leg)
        check.equal(relay.commands("U"), round, "offers")
        check.until(lambda: relay.commands("D") == round, 3, lambda: f"sessions ended: {relay.commands('D')}")


def studio(t):
    """A relay that plays and records as the facts' section 9 and 13.2 say; rtpengine's rtpproxy port cannot."""
    relay = t.scripted_relay()
    relay.answer = lambda words: ("1" if words[1] in ("20040107", "20050322", "20081102") else "0") if words[0] == "VF" else \
        "0" if words[0][0] in "PSR" else None
    return relay


def reinvite(call, body):
    """A re-INVITE with that SDP, answered and acknowledged."""
    check.equal(call.request("INVITE", body).wait().status, 200, "reply to the re-INVITE")


def test_music_on_hold_usage(t):
    """1.26: who is held hears the prompt, until the call is taken back; both ways to say it, and either party may hold."""
    need("rtpproxy_stream2uas", "rtpproxy_stop_stream2uas")
    relay = studio(t)
    _, alice, bob = phones(t, "1.26", relay=relay)
    call, leg = ring_through(alice, bob)
    check.equal(relay.commands("P") + relay.commands("S"), [], "commands about prompts before anybody holds")
    prompt = "/var/rtpproxy/prompts/music_on_hold"
    held = sip.sdp("0.0.0.0", [m.port for m in call.media], version=2)
    for holder, held_one, hold in ((call, leg, held), (leg, call, leg.sdp() + b"a=sendonly\r\n"), (call, leg, call.sdp() + b"a=inactive\r\n")):
        before = len(relay.commands("P"))
        reinvite(holder, hold)
        # Heard by the UAS of the re-INVITE: its tag first. The facts, section 9.
        ends = f"{call.call_id} {prompt} session {held_one.local_tag};1 {holder.local_tag};1"
        check.equal(relay.commands("P")[before:], [f"P-1 {ends}"], "what is played")
        before = len(relay.commands("S"))
        reinvite(holder, holder.sdp())
        check.equal(relay.commands("S")[before:], [f"S {call.call_id} {held_one.local_tag};1 {holder.local_tag};1"], "what is stopped")
    end_both(call, leg)


def test_add_rcv_param_usage(t):
    """1.27: the registrar behind the edge learns the source from the Contact's header and from its URI."""
    registrar = t.daemon(name="registrar", script=guide.script("frame") + "route[EXAMPLE] { }\n", conf={"registrar": {"trust_received": 1}})
    edge = t.daemon(name="edge", script=whole("1.27").replace("192.0.2.10:5060", f"127.0.0.1:{registrar.port}"))
    bob = t.phone("bob", edge)
    reply = bob.register()
    check.equal([sip.uri_of(c) for c in reply.all("contact")], [sip.uri_of(bob.contact())], "bob's own contact in the 200")
    check.contains(reply.get("contact"), f";received=\"sip:{public(bob)}\"", "the 200")
    check.contains(registrar.ctl("contacts", "bob").stdout, f"sip:{public(bob)}", "contacts of the registrar")
    wire = Wire(t, {"both": guide.blocks("route")["1.27"]})
    sent, got, code = wire.through("both", "Contact: <sip:bob@10.0.0.1>\r\nContent-Length: 0\r\n\r\n", "REGISTER")
    check.contains(got, f"\r\nContact: <sip:bob@10.0.0.1;received=sip:{wire.source}>;received=\"sip:{wire.source}\"\r\n".encode(), "the REGISTER")
    check.equal(code, 1, "code")


def test_fix_nated_register_usage(t):
    """1.28: the frame itself."""
    daemon = t.daemon(script=guide.script("frame") + "route[EXAMPLE] { }\n")
    bob = t.phone("bob", daemon)
    check.contains(bob.register().get("contact"), f";received=\"sip:{public(bob)}\"", "Contact in the 200")


def test_start_recording_usage(t):
    """1.29: the relay is told to record the call."""
    need("start_recording")
    relay = studio(t)
    _, alice, bob = phones(t, "1.29", relay=relay)
    call, leg = ring_through(alice, bob)
    check.equal(relay.commands("R"), [f"R {call.call_id} {call.local_tag}"], "what is recorded")
    end_both(call, leg)


# The commands

def run_shell(daemon, title, relay=None):
    """Each `$ pinholectl ...` of a block, and what it prints."""
    block = guide.blocks("shell")[title]
    if relay:
        block = block.replace("udp:127.0.0.1:22222", relay.url)
    for command, output in re.findall(r"^\$ pinholectl (.+)\n((?:(?!\$ ).*\n)*)", block, re.M):
        done = daemon.ctl(*command.split())
        check.equal((done.returncode, done.stdout, done.stderr), (0, output, ""), f"pinholectl {command}")


def need_commands(*names):
    known = {name for part in reference.plugins().values() for name in part.commands}
    missing = [n for n in names if n not in known]
    if missing:
        raise check.Skipped(f"this build has no {', '.join(missing)}")


def test_enable_ping_usage(t):
    """1.30: the switch is shown, set, shown again."""
    need_commands("nh_enable_ping")
    daemon = t.daemon(conf={"plugins": ["nat", "sdp", "registrar", "rtpp", "natping", "mi"], "natping": {"natping_interval": 30}})
    run_shell(daemon, "1.30")


def test_relay_commands_usage(t):
    """1.31, 1.32: a relay is switched off, and its state shown."""
    need_commands("nh_enable_rtpp", "nh_show_rtpp")
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    run_shell(daemon, "1.31", relay)
    run_shell(daemon, "1.32", relay)


def test_reload_usage(t):
    """1.33: the sets of the database, read again."""
    need_commands("nh_reload_rtpp")
    redis, first, second = t.redis(), t.relay(), t.relay()
    names = dict(re.findall(r'(\w+) = "([^"]*)"', guide.blocks("conf")["1.15 to 1.19"]))
    conf = {**{k: names[k] for k in ("db_table", "rtpp_socket_col", "set_id_col")}, "db_url": redis.url}

    def record(number, relay, chosen):
        redis.cli("HSET", f"{names['db_table']}:{number}", names["rtpp_socket_col"], relay.url, names["set_id_col"], chosen)

    def shown():
        return re.findall(r"^(\S+)::  set=(\d+)$", daemon.ctl("nh_show_rtpp").stdout, re.M)
    record(1, first, 1)
    daemon = t.daemon(conf={"rtpp": conf})
    check.until(lambda: shown() == [(first.url, "1")], 5, lambda: f"the record is in force: {shown()}")
    record(1, second, 1)
    record(2, first, 2)
    run_shell(daemon, "1.33")
    check.equal(sorted(shown()), sorted([(second.url, "1"), (first.url, "2")]), "relays and sets afterwards")
    redis.cli("HSET", f"{names['db_table']}:3", names["rtpp_socket_col"], "nonsense", names["set_id_col"], "3")
    done = daemon.ctl("nh_reload_rtpp")
    check.equal(done.returncode, 1, "status with a record that is wrong")
    check.equal(sorted(shown()), sorted([(second.url, "1"), (first.url, "2")]), "relays and sets: nothing has changed")


def test_every_block_of_the_page_is_run(t):
    """A new one needs a test."""
    with open(__file__, encoding="utf-8") as source:
        text = source.read()
    for title in [*FRAGMENTS, *guide.blocks("shell")]:
        check.that(all(number in text for number in re.findall(r"1\.\d+", title)), f"a test of {title}")
    check.equal(sorted(set(re.findall(r"^```(\w+)", guide.text(), re.M))), ["conf", "route", "shell"], "kinds of blocks")
    check.equal(proc.run(["grep", "-c", "^```", guide.PATH]).stdout.strip(), str(2 * sum(len(guide.blocks(k)) for k in ("conf", "route", "shell"))),
                "blocks that were found")
    check.that(build.TOP in guide.PATH, "the page of this tree")
