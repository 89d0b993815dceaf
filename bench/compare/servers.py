"""The servers that are compared: how each is started, on ports of its own, and ended."""

import os
import signal
import subprocess
import time

from kit import build, check, proc

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOMAIN = "bench.example.org"
ADDRESS = "127.0.0.1"
START_SECONDS = 20
NAMES = {
    "pinhole": "Pinhole",
    "kamailio": "Kamailio, as Debian starts it",
    "kamailio-fm": "Kamailio with -x fm -X fm",
    "echo": "bare echo of the datagram",
}
KAMAILIO_MEMORY = {"-m": "4096", "-M": "64"}     # MB; transactions live for 5 s after their end there


def sipload():
    path = os.path.join(build.folder(), "bench", "sipload")
    if not os.access(path, os.X_OK):
        raise SystemExit(f"no {path}: build it first (make -C {build.folder()} bench/sipload)")
    return path


class Pins:
    """--pin: the server on the first processor, the load on the second."""

    def __init__(self, on):
        self.on = on

    def server(self):
        return ["taskset", "-c", "0"] if self.on else []

    def load(self):
        return ["taskset", "-c", "1"] if self.on else []


def pinhole_conf(folder, port):
    """pinhole.conf at another port: lists cannot be given on the command line."""
    with open(os.path.join(HERE, "pinhole.conf"), encoding="utf-8") as conf:
        text = conf.read()
    path = os.path.join(folder, "pinhole.conf")
    with open(path, "w", encoding="utf-8") as conf:
        conf.write(text.replace("127.0.0.1:25060", f"{ADDRESS}:{port}"))
    return path


def argv_of(name, folder, port, relay_port, workers, media):
    relay = f"udp:{ADDRESS}:{relay_port}"
    if name == "pinhole":
        return [build.program("pinholed"), "-p", build.plugin_dirs(), "-f", pinhole_conf(folder, port),
                "-o", f"workers={workers}", "-o", f"script={HERE}/pinhole.route",
                "-o", f"mi.socket={folder}/mi.sock", "-o", f"rtpp.rtpproxy_sock={relay}",
                *(["-o", "script_defines=WITH_MEDIA"] if media else [])]
    if name in ("kamailio", "kamailio-fm"):
        # Should we be killed it ends in order, and its children with it.
        return ["setpriv", "--pdeathsig", "TERM", "--", "kamailio", "-DD", "-E", "-f", os.path.join(HERE, "kamailio.cfg"), "-Y", folder, "-P", f"{folder}/kamailio.pid",
                "-A", f"WORKERS={workers}", "-A", f'RELAY="{relay}"', *(["-A", "WITH_MEDIA"] if media else []),
                "-l", f"udp:{ADDRESS}:{port}", "-l", f"tcp:{ADDRESS}:{port}",
                *(word for option in KAMAILIO_MEMORY.items() for word in option),
                *(["-x", "fm", "-X", "fm"] if name == "kamailio-fm" else [])]
    return [sipload(), "echo", f"udp:{ADDRESS}:{port}"]


class Server:
    """One server, running; use it in a with statement."""

    def __init__(self, name, folder, workers, pins, relay_port, media=False):
        self.name = name
        self.port = proc.free_port(ADDRESS)
        self.folder = folder
        for left in ("mi.sock", "kamailio.pid"):
            if os.path.exists(os.path.join(folder, left)):
                os.unlink(os.path.join(folder, left))
        argv = argv_of(name, folder, self.port, relay_port, workers, media)
        self.process = proc.Process(name, [*pins.server(), *argv], os.path.join(folder, f"{name}.log"))
        self.pid = self.process.pid
        try:
            self.process.ready(self.answers, START_SECONDS)
        except check.Failed as err:
            self.end()
            raise SystemExit(f"bench/run: {err}") from None

    def answers(self):
        """It does its work: one OPTIONS is answered."""
        done = subprocess.run([sipload(), "options", f"udp:{ADDRESS}:{self.port}", "-n", "1", "-w", "1", "-W", "0", "-s", "1",
                               "-d", "1", "--timeout", "300", "-q"], stdout=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def end(self):
        """Processes are ended by their ids; a Kamailio that is killed would leave its children."""
        if not self.process.running():
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.child.wait(10)
        except subprocess.TimeoutExpired:
            self.kill_all()

    def kill_all(self):
        family = descendants(self.pid)
        self.process.child.kill()
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.child.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.end()


def descendants(root):
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                    parents[int(name)] = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


class Relay:
    """An RTP proxy that answers at once, the same for all servers. It costs none of their time."""

    def __init__(self, folder):
        self.port = proc.free_port(ADDRESS, tcp=False)
        self.process = proc.Process("relay", [sipload(), "relay", f"udp:{ADDRESS}:{self.port}"], os.path.join(folder, "relay.log"))
        self.process.ready(lambda: "ready" in self.process.log(), START_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGTERM)
        self.process.child.wait(10)


def other_load(seconds=0.5):
    """The share of all processors (0 to 1) that is busy, for the moment before a measurement: what disturbs it."""
    def read():
        with open("/proc/stat", encoding="utf-8") as stat:
            values = [int(word) for word in stat.readline().split()[1:9]]
        return sum(values), values[3] + values[4]
    total, idle = read()
    time.sleep(seconds)
    total_after, idle_after = read()
    return 1 - (idle_after - idle) / max(1, total_after - total)
