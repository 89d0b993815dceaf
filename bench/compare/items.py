"""What is measured: the work items, and one measurement of one server."""

import json
import os
import subprocess

from . import servers

WINDOW = 32


class Item:
    """A kind of work. `rate`, a second, is well below what the slowest server can do on two cores; the search begins at `low`.

    Work with transactions is warmed up for longer than Kamailio keeps them (5 s); Pinhole keeps them as the RFC says (32 s), so
    it is measured while its memory still grows.
    """

    def __init__(self, name, what, transport, words, rate, low, unit="request", media=False, memory=None, echo=False,
                 transactions=True, usual=True):
        self.name, self.what, self.transport, self.words = name, what, transport, words
        self.rate, self.low, self.unit, self.media, self.memory, self.echo = rate, low, unit, media, memory, echo
        self.warmup = 6 if transactions else 2
        self.usual = usual


REGISTER = ["register", "-a", "10000"]
MANY = ["-s", "256"]        # connections
ITEMS = [
    Item("register-udp", "REGISTER refresh, UDP", "udp", REGISTER, 5000, 8000, memory="contact", echo=True, transactions=False),
    Item("register-tcp", "REGISTER refresh, TCP", "tcp", [*REGISTER, *MANY], 5000, 8000, memory="contact", transactions=False),
    Item("call-udp", "call without SDP, UDP", "udp", ["call"], 400, 500, "call"),
    Item("call-tcp", "call without SDP, TCP", "tcp", ["call", *MANY], 400, 500, "call"),
    Item("call-sdp-udp", "call with SDP through the relay, UDP", "udp", ["call", "--sdp"], 400, 500, "call", media=True),
    Item("call-sdp-tcp", "call with SDP through the relay, TCP", "tcp", ["call", "--sdp", *MANY], 400, 500, "call", media=True,
         usual=False),
    Item("options-udp", "OPTIONS answered without transaction, UDP", "udp", ["options"], 5000, 8000, echo=True, transactions=False),
    Item("options-tcp", "OPTIONS answered without transaction, TCP", "tcp", ["options", *MANY], 5000, 8000, transactions=False,
         usual=False),
    Item("info-udp", "INFO in a dialog, UDP", "udp", ["dialog", "--method", "INFO", "-D", "2000"], 1000, 2000, memory="call"),
    Item("reinvite-udp", "re-INVITE in a dialog, UDP", "udp", ["dialog", "--method", "INVITE", "-D", "2000"], 500, 1000,
         usual=False),
]


class Times:
    """Seconds of each part; --quick is for a look, the other for figures."""

    def __init__(self, quick):
        self.quick = quick
        self.window = 2 if quick else 3
        self.rate = 0 if quick else 3
        self.step = 1.5

    def warmup(self, item):
        return 1 if self.quick else item.warmup


def load(item, server, pins, words):
    """One run of the load generator: its result as a dict."""
    argv = [*pins.load(), servers.sipload(), *item.words, f"{item.transport}:{servers.ADDRESS}:{server.port}",
            "--watch", str(server.pid), "--json", "-q", *words]
    if server.name != "echo":
        argv += ["--domain", servers.DOMAIN]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600, check=False)
    if not done.stdout.startswith("{"):
        raise SystemExit(f"bench/run: {item.name} with {server.name}: {done.stderr.strip() or done.returncode}\n"
                         f"its log: {server.process.log()[-1500:]}")
    return json.loads(done.stdout)


def not_done(item, result):
    """Did the server do the work that it was measured for? What is missing, in words."""
    missing = []
    answered = result.get("code_200", 0)
    if result["failed"] or result["lost_connections"]:
        codes = {key[5:]: value for key, value in result.items() if key.startswith("code_") and key != "code_200"}
        missing.append(f"{result['failed']} failed {codes}, {result['timeouts']} timeouts, "
                       f"{result['lost_connections']} connections lost")
    if result["mode"] == "register":
        if result["checked_contact"] != answered:
            missing.append(f"{answered - result['checked_contact']} replies without Contact")
        if result["checked_received"] != answered:
            missing.append(f"{answered - result['checked_received']} contacts without received address")
    if result["mode"] == "call":
        if abs(result["sent"] + result["received"] - 13 * result["done"]) > 13 * WINDOW + 0.02 * 13 * result["done"]:
            missing.append(f"{(result['sent'] + result['received']) / max(1, result['done']):.2f} messages a call instead of 13")
        if result["checked_repaired"] != result["checked_invites"]:
            missing.append(f"{result['checked_invites'] - result['checked_repaired']} INVITEs with a private Contact")
        if item.media and result["checked_relayed"] < 1.9 * result["checked_invites"]:
            missing.append(f"only {result['checked_relayed']} SDPs relayed in {result['checked_invites']} calls")
    return missing


def measure(item, name, folder, args, relay, search):
    """One server, started for this: at the window, at the rate, and the sustained rate when it is asked for."""
    out = {"item": item.name, "server": name, "other_load": servers.other_load()}
    times = args.times
    place = os.path.join(folder, item.name)
    os.makedirs(place, exist_ok=True)
    with servers.Server(name, place, args.workers, args.pins, relay.port, item.media) as server:
        out["window"] = load(item, server, args.pins, ["-w", str(args.window), "-W", str(times.warmup(item)), "-d", str(times.window)])
        if times.rate:
            out["rate"] = load(item, server, args.pins, ["-r", str(item.rate), "-W", "1", "-d", str(times.rate)])
        if search:
            out["search"] = load(item, server, args.pins, ["--search", f"{item.low}:200000:{times.step}", "--timeout", "4000"])
    out["missing"] = [] if name == "echo" else [text for part in ("window", "rate") if part in out
                                                 for text in not_done(item, out[part])]
    return out
