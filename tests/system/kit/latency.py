"""Latency of many requests while something else goes on."""

import math
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
