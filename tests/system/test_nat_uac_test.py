"""nat_uac_test(): all sums of tests, in both dialects, over IPv4 and IPv6, against an oracle that knows only the guide.

    near --OPTIONS with Via, Contact and SDP of every kind--> pinholed: the script runs each sum and answers with what it got

Expected: what oracle() says of the message: true when any test of the sum finds a NAT. The message itself stays as it is.
"""

import ipaddress
import re
import socket

from kit import check, proc, sip
from kit.runner import variants
from kit.wire import Wire, equal

PRIVATE = [ipaddress.ip_network(n) for n in (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",     # RFC 1918: the guide's
    "100.64.0.0/10", "169.254.0.0/16",                   # RFC 6598, RFC 3927
    "fc00::/7", "fe80::/10")]                            # RFC 4193, RFC 4291
CARRIER = ipaddress.ip_network("192.0.0.0/29")           # RFC 7335
IETF = ipaddress.ip_network("192.0.0.0/24")              # private too for Kamailio


def ip_of(host):
    """None for a name. An IPv4 address written as IPv6 is the IPv4 address."""
    try:
        ip = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def private(host, kamailio=False):
    ip = ip_of(host)
    return ip is not None and (any(ip in n for n in PRIVATE if n.version == ip.version) or
                               (kamailio and ip.version == 4 and ip in IETF))


class Look:
    """What the tests look at; written into a message by text(), judged by the oracle."""

    def __init__(self, via, contacts=(), media=(), star=False):
        self.via, self.contacts, self.media, self.star = via, list(contacts), list(media), star

    def text(self, method="OPTIONS"):
        via = f"SIP/2.0/UDP {self.via};branch=z9hG4bK{sip.token()};rport"
        lines = [f"{method} sip:example.test SIP/2.0", f"Via: {via}", "From: <sip:a@example.test>;tag=1",
                 "To: <sip:b@example.test>", f"Call-ID: {sip.token()}", f"CSeq: 1 {method}", "Max-Forwards: 70"]
        lines += [f"Contact: <sip:a@{c}>" for c in self.contacts] + (["Contact: *"] if self.star else [])
        body = ""
        if self.media:
            body = f"v=0\r\no=- 1 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN {kind(self.media[0])} {self.media[0]}\r\nt=0 0\r\n"
            for address in self.media[1:]:
                body += f"m=audio 4000 RTP/AVP 0\r\nc=IN {kind(address)} {address}\r\n"
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def kind(address):
    return "IP6" if ":" in address else "IP4"


def hostport(text):
    found = re.match(r"(\[[^\]]*\]|[^:;]*)(?::(\d+))?", text)
    return found.group(1), int(found.group(2) or 5060)


def oracle(look, source, port, kamailio):
    """{number: bool} of the tests of the dialect."""
    via, via_port = hostport(look.via)
    compared = sip.param(look.via, "maddr") or via
    contacts = [hostport(c) for c in look.contacts]
    first = contacts[0] if contacts else None
    here = ipaddress.ip_address(source)
    hits = {
        1: any(private(host, kamailio) for host, _ in contacts),
        2: ip_of(compared) != here,
        4: private(via, kamailio),
        8: any(private(m, kamailio) for m in look.media),
        16: via_port != port,
    }
    if kamailio:
        hits[32] = private(source, kamailio)             # never on loopback: tests/unit/test_nat_uac_test.c has it true
        hits[64] = False                                 # no WebSocket here
        hits[128] = first is not None and first[1] != port
        hits[256] = any(not ip_of(m).is_unspecified and ip_of(m) != here for m in look.media)
    else:
        hits[32] = first is not None and ip_of(first[0]) != here
        hits[64] = first is not None and first[1] != port
        hits[128] = any(ip_of(h) is not None and ip_of(h).version == 4 and ip_of(h) in CARRIER
                        for h in [via] + [c for c, _ in contacts])
    return hits


