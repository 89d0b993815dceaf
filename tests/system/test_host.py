"""The daemon as an operator meets it: configuration, plugins, ports, users, systemd, logs.

    operator --pinholed -c / start / signals--> pinholed

Expected: every error names file and line (the script's also the column), what was found and what is right; all at once;
what is wrong stops the start, and the last lines say why.
"""

import os
import re
import socket

from kit import build, check, proc, sip
from kit.daemon import ROUTE, render

NOBODY = 65534


def need_root():
    if os.geteuid() != 0:
        raise check.Skipped("needs root")


def line_of(path, text):
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if text in line:
                return number
    raise check.Failed(f"the test's own file has no {text!r}")


def test_version_help_and_usage(t):
    version = proc.run([build.program("pinholed"), "-V"])
    check.equal(version.returncode, 0, "status of -V")
    check.that(re.search(r"pinholed \d+\.\d+", version.stdout), f"a version: {version.stdout!r}")
    check.contains(proc.run([build.program("pinholed"), "-h"]).stdout, "-f FILE", "the text of -h")
    for argv in ([], ["-f"], ["--nonsense"], ["-f", "a", "b"]):
        done = proc.run([build.program("pinholed"), *argv])
        check.equal(done.returncode, 2, f"status of wrong usage {argv}")
        check.contains(done.stderr, "usage", f"stderr of wrong usage {argv}")


def test_check_of_a_clean_configuration(t):
    daemon = t.daemon(start=False)
    done = daemon.check_conf()
    check.equal(done.returncode, 0, f"status of -c ({done.stderr.strip()})")
    check.equal(done.stderr, "", "complaints")


def test_shipped_examples_are_clean(t):
    for name in sorted(os.listdir(os.path.join(build.TOP, "examples"))):
        if name.endswith(".conf"):
            done = proc.run([build.program("pinholed"), "-p", build.plugin_dirs(), "-c", "-f",
                             os.path.join(build.TOP, "examples", name)], env=build.environment())
            check.equal(done.returncode, 0, f"status of -c for examples/{name} ({done.stderr.strip()})")


def test_check_reports_all_value_errors(t):
    daemon = t.daemon(start=False, conf={
        "workers": "many", "wrokers": 2, "shutdown_timeout": -5,
        "listen": ["udp:not an address:5060", "sctp:127.0.0.1:5060"],
        "log": {"level": "loud"},
        "tm": {"t1": "soon"},
        "rtpp": {"rtpproxy_retr": -1, "rtpproxy_sokc": "udp:127.0.0.1:1"},
    })
    done = daemon.check_conf()
    check.equal(done.returncode, 1, "status of -c")
    for key in ("workers", "wrokers", "shutdown_timeout", "not an address", "sctp", "loud", "t1", "rtpproxy_retr",
                "rtpproxy_sokc"):
        number = line_of(daemon.conf_path, key)
        lines = [line for line in done.stderr.splitlines() if line.startswith(f"{daemon.conf_path}:{number}:")]
        check.that(any(key in line for line in lines), f"an error at line {number} that names {key}: {done.stderr}")
    check.contains(done.stderr, "did you mean", "a proposal for a misspelt name")
    status, log = daemon.refused()
    check.equal(status, 1, "status of the start")
    check.contains(log, "wrokers", "log of the start")


def test_syntax_error_names_file_and_line(t):
    daemon = t.daemon(start=False)
    daemon.write('node = "a";\nworkers = 2\nlisten = (;\n')
    done = daemon.check_conf()
    check.equal(done.returncode, 1, "status of -c")
    check.that(re.search(re.escape(daemon.conf_path) + r":[23]: ", done.stderr), f"file:line: {done.stderr!r}")


def test_missing_file(t):
    done = proc.run([build.program("pinholed"), "-f", os.path.join(t.dir, "absent.conf")], env=build.environment())
    check.equal(done.returncode, 1, "status")
    check.contains(done.stderr, "absent.conf", "stderr")


