"""fix_nated_sdp() as the far end sees it, in requests and in replies, over IPv4 and IPv6.

    near --SDP of a phone behind NAT--> pinholed --> far

Expected: what oracle() below says, which knows nothing of the daemon's code: it goes through the lines of the SDP one by
one. Everything around the body stays as it was sent, Content-Length follows. Where there is nothing to fix the code is
-1 and the whole message is as it was sent.
"""

import ipaddress

from kit import check
from kit.runner import variants
from kit.wire import Wire, equal

DIRECTION, MEDIA_IP, MARKER, ORIGIN_IP, NULL_IPS = 1, 2, 4, 8, 16
families = variants(address=["127.0.0.1", "::1"])


def sdp(*lines, end="\r\n"):
    return "".join(line + end for line in lines)


V4 = sdp("v=0", "o=- 20 1 IN IP4 192.168.1.20", "s=-", "c=IN IP4 192.168.1.20", "t=0 0", "m=audio 4000 RTP/AVP 0",
         "a=rtcp:4001 IN IP4 192.168.1.20", "a=candidate:1 1 UDP 1 192.168.1.20 4000 typ host",
         "m=video 5000 RTP/AVP 34", "c=IN IP4 192.168.1.21", "a=sendrecv")
V6 = sdp("v=0", "o=- 20 1 IN IP6 fd00::20", "s=-", "t=0 0", "m=audio 4000 RTP/AVP 0", "c=IN IP6 fd00::20",
         "m=video 5000 RTP/AVP 34", "c=IN IP6 fd00::21")
HELD = sdp("v=0", "o=- 20 1 IN IP4 192.168.1.20", "s=-", "c=IN IP4 0.0.0.0", "t=0 0", "m=audio 4000 RTP/AVP 0",
           "m=video 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 192.168.1.20")
NAMED = sdp("v=0", "o=- 20 1 IN IP4 phone.local", "s=-", "c=IN IP4 phone.local", "t=0 0", "m=audio 4000 RTP/AVP 0")
LF_ONLY = sdp("v=0", "o=- 20 1 IN IP4 10.0.0.1", "s=-", "c=IN IP4 10.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0", end="\n")
TRAILING = V4 + "\r\n\r\n"
UNENDED = V4[:-2]
GOOD = {"v4": V4, "v6": V6, "held": HELD, "named": NAMED, "LF only": LF_ONLY, "blank lines at the end": TRAILING,
        "no line end at the end": UNENDED}


def oracle(text, flags, new, marker="a=nortpproxy:yes"):
    """The SDP as it should come out."""
    end = "\r\n" if "\r\n" in text else "\n"
    kept = text.rstrip("\r\n")
    tail = text[len(kept):] or end
    lines, old, added = [], [], []

    def address(line, old_at):
        words = line.split(" ")
        family, host = words[-2:]
        try:
            ip = ipaddress.ip_address(host)
        except ValueError:
            ip = None
        if ip == ipaddress.ip_address(new) or (ip is not None and ip.is_unspecified and not flags & NULL_IPS):
            return line
        old_at.append(("a=oldmediaip6:" if family == "IP6" else "a=oldmediaip:") + host)
        return " ".join(words[:-2] + ["IP6" if ":" in new else "IP4", new])

    of_origin = []
    for line in kept.split(end):
        if line.startswith("c=") and flags & MEDIA_IP:
            line = address(line, old)
        if line.startswith("o=") and flags & ORIGIN_IP:
            line = address(line, of_origin)
        lines.append(line)
    if flags & DIRECTION:
        added.append("a=direction:active")
    added += old + of_origin
    if flags & MARKER and marker:
        added.append(marker)
    for line in added:
        if line not in lines or line.startswith("a=oldmediaip"):
            lines.append(line)
    return end.join(lines) + (tail if len(lines) > len(kept.split(end)) or text != kept else "")


def message(body, headers="Content-Type: application/sdp\r\n", length=True):
    return headers + (f"Content-Length: {len(body)}\r\n" if length else "") + "\r\n" + body


