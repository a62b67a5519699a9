"""An end of a call for the programs that are measured: a pipeline with a conference, a session and a stream, which notes when the first
decoded buffer came. Works on any library with the namespace Farstream 0.2."""
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, GObject, Gst

LATENCY = 100


def host(component, port, ip="127.0.0.1"):
    return Farstream.Candidate.new("", component, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, ip, port)


def preferred(candidates):
    value = GObject.Value()
    Farstream.value_set_candidate_list(value, candidates)
    return {"preferred-local-candidates": value}


def on_loopback(port):
    """Parameters of rawudp: two ports, and no waiting for a router, which the stock library does by default."""
    return preferred([host(c, port + c - 1) for c in (1, 2)]) | {"upnp-mapping": False, "upnp-discovery": False}


def library():
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split()[-1] for line in maps if "/libfarstream-0.2" in line)


class Party:
    def __init__(self, name, media, codec):
        self.candidates, self.first = {}, None
        self.pipeline = Gst.Pipeline.new(name)
        self.conference = Gst.ElementFactory.make("fsrtpconference", None)
        self.pipeline.add(self.conference)
        self.equip()
        self.session = self.conference.new_session(media)
        self.codecs = [c for c in self.session.get_property("codecs-without-config") if c.encoding_name.upper() == codec.encoding_name]
        self.session.set_codec_preferences([codec])
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.pad_added)
        self.pipeline.get_bus().set_sync_handler(self.message)

    def equip(self):
        """What is done with the conference before there is a session."""
        iterator = self.conference.iterate_elements()
        while True:
            _, element = iterator.next()
            if element.get_factory().get_name() == "rtpbin":
                return element.set_property("latency", LATENCY)

    def send(self, description):
        """Links a source of that description to the session, and starts."""
        source = Gst.parse_bin_from_description(description, True)
        self.pipeline.add(source)
        source.get_static_pad("src").link(self.session.get_property("sink-pad"))
        self.pipeline.set_state(Gst.State.PLAYING)

    def call(self, peer):
        self.stream.force_remote_candidates(list(peer.candidates.values()))

    def message(self, _bus, message):
        structure = message.get_structure()
        if message.type == Gst.MessageType.ELEMENT:
            self.told(structure.get_name(), structure)
        return Gst.BusSyncReply.PASS

    def told(self, name, structure):
        if name == "farstream-new-local-candidate":
            candidate = structure.get_value("candidate")
            self.candidates[candidate.component_id] = candidate.copy()

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
