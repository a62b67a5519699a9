#!/usr/bin/python3
"""Looks for wrong and lost memory in programs that run on the library: C programs under valgrind, Python programs under the
leaks tracer of GStreamer, which sees every object, pad, buffer and caps that is left at the end.

The argument is the folder that Meson built. Prints a line "ok - ..." or "not ok - ..." for each program, with what was found.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
GLIB_SUPPRESSIONS = "/usr/share/glib-2.0/valgrind/glib.supp"

VALGRIND = ["valgrind", "--tool=memcheck", "--leak-check=full", "--num-callers=40", "--errors-for-leak-kinds=definite,indirect",
            "--show-leak-kinds=definite,indirect", "--error-exitcode=99", f"--suppressions={os.path.join(HERE, 'memory.supp')}"]

# Runs a program of Python to its end, then lets go of everything and has the tracer report.
TRACED = """
import gc, os, runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
code = 0
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    code = end.code
gc.collect()
from gi.repository import Gst
Gst.deinit()
sys.exit(code)
"""

failures = 0


def check(good, what):
    """One line for one test."""
    global failures
    print("ok -" if good else "not ok -", what, flush=True)
    failures += not good
    return good


def launched(build, typelib, more):
    """The command that runs a program on our files."""
    return [sys.executable, os.path.join(TESTS, "abi/launch.py"), "--files", "ours", "--typelib", typelib,
            "--library-dir", os.path.join(build, "fs-core"), "--plugin-dir", os.path.join(build, "gst-plugin-fs"),
            "--stock-libdir", os.path.dirname(glob.glob("/usr/lib/*/libfarstream-0.2.so.5")[0]), *more]


def run(command, env):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, **env}, check=False, timeout=900)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    return done.returncode, wrong or done.stdout.splitlines()[-5:]


def under_valgrind(build, folder, name, arguments, launch_options):
    """One C program: no error, and nothing lost."""
    log = os.path.join(folder, "valgrind.log")
    options = [f"--log-file={log}"]
    if os.path.exists(GLIB_SUPPRESSIONS):
        options.append(f"--suppressions={GLIB_SUPPRESSIONS}")
    command = launched(build, "stock", [*launch_options, *VALGRIND, *options, os.path.join(build, name), *arguments])
    # GLib's own allocator would hide what is lost.
    code, words = run(command, {"G_SLICE": "always-malloc"})
    # How a call sounds is judged elsewhere: here it runs many times slower, and may stutter.
    ended = code == 0 or code == 1 and all(word.startswith("not ok") and " hears " in word for word in words)
    with open(log, encoding="utf-8") as lines:
        text = lines.read()
    summary = re.search(r"ERROR SUMMARY: ([\d,]+) errors", text)
    lost = re.search(r"definitely lost: (.*)", text)
    label = " ".join([os.path.basename(name), *arguments])
    what = f"{label} under valgrind: {summary.group(0).lower() if summary else 'valgrind did not end'}"
    if not check(ended and summary and summary.group(1) == "0", f"{what}{', ' + lost.group(0) if lost else ''}"):
        records = [line for line in text.splitlines() if re.search(r" (at|by) 0x| lost in loss record|Invalid|uninitialised", line)]
        print(f"    exit status {code}", *words, *records[:60], sep="\n    ")


def under_tracer(build, folder, name, arguments):
    """One Python program: nothing alive at its end."""
    log = os.path.join(folder, "tracer.log")
    env = {"GST_TRACERS": "leaks", "GST_DEBUG": "GST_TRACER:7", "GST_DEBUG_FILE": log, "GST_DEBUG_NO_COLOR": "1",
           "GST_LEAKS_TRACER_STACK_TRACE": ""}
    command = launched(build, "ours", [sys.executable, "-c", TRACED, os.path.join(TESTS, name), *arguments])
    code, words = run(command, env)
    with open(log, encoding="utf-8", errors="replace") as lines:
        text = lines.read()
    # The tracer first describes its records, with types where objects have values.
    traced = "object-alive" in text
    alive = re.findall(r"object-alive, type-name=\(string\)([A-Z]\w+), address=\S+ description=\(string\)(.*?), ref-count", text)
    label = " ".join([os.path.basename(name), *arguments])
    if not check(code == 0 and traced and not alive, f"{label} under the leaks tracer: {len(alive)} objects left"):
        print(f"    exit status {code}, tracer {'on' if traced else 'off'}", *words,
              *[f"{kind} {text}"[:150] for kind, text in alive[:40]], sep="\n    ")


def main():
    build = os.path.realpath(sys.argv[1])
    custom = os.path.join(build, "examples/custom_transmitter")
    with tempfile.TemporaryDirectory(prefix="farstream-test-") as folder:
        for name in ("values", "subclass", "chaining", "added", "call"):
            under_valgrind(build, folder, f"tests/c_abi/{name}", [], [])
        for transmitter in ("plainudp", "unixgram"):
            under_valgrind(build, folder, "tests/c_abi/call", [transmitter],
                           ["--transmitter", transmitter, "--transmitter-dir", custom])
        under_tracer(build, folder, "python/call.py", ["library"])
        under_tracer(build, folder, "python/bindings.py", [])
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
