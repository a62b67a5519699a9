#!/usr/bin/python3
"""One audio call between two conferences over rawudp on loopback, from Python.

The first argument says what the process touches first, "library" (the introspected namespace) or "plugin" (the element);
whichever it is, both must meet in one library with one set of types. The environment names the files that are expected:
EXPECT_LIBRARY, EXPECT_PLUGIN, EXPECT_TRANSMITTER and EXPECT_TYPELIB. Prints a line "ok - ..." or "not ok - ..." a test.
"""

import array
import os
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, GObject, Gst

import checks
from checks import RATE, check, give_up, host, preferred, tone_share

SKIPPED = RATE // 2
MEASURED = RATE
LIMIT_SECONDS = 30


def import_farstream():
    gi.require_version("Farstream", "0.2")
    from gi.repository import Farstream as namespace

    return namespace


def mapped_files(part):
    """The mapped files whose path holds `part`."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return sorted({line[line.index("/"):].strip() for line in maps if "/" in line and part in line})


class Side:
    """One of the two parties: a pipeline with a conference, its session and its stream."""

    def __init__(self, name, send_tone, hear_tone):
        self.name, self.send_tone, self.hear_tone = name, send_tone, hear_tone
        self.candidates, self.heard, self.pads = [], array.array("h"), 0
        self.told = set()
        self.handlers = []
        self.pipeline = Gst.Pipeline.new(name)
        self.conference = Gst.ElementFactory.make("fsrtpconference")
        if not check(self.conference is not None, f"{name}: the element is made"):
            give_up(f"{name}: no element")

    def set_up(self):
        source = Gst.ElementFactory.make("audiotestsrc")
        source.props.is_live, source.props.freq, source.props.samplesperbuffer = True, self.send_tone, RATE // 50
        self.pipeline.add(self.conference)
        self.pipeline.add(source)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        self.connect(bus, "message", self.on_message)

        check(isinstance(self.conference, Farstream.Conference), f"{self.name}: the element is a Farstream.Conference")
        self.session = self.conference.new_session(Farstream.MediaType.AUDIO)
        check(isinstance(self.session, Farstream.Session), f"{self.name}: new_session")
        self.session.set_codec_preferences([Farstream.Codec.new(Farstream.CODEC_ID_ANY, "PCMA", Farstream.MediaType.AUDIO, RATE)])
        self.participant = self.conference.new_participant()
        self.stream = self.session.new_stream(self.participant, Farstream.StreamDirection.BOTH)
        check(self.stream.props.session == self.session and self.stream.props.participant == self.participant
              and self.session.props.conference == self.conference, f"{self.name}: the objects know each other")
        self.connect(self.stream, "src-pad-added", self.on_src_pad)
        check(source.get_static_pad("src").link(self.session.props.sink_pad) == Gst.PadLinkReturn.OK,
              f"{self.name}: the source links to the sink pad")

    def set_transmitter(self):
        """Candidates on loopback only, and none of the waiting for a router that the stock library does by default."""
        wanted = preferred([host(component, "127.0.0.1") for component in (Farstream.ComponentType.RTP, Farstream.ComponentType.RTCP)])
        good = self.stream.set_transmitter_ht("rawudp", {
            "preferred-local-candidates": wanted, "upnp-mapping": False, "upnp-discovery": False})
        check(good, f"{self.name}: set_transmitter_ht")

    def on_src_pad(self, stream, pad, codec):
        check(stream == self.stream and codec.encoding_name.upper() == "PCMA", f"{self.name}: a pad for {codec.to_string()}")
        tail = Gst.parse_bin_from_description(
            f"audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate={RATE},channels=1 ! "
            "fakesink name=sink signal-handoffs=true sync=false async=false", True)
        self.connect(tail.get_by_name("sink"), "handoff", self.on_sound)
        self.pipeline.add(tail)
        linked = pad.link(tail.get_static_pad("sink")) == Gst.PadLinkReturn.OK
        tail.sync_state_with_parent()
        check(linked, f"{self.name}: the pad links")
        self.pads += 1

    def on_sound(self, _sink, buffer, _pad):
        self.heard.frombytes(buffer.extract_dup(0, buffer.get_size()))

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.ERROR:
            error, debug = message.parse_error()
            give_up(f"{self.name}: no error on the bus: {error.message} ({debug})")
        structure = message.get_structure()
        if structure is None or not structure.get_name().startswith("farstream-"):
            return
        self.told.add(structure.get_name())
        found, candidate = self.stream.parse_new_local_candidate(message)
        if found:
            self.candidates.append(candidate.copy())
        elif self.stream.parse_local_candidates_prepared(message):
            check(other(self).stream.force_remote_candidates(self.candidates),
                  f"{self.name}: the other side takes the candidates {[(c.ip, c.port) for c in self.candidates]}")
        elif structure.get_name() == "farstream-send-codec-changed":
            found, codec, secondary = self.session.parse_send_codec_changed(message)
            check(found and codec.id == 8 and 8 not in [more.id for more in secondary], f"{self.name}: sends {codec.to_string()}")
        elif structure.get_name() == "farstream-recv-codecs-changed":
            found, codecs = self.stream.parse_recv_codecs_changed(message)
            check(found and [codec.id for codec in codecs] == [8], f"{self.name}: receives the codec")
        elif structure.get_name() == "farstream-error":
            give_up(f"{self.name}: no farstream-error: {structure.to_string()}")

    def enough(self):
        return len(self.heard) >= SKIPPED + MEASURED

    def judge(self):
        samples = self.heard[SKIPPED:SKIPPED + MEASURED]
        share, own = tone_share(samples, self.hear_tone), tone_share(samples, self.send_tone)
        check(share > 0.9 and own < 0.01,
              f"{self.name}: hears {self.hear_tone} Hz ({share:.4f} of the energy) and not its own {self.send_tone} Hz ({own:.4f})")
        check(self.pads == 1, f"{self.name}: got {self.pads} source pads")
        wanted = {"farstream-new-local-candidate", "farstream-local-candidates-prepared", "farstream-new-active-candidate-pair",
                  "farstream-send-codec-changed", "farstream-recv-codecs-changed", "farstream-codecs-changed"}
        check(wanted <= self.told, f"{self.name}: was told all ({', '.join(sorted(wanted - self.told)) or 'nothing missing'})")

    def connect(self, source, signal, handler):
        self.handlers.append((source, source.connect(signal, handler)))

    def tear_down(self):
        self.pipeline.get_bus().remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)
        self.stream.destroy()
        self.session.destroy()
        # The handlers hold this object, which holds what they are connected to.
        for source, handler in self.handlers:
            source.disconnect(handler)


def negotiate(offerer, answerer):
    codecs = offerer.session.props.codecs
    check(len(codecs) > 0 and codecs[0].encoding_name.upper() == "PCMA" and codecs[0].id == 8,
          f"{offerer.name}: offers {[codec.to_string() for codec in codecs][:3]} ...")
    check(answerer.stream.set_remote_codecs(codecs), f"{answerer.name}: set_remote_codecs")


def check_refusal(side):
    """A list that leaves nothing is refused with a GError of our domain, and changes nothing."""
    before = [codec.to_string() for codec in side.session.props.codecs]
    try:
        side.stream.set_remote_codecs([Farstream.Codec.new(100, "NOSUCHTHING", Farstream.MediaType.AUDIO, 12345)])
        check(False, f"{side.name}: codecs nobody has are refused")
    except GLib.Error as error:
        check(error.matches(Farstream.Error.quark(), Farstream.Error.NEGOTIATION_FAILED),
              f"{side.name}: codecs nobody has are refused: {error.message}")
    check(before == [codec.to_string() for codec in side.session.props.codecs], f"{side.name}: and nothing changed")


def check_loaded():
    wanted = os.environ["EXPECT_LIBRARY"]
    mapped = mapped_files("/libfarstream-0.2.so")
    check(mapped == [wanted], f"the library in this process is {mapped} (wanted: {wanted})")
    wanted = os.environ["EXPECT_TYPELIB"]
    typelib = os.path.realpath(gi.Repository.get_default().get_typelib_path("Farstream"))
    check(typelib == wanted, f"the typelib is {typelib} (wanted: {wanted})")
    wanted = os.environ["EXPECT_PLUGIN"]
    plugin = os.path.realpath(Gst.ElementFactory.find("fsrtpconference").get_plugin().get_filename())
    check(plugin == wanted, f"fsrtpconference comes from {plugin} (wanted: {wanted})")
    wanted = [path for path in [os.environ["EXPECT_TRANSMITTER"]] if path]
    mapped = mapped_files("rawudp-transmitter")
    check(mapped == wanted, f"the transmitter file in this process is {mapped} (wanted: {wanted})")


def run():
    loop = GLib.MainLoop()

    def is_done():
        if all(side.enough() for side in SIDES):
            loop.quit()
        return True

    def is_late():
        give_up(f"both hear within {LIMIT_SECONDS} s: " + str([(s.name, len(s.heard), s.pads, sorted(s.told)) for s in SIDES]))

    sources = [GLib.timeout_add(50, is_done), GLib.timeout_add_seconds(LIMIT_SECONDS, is_late)]
    loop.run()
    for source in sources:
        GLib.source_remove(source)


def other(side):
    return SIDES[1] if side is SIDES[0] else SIDES[0]


if __name__ == "__main__":
    FIRST = sys.argv[1]
    if FIRST == "library":
        Farstream = import_farstream()
        check(Farstream.Conference.__gtype__.name == "FsConference", "library first: FsConference is registered")
        Gst.init(None)
    else:
        Gst.init(None)
        # Not by making an element: PyGObject would keep the class it makes up for one whose namespace is not loaded.
        factory = Gst.ElementFactory.find("fsrtpconference").load()
        check(GObject.type_name(factory.get_element_type()) == "FsRtpConference", "plugin first: FsRtpConference is registered")
        Farstream = import_farstream()
    SIDES = [Side("alice", 440, 660), Side("bob", 660, 440)]
    for party in SIDES:
        party.set_up()
    for party in SIDES:
        party.set_transmitter()
    check_refusal(SIDES[0])
    negotiate(SIDES[0], SIDES[1])
    negotiate(SIDES[1], SIDES[0])
    check_loaded()
    for party in SIDES:
        party.pipeline.set_state(Gst.State.PLAYING)
    run()
    for party in SIDES:
        party.judge()
    for party in SIDES:
        party.tear_down()
    # Nothing may be left then; the leaks tracer of GStreamer looks whether that is so.
    SIDES.clear()
    party = None
    checks.leave()
