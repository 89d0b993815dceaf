"""The load generator and the comparison that live in bench/.

    sipload --REGISTER, calls--> pinholed --calls--> sipload (it plays both ends)

Expected: nothing fails and nothing is sent again; every contact has its received address, every call its 13 messages; CPU time and memory
of the daemon are told. bench/run measures a server of its own and ends with a table.
"""

import json
import os

from kit import build, check, proc
from kit.runner import variants


def sipload(t, daemon, transport, *words):
    at = f"[{daemon.address}]" if ":" in daemon.address else daemon.address
    argv = [os.path.join(build.folder(), "bench", "sipload"), *words, f"{transport}:{at}:{daemon.port}",
            "--domain", daemon.domain, "--watch", str(daemon.process.pid), "-W", "0", "-d", "20", "-s", "16", "-a", "200",
            "--t1", "2000", "--json", "-q"]          # 2 s without an answer are a fault, on a busy machine half a second is not
    done = proc.run(argv, seconds=40, env=build.environment())
    check.equal(done.returncode, 0, f"exit status of {' '.join(words)}: {done.stderr} {done.stdout}")
    return json.loads(done.stdout)


def clean(result, count):
    check.equal(result["done"], count, "units done")
    for key in ("failed", "timeouts", "retransmitted", "repeated", "stray", "dropped", "garbage", "lost_connections"):
        check.equal(result[key], 0, key)
    check.that(0 < result["latency_p50_us"] <= result["latency_p99_us"] <= result["latency_max_us"], f"latencies: {result}")
    check.equal(result["server_processes"], 1, "processes of the daemon")


@variants(transport=["udp", "tcp"])
def test_registers_and_calls(t, transport):
    daemon = t.daemon()
    result = sipload(t, daemon, transport, "register", "-n", "200", "-w", "20")
    clean(result, 200)
    check.equal(result["checked_received"], 200, "contacts with a received address")
    check.equal(daemon.stat("registrar_accepted"), 400, "REGISTERs at the daemon: to begin with, and refreshed")

    result = sipload(t, daemon, transport, "call", "-n", "50", "-w", "10")
    clean(result, 50)
    check.equal(result["sent"] + result["received"], 50 * 13, "messages")
    check.equal(result["checked_repaired"], 50, "INVITEs whose Contact was repaired")
    check.equal(result["code_200"], 100, "200s to INVITE and BYE")


def test_calls_over_ipv6(t):
    daemon = t.daemon(address="::1")
    result = sipload(t, daemon, "udp", "call", "-n", "20", "-w", "5")
    clean(result, 20)
    check.equal(result["checked_repaired"], 20, "INVITEs whose Contact was repaired")


STATIC = """
route {
	force_rport();
	if (has_totag() && loose_route()) {
		t_relay();
		exit;
	}
	fix_nated_contact();
	record_route();
	$du = "sip:127.0.0.1:PORT";
	t_on_reply("REPAIR");
	t_relay();
}
onreply_route[REPAIR] {
	fix_nated_contact();
}
"""


def test_calls_to_a_callee_that_the_script_knows(t):
    port = proc.free_port("127.0.0.1")
    daemon = t.daemon(script=STATIC.replace("PORT", str(port)))
    result = sipload(t, daemon, "udp", "call", "--callee", str(port), "-n", "20", "-w", "5")
    clean(result, 20)
    check.equal(result["sent"] + result["received"], 20 * 13, "messages")


@variants(method=["INFO", "INVITE"])
def test_requests_in_dialogs_by_rate(t, method):
    daemon = t.daemon()
    result = sipload(t, daemon, "udp", "dialog", "--method", method, "-D", "20", "-r", "100", "-n", "50")
    clean(result, 50)
    check.that(result["memory_units"] == 18, f"memory is told of nine tenths of the dialogs: {result}")


def test_a_server_that_refuses_is_noticed(t):
    daemon = t.daemon()
    argv = [os.path.join(build.folder(), "bench", "sipload"), "call", f"udp:{daemon.address}:{daemon.port}", "--domain",
            daemon.domain, "--callee", str(proc.free_port("127.0.0.1")), "-n", "5", "-W", "0", "--json", "-q"]
    done = proc.run(argv, seconds=20, env=build.environment())
    check.equal(done.returncode, 1, "exit status")
    result = json.loads(done.stdout)
    check.equal((result["failed"], result["code_404"]), (5, 5), "calls to nobody")


def test_a_silent_server_costs_retransmissions_and_timeouts(t):
    port = proc.free_port("127.0.0.1", tcp=False)
    argv = [os.path.join(build.folder(), "bench", "sipload"), "options", f"udp:127.0.0.1:{port}", "-n", "2", "-W", "0",
            "--t1", "50", "--timeout", "400", "--json", "-q"]
    done = proc.run(argv, seconds=20, env=build.environment())
    check.equal(done.returncode, 1, "exit status")
    result = json.loads(done.stdout)
    check.equal((result["failed"], result["timeouts"]), (2, 2), "requests without an answer")
    check.equal(result["retransmitted"], 2 * 3, "after 50, 150 and 350 ms")


def test_the_comparison_measures_pinhole_alone(t):
    argv = [os.path.join(build.TOP, "bench", "run"), "--quick", "--only", "register-udp", "--servers", "pinhole", "--build",
            build.folder(), "--window", "8", "--json", os.path.join(t.dir, "found.json")]
    done = proc.run(argv, seconds=40)
    if build.sanitizer():
        check.that(done.returncode != 0 and "sanitizer" in done.stderr, f"refused: {done.stderr}")
        return
    check.equal(done.returncode, 0, f"exit status of bench/run: {done.stderr}")
    with open(os.path.join(t.dir, "found.json"), encoding="utf-8") as text:
        found = json.load(text)
    check.equal([one["server"] for one in found], ["pinhole"], "what was measured")
    check.that(all(one["window"]["server_cpu_us_per_unit"] > 0 for one in found), f"CPU time: {found}")
    check.contains(done.stdout, "register-udp: REGISTER refresh, UDP", "table")
