"""sips: URIs. What is asked for securely goes over TLS on every hop, or not at all.

    alice --TLS--> pinholed --TLS--> bob

RFC 3261 sections 16.6 and 26.2.2, RFC 5630.
"""

from kit import check, sip
from kit.daemon import changed_route
from kit.runner import variants

NAMES = ("DNS:example.test", "IP:127.0.0.1")


def world(t, **kwargs):
    certs = t.certs()
    return t.daemon(tls=certs.make("edge", *NAMES), **kwargs), certs


def test_call_stays_secure(t):
    """Record-Route is sips, requests of either side come back over TLS."""
    relay = t.relay()
    daemon, certs = world(t, relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"], transport="tls", tls=certs.believer(), scheme="sips")
    call = alice.call("bob", uri=f"sips:bob@{daemon.domain}")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    check.that(leg.invite.uri.startswith("sips:bob@"), f"Request-URI at bob: {leg.invite.uri}")
    where = sip.uri_of(leg.routes[0])
    check.that(where.startswith(f"sips:127.0.0.1:{daemon.tls_server[1]};") and ";lr" in where and "transport" not in where, f"Record-Route: {where}")
    check.equal(len(leg.routes), 1, f"Record-Routes: {leg.routes}")
    t.talk(call, leg, relay, packets=20)
    check.equal(leg.reinvite().status, 200, "re-INVITE of the callee")
    check.equal(call.reinvite().status, 200, "re-INVITE of the caller")
    leg.hangup()
    call.wait_ended()
    check.equal(daemon.stat("net_udp_sent"), 0, "messages over UDP")


@variants(transport=["udp", "tcp", "tls"])
def test_phone_without_sips_is_not_called_by_it(t, transport):
    """RFC 5630 section 5.3: who registered a sip Contact has promised nothing, whatever he came over: 480."""
    daemon, certs = world(t)
    alice = t.phones_of(daemon, ["alice"], transport="tls", tls=certs.believer(), scheme="sips")[0]
    bob = t.phones_of(daemon, ["bob"], transport=transport, tls=certs.believer())[0]
    reply = alice.request("OPTIONS", f"sips:bob@{daemon.domain}")
    check.equal((reply.status, reply.get("warning")), (480, '380 127.0.0.1 "SIPS Not Allowed"'), f"reply ({reply.start}), Warning")
    check.equal(bob.options, 0, "requests at bob")
    check.equal(alice.request("OPTIONS", f"sip:bob@{daemon.domain}").status, 200, "by his sip URI")


def test_phone_with_sips_is_called_by_sip_as_well(t):
    """RFC 5630 section 5.3: with the Request-URI as a sip one; what goes to it is secure all the same."""
    daemon, certs = world(t)
    alice = t.phones_of(daemon, ["alice"])[0]
    bob = t.phones_of(daemon, ["bob"], transport="tls", tls=certs.believer(), scheme="sips")[0]
    check.equal(alice.request("OPTIONS", f"sip:bob@{daemon.domain}").status, 200, "reply")
    check.that(bob.requests("OPTIONS")[0].uri.startswith("sip:bob@"), f"Request-URI: {bob.requests('OPTIONS')[0].uri}")


@variants(hop=["sip:127.0.0.1:%d;transport=udp", "sip:127.0.0.1:%d;transport=tcp"])
def test_script_does_not_downgrade_by_accident(t, hop):
    """A next hop without TLS for a sips Request-URI: nothing leaves, 480."""
    daemon, certs = world(t, script='route {\n\t$du = "HOP";\n\tif (!t_relay())\n\t\tsl_reply_error();\n}\n'.replace("HOP", hop % 9))
    alice = t.phone("alice", daemon, transport="tls", tls=certs.believer(), scheme="sips")
    reply = alice.request("OPTIONS", "sips:9@example.org")
    check.equal(reply.status, 480, f"reply ({reply.start})")
    stats = daemon.stats()
    check.equal((stats["net_udp_sent"], stats["net_tcp_connected"]), (0, 0), "what left")


def test_script_may_decide_so(t):
    """Who writes another Request-URI takes the promise on himself: a gateway that speaks UDP in the rack."""
    daemon, certs = world(t, start=False, script='route {\n\tmf_process_maxfwd_header("10");\n\t$ru = "sip:9@127.0.0.1:PORT";\n\tt_relay();\n}\n')
    bob = t.phone("bob", daemon, private="127.0.0.1")
    bob.sources.add(daemon.server)
    with open(daemon.conf["script"], "r+", encoding="utf-8") as file:
        text = file.read().replace("127.0.0.1:PORT", f"{bob.link.local[0]}:{bob.link.local[1]}")
        file.seek(0)
        file.write(text)
    daemon.start()
    alice = t.phone("alice", daemon, transport="tls", tls=certs.believer(), scheme="sips")
    check.equal(alice.request("OPTIONS", "sips:9@example.org").status, 200, "reply")


def test_node_without_tls(t):
    daemon = t.daemon(script=changed_route(('if (!(uri==myself))', 'if (false)')))
    alice = t.phones_of(daemon, ["alice"])[0]
    reply = alice.request("OPTIONS", "sips:9@127.0.0.1:9")
    check.that(400 <= reply.status < 600, f"an error, found {reply.start}")
    check.equal(daemon.stat("net_tcp_connected"), 0, "connections")
