"""The shared state as a person sees it with redis-cli, and a Redis that comes and goes.

    phone --REGISTER--> pinholed --hiredis--> Redis <--redis-cli-- operator

Expected: the keys of docs/architecture.md with readable fields; they expire with the registration; without Redis a
REGISTER gets a clear error, not silence, and all is well once it is back.
"""

import signal
import time

from kit import check, sip
from kit.latency import Latencies
from kit.runner import alone, variants

AOR = "{alice@example.test}"
DOMAINS = {"use_domain": 1}                        # the key of a user holds the domain as well


def contact_keys(redis):
    return redis.keys(f"pinhole:contact:{AOR}:*")


def test_keys_of_a_contact(t):
    redis = t.redis()
    daemon = t.daemon(redis=redis, conf={"node": "edge1", "registrar": DOMAINS})
    alice = t.phone("alice", daemon)
    alice.register(600, params=";q=0.5")
    keys = contact_keys(redis)
    check.equal(len(keys), 1, f"keys of contacts {redis.keys()}")
    contact_id = keys[0].rpartition(":")[2]
    check.equal(redis.cli("TYPE", keys[0]), "hash", "type of the contact")
    fields = redis.hash(keys[0])
    check.equal(fields["uri"], sip.uri_of(alice.contact()), "uri")
    check.that(fields["received"].startswith(f"sip:{alice.source}:{alice.link.local[1]}"), f"received: {fields['received']}")
    check.equal(fields["socket"], f"udp:127.0.0.1:{daemon.port}", "socket")
    check.equal(fields["callid"], alice.register_id, "callid")
    check.equal(fields["cseq"], "1", "cseq")
    check.equal(fields["node"], "edge1", "node")
    check.equal(fields["user_agent"], "test phone", "user_agent")
    check.equal(fields["nated"], "1", "nated")
    check.that(abs(int(fields["expires"]) - time.time() - 600) < 10, f"expires: {fields['expires']}")
    check.that(580 <= int(redis.cli("TTL", keys[0])) <= 605, f"TTL: {redis.cli('TTL', keys[0])}")
    check.equal(redis.cli("SMEMBERS", f"pinhole:aor:{AOR}").splitlines(), [contact_id], "ids of the AOR")
    binding = f"pinhole:binding:udp:127.0.0.1:{daemon.port}"
    check.equal(redis.cli("ZRANGE", binding, 0, -1).splitlines(), [f"{AOR}:{contact_id}"], "pinholes of the socket")


def test_users_without_their_domain(t):
    """The default: a user is the same in every domain of ours."""
    redis = t.redis()
    daemon = t.daemon(redis=redis)
    t.phone("alice", daemon).register()
    check.equal(redis.keys("pinhole:aor:*"), ["pinhole:aor:{alice}"], "keys of AORs")


def test_keys_are_removed(t):
    redis = t.redis()
    daemon = t.daemon(redis=redis, conf={"registrar": DOMAINS})
    alice = t.phone("alice", daemon)
    alice.register(600)
    alice.register(0)
    check.equal(contact_keys(redis), [], "keys of contacts")
    check.equal(redis.cli("EXISTS", f"pinhole:aor:{AOR}"), "0", "key of the AOR")
    check.equal(redis.cli("ZCARD", f"pinhole:binding:udp:127.0.0.1:{daemon.port}"), "0", "pinholes of the socket")


def test_keys_expire_by_themselves(t):
    redis = t.redis()
    daemon = t.daemon(redis=redis, conf={"registrar": {"min_expires": 1, **DOMAINS}})
    t.phone("alice", daemon).register(2)
    check.equal(len(contact_keys(redis)), 1, "keys of contacts")
    daemon.stop()                                  # nobody but Redis itself removes it
    check.until(lambda: not contact_keys(redis), 6, "the contact is gone after 2 s")


def test_secret_is_made_once(t):
    redis = t.redis()
    daemon = t.daemon(redis=redis)
    secret = redis.cli("GET", "pinhole:secret")
    check.that(len(secret) >= 16, "the shared secret")
    daemon.stop()
    daemon.start()
    check.equal(redis.cli("GET", "pinhole:secret"), secret, "the secret after a restart")


def test_prefix_database_password_and_unix_socket(t):
    redis = t.redis(password="s3cret")
    daemon = t.daemon(redis=redis, conf={"registrar": DOMAINS, "storage": {
        "backend": "redis", "url": f"unix://{redis.socket}?db=3&password=s3cret", "prefix": "edge:"}})
    t.phone("alice", daemon).register()
    check.equal(redis.cli("-n", 3, "EXISTS", f"edge:aor:{AOR}"), "1", "the AOR in database 3 with the prefix")
    check.equal(redis.keys("*"), [], "keys in database 0")
    daemon.stop()
    check.that("s3cret" not in daemon.log(), "the password is not in the log")