def expected(sent, before, after):
    """The message with another body, and its Content-Length."""
    head, gap, body = sent.partition(b"\r\n\r\n")
    check.equal(body.decode(), before, "the test's own body")
    head = head.replace(f"Content-Length: {len(before)}".encode(), f"Content-Length: {len(after)}".encode())
    return head + gap + after.encode()


def every_sum():
    return {f"F{flags}": f'fix_nated_sdp("{flags}");' for flags in range(1, 32)}


@families
def test_every_sum_of_flags_with_the_source(t, address):
    wire = Wire(t, every_sum(), address)
    for what, body in GOOD.items():
        for flags in range(1, 32):
            sent, got, code = wire.through(f"F{flags}", message(body))
            equal(got, expected(sent, body, oracle(body, flags, address)), f"flags {flags} on {what}")
            check.equal(code, 1, f"code of flags {flags} on {what}")


def test_every_sum_of_flags_with_a_given_address(t):
    """The address of the script wins over the source; its family is its own."""
    cases = {f"F{flags}": f'fix_nated_sdp("{flags}", "$hdr(X-Ip)");' for flags in range(1, 32)}
    wire = Wire(t, cases)
    for new in ("203.0.113.7", "2001:db8::7"):
        for flags in range(1, 32):
            for what in ("v4", "v6", "held"):
                body = GOOD[what]
                sent, got, _ = wire.through(f"F{flags}", f"X-Ip: {new}\r\n" + message(body))
                equal(got, expected(sent, body, oracle(body, flags, new)), f"flags {flags}, {new}, on {what}")


@families
def test_replies(t, address):
    wire = Wire(t, every_sum(), address)
    for what, body in GOOD.items():
        for flags in (3, 10, 15, 31):
            sent, got, code = wire.back(f"F{flags}", message(body))
            equal(got, expected(sent, body, oracle(body, flags, address)), f"flags {flags} on {what}")
            check.equal(code, 1, f"code of flags {flags} on {what}")


def test_flags_may_be_written_in_every_way(t):
    ways = ['"11"', "11", '"0x0b"', "0x0b", '"add-dir-active,rewrite-media-ip,rewrite-origin-ip"', '"$var(f)"', "$var(f)"]
    wire = Wire(t, {f"W{i}": f"$var(f) = 11; fix_nated_sdp({way});" for i, way in enumerate(ways)})
    for i, way in enumerate(ways):
        sent, got, _ = wire.through(f"W{i}", message(V4))
        equal(got, expected(sent, V4, oracle(V4, 11, "127.0.0.1")), way)


def test_twice_adds_nothing_more(t):
    wire = Wire(t, {"twice": 'fix_nated_sdp("15"); fix_nated_sdp("15");',
                    "other": 'fix_nated_sdp("2", "203.0.113.7"); fix_nated_sdp("2", "203.0.113.8");'})
    sent, got, code = wire.through("twice", message(V4))
    equal(got, expected(sent, V4, oracle(V4, 15, "127.0.0.1")), "after two calls")
    check.equal(code, 1, "code of the second call")
    sent, got, _ = wire.through("other", message(LF_ONLY))
    equal(got, expected(sent, LF_ONLY, oracle(oracle(LF_ONLY, 2, "203.0.113.7"), 2, "203.0.113.8")),
          "the last writer wins")


@variants(where=["sdp", "rtpp"])
def test_marker_is_the_configured_line(t, where):
    """nortpproxy_str with its line end, as the guide writes it; in the group of either plugin that has it."""
    wire = Wire(t, every_sum(), conf={where: {"nortpproxy_str": "a=sdpmangled:yes\r\n"}})
    for flags in (4, 15):
        sent, got, _ = wire.through(f"F{flags}", message(V4))
        equal(got, expected(sent, V4, oracle(V4, flags, "127.0.0.1", "a=sdpmangled:yes")), f"flags {flags}")
    marked = V4 + "a=sdpmangled:yes\r\n"
    sent, got, code = wire.through("F4", message(marked))
    equal(got, sent, "a marker that is there already")
    check.equal(code, 1, "code")


