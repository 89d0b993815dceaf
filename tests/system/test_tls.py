"""Calls over TLS, and what a script sees of it.

    alice --TLS--> pinholed --UDP, TCP or TLS, over the connection that he has opened--> bob

Expected: the same as over TCP. The daemon opens no connection of its own to a phone.
"""

import os
import socket
import ssl
import subprocess

from kit import check, sip
from kit.daemon import changed_route
from kit.runner import variants

NAMES = ("DNS:example.test", "IP:127.0.0.1")


def one_call(t, alice, bob, relay, ends="callee", uri=None):
    call = alice.call("bob", uri=uri)
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay, packets=20)
    if ends == "caller":
        call.hangup()
        leg.wait_ended()
    else:
        leg.hangup()
        call.wait_ended()
    return call, leg


@variants(ways=["tls-tls", "tls-tcp", "tls-udp", "tcp-tls", "udp-tls"], ends=["caller", "callee"])
def test_call(t, ways, ends):
    relay, certs = t.relay(), t.certs()
    daemon = t.daemon(relay=relay, tls=certs.make("edge", *NAMES))
    alice, bob = (t.phones_of(daemon, [user], transport=way, tls=certs.believer())[0] for user, way in zip(("alice", "bob"), ways.split("-")))
    one_call(t, alice, bob, relay, ends)
    stats = daemon.stats()
    check.equal((stats["net_tls_connected"], stats["net_tcp_connected"]), (0, 0), "connections that the daemon opened itself")
    check.equal(stats["net_tls_handshakes"], ways.count("tls"), "handshakes")
    check.equal(stats["net_tls_open"], ways.count("tls"), "TLS connections now")
    check.equal(stats["net_tls_failed"], 0, "handshakes that failed")
    check.that(stats["net_tls_received"] >= 3 and stats["net_tls_sent"] >= 3, f"messages over TLS are counted: {stats}")


def test_call_over_ipv6(t):
    relay, certs = t.relay(address="::1"), t.certs()
    daemon = t.daemon(address="::1", relay=relay, tls=certs.make("edge", "IP:::1"))
    alice, bob = t.phones_of(daemon, ["alice", "bob"], transport="tls", tls={"ca": certs.ca, "name": "::1"})
    one_call(t, alice, bob, relay)


@variants(version=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(t, version):
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", *NAMES))
    alice = t.phones_of(daemon, ["alice"], transport="tls", tls=certs.believer(version=version))[0]
    check.equal(alice.link.socket.version(), {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version], "version")
    for _ in range(20):
        alice.register()


def test_old_version_is_refused(t):
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", *NAMES).conf(min_version="1.3"))
    try:
        t.phone("alice", daemon, transport="tls", tls=certs.believer(version=ssl.TLSVersion.TLSv1_2))
    except ssl.SSLError:
        pass
    else:
        raise check.Failed("TLS 1.2 was taken although 1.3 is wanted")
    check.until(lambda: "unsupported protocol" in daemon.log(), 5, lambda: f"a line with the reason: {daemon.log()[-500:]}")
    check.equal(daemon.stat("net_tls_failed"), 1, "handshakes that failed")


def test_large_messages_and_many_in_one_record(t):
    """Longer than a record, and several in one: RFC 8446 section 5.1 parts bytes as it likes."""
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", *NAMES))
    alice, bob = t.phones_of(daemon, ["alice", "bob"], transport="tls", tls=certs.believer())
    body = os.urandom(20000).hex().encode()
    reply = alice.request("OPTIONS", f"sip:bob@{daemon.domain}", body=body)
    check.equal(reply.status, 200, "reply to the long one")
    check.that(bob.requests("OPTIONS")[0].body == body, "it arrived unharmed")
    messages = [alice.message("OPTIONS", f"sip:bob@{daemon.domain}", alice.address_of_record(), f"sip:bob@{daemon.domain}", sip.token(), 1, sip.token(4))
                for _ in range(40)]
    transactions = []
    link, sent = alice.link, []
    alice.link = type("Kept", (), {"send": lambda self, data, to=None: sent.append(data), "reliable": True})()
    for msg in messages:
        transactions.append(alice.start(msg))
    alice.link = link
    alice.link.send(b"".join(sent))
    for txn in transactions:
        check.equal(txn.wait(10).status, 200, "reply to one of many")


def test_keepalive_is_answered(t):
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", *NAMES))
    phone = t.phone("alice", daemon, transport="tls", tls=certs.believer())
    phone.link.send(b"\r\n\r\n")
    check.until(lambda: phone.link.pongs == 1, 3, lambda: f"one pong, found {phone.link.pongs}")


def test_phones_are_pinged_over_their_connection(t):
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", *NAMES), conf={"plugins": ["nat", "sdp", "registrar", "rtpp", "mi", "natping"],
                                                            "natping": {"natping_interval": 1, "natping_tcp": 1}})
    alice = t.phones_of(daemon, ["alice"], transport="tls", tls=certs.believer())[0]
    check.until(lambda: len(alice.keepalives) >= 2, 6, "CRLF CRLF over TLS")
    check.equal({data for _, data, _ in alice.keepalives}, {b"\r\n\r\n"}, "pings")


