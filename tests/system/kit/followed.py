"""Calls that plugin dialog follows: the script for them, what `dialogs` says, and BYEs that nobody but the daemon has sent."""

from . import check, sip
from .daemon import ROUTE

PLUGINS = ["nat", "sdp", "registrar", "rtpp", "dialog", "mi"]
WITH_NOTIFY = ["nat", "sdp", "registrar", "rtpp", "dialog", "notify", "mi"]
CREATE = 'if (is_method("INVITE"))\n\t\tcreate_dialog();\n'


def script(*more, changes=(), tail=""):
    """The quickstart's script with create_dialog(), further lines behind it, and some of its own lines changed."""
    with open(ROUTE, encoding="utf-8") as source:
        text = source.read()
    place = "\t\trecord_route();\n"
    for old, new in [(place, place + "\t" + CREATE + "".join(f"\t{line}\n" for line in more)), *changes]:
        check.that(old in text, f"{old!r} is not in the quickstart's script any more")
        text = text.replace(old, new)
    return text + tail


def daemon(t, *more, notify=None, changes=(), tail="", conf=None, **kwargs):
    kwargs.setdefault("relay", t.scripted_relay(kwargs.get("address", "127.0.0.1")))
    base = {"plugins": WITH_NOTIFY if notify else PLUGINS}
    if notify:
        base["notify"] = {"rtpp_notify_socket": notify}
    for key, value in (conf or {}).items():
        base[key] = {**base.get(key, {}), **value} if isinstance(value, dict) else value
    return t.daemon(script=script(*more, changes=changes, tail=tail), conf=base, **kwargs)


def listed(node):
    """What `dialogs` lists: {Call-ID: object}."""
    cursor, out = "0", {}
    for _ in range(100):
        page = node.json("dialogs", cursor)
        for one in page.get("Dialogs", []):
            out[one["Call-ID"]] = one
        cursor = str(page["Cursor"])
        if cursor == "0":
            return out
    raise check.Failed("`dialogs` never came to its end")


def id_of(one):
    return one["value"]


def wait_listed(node, call, state="confirmed", seconds=5):
    """The call's dialog once the store has it in that state."""
    return check.until(lambda: next((d for c, d in listed(node).items() if c == call.call_id and d["State"] == state), None),
                       seconds, lambda: f"dialog {call.call_id} is {state}: {listed(node)}")


def up(caller, callee, **kwargs):
    """An answered call: both sides."""
    call = caller.call(callee.user, **kwargs)
    leg = callee.wait_call()
    call.wait_answer()
    leg.wait_acked()
    return call, leg


def byes(phone):
    """How many BYEs a phone has got. Another node that carries one, perhaps late, does not make it another: its sender's Via is the last one."""
    return len({sip.param(m.all("via")[-1], "branch") for m in phone.requests("BYE")})


def ended_by_us(side, reason, seconds=5, highest=None, count=1, nodes=1):
    """This side has got one BYE: in the other's name, with the next CSeq, along its route set, with the reason. nodes: that it came by."""
    side.wait_ended(seconds)
    phone, bye = side.phone, side.bye
    check.equal(bye.tag("from"), side.remote_tag, f"From tag of the BYE to {phone.user}")
    check.equal(bye.tag("to"), side.local_tag, f"To tag of the BYE to {phone.user}")
    check.equal(bye.call_id, side.call_id, "Call-ID of the BYE")
    if highest is not None:
        check.equal(bye.cseq, highest + 1, f"CSeq of the BYE to {phone.user}")
    check.equal(sip.uri_of(bye.get("from")), side.peer_uri, f"From of the BYE to {phone.user}")
    check.contains(bye.get("reason") or "", f'text="{reason}"', f"Reason of the BYE to {phone.user}")
    check.equal(len(bye.all("via")), nodes, "Via headers of a request that begins at the daemon")
    check.that(bye.get("max-forwards") is not None, "Max-Forwards of the BYE")
    if count is not None:
        check.equal(byes(phone), count, f"BYEs at {phone.user}")


def no_more_byes(phones, seconds, before):
    """Nobody gets another one within that time."""
    check.holds(lambda: [byes(p) for p in phones] == before, seconds, lambda: f"BYEs are {[byes(p) for p in phones]}, were {before}")