def test_an_empty_marker_is_off(t):
    wire = Wire(t, every_sum(), conf={"sdp": {"nortpproxy_str": ""}})
    sent, got, code = wire.through("F4", message(V4))
    equal(got, sent, "flag 4")
    check.equal(code, 1, "code")
    sent, got, _ = wire.through("F6", message(V4))
    equal(got, expected(sent, V4, oracle(V4, 6, "127.0.0.1", "")), "flag 6")


def test_lines_of_the_script(t):
    wire = Wire(t, {"lines": 'fix_nated_sdp("6", , "a=x-edge:1\\r\\na=y");', "alone": 'fix_nated_sdp("0", , "a=x-edge:1");',
                    "bad": 'fix_nated_sdp("2", , "$hdr(X-Line)");'})
    body = sdp("v=0", "o=- 20 1 IN IP4 10.0.0.1", "s=-", "c=IN IP4 10.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0")
    sent, got, _ = wire.through("lines", message(body))
    after = body.replace("c=IN IP4 10.0.0.1", "c=IN IP4 127.0.0.1") + sdp("a=oldmediaip:10.0.0.1", "a=x-edge:1", "a=y",
                                                                          "a=nortpproxy:yes")
    equal(got, expected(sent, body, after), "flags 6 and two lines")
    sent, got, _ = wire.through("alone", message(body))
    equal(got, expected(sent, body, body + "a=x-edge:1\r\n"), "a line alone")
    sent, got, code = wire.through("bad", "X-Line: m=audio 1 RTP/AVP 0\r\n" + message(body))
    equal(got, sent, "a line that is no attribute")
    check.equal(code, -1, "code")


def test_headers_as_small_devices_write_them(t):
    """No Content-Length, no Content-Type, compact names, parameters, odd blanks."""
    wire = Wire(t, every_sum())
    after = oracle(V4, 2, "127.0.0.1")
    ways = {
        "no Content-Length": ("Content-Type: application/sdp\r\n", ""),
        "no Content-Type": ("", f"Content-Length: {len(V4)}\r\n"),
        "neither": ("", ""),
        "compact": ("c: application/sdp\r\n", f"l: {len(V4)}\r\n"),
        "other case, parameters": ("content-type: Application/SDP;charset=utf-8\r\n", f"CONTENT-LENGTH: {len(V4)}\r\n"),
        "blanks": ("Content-Type : application / sdp\r\n", f"Content-Length : {len(V4)}\r\n"),
    }
    for what, (kind, length) in ways.items():
        sent, got, code = wire.through("F2", kind + length + "\r\n" + V4)
        head, _, body = got.decode().partition("\r\n\r\n")
        check.equal(body, after, f"body: {what}")
        check.equal(code, 1, f"code: {what}")
        lines = head.split("\r\n")
        check.that(any(line.replace(" ", "").lower() in (f"content-length:{len(after)}", f"l:{len(after)}") for line in lines),
                   f"Content-Length of {what}: {lines}")
        before = [line for line in sent.decode().partition("\r\n\r\n")[0].split("\r\n") if line not in length]
        check.that(set(before) <= set(lines), f"the other headers of {what}: {lines}")


PARTS = """--b1\r
Content-Type: application/sdp\r
{length}\r
{sdp}\r
--b1\r
Content-Type: application/isup;version=itu\r
\r
c=IN IP4 10.0.0.9\r
--b1\r
\r
c=IN IP4 10.0.0.9\r
--b1\r
Content-Type: application/sdp\r
Content-Transfer-Encoding: base64\r
\r
dj0wDQpjPUlOIElQNCAxMC4wLjAuMQ0K\r
--b1\r
Content-Type: multipart/mixed;boundary=b2\r
\r
--b2\r
Content-Type: application/sdp\r
\r
v=0\r
c=IN IP4 10.0.0.9\r
--b2--\r
\r
--b1\r
content-type: application/SDP\r
\r
{sdp}\r
--b1--\r
"""


def multipart(text, with_length):
    return PARTS.format(sdp=text, length=f"Content-Length: {len(text)}\r\n" if with_length else "")


