#!/usr/bin/python3
"""One audio call between two conferences in this process over the transmitter that the first argument names. Prints the ms to the
candidates of a side and to the first decoded sample beyond the jitter buffer's latency (the later side of each), the threads that
both transmitters brought, CPU % of the call, LIBRARY.

Works on any library with the namespace Farstream 0.2.
"""
import os
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, GObject, Gst

TRANSMITTER, BASE, SECONDS = sys.argv[1], int(sys.argv[2]), 3
LATENCY, LIMIT_SECONDS = 100, 20
GROUP = "239.192.77.5"


def candidate(component, kind, ip, port, ttl=0):
    made = Farstream.Candidate.new("", component, kind, Farstream.NetworkProtocol.UDP, ip, port)
    made.ttl = ttl
    return made


def threads():
    return len(os.listdir("/proc/self/task"))


class Side:
    def __init__(self, name, frequency, controlling, port):
        self.candidates, self.first, self.ready, self.controlling, self.port = [], None, None, controlling, port
        self.pipeline = Gst.Pipeline.new(name)
        self.conference = Gst.ElementFactory.make("fsrtpconference", None)
        self.pipeline.add(self.conference)
        self.rtpbin().set_property("latency", LATENCY)
        self.session = self.conference.new_session(Farstream.MediaType.AUDIO)
        self.codec = Farstream.Codec.new(0, "PCMU", Farstream.MediaType.AUDIO, 8000)
        self.session.set_codec_preferences([self.codec])
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.pad_added)
        self.pipeline.get_bus().set_sync_handler(self.message)
        source = Gst.parse_bin_from_description(f"audiotestsrc is-live=true freq={frequency} samplesperbuffer=160 ! audio/x-raw,rate=8000 ! identity", True)
        self.pipeline.add(source)
        source.get_static_pad("src").link(self.session.get_property("sink-pad"))
        self.pipeline.set_state(Gst.State.PLAYING)

    def rtpbin(self):
        iterator = self.conference.iterate_elements()
        while True:
            _, element = iterator.next()
            if element.get_factory().get_name() == "rtpbin":
                return element

    def parameters(self):
        if TRANSMITTER == "shm":
            return {"create-local-candidates": True}
        host = Farstream.CandidateType.HOST
        wish = {
            "rawudp": [candidate(c, host, "127.0.0.1", self.port + c - 1) for c in (1, 2)],
            "nice": [candidate(0, host, "127.0.0.1", 0)],
            "multicast": [candidate(c, host, "127.0.0.1", 0) for c in (1, 2)],
        }[TRANSMITTER]
        value = GObject.Value()
        Farstream.value_set_candidate_list(value, wish)
        more = {"rawudp": {"upnp-mapping": False, "upnp-discovery": False}, "nice": {"controlling-mode": self.controlling}}
        return {"preferred-local-candidates": value} | more.get(TRANSMITTER, {})

    def gather(self):
        self.start = time.monotonic()
        self.stream.set_transmitter_ht(TRANSMITTER, self.parameters())
        self.stream.set_remote_codecs([self.codec])

    def is_ready(self):
        return TRANSMITTER == "multicast" or self.ready is not None and {c.component_id for c in self.candidates} == {1, 2}

    def call(self, peer):
        if TRANSMITTER == "nice":
            self.stream.add_remote_candidates(peer.candidates)
        elif TRANSMITTER == "multicast":
            self.stream.force_remote_candidates([candidate(c, Farstream.CandidateType.MULTICAST, GROUP, BASE + c, 1) for c in (1, 2)])
        else:
            self.stream.force_remote_candidates(peer.candidates)

    def message(self, _bus, message):
        structure = message.get_structure()
        name = structure.get_name() if message.type == Gst.MessageType.ELEMENT else ""
        if name == "farstream-new-local-candidate":
            self.candidates.append(structure.get_value("candidate").copy())
        elif name == "farstream-local-candidates-prepared":
            self.ready = (time.monotonic() - self.start) * 1000
        return Gst.BusSyncReply.DROP

    def pad_added(self, _stream, pad, _codec):
        sink = Gst.ElementFactory.make("fakesink", None)
        sink.set_property("sync", False)
        sink.set_property("async", False)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))
        pad.add_probe(Gst.PadProbeType.BUFFER, self.buffer)

    def buffer(self, _pad, _info):
        if self.first is None:
            self.first = time.monotonic()
        return Gst.PadProbeReturn.REMOVE


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
    with open("/proc/self/maps", encoding="utf-8") as maps:
        library = next(line.split()[-1] for line in maps if "/libfarstream-0.2" in line)
    print(f"{ready:.1f} {first:.1f} {brought} {used:.1f} {library}")
    for side in sides:
        side.pipeline.set_state(Gst.State.NULL)


main()