def test_acl_user(t):
    redis = t.redis()
    redis.cli("ACL", "SETUSER", "edge", "on", ">pa55word", "~pinhole:*", "+@all")
    daemon = t.daemon(redis=redis, conf={"registrar": DOMAINS, "storage": {"url": f"redis://edge:pa55word@127.0.0.1:{redis.port}/0"}})
    t.phone("alice", daemon).register()
    check.equal(len(contact_keys(redis)), 1, "keys of contacts")


@alone
@variants(workers=[1, 2])
def test_answers_do_not_wait_for_the_next_event(t, workers):
    """A quiet daemon answers when Redis has answered, not at its next timer or message."""
    daemon = t.daemon(redis=t.redis(), conf={"workers": workers})
    alice = t.phone("alice", daemon)
    alice.register()
    times = []
    for _ in range(40):
        txn = alice.start(alice.register_message())
        check.equal(txn.wait().status, 200, "reply to REGISTER")
        times.append(txn.seconds())
    load = Latencies(times)
    print(load)
    check.that(load.p(50) < 4, f"half of the REGISTERs in less than 4 ms, found {load}")


def test_redis_goes_and_comes_back(t):
    redis = t.redis()
    daemon = t.daemon(redis=redis, conf={"registrar": DOMAINS})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    redis.process.kill()

    reply = alice.register(status=None, seconds=5)
    check.that(reply.status in (500, 503), f"REGISTER without Redis: {reply.start}")
    check.equal(alice.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "a request that needs no shared state")
    redis.start()
    # each worker has a connection of its own, and so a moment of its own when it is back
    check.until(lambda: alice.register(status=None).status == 200, 10, "REGISTER once Redis is back")
    check.until(lambda: bob.register(status=None).status == 200, 10, "REGISTER of bob once Redis is back")
    check.equal(len(contact_keys(redis)), 1, "keys of alice's contacts")
    check.equal(alice.request("OPTIONS", f"sip:bob@{daemon.domain}").status, 200, "OPTIONS to bob")


def test_start_without_redis(t):
    """It starts after connect_timeout with a warning, and serves once Redis is there."""
    redis = t.redis()
    redis.process.kill()
    daemon = t.daemon(redis=redis, start=False, conf={"registrar": DOMAINS, "storage": {"connect_timeout": 300}})
    daemon.start()
    alice = t.phone("alice", daemon)
    check.equal(alice.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "OPTIONS")
    check.that(alice.register(status=None).status in (500, 503), "REGISTER without Redis")
    redis.start()
    check.until(lambda: alice.register(status=None).status == 200, 10, "REGISTER once Redis is there")


@alone
def test_hung_redis_holds_up_nobody(t):
    """Redis is stopped with SIGSTOP: a REGISTER waits for its deadline, requests without shared state do not."""
    redis = t.redis()
    daemon = t.daemon(redis=redis, conf={"registrar": DOMAINS, "storage": {"command_timeout": 800}})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    redis.process.send_signal(signal.SIGSTOP)
    waiting = [alice.start(alice.register_message()) for _ in range(5)]
    slowest = 0.0
    for _ in range(50):
        start = time.monotonic()
        check.equal(bob.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "OPTIONS meanwhile")
        slowest = max(slowest, time.monotonic() - start)
    check.that(slowest < 0.2, f"the slowest OPTIONS took {slowest * 1000:.0f} ms")
    for txn in waiting:
        check.that(txn.wait(5).status in (500, 503), "REGISTER whose answer never came")
    redis.process.send_signal(signal.SIGCONT)
    check.until(lambda: alice.register(status=None).status == 200, 10, "REGISTER once Redis goes on")


def test_heartbeat_of_the_node(t):
    """pinhole:node:<name>: written every second, gone three seconds after the last one."""
    redis = t.redis()
    daemon = t.daemon(redis=redis)
    check.until(lambda: redis.cli("EXISTS", "pinhole:node:pinholed") == "1", 3, "the node's key")
    check.equal(redis.cli("HGET", "pinhole:node:pinholed", "sockets"),
                f"udp:127.0.0.1:{daemon.port} tcp:127.0.0.1:{daemon.port}", "its sockets")
    check.equal(redis.cli("HGET", "pinhole:node:pinholed", "load"), "0", "its load")
    check.that(0 < int(redis.cli("PTTL", "pinhole:node:pinholed")) <= 3000, "its life is at most 3 s")
    redis.cli("DEL", "pinhole:node:pinholed")
    check.until(lambda: redis.cli("EXISTS", "pinhole:node:pinholed") == "1", 3, "the next beat")
    daemon.kill()
    check.until(lambda: redis.cli("EXISTS", "pinhole:node:pinholed") == "0", 5, "its end after a kill -9")
