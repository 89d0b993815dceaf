"""The address that a REGISTER really came from: fix_nated_register() keeps it for our own registrar, add_rcv_param() tells
it to one behind us.

    phone --REGISTER--> pinholed, save()                 the 200 and the binding have received
    phone --REGISTER--> edge, add_rcv_param() --> registrar, save()

Expected: "sip:IP:PORT", IPv6 in brackets, ";transport=tcp" over TCP; the Contact itself stays as the phone wrote it.
"""

from kit import check, sip
from kit.runner import variants
from kit.wire import Wire, equal

families = variants(address=["127.0.0.1", "::1"])

REGISTRAR = """route {
	mf_process_maxfwd_header("10");
	force_rport();
	if (is_method("REGISTER")) {
		%s
		save("location");
		exit;
	}
	if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	}
	t_relay();
}
"""


def source_of(phone):
    host, port = phone.link.local
    return f"sip:{sip.bracket(host)}:{port}" + (";transport=tcp" if phone.transport == "tcp" else "")


def received_of(contact):
    """The header parameter; in quotes, as it holds ':' and ';'."""
    rest = contact.partition(">")[2]
    for part in rest.split(';received="')[1:]:
        return part.partition('"')[0]
    return None


# fix_nated_register()

@variants(address=["127.0.0.1", "::1"], transport=["udp", "tcp"], avp=[("default", None), ("42", "$avp(i:42)"), ("rcv", "$avp(s:rcv)")])
def test_register_keeps_the_source(t, address, transport, avp):
    """received_avp by default, by number as the guide has it, by name; given once, it holds for nat and registrar."""
    conf = {"nat": {"received_avp": avp[1]}} if avp[1] else {}
    daemon = t.daemon(address=address, script=REGISTRAR % "fix_nated_register();", conf=conf)
    bob = t.phone("bob", daemon, transport=transport)
    reply = bob.register()
    contact = reply.get("contact")
    check.equal(sip.uri_of(contact), sip.uri_of(bob.contact()), "the contact in the 200 is the phone's own")
    check.equal(received_of(contact), source_of(bob), "received in the 200")
    check.contains(daemon.ctl("contacts", "bob").stdout, source_of(bob), "pinholectl contacts")
    alice = t.phone("alice", daemon)
    check.equal(alice.request("OPTIONS", "sip:bob@example.test").status, 200, "OPTIONS to bob, whose contact is private")
    bob.reconnect()                          # his router gives him another port
    second = bob.register()
    check.equal([received_of(c) for c in second.all("contact")], [source_of(bob)], "one binding, with the new source")


@variants(group=["nat", "registrar"])
def test_received_avp_is_shared(t, group):
    other = "registrar" if group == "nat" else "nat"
    t.daemon(start=True, name="same", conf={group: {"received_avp": "$avp(x)"}, other: {"received_avp": "$avp(x)"}})
    daemon = t.daemon(start=False, conf={group: {"received_avp": "$avp(x)"}, other: {"received_avp": "$avp(y)"}})
    done = daemon.check_conf()
    check.equal(done.returncode, 1, "status of -c with two values")
    check.contains(done.stderr, "one shared parameter, give it once", "complaint")
    for bad in ("", "received", "$ru", "$var(x)", "$avp"):
        daemon = t.daemon(start=False, conf={group: {"received_avp": bad}})
        done = daemon.check_conf()
        check.equal(done.returncode, 1, f"status of -c with {bad!r}")
        check.contains(done.stderr, f"{group}.received_avp: found \"{bad}\", want", f"complaint of {bad!r}")


def test_without_the_function_there_is_no_received(t):
    daemon = t.daemon(script=REGISTRAR % "")
    check.equal(received_of(t.phone("bob", daemon).register().get("contact")), None, "received in the 200")


@families
def test_fix_nated_register_leaves_every_byte(t, address):
    """It is about what our registrar keeps; a REGISTER that is forwarded goes on as it came."""
    wire = Wire(t, {"fix": "fix_nated_register();"}, address)
    for lines in ("Contact: <sip:a@10.0.0.1>\r\n", "Contact: *\r\n", "", "Contact: <sip:a@10.0.0.1\r\n"):
        sent, got, code = wire.through("fix", lines + "Content-Length: 0\r\n\r\n", "REGISTER")
        equal(got, sent, f"REGISTER with {lines!r}")
        check.equal(code, 1, "code")


# add_rcv_param()

