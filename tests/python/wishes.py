#!/usr/bin/python3
"""What an application wishes for, and what comes of it in a call, from Python: codecs that are preferred, disabled, kept free or read
from a file, bins of its own, bytes with RTP and without. Prints a line "ok - ..." or "not ok - ..." a test; the environment is that
of call.py.
"""

import os
import tempfile

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, Gst

import call
import checks
from calls import connect, pair
from checks import RATE, check, host, preferred
from session import hears, until

AUDIO = Farstream.MediaType.AUDIO
APPLICATION = Farstream.MediaType.APPLICATION
ANY, DISABLE = Farstream.CODEC_ID_ANY, Farstream.CODEC_ID_DISABLE
BYTES = "application/octet-stream"
FILE = """[audio/PCMA]
id=97

[audio/telephone-event]
id=-2

[audio/OPUS]
id=-2
"""


def audio(number, name, rate=RATE, **parameters):
    codec = Farstream.Codec.new(number, name, AUDIO, rate)
    for key, value in parameters.items():
        codec.add_optional_parameter(key.replace("_", "-"), value)
    return codec


def names(codecs):
    return [codec.encoding_name.upper() for codec in codecs]


def call_with(wishes, what):
    """Both hear each other with these preferences; what was agreed."""
    alice, bob, to_bob, to_alice = pair()
    for party in (alice, bob):
        party.session.set_codec_preferences(wishes())
    connect(to_bob, to_alice)
    hears(to_alice, what)
    hears(to_bob, what)
    agreed = to_alice.stream.props.negotiated_codecs
    sent = alice.session.props.current_send_codec
    alice.end()
    bob.end()
    return agreed, sent


def check_preferences():
    agreed, sent = call_with(lambda: [audio(ANY, "PCMU"), audio(DISABLE, "PCMA"), audio(DISABLE, "OPUS", 48000)], "by PCMU")
    check(names([sent]) == ["PCMU"] and not {"PCMA", "OPUS"} & set(names(agreed)), f"what is disabled is not agreed: {names(agreed)}")
    agreed, _ = call_with(lambda: [audio(ANY, "PCMA"), audio(96, "reserve-pt", 0), audio(97, "reserve-pt", 0)], "with types kept free")
    check(not {96, 97} & {codec.id for codec in agreed}, f"two payload types stay free: {[codec.id for codec in agreed]}")


def check_every_codec():
    """What discovery has found carries a tone, from a source at 8 kHz."""
    alice = pair()[0]
    found = [codec for codec in alice.session.props.codecs_without_config if codec.encoding_name.upper() != "TELEPHONE-EVENT"]
    alice.end()
    check({"PCMU", "PCMA"} <= set(names(found)), f"discovery found {names(found)}")
    for codec in found:
        call_with(lambda codec=codec: [audio(ANY, codec.encoding_name, codec.clock_rate)], f"by {codec.to_string()}")


def check_file():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "codec-preferences")
        with open(path, "w", encoding="utf-8") as file:
            file.write(FILE)
        agreed, sent = call_with(lambda: Farstream.codec_list_from_keyfile(path), "as the file says")
    check((sent.encoding_name.upper(), sent.id) == ("PCMA", 97), f"the file's payload type is sent: {sent.to_string()}")
    check(not {"TELEPHONE-EVENT", "OPUS"} & set(names(agreed)), f"nor is there what it disables: {names(agreed)}")


def check_refusal():
    """What can't be is refused, tells why, and leaves the call as it was."""
    alice, bob, to_bob, to_alice = pair()
    told = []

    def on_message(_bus, message):
        structure = message.get_structure()
        if structure and structure.get_name() == "farstream-codecs-rejected":
            told.extend(zip(*[structure.get_value(name) for name in ("reasons", "parameters", "ours", "theirs")]))

    for party in (alice, bob):
        party.prefer_pcma()
    bob.connect(bob.pipeline.get_bus(), "message", on_message)
    connect(to_bob, to_alice)
    hears(to_alice, "before the refusal")
    before = [codec.to_string() for codec in alice.session.props.codec_preferences]
    nothing = [audio(DISABLE, codec.encoding_name, codec.clock_rate) for codec in alice.session.props.codecs_without_config]
    for what, action in (("preferences", lambda: alice.session.set_codec_preferences(nothing)),
                         ("caps", lambda: alice.session.set_allowed_caps(Gst.Caps.from_string("audio/x-quux"), None))):
        try:
            action()
            check(False, f"{what} that leave nothing are refused")
        except GLib.Error as error:
            check(error.matches(Farstream.Error.quark(), Farstream.Error.NO_CODECS_LEFT), f"{what}: {error.message}")
    check(before == [codec.to_string() for codec in alice.session.props.codec_preferences], "the old preferences stand")
    to_alice.stream.set_remote_codecs([audio(8, "PCMA"), audio(100, "QUUX", 12345), audio(101, "telephone-event", events="200-210")])
    until("bob is told of the codec that he has not", lambda: any("QUUX" in reason for reason, *_ in told))
    until("and of events that he can't hear", lambda: any((name, theirs) == ("events", "200-210") for _, name, _, theirs in told))
    hears(to_alice, "after the refusals")
    alice.end()
    bob.end()


