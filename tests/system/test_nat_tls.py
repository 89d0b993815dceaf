"""Phones at home over TLS: certificates of their own, connections that are gone, certificates that are changed.

    alice (baresip) -- router A \\
                                 >-- pinholed, TLS at 198.51.100.1:5061
    bob   (baresip) -- router B /

Expected: as over TCP; who has no certificate does not come in where one is asked for. What baresip 1.0 cannot do, verify the server's
certificate and call sips URIs, is tested with the kit's phones in test_tls*.py. Calls are in test_nat_lab.py and others.
"""

import time

from kit import check
from kit.lab import Lab
from kit.runner import variants


def own_certificate(lab, user):
    """In a file, as baresip wants it: certificate and key."""
    made = lab.certs.make(user, f"URI:sip:{user}@example.test")
    path = lab.certs.file(f"{user}-both.pem")
    with open(path, "w", encoding="ascii") as out:
        for part in made.pair:
            with open(part, encoding="ascii") as text:
                out.write(text.read())
    return f"sip_certificate {path}\n"


def test_phones_show_their_certificates(t):
    lab = Lab(t, tls=True, conf={"tls": {"verify_client": "require"}})
    alice, bob = (lab.phone(user, nat, transport="tls", config=own_certificate(lab, user))
                  for user, nat in (("alice", lab.restricted), ("bob", lab.symmetric)))
    lab.call(alice, bob)
    lab.talk(alice, bob)
    alice.hangup()
    lab.over(alice, bob)
    stranger = lab.phone("stranger", lab.home("other"), transport="tls", start=False)
    stranger.start()
    stranger.command("uanew", stranger.account)
    check.until(lambda: lab.daemon.stat("net_tls_failed") == 1, 10, "the stranger's handshake has failed")
    check.contains(lab.daemon.log(), "203.0.113.10:", "the log says whose")
    check.equal(lab.redis.keys("pinhole:contact:{stranger}*"), [], "contacts of the stranger")


@variants(dies=["phone", "connection"])
def test_connection_is_gone(t, dies):
    """The phone dies and its system closes the connection: 430 at once. Its router forgets it: 408."""
    lab = Lab(t, tls=True, conf={"tm": {"fr_timer": 3000}})
    alice = lab.phone("alice", lab.restricted, transport="tls")
    bob = lab.phone("bob", lab.symmetric, transport="tls")
    if dies == "phone":
        bob.kill()
        check.until(lambda: lab.daemon.stat("net_tls_open") == 1, 5, "bob's connection is closed")
    else:
        lab.symmetric.forget()
    start = time.monotonic()
    alice.dial("bob")
    check.contains(alice.wait("CALL_CLOSED")["param"], "430" if dies == "phone" else "408", "what alice is told")
    check.that(dies != "phone" or time.monotonic() - start < 2, "she is told at once")
    check.equal(lab.daemon.stat("net_tls_connected"), 0, "connections that the daemon opened itself")
    lab.forgotten()


def test_certificates_are_changed_under_a_call(t):
    """New certificates are for new connections; who talks goes on talking."""
    lab = Lab(t, tls=True)
    alice = lab.phone("alice", lab.restricted, transport="tls")
    bob = lab.phone("bob", lab.symmetric, transport="tls")
    lab.call(alice, bob)
    lab.certs.make("edge1", "DNS:example.test", "IP:198.51.100.1")
    check.equal(lab.daemon.ctl("tls_reload").returncode, 0, "status of pinholectl tls_reload")
    lab.talk(alice, bob)
    bob.hangup()
    lab.over(alice, bob)
