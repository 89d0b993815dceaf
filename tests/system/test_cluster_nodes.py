"""Who is there, and who holds which listener.

    A ── Redis ── B        pinhole:node:<name>, pinhole:lease:<listener>; pinholectl nodes; events node.up, node.down

Expected: every node keeps a lease of each of its listeners; others see it come and go within seconds; a listener that
two nodes have is the one's who has it first; a node that stops leaves nothing behind; Redis may go and come back.
"""

import signal
import time

from kit import check, proc
from kit.runner import limit


def lease_of(redis, daemon, transport="udp"):
    return redis.cli("GET", f"pinhole:lease:{transport}:127.0.0.1:{daemon.port}")


def two(t, **kwargs):
    redis = t.redis()
    return redis, t.daemon(name="edge-a", redis=redis, **kwargs), t.daemon(name="edge-b", redis=redis, **kwargs)


def names(daemon):
    return {n["value"] for n in daemon.json("nodes")}


def events(daemon, topic):
    return daemon.ctl("events", topic).stdout.splitlines()


def test_leases_and_the_list_of_nodes(t):
    redis, a, b = two(t)
    for node in (a, b):
        for transport in ("udp", "tcp"):
            check.until(lambda: lease_of(redis, node, transport) == node.name, 4, f"{node.name}'s {transport} lease")
    ttl = int(redis.cli("PTTL", f"pinhole:lease:udp:127.0.0.1:{a.port}"))
    check.that(0 < ttl <= 3000, f"the lease's life is at most 3 s, found {ttl} ms")
    for node in (a, b):
        check.until(lambda: names(node) == {"edge-a", "edge-b"}, 4, lambda: f"nodes as {node.name} sees them: {names(node)}")
        text = node.ctl("nodes").stdout
        check.equal(text.count("self=yes"), 1, f"nodes that are {node.name}: {text}")
        check.contains(text, f"Socket:: udp:127.0.0.1:{a.port}", "sockets of edge-a")
        check.contains(text, "Version:: ", "version")


@limit(90)
def test_nodes_come_and_go(t):
    redis, a, b = two(t)
    check.until(lambda: events(a, "node.up"), 5, "A sees B come")
    check.contains(events(a, "node.up")[0], "node=edge-b", "event")
    check.equal(len([e for e in events(a, "node.up") if "edge-a" in e]), 0, "events about itself")
    b.kill()
    check.until(lambda: events(a, "node.down"), 8, "A sees B go")
    check.contains(events(a, "node.down")[0], "node=edge-b", "event")
    check.equal(names(a), {"edge-a"}, "nodes as A sees them")
    b.start()
    check.until(lambda: len(events(a, "node.up")) == 2, 6, "A sees B come again")
    check.equal(len(events(a, "node.down")), 1, "node.down events")


def test_a_node_that_stops_leaves_nothing_behind(t):
    redis, a, b = two(t)
    check.until(lambda: lease_of(redis, b) == "edge-b", 4, "B's lease")
    b.stop()
    check.equal(lease_of(redis, b), "", "B's lease after its stop")
    check.until(lambda: redis.cli("EXISTS", "pinhole:node:edge-b") == "0", 0.5, "B's heartbeat has ended with it")
    check.equal(lease_of(redis, a), "edge-a", "A's lease")


@limit(90)
def test_a_listener_of_two_nodes_belongs_to_the_first(t):
    """Both advertise one address, as with a floating one: who has the lease looks after it, the other takes over."""
    redis = t.redis()
    port = proc.free_port("127.0.0.1")

    def conf(daemon_port):
        return {"listen": [{"address": f"udp:127.0.0.1:{daemon_port}", "advertise": f"127.0.0.1:{port}"}]}

    a = t.daemon(name="edge-a", redis=redis, conf=conf(proc.free_port("127.0.0.1")))
    lease = f"pinhole:lease:udp:127.0.0.1:{port}"
    check.until(lambda: redis.cli("GET", lease) == "edge-a", 4, "A has the lease")
    b = t.daemon(name="edge-b", redis=redis, conf=conf(proc.free_port("127.0.0.1")))
    check.until(lambda: f"node edge-a holds udp:127.0.0.1:{port}" in b.log(), 4, "B says who holds it")
    check.equal(redis.cli("GET", lease), "edge-a", "the lease")
    a.kill()
    check.until(lambda: redis.cli("GET", lease) == "edge-b", 8, "B takes the lease over")
    check.until(lambda: f"udp:127.0.0.1:{port} is ours" in b.log(), 3, "B says so")
    check.equal(b.log().count("node edge-a holds"), 1, "lines about it")


@limit(120)
def test_redis_goes_and_comes_back(t):
    """Nobody is taken for dead because Redis was away, or has come back empty."""
    redis, a, b = two(t)
    check.until(lambda: events(a, "node.up"), 5, "A sees B come")
    redis.process.kill()
    check.holds(lambda: names(a) == {"edge-a", "edge-b"}, 4, "A keeps what it knew")
    redis.start()
    check.until(lambda: lease_of(redis, b) == "edge-b", 8, "B's lease is back")
    check.until(lambda: names(a) == {"edge-a", "edge-b"}, 8, "nodes as A sees them")
    check.holds(lambda: not events(a, "node.down"), 4, "no node has gone")


@limit(90)
def test_a_node_that_finds_redis_again_later_has_not_been_away(t):
    redis, a, b = two(t, conf={"storage": {"reconnect_max": 1000}})
    check.until(lambda: events(a, "node.up"), 5, "A sees B come")
    redis.process.kill()
    check.until(lambda: "connection lost" in a.log() or "away" in a.log(), 5, "A notices")
    time.sleep(1.2)                             # a round of A's has failed
    b.process.send_signal(signal.SIGSTOP)
    redis.start()
    check.until(lambda: redis.cli("EXISTS", "pinhole:node:edge-a") == "1", 5, "A is back")
    check.holds(lambda: not events(a, "node.down"), 1.2, "B is not taken for dead yet")
    b.process.send_signal(signal.SIGCONT)
    check.until(lambda: redis.cli("EXISTS", "pinhole:node:edge-b") == "1", 5, "B is back")
    check.holds(lambda: not events(a, "node.down"), 3, "B has not gone")


def test_alone_with_the_memory_store(t):
    daemon = t.daemon(name="edge-a")
    check.equal(names(daemon), {"edge-a"}, "nodes")
    check.contains(daemon.ctl("nodes").stdout, "self=yes", "the one node")
    daemon.stop()
