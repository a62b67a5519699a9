#!/usr/bin/python3
"""Runs the two C examples as a person would: twice each, with the addresses of each other, until Ctrl-C.

Usage: c_examples.py simple-call=PROGRAM simple-call-shm=PROGRAM, either or both, within tests/abi/launch.py, which says in
EXPECT_LIBRARY what the programs must run on.
"""
import os
import subprocess
import sys
import time

from programs import free_port, run
from sound import tone_seconds

PROGRAMS = dict(word.split("=", 1) for word in sys.argv[1:])
WANTED_BYTES = 3 * 16000
LIMIT_SECONDS = 30


def start(test, name, program, freq, *words):
    return test.start(name, [PROGRAMS[program], *words, f"--source=audiotestsrc is-live=true freq={freq}",
                             f"--sink=wavenc ! filesink buffer-mode=unbuffered location={test.path(name + '.wav')}"])


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def talk(test, alice, bob):
    """Waits until both wrote some seconds of sound, looks at what they run on, ends them, and measures."""
    end = time.time() + LIMIT_SECONDS
    while any(size(test.path(name)) < WANTED_BYTES for name in ("alice.wav", "bob.wav")):
        for program in (alice, bob):
            assert program.child.poll() is None, f"{program.name} ended:\n{program.text()}"
        assert time.time() < end, f"not enough sound within {LIMIT_SECONDS} s:\n{alice.text()}\n{bob.text()}"
        time.sleep(0.05)
    for program in (alice, bob):
        mapped = {line.split()[-1] for line in program.maps().splitlines() if "/libfarstream-0.2.so" in line}
        assert mapped == {os.environ["EXPECT_LIBRARY"]}, f"{program.name} runs on {mapped}"
    for program in (alice, bob):
        program.interrupt()
    for program in (alice, bob):
        assert program.wait() == 0, f"{program.name} failed:\n{program.text()}"
        for said in ("sending 8: audio PCMA", "hearing PCMA"):
            assert said in program.text(), f"{program.name} did not say '{said}':\n{program.text()}"
    heard = {}
    for name, theirs, own in (("alice", 660, 440), ("bob", 440, 660)):
        heard[name] = tone_seconds(test.path(f"{name}.wav"), theirs)
        assert heard[name] >= 2, f"{name} heard {theirs} Hz for {heard[name]:.1f} s only"
        assert tone_seconds(test.path(f"{name}.wav"), own) == 0, f"{name} hears itself"
    return f"alice heard {heard['alice']:.1f} s, bob {heard['bob']:.1f} s"


def test_simple_call(test):
    ours, theirs = free_port(2), free_port(2)
    ports = (ours, theirs) if abs(ours - theirs) > 1 else (ours, free_port(2))
    alice = start(test, "alice", "simple-call", 440, f"--port={ports[0]}", "--address=127.0.0.1", "127.0.0.1", str(ports[1]))
    bob = start(test, "bob", "simple-call", 660, f"--port={ports[1]}", "--address=127.0.0.1", "127.0.0.1", str(ports[0]))
    return talk(test, alice, bob)


def test_simple_call_through_shared_memory(test):
    sockets = test.path("a"), test.path("b")
    alice = start(test, "alice", "simple-call-shm", 440, *sockets)
    time.sleep(0.3)  # the first one waits for the second
    bob = start(test, "bob", "simple-call-shm", 660, *reversed(sockets))
    return talk(test, alice, bob)


def test_mistakes_are_told(_test):
    for program in PROGRAMS.values():
        for words, status, said in (([], 2, "Usage"), (["--help"], 0, "Usage"), (["--nonsense", "a", "b"], 2, "nonsense"),
                                    (["--source=nosuchelement", "127.0.0.1", "5000"], 1, "nosuchelement")):
            done = subprocess.run([program, *words], capture_output=True, text=True, timeout=20, check=False)
            assert done.returncode == status and said in done.stdout + done.stderr, f"{program} {words}: {done}"


if __name__ == "__main__":
    TESTS = [test_mistakes_are_told]
    if "simple-call" in PROGRAMS:
        TESTS.append(test_simple_call)
    if "simple-call-shm" in PROGRAMS:
        TESTS.append(test_simple_call_through_shared_memory)
    sys.exit(run(TESTS))
