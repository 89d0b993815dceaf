"""Every byte in every place of interest of a message: it comes through unharmed, is answered with an error, or dropped; never altered.

    near --256 messages for each place--> pinholed --> far
"""

import re

from kit import check
from kit.runner import variants
from kit.stranger import Stranger, cut, named
from test_torture import Bench, unharmed

MESSAGE = (b"OPTIONS sip:bob@example.test:5060;a=b SIP/2.0\r\n"
           b"Via: SIP/2.0/UDP 192.168.1.2:5060;branch=z9hG4bK%d;a=b\r\n"
           b"From: \"Mallory\" <sip:mallory@example.test;c=d>;tag=1;e=f\r\n"
           b"To: <sip:bob@example.test>\r\n"
           b"Call-ID: %d@192.168.1.2\r\n"
           b"CSeq: 7 OPTIONS\r\n"
           b"Max-Forwards: 70\r\n"
           b"Contact: Mallory <sip:mallory@192.168.1.2>;q=0.5\r\n"
           b"Subject: a b\r\n c\r\n"
           b"X-Odd: a, b\r\n"
           b"X-Number: %d\r\n"
           b"Content-Type: text/plain\r\n"
           b"Content-Length: 8\r\n\r\n"
           b"A body\r\n")
# Where the byte is put in: behind this text
PLACES = {
    "method": b"OPTI",
    "end of method": b"OPTIONS",
    "scheme": b"OPTIONS si",
    "user": b"OPTIONS sip:bo",
    "host": b"OPTIONS sip:bob@exam",
    "port": b"OPTIONS sip:bob@example.test:50",
    "URI parameter": b"OPTIONS sip:bob@example.test:5060;a=b",
    "version": b"SIP/2.0",
    "behind the request line": b"SIP/2.0\r\n",
    "header name": b"Subj",
    "colon": b"Subject",
    "value": b"Subject: a",
    "fold": b"Subject: a b\r\n",
    "Via protocol": b"Via: SIP/2.0/U",
    "Via host": b"Via: SIP/2.0/UDP 192.168",
    "branch": b"branch=z9hG4bK",
    "display name": b"\"Mall",
    "end of display name": b"\"Mallory\"",
    "From URI": b"<sip:mall",
    "tag": b"tag=1",
    "Call-ID": b"Call-ID: ",
    "CSeq number": b"CSeq: 7",
    "CSeq method": b"CSeq: 7 OPT",
    "Max-Forwards": b"Max-Forwards: 70",
    "Contact": b"Contact: Mall",
    "Contact parameter": b";q=0.5",
    "Content-Length": b"Content-Length: 8",
    "before the body": b"Content-Length: 8\r\n\r\n",
    "body": b"A b",
}


BATCH = 32                                    # that many fit into the receive buffers of near and far


def message(place, byte, number):
    whole = MESSAGE % (number, number, number)
    at = whole.index(PLACES[place]) + len(PLACES[place])
    return whole[:at] + bytes([byte]) + whole[at:]


def with_crlf(data):
    """A line may end in LF alone; it leaves with CRLF. So may the empty line that ends the header."""
    end = re.search(rb"\n\r?\n", data).end()
    return re.sub(rb"(?<!\r)\n", b"\r\n", data[:end]) + data[end:]


def drain(stranger, until):
    """What has come, up to the one that until() knows."""
    got = []
    while True:
        data = stranger.receive(5)
        check.that(data, "the last message of all is answered")
        if until(data):
            return got
        got.append(data)


@variants(place=list(PLACES))
def test_every_byte(t, place):
    bench = Bench(t, conf={"shutdown_timeout": 0, "limits": {"bad_answers": 1000}})
    near = Stranger(bench.daemon, bench.address, 5060)
    t.helpers.append(near)
    sent = {byte: message(place, byte, 1000 + byte) for byte in range(256)}
    replies, through, seen = [], [], set()
    for first in range(0, 256, BATCH):
        for byte in range(first, first + BATCH):
            near.send(sent[byte])
        near.send(MESSAGE.replace(b"Max-Forwards: 70", b"Max-Forwards: 0") % (first, first, first))
        replies += drain(near, lambda data: data.startswith(b"SIP/2.0 483 ") and b"Call-ID: %d@" % first in data)
        near.send(MESSAGE % (500 + first, 500 + first, 500 + first))
        through += drain(bench.far, lambda data: b"\r\nX-Number: %d\r\n" % (500 + first) in data)
    for data in through:
        byte = int(re.search(rb"\r\nX-Number: (\d+)\r\n", data).group(1)) - 1000
        if byte >= 0 and byte not in seen:   # it comes again when nobody answers
            unharmed(with_crlf(sent[byte]), data, f"byte {byte:#04x} in {place}")
            seen.add(byte)
    for data in replies:
        check.that(re.match(rb"SIP/2\.0 (400|416|420|483|505|513) [ -~]+$", cut(data)[0]), f"{place}: an error: {data[:200]!r}")
        check.that(named(cut(data)[1], b"via"), f"{place}: a Via in {data!r}")
    print(f"{place}: {len(seen)} came through, {len(replies)} answered, {256 - len(seen) - len(replies)} dropped")
    check.that(len(seen) + len(replies) <= 256, f"each has one fate: {len(seen)} came through, {len(replies)} were answered")
    bench.serves()
