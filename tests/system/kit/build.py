"""Where the programs under test stand: the build folder of PINHOLE_BUILD, and how it was built."""

import functools
import os
import shutil
import subprocess

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
HERE = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))


@functools.lru_cache(maxsize=None)
def folder():
    named = os.environ.get("PINHOLE_BUILD")
    for path in [named] if named else [os.path.join(TOP, "build-check", "gcc"), os.path.join(TOP, "build")]:
        if os.path.isdir(path):
            return os.path.abspath(path)
    raise SystemExit("no build folder: run ./check or ./quickstart, or name one in PINHOLE_BUILD")


def program(name):
    """The path of a program of the build; libtool leaves it in its own folder."""
    for place in ("", "tools", "core/host"):
        path = os.path.join(folder(), place, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise SystemExit(f"no {name} in {folder()}: build it first (make -C {folder()})")


def plugin_dirs():
    """The folders of the plugins of an uninstalled build, joined as pinholed -p wants them."""
    base = os.path.join(folder(), "plugins")
    dirs = [os.path.join(base, name, ".libs") for name in sorted(os.listdir(base))]
    return ":".join(d for d in dirs if os.path.isdir(d))


def test_plugin_dir():
    """Plugins that only tests load: tests/plugins."""
    return os.path.join(folder(), "tests", "plugins", ".libs")


@functools.lru_cache(maxsize=None)
def sanitizer():
    """"thread", "address" or ""."""
    try:
        with open(os.path.join(folder(), "config.h"), encoding="utf-8") as config:
            text = config.read()
    except OSError:
        return ""
    if "#define PH_TSAN 1" in text:
        return "thread"
    return "address" if "#define PH_SANITIZED 1" in text else ""


@functools.lru_cache(maxsize=None)
def fixed_layout():
    """The sanitizers of gcc 12 want fewer random address bits than new kernels use."""
    if not sanitizer() or not shutil.which("setarch"):
        return ()
    argv = ("setarch", os.uname().machine, "-R")
    done = subprocess.run(argv + ("true",), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return argv if done.returncode == 0 else ()


def environment():
    """What a sanitized daemon needs to know."""
    suppressions = os.path.join(HERE, "tsan.supp")
    return {
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99"),
        "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "print_stacktrace=1"),
        "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", f"suppressions={suppressions}:exitcode=99:second_deadlock_stack=1"),
    }
