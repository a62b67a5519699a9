#!/usr/bin/python3
"""What an application or a peer may get wrong, in a call: an unknown codec, an unreachable peer, a port in use, malformed
candidates, a list that leaves nothing. Each is a GError of the call that got it, with its code and the words that help, and
the two parties go on hearing each other. Prints a line "ok - ..." or "not ok - ..." a test; the environment is that of call.py.
"""

import socket

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, Gst

import call
import checks
from checks import RATE, check, preferred
from session import Side, begin, hears

RTP = Farstream.ComponentType.RTP


def audio(number, name, rate=RATE, **parameters):
    codec = Farstream.Codec.new(number, name, Farstream.MediaType.AUDIO, rate)
    for key, value in parameters.items():
        codec.add_optional_parameter(key, value)
    return codec


def host(ip, port, component=RTP):
    return checks.host(component, ip, port, "bad")


def state(side):
    """What a refused call must not change."""
    lists = [side.session.props.codecs_without_config, side.session.props.codec_preferences,
             side.stream.props.remote_codecs or [], side.stream.props.negotiated_codecs or []]
    return [[codec.to_string() for codec in one] for one in lists] + [side.session.props.current_send_codec.to_string()]


def refused(side, what, code, words, action):
    """The action gives a GError of ours with this code, whose text holds all the words, and changes nothing."""
    before = state(side)
    try:
        action()
        return check(False, f"{what}: no error")
    except GLib.Error as error:
        found = [word for word in words if word.lower() not in error.message.lower()]
        check(error.matches(Farstream.Error.quark(), code) and not found,
              f"{what}: {error.message}" + (f" (code {error.code}, lacks {found})" if found or error.code != code else ""))
    return check(state(side) == before, f"{what}: nothing changed")


def bad_codecs(side):
    code = Farstream.Error
    session, stream = side.session, side.stream
    refused(side, "an unknown codec to send", code.INVALID_ARGUMENTS, ["QUUX"], lambda: session.set_send_codec(audio(99, "QUUX")))
    refused(side, "preferences that leave nothing", code.NO_CODECS_LEFT, ["OPUS", "a preference disables it"],
            lambda: session.set_codec_preferences([audio(Farstream.CODEC_ID_DISABLE, codec.encoding_name, codec.clock_rate)
                                                   for codec in session.props.codecs_without_config]))
    refused(side, "a remote list that leaves nothing", code.NEGOTIATION_FAILED, ["QUUX", "PCMA"],
            lambda: stream.set_remote_codecs([audio(99, "QUUX", 12345)]))
    refused(side, "an empty remote list", code.INVALID_ARGUMENTS, [], lambda: stream.set_remote_codecs([]))
    refused(side, "a payload type out of range", code.INVALID_ARGUMENTS, ["128"],
            lambda: stream.set_remote_codecs([audio(128, "PCMA")]))
    video = Farstream.Codec.new(8, "PCMA", Farstream.MediaType.VIDEO, RATE)
    refused(side, "a codec of the wrong medium", code.INVALID_ARGUMENTS, ["PCMA", "video"], lambda: stream.set_remote_codecs([video]))


def bad_candidates(side):
    code, stream = Farstream.Error, side.stream
    wrong = code.INVALID_ARGUMENTS
    refused(side, "a name where an address belongs", wrong, ["nobody.invalid"],
            lambda: stream.force_remote_candidates([host("nobody.invalid", 5000)]))
    refused(side, "no address", wrong, ["address"], lambda: stream.force_remote_candidates([host(None, 5000)]))
    refused(side, "a component that rawudp has not", wrong, ["component", "7"],
            lambda: stream.force_remote_candidates([host("127.0.0.1", 5000, 7)]))
    refused(side, "an address of the other family", wrong, ["::1"],
            lambda: stream.force_remote_candidates([host("::1", 5000)]))
    refused(side, "a peer that cannot be reached from here", code.NETWORK, ["192.0.2.1"],
            lambda: stream.force_remote_candidates([host("192.0.2.1", 5000)]))
    refused(side, "a second transmitter", code.ALREADY_EXISTS, ["rawudp"], lambda: stream.set_transmitter_ht("rawudp", {}))


def bad_transmitters(side):
    """On further streams, as a stream takes one transmitter."""
    code = Farstream.Error
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 0))
    port = taken.getsockname()[1]

    def start(name, parameters, candidates=None):
        stream = side.session.new_stream(side.conference.new_participant(), Farstream.StreamDirection.BOTH)
        try:
            if candidates is not None:
                parameters = dict(parameters, **{"preferred-local-candidates": preferred(candidates)})
            stream.set_transmitter_ht(name, parameters)
        finally:
            stream.destroy()

    refused(side, "a transmitter that nobody has", code.CONSTRUCTION, ["carrierpigeon"], lambda: start("carrierpigeon", {}))
    refused(side, "a port in use, in a range of one", code.NETWORK, [str(port)],
            lambda: start("rawudp", {"min-port": port, "max-port": port, "upnp-mapping": False, "upnp-discovery": False},
                          [host("127.0.0.1", port)]))
    refused(side, "an address that this machine has not", code.NETWORK, ["192.0.2.77"],
            lambda: start("rawudp", {"upnp-mapping": False, "upnp-discovery": False}, [host("192.0.2.77", 0)]))
    refused(side, "a parameter that rawudp has not", code.INVALID_ARGUMENTS, ["wings"], lambda: start("rawudp", {"wings": 2}))
    refused(side, "a parameter of another type", code.INVALID_ARGUMENTS, ["stun-ip"], lambda: start("rawudp", {"stun-ip": 7}))
    taken.close()


def main():
    Gst.init(None)
    alice, bob = call.SIDES = [Side("alice", 440, 660), Side("bob", 660, 440)]
    for side in (alice, bob):
        side.set_up()
        side.set_transmitter()
    begin(alice, bob)
    call.check_loaded()
    for what in (bad_codecs, bad_candidates, bad_transmitters):
        what(alice)
        hears(alice, f"after {what.__name__}")
        hears(bob, f"after {what.__name__}")
    for side in (alice, bob):
        side.tear_down()
    checks.leave()


call.Farstream = Farstream
main()