def check_profiles():
    """A codec that nobody has elements for: mu-law under another name."""
    def rename(encoding):
        return f'capssetter replace=true caps="application/x-rtp,media=audio,clock-rate={RATE},encoding-name={encoding}"'

    def own():
        return [audio(110, "MYLAW", farstream_send_profile=f"audioconvert ! audioresample ! mulawenc ! rtppcmupay pt=110 ! {rename('MYLAW')}",
                      farstream_recv_profile=f"{rename('PCMU')} ! rtppcmudepay ! mulawdec")]

    agreed, sent = call_with(own, "by bins of the application's own")
    check((sent.encoding_name, sent.id) == ("MYLAW", 110), f"that is what is sent: {sent.to_string()}")
    first = next(codec for codec in agreed if codec.encoding_name == "MYLAW")
    check(first.optional_params == [], "the bins are nobody else's business")


def check_surroundings():
    """Properties of inner elements from a key file, the latency, the graph."""
    alice, bob, to_bob, to_alice = pair()
    notifier = Farstream.ElementAddedNotifier.new()
    keys = GLib.KeyFile.new()
    keys.load_from_bytes(GLib.Bytes.new(b"[rtppcmapay]\nmtu=700\n"), GLib.KeyFileFlags.NONE)
    notifier.add(alice.conference)
    notifier.set_properties_from_keyfile(keys)
    for party in (alice, bob):
        party.prefer_pcma()
    bob.conference.props.latency = 80
    connect(to_bob, to_alice)
    hears(to_alice, "with properties from a key file")
    payloader = Gst.ChildProxy.get_child_by_name(alice.conference, "rtppcmapay")
    check(payloader is not None and payloader.props.mtu == 700, "the payloader has what the file says")
    query = Gst.Query.new_latency()
    check(bob.conference.srcpads[0].query(query), "the latency is answered")
    _, least, _ = query.parse_latency()
    check(least >= 80 * Gst.MSECOND, f"it is that of the jitter buffer at least: {least // Gst.MSECOND} ms")
    graph = Gst.debug_bin_to_dot_data(bob.conference, Gst.DebugGraphDetails.ALL)
    check("recv_rtp_funnel_1" in graph and "rtppcmadepay" in graph, "the graph shows what there is")
    notifier.remove(alice.conference)
    alice.end()
    bob.end()


class Sender:
    """A side of an application session, which sends and receives bytes."""

    def __init__(self, name, factory):
        self.name, self.candidates, self.got = name, {}, []
        self.pipeline = Gst.Pipeline.new(name)
        self.conference = Gst.ElementFactory.make(factory)
        self.pipeline.add(self.conference)
        self.session = self.conference.new_session(APPLICATION)
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)
        self.pad_handler = self.stream.connect("src-pad-added", self.on_src_pad)
        self.pipeline.get_bus().set_sync_handler(self.on_message)
        self.source = Gst.ElementFactory.make("appsrc")
        self.source.props.caps = Gst.Caps.from_string(BYTES)
        self.source.props.is_live = self.source.props.do_timestamp = True
        self.source.props.format = Gst.Format.TIME
        self.pipeline.add(self.source)
        self.source.get_static_pad("src").link(self.session.props.sink_pad)

    def on_message(self, _bus, message):
        found, candidate = self.stream.parse_new_local_candidate(message)
        if found:
            self.candidates[candidate.component_id] = candidate.copy()
        return Gst.BusSyncReply.PASS

    def on_src_pad(self, _stream, pad, _codec):
        sink = Gst.ElementFactory.make("fakesink")
        sink.props.sync = False
        setattr(sink.props, "async", False)
        sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.on_bytes)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def on_bytes(self, _pad, info):
        buffer = info.get_buffer()
        self.got.append(buffer.extract_dup(0, buffer.get_size()))
        return Gst.PadProbeReturn.OK

    def say(self, message):
        self.source.emit("push-buffer", Gst.Buffer.new_wrapped(message))

    def end(self):
        self.pipeline.set_state(Gst.State.NULL)
        self.stream.disconnect(self.pad_handler)
        self.stream.destroy()
        self.session.destroy()


def check_bytes(factory, components):
    alice, bob = sides = Sender("alice", factory), Sender("bob", factory)
    for side in sides:
        local = preferred([host(component, "127.0.0.1") for component in range(1, components + 1)])
        side.stream.set_transmitter_ht("rawudp", {"preferred-local-candidates": local})
        until(f"{side.name}: {components} candidates", lambda side=side: len(side.candidates) == components)
    raw = [Farstream.Codec.new(ANY, BYTES, APPLICATION, 0)]
    for side, peer in ((alice, bob), (bob, alice)):
        side.stream.set_remote_codecs(raw if components == 1 else peer.session.props.codecs)
        side.stream.force_remote_candidates(list(peer.candidates.values()))
        side.pipeline.set_state(Gst.State.PLAYING)
    sent = [bytes([number]) * (1 + 40 * number) for number in range(20)]
    for side, peer in ((alice, bob), (bob, alice)):
        for number, message in enumerate(sent):
            side.say(message)
            until(f"{factory}: message {number} of {side.name}", lambda peer=peer, number=number: len(peer.got) > number)
        check(peer.got == sent, f"{factory}: what {peer.name} got is what {side.name} said")
    for side in sides:
        side.end()


if __name__ == "__main__":
    Gst.init(None)
    call.check_loaded()
    check_preferences()
    check_every_codec()
    check_file()
    check_refusal()
    check_profiles()
    check_surroundings()
    check_bytes("fsrtpconference", 2)
    check_bytes("fsrawconference", 1)
    checks.leave()
