#!/usr/bin/python3
"""What is beyond all reason or seldom, in calls from Python: lists of 10,000, datagrams that are no RTP or RTCP, sequence numbers
that roll over under SRTP while keys change, and AV1, for which Debian 12 has no payloader. Prints a line "ok - ..." or
"not ok - ..." a test; the environment is that of call.py.
"""

import random
import socket
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, Gst

import call
import checks
from calls import connect, pair
from checks import RATE, check
from keys import end, parameters
from session import hears, until

MANY = 10_000
DATAGRAMS = 3_000
FEW_MS = 2_000
# The first packet gets a number a little above; so many are left before 0.
LAST_NUMBERS = 40
AV1 = "video/x-av1"


def a_call():
    alice, bob, to_bob, to_alice = pair()
    for party in (alice, bob):
        party.prefer_pcma()
    connect(to_bob, to_alice)
    hears(to_alice, "to begin with")
    return alice, bob, to_bob, to_alice


def audio(number, name, rate=RATE):
    return Farstream.Codec.new(number, name, Farstream.MediaType.AUDIO, rate)


def refused(what, action):
    start = time.monotonic()
    try:
        action()
        check(False, f"{what}: no error")
    except GLib.Error as error:
        took = (time.monotonic() - start) * 1000
        fits = error.matches(Farstream.Error.quark(), Farstream.Error.INVALID_ARGUMENTS) and took < FEW_MS
        check(fits, f"{what}, in {took:.0f} ms: {error.message[:150]}")


def check_long_lists():
    alice, bob, to_bob, to_alice = a_call()
    codecs = [audio(96 + number % 32, f"CODEC{number}") for number in range(MANY)]
    refused(f"{MANY} codecs of a peer", lambda: to_bob.stream.set_remote_codecs(codecs))
    refused(f"{MANY} preferences", lambda: alice.session.set_codec_preferences(codecs))
    crowded = audio(8, "PCMA")
    for number in range(MANY):
        crowded.add_optional_parameter(f"name{number}", "x")
    refused(f"{MANY} parameters", lambda: to_bob.stream.set_remote_codecs([crowded]))
    hears(to_alice, "after all that was refused")
    end(alice, bob)


def check_datagrams():
    """From a stranger and of all lengths, half of them with the beginning of RTP or RTCP."""
    alice, bob, _, to_alice = a_call()
    chance = random.Random(4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for number in range(DATAGRAMS):
            octets = bytearray(chance.randbytes(chance.choice((0, 1, 4, 11, 12, 13, 28, 200, 1472))))
            if number % 2 and octets:
                octets[:2] = bytes((0x80 + chance.randrange(64), chance.choice((0, 8, 200, 201, 202, 203, 205, 206))))[: len(octets)]
            candidate = to_alice.candidates[1 + chance.randrange(2)]
            stranger.sendto(octets, (candidate.ip, candidate.port))
            if not number % 64:
                GLib.MainContext.default().iteration(False)
                time.sleep(0.005)
    hears(to_alice, f"after {DATAGRAMS} datagrams that nobody should send")
    check(len(bob.conference.srcpads) < 70, f"{len(bob.conference.srcpads)} pads came of it")
    end(alice, bob)


def check_roll_over():
    alice, bob, to_bob, to_alice = pair()
    for party, leg, own, others in ((alice, to_bob, 0, 100), (bob, to_alice, 100, 0)):
        party.prefer_pcma()
        party.session.set_encryption_parameters(parameters(own))
        leg.stream.set_decryption_parameters(parameters(others))
    muxer = Gst.ChildProxy.get_child_by_name(alice.conference, "send_rtp_muxer_1")
    muxer.props.seqnum_offset = (1 << 16) - LAST_NUMBERS
    connect(to_bob, to_alice)
    until("the sequence number is high", lambda: muxer.props.seqnum >= (1 << 16) - LAST_NUMBERS)
    until("it rolls over", lambda: muxer.props.seqnum < 1 << 15)
    hears(to_alice, "after the roll-over")
    del to_alice.heard[:]
    to_alice.stream.set_decryption_parameters(parameters(1))
    alice.session.set_encryption_parameters(parameters(1))
    until("bob goes on hearing with a new key", lambda: len(to_alice.heard) > RATE)
    share = checks.tone_share(to_alice.heard, to_alice.hear_tone)
    check(share > 0.99, f"the new key goes on with the roll-over counter of the old one: {share:.4f} is the tone")
    alice.session.props.ssrc = 0x0badcafe
    until("a pad for the other SSRC", lambda: str(0x0badcafe) in [pad.get_name().split("_")[2] for pad in bob.conference.srcpads])
    hears(to_alice, "from another SSRC, whose counter begins with 0 again")
    end(alice, bob)


def element(name, klass, sink, src):
    """Registers an element that only its templates tell anything about."""
    always = Gst.PadPresence.ALWAYS
    templates = (Gst.PadTemplate.new("sink", Gst.PadDirection.SINK, always, Gst.Caps.from_string(sink)),
                 Gst.PadTemplate.new("src", Gst.PadDirection.SRC, always, Gst.Caps.from_string(src)))
    made = type(name, (Gst.Element,), {"__gtype_name__": name})
    made.set_metadata(name, klass, "Part of a test", "A test")
    for template in templates:
        made.add_pad_template(template)
    check(Gst.Element.register(None, name.lower(), Gst.Rank.SECONDARY, made), f"{name} is registered")


def offered():
    conference = Gst.ElementFactory.make("fsrtpconference")
    session = conference.new_session(Farstream.MediaType.VIDEO)
    codecs = [codec.encoding_name for codec in session.props.codecs_without_config]
    session.destroy()
    return codecs


def check_av1():
    registry = Gst.Registry.get()
    for factory in filter(None, map(Gst.ElementFactory.find, ("av1enc", "av1parse", "av1dec"))):
        registry.remove_feature(factory)
    check("AV1" not in offered(), "AV1 is not offered where it cannot be sent and received")
    unit = f"{AV1},parsed=true,stream-format=obu-stream,alignment=obu"
    rtp = "application/x-rtp,media=video,clock-rate=90000,encoding-name=AV1"
    element("FsPythonAv1Enc", "Codec/Encoder/Video", "video/x-raw", f"{AV1},stream-format=obu-stream,alignment=tu")
    element("FsPythonAv1Parse", "Codec/Parser/Converter/Video", AV1, f"{AV1},parsed=true,stream-format={{obu-stream,annexb}},alignment={{obu,tu}}")
    element("FsPythonAv1Dec", "Codec/Decoder/Video", AV1, "video/x-raw")
    check("AV1" not in offered(), "nor with coders alone")
    element("FsPythonAv1Pay", "Codec/Payloader/Network/RTP", unit, f"{rtp},payload=[96,127]")
    element("FsPythonAv1Depay", "Codec/Depayloader/Network/RTP", rtp, unit)
    check("AV1" in offered(), f"AV1 is offered with payloader and depayloader: {offered()}")


if __name__ == "__main__":
    Gst.init(None)
    call.check_loaded()
    check_long_lists()
    check_datagrams()
    check_roll_over()
    check_av1()
    checks.leave()
