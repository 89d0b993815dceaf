"""Latency of many requests while something else goes on."""

import contextlib
import math
import os
import time

from . import check


def percentile(values, p):
    """The nearest-rank percentile: the smallest value that at least p per cent do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * p / 100.0) - 1)]


class Latencies:
    def __init__(self, seconds):
        self.ms = [s * 1000.0 for s in seconds]

    def p(self, percent):
        return percentile(self.ms, percent)

    def __str__(self):
        return f"{len(self.ms)} requests: p50 {self.p(50):.1f} ms, p99 {self.p(99):.1f} ms, max {max(self.ms):.1f} ms"


def registers(phones, count, gap=0.005):
    """`count` REGISTERs, `gap` seconds apart, spread over the phones; waits for all. All must be answered with 200."""
    started = []
    for i in range(count):
        phone = phones[i % len(phones)]
        started.append(phone.start(phone.register_message()))
        time.sleep(gap)
    for txn in started:
        check.equal(txn.wait(10).status, 200, "reply to REGISTER")
    return Latencies([txn.seconds() for txn in started])


@contextlib.contextmanager
def undisturbed(daemon):
    """
    While it lasts the daemon's threads, and one below them this process, come before whatever else runs on the machine: else a time
    that is measured is mostly how long the kernel let others run first. Needs the right to; without it nothing changes. Gives a
    text that says which.
    """
    threads = [int(t) for t in os.listdir(f"/proc/{daemon.process.pid}/task")]
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        for thread in threads:
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(2))
        text = "before all others"
    except OSError as err:
        text = f"among others ({err.strerror})"
    try:
        yield text
    finally:
        for thread in [0, *threads]:
            with contextlib.suppress(OSError):
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
