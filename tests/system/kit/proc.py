"""Child processes: started with a log file, awaited by a condition, ended by their id."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import time

from . import check

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """In the child, before exec: a test that is killed leaves nothing behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """One child; stdout and stderr together in a file."""

    def __init__(self, name, argv, log_path, env=None, cwd=None, user=None):
        self.name = name
        self.argv = argv
        self.log_path = log_path
        full = dict(os.environ)
        full.update(env or {})
        with open(log_path, "ab") as log:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=full, cwd=cwd, user=user, preexec_fn=die_with_parent)
        self.pid = self.child.pid

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def tail(self, lines=12):
        return " | ".join(self.log().splitlines()[-lines:])

    def running(self):
        return self.child.poll() is None

    def ready(self, condition, seconds):
        """Wait for condition(); a child that ends before that is a failure with its last lines."""
        def ended_or_ready():
            if not self.running():
                raise check.Failed(f"{self.name} ended with {self.child.returncode} at start: {self.tail()}")
            return condition()
        check.until(ended_or_ready, seconds, lambda: f"{self.name} is ready: {self.tail()}")

    def send_signal(self, number):
        if self.running():
            self.child.send_signal(number)
            if number == signal.SIGSTOP:    # a thread on the other processor may still be at work
                check.until(lambda: self.states() <= {"T"}, 5, f"{self.name} has stopped")

    def states(self):
        """Of all its threads, as in ps."""
        found = set()
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/stat", encoding="utf-8") as stat:
                    found.add(stat.read().rpartition(")")[2].split()[0])
            except OSError:
                continue                    # it has ended meanwhile
        return found

    def wait(self, seconds):
        """The exit status, negative for a signal."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise check.Failed(f"{self.name} still runs after {seconds:g} s: {self.tail()}") from None

    def stop(self, number=signal.SIGTERM, seconds=10):
        self.send_signal(number)
        return self.wait(seconds)

    def kill(self):
        if self.running():
            self.child.send_signal(signal.SIGCONT)
            self.child.kill()
        self.child.wait()


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def can_bind(address, port, kind):
    with socket.socket(family(address), kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_port(address="127.0.0.1", udp=True, tcp=True, low=20000, high=27999):
    """A port below the kernel's ephemeral range that is free now, so that no other socket is given it by chance."""
    for _ in range(500):
        port = random.randrange(low, high, 2)
        if udp and not can_bind(address, port, socket.SOCK_DGRAM):
            continue
        if tcp and not can_bind(address, port, socket.SOCK_STREAM):
            continue
        return port
    raise check.Failed(f"no free port between {low} and {high} on {address}")


def free_range(count, addresses=("127.0.0.1",), low=28000, high=32000):
    """The first of `count` neighbouring UDP ports that are free now on all the addresses."""
    for _ in range(200):
        first = random.randrange(low, high - count, 2)
        if all(can_bind(a, p, socket.SOCK_DGRAM) for p in range(first, first + count) for a in addresses):
            return first
    raise check.Failed(f"no {count} free UDP ports in a row between {low} and {high}")


def run(argv, seconds=20, env=None, stdin=None, cwd=None):
    """Run to the end; returns the CompletedProcess with text output."""
    full = dict(os.environ)
    full.update(env or {})
    try:
        return subprocess.run(argv, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=seconds, env=full,
                              cwd=cwd, preexec_fn=die_with_parent)
    except subprocess.TimeoutExpired:
        raise check.Failed(f"{' '.join(argv[:3])} ... still runs after {seconds:g} s") from None


def monotonic_ms():
    return time.monotonic() * 1000.0
