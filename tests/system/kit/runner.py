"""Finds the tests, runs each in a process of its own, prints one line each and a last one with the sums."""

import argparse
import importlib.util
import inspect
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback

from . import build, check
from .case import Case

DEFAULT_SECONDS = 60


def limit(seconds):
    """For a test that needs another time limit than 60 s."""
    def mark(function):
        function.seconds = seconds
        return function
    return mark


def variants(**axes):
    """Run a test for each combination: variants(store=["memory", "redis"]) passes store=."""
    def mark(function):
        function.axes = getattr(function, "axes", {}) | axes
        return function
    return mark


class Test:
    def __init__(self, module, function, kwargs):
        self.module, self.function, self.kwargs = module, function, kwargs
        label = "-".join(str(v[0] if isinstance(v, tuple) else getattr(v, "__name__", v)) for v in kwargs.values())
        self.name = f"{module.__name__}.{function.__name__}" + (f"[{label}]" if label else "")
        self.seconds = getattr(function, "seconds", DEFAULT_SECONDS)
        if build.sanitizer():
            self.seconds *= 3


def combinations(axes):
    out = [{}]
    for name, values in axes.items():
        out = [{**chosen, name: value} for chosen in out for value in values]
    return out


def discover(folder):
    tests = []
    for name in sorted(os.listdir(folder)):
        if not (name.startswith("test_") and name.endswith(".py")):
            continue
        spec = importlib.util.spec_from_file_location(name[:-3], os.path.join(folder, name))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = [f for n, f in inspect.getmembers(module, inspect.isfunction)
                 if n.startswith("test_") and f.__module__ == module.__name__]
        for function in sorted(found, key=lambda f: f.__code__.co_firstlineno):
            tests += [Test(module, function, kwargs) for kwargs in combinations(getattr(function, "axes", {}))]
    return tests


def child(test, folder):
    """In the child process: run, and leave the outcome in a file."""
    case = Case(folder)
    outcome = ("ok", "")
    try:
        test.function(case, **test.kwargs)
    except check.Skipped as why:
        outcome = ("skipped", str(why))
    except check.Failed as why:
        outcome = ("FAILED", str(why))
        where = [f for f in traceback.extract_tb(why.__traceback__) if os.sep + "test_" in f.filename]
        if where:
            outcome = ("FAILED", f"{os.path.basename(where[-1].filename)}:{where[-1].lineno}: {why}")
    except SystemExit as why:                      # a program that was not built
        outcome = ("FAILED", str(why))
    except Exception:                              # a fault of the test itself: the whole trace
        outcome = ("FAILED", traceback.format_exc())
    try:
        wrong = case.close()
    except Exception:
        wrong = [traceback.format_exc()]
    if wrong and outcome[0] == "ok":
        outcome = ("FAILED", "; ".join(wrong))
    elif wrong and outcome[0] == "FAILED":
        outcome = ("FAILED", outcome[1] + "; also: " + "; ".join(wrong))
    with open(os.path.join(folder, "outcome.json"), "w", encoding="utf-8") as out:
        json.dump(outcome, out)


def run_one(test, folder):
    """(outcome, text, seconds)."""
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        log = os.open(os.path.join(folder, "test.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            child(test, folder)
        finally:
            sys.stdout.flush()
            os._exit(0)
    end = start + test.seconds
    try:
        while True:
            done, _ = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() > end:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return "FAILED", f"ran longer than {test.seconds} s", time.monotonic() - start
            time.sleep(0.01)
    except BaseException:
        os.killpg(pid, signal.SIGKILL)
        raise
    try:
        with open(os.path.join(folder, "outcome.json"), encoding="utf-8") as result:
            outcome, text = json.load(result)
    except (OSError, ValueError):
        outcome, text = "FAILED", "the test process died"
    return outcome, text, time.monotonic() - start


def special_files(folder, names):
    """Sockets, FIFOs and the like, which copytree() cannot copy."""
    return [n for n in names if not (os.path.isdir(os.path.join(folder, n)) or os.path.isfile(os.path.join(folder, n)))]


def show_logs(folder, endings):
    for name in sorted(os.listdir(folder)):
        if name.endswith(endings):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as log:
                lines = log.readlines()[-60:]
            if lines:
                print(f"  --- {name}\n" + "".join("  " + line for line in lines))


def main(here):
    parser = argparse.ArgumentParser(description="Runs the system tests. PINHOLE_BUILD names the build folder.")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("-k", metavar="NAME", action="append", help="only tests with NAME in their name; may be repeated")
    parser.add_argument("-v", action="store_true", help="print the logs of failures, and what passing tests have measured")
    parser.add_argument("--logs", metavar="DIR", help="where the logs of failures are kept (default: BUILD/system-logs)")
    options = parser.parse_args()
    # A shell that runs us in the background has SIGINT ignored, and so would all that we start: tests of Ctrl-C need it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tests = [t for t in discover(here) if not options.k or any(k in t.name for k in options.k)]
    if options.list:
        print("\n".join(t.name for t in tests))
        return 0
    if not tests:
        print("no test has that name; --list shows all", file=sys.stderr)
        return 2
    keep = options.logs or os.path.join(build.folder(), "system-logs")
    print(f"system tests with {build.folder()}" + (f" ({build.sanitizer()} sanitizer)" if build.sanitizer() else ""))
    sums = {"ok": 0, "FAILED": 0, "skipped": 0}
    root = tempfile.mkdtemp(prefix="pinhole-test-")
    os.chmod(root, 0o755)                          # a daemon that has dropped to another user reads here
    try:
        for number, test in enumerate(tests):
            folder = os.path.join(root, str(number))
            os.mkdir(folder)
            outcome, text, seconds = run_one(test, folder)
            sums[outcome] += 1
            print(f"{outcome:7} {test.name} ({seconds:.1f} s)" + (f": {text}" if text else ""), flush=True)
            if options.v:
                show_logs(folder, (".log", ".conf") if outcome == "FAILED" else ("test.log",))
            if outcome == "FAILED":
                kept = os.path.join(keep, re.sub(r"[^\w.\[\]-]+", "_", test.name))
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(folder, kept, ignore=special_files)
                print(f"        logs: {kept}", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(f"{sums['ok']} passed, {sums['FAILED']} failed, {sums['skipped']} skipped")
    return 1 if sums["FAILED"] else 0
