"""What dns_lookup says a request would do, by the records of a real dnsmasq: RFC 3263 section 4.

    operator --dns_lookup NAME--> pinholed --NAPTR, SRV, A, AAAA--> dnsmasq
"""

import json
import os
import random

from kit import check

RECORDS = [
    "full.test NAPTR 10 10 s SIP+D2T _sip._tcp.full.test",
    "full.test NAPTR 20 10 s SIP+D2U _sip._udp.full.test",
    "full.test NAPTR 5 10 s SIPS+D2T _sips._tcp.full.test",
    "full.test NAPTR 1 10 s E2U+sip _sip._udp.full.test",
    "_sip._tcp.full.test SRV 20 0 5062 b.full.test",
    "_sip._tcp.full.test SRV 10 0 5061 a.full.test",
    "_sip._udp.full.test SRV 10 0 5063 a.full.test",
    "a.full.test A 127.0.0.5",
    "b.full.test A 127.0.0.6",
    "b.full.test A 127.0.0.7",
    "srv.test A 127.0.0.9",
    "_sip._udp.srv.test SRV 10 0 5070 host.srv.test",
    "_sip._tcp.srv.test SRV 10 0 5071 host.srv.test",
    "host.srv.test A 127.0.0.8",
    "plain.test A 127.0.0.10",
    "six.test AAAA ::1",
    "refuses.test A 127.0.0.11",
    "_sip._udp.refuses.test SRV 0 0 0 .",
    "alias.test CNAME plain.test",
]


def hops(daemon, *words):
    """As text: transport:address:port."""
    done = daemon.ctl("dns_lookup", *words)
    check.equal(done.returncode, 0, f"dns_lookup {words} ({done.stderr.strip()})")
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("hop::")]


def fails(daemon, *words):
    done = daemon.ctl("dns_lookup", *words)
    check.equal(done.returncode, 1, f"dns_lookup {words} ({done.stdout.strip()})")
    return done.stderr


def conf(*servers, **more):
    return {"dns": {"servers": list(servers), "hosts_file": "", **more}}


def test_naptr_leads_to_srv_and_srv_to_addresses(t):
    dns = t.dns(RECORDS)
    daemon = t.daemon(conf=conf(dns.server))
    found = hops(daemon, "full.test")
    check.equal(found[:1] + sorted(found[1:]), ["tcp:127.0.0.5:5061", "tcp:127.0.0.6:5062", "tcp:127.0.0.7:5062"],
                "NAPTR: of lowest order whose service we have; its SRV by priority; several addresses are several hops")
    check.equal(hops(daemon, "full.test", "udp"), ["udp:127.0.0.5:5063"], "transport given: SRV of it")
    check.contains(fails(daemon, "full.test:5099"), "A full.test: no such record", "port given: A, which it has not")
    check.equal(sorted(hops(daemon, "b.full.test:5099")), ["udp:127.0.0.6:5099", "udp:127.0.0.7:5099"], "port given: addresses alone")
    check.equal(hops(daemon, "sip:x@full.test;transport=udp"), ["udp:127.0.0.5:5063"], "a URI")
    check.equal(dns.asked("AAAA"), 0, "questions for addresses that no listener could reach")


def test_without_naptr_the_srv_of_our_transports_and_without_srv_the_address(t):
    dns = t.dns(RECORDS)
    daemon = t.daemon(conf=conf(dns.server))
    check.equal(hops(daemon, "srv.test"), ["udp:127.0.0.8:5070"], "SRV of UDP first")
    check.equal(hops(daemon, "srv.test", "tcp"), ["tcp:127.0.0.8:5071"], "SRV of TCP")
    check.equal(hops(daemon, "plain.test"), ["udp:127.0.0.10:5060"], "A at the default port")
    check.equal(hops(daemon, "Plain.Test."), ["udp:127.0.0.10:5060"], "without case, absolute")
    check.equal(hops(daemon, "alias.test"), ["udp:127.0.0.10:5060"], "CNAME")
    check.equal(hops(daemon, "127.0.0.1"), ["udp:127.0.0.1:5060"], "an address")
    check.contains(fails(daemon, "refuses.test"), "the service is not there", 'SRV target "."')
    check.contains(fails(daemon, "nowhere.test"), "no such name", "NXDOMAIN")
    check.contains(fails(daemon, "plain.test", "sctp"), "expected udp, tcp or tls", "a transport that is none")
    check.contains(fails(daemon, "a b"), "not a host name", "a name that is none")


def test_answers_are_kept_and_can_be_seen_and_forgotten(t):
    dns = t.dns(RECORDS, ttl=100)
    daemon = t.daemon(conf=conf(dns.server))
    hops(daemon, "srv.test")
    asked = dns.asked()
    for _ in range(5):
        hops(daemon, "srv.test")
    check.equal(dns.asked(), asked, "questions after the answers are in the cache")
    shown = daemon.ctl("dns_cache", "host.srv.test").stdout
    check.contains(shown, "answer:: A host.srv.test result=found ttl=", "dns_cache NAME")
    check.contains(shown, "record:: 127.0.0.8", "dns_cache NAME")
    check.contains(daemon.ctl("dns_cache").stdout, "record:: 10 0 5070 host.srv.test.", "dns_cache")
    ttl = int(shown.partition("ttl=")[2].split()[0])
    check.that(95 <= ttl <= 100, f"seconds left: {ttl}")
    check.equal(daemon.ctl("dns_flush", "HOST.srv.test").stdout.strip(), "forgotten:: 1", "dns_flush NAME")
    hops(daemon, "srv.test")
    check.equal(dns.asked(), asked + 1, "questions after one answer was forgotten")
    daemon.ctl("dns_flush")
    hops(daemon, "srv.test")
    check.equal(dns.asked(), 2 * asked + 1, "questions after all answers were forgotten")
    stats = daemon.stats()
    check.equal(stats["dns_queries"], dns.asked(), "dns_queries")
    check.that(stats["dns_cache_hits"] >= 10 and stats["dns_negative_hits"] >= 5, f"hits: {stats}")


