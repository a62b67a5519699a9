#!/usr/bin/python3
"""Telephony events between two conferences from Python: as packets at each clock rate and as sound, with the messages about their
beginning and end on both sides. Sound is measured by its two frequencies. Prints a line "ok - ..." or "not ok - ..." a test; the
environment is that of call.py.
"""

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, Gst

import call
import checks
from calls import Party, connect
from checks import RATE, check, tone_share
from session import hears, until

ANY, AUDIO = Farstream.CODEC_ID_ANY, Farstream.MediaType.AUDIO
VOLUME = 8
KEYS = {0: (941, 1336), 5: (770, 1336), 10: (941, 1209), 15: (941, 1633)}
MOMENT = RATE // 10


class Speaker(Party):
    """A party that notes all that it is told of events."""

    def __init__(self, name, tone):
        super().__init__(name, tone)
        self.sent, self.received = [], []

    def on_message(self, bus, message):
        super().on_message(bus, message)
        structure = message.get_structure()
        name = structure.get_name() if structure else ""
        if name == "farstream-telephony-event-started":
            self.sent.append(("started",) + tuple(self.session.parse_telephony_event_started(message))[1:])
        elif name == "farstream-telephony-event-stopped":
            self.sent.append(("stopped",) + tuple(self.session.parse_telephony_event_stopped(message))[1:])
        elif name == "farstream-telephony-event-received":
            self.received.append(("begins", structure.get_value("event"), structure.get_value("volume"), structure.get_value("ssrc")))
        elif name == "farstream-telephony-event-received-ended":
            self.received.append(("ends", structure.get_value("event"), structure.get_value("duration")))


def speakers(wanted):
    """A call of two with these codecs and no others."""
    alice, bob = Speaker("alice", 440), Speaker("bob", 660)
    for party in (alice, bob):
        disabled = [Farstream.Codec.new(Farstream.CODEC_ID_DISABLE, "telephone-event", AUDIO, codec.clock_rate)
                    for codec in party.session.props.codecs_without_config if codec.encoding_name == "telephone-event"]
        party.session.set_codec_preferences(wanted + (disabled if len(wanted) == 1 else []))
    to_bob, to_alice = alice.leg(660), bob.leg(440)
    connect(to_bob, to_alice)
    hears(to_alice, "to begin with")
    return alice, bob, to_alice


def check_packets():
    for name, rate in (("PCMU", 8000), ("OPUS", 48000), ("SPEEX", 16000)):
        events = Farstream.Codec.new(ANY, "telephone-event", AUDIO, rate)
        events.add_optional_parameter("events", "0-16")
        alice, bob, to_alice = speakers([Farstream.Codec.new(ANY, name, AUDIO, rate), events])
        method = Farstream.DTMFMethod.RTP_RFC4733
        for event in (0, 11, 16):
            check(alice.session.start_telephony_event(event, VOLUME), f"{name}: event {event} is taken")
            until(f"{name}: it begins", lambda: alice.sent and bob.received)
            check(alice.sent == [("started", method, event, VOLUME)], f"{name}: the sender is told: {alice.sent}")
            check(bob.received == [("begins", event, VOLUME, alice.session.props.ssrc)], f"{name}: so is the receiver: {bob.received}")
            check(alice.session.stop_telephony_event(), f"{name}: and it can be stopped")
            until(f"{name}: it ends", lambda: len(alice.sent) > 1 and len(bob.received) > 1)
            check(alice.sent[1:] == [("stopped", method)], f"{name}: the sender is told: {alice.sent[1:]}")
            kind, ended, duration = bob.received[1]
            check((kind, ended) == ("ends", event) and duration >= 40 and len(bob.received) == 2, f"{name}: so is the receiver: {bob.received[1:]}")
            alice.sent, bob.received = [], []
        hears(to_alice, "after the events")
        alice.end()
        bob.end()


def check_sound():
    alice, bob, to_alice = speakers([Farstream.Codec.new(ANY, "PCMU", AUDIO, RATE)])
    for event, tones in KEYS.items():
        check(alice.session.start_telephony_event(event, VOLUME), f"event {event} is taken")

        def sounds(tones=tones):
            shares = [tone_share(to_alice.heard[-MOMENT:], tone) for tone in tones]
            return sum(shares) > 0.9 and min(shares) > 0.3

        until(f"bob hears {tones[0]} and {tones[1]} Hz", sounds)
        until("it begins", lambda: alice.sent)
        check(alice.sent == [("started", Farstream.DTMFMethod.SOUND, event, VOLUME)], f"the sender is told: {alice.sent}")
        check(alice.session.stop_telephony_event(), "and it can be stopped")
        until("it ends", lambda: len(alice.sent) > 1)
        check(alice.sent[1:] == [("stopped", Farstream.DTMFMethod.SOUND)], f"the sender is told: {alice.sent[1:]}")
        alice.sent = []
    hears(to_alice, "after the events")
    check(bob.received == [], "sound is no event that is received")
    alice.end()
    bob.end()


if __name__ == "__main__":
    Gst.init(None)
    call.check_loaded()
    check_packets()
    check_sound()
    checks.leave()
