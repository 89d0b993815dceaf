"""Connections that the daemon makes itself: whom it believes.

    alice --UDP--> pinholed --TLS--> pbx at localhost

Expected: RFC 5922. The other side's certificate has to lead to tls.ca and to be for the host that the URI names (URI sip:HOST or DNS name in its
subjectAltName, else its CN; for an address the IP address). Else nothing is sent to it, the caller has his answer, the log says why.
"""

import socket
import ssl
import threading

from kit import check, sip
from kit.runner import variants

SCRIPT = """route {
	$du = "%s";
	t_relay();
}
"""


class Pbx:
    """Accepts TLS connections and answers every request with 200."""

    def __init__(self, t, certificate, ca=None, address="127.0.0.1"):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate.pair)
        if ca:
            self.context.load_verify_locations(ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.sni_callback = lambda sock, name, context: self.names.append(name)
        self.names, self.received, self.clients, self.connections = [], [], [], 0
        self.open = []
        self.listener = socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        t.helpers.append(self)
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as secure:
                self.open.append(secure)
                self.clients.append(secure.getpeercert())
                self.talk(secure)
        except OSError:
            return

    def talk(self, secure):
        data = b""
        while True:
            more = secure.recv(65536)
            if not more:
                return
            data += more
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")     # requests without a body
                request = sip.Message.parse(head + b"\r\n\r\n")
                self.received.append(request)
                reply = sip.Message("SIP/2.0 200 OK", [(n, v) for n, v in request.headers if n.lower() in ("via", "from", "to", "call-id", "cseq")])
                secure.sendall(reply.put("To", request.get("to") + ";tag=pbx").data())

    def close(self):
        self.listener.close()
        for secure in self.open:
            secure.close()


def asked(t, daemon, uri="sip:9@pbx.example"):
    phone = t.phone("alice", daemon)
    return phone.request("OPTIONS", uri)


@variants(names=["DNS:localhost", "URI:sip:localhost", "CN"], host=["localhost", "LOCALHOST"])
def test_right_name(t, names, host):
    certs = t.certs()
    own = certs.make("edge", "DNS:example.test")
    pbx = Pbx(t, certs.make("localhost") if names == "CN" else certs.make("pbx", names), ca=certs.ca)
    daemon = t.daemon(tls=own.conf(ca=certs.ca), script=SCRIPT % f"sip:{host}:{pbx.port};transport=tls")
    check.equal(asked(t, daemon).status, 200, "reply")
    check.equal(pbx.names, ["localhost"], "what it was asked for (SNI)")
    check.equal(dict(x[0] for x in pbx.clients[0]["subject"])["commonName"], "edge", "our certificate, for those who ask for one")
    check.that(pbx.received[0].get("via").startswith(f"SIP/2.0/TLS 127.0.0.1:{daemon.tls_server[1]};"), f"our Via: {pbx.received[0].get('via')}")
    check.equal(asked(t, daemon).status, 200, "second reply")
    check.equal(pbx.connections, 1, "connections for two requests")
    stats = daemon.stats()
    check.equal((stats["net_tls_connected"], stats["net_tls_handshakes"]), (1, 1), "counters")


WRONG = {  # certificate: what the log says
    "name": (("DNS:pbx.example.org",), "it is for pbx.example.org, not for localhost"),
    "wildcard": (("DNS:*.localhost", "DNS:*host"), "it is for *.localhost *host, not for localhost (a wildcard does not count: RFC 5922 section 7.2)"),
    "uri": (("URI:sip:other",), "it is for sip:other, not for localhost"),
    "user": (("URI:sip:bob@localhost",), "it is for sip:bob@localhost, not for localhost"),
    "address": (("IP:127.0.0.1",), "it is for 127.0.0.1, not for localhost"),
    "stranger": (("DNS:localhost",), "unable to get local issuer certificate (tls.ca says whom to believe)"),
    "expired": (("DNS:localhost",), "certificate has expired"),
}


@variants(what=list(WRONG))
def test_wrong_certificate(t, what):
    certs = t.certs()
    own = certs.make("edge", "DNS:example.test")
    names, reason = WRONG[what]
    issuer = t.certs("others") if what == "stranger" else certs
    theirs = issuer.make("pbx", *names, start=-3, days=-1) if what == "expired" else issuer.make("pbx", *names)
    pbx = Pbx(t, theirs)
    daemon = t.daemon(tls=own.conf(ca=certs.ca), script=SCRIPT % f"sip:localhost:{pbx.port};transport=tls")
    check.that(asked(t, daemon).status in (500, 503), "an error for the caller")
    check.equal(pbx.received, [], "requests that it got")
    check.contains(daemon.log(), f"its certificate is refused: {reason}", "log")
    stats = daemon.stats()
    check.equal((stats["net_tls_failed"], stats["net_tls_refused_certificates"], stats["net_tls_connected"]), (1, 1, 0), "counters")


def test_anybody_is_believed_when_the_operator_wants_it(t):
    certs = t.certs()
    pbx = Pbx(t, t.certs("others").make("pbx", "DNS:whoever"))
    daemon = t.daemon(tls=certs.make("edge").conf(verify_server=False), script=SCRIPT % f"sips:localhost:{pbx.port}")
    check.equal(asked(t, daemon).status, 200, "reply")


@variants(names=["IP:127.0.0.1", "DNS:localhost"])
def test_address_has_to_be_proved_as_address(t, names):
    certs = t.certs()
    pbx = Pbx(t, certs.make("pbx", names))
    daemon = t.daemon(tls=certs.make("edge").conf(ca=certs.ca), script=SCRIPT % f"sips:127.0.0.1:{pbx.port}")
    reply = asked(t, daemon)
    if names.startswith("IP"):
        check.equal(reply.status, 200, "reply")
        check.equal(pbx.names, [None], "an address is nothing to ask for by name (RFC 6066 section 3)")
    else:
        check.contains(daemon.log(), "it is for localhost, not for 127.0.0.1", "log")


def test_t_relay_to_tls(t):
    certs = t.certs()
    pbx = Pbx(t, certs.make("pbx", "DNS:localhost"))
    daemon = t.daemon(tls=certs.make("edge").conf(ca=certs.ca), script='route {\n\tt_relay_to_tls("localhost", %d);\n}\n' % pbx.port)
    check.equal(asked(t, daemon).status, 200, "reply")


def test_ipv6(t):
    certs = t.certs()
    pbx = Pbx(t, certs.make("pbx", "IP:::1"), address="::1")
    daemon = t.daemon(address="::1", tls=certs.make("edge").conf(ca=certs.ca), script=SCRIPT % f"sips:[::1]:{pbx.port}")
    check.equal(asked(t, daemon).status, 200, "reply")


@variants(names=[("IP:127.0.0.1",), ("IP:127.0.0.1,DNS:localhost",)])
def test_two_names_at_one_address(t, names):
    """A connection to one of them is good for the other only when its certificate says so (RFC 5922 section 7.5)."""
    both = "DNS" in names[0]
    certs = t.certs()
    pbx = Pbx(t, certs.make("pbx", *names))
    daemon = t.daemon(tls=certs.make("edge").conf(ca=certs.ca), script="""route {
	if ($rU == "address")
		$du = "sips:127.0.0.1:%d";
	else
		$du = "sips:localhost:%d";
	t_relay();
}
""" % (pbx.port, pbx.port))
    check.equal(asked(t, daemon, "sip:address@x").status, 200, "by its address")
    check.equal(asked(t, daemon, "sip:name@x").status == 200, both, "by its name")
    check.equal((len(pbx.received), pbx.connections), (2, 1) if both else (1, 2), "requests that it got, connections")


def test_silent_server(t):
    """It takes the connection and says nothing: the caller hears of it when handshake_timeout is over."""
    certs = t.certs()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        daemon = t.daemon(tls=certs.make("edge").conf(handshake_timeout=500), script=SCRIPT % f"sips:127.0.0.1:{silent.getsockname()[1]}")
        check.that(asked(t, daemon).status in (500, 503), "an error for the caller")
    check.contains(daemon.log(), "not done in time (tls.handshake_timeout)", "log")
    stats = daemon.stats()
    check.equal((stats["net_tls_failed"], stats["net_tls_timeouts"], stats["net_tls_open"]), (1, 1, 0), "counters")