def test_what_a_script_sees(t):
    """$proto, proto==TLS, force_send_socket(tls:...), Via and Record-Route of a request that leaves over TLS."""
    relay, certs = t.relay(), t.certs()
    daemon = t.daemon(start=False, relay=relay, tls=certs.make("edge", *NAMES), script=changed_route(
        ("\troute(NATDETECT);\n", '\tif (proto==TLS)\n\t\tappend_to_reply("X-Proto: $proto $socket_in\\r\\n");\n\troute(NATDETECT);\n'),
        ('\tif (is_method("INVITE|SUBSCRIBE"))\n', '\tif (is_method("INVITE"))\n\t\tforce_send_socket(tls:127.0.0.1:TLSPORT);\n'
         '\tif (is_method("INVITE|SUBSCRIBE"))\n')))
    with open(daemon.conf["script"], encoding="utf-8") as file:
        text = file.read().replace("TLSPORT", str(daemon.tls_server[1]))
    with open(daemon.conf["script"], "w", encoding="utf-8") as file:
        file.write(text)
    daemon.start()
    alice = t.phones_of(daemon, ["alice"])[0]
    bob = t.phones_of(daemon, ["bob"], transport="tls", tls=certs.believer())[0]
    reply = bob.request("OPTIONS", f"sip:{daemon.domain}")
    check.equal(reply.get("x-proto"), f"tls tls:127.0.0.1:{daemon.tls_server[1]}", "what the script wrote")
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    invite = leg.invite
    check.that(invite.get("via").startswith(f"SIP/2.0/TLS 127.0.0.1:{daemon.tls_server[1]};"), f"our Via: {invite.get('via')}")
    routes = invite.all("record-route")
    check.contains(routes[0], f"sip:127.0.0.1:{daemon.tls_server[1]};transport=tls;", "the nearer Record-Route")
    check.contains(routes[0], ";r2=on", "the nearer Record-Route")
    check.that("transport" not in routes[1], f"the farther one is UDP's: {routes[1]}")
    call.hangup()


def test_openssl_s_client(t):
    """Another hand at the other end: the openssl program."""
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", *NAMES))
    request = t.phone("probe", daemon).message("OPTIONS", f"sip:{daemon.domain}", "sip:probe@x", f"sip:{daemon.domain}", sip.token(), 1, sip.token(4))
    request.put("Via", "SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKs_client;rport")
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.tls_server[1]}", "-servername", "example.test", "-CAfile", certs.ca,
                           "-verify_return_error", "-quiet", "-no_ign_eof"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        client.stdin.write(request.data())
        client.stdin.flush()
        line = client.stdout.readline()
        client.stdin.close()
        errors = client.stderr.read().decode()
    check.equal(line.strip(), b"SIP/2.0 200 OK", f"reply ({errors})")
    check.contains(errors, "verify return:1", "what s_client says of the certificate")
    check.until(lambda: daemon.stat("net_tls_open") == 0, 5, "the connection is gone with it")


def test_client_cannot_renegotiate(t):
    """TLS 1.2 lets clients ask for a new handshake again and again, which costs us more than them."""
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", *NAMES))
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.tls_server[1]}", "-tls1_2"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        check.until(lambda: daemon.stat("net_tls_handshakes") == 1, 5, "the first handshake")
        client.stdin.write(b"R\n")
        client.stdin.flush()
        text = client.communicate(timeout=10)[0].decode("utf-8", "replace")
    check.contains(text, "no renegotiation", "what s_client says")
    check.equal(daemon.stat("net_tls_handshakes"), 1, "handshakes")


def test_no_tls_at_all(t):
    """What speaks something else is told off by TLS, and said so in the log; others go on."""
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", *NAMES))
    alice = t.phones_of(daemon, ["alice"], transport="tls", tls=certs.believer())[0]
    for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", alice.register_message().data()):
        with socket.create_connection(daemon.tls_server, 5) as plain:
            plain.settimeout(5)
            plain.sendall(words)
            try:
                while plain.recv(4096):
                    pass
            except ConnectionError:
                pass
    check.until(lambda: "http request" in daemon.log() and "wrong version number" in daemon.log(), 5, lambda: f"reasons: {daemon.log()[-800:]}")
    check.equal(daemon.stat("net_tls_failed"), 2, "handshakes that failed")
    alice.register()


