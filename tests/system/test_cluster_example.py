"""examples/cluster/run as its README tells it.

    newcomer --examples/cluster/run--> Redis, rtpengine, edge1, edge2
    alice at edge1, bob at edge2

Expected: it says what to do; a call between the nodes; nodes, contacts and dialogs are seen from either; a node that is killed
is missed by nobody; nothing is left afterwards.
"""

import os
import re
import signal

from kit import build, check, proc
from kit.phone import Phone
from kit.runner import alone, limit

RUN = os.path.join(build.TOP, "examples", "cluster", "run")


class Cluster:
    """What run has started, as its output tells it."""

    def __init__(self, t):
        self.ports = [proc.free_port("0.0.0.0"), proc.free_port("0.0.0.0")]
        env = {**build.environment(), "PINHOLE_BUILD": build.folder(), "TMPDIR": t.dir}
        self.process = t.spawn("cluster", [RUN, "--ports", *map(str, self.ports)], env=env)
        self.process.ready(lambda: "kill a node" in self.process.log(), 240)
        log = self.process.log()
        self.nodes = {m[0]: (int(m[1]), m[2]) for m in re.findall(r"(edge\d) is process (\d+); its control socket is (\S+),", log)}
        self.redis_port = re.search(r"redis-cli -p (\d+)", log).group(1)
        self.ctl_path = re.search(r"who is there:\s+(\S+) -s", log).group(1)

    def ctl(self, node, *words):
        done = proc.run([self.ctl_path, "-s", self.nodes[node][1], *words], env=build.environment())
        check.equal(done.returncode, 0, f"pinholectl {' '.join(words)} at {node} ({done.stderr.strip()})")
        return done.stdout

    def phone(self, t, user, number, source):
        phone = Phone(user, ("127.0.0.1", self.ports[number]), "localhost", source=source, private=f"192.168.1.{number + 2}")
        t.phones.append(phone)
        phone.register(120)
        return phone


@alone
@limit(300)
def test_a_call_between_the_nodes_and_the_death_of_one(t):
    cluster = Cluster(t)
    alice, bob = cluster.phone(t, "alice", 0, "127.0.0.2"), cluster.phone(t, "bob", 1, "127.0.0.3")
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    for node in ("edge1", "edge2"):
        check.until(lambda node=node: cluster.ctl(node, "dialogs").count(call.call_id) == 1, 3, f"the call in dialogs of {node}")
        for name in ("edge1", "edge2"):                     # looked at once a second
            check.until(lambda node=node, name=name: name in cluster.ctl(node, "nodes"), 3, f"{name} seen from {node}")
        for user in ("alice", "bob"):
            check.contains(cluster.ctl(node, "contacts"), user, f"contacts seen from {node}")
    keys = proc.run(["redis-cli", "-p", cluster.redis_port, "--scan", "--pattern", "pinhole:*"]).stdout
    for part in ("pinhole:contact:{alice}", "pinhole:dialog:{", "pinhole:node:edge1", "pinhole:rtpp:set:0", "pinhole:lease:udp:"):
        check.contains(keys, part, "keys in Redis")
    call.hangup()
    leg.wait_ended()

    os.kill(cluster.nodes["edge2"][0], signal.SIGKILL)      # bob's node
    call = alice.call("bob")                                # edge1 reaches him itself
    bob.server = ("127.0.0.1", cluster.ports[0])
    leg = bob.wait_call(10)
    call.wait_answer(10)
    leg.wait_acked()
    check.until(lambda: "edge2" not in cluster.ctl("edge1", "nodes"), 6, "edge2 is no longer among the nodes")
    check.equal(cluster.process.stop(signal.SIGINT, 30), 0, "exit status after Ctrl-C")
    check.equal([n for n in os.listdir(t.dir) if n.startswith("pinhole-cluster")], [], "folders left behind")


def test_help_and_wrong_arguments(t):
    done = proc.run([RUN, "--help"])
    check.equal(done.returncode, 0, "status of --help")
    check.contains(done.stdout, "--address", "text of --help")
    for argv in (["--nonsense"], ["--ports", "1"], ["--ports", "a", "b"], ["--address"]):
        done = proc.run([RUN, *argv])
        check.equal(done.returncode, 2, f"status of {argv}")
        check.that(done.stderr.strip(), f"a text for {argv}")
