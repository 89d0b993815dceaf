"""TLS: phones and calls over it.

    alice --TLS--> pinholed --UDP, TCP or TLS--> bob

Expected: the same as over TCP; what arrives went over the connection that the phone has opened.
"""

from kit import check
from kit.runner import variants


def edge(t, certs=None, names=("DNS:example.test", "IP:127.0.0.1"), **kwargs):
    """A daemon with a listener of TLS, and the CA that its phones believe."""
    certs = certs or t.certs()
    relay = t.relay()
    daemon = t.daemon(relay=relay, tls=certs.make("edge", *names), **kwargs)
    return daemon, relay, certs


def believing(certs, name="example.test", **more):
    return {"ca": certs.ca, "name": name, **more}


@variants(caller=["tls", "udp"], callee=["tls", "tcp", "udp"])
def test_call(t, caller, callee):
    daemon, relay, certs = edge(t)
    alice = t.phones_of(daemon, ["alice"], transport=caller, tls=believing(certs))[0]
    bob = t.phones_of(daemon, ["bob"], transport=callee, tls=believing(certs))[0]
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay, packets=20)
    leg.hangup()
    call.wait_ended()
    stats = daemon.stats()
    check.equal((stats["net_tls_connected"], stats["net_tcp_connected"]), (0, 0), "connections that the daemon opened itself")
    check.equal(stats["net_tls_handshakes"], [caller, callee].count("tls"), "handshakes")
    check.equal(stats["net_tls_failed"], 0, "handshakes that failed")
