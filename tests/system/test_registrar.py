"""REGISTER, on both stores (RFC 3261 section 10).

    bob (one or two phones) --REGISTER--> pinholed; alice --OPTIONS sip:bob@example.test--> the bindings in force

Expected: the 200 lists exactly the bindings in force, with the URIs that the phones wrote; requests reach them and
no others, at the address and port that the last REGISTER came from.
"""

from kit import check, sip
from kit.runner import variants

both = variants(store=["memory", "redis"])


def setup(t, store, **registrar):
    conf = {"registrar": {"min_expires": 1, **registrar}}
    daemon = t.daemon(redis=t.redis() if store == "redis" else None, conf=conf)
    return daemon, t.phone("alice", daemon)


def bindings(reply):
    """{uri: expires} of the 200 to a REGISTER."""
    return {sip.uri_of(c): int(sip.param(c, "expires") or -1) for c in reply.all("contact")}


def reach(alice):
    return alice.request("OPTIONS", f"sip:bob@{alice.domain}").status


@both
def test_register_again_keeps_one_binding(t, store):
    daemon, alice = setup(t, store)
    bob = t.phone("bob", daemon)
    check.equal(reach(alice), 404, "OPTIONS to bob before")
    uri = sip.uri_of(bob.contact())
    check.equal(list(bindings(bob.register(600))), [uri], "bindings in the 200")
    second = bindings(bob.register(1200))
    check.equal(list(second), [uri], "bindings after the second REGISTER")
    check.that(1190 <= second[uri] <= 1200, f"the second lifetime holds: {second}")
    check.equal(reach(alice), 200, "OPTIONS to bob")
    check.equal(bob.options, 1, "OPTIONS at bob")


@both
def test_two_phones_and_one_leaves(t, store):
    daemon, alice = setup(t, store)
    first, second = t.phones_of(daemon, ["bob", "bob"])
    uris = {sip.uri_of(p.contact()) for p in (first, second)}
    check.equal(set(bindings(second.register())), uris, "bindings of both phones")
    check.equal(set(bindings(first.register(0))), {sip.uri_of(second.contact())}, "bindings after the first has left")
    check.equal(reach(alice), 200, "OPTIONS to bob")
    check.equal((first.options, second.options), (0, 1), "OPTIONS at the phones")
    check.equal(bindings(second.register(0)), {}, "bindings after both have left")
    check.equal(reach(alice), 404, "OPTIONS to bob after both have left")


@both
def test_star_removes_all(t, store):
    daemon, alice = setup(t, store)
    first, _ = t.phones_of(daemon, ["bob", "bob"])
    check.equal(first.register(60, contact="*", status=None).status, 400, "Contact: * with Expires 60")
    check.equal(reach(alice), 200, "OPTIONS to bob: the refused REGISTER changed nothing")
    check.equal(bindings(first.register(0, contact="*")), {}, "bindings after Contact: *")
    check.equal(reach(alice), 404, "OPTIONS to bob")


@both
def test_expires_parameter_wins_over_the_header(t, store):
    daemon, _ = setup(t, store)
    bob = t.phone("bob", daemon)
    found = bindings(bob.register(3600, params=";expires=100"))
    check.that(all(90 <= e <= 100 for e in found.values()), f"lifetime of 100 s: {found}")


@both
def test_lifetimes_are_bounded(t, store):
    daemon, _ = setup(t, store, max_expires=500, default_expires=300)
    bob = t.phone("bob", daemon)
    check.that(max(bindings(bob.register(100000)).values()) <= 500, "max_expires holds")
    found = bindings(bob.register(None))
    check.that(all(290 <= e <= 300 for e in found.values()), f"default_expires when none is named: {found}")


@both
def test_too_short_a_lifetime(t, store):
    """423 says what would do; 0 is no lifetime but the end of one."""
    daemon, _ = setup(t, store, min_expires=60)
    bob = t.phone("bob", daemon)
    reply = bob.register(20, status=423)
    check.equal(reply.get("min-expires"), "60", "Min-Expires")
    bob.register(60)
    check.equal(bindings(bob.register(0)), {}, "bindings after leaving")


@both
def test_binding_expires(t, store):
    daemon, alice = setup(t, store)
    bob = t.phone("bob", daemon)
    bob.register(2)
    check.equal(reach(alice), 200, "OPTIONS to bob while the binding lives")
    check.until(lambda: reach(alice) == 404, 6, "bob's binding is gone after 2 s")
    fetch = bob.register_message(None)
    fetch.drop("Contact")
    check.equal(bindings(bob.start(fetch).wait()), {}, "bindings in the end")


@both
def test_older_register_changes_nothing(t, store):
    """Same Call-ID, lower CSeq: a REGISTER that was overtaken on its way."""
    daemon, alice = setup(t, store)
    bob = t.phone("bob", daemon)
    late = bob.register_message(0)
    bob.register(600)
    bob.start(late).wait()
    check.equal(reach(alice), 200, "OPTIONS to bob after the late de-registration")


@both
def test_fetch(t, store):
    """REGISTER without Contact asks."""
    daemon, _ = setup(t, store)
    bob = t.phones_of(daemon, ["bob"])[0]
    msg = bob.register_message(None)
    msg.drop("Contact")
    reply = bob.start(msg).wait()
    check.equal(reply.status, 200, "reply")
    check.equal(list(bindings(reply)), [sip.uri_of(bob.contact())], "bindings")


@both
def test_phone_comes_back_from_another_port(t, store):
    """The router has given it a new port: requests go to the new one, and there is still one binding."""
    daemon, alice = setup(t, store)
    bob = t.phones_of(daemon, ["bob"])[0]
    old = bob.link.local[1]
    bob.reconnect()
    check.that(bob.link.local[1] != old, "the phone has a new port")
    check.equal(len(bindings(bob.register())), 1, "bindings")
    check.equal(reach(alice), 200, "OPTIONS to bob")
    check.equal(bob.options, 1, "OPTIONS at bob's new port")


@both
def test_contacts_of_one_user_are_bounded(t, store):
    daemon, _ = setup(t, store, max_contacts=2)
    phones = [t.phone("bob", daemon) for _ in range(3)]
    phones[0].register()
    phones[1].register()
    check.that(phones[2].register(status=None).status == 503, "a third phone is refused")
    check.equal(len(bindings(phones[0].register())), 2, "bindings")


@both
def test_q_decides_the_order(t, store):
    """Listed highest q first; both are reached."""
    daemon, _ = setup(t, store)
    low, high = t.phone("bob", daemon), t.phone("bob", daemon)
    low.register(params=";q=0.2")
    found = list(bindings(high.register(params=";q=0.9")))
    check.equal(found, [sip.uri_of(high.contact()), sip.uri_of(low.contact())], "bindings in the 200")


def test_foreign_domain_is_refused(t):
    daemon, _ = setup(t, "memory")
    stranger = t.phone("bob", daemon, domain="elsewhere.example")
    check.equal(stranger.register(status=None).status, 403, "REGISTER for a domain that is not ours")
