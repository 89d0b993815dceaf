"""The scripts around the build: packages, arrows, counting. No daemon takes part.

    ./quickstart, ./check --> scripts/packages.sh --> apt-get, dpkg-query, systemctl (here: stand-ins that keep a log)
"""

import os
import signal
import stat

from kit import build, check, proc

PACKAGES = os.path.join(build.TOP, "scripts", "packages.sh")
ARROWS = os.path.join(build.TOP, "scripts", "arrows")

STANDINS = {
    # Packages of the file `installed` are there; "stuck" can never be installed.
    "dpkg-query": """
case "$*" in
*binary:Package*) sed 's/^/installed /' "$WORLD/installed" ;;
*) for last; do :; done; grep -qx "$last" "$WORLD/installed" && echo installed || { echo "no packages found" >&2; exit 1; } ;;
esac""",
    "apt-get": """
echo "apt-get $*" >>"$WORLD/log"
case " $* " in
*" update "*) touch "$WORLD/updated"; exit 0 ;;
*" install "*)
    "$PACKAGES_POLICY" x start; echo "policy $?" >>"$WORLD/log"
    [ -e "$WORLD/hang" ] && { touch "$WORLD/hanging"; sleep 30 & wait; }
    [ -e "$WORLD/stale" ] && [ ! -e "$WORLD/updated" ] && exit 100
    after= ; for word; do
        [ -n "$after" ] && case $word in -*|stuck) ;; *) echo "$word" >>"$WORLD/installed" ;; esac
        [ "$word" = --no-install-recommends ] && after=1
    done ;;
esac
exit 0""",
    "apt-cache": 'for last; do :; done; [ -e "$WORLD/updated" ] || ! grep -qx "$last" "$WORLD/unknown" 2>/dev/null',
    "dpkg": 'for last; do :; done; echo "/lib/systemd/system/$last.service"; echo "/etc/init.d/$last"',
    "systemctl": 'echo "systemctl $*" >>"$WORLD/log"',
    "deb-systemd-helper": 'echo "helper $*" >>"$WORLD/log"',
    "update-rc.d": 'echo "rc $*" >>"$WORLD/log"',
}


class World:
    """A machine in a folder: stand-ins first in PATH, a package list, a policy-rc.d."""

    def __init__(self, t, listed="build gcc\ndemo relay\ntest redis\n", installed="gcc\n"):
        self.dir = t.dir
        self.bin = os.path.join(t.dir, "bin")
        os.mkdir(self.bin)
        for name, text in STANDINS.items():
            path = os.path.join(self.bin, name)
            self.write(path, "#!/bin/bash\n" + text + "\n")
            os.chmod(path, 0o755)
        self.policy = os.path.join(t.dir, "policy-rc.d")
        self.write("apt-packages", "# a list\n\n" + listed)
        self.write("installed", installed)
        self.write("log", "")
        self.env = {"PATH": self.bin + ":" + os.environ["PATH"], "WORLD": t.dir, "PACKAGES_POLICY": self.policy,
                    "PACKAGES_LIST": os.path.join(t.dir, "apt-packages"), "PACKAGES_UID": "0"}

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as out:
            out.write(text)

    def read(self, name):
        with open(os.path.join(self.dir, name), encoding="utf-8") as text:
            return text.read()

    def need(self, groups, **env):
        return proc.run(["bash", "-c", f". {PACKAGES}; packages_need {groups}"], env={**self.env, **env})


def test_nothing_missing_asks_apt_nothing(t):
    world = World(t)
    check.equal(world.need("build").returncode, 0, "status")
    check.equal(world.read("log"), "", "calls of apt")


def test_only_what_is_missing_of_the_groups_is_installed(t):
    world = World(t)
    done = world.need("build demo")
    check.equal(done.returncode, 0, f"status ({done.stderr})")
    check.equal(world.read("installed"), "gcc\nrelay\n", "packages afterwards")
    log = world.read("log")
    check.that("update" not in log, "no update when apt knows the package")
    check.contains(log, "--no-install-recommends relay", "call of apt")


def test_update_only_when_needed(t):
    world = World(t)
    world.write("unknown", "relay\n")
    check.equal(world.need("demo").returncode, 0, "status with an unknown package")
    check.contains(world.read("log"), "update", "calls of apt")


