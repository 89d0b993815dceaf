"""JSON-RPC 2.0 on the control socket, as other programs speak it.

    program --{"jsonrpc": "2.0", ...}--> UNIX socket --bus--> the service that owns the thing

Expected: https://www.jsonrpc.org/specification, batches and notifications included; what one client does wrong is
answered, or costs it its connection, and is nothing to the others.
"""

import json
import os
import socket
import time

from kit import build, check, proc


class Client:
    """A connection of its own."""

    def __init__(self, t, daemon, seconds=5):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(seconds)
        self.sock.connect(daemon.mi)
        self.rest = b""
        t.helpers.append(self)

    def close(self):
        self.sock.close()

    def send(self, what):
        if not isinstance(what, bytes):
            what = what.encode() if isinstance(what, str) else json.dumps(what).encode() + b"\n"
        self.sock.sendall(what)

    def line(self):
        """The next line as JSON; None when the daemon closed."""
        while b"\n" not in self.rest:
            part = self.sock.recv(65536)
            if not part:
                return None
            self.rest += part
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, what):
        self.send(what)
        return self.line()


def request(method, number=1, **more):
    return {"jsonrpc": "2.0", "id": number, "method": method, **more}


def code_of(response):
    check.that("result" not in response, f"a response with an error has no result: {response}")
    return response["error"]["code"]