@families
def test_every_sdp_part_of_one_multipart_level(t, address):
    """Not the text parts, not an encoded one, not those of a multipart inside; a part's own Content-Length follows."""
    wire = Wire(t, every_sum(), address)
    for boundary in ("b1", '"b1"'):
        for with_length in (False, True):
            for text in (V4, LF_ONLY):
                for flags in (2, 15):
                    body = multipart(text, with_length)
                    after = multipart(oracle(text, flags, address), with_length)
                    sent, got, code = wire.through(f"F{flags}", message(
                        body, f"Content-Type: multipart/mixed;boundary={boundary}\r\n"))
                    equal(got, expected(sent, body, after), f"flags {flags}, boundary={boundary}, length {with_length}")
                    check.equal(code, 1, "code")


NOT_FIXED = {
    "no body": ("Content-Type: application/sdp\r\nContent-Length: 0\r\n\r\n", 2),
    "text": (message(V4, "Content-Type: text/plain\r\n"), 31),
    "no c= line": (message(sdp("v=0", "o=- 1 1 IN IP4 10.0.0.1", "s=-", "t=0 0", "m=audio 4000 RTP/AVP 0")), 11),
    "not SDP": (message("hello\r\n"), 31),
    "m= cut off": (message(sdp("v=0", "c=IN IP4 10.0.0.1", "m=audio")), 31),
    "c= cut off": (message(sdp("v=0", "c=IN IP4", "m=audio 1 RTP/AVP 0")), 31),
    "compressed": (message(V4, "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n"), 31),
    "multipart without a boundary": (message(multipart(V4, True), "Content-Type: multipart/mixed\r\n"), 31),
    "empty multipart": (message("--b1--\r\n", "Content-Type: multipart/mixed;boundary=b1\r\n"), 31),
    "second part is bad": (message(multipart(V4, True).replace("\r\n--b1--", "\r\nm=audio\r\n--b1--"),
                                   "Content-Type: multipart/mixed;boundary=b1\r\n"), 31),
    "65 streams": (message(V4 + sdp(*["m=audio 4000 RTP/AVP 0"] * 65)), 31),
}


@families
def test_nothing_to_fix_is_false_and_leaves_every_byte(t, address):
    wire = Wire(t, {**every_sum(), "given": 'fix_nated_sdp("2", "$hdr(X-Ip)");'}, address)
    for what, (rest, flags) in NOT_FIXED.items():
        sent, got, code = wire.through(f"F{flags}", rest)
        equal(got, sent, what)
        check.equal(code, -1, f"code: {what}")
        sent, got, code = wire.back(f"F{flags}", rest)
        equal(got, sent, f"reply: {what}")
        check.equal(code, -1, f"code for the reply: {what}")
    for bad in ("", "X-Ip: \r\n", "X-Ip: example.org\r\n", "X-Ip: 1.2.3\r\n", "X-Ip: 1.2.3.4.5\r\n", "X-Ip: 1.2.3.4:5\r\n"):
        sent, got, code = wire.through("given", bad + message(V4))
        equal(got, sent, f"an address that is none ({bad!r})")
        check.equal(code, -1, f"code for {bad!r}")
    check.equal(wire.daemon.stat("sdp_fixed"), 0, "messages whose SDP was fixed")


def test_faults_of_literals_are_told_at_load(t):
    for arguments, column, name in (('"32"', 16, "flags"), ('"-1"', 16, "flags"), ('"3x"', 16, "flags"),
                                    ('"3", "example.org"', 21, "ip"), ('"3", "1.2.3"', 21, "ip"),
                                    ('"3", "1.2.3.4", "b=AS:1"', 32, "lines")):
        daemon = t.daemon(start=False, script=f"route {{\n\tfix_nated_sdp({arguments});\n}}\n")
        done = daemon.check_conf()
        check.equal(done.returncode, 1, f"status of -c with {arguments}")
        check.contains(done.stderr, f".route:2:{column}: argument", f"place for {arguments}")
        check.contains(done.stderr, f"({name}) of 'fix_nated_sdp'", f"complaint of {arguments}")
