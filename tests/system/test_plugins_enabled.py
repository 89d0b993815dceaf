"""Each plugin is a shared object of its own: there when the configuration lists it, absent without a trace when not.

    operator --plugins = ( all but one )--> pinholed

Expected of the one that is missing: no counters, no commands, no functions (the script that calls them is refused and told
which plugin has them), its group and its log level in the file are a warning, its shared object is not in the process. And each
plugin that needs no other works alone. The plugins and what they have are those that `pinholed -R` lists.
"""

import os
import re

from kit import build, check, proc, reference

SCRIPT = 'route {\n\tsl_send_reply("200", "OK");\n}\n'


NEEDS = {}                                  # plugin -> those that it needs, see learn_needs()


def order(names):
    """A plugin comes after those that it needs."""
    out = []
    while len(out) < len(names):
        out += sorted(n for n in names if n not in out and not (NEEDS.get(n, set()) & names) - set(out))
    return out


def without(t, missing, **more):
    """A daemon with all the plugins but those that are missing, not started."""
    listed = order(set(reference.plugins()) - set(missing))
    return t.daemon(start=False, script=SCRIPT, **more, conf={
        "plugins": listed, "registrar": None, "rtpp": None, **reference.required(listed, t.dir),
        "mi": None if "mi" in missing else {"socket": os.path.join(t.dir, "pinholed.sock")}})


def together(name):
    """name and all plugins that cannot be without it."""
    return {name} | {other for other, needs in NEEDS.items() if name in needs}


def learn_needs(t):
    """Which plugins refuse to be listed alone: the complaint names the one they need."""
    for name in reference.plugins():
        needs = set()
        while True:
            daemon = t.daemon(start=False, script=SCRIPT, name="alone", conf={
                "plugins": order(needs | {name}), "registrar": None, "rtpp": None, "mi": None})
            done = daemon.check_conf()
            found = re.search(rf"'{name}' .* needs plugin '(\w+)'", done.stderr)
            if not found:
                break
            check.that(found.group(1) not in needs, f"{name} asks for {found.group(1)} once: {done.stderr}")
            needs.add(found.group(1))
        NEEDS[name] = needs


def answers(t, daemon):
    """It serves: OPTIONS is answered."""
    phone = t.phone("alice", daemon)
    check.equal(phone.request("OPTIONS", f"sip:{daemon.domain}", seconds=5).status, 200, "reply to OPTIONS")


def loaded(daemon):
    """Names of the plugins that are mapped into the process."""
    with open(f"/proc/{daemon.process.pid}/maps", encoding="utf-8") as maps:
        text = maps.read()
    return {name for name in reference.plugins() if f"/{name}.so" in text}


def test_without_one_plugin_there_is_no_trace_of_it(t):
    learn_needs(t)
    for name, part in reference.plugins().items():
        if name == "mi":
            continue
        gone = together(name)
        daemon = without(t, gone, name=f"no-{name}")
        daemon.mi = daemon.conf["mi"]["socket"]
        daemon.start()
        others = {c for n, p in reference.plugins().items() if n not in gone for c in p.counters}
        stats = daemon.stats()
        check.equal([c for c in part.counters if c in stats and c not in others], [], f"counters without {name}")
        check.that(others <= set(stats), f"counters of the others: {sorted(others - set(stats))}")
        told = daemon.ctl("help").stdout
        for command in part.commands:
            check.that(not re.search(rf"^\W*{command}\b", told, re.M), f"help without {name} names {command}: {told}")
            done = daemon.ctl(command)
            check.equal(done.returncode, 1, f"status of {command} without {name}")
            check.contains(done.stderr, "no such command", f"complaint of {command} without {name}")
        if not build.sanitizer():
            check.equal(loaded(daemon), set(reference.plugins()) - gone, f"plugins in the process without {name}")
        answers(t, daemon)
        daemon.stop()


