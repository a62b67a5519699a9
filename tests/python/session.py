#!/usr/bin/python3
"""A call between two conferences from Python, and what happens in it: statistics, inner elements, digits, another codec,
another SSRC, directions, encryption. Each is measured by what is heard or told. Prints a line "ok - ..." or "not ok - ..."
a test; the environment is that of call.py.
"""

import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, Gst

import call
import checks
from checks import RATE, check, give_up, tone_share

PATIENCE_SECONDS = 20
MEASURED = RATE * 2 // 5
KEYS = {5: (770, 1336), 10: (941, 1209), 16: None}
VOLUME = 10


class Side(call.Side):
    """A party whose codecs and pads come and go."""

    def __init__(self, name, send_tone, hear_tone):
        super().__init__(name, send_tone, hear_tone)
        self.begun, self.ended, self.codecs = [], [], []

    def on_src_pad(self, _stream, pad, codec):
        self.codecs.append(codec.encoding_name)
        tail = Gst.parse_bin_from_description(
            f"audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate={RATE},channels=1 ! "
            "fakesink name=sink signal-handoffs=true sync=false async=false", True)
        if codec.encoding_name.lower() != "telephone-event":
            self.connect(tail.get_by_name("sink"), "handoff", self.on_sound)
        self.pipeline.add(tail)
        pad.link(tail.get_static_pad("sink"))
        tail.sync_state_with_parent()

    def on_message(self, _bus, message):
        structure = message.get_structure()
        name = structure.get_name() if structure else ""
        if message.type == Gst.MessageType.ERROR or name == "farstream-error":
            give_up(f"{self.name}: no error: {structure.to_string()}")
        found, candidate = self.stream.parse_new_local_candidate(message)
        if found:
            self.candidates.append(candidate.copy())
        elif self.stream.parse_local_candidates_prepared(message):
            call.other(self).stream.force_remote_candidates(self.candidates)
        elif name == "farstream-telephony-event-received":
            self.begun.append((structure.get_value("event"), structure.get_value("volume"), structure.get_value("ssrc")))
        elif name == "farstream-telephony-event-received-ended":
            self.ended.append((structure.get_value("event"), structure.get_value("duration")))

    def codec(self, name):
        return next(codec for codec in self.session.props.codecs_without_config if codec.encoding_name.upper() == name)