def script(sums, kamailio):
    """Answers 200 with a T or F for each sum, in its place."""
    lines = ["#!KAMAILIO"] if kamailio else []
    lines += ["route {", '\t$var(r) = "";']
    for number in sums:
        lines.append(f'\tif (nat_uac_test("{number}")) $var(r) = $var(r) + "T"; else $var(r) = $var(r) + "F";')
    lines += ['\tsl_send_reply("200", "$var(r)");', "}", ""]
    return "\n".join(lines)


def looks(at, port):
    """Messages of every kind, from somebody who sits at `at`:`port`."""
    here = f"[{at}]" if ":" in at else at
    other = "[2001:db8::99]" if ":" in at else "203.0.113.99"
    inside = "[fd00::5]" if ":" in at else "192.168.1.5"
    longer = f"[{at}9]" if ":" in at else f"{at}9"       # the text of ours and a digit more
    return [
        Look(f"{here}:{port}", [f"{here}:{port}"], [at]),
        Look(f"{here}:{port}"),
        Look(f"{here}:{port}", star=True),
        Look(f"{inside}:5060", [f"{inside}:5060"], [inside.strip("[]")]),
        Look(f"{inside}:{port}", [f"{here}:{port}"], [at]),
        Look(f"{here}:{port}", [f"{inside}:{port}"], [at]),
        Look(f"{here}:{port}", [f"{here}:{port}", f"{inside}:{port}"], [at]),
        Look(f"{here}:{port}", [f"{here}:{port}"], [inside.strip("[]")]),
        Look(f"{here}:{port}", [f"{here}:{port}"], [at, "10.1.2.3"]),
        Look(f"{here}:{port}", [f"{here}:{port}"], ["203.0.113.50", "fd12::1"]),
        Look(f"{here}:{port}", [f"{here}:{port}"], ["0.0.0.0"]),
        Look(f"{here}", [f"{here}:{port}"]),
        Look(f"{here}:{port}", [f"{here}"]),
        Look(f"{here}:{port}", [f"{here}:{(port + 1) % 65536}"]),
        Look(f"{other}:{port}", [f"{other}:{port}"], [other.strip("[]")]),
        Look(f"{longer}:{port}", [f"{longer}:{port}"]),
        Look("phone.example.test:5060", ["phone.example.test"]),
        Look(f"phone.example.test:{port};maddr={at if ':' not in at else here}", [f"{here}:{port}"]),
        Look(f"{here}:{port};maddr={other}", [f"{here}:{port}"]),
        Look(f"{here}:{port};received={at};rport={port}", [f"{here}:{port}"]),
        Look(f"{inside}:5060;received={at};rport={port}", [f"{inside}"]),
        Look(f"100.64.0.1:{port}", [f"100.127.255.255:{port}"], ["100.128.0.1"]),
        Look(f"172.15.255.255:{port}", [f"172.32.0.1:{port}"], ["172.31.255.255"]),
        Look(f"192.0.0.2:{port}", [f"192.0.0.8:{port}"], ["192.0.0.1"]),
        Look(f"169.254.1.1:{port}", [f"[fe80::1]:{port}"], ["fe80::2"]),
        Look(f"010.0.0.1:{port}", [f"10.1:{port}"]),     # neither is an address
        Look(f"11.0.0.1:{port}", [f"9.255.255.255:{port}"], ["192.169.0.1", "::ffff:10.0.0.1"]),
    ]


def ask(sock, server, look):
    sock.sendto(look.text(), server)
    reply = sip.Message.parse(sock.recv(65536))
    check.equal(reply.status, 200, "status")
    return reply.reason


