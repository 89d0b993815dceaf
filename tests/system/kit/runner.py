"""
Finds the tests, runs each in a process and, where that is allowed, a network of its own, several beside each other; prints one
line each when it ends and a last one with the sums.
"""

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

from . import build, check, netns
from .case import Case

DEFAULT_SECONDS = 60


def limit(seconds):
    """For a test that needs another time limit than 60 s."""
    def mark(function):
        function.seconds = seconds
        return function
    return mark


def alone(function):
    """For a test that measures the machine's time or works in the build folder: it runs when no other does."""
    function.alone = True
    return function


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
        self.alone = getattr(function, "alone", False)
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


class Running:
    """A test at work, in a process group of its own."""

    def __init__(self, test, folder, isolated):
        self.test, self.folder = test, folder
        self.start = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            self.work(isolated)

    def work(self, isolated):
        """In the child; does not return."""
        os.setpgid(0, 0)
        log = os.open(os.path.join(self.folder, "test.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            if isolated:
                netns.own_network()
            child(self.test, self.folder)
        finally:
            sys.stdout.flush()
            os._exit(0)

    def kill(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:                 # so early that it has no group yet
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def ended(self):
        """None, or (outcome, text, seconds)."""
        took = time.monotonic() - self.start
        if os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if took <= self.test.seconds:
                return None
            self.kill()
            return "FAILED", f"ran longer than {self.test.seconds} s", took
        try:
            with open(os.path.join(self.folder, "outcome.json"), encoding="utf-8") as result:
                outcome, text = json.load(result)
        except (OSError, ValueError):
            outcome, text = "FAILED", "the test process died"
        return outcome, text, took


def run_all(tests, jobs, root, isolated, report):
    """At most `jobs` at once; calls report(test, folder, outcome, text, seconds) as they end."""
    waiting = list(enumerate(tests))
    if jobs > 1:                                   # the long ones first, so that none is left over at the end
        waiting.sort(key=lambda pair: (pair[1].alone, -pair[1].seconds))
    running = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs and not any(r.test.alone for r in running) and not (running and waiting[0][1].alone):
                number, test = waiting.pop(0)
                folder = os.path.join(root, str(number))
                os.mkdir(folder)
                running.append(Running(test, folder, isolated))
            for one in list(running):
                ended = one.ended()
                if ended:
                    running.remove(one)
                    report(one.test, one.folder, *ended)
                    shutil.rmtree(one.folder, ignore_errors=True)
            time.sleep(0.01)
    finally:
        for one in running:
            one.kill()


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


class Report:
    """The lines of output, the sums, and the logs that are kept."""

    def __init__(self, keep, verbose):
        self.keep, self.verbose = keep, verbose
        self.sums = {"ok": 0, "FAILED": 0, "skipped": 0}

    def __call__(self, test, folder, outcome, text, seconds):
        self.sums[outcome] += 1
        print(f"{outcome:7} {test.name} ({seconds:.1f} s)" + (f": {text}" if text else ""), flush=True)
        if self.verbose:
            show_logs(folder, (".log", ".conf") if outcome == "FAILED" else ("test.log",))
        if outcome == "FAILED":
            kept = os.path.join(self.keep, re.sub(r"[^\w.\[\]-]+", "_", test.name))
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(folder, kept, ignore=special_files)
            print(f"        logs: {kept}", flush=True)

    def __str__(self):
        return f"{self.sums['ok']} passed, {self.sums['FAILED']} failed, {self.sums['skipped']} skipped"


def jobs_of(text):
    jobs = int(text)
    if not 1 <= jobs <= 64:
        raise ValueError
    return jobs


def usual_jobs(isolated):
    """Tests wait most of the time; a daemon with a sanitizer works a multiple."""
    if not isolated:
        return 1
    return len(os.sched_getaffinity(0)) * (1 if build.sanitizer() else 2)


def arguments():
    parser = argparse.ArgumentParser(description="Runs the system tests. PINHOLE_BUILD names the build folder.")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("-k", metavar="NAME", action="append", help="only tests with NAME in their name; may be repeated")
    parser.add_argument("-j", metavar="N", type=jobs_of, help="so many beside each other, 1 to 64 (default: two for each processor, one "
                        "with a sanitizer; 1 where a test cannot have a network of its own)")
    parser.add_argument("-v", action="store_true", help="print the logs of failures, and what passing tests have measured")
    parser.add_argument("--logs", metavar="DIR", help="where the logs of failures are kept (default: BUILD/system-logs)")
    return parser.parse_args()


def main(here):
    options = arguments()
    # A shell that runs us in the background has SIGINT ignored, and so would all that we start: tests of Ctrl-C need it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tests = [t for t in discover(here) if not options.k or any(k in t.name for k in options.k)]
    if options.list:
        print("\n".join(t.name for t in tests))
        return 0
    if not tests:
        print("no test has that name; --list shows all", file=sys.stderr)
        return 2
    isolated = netns.allowed()
    jobs = options.j or usual_jobs(isolated)
    report = Report(options.logs or os.path.join(build.folder(), "system-logs"), options.v)
    print(f"system tests with {build.folder()}" + (f" ({build.sanitizer()} sanitizer)" if build.sanitizer() else "") +
          f", {jobs} at once" + ("" if isolated else ", all in one network (a network of its own for each needs root)"), flush=True)
    root = tempfile.mkdtemp(prefix="pinhole-test-")
    os.chmod(root, 0o755)                          # a daemon that has dropped to another user reads here
    try:
        run_all(tests, jobs, root, isolated, report)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(report)
    return 1 if report.sums["FAILED"] else 0
