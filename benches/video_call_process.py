#!/usr/bin/python3
"""One video call between two conferences in this process, measured. Arguments: codec, first port, seconds, element properties.

Prints the milliseconds from the second force_remote_candidates to the first picture on each side, CPU ms a second of the call,
threads, resident MB, pictures a second on each side, and the library, as one line. Works on any library with the namespace
Farstream 0.2, so that the same program measures ours and the stock one.
"""
import os
import resource
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, GLib, GObject, Gst

CODEC, BASE, SECONDS, PROPERTIES = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
SOURCE = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! identity"


class Side:
    def __init__(self, name, port):
        self.candidates, self.first, self.pictures = {}, None, 0
        self.pipeline = Gst.Pipeline.new(name)
        self.conference = Gst.ElementFactory.make("fsrtpconference", None)
        self.pipeline.add(self.conference)
        self.notifier = Farstream.ElementAddedNotifier.new()
        self.notifier.add(self.conference)
        self.notifier.set_properties_from_file(PROPERTIES)
        self.session = self.conference.new_session(Farstream.MediaType.VIDEO)
        codecs = [c for c in self.session.get_property("codecs-without-config") if c.encoding_name.upper() == CODEC]
        self.session.set_codec_preferences([Farstream.Codec.new(Farstream.CODEC_ID_ANY, CODEC, Farstream.MediaType.VIDEO, 90000)])
        self.codecs = codecs
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.pad_added)
        self.pipeline.get_bus().set_sync_handler(self.message)
        preferred = [Farstream.Candidate.new("", c, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, "127.0.0.1", port + c - 1)
                     for c in (1, 2)]
        value = GObject.Value()
        Farstream.value_set_candidate_list(value, preferred)
        self.stream.set_transmitter_ht("rawudp", {"preferred-local-candidates": value, "upnp-mapping": False, "upnp-discovery": False})
        source = Gst.parse_bin_from_description(SOURCE, True)
        self.pipeline.add(source)
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
        pad.add_probe(Gst.PadProbeType.BUFFER, self.picture)

    def picture(self, _pad, _info):
        if self.first is None:
            self.first = time.monotonic()
        self.pictures += 1
        return Gst.PadProbeReturn.OK


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def status(field):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field))


def main():
    Gst.init(None)
    sides = [Side("one", BASE), Side("two", BASE + 10)]
    one, two = sides
    one.stream.set_remote_codecs(two.codecs)
    two.stream.set_remote_codecs(one.codecs)
    time.sleep(0.5)  # the pipelines run before the addresses are known, as in a real call
    end = time.monotonic() + 5
    while min(len(side.candidates) for side in sides) < 2 and time.monotonic() < end:
        time.sleep(0.001)
    one.stream.force_remote_candidates(list(two.candidates.values()))
    two.stream.force_remote_candidates(list(one.candidates.values()))
    start = time.monotonic()
    while None in (one.first, two.first) and time.monotonic() < start + 10:
        GLib.MainContext.default().iteration(False)
        time.sleep(0.0005)
    time.sleep(1)  # what a beginning costs is not what a call costs
    before, pictures, begun = used(), [side.pictures for side in sides], time.monotonic()
    time.sleep(SECONDS)
    passed = time.monotonic() - begun
    cpu = (used() - before) * 1000 / passed
    rates = [(side.pictures - had) / passed for side, had in zip(sides, pictures)]
    library = next(line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8") if "libfarstream-0.2" in line)
    firsts = [f"{(side.first - start) * 1000:.1f}" if side.first else "never" for side in sides]
    print(*firsts, f"{cpu:.1f}", status("Threads:"), f"{status('VmRSS:') / 1024:.1f}", *(f"{rate:.1f}" for rate in rates), library)
    sys.stdout.flush()
    os._exit(0)  # how a call ends is not measured here


main()
