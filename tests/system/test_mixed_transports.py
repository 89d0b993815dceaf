"""A call between a phone on UDP and a phone on TCP, hung up from either side.

    alice (UDP) --INVITE--> pinholed --INVITE--> bob (TCP, over the connection he opened)

Expected: the same as between equals; requests to bob always go over his own connection, never to a new one.
"""

from kit import check
from kit.runner import variants


@variants(caller=["udp", "tcp"], ends=["caller", "callee"])
def test_call_between_transports(t, caller, ends):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    other = "tcp" if caller == "udp" else "udp"
    alice = t.phones_of(daemon, ["alice"], transport=caller)[0]
    bob = t.phones_of(daemon, ["bob"], transport=other)[0]
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay, packets=20)
    if ends == "caller":
        call.hangup()
        leg.wait_ended()
    else:
        leg.hangup()
        call.wait_ended()
    check.equal(daemon.stat("net_tcp_connected"), 0, "connections that the daemon opened itself")
