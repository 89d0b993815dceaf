#!/usr/bin/env python3
"""The demonstration of ./quickstart: two simulated phones with private addresses call each other.

Each step prints what was done and "ok", or "FAILED" and why. Exit status 0 when all steps were ok.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system"))

from kit import check, rtp  # noqa: E402
from kit.phone import Phone  # noqa: E402

PACKETS = 50


class Demo:
    def __init__(self, host, port, media):
        self.server, self.media = (host, port), media
        domain = host if port == 5060 else f"{host}:{port}"
        self.alice = Phone("demo-alice", self.server, domain, source="127.0.0.2", private="192.168.1.10")
        self.bob = Phone("demo-bob", self.server, domain, source="127.0.0.3", private="10.0.0.20")
        self.call = self.leg = None

    def register(self, phone):
        reply = phone.register(60, seconds=5)
        check.that(reply.contact_uri() is not None, "the 200 lists no contact")
        return f"its Contact says {phone.private}:{phone.private_port}, it sends from {phone.source}:{phone.link.local[1]}"

    def ring(self):
        self.call = self.alice.call("demo-bob")
        self.leg = self.bob.wait_call(5)
        self.call.wait_answer(5)
        self.leg.wait_acked(5)
        return "180, 200, ACK"

    def relayed(self):
        for call in (self.call, self.leg):
            for address, port in call.targets():
                check.equal(address, self.media, "media address that the phone was told")
        return f"both phones were told {self.media}, not the other's private address"

    def talk(self):
        a, b = self.call.rtp, self.leg.rtp
        rtp.exchange([(a, self.call.targets()[0]), (b, self.leg.targets()[0])], PACKETS)
        rtp.crossed(a, b, self.media, PACKETS)
        return f"{b.total()} of {PACKETS} RTP packets reached bob, {a.total()} of {PACKETS} reached alice, all from the relay"

    def hang_up(self):
        self.call.hangup(5)
        self.leg.wait_ended(5)
        return "BYE, 200"

    def leave(self):
        for phone in (self.alice, self.bob):
            phone.register(0, seconds=5)
            check.equal(phone.complaints, [], "what the phones found wrong")
        return "nothing found wrong in any message"

    def steps(self):
        return [
            ("alice registers", lambda: self.register(self.alice)),
            ("bob registers", lambda: self.register(self.bob)),
            ("alice calls bob, bob answers", self.ring),
            ("the SDP names the relay", self.relayed),
            ("media crosses the relay both ways", self.talk),
            ("alice hangs up", self.hang_up),
            ("both phones leave", self.leave),
        ]

    def close(self):
        self.alice.close()
        self.bob.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="where the daemon listens")
    parser.add_argument("--port", type=int, default=5060)
    parser.add_argument("--media", default="127.0.0.1", help="the relay's media address")
    options = parser.parse_args()
    demo = Demo(options.host, options.port, options.media)
    try:
        for number, (title, step) in enumerate(demo.steps(), 1):
            print(f"  {number}. {title} ... ", end="", flush=True)
            try:
                text = step()
            except (check.Failed, OSError, ValueError) as why:
                print(f"FAILED: {why}", flush=True)
                return 1
            print(f"ok ({text})", flush=True)
    finally:
        demo.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