def test_without_mi_there_is_no_control_socket(t):
    """And the daemon serves all the same."""
    learn_needs(t)
    daemon = without(t, together("mi"))
    path = os.path.join(t.dir, "pinholed.sock")
    daemon.launch()
    daemon.process.ready(lambda: "ready" in daemon.log(), 10)
    answers(t, daemon)
    check.that(not os.path.exists(path), "a control socket")
    check.that(not [f for f in os.listdir(t.dir) if f.endswith((".sock", "fifo"))], f"sockets and FIFOs: {os.listdir(t.dir)}")
    if not build.sanitizer():
        check.that("mi" not in loaded(daemon), f"plugins in the process: {loaded(daemon)}")


def test_functions_of_a_missing_plugin_are_refused_by_name(t):
    """Under each of their names, each call with its place, and the plugin that has it."""
    learn_needs(t)
    for name, part in reference.plugins().items():
        functions = {**{f: least for f, (least, _, _) in part.functions.items()},
                     **{a: part.functions[f][0] for a, f in part.aliases.items() if f in part.functions}}
        if not functions:
            continue
        calls = "".join(f"\t{f}({', '.join(['1'] * least)});\n" for f, least in functions.items())
        daemon = t.daemon(start=False, script=f"route {{\n{calls}}}\n", conf={
            "plugins": order(set(reference.plugins()) - together(name)), "registrar": None, "rtpp": None,
            **reference.required(set(reference.plugins()) - together(name), t.dir)})
        done = daemon.check_conf()
        check.equal(done.returncode, 1, f"status of -c without {name}")
        for line, function in enumerate(functions, 2):
            check.contains(done.stderr, f".route:{line}:2: function '{function}' needs plugin '{name}'", f"complaint of {function}")
        status, log = daemon.refused()
        check.equal(status, 1, f"status of the start without {name}")
        check.contains(log, f"needs plugin '{name}'", "log of the start")


def test_group_of_a_missing_plugin_is_a_warning(t):
    """Whatever stands in it, as nobody reads it; and the same for its log level."""
    learn_needs(t)
    for name in reference.plugins():
        listed = order(set(reference.plugins()) - together(name))
        conf = {"plugins": listed, "registrar": None, "rtpp": None, "mi": None, "log": {"level": "info", name: "debug"},
                **reference.required(listed, t.dir)}
        daemon = t.daemon(start=False, script=SCRIPT, name=f"group-{name}", conf={**conf, name: {"nonsense": -1}})
        done = daemon.check_conf()
        check.equal(done.returncode, 0, f"status of -c with a group {name}: {done.stderr}")
        lines = [line for line in done.stderr.splitlines() if line]
        check.equal(len(lines), 2, f"warnings: {lines}")
        check.that(any(re.search(rf"\.conf:\d+: warning: {name}: this plugin is not enabled", line) for line in lines), f"of the group: {lines}")
        check.that(any(re.search(rf"\.conf:\d+: warning: log\.{name}: this plugin is not enabled", line) for line in lines), f"of the level: {lines}")


def test_each_plugin_works_with_none_but_those_it_needs(t):
    learn_needs(t)
    for name, part in reference.plugins().items():
        listed = order(NEEDS[name] | {name, "mi"})
        daemon = t.daemon(script=SCRIPT, name=f"only-{name}", conf={"plugins": listed, "registrar": None, "rtpp": None,
                                                                    **reference.required(listed, t.dir)})
        check.that(set(part.counters) <= set(daemon.stats()), f"counters of {name}")
        told = daemon.ctl("help").stdout
        for command in part.commands:
            check.contains(told, command, f"help with {name}")
        if not build.sanitizer():
            check.equal(loaded(daemon), set(listed), f"plugins in the process with {name}")
        answers(t, daemon)
        daemon.stop()


def test_no_plugin_uses_symbols_of_another(t):
    """scripts/arrows looks at every plugin of the build: what one leaves undefined no other defines, and none exports more than its table."""
    done = proc.run([os.path.join(build.TOP, "scripts", "arrows"), build.folder()], seconds=60)
    check.equal(done.returncode, 0, f"status of arrows: {done.stdout}")
    found = re.search(r"symbols of (\d+) plugins", done.stdout)
    check.equal(int(found.group(1)) if found else 0, len(reference.plugins()), "plugins that were looked at")
