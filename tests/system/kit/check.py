"""Assertions that say what was found, and waiting for a condition with a deadline."""

import time


class Failed(AssertionError):
    """The system did not do what the test expects."""


class Skipped(Exception):
    """The test cannot run here; the text says why."""


def that(condition, text):
    if not condition:
        raise Failed(text)


def equal(found, expected, what):
    if found != expected:
        raise Failed(f"{what}: found {found!r}, expected {expected!r}")


def contains(text, part, what):
    if part not in text:
        raise Failed(f"{what}: {part!r} is not in {text[-2000:]!r}")


def until(condition, seconds, what):
    """Wait until condition() is true and return its value; `what` may be a function, called on failure."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            text = what() if callable(what) else what
            raise Failed(f"not within {seconds:g} s: {text}")
        time.sleep(0.01)


def holds(condition, seconds, what):
    """condition() stays true for the whole time: for things that must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not condition():
            raise Failed(what() if callable(what) else what)
        time.sleep(0.02)