def test_stale_lists_get_a_second_try(t):
    world = World(t)
    world.write("stale", "")
    check.equal(world.need("demo").returncode, 0, "status with stale lists")
    check.equal(world.read("installed"), "gcc\nrelay\n", "packages afterwards")


def test_services_do_not_start(t):
    world = World(t)
    check.equal(world.need("demo test").returncode, 0, "status")
    log = world.read("log")
    check.contains(log, "policy 101", "what policy-rc.d said during the install")
    check.that(not os.path.exists(world.policy), "no policy-rc.d is left")
    for name in ("relay", "redis"):
        check.that(any("disable" in line and f"{name}.service" in line for line in log.splitlines()), f"{name} is disabled: {log}")
    check.that("gcc.service" not in log, "what was installed before is left alone")


def test_policy_of_the_operator_is_kept(t):
    world = World(t)
    text = "#!/bin/sh\n# mine\nexit 0\n"
    world.write("policy-rc.d", text)
    os.chmod(world.policy, 0o750)
    check.equal(world.need("demo").returncode, 0, "status")
    check.contains(world.read("log"), "policy 101", "what policy-rc.d said during the install")
    check.equal(world.read("policy-rc.d"), text, "the operator's policy-rc.d")
    check.equal(stat.S_IMODE(os.stat(world.policy).st_mode), 0o750, "its mode")


def test_policy_is_restored_after_an_interrupt(t):
    world = World(t)
    text = "#!/bin/sh\n# mine\nexit 0\n"
    world.write("policy-rc.d", text)
    os.chmod(world.policy, 0o755)
    world.write("hang", "")
    process = t.spawn("need", ["setsid", "bash", "-c", f". {PACKAGES}; packages_need demo"], env=world.env)
    check.until(lambda: os.path.exists(os.path.join(t.dir, "hanging")), 10, "apt is at work")
    check.that("mine" not in world.read("policy-rc.d"), "ours is in force")
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(10)
    check.until(lambda: world.read("policy-rc.d") == text, 5, "the operator's policy-rc.d is back")


def test_policy_that_a_killed_run_left_is_mended(t):
    world = World(t)
    world.write("policy-rc.d", "#!/bin/sh\n# pinhole: no service starts while packages are installed\nexit 101\n")
    world.write("policy-rc.d.kept-by-pinhole", "mine\n")
    check.equal(world.need("build").returncode, 0, "status")
    check.equal(world.read("policy-rc.d"), "mine\n", "the operator's policy-rc.d")


def test_without_root_it_says_what_to_do(t):
    world = World(t)
    done = world.need("build demo test", PACKAGES_UID="1000")
    check.equal(done.returncode, 1, "status")
    check.contains(done.stderr, "redis relay", "what is missing")
    check.contains(done.stderr, "sudo apt-get install --no-install-recommends", "what to run")
    check.equal(world.read("log"), "", "calls of apt")


def test_package_that_cannot_be_installed(t):
    world = World(t, listed="demo stuck\n")
    done = world.need("demo")
    check.equal(done.returncode, 1, "status")
    check.contains(done.stderr, "still not installed: stuck", "stderr")
    check.that(not os.path.exists(world.policy), "no policy-rc.d is left")