def test_script_errors_come_all_at_once(t):
    script = "\n".join([
        "route {",
        "\tif (!mf_process_maxfwd_haeder(\"10\")) {",
        "\t\texit;",
        "\t}",
        "\tsl_send_reply(\"404\");",
        "\tt_on_failure(\"NOWHERE\");",
        "\troute(ABSENT);",
        "}",
        "failure_route[X] {",
        "\tfix_nated_register();",
        "}", ""])
    daemon = t.daemon(start=False, script=script)
    done = daemon.check_conf()
    check.equal(done.returncode, 1, "status of -c")
    path = daemon.conf["script"]
    for number, word in ((2, "mf_process_maxfwd_haeder"), (5, "sl_send_reply"), (6, "NOWHERE"), (7, "ABSENT"),
                         (10, "fix_nated_register")):
        pattern = re.escape(path) + rf":{number}:\d+: .*{word}"
        check.that(re.search(pattern, done.stderr), f"file:{number}:column: that names {word}: {done.stderr}")
    check.equal(daemon.refused()[0], 1, "status of the start")


def test_function_of_a_plugin_that_is_not_listed(t):
    daemon = t.daemon(start=False, conf={"plugins": ["nat", "sdp", "rtpp", "mi"], "registrar": None})
    done = daemon.check_conf()
    check.equal(done.returncode, 1, "status of -c")
    check.that(re.search(r"save.*needs plugin 'registrar'", done.stderr), f"which plugin is needed: {done.stderr}")


# Plugins

def test_plugin_file_is_missing(t):
    daemon = t.daemon(start=False, conf={"plugins": ["nat", "sdp", "registrar", "rtpp", "mi", "absent"]})
    status, log = daemon.refused()
    check.equal(status, 1, "status")
    check.contains(log, "'absent'", "log")
    number = line_of(daemon.conf_path, "plugins")
    check.contains(log, f"{daemon.conf_path}:{number}:", "log")


def test_plugin_is_listed_twice(t):
    daemon = t.daemon(start=False, conf={"plugins": ["nat", "sdp", "nat", "registrar", "rtpp", "mi"]})
    status, log = daemon.refused()
    check.equal(status, 1, "status")
    check.contains(log, "'nat' is listed twice", "log")


def refused_with(t, name, *texts):
    """One of the plugins in tests/plugins that the daemon must refuse."""
    daemon = t.daemon(start=False, conf={"plugins": ["nat", "sdp", "registrar", "rtpp", "mi", name]},
                      plugin_dirs=[build.test_plugin_dir()])
    status, log = daemon.refused()
    check.equal(status, 1, "status")
    for text in (f"'{name}'", *texts):
        check.contains(log, text, "log")


def test_plugin_of_another_abi(t):
    refused_with(t, "badabi", "ABI 999")


def test_plugin_with_another_name(t):
    refused_with(t, "misnamed", "'other'")


def test_plugin_that_lacks_its_dependency(t):
    refused_with(t, "needy", "'waiter'")


def test_shared_object_without_a_descriptor(t):
    refused_with(t, "empty", "ph_plugin")


def test_file_that_is_no_shared_object(t):
    folder = os.path.join(t.dir, "plugins")
    os.makedirs(folder)
    with open(os.path.join(folder, "text.so"), "w", encoding="utf-8") as out:
        out.write("no shared object\n")
    daemon = t.daemon(start=False, conf={"plugins": ["nat", "sdp", "registrar", "rtpp", "mi", "text"]}, plugin_dirs=[folder])
    status, log = daemon.refused()
    check.equal(status, 1, "status")
    check.contains(log, "'text' cannot be loaded", "log")