@variants(transport=["tcp", "tls"])
def test_phone_whose_connection_is_gone(t, transport):
    """Nobody can connect to a phone behind NAT: a clear answer at once, and no SYN, neither to where it came from nor to its private address."""
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", *NAMES))
    alice, bob = t.phones_of(daemon, ["alice", "bob"], transport=transport, tls=certs.believer())
    check.equal(alice.request("OPTIONS", f"sip:bob@{daemon.domain}").status, 200, "while it is there")
    local = bob.link.local
    bob.link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    bob.link.close()                            # reset: its port is free at once
    check.until(lambda: daemon.stat(f"net_{transport}_open") == 1, 5, "the daemon has noticed")
    with socket.socket() as ear:                # would it connect now?
        ear.bind(local)
        ear.listen()
        txn = alice.start(alice.message("OPTIONS", f"sip:bob@{daemon.domain}", alice.address_of_record(), f"sip:bob@{daemon.domain}", sip.token(), 1,
                                        sip.token(4)))
        check.equal(txn.wait(5).status, 430, "reply (RFC 5626 section 5.3)")
        check.that(txn.seconds() < 0.5, f"at once, found {txn.seconds():.2f} s")
        ear.settimeout(0.3)
        try:
            ear.accept()
            raise check.Failed("the daemon has made a connection")
        except TimeoutError:
            pass
    stats = daemon.stats()
    check.equal((stats["net_tcp_connected"], stats["net_tls_connected"]), (0, 0), "connections that the daemon made")
    bob.connect()
    bob.register()
    check.equal(alice.request("OPTIONS", f"sip:bob@{daemon.domain}").status, 200, "when it is back")


@variants(transport=["tcp", "tls"])
def test_call_whose_callee_is_gone(t, transport):
    """Requests inside the call go where bob's Contact points: to the port of his router. Nobody can connect to that."""
    relay, certs = t.relay(), t.certs()
    daemon = t.daemon(relay=relay, tls=certs.make("edge", *NAMES))
    alice = t.phones_of(daemon, ["alice"])[0]
    bob = t.phones_of(daemon, ["bob"], transport=transport, tls=certs.believer())[0]
    call = alice.call("bob")
    bob.wait_call().wait_acked()
    call.wait_answer()
    local = bob.link.local
    bob.link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    bob.link.close()
    check.until(lambda: daemon.stat(f"net_{transport}_open") == 0, 5, "the daemon has noticed")
    with socket.socket() as ear:
        ear.bind(local)
        ear.listen()
        bye = call.request("BYE")
        check.that(bye.wait(5).status in (477, 500), f"reply to BYE: {bye.final().start}")
        check.that(bye.seconds() < 0.5, f"at once, found {bye.seconds():.2f} s")
        ear.settimeout(0.3)
        try:
            ear.accept()
            raise check.Failed("the daemon has made a connection")
        except TimeoutError:
            pass
    check.equal(daemon.stat(f"net_{transport}_connected"), 0, "connections that the daemon made")


@variants(transport=["tcp", "tls"])
def test_caller_whose_connection_is_gone(t, transport):
    """The reply has nowhere to go: RFC 3261 section 18.2.2 would have us connect to his sent-by, but he is behind NAT."""
    relay, certs = t.relay(), t.certs()
    daemon = t.daemon(relay=relay, tls=certs.make("edge", *NAMES))
    bob = t.phones_of(daemon, ["bob"], mode="ring")[0]
    with socket.socket() as ear:
        alice = t.phone("alice", daemon, transport=transport, tls=certs.believer())
        ear.bind((alice.source, 0))
        ear.listen()
        alice.private_port = ear.getsockname()[1]               # in its Via; its router would have this port as well
        alice.call("bob")
        leg = bob.wait_call()
        alice.link.close()
        check.until(lambda: daemon.stat(f"net_{transport}_open") == 0, 5, "the daemon has noticed")
        errors = daemon.stat("net_tcp_send_errors")
        leg.answer()
        check.until(lambda: daemon.stat("net_tcp_send_errors") > errors, 5, "the reply that cannot be delivered is counted")
        ear.settimeout(0.3)
        try:
            ear.accept()
            raise check.Failed("the daemon has made a connection")
        except TimeoutError:
            pass
    check.equal(daemon.stat(f"net_{transport}_connected"), 0, "connections that the daemon made")
