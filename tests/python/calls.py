#!/usr/bin/python3
"""Calls from Python that are not the plain one: sound that is encoded already, RTCP on the way of RTP, header extensions, two
peers at once, and no RTP at all. Each is measured by what is heard. Prints a line "ok - ..." or "not ok - ..." a test; the
environment is that of call.py.
"""

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, Gst

import call
import checks
from checks import RATE, check, give_up, host, preferred
from session import hears, until

LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ALAW = f"audio/x-alaw,rate={RATE},channels=1"
RAW = f"audio/x-raw, format=(string)S16LE, layout=(string)interleaved, rate=(int){RATE}, channels=(int)1"
BOTH = Farstream.StreamDirection.BOTH


class Leg:
    """One stream of a party, to one peer, and what is heard of that."""

    def __init__(self, side, hear_tone):
        self.side, self.name, self.hear_tone = side, side.name, hear_tone
        self.heard, self.candidates = side.new_sound(), {}
        self.stream = side.session.new_stream(side.conference.new_participant(), BOTH)
        side.connect(self.stream, "src-pad-added", self.on_src_pad)

    def open(self, components):
        local = preferred([host(component, "127.0.0.1") for component in range(1, components + 1)])
        self.stream.set_transmitter_ht("rawudp", {"preferred-local-candidates": local})
        until(f"{self.name}: {components} candidates", lambda: len(self.candidates) == components)

    def on_src_pad(self, _stream, pad, _codec):
        tail = Gst.parse_bin_from_description(
            f"{self.side.decoder} audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate={RATE},channels=1 ! "
            "fakesink name=sink signal-handoffs=true sync=false async=false", True)
        self.side.connect(tail.get_by_name("sink"), "handoff", self.on_sound)
        self.side.pipeline.add(tail)
        pad.link(tail.get_static_pad("sink"))
        tail.sync_state_with_parent()

    def on_sound(self, _sink, buffer, _pad):
        self.heard.frombytes(buffer.extract_dup(0, buffer.get_size()))


class Party:
    """A pipeline with a conference, one session and a source of a tone."""

    def __init__(self, name, tone, factory="fsrtpconference", encoder="identity"):
        self.name, self.legs, self.handlers, self.decoder = name, [], [], ""
        self.pipeline = Gst.Pipeline.new(name)
        self.conference = Gst.ElementFactory.make(factory)
        self.pipeline.add(self.conference)
        self.session = self.conference.new_session(Farstream.MediaType.AUDIO)
        self.source = Gst.parse_bin_from_description(
            f"audiotestsrc is-live=true freq={tone} samplesperbuffer={RATE // 50} ! "
            f"audio/x-raw,format=S16LE,rate={RATE},channels=1 ! {encoder}", True)
        self.pipeline.add(self.source)
        self.source.get_static_pad("src").link(self.session.props.sink_pad)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        self.connect(bus, "message", self.on_message)

    @staticmethod
    def new_sound():
        return call.array.array("h")

    def connect(self, source, signal, handler):
        self.handlers.append((source, source.connect(signal, handler)))

    def leg(self, hear_tone):
        self.legs.append(Leg(self, hear_tone))
        return self.legs[-1]

    def prefer_pcma(self):
        self.session.set_codec_preferences([Farstream.Codec.new(Farstream.CODEC_ID_ANY, "PCMA", Farstream.MediaType.AUDIO, RATE)])

    def on_message(self, _bus, message):
        structure = message.get_structure()
        if message.type == Gst.MessageType.ERROR or (structure and structure.get_name() == "farstream-error"):
            give_up(f"{self.name}: no error: {structure.to_string()}")
        for leg in self.legs:
            found, candidate = leg.stream.parse_new_local_candidate(message)
            if found:
                leg.candidates[candidate.component_id] = candidate.copy()

    def factories(self):
        found, iterator = set(), self.conference.iterate_recurse()
        while True:
            result, element = iterator.next()
            if result != Gst.IteratorResult.OK:
                return found
            if element.get_factory() is not None:
                found.add(element.get_factory().get_name())

    def end(self):
        # The handlers hold this object, which holds what they are connected to; what is destroyed has none any more.
        for source, handler in self.handlers:
            if source.handler_is_connected(handler):
                source.disconnect(handler)
        self.pipeline.get_bus().remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)
        for leg in self.legs:
            leg.stream.destroy()
        self.session.destroy()


def connect(one, two, components=2, codecs=None):
    """Two legs find each other; codecs are those of the sessions unless others are given."""
    for leg in (one, two):
        leg.open(components)
    for leg, peer in ((two, one), (one, two)):
        leg.stream.set_remote_codecs(codecs or peer.side.session.props.codecs)
        leg.stream.force_remote_candidates(list(peer.candidates.values()))
    for leg in (one, two):
        leg.side.pipeline.set_state(Gst.State.PLAYING)


def pair(**more):
    alice, bob = Party("alice", 440, **more), Party("bob", 660, **more)
    return alice, bob, alice.leg(660), bob.leg(440)