def test_plugin_built_outside_the_tree(t):
    """As others build theirs: with the headers and a compiler."""
    folder = os.path.join(t.dir, "plugins")
    os.makedirs(folder)
    source = os.path.join(folder, "extra.c")
    with open(source, "w", encoding="utf-8") as out:
        out.write('#include "core/host/plugin.h"\n'
                  'const struct ph_plugin ph_plugin = {.abi = PH_PLUGIN_ABI, .name = "extra", .version = "1", '
                  '.help = "A test.", .needs = "nat registrar"};\n')
    flags = proc.run(["pkg-config", "--cflags", "jansson", "libzmq", "libevent", "libconfig", "hiredis"]).stdout.split()
    done = proc.run(["cc", "-shared", "-fPIC", f"-I{build.TOP}", f"-I{build.folder()}", *flags, "-o",
                     os.path.join(folder, "extra.so"), source])
    check.equal(done.returncode, 0, f"cc ({done.stderr})")
    daemon = t.daemon(conf={"plugins": ["nat", "sdp", "registrar", "rtpp", "mi", "extra"]}, plugin_dirs=[folder])
    t.phone("alice", daemon).register()


# Ports, users, systemd

def test_udp_port_is_taken(t):
    port = proc.free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port))
        daemon = t.daemon(start=False, port=port)
        status, log = daemon.refused()
    check.equal(status, 1, "status")
    check.contains(log, f"127.0.0.1:{port}", "log")


def test_second_daemon_on_the_same_port(t):
    first = t.daemon()
    second = t.daemon(start=False, port=first.port, name="second")
    status, log = second.refused()
    check.equal(status, 1, "status of the second")
    check.contains(log, str(first.port), "log of the second")
    t.phone("alice", first).register()


def test_tcp_port_is_taken(t):
    port = proc.free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", port))
        other.listen(1)
        status, log = t.daemon(start=False, port=port).refused()
    check.equal(status, 1, "status")
    check.contains(log, f"127.0.0.1:{port}", "log")


def test_user_and_group_are_dropped(t):
    need_root()
    relay = t.relay()
    os.chmod(t.dir, 0o777)
    daemon = t.daemon(relay=relay, conf={"user": "nobody", "group": "nogroup"})
    with open(f"/proc/{daemon.process.pid}/status", encoding="utf-8") as status:
        ids = {line.split()[0]: line.split()[1:] for line in status if line.startswith(("Uid:", "Gid:", "Groups:"))}
    check.equal(ids["Uid:"], [str(NOBODY)] * 4, "user ids")
    check.equal(ids["Gid:"], [str(NOBODY)] * 4, "group ids")
    check.that("0" not in ids["Groups:"], f"root's groups are gone: {ids['Groups:']}")
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    call = alice.call("bob")
    leg = bob.wait_call()
    call.wait_answer()
    leg.wait_acked()
    t.talk(call, leg, relay, packets=5)


def test_unknown_user(t):
    need_root()
    status, log = t.daemon(start=False, conf={"user": "no-such-user"}).refused()
    check.equal(status, 1, "status")
    check.contains(log, "no-such-user", "log")


