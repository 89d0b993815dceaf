"""fix_nated_contact() as the far end sees it, in requests and in replies, over IPv4 and IPv6.

    near --Contact of a phone behind NAT--> pinholed --> far

Expected: host and port of every Contact URI are the packet's source, every other byte is as it was sent; where there is
nothing to fix the code is -1 and the whole message is as it was sent.
"""

from kit import check
from kit.runner import variants
from kit.wire import Wire, equal

families = variants(address=["127.0.0.1", "::1"])

CASES = {
    "plain": "fix_nated_contact();",
    "params": 'fix_nated_contact(";nat=yes;x");',
    "twice": 'fix_nated_contact(); fix_nated_contact();',
    "variable": '$var(p) = ";line=" + $hdr(X-Line); fix_nated_contact("$var(p)");',
}
END = "Content-Length: 0\r\n\r\n"

# Contact lines as sent, and with %s for the source. Params stand where %p is.
FIXED = [
    ("Contact: <sip:alice@192.168.1.20:5060>\r\n", "Contact: <sip:alice@%s%p>\r\n"),
    ("Contact: <sip:192.168.1.20>\r\n", "Contact: <sip:%s%p>\r\n"),
    ("m: <sip:alice@phone.local>;q=0.5;+sip.instance=\"<urn:uuid:1>\"\r\n",
     "m: <sip:alice@%s%p>;q=0.5;+sip.instance=\"<urn:uuid:1>\"\r\n"),
    ("Contact: \"A, <B>\" <sips:a:pw@10.0.0.1;transport=tcp;ob?x=y>;expires=60\r\n",
     "Contact: \"A, <B>\" <sips:a:pw@%s%p;transport=tcp;ob?x=y>;expires=60\r\n"),
    ("Contact: <sip:a@10.0.0.1;maddr=10.0.0.1;lr>\r\n", "Contact: <sip:a@%s%p;lr>\r\n"),
    ("Contact: <sip:a@[fd00::1]:5062;ob>\r\n", "Contact: <sip:a@%s%p;ob>\r\n"),
    ("Contact: <sip:a@10.0.0.1>, <sip:b@10.0.0.2:9>;q=1\r\nX: y\r\nContact: <sip:c@10.0.0.3>\r\n",
     "Contact: <sip:a@%s%p>, <sip:b@%s%p>;q=1\r\nX: y\r\nContact: <sip:c@%s%p>\r\n"),
]

# Nothing to fix, or not readable.
LEFT_ALONE = {
    "none": "",
    "star": "Contact: *\r\n",
    "star among others": "Contact: <sip:a@10.0.0.1>\r\nContact: *\r\n",
    "tel": "Contact: <tel:+1555>\r\n",
    "one that is no URI": "Contact: <sip:a@10.0.0.1>\r\nContact: <sip:a b>\r\n",
    "open bracket": "Contact: <sip:a@10.0.0.1>, <sip:b@10.0.0.2\r\n",
    "port out of range": "Contact: <sip:a@10.0.0.1:99999>\r\n",
}


def expected(sent, before, after, source, params=""):
    lines = after.replace("%s", source).replace("%p", params)
    check.that(before.encode() in sent, "the test's own message")
    return sent.replace(before.encode(), lines.encode())


@families
def test_every_contact_of_a_request_gets_the_source(t, address):
    wire = Wire(t, CASES, address)
    for before, after in FIXED:
        for case, params in (("plain", ""), ("params", ";nat=yes;x")):
            sent, got, code = wire.through(case, before + END)
            equal(got, expected(sent, before, after, wire.source, params), f"{case} of {before!r}")
            check.equal(code, 1, f"code of {case} for {before!r}")
    check.equal(wire.daemon.stat("nat_contacts_fixed"), 2 * len(FIXED), "messages whose Contact was fixed")


@families
def test_every_contact_of_a_reply_gets_the_source(t, address):
    wire = Wire(t, CASES, address)
    for before, after in FIXED:
        sent, got, code = wire.back("plain", before + END)
        equal(got, expected(sent, before, after, wire.name(wire.far)), f"reply with {before!r}")
        check.equal(code, 1, f"code for {before!r}")


@families
def test_parameters_put_brackets_around_a_bare_uri(t, address):
    """Without them they would be parameters of the header."""
    wire = Wire(t, CASES, address)
    before = "Contact: sip:alice@10.0.0.1;expires=60\r\n"
    sent, got, _ = wire.through("plain", before + END)
    equal(got, expected(sent, before, "Contact: sip:alice@%s;expires=60\r\n", wire.source), "without parameters")
    sent, got, _ = wire.through("params", before + END)
    equal(got, expected(sent, before, "Contact: <sip:alice@%s;nat=yes;x>;expires=60\r\n", wire.source), "with parameters")


def test_second_call_on_a_message_changes_nothing_more(t):
    """OpenSIPS answers -1 then; here edits are of fields, and the last writer wins."""
    wire = Wire(t, CASES)
    before, after = FIXED[4]
    sent, got, code = wire.through("twice", before + END)
    equal(got, expected(sent, before, after, wire.source), "after two calls")
    check.equal(code, 1, "code of the second call")


def test_parameters_may_come_from_a_variable(t):
    wire = Wire(t, CASES)
    before = "Contact: <sip:a@10.0.0.1;ob>\r\n"
    sent, got, code = wire.through("variable", "X-Line: 7\r\n" + before + END)
    equal(got, expected(sent, before, "Contact: <sip:a@%s;line=7;ob>\r\n", wire.source), "with ;line=7")
    check.equal(code, 1, "code")
    for bad in ("7>;x=<sip:evil", "7@10.0.0.9", "\"7", "7 8"):
        sent, got, code = wire.through("variable", f"X-Line: {bad}\r\n" + before + END)
        equal(got, sent, f"with a variable that would end the URI ({bad!r})")
        check.equal(code, -1, f"code for {bad!r}")


@families
def test_nothing_to_fix_is_false_and_leaves_every_byte(t, address):
    wire = Wire(t, CASES, address)
    for what, lines in LEFT_ALONE.items():
        for case in ("plain", "params"):
            sent, got, code = wire.through(case, lines + END)
            equal(got, sent, f"{case}: {what}")
            check.equal(code, -1, f"code of {case}: {what}")
        sent, got, code = wire.back("plain", lines + END)
        equal(got, sent, f"reply: {what}")
        check.equal(code, -1, f"code for the reply: {what}")
    check.equal(wire.daemon.stat("nat_contacts_fixed"), 0, "messages whose Contact was fixed")


def test_faults_of_literals_are_told_at_load(t):
    for literal in ("nat=yes", ";", "; nat", ";a>b", ";a@b"):
        daemon = t.daemon(start=False, script=f'route {{\n\tfix_nated_contact("{literal}");\n}}\n')
        done = daemon.check_conf()
        check.equal(done.returncode, 1, f"status of -c with {literal!r}")
        check.contains(done.stderr, ".route:2:20: argument 1 (uri_params) of 'fix_nated_contact'", f"complaint of {literal!r}")
