#!/usr/bin/python3
"""One audio call between two conferences in this process; prints the milliseconds from the second force_remote_candidates to
the first decoded buffer on each side, as one line: A_MS B_MS LATENCY_MS LIBRARY.

Works on any library with the namespace Farstream 0.2, so that the same program measures ours and the stock one.
"""
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, GLib, GObject, Gst

LATENCY = 100
CODEC = sys.argv[1] if len(sys.argv) > 1 else "PCMU"
BASE = int(sys.argv[2]) if len(sys.argv) > 2 else 20000


class Side:
    def __init__(self, name, frequency, port):
        self.candidates, self.first, self.name = {}, None, name
        self.pipeline = Gst.Pipeline.new(name)
        self.conference = Gst.ElementFactory.make("fsrtpconference", None)
        self.pipeline.add(self.conference)
        rtpbin = next(e for e in iterate(self.conference.iterate_elements()) if e.get_factory().get_name() == "rtpbin")
        rtpbin.set_property("latency", LATENCY)
        self.session = self.conference.new_session(Farstream.MediaType.AUDIO)
        codec = Farstream.Codec.new(Farstream.CODEC_ID_ANY, CODEC, Farstream.MediaType.AUDIO, 0)
        codecs = [c for c in self.session.get_property("codecs-without-config") if c.encoding_name.upper() == CODEC]
        self.session.set_codec_preferences([codec])
        self.codecs = codecs
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.pad_added)
        self.pipeline.get_bus().set_sync_handler(self.message)
        preferred = [Farstream.Candidate.new("", c, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, "127.0.0.1", port + c - 1) for c in (1, 2)]
        value = GObject.Value()
        Farstream.value_set_candidate_list(value, preferred)
        parameters = {"preferred-local-candidates": value, "upnp-mapping": False, "upnp-discovery": False}
        self.stream.set_transmitter_ht("rawudp", parameters)
        source = Gst.parse_bin_from_description(f"audiotestsrc is-live=true freq={frequency} ! audio/x-raw,rate=8000 ! audioconvert", True)
        self.pipeline.add(source)
        source.link(self.conference)
        source.get_static_pad("src").link(self.session.get_property("sink-pad"))
        self.pipeline.set_state(Gst.State.PLAYING)

    def message(self, _bus, message):
        structure = message.get_structure()
        if message.type == Gst.MessageType.ELEMENT and structure.get_name() == "farstream-new-local-candidate":
            candidate = structure.get_value("candidate")
            self.candidates[candidate.component_id] = candidate.copy()
        return Gst.BusSyncReply.PASS

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


def iterate(iterator):
    while True:
        result, item = iterator.next()
        if result != Gst.IteratorResult.OK:
            return
        yield item


def main():
    Gst.init(None)
    one, two = Side("one", 440, BASE), Side("two", 660, BASE + 10)
    one.stream.set_remote_codecs(two.codecs)
    two.stream.set_remote_codecs(one.codecs)
    time.sleep(0.5)  # the pipelines run before the addresses are known, as in a real call
    loop, end = GLib.MainLoop.new(None, False).get_context(), time.monotonic() + 5
    while min(len(one.candidates), len(two.candidates)) < 2 and time.monotonic() < end:
        loop.iteration(False)
        time.sleep(0.001)
    one.stream.force_remote_candidates(list(two.candidates.values()))
    two.stream.force_remote_candidates(list(one.candidates.values()))
    start = time.monotonic()
    while None in (one.first, two.first) and time.monotonic() < start + 10:
        loop.iteration(False)
        time.sleep(0.0005)
    library = next(line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8") if "libfarstream-0.2" in line)
    print(*(f"{(side.first - start) * 1000:.1f}" if side.first else "never" for side in (one, two)), LATENCY, library)
    for side in (one, two):
        side.pipeline.set_state(Gst.State.NULL)


main()