def test_parameters_by_position_and_by_name(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    client = Client(t, daemon)
    for params in ([relay.url, "0"], [relay.url, 0], {"url": relay.url, "enable": False}, {"enable": "0", "url": relay.url}):
        check.equal(client.ask(request("nh_enable_rtpp", params=params)), {"jsonrpc": "2.0", "id": 1, "result": {}}, f"response to {params}")
        node = client.ask(request("nh_show_rtpp"))["result"][0]
        check.equal((node["name"], node["attributes"], node["disabled"], node["index"]), (relay.url, {"set": 0}, 1, 0), "nh_show_rtpp")
        check.equal(client.ask(request("nh_enable_rtpp", params=[relay.url, True]))["result"], {}, "switched on again")
    check.equal(client.ask(request("nh_show_rtpp", text=True))["result"],
                f"{relay.url}::  set=0\n\tindex:: 0\n\tdisabled:: 0\n\tweight:: 1\n\trecheck_ticks:: 0\n", "the guide's text")


def test_errors(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    client = Client(t, daemon)
    for what, code, number, text in (
            ("nonsense\n", -32700, None, "Parse error"),
            ('{"jsonrpc": "2.0", "id": 1, "method": "foobar, "params": "bar", "baz]\n', -32700, None, "Parse error"),
            ("5\n", -32600, None, "a request is an object"),
            ("[]\n", -32600, None, "1 to 64 requests"),
            ({"jsonrpc": "2.0", "method": 1, "params": "bar"}, -32600, None, '"method"'),
            ({"jsonrpc": "1.0", "method": "help", "id": "a"}, -32600, "a", '"jsonrpc" must be "2.0"'),
            ({"jsonrpc": "2.0", "method": "help", "id": [1]}, -32600, None, '"id"'),
            (request("help", 2.5, params=7), -32600, 2.5, '"params"'),
            (request("no_such"), -32601, 1, "no such command 'no_such'"),
            (request(""), -32601, 1, "1 to 63 characters"),
            (request("x" * 64), -32601, 1, "1 to 63 characters"),
            (request("nh_enable_rtpp", params=["x"]), -32602, 1, "Too few or too many arguments: expected url enable"),
            (request("nh_enable_rtpp", params={"url": "x", "on": 1}), -32602, 1, "there is no 'on'"),
            (request("nh_enable_rtpp", params=[["x"], 1]), -32602, 1, "number 1 must be text"),
            (request("nh_enable_rtpp", params=["udp:192.0.2.1:1", 1]), -32000, 1, "RTP proxy not found"),
            (request("help", None, params=["x"]), -32602, None, "expected none")):
        response = client.ask(what)
        check.equal((response["jsonrpc"], code_of(response), response["id"]), ("2.0", code, number), f"response to {what}")
        check.contains(response["error"]["message"], text, f"message to {what}")
    check.equal(client.ask(request("nh_enable_rtpp", params=["x", 1]))["error"]["data"], {"code": 404}, "the code that the FIFO shows")
    check.equal(client.ask(request("uptime"))["result"]["State"], "serving", "it goes on")


def test_notifications_have_no_response(t):
    relay = t.relay()
    daemon = t.daemon(relay=relay)
    client = Client(t, daemon)
    client.send({"jsonrpc": "2.0", "method": "nh_enable_rtpp", "params": [relay.url, 0]})
    client.send({"jsonrpc": "2.0", "method": "no_such"})
    client.send({"jsonrpc": "2.0", "method": "nh_enable_rtpp", "params": ["too few"]})
    response = client.ask(request("nh_show_rtpp", "after them"))
    check.equal(response["id"], "after them", "the first response")
    check.equal(response["result"][0]["disabled"], 1, "the notification was carried out")


def test_batches(t):
    """The specification's own example, with our commands."""
    daemon = t.daemon()
    client = Client(t, daemon)
    responses = client.ask([
        request("uptime", "1"), {"jsonrpc": "2.0", "method": "stats", "params": ["x"]}, request("stats", "2", params=["park"]),
        {"foo": "boo"}, request("no.such", "5", params={"name": "myself"}), request("help", "9", text=True)])
    check.equal([r["id"] for r in responses], ["1", "2", None, "5", "9"], "ids, in the order of the requests")
    check.equal(responses[0]["result"]["State"], "serving", "result of uptime")
    check.that("parked" in responses[1]["result"], f"result of stats: {responses[1]}")
    check.equal(code_of(responses[2]), -32600, "what is no request")
    check.equal(code_of(responses[3]), -32601, "an unknown method")
    check.contains(responses[4]["result"], "uptime:: ", "text of help")
    check.equal([code_of(r) for r in client.ask([1, 2, 3])], [-32600] * 3, "a batch of nonsense")
    check.equal(code_of(client.ask('[{"jsonrpc": "2.0", "method"\n')), -32700, "a batch that is no JSON")
    client.send([{"jsonrpc": "2.0", "method": "uptime"}, {"jsonrpc": "2.0", "method": "no_such"}])
    check.equal(client.ask(request("uptime", 7))["id"], 7, "a batch of notifications has no response")
    many = client.ask([request("uptime", i) for i in range(64)])
    check.equal([r["id"] for r in many], list(range(64)), "64 in one batch")
    check.contains(client.ask([request("uptime", i) for i in range(65)])["error"]["message"], "1 to 64 requests, this one 65",
                   "65 in one batch")


def test_requests_without_newline_and_in_pieces(t):
    daemon = t.daemon()
    client = Client(t, daemon)
    text = json.dumps(request("stats", 1, params=["par}ked\"]"]))
    check.equal(client.ask(text)["id"], 1, "response to a request without newline")
    client.send(json.dumps(request("uptime", 2)) + json.dumps(request("uptime", 3)) + "  " + json.dumps([request("uptime", 4)]))
    check.equal([client.line()["id"], client.line()["id"], client.line()[0]["id"]], [2, 3, 4], "three in one go")
    for byte in json.dumps(request("uptime", 5)).encode():
        client.send(bytes([byte]))
    check.equal(client.line()["id"], 5, "response to a request byte by byte")
    client.send("\r\n\n  \n" + json.dumps(request("uptime", 6)) + "\r\n")
    check.equal(client.line()["id"], 6, "empty lines are nothing")
    client.send(json.dumps(request("uptime", 7))[:-5] + "\n" + json.dumps(request("uptime", 8)) + "\n")
    check.equal(code_of(client.line()), -32700, "a line that is cut off")
    check.equal(client.line()["id"], 8, "the line behind it")
    client.send('"uptime')
    client.sock.shutdown(socket.SHUT_WR)
    check.equal(code_of(client.line()), -32700, "what is left at the end")
    check.equal(client.line(), None, "then the daemon closes")


def test_client_that_has_said_all(t):
    """It shuts its side down, as nc -N does: the answer still comes."""
    daemon = t.daemon()
    code = 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read()); ' \
           's.shutdown(1); sys.stdout.buffer.write(s.makefile("rb").read())'
    done = proc.run(["python3", "-c", code, daemon.mi], stdin='{"jsonrpc":"2.0","id":1,"method":"uptime"}')
    check.equal(json.loads(done.stdout)["result"]["State"], "serving", "answer")


def test_pipelined_requests_are_answered_in_order(t):
    daemon = t.daemon()
    client = Client(t, daemon)
    client.send("".join(json.dumps(request("uptime", i)) + "\n" for i in range(300)))
    check.equal([client.line()["id"] for _ in range(300)], list(range(300)), "ids")
    client.send("x\n" * 5000)                      # answered at once, a few in a turn
    check.equal({code_of(client.line()) for _ in range(5000)}, {-32700}, "codes")


def test_request_that_is_too_long(t):
    daemon = t.daemon()
    client = Client(t, daemon)
    fits = json.dumps(request("stats", 1, params=["x" * 65000]))
    check.equal(client.ask(fits + "\n")["id"], 1, "one that fits")
    client = Client(t, daemon)
    client.send(b"[" * 65536)
    response = client.line()
    check.equal(code_of(response), -32700, "code")
    check.contains(response["error"]["message"], "at most 65536 bytes", "message")
    check.equal(client.line(), None, "then the daemon closes")
    deep = Client(t, daemon).ask("[" * 30000 + "]" * 30000 + "\n")
    check.equal(code_of(deep), -32700, "nested too deeply")
    check.equal(daemon.ctl("uptime").returncode, 0, "others go on")


def test_client_that_does_not_read(t):
    """Its answers wait in its connection; it is read no further, and others are served."""
    daemon = t.daemon()
    deaf = Client(t, daemon)
    deaf.sock.setblocking(False)
    sent = 0
    try:
        while sent < 50_000_000:
            sent += deaf.sock.send((json.dumps(request("help")) + "\n").encode() * 100)
    except BlockingIOError:
        pass
    check.that(sent < 5_000_000, f"the daemon takes no more of its requests: {sent} bytes")
    for _ in range(5):
        check.equal(daemon.ctl("uptime").returncode, 0, "another client")
    before = daemon.stat("mi_commands")
    check.that(before < 5000, f"commands carried out for it: {before}")


def test_client_that_goes_while_its_command_runs(t):
    daemon = t.daemon(conf={"mi": {"max_clients": 100}})            # none is turned away, however late the daemon comes to them
    for _ in range(50):
        client = Client(t, daemon)
        client.send([request("help", i) for i in range(64)])
        client.close()
    check.until(lambda: daemon.stat("mi_commands") >= 50 * 64, 20, "all were carried out")
    check.equal(daemon.ctl("uptime").returncode, 0, "others go on")


def test_number_of_clients(t):
    """mi.max_clients; one more is told so. One that goes makes room."""
    daemon = t.daemon(conf={"mi": {"max_clients": 10}})
    clients = [Client(t, daemon) for _ in range(10)]
    for number, client in enumerate(clients):
        check.equal(client.ask(request("uptime", number))["id"], number, "response")
    late = Client(t, daemon)
    response = late.line()
    check.equal((code_of(response), response["id"]), (-32000, None), "answer to one too many")
    check.equal(late.line(), None, "then the daemon closes")
    done = daemon.ctl("uptime")
    check.equal(done.returncode, 1, "status of pinholectl")
    check.contains(done.stderr, "10 control clients are connected (mi.max_clients): try again", "stderr of pinholectl")
    clients[7].close()
    check.until(lambda: daemon.ctl("uptime").returncode == 0, 3, "room for another")
    check.that(daemon.stat("mi_clients_refused") >= 2, "clients refused")


def test_clients_at_once(t):
    """Thirty connections, a hundred requests each, in any order."""
    daemon = t.daemon()
    clients = [Client(t, daemon) for _ in range(30)]
    for number in range(100):
        for index, client in enumerate(clients):
            client.send(request("stats", f"{index}/{number}", params=["park"]) if number % 2 else request("no_such", f"{index}/{number}"))
    for index, client in enumerate(clients):
        check.equal([client.line()["id"] for _ in range(100)], [f"{index}/{n}" for n in range(100)], f"responses to client {index}")


def test_silent_client_is_closed(t):
    daemon = t.daemon(conf={"mi": {"idle_timeout": 1000}})
    client, deaf = Client(t, daemon), Client(t, daemon)
    deaf.send((json.dumps(request("help")) + "\n") * 1000)
    start = time.monotonic()
    check.equal(client.line(), None, "the daemon closes")
    check.that(0.9 < time.monotonic() - start < 3, f"after a second: {time.monotonic() - start:.1f} s")
    try:
        while deaf.line() is not None:             # what was on its way
            check.that(time.monotonic() - start < 5, "the daemon closes one that does not read, too")
    except ConnectionResetError:
        pass


def test_no_socket(t):
    """mi.socket = "": none, and nothing at its default place."""
    path = os.path.join(t.dir, "fifo")
    daemon = t.daemon(start=False, conf={"mi": {"socket": "", "fifo": path, "fifo_reply_dir": t.dir}})
    daemon.launch()
    daemon.process.ready(lambda: os.path.exists(path) and "ready: node" in daemon.log(), 15)
    check.that(not os.path.exists(daemon.mi), "no socket")
    done = proc.run([build.program("pinholectl"), "-s", daemon.mi, "uptime"])
    check.equal(done.returncode, 2, "status of pinholectl")
