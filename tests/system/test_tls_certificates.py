"""Which certificate is shown, whose is believed, and what happens when one is replaced or expires.

    phone --SNI, certificate?--> pinholed          operator --tls_reload, tls_list, SIGHUP--> pinholed

Expected: the certificate of the name that was asked for, else the default one; who has to prove himself does so or is refused with a line that says
why; a reload takes all files or none, and calls go on.
"""

import os
import re
import shutil
import signal
import socket
import ssl

from kit import build, check, proc
from kit.runner import variants


def shown(daemon, name):
    """The certificate, as bytes, that who asks for name gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(daemon.tls_server, 5) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
        return secure.getpeercert(True)


def der(certificate):
    with open(certificate.path, encoding="utf-8") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def test_name_decides(t):
    certs = t.certs()
    default, a, stars = certs.make("default"), certs.make("a.example.org", "DNS:a.example.org"), certs.make("stars", "DNS:*.example.net")
    daemon = t.daemon(tls=default.conf(domains=[{"name": "a.example.org", "certificate": a.path, "private_key": a.key},
                                               {"name": "*.example.net", "certificate": stars.path, "private_key": stars.key}]))
    for name, wanted in (("a.example.org", a), ("A.Example.ORG", a), ("b.example.net", stars), ("x.b.example.net", default), ("example.net", default),
                         ("b.example.org", default), (None, default)):
        check.that(shown(daemon, name) == der(wanted), f"certificate for {name}")
    listed = daemon.json("tls_list")
    check.equal([c["name"] for c in listed], ["default", "a.example.org", "*.example.net"], "tls_list")
    alice = t.phone("alice", daemon, transport="tls", tls=certs.believer("a.example.org"))
    alice.register()


@variants(mode=["no", "optional", "require"], of=["nobody", "ours", "stranger", "expired"])
def test_client_has_to_prove_itself(t, mode, of):
    certs = t.certs()
    other = t.certs("others") if of == "stranger" else certs
    cert = {"nobody": lambda: None, "ours": lambda: certs.make("alice").pair, "stranger": lambda: other.make("alice").pair,
            "expired": lambda: certs.make("old", start=-3, days=-1).pair}[of]()
    daemon = t.daemon(tls=certs.make("edge", "DNS:example.test").conf(ca=certs.ca, verify_client=mode))
    wrong = {"no": [], "optional": ["stranger", "expired"], "require": ["nobody", "stranger", "expired"]}[mode]
    if of not in wrong:
        phone = t.phone("alice", daemon, transport="tls", tls=certs.believer(cert=cert))
        phone.register()
        check.equal(daemon.stat("net_tls_failed"), 0, "handshakes that failed")
        return
    try:
        # In TLS 1.3 the client is through before the server has looked.
        t.phone("alice", daemon, transport="tls", tls=certs.believer(cert=cert, version=ssl.TLSVersion.TLSv1_2))
        raise check.Failed(f"{of} was let in with verify_client = {mode}")
    except (ssl.SSLError, ConnectionError):
        pass
    reason = {"nobody": "peer did not return a certificate", "stranger": "unable to get local issuer certificate (tls.ca says whom to believe)",
              "expired": "certificate has expired"}[of]
    check.until(lambda: reason in daemon.log(), 5, lambda: f"{reason!r} in the log: {daemon.log()[-600:]}")
    stats = daemon.stats()
    check.equal((stats["net_tls_failed"], stats["net_tls_refused_certificates"]), (1, of != "nobody"), "failed, because of a certificate")


def test_client_whose_key_is_not_its_certificates(t):
    """A stolen certificate without its key is worth nothing: the phone cannot even begin. Here: with TLS 1.3, who is refused hears it at its first word."""
    certs, others = t.certs(), t.certs("others")
    daemon = t.daemon(tls=certs.make("edge", "DNS:example.test").conf(ca=certs.ca, verify_client="require"))
    phone = t.phone("alice", daemon, transport="tls", tls=certs.believer(cert=others.make("alice").pair))
    phone.link.send(phone.register_message().data())
    check.that(phone.link.closed.wait(5), "its connection is closed")
    check.equal(daemon.stat("net_tls_received"), 0, "messages taken from it")


# Reload

def test_reload_with_a_call_up(t):
    relay, certs = t.relay(), t.certs()
    daemon = t.daemon(relay=relay, tls=certs.make("edge", "DNS:example.test"))
    alice, bob = t.phones_of(daemon, ["alice", "bob"], transport="tls", tls=certs.believer())
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    old = shown(daemon, "example.test")
    certs.make("edge", "DNS:example.test", days=3)                  # the same files
    check.that(shown(daemon, "example.test") == old, "before the reload")
    done = daemon.ctl("tls_reload")
    check.equal(done.returncode, 0, f"tls_reload ({done.stderr})")
    check.that(re.search(r"names=example\.test .*days=[23]\b", done.stdout), f"its answer: {done.stdout}")
    check.that(shown(daemon, "example.test") != old, "after the reload")
    check.equal(call.reinvite().status, 200, "re-INVITE in the call that was up")
    t.talk(call, leg, relay, packets=20)
    call.hangup()
    leg.wait_ended()
    carol = t.phone("carol", daemon, transport="tls", tls=certs.believer())
    carol.register()
    stats = daemon.stats()
    check.equal((stats["tls_reloads"], stats["tls_reload_failures"]), (1, 0), "counters")
    check.that(stats["tls_certificate_days"] in (2, 3), f"days left: {stats['tls_certificate_days']}")
    check.that(re.search(r"WARN net: certificate .* expires in [23] days", daemon.log()), "a warning")


def test_bad_file_leaves_the_old_in_force(t):
    certs = t.certs()
    edge, other = certs.make("edge", "DNS:example.test"), certs.make("other", "DNS:example.org")
    daemon = t.daemon(tls=edge.conf(domains=[{"name": "example.org", "certificate": other.path, "private_key": other.key}]))
    before = shown(daemon, "example.test"), shown(daemon, "example.org")
    good = edge.path + ".good"
    shutil.copy(edge.path, good)
    certs.make("edge", "DNS:example.test")                          # good, but the other one is not:
    shutil.copy(certs.make("wrong").key, other.key)
    done = daemon.ctl("tls_reload")
    check.equal(done.returncode, 1, "status of tls_reload")
    check.contains(done.stderr, f'tls.domains.private_key: found "{other.key}", whose key does not fit the certificate', "its answer")
    os.unlink(edge.path)
    check.contains(daemon.ctl("tls_reload").stderr, f'tls.certificate: found "{edge.path}", which cannot be read: No such file', "its answer")
    check.equal((shown(daemon, "example.test"), shown(daemon, "example.org")), before, "certificates in force")
    check.equal(daemon.stat("tls_reload_failures"), 2, "reloads that failed")
    check.contains(daemon.log(), "certificates not read again, the former ones stay in force: ", "log")


def test_hangup_reloads(t):
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", "DNS:example.test"))
    old = shown(daemon, "example.test")
    certs.make("edge", "DNS:example.test")
    daemon.process.send_signal(signal.SIGHUP)
    check.until(lambda: daemon.stat("tls_reloads") == 1, 5, "SIGHUP is a reload")
    check.that(shown(daemon, "example.test") != old, "the new one is shown")


def test_commands_without_tls(t):
    daemon = t.daemon()
    for command in ("tls_list", "tls_reload"):
        done = daemon.ctl(command)
        check.equal(done.returncode, 1, f"status of {command}")
        check.contains(done.stderr, "there is no TLS", "answer")
    daemon.process.send_signal(signal.SIGHUP)
    check.equal(daemon.ctl("uptime").returncode, 0, "SIGHUP harms nobody")


# What is wrong with the files, told at the start

def complaint(t, group, listen="tls:127.0.0.1:5999"):
    daemon = t.daemon(start=False, conf={"listen": [listen], **({"tls": group} if group is not None else {})})
    done = daemon.check_conf()
    return done.returncode, done.stderr, daemon


def test_files_that_cannot_be_used(t):
    certs = t.certs()
    a, b = certs.make("a"), certs.make("b")
    encrypted, rubbish = certs.file("enc.key"), certs.file("rubbish.pem")
    certs.openssl("pkey", "-in", a.key, "-aes128", "-passout", "pass:x", "-out", encrypted)
    with open(rubbish, "w", encoding="utf-8") as file:
        file.write("nothing\n")
    empty = certs.file("none.pem")
    cases = [({}, "tls.certificate is missing"),
             ({"certificate": empty}, f'tls.certificate: found "{empty}", which cannot be read: No such file or directory'),
             ({"certificate": rubbish}, f'tls.certificate: found "{rubbish}", which holds no certificate in PEM form'),
             ({"certificate": a.path}, f'tls.private_key: found "{a.path}", which holds no private key in PEM form'),
             ({"certificate": a.path, "private_key": b.key}, f'tls.private_key: found "{b.key}", whose key does not fit the certificate'),
             ({"certificate": a.path, "private_key": encrypted}, f'tls.private_key: found "{encrypted}", which is encrypted'),
             (a.conf(ca=rubbish), f'tls.ca: found "{rubbish}", which holds no certificates in PEM form'),
             (a.conf(ca=empty), f'tls.ca: found "{empty}", which cannot be read'),
             (a.conf(domains=[{"name": "x.org", "certificate": b.path, "private_key": a.key}]), "tls.domains.private_key: found"),
             (a.conf(domains=[{"name": "x.org"}]), "tls.domains: certificate is missing"),
             (a.conf(domains=[{"certificate": b.path}]), "tls.domains: name is missing"),
             (a.conf(domains=[{"name": "x.org", "certificate": b.path, "private_key": b.key}] * 2), '"x.org" is listed twice'),
             (a.conf(ciphers="NONE-SUCH"), 'tls.ciphers: found "NONE-SUCH", want ')]
    for group, text in cases:
        status, errors, daemon = complaint(t, group)
        check.equal(status, 1, f"status of -c for {group}")
        check.contains(errors, text, f"complaint about {group}")
        check.that(re.search(rf"^{re.escape(daemon.conf_path)}:\d+: ", errors, re.M), f"file and line: {errors}")
    status, errors, _ = complaint(t, None)
    check.equal((status, "tls.certificate is missing" in errors), (1, True), f"no group at all: {errors}")
    status, errors, _ = complaint(t, a.conf(), listen="udp:127.0.0.1:5999")
    check.equal((status, "there is no listener of TLS" in errors), (0, True), f"a group that nobody needs: {errors}")


def test_key_in_the_certificates_file_and_names_beside_the_configuration(t):
    certs = t.certs()
    edge = certs.make("edge", "DNS:example.test")
    with open(os.path.join(t.dir, "both.pem"), "w", encoding="utf-8") as both:
        for path in edge.pair:
            with open(path, encoding="utf-8") as part:
                both.write(part.read())
    daemon = t.daemon(tls={"certificate": "both.pem"})
    check.that(shown(daemon, None) == der(edge), "the certificate")


def test_expired_certificate_is_a_warning(t):
    """Phones may refuse it, but a node that does not start refuses them all."""
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", "DNS:example.test", start=-9, days=-2))
    check.contains(daemon.log(), "has expired at ", "log")
    # It ended two days ago to the second, or some seconds more.
    days = daemon.json("tls_list")[0]["attributes"]["days"]
    check.that(days in (-2, -3), f"days that are left: {days}")
    check.that(daemon.stat("tls_certificate_days") in (-2, -3), "gauge")
    t.phone("alice", daemon, transport="tls").register()


def test_files_that_only_root_may_read(t):
    """After user and group were dropped a reload could not read them: it is said at the start, and the reload says why."""
    if os.geteuid() != 0:
        raise check.Skipped("dropping to another user needs root")
    certs = t.certs()
    edge = certs.make("edge", "DNS:example.test")
    os.chmod(edge.key, 0o600)
    os.chmod(t.dir, 0o777)
    daemon = t.daemon(tls=edge, conf={"user": "nobody"})
    check.contains(daemon.log(), f"{edge.key} cannot be read by uid ", "log")
    check.contains(daemon.ctl("tls_reload").stderr, "Permission denied", "answer of tls_reload")
    t.phone("alice", daemon, transport="tls", tls=certs.believer()).register()


def test_sessions_are_resumed(t):
    """A ticket spares the phone a handshake in full; a reload makes them void, not the phone."""
    certs = t.certs()
    daemon = t.daemon(tls=certs.make("edge", "DNS:example.test"))
    where, session = f"127.0.0.1:{daemon.tls_server[1]}", os.path.join(t.dir, "session")
    for words, wanted in ((["-sess_out", session], "New, "), (["-sess_in", session], "Reused, ")):
        done = proc.run(["openssl", "s_client", "-connect", where, "-tls1_2", *words], env=build.environment())
        check.contains(done.stdout, wanted, "what s_client says")