def until(what, done):
    """Lets everything run until it is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > end:
            return check(False, what)
        GLib.MainContext.default().iteration(False)
        time.sleep(0.005)
    return check(True, what)


def hears(side, what):
    del side.heard[:]

    def tone():
        return len(side.heard) > 2 * MEASURED and tone_share(side.heard[-MEASURED:], side.hear_tone) > 0.9

    until(f"{side.name} hears {side.hear_tone} Hz {what}", tone)


def silent(side, what):
    def quiet():
        before = len(side.heard)
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            GLib.MainContext.default().iteration(False)
            time.sleep(0.005)
        return len(side.heard) == before

    until(f"{side.name} hears nothing {what}", quiet)


def begin(alice, bob):
    """Until both hear each other."""
    bob.stream.set_remote_codecs(alice.session.props.codecs)
    alice.stream.set_remote_codecs(bob.session.props.codecs)
    call.check_loaded()
    for side in (alice, bob):
        side.pipeline.set_state(Gst.State.PLAYING)
    hears(alice, "to begin with")
    hears(bob, "to begin with")


def check_statistics(alice, bob):
    of_session, of_stream = alice.session.props.stats, bob.stream.props.stats
    sent, received = of_session.get_value("packets-sent"), of_stream.get_value("packets-received")
    check(sent > 10 and of_session.get_value("bytes-sent") == 160 * sent, f"alice sent {sent} packets of 160 octets")
    check(0 < received <= sent + 50 and of_stream.get_value("packets-lost") == 0, f"bob received {received}, none lost")
    check(of_stream.get_value("codec").get_value("mime-type") == "audio/PCMA", "the codec is told")
    # PyGObject gives inner structures without a copy: the outer ones have to live.
    of_conference = bob.conference.props.stats
    outer = of_conference.get_value("session-1")
    inner = outer.get_value("stream-1")
    check(inner.get_value("packets-received") >= received, "the conference has it all")


def check_children(side):
    rtpbin = Gst.ChildProxy.get_child_by_name(side.conference, "rtpbin")
    encoder = Gst.ChildProxy.get_child_by_name(side.conference, "alawenc")
    check(rtpbin is not None and rtpbin.props.latency == 100, "rtpbin is a child")
    check(encoder is not None and encoder.get_factory().get_name() == "alawenc", "so is the encoder, inside a bin")


def check_digits(alice, bob):
    for event in (5, 10, 16):
        check(alice.session.start_telephony_event(event, VOLUME) and alice.session.stop_telephony_event(), f"event {event} is queued")
        until(f"event {event} begins and ends at bob", lambda: len(bob.ended) == len(bob.begun) > 0)
        ssrc = alice.session.props.ssrc
        check(bob.begun == [(event, VOLUME, ssrc)], f"once, with volume and SSRC: {bob.begun}")
        check(bob.ended[0][0] == event and 40 <= bob.ended[0][1] <= 400, f"with its duration in ms: {bob.ended}")
        bob.begun, bob.ended = [], []


def check_codec_change(alice, bob):
    alice.session.set_send_codec(alice.codec("PCMU"))
    until("alice sends PCMU", lambda: alice.session.props.current_send_codec.encoding_name == "PCMU")
    hears(bob, "after the change of the codec")
    until("the old pad is gone", lambda: [c.encoding_name for c in bob.stream.props.current_recv_codecs
                                          if c.encoding_name != "telephone-event"] == ["PCMU"])


def check_ssrc_change(alice, bob):
    alice.session.props.ssrc = 0x1234567
    hears(bob, "after the change of the SSRC")
    until("one pad is left, that of the new SSRC",
          lambda: [pad.get_name().split("_")[2] for pad in bob.conference.srcpads] == [str(0x1234567)])


def check_directions(alice, bob):
    alice.stream.props.direction = Farstream.StreamDirection.RECV
    silent(bob, "while alice only receives")
    hears(alice, "meanwhile")
    alice.stream.props.direction = Farstream.StreamDirection.BOTH
    hears(bob, "again")


def check_encryption(alice, bob):
    key = Gst.Structure.new_empty("FarstreamSRTP")
    key.set_value("cipher", "aes-128-icm")
    key.set_value("auth", "hmac-sha1-80")
    key.set_value("key", Gst.Buffer.new_wrapped(bytes(range(30))))
    alice.session.set_encryption_parameters(key)
    bob.stream.set_decryption_parameters(key)
    hears(bob, "what is decrypted")
    bob.stream.set_decryption_parameters(None)
    bob.stream.props.require_encryption = True
    silent(bob, "without the key")


def main():
    Gst.init(None)
    alice, bob = call.SIDES = [Side("alice", 440, 660), Side("bob", 660, 440)]
    for side in (alice, bob):
        side.set_up()
        events = Farstream.Codec.new(Farstream.CODEC_ID_ANY, "telephone-event", Farstream.MediaType.AUDIO, RATE)
        events.add_optional_parameter("events", "0-16")
        side.session.set_codec_preferences([
            Farstream.Codec.new(Farstream.CODEC_ID_ANY, "PCMA", Farstream.MediaType.AUDIO, RATE), events])
        side.set_transmitter()
    begin(alice, bob)
    check_statistics(alice, bob)
    check_children(alice)
    check_digits(alice, bob)
    check_codec_change(alice, bob)
    check_ssrc_change(alice, bob)
    check_directions(alice, bob)
    check_encryption(alice, bob)
    for side in (alice, bob):
        side.tear_down()
    checks.leave()


call.Farstream = Farstream
if __name__ == "__main__":
    main()
