"""Starts and ends the programs of a test, each by its own process id, and counts results as lines "ok ..." / "not ok ..."."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def free_port(count=1):
    """A port on 127.0.0.1 that was free a moment ago for UDP and for TCP (phones listen with both on one number), with
    `count - 1` such ones after it."""
    for _ in range(200):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
        if port + count <= 65535 and all(is_free(port + offset) for offset in range(count)):
            return port
    raise RuntimeError("no free run of ports on 127.0.0.1")


def is_free(port):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


class Program:
    """A child process with its output in a file."""

    def __init__(self, name, folder, arguments, cwd=None, env=None, stdin=subprocess.DEVNULL):
        self.name, self.log = name, os.path.join(folder, f"{name}.log")
        self.output = open(self.log, "w+b")
        self.child = subprocess.Popen(arguments, stdin=stdin, stdout=self.output, stderr=subprocess.STDOUT, cwd=cwd, env=env)

    def text(self):
        with open(self.log, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def interrupt(self):
        self.child.send_signal(signal.SIGINT)

    def wait(self, limit=15):
        """Exit status; a program that is still there after `limit` seconds is a failure."""
        try:
            return self.child.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {limit} s:\n{self.text()[-2000:]}") from None

    def wait_for(self, pattern, limit=15):
        """Waits until the output matches the pattern."""
        end = time.time() + limit
        while time.time() < end:
            found = re.search(pattern, self.text())
            if found:
                return found
            if self.child.poll() is not None and not re.search(pattern, self.text()):
                break
            time.sleep(0.02)
        raise AssertionError(f"{self.name} never said {pattern!r}:\n{self.text()[-2000:]}")

    def type(self, line):
        """Types a line, for a program that was started with stdin=subprocess.PIPE."""
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()

    def maps(self):
        with open(f"/proc/{self.child.pid}/maps", encoding="utf-8") as maps:
            return maps.read()

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.output.close()


class Test:
    """What a test function gets: a folder of its own, and programs that end with it."""

    def __init__(self):
        self.folder, self.programs = tempfile.mkdtemp(prefix="fs-test-"), []

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, arguments, **more):
        program = Program(name, self.folder, arguments, **more)
        self.programs.append(program)
        return program

    def launch(self, name, line, *flags):
        """gst-launch-1.0 with the words of the line."""
        import shlex

        return self.start(name, ["gst-launch-1.0", *flags, *shlex.split(line)])

    def phone(self, name, line, *at, prefix=()):
        """tests/programs/phone.py: a pipeline with hands; `at` are pairs of seconds and actions."""
        words = [word for seconds, action in at for word in ("--at", str(seconds), action)]
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "phone.py")
        return self.start(name, [*prefix, "/usr/bin/python3", program, *words, line])

    def close(self, keep):
        for program in self.programs:
            program.end()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def assert_ours(program):
    """Our library serves the program, and no system Farstream does."""
    end = time.time() + 10
    while True:
        libraries = {line.split()[-1] for line in program.maps().splitlines() if "farstream" in line or "libfs" in line}
        if any("libfarstream-0.2.so" in library for library in libraries) or time.time() > end:
            break
        time.sleep(0.02)
    assert any("libfarstream-0.2.so" in library and not library.startswith("/usr/lib/") for library in libraries), f"our library is not loaded: {sorted(libraries)}"
    assert not any(library.startswith("/usr/lib/") and "farstream" in library for library in libraries), f"the system's Farstream is loaded: {sorted(libraries)}"


def run(tests, only=(), test_class=Test, at_once=1):
    """Runs the test functions, so many at a time, prints one line each, and returns the exit status."""
    def place(function):
        name = function.__name__.removeprefix("test_").replace("_", " ")
        test, start = test_class(), time.time()
        try:
            note, reason = function(test), None
        except Exception:  # the reason is printed; the remaining tests still run
            note, reason = None, traceback.format_exc()
        test.close(keep=bool(reason))
        if reason:
            line = f"not ok - {name} (files kept in {test.folder})\n{reason}"
        else:
            line = f"ok - {name}{': ' + note if note else ''} ({time.time() - start:.1f} s)\n"
        # In one piece, as several write.
        sys.stdout.write(line)
        sys.stdout.flush()
        return not reason

    chosen = [f for f in tests if not only or any(word in f.__name__.replace("_", " ") for word in only)]
    if not chosen:
        print(f"not ok - no test has one of the names {only}")
        return 1
    with ThreadPoolExecutor(at_once) as places:
        return 0 if all(list(places.map(place, chosen))) else 1
