"""TCP framing and connections.

    phone --TCP--> pinholed: messages split anywhere, several in one segment, CRLF keepalives, a slow peer

Expected: every message is answered once, in any cut; the CRLF CRLF ping gets its CRLF; others are not delayed.
"""

import socket
import time

from kit import check, latency, sip
from kit.phone import ClientTransaction
from kit.runner import alone


def registers(phone, count):
    return [phone.register_message() for _ in range(count)]


def statuses(phone, call_id, count, seconds=5):
    """The replies to the REGISTERs, once `count` of them are there."""
    def replies():
        return [m for m in phone.received if m.reply and m.call_id == call_id]
    check.until(lambda: len(replies()) >= count, seconds, lambda: f"{count} replies, found {len(replies())}")
    return [m.status for m in replies()]


def expect(phone, messages):
    """Tell the phone what it has sent by hand, so that it knows the replies."""
    for msg in messages:
        phone.transactions[(msg.branch, msg.method)] = ClientTransaction(msg)


def test_several_messages_in_one_segment(t):
    daemon = t.daemon()
    phone = t.phone("alice", daemon, transport="tcp")
    messages = registers(phone, 10)
    expect(phone, messages)
    phone.link.send(b"".join(m.data() for m in messages))
    check.equal(statuses(phone, phone.register_id, 10), [200] * 10, "replies")


def test_message_split_at_every_byte(t):
    daemon = t.daemon()
    phone = t.phone("alice", daemon, transport="tcp")
    msg = phone.register_message()
    expect(phone, [msg])
    for byte in msg.data():
        phone.link.send(bytes([byte]))
    check.equal(statuses(phone, phone.register_id, 1), [200], "replies")


def test_body_arrives_later_and_the_next_message_with_it(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    alice, bob = t.phones_of(daemon, ["alice", "bob"], transport="tcp")
    options = alice.message("OPTIONS", f"sip:{daemon.domain}", alice.address_of_record(), f"sip:{daemon.domain}",
                            sip.token(), 1, sip.token(4), body=sip.sdp("192.168.1.2", [4000]))
    first, last = options.data().split(b"\r\n\r\n", 1)
    message = alice.register_message()
    expect(alice, [options, message])
    alice.link.send(first + b"\r\n\r\n" + last[:10])
    check.equal(bob.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "another connection meanwhile")
    alice.link.send(last[10:] + message.data())
    check.equal(statuses(alice, options.call_id, 1), [200], "reply to the message with a body")
    check.equal(statuses(alice, alice.register_id, 2), [200, 200], "replies to the REGISTERs")


def test_keepalive_is_answered(t):
    """RFC 5626 section 3.5.1: CRLF CRLF gets CRLF. A lone CRLF is skipped."""
    daemon = t.daemon()
    phone = t.phone("alice", daemon, transport="tcp")
    phone.link.send(b"\r\n\r\n")
    check.until(lambda: phone.link.pongs == 1, 3, lambda: f"one pong, found {phone.link.pongs}")
    phone.link.send(b"\r\n")
    phone.register()
    phone.link.send(b"\r\n\r\n")
    check.until(lambda: phone.link.pongs == 2, 3, lambda: f"two pongs, found {phone.link.pongs}")


@alone
def test_peer_that_sends_one_byte_a_second(t):
    """The others do not notice it; when it has all said, it is answered."""
    daemon = t.daemon()
    slow = t.phone("slow", daemon, transport="tcp")
    others = t.phones_of(daemon, ["a", "b"], transport="tcp") + t.phones_of(daemon, ["c", "d"])
    msg = slow.register_message()
    expect(slow, [msg])
    data = msg.data()
    for i in range(3):
        slow.link.send(data[i:i + 1])
        start = time.monotonic()
        with latency.undisturbed(daemon):
            load = latency.registers(others, 40, gap=0.01)
        check.that(load.p(99) < 50, f"p99 of the others under 50 ms, found {load}")
        time.sleep(max(0, 1 - (time.monotonic() - start)))      # the pace is the subject of this test
    slow.link.send(data[3:])
    check.equal(statuses(slow, slow.register_id, 1), [200], "replies")


def test_many_connections(t):
    daemon = t.daemon(conf={"workers": 4})
    phones = t.phones_of(daemon, [f"u{i}" for i in range(60)], transport="tcp")
    for phone in phones[::7]:
        other = phones[0] if phone is not phones[0] else phones[1]
        check.equal(other.request("OPTIONS", f"sip:{phone.user}@{daemon.domain}").status, 200, f"OPTIONS to {phone.user}")
        check.equal(phone.options, 1, f"OPTIONS at {phone.user}'s connection")


def test_closed_connection_is_no_end_of_the_world(t):
    """bob's connection is gone: alice is told so at once, and a new connection works."""
    daemon = t.daemon()
    alice, bob = t.phones_of(daemon, ["alice", "bob"], transport="tcp")
    bob.link.close()
    check.until(lambda: daemon.stat("net_tcp_open") == 1, 5, "bob's connection is closed")
    check.equal(alice.request("OPTIONS", f"sip:bob@{daemon.domain}").status, 430, "reply for a phone that is gone")
    bob.connect()
    bob.register()
    check.equal(alice.request("OPTIONS", f"sip:bob@{daemon.domain}").status, 200, "OPTIONS to bob after he is back")


def test_garbage_closes_its_connection_only(t):
    daemon = t.daemon()
    phone = t.phones_of(daemon, ["alice"], transport="tcp")[0]
    with socket.create_connection(daemon.server, 5) as bad:
        bad.settimeout(10)
        bad.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"A" * 70000 + b"\r\n\r\n")
        try:
            while bad.recv(65536):
                pass
        except ConnectionError:
            pass
    phone.register()