def test_systemd_is_told(t):
    path = os.path.join(t.dir, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(10)
        daemon = t.daemon(start=False)
        daemon.start(env={"NOTIFY_SOCKET": path})
        check.contains(notify.recv(4096).decode(), "READY=1", "first message")
        daemon.stop()
        check.contains(notify.recv(4096).decode(), "STOPPING=1", "message at the end")


# Workers, sockets, logs

def test_calls_go_to_their_workers(t):
    """One socket pair feeds one worker; Call-IDs belong to all: the others' messages are handed over."""
    daemon = t.daemon(conf={"workers": 4})
    phone = t.phone("alice", daemon)
    for _ in range(60):
        check.equal(phone.request("MESSAGE", f"sip:nobody@{daemon.domain}").status, 404, "reply")
    handed = daemon.stat("handed_over")
    check.that(20 <= handed <= 60, f"about three of four messages are handed over: {handed}")
    check.equal(daemon.stat("handover_drops"), 0, "messages lost on the way")
    check.that(daemon.stat("messages") >= 60, "messages that workers have taken up")


def test_what_belongs_to_no_call_is_not_handed_over(t):
    """REGISTER and OPTIONS stay with the worker that they came to; replies to those that were sent on find it, whatever their Call-ID."""
    daemon = t.daemon(conf={"workers": 4})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    for _ in range(10):
        bob.register()
        check.equal(alice.request("OPTIONS", f"sip:{daemon.domain}").status, 200, "the daemon's reply")
    check.equal(daemon.stat("handed_over"), 0, "messages that were handed over")
    for _ in range(30):
        check.equal(alice.request("OPTIONS", f"sip:bob@{daemon.domain}").status, 200, "bob's reply")
    handed = daemon.stat("handed_over")
    check.that(handed <= 30, f"only replies, which come in where the kernel puts bob's: {handed}")
    check.equal(daemon.stat("tm_replies_stray"), 0, "replies that found no request")


def test_advertised_address(t):
    """Where our address is written, it is the advertised one."""
    port = proc.free_port()
    daemon = t.daemon(port=port, conf={"listen": [
        {"address": f"udp:127.0.0.1:{port}", "advertise": "203.0.113.9:5070"}]})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    alice.call("bob", sdp=False)
    leg = bob.wait_call()
    check.that(" 203.0.113.9:5070;" in leg.invite.get("via"), f"top Via: {leg.invite.get('via')}")
    check.equal(sip.uri_parts(sip.uri_of(leg.invite.get("record-route")))[1:3], ("203.0.113.9", 5070), "Record-Route")
    leg.reject()


def test_wildcard_is_expanded(t):
    port = proc.free_port("0.0.0.0")
    daemon = t.daemon(port=port, conf={"listen": [f"udp:0.0.0.0:{port}", f"tcp:0.0.0.0:{port}"]})
    alice, bob = t.phones_of(daemon, ["alice", "bob"])
    bob.mode = "ring"
    alice.call("bob", sdp=False)
    leg = bob.wait_call()
    check.that("0.0.0.0" not in leg.invite.get("via"), f"top Via: {leg.invite.get('via')}")
    check.that("0.0.0.0" not in leg.invite.get("record-route"), f"Record-Route: {leg.invite.get('record-route')}")
    leg.reject()


def test_overrides_of_the_command_line(t):
    daemon = t.daemon(args=["-o", "node=elsewhere", "-o", "workers=1"])
    check.contains(daemon.ctl("uptime").stdout, "elsewhere", "uptime")


def test_log_levels(t):
    """One line an event, with the Call-ID; a level for each plugin."""
    script = 'route {\n\txlog("L_ERR", "seen $rm\\n");\n\txdbg("not seen\\n");\n\tsl_send_reply("200", "OK");\n}\n'
    daemon = t.daemon(script=script, conf={"log": {"level": "err"}})
    phone = t.phone("alice", daemon)
    msg = phone.message("OPTIONS", "sip:example.test", "sip:alice@example.test", "sip:example.test", "my-call-id-1", 1, "x")
    check.equal(phone.start(msg).wait().status, 200, "reply")
    check.until(lambda: "seen OPTIONS" in daemon.log(), 3, "the script's line in the log")
    lines = [line for line in daemon.log().splitlines() if "seen OPTIONS" in line]
    check.equal(len(lines), 1, "lines for one event")
    check.contains(lines[0], "my-call-id-1", "the line")
    check.that("not seen" not in daemon.log(), "a debug line at level err")


def test_configuration_is_what_it_was(t):
    """The route script that ships is the one that the tests run."""
    check.equal(os.path.relpath(ROUTE, build.TOP), "examples/quickstart.route", "script of the tests")
    check.equal(render({"a": [1, "x"]}), '{\n\ta = ( 1, "x" );\n}', "how the kit writes libconfig")
