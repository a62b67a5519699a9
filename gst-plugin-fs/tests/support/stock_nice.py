"""One side of an ICE call on stock Farstream, driven by lines on stdin and stdout.

Started by nice_stock.rs: stock_nice.py FREQUENCY CONTROLLING(0|1). It prints a line for each event: `library PATH`, `candidate` with
eleven words, `prepared`, `state COMPONENT NUMBER`, `share FREQUENCY 0.xxx`. It reads: `listen FREQUENCY`, `candidate` lines, `go` (use
them); it ends with its stdin.
"""
import math
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, GObject, Gst

RATE = 8000
SPAN = RATE * 2 * 2 // 5  # bytes of 400 ms
FIELDS = "foundation component_id type proto ip port priority base_ip base_port username password"


def say(*words):
    print(*words, flush=True)


def write(candidate):
    values = [getattr(candidate, name) for name in FIELDS.split()]
    return " ".join(str(int(v) if isinstance(v, int) else v or "-") for v in values)


def read(words):
    text = dict(zip(FIELDS.split(), words, strict=True))
    numbers = {name: int(text[name]) for name in ("component_id", "type", "proto", "port", "priority", "base_port")}
    candidate = Farstream.Candidate.new(text["foundation"], numbers["component_id"], Farstream.CandidateType(numbers["type"]),
                                        Farstream.NetworkProtocol(numbers["proto"]), text["ip"], numbers["port"])
    candidate.priority = numbers["priority"]
    candidate.username, candidate.password = text["username"], text["password"]
    if text["base_ip"] != "-":
        candidate.base_ip, candidate.base_port = text["base_ip"], numbers["base_port"]
    return candidate


def share(samples, frequency):
    """Share of the power at a frequency (Goertzel)."""
    coefficient, s1, s2 = 2 * math.cos(math.tau * frequency / RATE), 0.0, 0.0
    for sample in samples:
        s1, s2 = sample + coefficient * s1 - s2, s1
    total = sum(sample * sample for sample in samples)
    return 2 * (s1 * s1 + s2 * s2 - coefficient * s1 * s2) / (total * len(samples)) if total else 0.0


class Side:
    def __init__(self, frequency, controlling):
        self.wanted, self.heard = None, bytearray()
        self.pipeline = Gst.Pipeline.new(None)
        self.conference = Gst.ElementFactory.make("fsrtpconference", None)
        self.pipeline.add(self.conference)
        self.session = self.conference.new_session(Farstream.MediaType.AUDIO)
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.pad_added)
        self.pipeline.get_bus().set_sync_handler(self.message)
        source = Gst.parse_bin_from_description(f"audiotestsrc is-live=true freq={frequency} ! audio/x-raw,rate={RATE} ! audioconvert", True)
        self.pipeline.add(source)
        source.get_static_pad("src").link(self.session.get_property("sink-pad"))
        self.pipeline.set_state(Gst.State.PLAYING)
        wish, value = Farstream.Candidate.new("", 0, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, "127.0.0.1", 0), GObject.Value()
        Farstream.value_set_candidate_list(value, [wish])
        self.stream.set_transmitter_ht("nice", {"preferred-local-candidates": value, "controlling-mode": controlling})
        self.stream.set_remote_codecs([Farstream.Codec.new(0, "PCMU", Farstream.MediaType.AUDIO, RATE)])

    def message(self, _bus, message):
        structure = message.get_structure()
        name = structure.get_name() if message.type == Gst.MessageType.ELEMENT and structure else ""
        if name == "farstream-new-local-candidate":
            say("candidate", write(structure.get_value("candidate")))
        elif name == "farstream-local-candidates-prepared":
            say("prepared")
        elif name == "farstream-component-state-changed":
            say("state", structure.get_value("component"), int(structure.get_value("state")))
        return Gst.BusSyncReply.DROP

    def pad_added(self, _stream, pad, _codec):
        ear = Gst.parse_bin_from_description(
            f"audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate={RATE},channels=1 ! fakesink name=ear sync=false async=false", True)
        ear.get_by_name("ear").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.buffer)
        self.pipeline.add(ear)
        ear.sync_state_with_parent()
        pad.link(ear.get_static_pad("sink"))

    def buffer(self, _pad, info):
        buffer = info.get_buffer()
        self.heard += buffer.extract_dup(0, buffer.get_size())
        if self.wanted and len(self.heard) >= SPAN:
            samples = memoryview(bytes(self.heard[:SPAN])).cast("h")
            say("share", self.wanted, f"{share(samples, self.wanted):.3f}")
            self.heard.clear()
        return Gst.PadProbeReturn.OK


def main():
    Gst.init(None)
    side, remote = Side(float(sys.argv[1]), sys.argv[2] == "1"), []
    with open("/proc/self/maps", encoding="utf-8") as maps:
        say("library", next(line.split()[-1] for line in maps if "libfarstream-0.2" in line))
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "candidate":
            remote.append(read(rest))
        elif word == "go":
            threading.Thread(target=side.stream.add_remote_candidates, args=(remote,)).start()
        elif word == "listen":
            side.wanted = float(rest[0])
    side.pipeline.set_state(Gst.State.NULL)


main()