def test_naptr_and_srv_can_be_switched_off(t):
    dns = t.dns(RECORDS)
    daemon = t.daemon(conf=conf(dns.server, naptr=False))
    check.equal(hops(daemon, "full.test"), ["udp:127.0.0.5:5063"], "without NAPTR")
    check.equal(dns.asked("NAPTR"), 0, "questions for NAPTR")
    daemon = t.daemon(name="second", conf=conf(dns.server, srv=False))
    check.equal(hops(daemon, "srv.test"), ["udp:127.0.0.9:5060"], "without SRV")
    check.equal(dns.asked("SRV"), 2, "questions for SRV: those of the first")


def test_names_of_the_configuration_and_of_the_hosts_file_come_before_dns(t):
    dns = t.dns(RECORDS)
    path = f"{t.dir}/hosts"
    with open(path, "w", encoding="utf-8") as out:
        out.write("127.0.0.21 srv.test other.test\n")
    daemon = t.daemon(conf=conf(dns.server, hosts=["127.0.0.20 plain.test p.test", "127.0.0.19 host.srv.test"], hosts_file=path))
    check.equal(hops(daemon, "plain.test"), ["udp:127.0.0.20:5060"], "dns.hosts")
    check.equal(hops(daemon, "other.test"), ["udp:127.0.0.21:5060"], "dns.hosts_file")
    check.equal(hops(daemon, "srv.test"), ["udp:127.0.0.21:5060"], "it has SRV records, and an address by hand")
    check.equal(dns.asked(), 0, "questions")
    with open(path, "w", encoding="utf-8") as out:
        out.write("127.0.0.22 other.test\n")
    check.until(lambda: hops(daemon, "other.test") == ["udp:127.0.0.22:5060"], 5, "the changed file is read")
    check.equal(hops(daemon, "srv.test"), ["udp:127.0.0.19:5070"], "SRV whose target stands in dns.hosts")


def test_addresses_of_a_family_that_we_listen_on(t):
    dns = t.dns(["both.test A 127.0.0.5", "both.test AAAA ::1", *RECORDS])
    port = t.daemon(name="four", conf=conf(dns.server)).port
    two = [f"udp:127.0.0.1:{port + 1}", f"udp:[::1]:{port + 1}"]
    first = t.daemon(name="auto", conf={"listen": two, **conf(dns.server)})
    check.equal(hops(first, "both.test"), ["udp:127.0.0.5:5060", "udp:[::1]:5060"], "auto: as the first listener")
    check.equal(hops(first, "six.test"), ["udp:[::1]:5060"], "IPv6 alone")
    first.process.stop()
    second = t.daemon(name="ipv6", conf={"listen": two, **conf(dns.server, prefer="ipv6")})
    check.equal(hops(second, "both.test"), ["udp:[::1]:5060", "udp:127.0.0.5:5060"], "prefer = ipv6")


def test_servers_of_resolv_conf_are_followed_when_it_changes(t):
    if os.geteuid() != 0:
        raise check.Skipped("port 53 needs root")
    one, two, nobody = [f"127.77.{random.randrange(256)}.{random.randrange(1, 255)}" for _ in range(3)]
    t.dns(["moved.test A 127.0.0.31"], address=one, port=53)
    t.dns(["moved.test A 127.0.0.32"], address=two, port=53)
    path = f"{t.dir}/resolv.conf"

    def write(*servers):
        with open(path, "w", encoding="utf-8") as out:
            out.write("# by hand\noptions ndots:2\n" + "".join(f"nameserver {s}\n" for s in servers))

    write(nobody)
    daemon = t.daemon(conf={"dns": {"resolv_conf": path, "timeout": 100, "tries": 1, "failure_ttl": 0}})
    check.contains(fails(daemon, "moved.test:5060"), "no server answered", "nobody is there")
    write(nobody, one)
    check.until(lambda: daemon.ctl("dns_lookup", "moved.test:5060").returncode == 0, 10, "the second server of the changed file is asked")
    check.equal(hops(daemon, "moved.test:5060"), ["udp:127.0.0.31:5060"], "what it said")
    write(two)

    def moved():
        daemon.ctl("dns_flush")
        return hops(daemon, "moved.test:5060") == ["udp:127.0.0.32:5060"]
    check.until(moved, 10, "the file has changed once more")
    check.contains(daemon.log(), "has changed", "log")


def test_json_of_the_commands(t):
    dns = t.dns(RECORDS)
    daemon = t.daemon(conf=conf(dns.server))
    found = json.loads(daemon.ctl("--json", "dns_lookup", "plain.test").stdout)
    check.contains(json.dumps(found), "udp:127.0.0.10:5060", "dns_lookup as JSON")
    json.loads(daemon.ctl("--json", "dns_cache").stdout)