def check_encoded():
    """Alice encodes and bob decodes by himself; the conferences only carry it."""
    alice, bob = Party("alice", 440, encoder="alawenc"), Party("bob", 660)
    alice.prefer_pcma()
    bob.prefer_pcma()
    alaw = Gst.Caps.from_string(ALAW)
    alice.session.set_allowed_caps(alaw, None)
    bob.session.set_allowed_caps(None, alaw)
    bob.decoder = "alawdec !"
    offered = {codec.encoding_name.upper() for codec in alice.session.props.codecs}
    check(offered - {"TELEPHONE-EVENT"} == {"PCMA"}, f"only what is encoded that way is offered: {offered}")
    to_bob, to_alice = alice.leg(660), bob.leg(440)
    connect(to_bob, to_alice)
    hears(to_alice, "encoded by alice")
    hears(to_bob, "decoded as ever")
    check("alawenc" not in alice.factories() and "alawdec" not in bob.factories(), "nobody encodes or decodes for them")
    alice.end()
    bob.end()


def check_rtcp_mux():
    alice, bob, to_bob, to_alice = pair()
    seen = {}
    for party, leg in ((alice, to_bob), (bob, to_alice)):
        party.prefer_pcma()
        leg.stream.props.send_rtcp_mux = True
        seen[party.name] = 0
        leg.open(2)
        check(leg.stream.props.send_rtcp_mux, f"{party.name}: RTCP goes with RTP")

        def count(_pad, _info, name=party.name):
            seen[name] += 1
            return Gst.PadProbeReturn.OK

        funnel = party.conference.get_by_name("recv_rtcp_funnel_1")
        for pad in funnel.sinkpads:
            pad.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST, count)
    for leg, peer in ((to_alice, to_bob), (to_bob, to_alice)):
        leg.stream.set_remote_codecs(peer.side.session.props.codecs)
        leg.stream.force_remote_candidates(list(peer.candidates.values()))
        leg.side.pipeline.set_state(Gst.State.PLAYING)
    hears(to_bob, "with RTCP on the same way")
    for leg in (to_bob, to_alice):
        until(f"{leg.name}: reports have come", lambda leg=leg: leg.stream.props.stats.has_field("round-trip-time"))
    check(set(seen.values()) == {0}, f"none on the second component: {seen}")
    alice.end()
    bob.end()


def check_header_extensions():
    alice, bob, to_bob, to_alice = pair()
    for party, number in ((alice, 3), (bob, 200)):
        party.prefer_pcma()
        party.session.set_rtp_header_extension_preferences([Farstream.RtpHeaderExtension.new(number, BOTH, LEVEL)])
    to_alice.stream.set_rtp_header_extensions(alice.session.get_rtp_header_extensions())
    connect(to_bob, to_alice)
    to_bob.stream.set_rtp_header_extensions(bob.session.get_rtp_header_extensions())
    agreed = [[(one.id, one.uri) for one in party.session.get_rtp_header_extensions()] for party in (alice, bob)]
    check(agreed == [[(3, LEVEL)]] * 2, f"both use what was offered: {agreed}")
    hears(to_bob, "with the extension")
    hears(to_alice, "with the extension")
    alice.end()
    bob.end()


def check_two_peers():
    """One session of alice, a stream for each peer."""
    alice, bob, carol = Party("alice", 440), Party("bob", 660), Party("carol", 880)
    for party in (alice, bob, carol):
        party.prefer_pcma()
    to_bob, to_carol = alice.leg(660), alice.leg(880)
    of_bob, of_carol = bob.leg(440), carol.leg(440)
    connect(to_bob, of_bob)
    connect(to_carol, of_carol)
    for leg, what in ((of_bob, "from alice"), (of_carol, "from alice"), (to_bob, "from bob"), (to_carol, "from carol")):
        hears(leg, what)
    check(alice.session.props.codecs[0].encoding_name.upper() == "PCMA", "one codec for all")
    to_bob.stream.destroy()
    alice.legs.remove(to_bob)
    hears(to_carol, "from carol when bob is gone")
    hears(of_carol, "from alice when bob is gone")
    for party in (alice, bob, carol):
        party.end()


def check_raw():
    alice, bob, to_bob, to_alice = pair(factory="fsrawconference")
    codec = Farstream.Codec.new(Farstream.CODEC_ID_ANY, RAW, Farstream.MediaType.AUDIO, 0)
    connect(to_bob, to_alice, components=1, codecs=[codec])
    hears(to_bob, "without RTP")
    hears(to_alice, "without RTP")
    check([codec.encoding_name for codec in to_alice.stream.props.current_recv_codecs] == [RAW], "the format is the codec")
    alice.end()
    bob.end()


if __name__ == "__main__":
    Gst.init(None)
    call.check_loaded()
    check_encoded()
    check_rtcp_mux()
    check_header_extensions()
    check_two_peers()
    check_raw()
    checks.leave()
