"""Every parameter of the daemon and of every plugin, given what it cannot be.

    operator --pinholed -c--> one complaint for each wrong value: FILE:LINE: KEY: found WHAT, want RANGE OR FORM

The parameters are those that `pinholed -R` lists, so a new one is covered by itself: numbers and switches from their kind
and range; a new text needs a line in BAD (what it must refuse) or in FREE (why nothing is wrong for it).
"""

import os
import re

from kit import build, check, proc, reference

# Texts that must be refused. For lists: items.
BAD = {
    "node": ["a b", "a/b", "x" * 65, "a\nb", "{a}"],
    "script": ["absent.route", "/no/such/folder/edge.route"],
    "user": ["no-such-user"],
    "group": ["no-such-group"],
    "secret": ["", "short", "fifteen letters"],
    "secret_file": ["/no/such/file", "/dev/null"],
    "script_dialect": ["", "opensipz", "Kamailio "],
    "script_defines": ["", "1X", "A B", "=5", "A-B=1"],
    "aliases": ["", "a b", "example.org:99999", "example.org:x", "sip:example.org", "user@example.org", "[::1", "a..b"],
    "server_header": ["a\r\nX-Evil: 1", "a\nb", "\x01"],
    "log.level": ["", "loud", "Info "],
    "log.to": ["", "file", "/var/log/pinhole"],
    "storage.backend": ["", "sqlite", "Redis"],
    "storage.url": ["", "http://127.0.0.1", "redis://", "redis://127.0.0.1:99999/0", "redis://127.0.0.1/x", "unix://", "127.0.0.1:6379",
                    "redis://user:pass%word@127.0.0.1", "redis://onlyuser@127.0.0.1", "redis://no-such-host.example", "rediss://127.0.0.1"],
    "storage.prefix": ["a b", "a{b", "a}b", "a\n"],
    "tls.verify_client": ["", "yes", "Require", "none"],
    "tls.min_version": ["", "1.4", "SSLv3", "TLS1.2"],
    "tls.ciphers": ["", "NO-SUCH-CIPHER"],
    "dns.servers": ["", "dns.example.org", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:x", "udp:127.0.0.1", "[::1", "1.2.3"],
    "dns.hosts": ["", "pbx.example.org 192.0.2.1", "192.0.2.1", "192.0.2.1:5060 pbx", "192.0.2.1 pbx # the PBX", "192.0.2.1 a\n192.0.2.2 b"],
    "dns.resolv_conf": ["", "resolv.conf", "etc/resolv.conf"],
    "dns.hosts_file": ["hosts", "etc/hosts"],
    "dns.prefer": ["", "IPv6", "both", "4"],
    "mi.socket": ["relative/mi.sock", "mi.sock", "/tmp/" + "x" * 120],
    "mi.fifo": ["relative/fifo", "fifo", "/"],
    "mi.fifo_reply_dir": ["", "relative", "tmp"],
    "natping.natping_socket": ["", "x", "example.org", "::1", "1.2.3", "192.0.2.1:0", "192.0.2.1:99999", "192.0.2.1:x"],
    "natping.sipping_from": ["", "pinger", "http://example.org", "<sip:a@b", "sip:a b@c", "sip:a@b\r\nX: y"],
    "natping.sipping_method": ["", "OPT IONS", "INVITE", "a/b", "OPTIONS\r\n"],
    "natping.force_socket": ["", "x", "udp:", "udp:127.0.0.1:99999", "sctp:127.0.0.1:5060"],
    "notify.rtpp_notify_socket": ["x", "tcp:", "tcp:127.0.0.1", "tcp:127.0.0.1:99999", "udp:127.0.0.1:9", "unix:", "unix:relative", "tcp:example.org:9"],
    "notify.mode": ["", "rw", "0999", "77777", "-1"],
    "notify.group": ["no-such-group"],
    "nat.received_avp": ["", "received", "$ru", "$var(x)", "$avp"],
    "registrar.received_avp": ["", "received", "$ru", "$var(x)", "$avp"],
    "sdp.nortpproxy_str": ["x", "a=", "c=IN IP4 192.0.2.1", "a=x\r\na=y\r\n"],
    "rtpp.nortpproxy_str": ["x", "a=", "c=IN IP4 192.0.2.1", "a=x\r\na=y\r\n"],
    "rtpp.rtpproxy_sock": ["udp:127.0.0.1:99999", "udp:127.0.0.1:1=x", "x == udp:127.0.0.1:1", "-1 == udp:127.0.0.1:1", "sctp:127.0.0.1:1",
                           "udp:127.0.0.1:1=65536"],
    "rtpp.force_socket": ["", "x", "example.org:1", "127.0.0.1:99999", "203.0.113.77", "udp:127.0.0.1:1"],
    "rtpp.db_url": ["x", "mysql://localhost/opensips", "redis://", "redis://127.0.0.1:99999", "redis://127.0.0.1/x"],
    "rtpp.db_table": ["", "a b", "a*", "a\n"],
    "rtpp.rtpp_socket_col": ["", "a b"],
    "rtpp.set_id_col": ["", "a b"],
    "rtpp.rtpp_notify_socket": ["x", "tcp:", "tcp:127.0.0.1", "tcp:127.0.0.1:99999", "udp:127.0.0.1:9", "unix:", "unix:relative"],
    "rtpp.rtpproxy_timeout": ["", "x", "0", "-1", "61", "1s", "1.2.3"],
    "rtpp.rtpproxy_tout": ["x", "0", "-1", "61"],
    "natping.natping_socket": ["", "edge.example.org", "192.0.2.9:0", "192.0.2.9:99999", "[2001:db8::1]:5060", "udp:192.0.2.9", "0.0.0.0"],
    "natping.sipping_from": ["", "pinger", "tel:+4930", "<sip:a@example.org>;tag=x", "<sip:a@example.org", "<sip:a@b>, <sip:c@d>", "<sip:a@b>\r\nX: 1"],
    "natping.sipping_method": ["", "OPT IONS", "INVITE", "ack", "CANCEL", "OPTIONS\r\n"],
    "natping.force_socket": ["", "somewhere", "udp:", "sctp:192.0.2.9:5060", "192.0.2.9:99999"],
    "mi.socket": ["relative", "/folder/", "/tmp", "/dev/null", "/" + "x" * 120],
    "mi.fifo": ["relative", "/folder/", "/tmp", "/dev/null"],
    "mi.fifo_reply_dir": ["", "relative", "/no/such/folder", "/dev/null"],
}
# Texts that can be anything, and why.
FREE = {
    "plugin_dir": "folders need not exist; a plugin that is in none of them is told with them",
    "tls.certificate": "the files are looked at together, when the rest of the group is right: test_tls_certificates.py",
    "tls.private_key": "likewise",
    "tls.ca": "likewise",
    "plugins": "names of plugins: test_host.py has those that cannot be",
}
# What may hold a password is not repeated.
HIDDEN = ("secret", "storage.url", "rtpp.db_url")
# Long ones, of which a message repeats the beginning.
SHOWN = 60


def quoted(text):
    out = ""
    for c in text:
        out += {"\\": "\\\\", '"': '\\"', "\r": "\\r", "\n": "\\n"}.get(c, c if c >= " " else f"\\x{ord(c):02x}")
    return f'"{out}"'


def shown(text):
    """As a message repeats a text: control characters are written as in C."""
    out = "".join({"\r": "\\r", "\n": "\\n", "\t": "\\t"}.get(c, c if c >= " " else f"\\x{ord(c):02x}") for c in text)
    return f'found "{text[:SHOWN]}...' if len(text) > SHOWN else f'found "{out}"'


def number_cases(p):
    check.that(p.range, f"{p} has a range")
    want = f"from {p.low} to {p.high}"
    wraps = p.low + (1 << 32) if p.low >= 0 else p.high + (1 << 32)      # the same as a good value in 32 bits
    cases = [("{ }", "found a group"), ("( )", "found a list"), ('"many"', 'found "many"'), ('""', 'found ""'), ("1.5", "found 1.5"),
             ("true", "found true"), (f"{p.low - 1}", f"found {p.low - 1}"), (f"{p.high + 1}", f"found {p.high + 1}"),
             (f"{p.low - 1}L", f"found {p.low - 1}"), (f"{p.high + 1}L", f"found {p.high + 1}"), (f'"{p.high + 1}"', f'found "{p.high + 1}"'),
             (f"{wraps}", f"found {wraps}"), (f"{wraps}L", f"found {wraps}"), ("99999999999999999999", "found 99999999999999999999"),
             (f"0x{p.high + 1 + (1 << 32):X}", f"found {p.high + 1 + (1 << 32)}")]
    return [(literal, found, want) for literal, found in cases]


def switch_cases(_):
    cases = [("{ }", "found a group"), ("( )", "found a list"), ("2", "found 2"), ("-1", "found -1"), ("1.5", "found 1.5"),
             ('"maybe"', 'found "maybe"'), ('""', 'found ""')]
    return [(literal, found, "true or false") for literal, found in cases]


def text_cases(p):
    cases = [("{ }", "found a group", "a string"), ("( )", "found a list", "a string"), ("true", "found true", "a string")]
    return cases + [(quoted(t), shown(t) if p.key not in HIDDEN else "found ", "want ") for t in BAD.get(p.key, [])]


def list_cases(p):
    cases = [("{ }", "found a group", "a list of strings"), ("true", "found true", "a list of strings"),
             ("( { } )", "found a group", "a string in the list"), ("( true )", "found true", "a string in the list")]
    return cases + [(f"( {quoted(t)} )", shown(t), "want ") for t in BAD.get(p.key, [])]


def groups_cases(_):
    cases = [("5", "found 5"), ('"x"', 'found "x"'), ("true", "found true"), ("1.5", "found 1.5")]
    return [(literal, found, "a list of groups") for literal, found in cases]


CASES = {"integer": number_cases, "ms": number_cases, "bool": switch_cases, "string": text_cases, "list": list_cases, "groups": groups_cases}


class File:
    """A configuration that is right but for what is put into it, a line for each value."""

    def __init__(self, t, values):
        self.path = os.path.join(t.dir, "bad.conf")
        with open(os.path.join(t.dir, "good.route"), "w", encoding="utf-8") as out:
            out.write('route {\n\tsl_send_reply("200", "OK");\n}\n')
        wanted = {} if "notify" in values else {k: quoted(v) for k, v in reference.REQUIRED.items()}
        usual = {**wanted, "listen": '"udp:127.0.0.1:5999"', "script": '"good.route"', "plugin_dir": quoted(build.plugin_dirs()), "plugins":
                 "( " + ", ".join(f'"{name}"' for name in sorted(reference.plugins())) + " )"}
        groups, self.lines = {}, []
        for key, literal in {**usual, **values}.items():
            group, _, name = key.rpartition(".")
            groups.setdefault(group, []).append((key, name, literal))
        for group, members in groups.items():
            self.lines += [(None, f"{group} = {{")] if group else []
            self.lines += [(key, f"{name} = {literal};") for key, name, literal in members]
            self.lines += [(None, "};")] if group else []
        with open(self.path, "w", encoding="utf-8") as out:
            out.write("".join(text + "\n" for _, text in self.lines))

    def line(self, key):
        return next(i for i, (k, _) in enumerate(self.lines, 1) if k == key)

    def check(self):
        return proc.run([*build.fixed_layout(), build.program("pinholed"), "-c", "-f", self.path], env=build.environment(), seconds=60)


def refused(t, values):
    """values: {key: (literal, found, want)}; every one of them is told."""
    file = File(t, {key: case[0] for key, case in values.items()})
    done = file.check()
    check.equal(done.returncode, 1, f"status of -c for {values}")
    complaints = done.stderr.splitlines()
    for key, (literal, found, want) in values.items():
        mine = [c for c in complaints if c.startswith(f"{file.path}:{file.line(key)}: {key}: ")]
        near = [c for c in complaints if f":{file.line(key)}: " in c or key in c]
        check.that(mine, f"{key} = {literal} is refused at {file.path}:{file.line(key)}; complaints: {near}")
        check.contains(mine[0], found, f"complaint of {key} = {literal}")
        check.contains(mine[0], want, f"complaint of {key} = {literal}")
        check.equal(len(mine), 1, f"complaints of {key} = {literal}: {mine}")


def test_the_file_without_bad_values_is_clean(t):
    done = File(t, {}).check()
    check.equal((done.returncode, done.stderr), (0, ""), "status and complaints of -c")


def test_every_text_is_known_here(t):
    """A parameter that takes a text must say what it refuses."""
    texts = {p.key for p in reference.params() if p.kind in ("string", "list")}
    known = set(BAD) | set(FREE)
    check.equal(sorted(texts - known), [], "texts without a line in BAD or FREE")
    check.equal(sorted(set(BAD) & set(FREE)), [], "texts that are in both")
    check.equal(sorted(known - texts), [], "lines in BAD and FREE that name no text parameter")


def test_every_parameter_refuses_what_it_cannot_be(t):
    pending = {}
    for p in reference.params():
        check.that(p.kind in CASES, f"{p}: kind {p.kind!r} is known to this test")
        if p.key not in ("plugins", "plugin_dir"):           # without them the others would not be looked at
            pending[p.key] = CASES[p.kind](p)
    count = 0
    while pending:
        values = {key: cases.pop(0) for key, cases in pending.items()}
        count += len(values)
        refused(t, values)
        pending = {key: cases for key, cases in pending.items() if cases}
    print(f"{count} wrong values of {len(reference.params())} parameters")


def test_passwords_are_not_repeated(t):
    for key, text in (("secret", "hunter2"), ("storage.url", "http://user:hunter2@127.0.0.1"), ("storage.url", "redis://user:hunter2@127.0.0.1/x"),
                      ("storage.url", "redis://user:hunter2%@127.0.0.1"), ("storage.url", "redis://hunter2@127.0.0.1")):
        done = File(t, {key: quoted(text)}).check()
        check.equal(done.returncode, 1, f"status of -c for {key} = {text}")
        check.that("hunter2" not in done.stderr + done.stdout, f"complaint of {key}: {done.stderr}")


def test_folders_of_plugins(t):
    for literal in ("{ }", "( )", "true"):
        refused(t, {"plugin_dir": (literal, "found ", "a string")})
    file = File(t, {"plugin_dir": '"/no/such/folder"'})
    done = file.check()
    check.equal(done.returncode, 1, "status of -c for a folder without plugins")
    check.contains(done.stderr, f"{file.path}:{file.line('plugins')}: plugins: no plugin 'nat': there is no nat.so in /no/such/folder (plugin_dir)",
                   "complaint")


def test_plugins_is_a_list_of_strings(t):
    for literal, found, want in (("{ }", "found a group", "a list of strings"), ("( 1.5, { } )", "found a group", "a string in the list"),
                                 ("true", "found true", "a list of strings")):
        refused(t, {"plugins": (literal, found, want)})


def test_every_group_must_be_one_and_knows_its_names(t):
    for group in sorted({p.group for p in reference.params() if p.group}):
        for literal in ("5", '"x"', "( )"):
            done = File(t, {group: literal}).check()
            check.equal(done.returncode, 1, f"status of -c for {group} = {literal}")
            check.that(re.search(rf"bad\.conf:\d+: {group}: found .*, want a group", done.stderr), f"complaint of {group} = {literal}: "
                       f"{done.stderr}")
        some = next(p.name for p in reference.params() if p.group == group)
        done = File(t, {f"{group}.{some}x": "1"}).check()
        check.equal(done.returncode, 1, f"status of -c for {group}.{some}x")
        check.that(re.search(rf"bad\.conf:\d+: {group}\.{some}x: unknown name, did you mean \"{some}\"", done.stderr),
                   f"complaint of {group}.{some}x: {done.stderr}")


def test_names_that_nobody_knows(t):
    done = File(t, {"wrokers": "2", "natt.received_avp": '"$avp(x)"'}).check()
    check.equal(done.returncode, 1, "status of -c")
    for text in ("unknown name 'wrokers': did you mean 'workers'?", "unknown name 'natt': did you mean 'nat'?"):
        check.contains(done.stderr, text, "complaints")


def test_a_number_that_libconfig_would_cut_is_told_as_written(t):
    """It takes the low 32 bits of what has no L: 4294967356 would be 60. Also beside others, and in a file that is included."""
    with open(os.path.join(t.dir, "part.conf"), "w", encoding="utf-8") as out:
        out.write("# registrar\nregistrar = { /* min_expires = 1 */ max_contacts = 3; min_expires = 4294967356; };\n")
    file = File(t, {})
    with open(file.path, "a", encoding="utf-8") as out:
        out.write('@include "part.conf"\n')
    done = file.check()
    check.equal(done.returncode, 1, "status of -c")
    check.that(re.search(r"part\.conf:2: registrar\.min_expires: found 4294967356, want an integer from 0 to 2147483647",
                         done.stderr), f"complaints: {done.stderr}")


LISTEN = ["", "127.0.0.1", "udp:", "udp:127.0.0.1:99999", "udp:127.0.0.1:x", "sctp:127.0.0.1:5060", "udp:[::1:5060", "udp:300.1.1.1:5060",
          "udp:example.org:5060"]


def test_listen(t):
    for text in LISTEN:
        for literal in (quoted(text), f"( {quoted(text)} )", f"( {{ address = {quoted(text)}; }} )"):
            file = File(t, {"listen": literal})
            done = file.check()
            check.equal(done.returncode, 1, f"status of -c for listen = {literal}")
            check.contains(done.stderr, f"{file.path}:{file.line('listen')}: listen: \"{text}\": ", f"complaint of {literal}")
    for literal, want in (("5", "expected \"udp:ADDRESS[:PORT]\""), ("{ }", "expected \"udp:"), ("( )", "no address"), ("( 5 )", "expected \"udp:"),
                          ('{ address = 5; }', "address: expected a string"), ('{ adress = "udp:127.0.0.1:5999"; }', "unknown name 'adress'"),
                          ('{ address = "udp:127.0.0.1:5999"; advertise = "a b"; }', "a b"),
                          ('{ address = "udp:127.0.0.1:5999"; advertise = "203.0.113.9:99999"; }', "99999"),
                          ('( "udp:127.0.0.1:5999", "udp:127.0.0.1:5999" )', "5999")):
        file = File(t, {"listen": literal})
        done = file.check()
        check.equal(done.returncode, 1, f"status of -c for listen = {literal}")
        check.contains(done.stderr, f"{file.path}:{file.line('listen')}: listen: ", f"place of the complaint of {literal}")
        check.contains(done.stderr, want, f"complaint of {literal}")


def test_log_levels_of_parts_and_plugins(t):
    for key in ("net", "nat", "store"):
        refused(t, {f"log.{key}": ('"loud"', 'found "loud"', "debug, info, notice, warn, err, crit or alert")})
        refused(t, {f"log.{key}": ("3", "found 3", "debug, info")})
        refused(t, {f"log.{key}": ("{ }", "found a group", "a string")})
    done = File(t, {"log.natt": '"debug"'}).check()
    check.equal(done.returncode, 1, "status of -c for a name that nobody knows")
    check.contains(done.stderr, "log.natt: unknown name, did you mean \"nat\"?", "complaint")