RCV = {"header": "add_rcv_param();", "zero": 'add_rcv_param("0");', "uri": 'add_rcv_param("1");', "seven": "add_rcv_param(7);"}
CONTACTS = [                                # as sent, with the header parameter, with the URI parameter
    ("<sip:a@10.0.0.1>", "<sip:a@10.0.0.1>;received=\"%s\"", "<sip:a@10.0.0.1;received=%e>"),
    ("<sip:a@10.0.0.1;ob>;expires=60", "<sip:a@10.0.0.1;ob>;expires=60;received=\"%s\"", "<sip:a@10.0.0.1;ob;received=%e>;expires=60"),
    ("\"A, B\" <sip:a@10.0.0.1?x=y>;q=1", "\"A, B\" <sip:a@10.0.0.1?x=y>;q=1;received=\"%s\"",
     "\"A, B\" <sip:a@10.0.0.1;received=%e?x=y>;q=1"),
    ("sip:a@10.0.0.1;expires=60", "<sip:a@10.0.0.1>;expires=60;received=\"%s\"", "<sip:a@10.0.0.1;received=%e>;expires=60"),
    ("<sip:a@10.0.0.1>;received=\"sip:6.6.6.6\";q=1", "<sip:a@10.0.0.1>;q=1;received=\"%s\"",
     "<sip:a@10.0.0.1;received=%e>;q=1"),
    ("<sip:a@10.0.0.1>, <sip:b@10.0.0.2>;q=1", "<sip:a@10.0.0.1>;received=\"%s\", <sip:b@10.0.0.2>;q=1;received=\"%s\"",
     "<sip:a@10.0.0.1;received=%e>, <sip:b@10.0.0.2;received=%e>;q=1"),
]


@families
def test_rcv_param_in_header_and_uri(t, address):
    wire = Wire(t, RCV, address)
    uri = f"sip:{wire.source}"
    for before, in_header, in_uri in CONTACTS:
        for case, after in (("header", in_header), ("zero", in_header), ("uri", in_uri), ("seven", in_uri)):
            after = after.replace("%s", uri).replace("%e", uri)
            sent, got, code = wire.through(case, f"Contact: {before}\r\nm: {before}\r\nContent-Length: 0\r\n\r\n", "REGISTER")
            equal(got, sent.replace(f"Contact: {before}\r\nm: {before}".encode(), f"Contact: {after}\r\nm: {after}".encode()),
                  f"{case} of {before!r}")
            check.equal(code, 1, f"code of {case} for {before!r}")


@families
def test_rcv_param_leaves_every_byte_where_it_has_nothing_to_do(t, address):
    wire = Wire(t, RCV, address)
    cases = {"Contact: *\r\n": 1, "": 1,    # facts: no change, 1
             "Contact: <tel:+1555>\r\n": -1, "Contact: <sip:a@10.0.0.1\r\n": -1,
             "Contact: <sip:a@10.0.0.1>\r\nContact: <sip:a b>\r\n": -1}
    for lines, want in cases.items():
        for case in ("header", "uri"):
            sent, got, code = wire.through(case, lines + "Content-Length: 0\r\n\r\n", "REGISTER")
            equal(got, sent, f"{case} with {lines!r}")
            check.equal(code, want, f"code of {case} with {lines!r}")


@variants(address=["127.0.0.1", "::1"], flag=["0", "1"], transport=["udp", "tcp"])
def test_registrar_behind_an_edge_learns_the_source(t, address, flag, transport):
    """The registrar trusts its edge; it keeps the contact as the phone wrote it, one binding through a change of port."""
    registrar = t.daemon(address=address, name="registrar", script=REGISTRAR % "", conf={"registrar": {"trust_received": 1}})
    edge = t.daemon(address=address, name="edge", script=f"""route {{
	force_rport();
	add_rcv_param("{flag}");
	$du = "sip:{sip.bracket(address)}:{registrar.port}";
	t_relay();
}}
""")
    bob = t.phone("bob", edge, transport=transport)
    for _ in range(2):
        reply = bob.register()
        contacts = reply.all("contact")
        check.equal([sip.uri_of(c) for c in contacts], [sip.uri_of(bob.contact())], "the bindings in the 200")
        check.equal([received_of(c) for c in contacts], [source_of(bob)], "received in the 200")
        check.contains(registrar.ctl("contacts", "bob").stdout, source_of(bob), "pinholectl contacts")
        bob.reconnect()


def test_a_strangers_received_is_not_taken(t):
    """Else anybody could aim traffic at anybody: trust_received is off by default."""
    daemon = t.daemon(script=REGISTRAR % "")
    bob = t.phone("bob", daemon)
    reply = bob.register(contact="<sip:bob@192.168.1.9;received=sip:6.6.6.6>;received=\"sip:7.7.7.7:5060\"")
    check.equal(received_of(reply.get("contact")), None, "received in the 200")
    trusting = t.daemon(name="trusting", script=REGISTRAR % "", conf={"registrar": {"trust_received": 1}})
    bob = t.phone("bob", trusting)
    reply = bob.register(contact="<sip:bob@192.168.1.9>;received=\"no uri\"", status=None)
    check.equal(reply.status, 400, f"a received that is no URI: {reply.start}")
