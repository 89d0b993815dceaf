"""What `pinholed -R` prints, read back: the tables of the daemon and of all plugins as the build has them."""

import functools
import re

from . import build, check, proc


class Param:
    def __init__(self, group, name, kind, default, span, text):
        self.group, self.name, self.default, self.help = group, name, default, text
        self.kind, _, shared = kind.partition(", ")
        self.shared = shared == "shared"
        self.low, self.high = (int(x) for x in span.split("..")) if span else (None, None)
        self.range = span

    @property
    def key(self):
        return f"{self.group}.{self.name}" if self.group else self.name

    def __repr__(self):
        return self.key


class Part:
    """The daemon itself (name "") or a plugin."""

    def __init__(self, name):
        self.name = name
        self.params = []                     # Param
        self.functions = {}                  # name -> (smallest, largest number of arguments, blocks)
        self.aliases = {}                    # other name -> name
        self.counters = []
        self.commands = {}                   # name -> its parameters as text


def cells(line):
    return [c.strip() for c in re.split(r" \| ", " " + line.strip().strip("|") + " ")]


def function(part, row):
    name, _, arguments = row[0].strip("`").rstrip(")").partition("(")
    most = len([a for a in re.split(r"[,\[\]]", arguments) if a.strip()])
    least = most - arguments.count("[")
    part.functions[name] = (least, most, row[1].split())


@functools.lru_cache(maxsize=None)
def read():
    """{name: Part}; "" is the daemon."""
    done = proc.run([*build.fixed_layout(), build.program("pinholed"), "-R", "-p", build.plugin_dirs()], env=build.environment())
    check.equal(done.returncode, 0, f"status of -R ({done.stderr})")
    parts = {"": Part("")}
    part, group, table = parts[""], "", ""
    for line in done.stdout.splitlines():
        if line.startswith("## Plugin "):
            group = line[len("## Plugin "):]
            part = parts.setdefault(group, Part(group))
        elif line.startswith("### "):
            group = "" if line == "### top level" else line[4:]
        elif line.startswith("## "):
            group = ""
        for alias, name in re.findall(r"`(\w+)` is `(\w+)`\. ", line + " "):
            part.aliases[alias] = name
        if not line.startswith("|"):
            continue
        row = cells(line)
        if not row[0].startswith("`"):
            table = row[0] if not row[0].startswith("--") else table
        elif table == "parameter":
            part.params.append(Param(group, row[0].strip("`"), *row[1:5]))
        elif table == "function":
            function(part, row)
        elif table == "counter":
            part.counters.append(re.match(r"`(\w+)`", row[0]).group(1))
        elif table == "command":
            name, _, arguments = row[0].strip("`").partition(" ")
            part.commands[name] = arguments
    check.that(len(parts) > 3 and parts[""].params and parts["nat"].functions, "the reference has what is known to be there")
    return parts


# What a plugin does not start without: {parameter: a value}.
REQUIRED = {"notify.rtpp_notify_socket": "/tmp/pinhole-notify-of-a-test"}


def required(names, folder):
    """The groups that plugins of these names must have, for a daemon that starts: paths are below the folder."""
    groups = {}
    for key, value in REQUIRED.items():
        group, _, name = key.partition(".")
        if group in names:
            groups[group] = {name: value.replace("/tmp", folder)}
    return groups


def plugins():
    return {name: part for name, part in read().items() if name}


def params():
    """Every parameter of the daemon and of the plugins."""
    return [p for part in read().values() for p in part.params]
