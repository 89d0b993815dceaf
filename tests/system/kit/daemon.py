"""pinholed under test: its configuration file, start, control and log."""

import contextlib
import json
import os
import signal
import socket
import time

from . import build, check, proc

ROUTE = os.path.join(build.TOP, "examples", "quickstart.route")
FUTEX = {"x86_64": "202", "aarch64": "98"}.get(os.uname().machine)      # what a thread sleeps in that waits to be woken
BAD_SIGNS = ("AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:", "Assertion `")


def changed_route(*changes):
    """The quickstart's script with some of its lines changed: pairs (old, new)."""
    with open(ROUTE, encoding="utf-8") as source:
        text = source.read()
    for old, new in changes:
        check.that(old in text, f"{old!r} is not in the quickstart's script any more")
        text = text.replace(old, new)
    return text


def render(value, depth=0):
    """A Python value as libconfig text: dict group, list list, str, int, bool, float."""
    pad = "\t" * (depth + 1)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (list, tuple)):
        return "( " + ", ".join(render(v, depth + 1) for v in value) + " )"
    if isinstance(value, dict):
        lines = [f"{pad}{k} = {render(v, depth + 1)};" for k, v in value.items()]
        return "{\n" + "\n".join(lines) + "\n" + "\t" * depth + "}"
    raise TypeError(value)


def merge(base, more):
    """Groups are merged, other values replaced; None takes a key out."""
    out = dict(base)
    for key, value in more.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        else:
            out[key] = value
    return out


class Daemon:
    """`conf` is merged over the usual configuration; `tls` adds a listener of TLS with that certificate; `script` is a path or, with a line break in it, the text."""

    def __init__(self, case, address="127.0.0.1", redis=None, relay=None, conf=None, script=ROUTE, name="pinholed",
                 port=None, start=True, args=(), plugin_dirs=(), tls=None):
        self.case, self.name, self.address, self.args = case, name, address, list(args)
        self.plugin_dirs = ":".join([build.plugin_dirs(), *plugin_dirs])
        self.port = port or proc.free_port(address)
        self.server = (address, self.port)
        self.domain = "example.test"
        self.mi = os.path.join(case.dir, name + ".sock")
        self.conf_path = os.path.join(case.dir, name + ".conf")
        if "\n" in script:
            text, script = script, os.path.join(case.dir, name + ".route")
            with open(script, "w", encoding="utf-8") as out:
                out.write(text)
        if tls:                             # a certificate of Certs, or what stands in the group
            self.tls_server = (address, proc.free_port(address))
        at = f"[{address}]" if ":" in address else address
        self.conf = merge({
            "node": name,
            "workers": 2,
            "log": {"level": "debug" if os.environ.get("PINHOLE_DEBUG") else "info", "to": "stderr"},
            "listen": [f"udp:{at}:{self.port}", f"tcp:{at}:{self.port}"] + ([f"tls:{at}:{self.tls_server[1]}"] if tls else []),
            "aliases": [self.domain],
            "script": script,
            "shutdown_timeout": 2,
            "storage": {"backend": "redis", "url": redis.url} if redis else {"backend": "memory"},
            "plugins": ["nat", "sdp", "registrar", "rtpp", "mi"],
            "registrar": {"nat_bflag": 6},
            "rtpp": {"rtpproxy_sock": [relay.url]} if relay else {},
            "mi": {"socket": self.mi},
            **({"tls": tls if isinstance(tls, dict) else tls.conf()} if tls else {}),
        }, conf or {})
        self.write()
        self.process = None
        if start:
            self.start()

    def write(self, text=None):
        with open(self.conf_path, "w", encoding="utf-8") as out:
            out.write(text if text is not None else
                      "".join(f"{k} = {render(v)};\n" for k, v in self.conf.items()))

    def argv(self, *more):
        return [*build.fixed_layout(), build.program("pinholed"), "-p", self.plugin_dirs, "-f", self.conf_path,
                *self.args, *more]

    def launch(self, env=None):
        """Start without waiting."""
        self.process = self.case.spawn(self.name, self.argv(), env={**build.environment(), **(env or {})})

    def start(self, env=None, seconds=15):
        self.launch(env)
        self.process.ready(self.is_ready, seconds)

    def is_ready(self):
        """The control socket answers: it is opened after the listeners."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(1)
                sock.connect(self.mi)
        except OSError:
            return False
        return self.ctl("uptime").returncode == 0

    def check_conf(self, *more):
        """pinholed -c: the completed process."""
        return proc.run(self.argv("-c", *more), env=build.environment())

    def refused(self, seconds=15):
        """Start a daemon that must not come up; (exit status, log)."""
        self.launch()
        status = self.process.wait(seconds)
        return status, self.process.log()

    def log_rests(self):
        """Its thread that writes the log has nothing to write; also true when that cannot be seen."""
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{self.process.pid}/task"):
                with open(f"/proc/{self.process.pid}/task/{task}/comm", encoding="utf-8") as name:
                    if name.read().strip() != "log":
                        continue
                with open(f"/proc/{self.process.pid}/task/{task}/syscall", encoding="utf-8") as call:
                    return FUTEX is None or call.read().split()[0] == FUTEX
        return True

    def log(self):
        """What it has logged until now."""
        if not self.process:
            return ""
        end = time.monotonic() + 1         # of one that is stopped, or does nothing but log
        while self.process.running() and not self.log_rests() and time.monotonic() < end:
            time.sleep(0.001)
        return self.process.log()

    def ctl(self, *words, seconds=10):
        return proc.run([build.program("pinholectl"), "-s", self.mi, *words], seconds=seconds, env=build.environment())

    def stats(self):
        done = self.ctl("stats")
        check.equal(done.returncode, 0, f"pinholectl stats ({done.stderr.strip()})")
        out = {}
        for line in done.stdout.splitlines():
            name, gap, value = line.strip().partition("::")
            if gap and value.split():
                try:
                    out[name] = int(float(value.split()[0]))
                except ValueError:
                    continue
        return out

    def stat(self, name):
        values = self.stats()
        check.that(name in values, f"no counter {name!r} in stats, only {sorted(values)}")
        return values[name]

    def json(self, *words):
        done = self.ctl("--json", *words)
        check.equal(done.returncode, 0, f"pinholectl --json {' '.join(words)} ({done.stderr.strip()})")
        return json.loads(done.stdout)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, seconds=None):
        """SIGTERM, and the exit status must be 0."""
        status = self.process.stop(signal.SIGTERM, seconds or self.conf["shutdown_timeout"] + 10)
        check.equal(status, 0, f"exit status of {self.name} ({self.process.tail()})")

    def kill(self):
        self.process.kill()

    def verdict(self):
        """At the end of a test: stop it when it still runs; what is wrong with it, or None."""
        if self.process is None:
            return None
        if self.process.running():
            try:
                self.stop()
            except check.Failed as err:
                self.process.kill()
                return str(err)
        for sign in BAD_SIGNS:
            if sign in self.log():
                at = self.log().index(sign)
                return f"{self.name}: {self.log()[max(0, at - 60):at + 400]!r}"
        if self.process.child.returncode in (-6, -7, -8, -11, 99):
            return f"{self.name} ended with {self.process.child.returncode}: {self.process.tail()}"
        return None
