"""docs/guide.md holds what it says.

    docs/guide.md <-> the guide's table of contents; `pinholed -R`; the files and tests of the tree

Expected: every section, parameter, function and command of the guide has its row; type, default, range and blocks are the
daemon's own; each file and each test that a row names is there. TODO stands only where this build lacks the thing.
"""

import os
import re

from kit import build, check, guide, reference

PARAMETERS = """natping_interval ping_nated_only natping_processes natping_socket received_avp rtpproxy_sock rtpproxy_disable_tout rtpproxy_timeout
rtpproxy_tout rtpproxy_retr force_socket sipping_bflag sipping_from sipping_method nortpproxy_str db_url db_table rtpp_socket_col set_id_col
rtpp_notify_socket""".split()
FUNCTIONS = {1: ["fix_nated_contact"], 2: ["fix_nated_sdp"], 3: ["set_rtp_proxy_set"], 4: ["rtpproxy_offer"], 5: ["rtpproxy_answer"], 6: ["unforce_rtp_proxy"],
             7: ["rtpproxy_stream2uac", "rtpproxy_stream2uas"], 8: ["rtpproxy_stop_stream2uac", "rtpproxy_stop_stream2uas"], 9: ["add_rcv_param"],
             10: ["fix_nated_register"], 11: ["nat_uac_test"], 12: ["start_recording"]}
COMMANDS = "nh_enable_ping nh_enable_rtpp nh_show_rtpp nh_reload_rtpp".split()
SECTIONS = ["1.2", "1.3", "1.4", "1.5.1", "1.5.2"]
EXAMPLES = [f"1.{n}" for n in range(1, 34)]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def first_word(cell):
    return re.match(r"\w+", cell).group(0)


def params():
    return {p.key: p for p in reference.params()}


def functions():
    return {name: (part.name, fn) for part in reference.plugins().values() for name, fn in part.functions.items()}


def commands():
    return {name: (part.name, words) for part in reference.plugins().values() for name, words in part.commands.items()}


def test_every_parameter_has_its_row(t):
    rows = guide.table("parameter")
    check.equal([(r["guide"], names(r["parameter"])[0]) for i, r in enumerate(rows) if i == 0 or r["guide"] != rows[i - 1]["guide"]],
                [(f"1.6.{n}", name) for n, name in enumerate(PARAMETERS, 1)], "sections and parameters, in the guide's order")


def test_every_function_has_its_row(t):
    found = {}
    for row in guide.table("function"):
        found.setdefault(row["guide"], []).append(names(row["function"])[0].partition("(")[0])
    check.equal(found, {f"1.7.{n}": fns for n, fns in FUNCTIONS.items()}, "sections and functions")


def test_every_command_has_its_row(t):
    rows = guide.table("command")
    check.equal([(r["guide"], names(r["command"])[0].split()[0]) for r in rows],
                [(f"1.8.{n}", name) for n, name in enumerate(COMMANDS, 1)], "sections and commands")


def test_every_section_has_its_row(t):
    check.equal([r["guide"] for r in guide.table("subject")], SECTIONS, "sections")


def test_parameters_are_the_daemons(t):
    known = params()
    for row in guide.table("parameter"):
        name, group = names(row["parameter"])[0], first_word(row["group, file"])
        p = known.get(f"{group}.{name}")
        if p is None:
            check.contains(row["shown by"], "TODO", f"{group}.{name} is not in this build, so its row")
            continue
        kind = row["type"].split(", ")
        check.equal(kind[0], p.kind, f"type of {p}")
        check.equal("shared" in kind, p.shared, f"is {p} shared")
        check.equal(row["default"].strip('"').replace("none", ""), p.default, f"default of {p}")
        check.equal(row["range"], p.range, f"range of {p}")
    # And no plugin has a parameter of the guide that no row tells of.
    rows = {(first_word(r["group, file"]), names(r["parameter"])[0]) for r in guide.table("parameter")}
    check.equal(sorted(p.key for p in known.values() if p.name in PARAMETERS and (p.group, p.name) not in rows), [], "parameters without a row")


