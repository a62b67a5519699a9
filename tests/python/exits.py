#!/usr/bin/python3
"""A program that ends in the middle of calls, with callbacks in Python: the interpreter ends the threads that call them then, in
the midst of our functions, and nothing of ours may complain. Prints a line "ok - ..." or "not ok - ..." a test; the environment is
that of call.py.
"""

import subprocess
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Gst

import call
import checks
from calls import connect, pair
from checks import check
from session import hears

TIMES = 3
CALLS = 6


def leave_in_the_middle():
    Gst.init(None)
    calls = [pair() for _ in range(CALLS)]
    for alice, bob, to_bob, to_alice in calls:
        alice.prefer_pcma()
        bob.prefer_pcma()
        connect(to_bob, to_alice)
    hears(calls[-1][3], "until the end")
    call.check_loaded()
    sys.exit(0)


def main():
    Gst.init(None)
    call.check_loaded()
    for _ in range(TIMES):
        done = subprocess.run([sys.executable, __file__, "leave"], capture_output=True, text=True, timeout=100, check=False)
        sound = "until the end" in done.stdout and "not ok" not in done.stdout
        # How Python itself ends is its own business: it has been seen to crash in PyThreadState_New.
        check(sound and "panic" not in done.stderr, f"{CALLS} calls end with their program: {done.stderr[-300:] or 'nothing is said'}")
    checks.leave()


if __name__ == "__main__":
    leave_in_the_middle() if sys.argv[1:] == ["leave"] else main()