def test_every_listed_package_has_a_known_group(t):
    with open(os.path.join(build.TOP, "apt-packages"), encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                check.equal(line.split()[0] in ("build", "demo", "cluster", "test", "bench") and len(line.split()) == 2, True, f"line {line!r}")


# Arrows

def tree(t, files):
    for name, text in files.items():
        path = os.path.join(t.dir, "tree", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
    return proc.run([ARROWS, "--root", os.path.join(t.dir, "tree")])


def test_arrows_of_this_tree(t):
    done = proc.run([ARROWS])
    check.equal(done.returncode, 0, f"status ({done.stdout})")


def test_arrows_that_are_allowed(t):
    done = tree(t, {
        "core/net/a.c": '#include "core/base/b.h"\n#include "core/net/a.h"\n#include "config.h"\n#include <stdio.h>\n',
        "core/host/h.h": '#include "storage/store.h"\n#include "core/script/s.h"\n',
        "bench/b.c": '#include "core/base/b.h"\n#include "bench/b.h"\n',
        "storage/s.c": '#include "core/base/b.h"\n#include "storage/store.h"\n',
        "plugins/nat/n.c": '#include "core/host/plugin.h"\n#include "plugins/nat/n.h"\n#include "storage/store.h"\n'})
    check.equal(done.returncode, 0, f"status ({done.stdout})")


def test_arrows_that_are_breaches(t):
    breaches = {
        "core/sip/up.c": '#include "core/tm/tm.h"\n',
        "core/host/plug.c": '#include "plugins/nat/nat.h"\n',
        "core/tm/store.c": '#include "storage/store.h"\n',
        "core/host/redis.c": '#include "storage/redis_keys.h"\n',
        "core/odd/x.c": '#include "core/base/b.h"\n',
        "storage/sip.c": '#include "core/sip/sip_msg.h"\n',
        "plugins/nat/other.c": 'int a;\n#  include "plugins/rtpp/rtpp.h"\n',
        "plugins/nat/inside.c": '#include "storage/store_table.h"\n',
        "plugins/sdp/dots.c": '#include "../rtpp/rtpp.h"\n',
        "bench/sip.c": '#include "core/sip/sip_msg.h"\n',
    }
    done = tree(t, breaches)
    check.equal(done.returncode, 1, "status")
    for name in breaches:
        check.contains(done.stdout, name + ":", "breaches")
    check.contains(done.stdout, f"{len(breaches)} breaches", "the sum")


def test_arrows_of_symbols(t):
    """A plugin that calls another's function is found in the objects, whatever it includes."""
    base = os.path.join(t.dir, "build")
    texts = {"a": "int a_secret(void); int a_secret(void) { return 1; } __attribute__((visibility(\"default\"))) int ph_plugin;",
             "b": "int a_secret(void); int use(void); int use(void) { return a_secret(); } "
                  "__attribute__((visibility(\"default\"))) int ph_plugin;"}
    for name, text in texts.items():
        folder = os.path.join(base, "plugins", name, ".libs")
        os.makedirs(folder)
        with open(os.path.join(folder, name + ".c"), "w", encoding="utf-8") as out:
            out.write(text + "\n")
        done = proc.run(["cc", "-shared", "-fPIC", "-fvisibility=hidden", "-o", os.path.join(folder, name + ".so"),
                         os.path.join(folder, name + ".c")])
        check.equal(done.returncode, 0, done.stderr)
    with open(os.path.join(base, "main.c"), "w", encoding="utf-8") as out:
        out.write("int main(void) { return 0; }\n")
    proc.run(["cc", "-o", os.path.join(base, "pinholed"), os.path.join(base, "main.c")])
    done = proc.run([ARROWS, base])
    check.equal(done.returncode, 1, f"status ({done.stdout}{done.stderr})")
    check.contains(done.stdout, "plugins/b: uses a_secret, which plugin a defines", "breaches")


# Counting

def test_units_are_counted(t):
    folder = os.path.join(t.dir, "b", "tests", "unit")
    os.makedirs(folder)
    logs = {
        "good": ("PASS", "[  PASSED  ] 7 test(s).\n"),
        "mixed": ("FAIL", "[  PASSED  ] 2 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n[  FAILED  ] 3 test(s), listed below:\n"
                          "[  FAILED  ] 2_test_x\n"),
        "crashed": ("FAIL", "[ RUN      ] a\nSegmentation fault\n"),
        "skipped": ("SKIP", "no redis\n"),
    }
    for name, (verdict, log) in logs.items():
        with open(os.path.join(folder, f"test_{name}.trs"), "w", encoding="utf-8") as out:
            out.write(f":test-result: {verdict}\n")
        with open(os.path.join(folder, f"test_{name}.log"), "w", encoding="utf-8") as out:
            out.write(log)
    done = proc.run([os.path.join(build.TOP, "scripts", "count-units"), os.path.join(t.dir, "b")])
    check.equal(done.stdout.strip(), "9 4 2", f"passed, failed, skipped ({done.stderr})")
    check.contains(done.stderr, "test_crashed: FAIL", "names of what failed")