def synopsis(name, words, least):
    """As the reference writes it: "name(a [, b])"."""
    out = ""
    for i, word in enumerate(words):
        out += (", " if i < least else " [, ") if i else ("" if i < least else "[")
        out += word + ("" if i < least else "]")
    return f"{name}({out})"


def test_functions_are_the_daemons(t):
    known = functions()
    for row in guide.table("function"):
        written = names(row["function"])[0]
        name = written.partition("(")[0]
        plugin = first_word(row["plugin, file"])
        if name not in known:
            check.contains(row["shown by"], "TODO", f"{name}() is not in this build, so its row")
            continue
        owner, (least, most, blocks) = known[name]
        check.equal(plugin, owner, f"plugin of {name}()")
        check.equal(row["blocks"].split(), blocks, f"blocks of {name}()")
        arguments = [a for a in re.split(r"[\[\], ]+", written.partition("(")[2].rstrip(")")) if a]
        check.equal(len(arguments), most, f"arguments of {name}() in {written!r}")
        check.equal(written, synopsis(name, arguments, least), f"how {name}() is written")


def test_commands_are_the_daemons(t):
    known = commands()
    for row in guide.table("command"):
        name, _, words = names(row["command"])[0].partition(" ")
        if name not in known:
            check.contains(row["shown by"], "TODO", f"{name} is not in this build, so its row")
            continue
        check.equal((first_word(row["plugin, file"]), words), known[name], f"plugin and arguments of {name}")


def shown_by():
    """(what the row is about, is it in this build, the cell) of all rows."""
    known_params, known_functions, known_commands = params(), functions(), commands()
    for columns, rows in guide.tables():
        for row in rows if "shown by" in columns else []:
            if "parameter" in row:
                key = f"{first_word(row['group, file'])}.{names(row['parameter'])[0]}"
                yield key, key in known_params, row
            elif "function" in row:
                name = names(row["function"])[0].partition("(")[0]
                yield name, name in known_functions, row
            elif "command" in row:
                name = names(row["command"])[0].split()[0]
                yield name, name in known_commands, row
            else:
                yield row["subject"], set(re.findall(r"\b(natping|rtpp|notify|dialog)\b", row["here"])) <= set(reference.plugins()), row


def test_files_are_there(t):
    for what, there, row in shown_by():
        for path in re.findall(r"\b(?:plugins|core|storage|tools)/[\w/.]+", " ".join(row.values())):
            check.that(os.path.exists(os.path.join(build.TOP, path)) or not there, f"{what}: {path} exists")


def exists(name):
    """"test_file.test_function" of tests/system, or "test_file.c:function" of tests/unit."""
    unit = re.match(r"(\w+\.c):(\w+)$", name)
    system = re.match(r"(\w+)\.(\w+)$", name)
    check.that(unit or system, f"{name!r} names a test")
    folder, file, pattern = ("unit", unit.group(1), rf"^(static void {unit.group(2)}\(|TEST\({unit.group(2)}\))") if unit else \
        ("system", system.group(1) + ".py", rf"^def {system.group(2)}\(t\b")
    path = os.path.join(build.TOP, "tests", folder, file)
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as source:
        return re.search(pattern, source.read(), re.M) is not None


def test_tests_are_there(t):
    for what, there, row in shown_by():
        cell = row["shown by"]
        check.that(not there or "TODO" not in " ".join(row.values()), f"{what} is in this build: its row is complete")
        check.that("TODO" in cell or names(cell), f"{what}: a test")
        for name in names(cell):
            check.that(exists(name), f"{what}: the test {name} exists")
    for name in re.findall(r"`(test_\w+\.(?:c:)?\w+)`", guide.text()):
        check.that(exists(name), f"the test {name} exists")


def test_every_example_of_the_guide_is_there(t):
    """By its number, in a block's title or in the text of a block or before it."""
    page = guide.text()
    spans = re.findall(r"\b1\.(\d+) to 1\.(\d+)\b", page)
    told = {f"1.{n}" for a, b in spans for n in range(int(a), int(b) + 1)} | set(re.findall(r"(?<![.\d])1\.\d+(?![.\d])", page))
    check.equal([e for e in EXAMPLES if e not in told], [], "examples that the page does not have")