def compare(t, sums, address, source, kamailio):
    daemon = t.daemon(address=address, script=script(sums, kamailio))
    with socket.socket(proc.family(address), socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.settimeout(5)
        port = sock.getsockname()[1]
        seen = {number: set() for number in sums}
        for look in looks(source, port):
            hits = oracle(look, source, port, kamailio)
            found = ask(sock, daemon.server, look)
            for place, number in enumerate(sums):
                wanted = any(hits[bit] for bit in hits if number & bit)
                seen[number].add(wanted)
                check.equal(found[place], "T" if wanted else "F", f"nat_uac_test({number}) from {source}:{port} for "
                                                                   f"{look.text().decode()!r}")
        return seen


@variants(address=["127.0.0.1", "::1"], dialect=["opensips", "kamailio"])
def test_all_64_sums_of_the_guides_tests(t, address, dialect):
    seen = compare(t, range(1, 64), address, address, dialect == "kamailio")
    check.that(all(len(s) == 2 for n, s in seen.items() if dialect == "opensips"), f"each sum is true and false once: {seen}")


@variants(dialect=["opensips", "kamailio"])
def test_sums_with_later_tests(t, dialect):
    """What OpenSIPS and Kamailio added after the guide, each with its own numbers."""
    last = 9 if dialect == "kamailio" else 8
    sums = [1 << i for i in range(last)] + [3 << i for i in range(last - 1)] + [(1 << last) - 1, (1 << last) - 32]
    compare(t, sums, "127.0.0.1", "127.0.0.9", dialect == "kamailio")


def test_flags_by_name_and_from_variables(t):
    ways = {'"private-contact"': 1, '"diff-ip-src-via"': 2, '"private-via"': 4, '"private-sdp"': 8,
            '"diff-port-src-via"': 16, '"diff-ip-src-contact"': 32, '"diff-port-src-contact"': 64,
            '"private-contact,private-sdp"': 9, '"0x13"': 19, "19": 19, '"$var(n)"': 19, "$var(n)": 19}
    lines = ["route {", "\t$var(n) = 19;", '\t$var(r) = "";']
    for way in ways:
        lines.append(f'\tif (nat_uac_test({way})) $var(r) = $var(r) + "T"; else $var(r) = $var(r) + "F";')
    lines += ['\tsl_send_reply("200", "$var(r)");', "}", ""]
    daemon = t.daemon(script="\n".join(lines))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.9", 0))
        sock.settimeout(5)
        port = sock.getsockname()[1]
        for look in looks("127.0.0.9", port):
            hits = oracle(look, "127.0.0.9", port, False)
            wanted = "".join("T" if any(hits[b] for b in hits if n & b) else "F" for n in ways.values())
            check.equal(ask(sock, daemon.server, look), wanted, f"{list(ways)} for {look.text().decode()!r}")


def test_numbers_that_are_no_sum_are_refused_at_load(t):
    for dialect, bad in (("opensips", ("0", "256", "-1", "1024", "private-contact,256", "private-kontakt", "")), ("kamailio", ("0", "512", "1024"))):
        mark = "#!KAMAILIO\n" if dialect == "kamailio" else "\n"
        for number in bad:
            daemon = t.daemon(start=False, script=f'{mark}route {{\n\tif (nat_uac_test("{number}")) exit;\n}}\n')
            done = daemon.check_conf()
            check.equal(done.returncode, 1, f"status of -c with {number!r} in {dialect}")
            check.contains(done.stderr, ".route:3:19: argument 1 (flags) of 'nat_uac_test'", f"complaint of {number!r}")


@variants(address=["127.0.0.1", "::1"])
def test_it_only_reads(t, address):
    """True or false, readable or not: every byte goes on as it came."""
    wire = Wire(t, {"all": 'nat_uac_test("63");', "wrong": '$var(n) = "x"; nat_uac_test("$var(n)");'}, address)
    end = "Content-Length: 0\r\n\r\n"
    for rest, want in (("Contact: <sip:a@10.0.0.1>\r\n", 1), ("", -1), ("Contact: *\r\n", -1),
                       (f"Contact: <sip:a@{wire.source}>\r\n", -1), ("Contact: <sip:a@10.0.0.1\r\n", -1),
                       ("Contact: <tel:+1555>\r\n", -1)):
        sent, got, code = wire.through("all", rest + end)
        equal(got, sent, f"request with {rest!r}")
        check.equal(code, want, f"code for {rest!r}")
        sent, got, code = wire.through("wrong", rest + end)
        equal(got, sent, f"request with {rest!r}, flags from a variable that is no number")
        check.equal(code, -1, "code of flags that are no number")
        sent, got, _ = wire.back("all", rest + end)
        equal(got, sent, f"reply with {rest!r}")
