"""A Redis of our own: a port and a UNIX socket, nothing on disk; read with redis-cli as an operator would."""

import os

from . import check, proc


class Redis:
    def __init__(self, case, password=None):
        self.case = case
        self.password = password
        self.port = proc.free_port(udp=False)
        self.socket = os.path.join(case.dir, "redis.sock")
        self.url = f"redis://{':' + password + '@' if password else ''}127.0.0.1:{self.port}/0"
        self.start()

    def start(self):
        argv = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket,
                "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", self.case.dir]
        if self.password:
            argv += ["--requirepass", self.password]
        self.process = self.case.spawn("redis", argv)
        self.process.ready(lambda: self.cli("PING") == "PONG", 10)

    def raw(self, *words):
        """What redis-cli prints, without the last line end."""
        argv = ["redis-cli", "-s", self.socket, "--raw"]
        if self.password:
            argv += ["--no-auth-warning", "-a", self.password]
        return proc.run(argv + [str(w) for w in words]).stdout.removesuffix("\n")

    def cli(self, *words):
        """The same, stripped."""
        return self.raw(*words).strip()

    def keys(self, pattern="pinhole:*"):
        return sorted(k for k in self.cli("--scan", "--pattern", pattern).splitlines() if k)

    def hash(self, key):
        text = self.raw("HGETALL", key)
        lines = text.split("\n") if text else []
        check.equal(len(lines) % 2, 0, f"HGETALL {key}: {lines}")
        return dict(zip(lines[::2], lines[1::2]))
