#!/usr/bin/python3
"""One audio call between two conferences in this process over the transmitter that the first argument names. Prints the ms to the
candidates of a side and to the first decoded sample beyond the jitter buffer's latency (the later side of each), the threads that
both transmitters brought, CPU % of the call, LIBRARY.

Works on any library with the namespace Farstream 0.2.
"""
import os
import sys
import time

from party import LATENCY, Farstream, Gst, Party, host, library, on_loopback, preferred

TRANSMITTER, BASE, SECONDS = sys.argv[1], int(sys.argv[2]), 3
LIMIT_SECONDS = 20
GROUP = "239.192.77.5"


def groups():
    made = [Farstream.Candidate.new("", c, Farstream.CandidateType.MULTICAST, Farstream.NetworkProtocol.UDP, GROUP, BASE + c) for c in (1, 2)]
    for candidate in made:
        candidate.ttl = 1
    return made


def threads():
    return len(os.listdir("/proc/self/task"))


class Side(Party):
    def __init__(self, name, frequency, controlling, port):
        self.codec = Farstream.Codec.new(0, "PCMU", Farstream.MediaType.AUDIO, 8000)
        super().__init__(name, Farstream.MediaType.AUDIO, self.codec)
        self.all, self.ready, self.controlling, self.port = [], None, controlling, port
        self.send(f"audiotestsrc is-live=true freq={frequency} samplesperbuffer=160 ! audio/x-raw,rate=8000 ! identity")

    def parameters(self):
        return {
            "shm": lambda: {"create-local-candidates": True},
            "rawudp": lambda: on_loopback(self.port),
            "nice": lambda: preferred([host(0, 0)]) | {"controlling-mode": self.controlling},
            "multicast": lambda: preferred([host(c, 0) for c in (1, 2)]),
        }[TRANSMITTER]()

    def gather(self):
        self.start = time.monotonic()
        self.stream.set_transmitter_ht(TRANSMITTER, self.parameters())
        self.stream.set_remote_codecs([self.codec])

    def is_ready(self):
        return TRANSMITTER == "multicast" or self.ready is not None and set(self.candidates) == {1, 2}

    def call(self, peer):
        if TRANSMITTER == "nice":
            self.stream.add_remote_candidates(peer.all)
        elif TRANSMITTER == "multicast":
            self.stream.force_remote_candidates(groups())
        else:
            self.stream.force_remote_candidates(peer.all)

    def told(self, name, structure):
        super().told(name, structure)
        if name == "farstream-new-local-candidate":
            self.all.append(structure.get_value("candidate").copy())
        elif name == "farstream-local-candidates-prepared":
            self.ready = (time.monotonic() - self.start) * 1000


def wait(what, met):
    end = time.monotonic() + LIMIT_SECONDS
    while not met():
        if time.monotonic() > end:
            sys.exit(f"{what} did not come")
        time.sleep(0.0005)


def main():
    Gst.init(None)
    sides = one, two = Side("one", 440, True, BASE), Side("two", 660, False, BASE + 10)
    time.sleep(0.7)  # the pipelines run before the addresses are known, as in a real call
    before = threads()
    for side in sides:
        side.gather()
    wait("the candidates", lambda: all(side.is_ready() for side in sides))
    one.call(two)
    two.call(one)
    start = time.monotonic()
    wait("the sound", lambda: None not in (one.first, two.first))
    first = (max(side.first for side in sides) - start) * 1000 - LATENCY
    time.sleep(1)  # threads of a pool that are done go after half a second
    brought, cpu, begun = threads() - before, time.process_time(), time.monotonic()
    time.sleep(SECONDS)
    used = (time.process_time() - cpu) / (time.monotonic() - begun) * 100
    ready = max(side.ready or 0 for side in sides)
    print(f"{ready:.1f} {first:.1f} {brought} {used:.1f} {library()}")
    for side in sides:
        side.pipeline.set_state(Gst.State.NULL)


main()
