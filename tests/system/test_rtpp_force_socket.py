"""rtpp.force_socket: where commands to RTP proxies come from.

    pinholed 127.0.0.5[:33333] --V, U, L, D--> relay

Expected: the address alone: each thread has a port of its own; with a port: all threads send from it and have their replies.
"""

from kit import check, proc
from kit.runner import variants


def calls(t, daemon, count):
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    for _ in range(count):
        call = alice.call("bob")
        leg = bob.wait_call()
        call.wait_answer()
        leg.wait_acked()
        call.hangup()
        leg.wait_ended()


@variants(with_port=[False, True])
def test_commands_come_from_there(t, with_port):
    relay = t.scripted_relay()
    port = proc.free_port("127.0.0.5", tcp=False)
    daemon = t.daemon(relay=relay, conf={"workers": 4, "rtpp": {"force_socket": f"127.0.0.5:{port}" if with_port else "127.0.0.5"}})
    calls(t, daemon, 12)                     # several workers have their turn
    check.equal({host for host, _ in relay.sources}, {"127.0.0.5"}, "addresses")
    ports = {p for _, p in relay.sources}
    if with_port:
        check.equal(ports, {port}, "ports")
    else:
        check.that(len(ports) > 1 and port not in ports, f"each thread has a port of its own: {ports}")
    check.equal((daemon.stat("rtpp_retransmissions"), daemon.stat("rtpp_late"), relay.repeats), (0, 0, 0), "nothing was lost or came to the wrong one")
    check.that(daemon.stat("rtpp_replies") >= 12 * 3, "replies")


def test_a_name_is_found(t):
    relay = t.scripted_relay()
    port = proc.free_port("127.0.0.1", tcp=False)
    daemon = t.daemon(relay=relay, conf={"rtpp": {"force_socket": f"localhost:{port}"}})
    calls(t, daemon, 1)
    check.equal(set(relay.sources), {("127.0.0.1", port)}, "where commands came from")


def test_ipv6_relays_are_reached_all_the_same(t):
    """An IPv4 source holds for IPv4; TCP and UNIX sockets have none."""
    relays = [t.scripted_relay(), t.scripted_relay(way="tcp6"), t.scripted_relay(way="unix")]
    daemon = t.daemon(conf={"rtpp": {"force_socket": "127.0.0.5", "rtpproxy_sock": [r.url for r in relays]}})
    check.equal(daemon.stat("rtpp_relays_down"), 0, "relays down")


def test_what_cannot_be_bound_is_refused(t):
    relay = t.scripted_relay()
    for value, want in (("203.0.113.77", "want an address of this machine"), ("127.0.0.1:0", "want a port from 1 to 65535"),
                        ("nobody.invalid:5", "want ADDRESS[:PORT]")):
        done = t.daemon(start=False, relay=relay, conf={"rtpp": {"force_socket": value}}).check_conf()
        check.equal(done.returncode, 1, f"status of -c with {value}")
        check.contains(done.stderr, f'rtpp.force_socket: found "{value}", {want}', "complaint")
    port = int(relay.url.rpartition(":")[2])
    daemon = t.daemon(start=False, relay=relay, conf={"rtpp": {"force_socket": f"127.0.0.1:{port}"}})
    status, log = daemon.refused()
    check.equal(status, 1, "status of a start")
    check.contains(log, f"force_socket 127.0.0.1:{port}: Address already in use", "log")
