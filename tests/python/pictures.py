#!/usr/bin/python3
"""What a video call needs besides pictures, from Python: key frames on request (PLI after a loss, FIR), the bit rate that the peer's
reports find (TFRC), descriptions of streams before anything is sent, pictures without RTP. Each is measured by what is seen. Prints a
line "ok - ..." or "not ok - ..." a test; the environment is that of video.py.
"""

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, Gst

import checks
from checks import check
from video import FORMAT, Side, check_loaded, original, psnr, wait

BOTH = Farstream.StreamDirection.BOTH
EXTENSION = "urn:ietf:params:rtp-hdrext:rtt-sendts"
PLI, FIR, PAYLOAD_FEEDBACK = 1, 4, 206


def vp8(*feedback):
    codec = Farstream.Codec.new(96, "VP8", Farstream.MediaType.VIDEO, 90000)
    for kind, subtype in feedback:
        codec.add_feedback_parameter(kind, subtype, "")
    return codec


def begin(codec, extensions=()):
    """A call of two with that codec only."""
    sides = [Side(pattern, [codec]) for pattern in ("smpte75", "pinwheel")]
    for side in sides:
        side.session.set_rtp_header_extension_preferences([Farstream.RtpHeaderExtension.new(3, BOTH, uri) for uri in extensions])
        side.stream.set_rtp_header_extensions([Farstream.RtpHeaderExtension.new(3, BOTH, uri) for uri in extensions])
        wait("two candidates", lambda side=side: len(side.candidates) == 2)
    one, two = sides
    for side, peer in ((two, one), (one, two)):
        side.stream.set_remote_codecs([codec])
        side.stream.force_remote_candidates(list(peer.candidates.values()))
    two.sees("smpte75", "VP8")
    one.sees("pinwheel", "VP8")
    return sides


def lose(side, which):
    """Loses the packets of a side that `which` picks by number; how to stop it."""
    pad, count = side.conference.get_by_name("send_rtp_tee_1").get_static_pad("sink"), [0]

    def on_packet(_pad, _info):
        count[0] += 1
        return Gst.PadProbeReturn.DROP if which(count[0]) else Gst.PadProbeReturn.OK

    probe = pad.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST, on_packet)
    return lambda: pad.remove_probe(probe)


def watch_keys(side):
    """Requests for key frames that reach a side, and its key frames."""
    asked, made = [], []
    session = side.session.props.internal_session
    handler = session.connect("on-feedback-rtcp", lambda _session, kind, form, *_: asked.append(form) if kind == PAYLOAD_FEEDBACK else None)

    def on_picture(_pad, info):
        if not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT):
            made.append(1)
        return Gst.PadProbeReturn.OK

    pad = side.element("vp8enc").get_static_pad("src")
    probe = pad.add_probe(Gst.PadProbeType.BUFFER, on_picture)

    def stop():
        session.disconnect(handler)
        pad.remove_probe(probe)

    return asked, made, stop


def check_key_frames():
    one, two = sides = begin(vp8(("nack", "pli")))
    asked, made, stop = watch_keys(one)
    stop_losing = lose(one, lambda number: number <= 3)
    wait("a picture loss indication comes", lambda: PLI in asked)
    wait("and brings a key frame", lambda: made)
    stop_losing()
    two.sees("smpte75", "VP8 after the loss")
    stop()
    end(sides)
    # Where both are agreed, it is this one that is sent.
    one, two = sides = begin(vp8(("nack", "pli"), ("ccm", "fir")))
    for sender, receiver, pattern in ((one, two, "smpte75"), (two, one, "pinwheel")):
        asked, made, stop = watch_keys(sender)
        request = Gst.Structure.new_empty("GstForceKeyUnit")
        request.set_value("all-headers", True)
        receiver.element("vp8dec").get_static_pad("sink").push_event(Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, request))
        wait("a full intra request comes", lambda asked=asked: FIR in asked)
        wait("and brings a key frame", lambda made=made: made)
        receiver.sees(pattern, "VP8 after the request")
        stop()
    end(sides)


def check_rate():
    one, two = sides = begin(vp8(("nack", "pli"), ("tfrc", "")), [EXTENSION])
    wait("reports raise the bit rate", lambda: all(side.session.props.send_bitrate > 150_000 for side in sides))
    good = one.session.props.send_bitrate
    encoder = one.element("vp8enc")

    def follows():
        return encoder.props.target_bitrate // 1000 == one.session.props.send_bitrate // 1000

    wait("and the encoder's", follows)
    stop_losing = lose(one, lambda number: number % 4 == 0)
    wait("losses lower it", lambda: one.session.props.send_bitrate < good / 3)
    wait("and the encoder's", follows)
    check(two.session.props.send_bitrate > 100_000, "the other way is as good as before")
    stop_losing()
    two.sees("smpte75", f"VP8 at {one.session.props.send_bitrate} bit/s")
    end(sides)


def check_codecs():
    """What discovery has found, but for what needs more than a name: VP8 is everywhere else, JPEG is in video.py."""
    for name in ("VP9", "H264", "H265", "THEORA"):
        codec = Farstream.Codec.new(Farstream.CODEC_ID_ANY, name, Farstream.MediaType.VIDEO, 90000)
        sides = [Side(pattern, [codec]) for pattern in ("smpte75", "pinwheel")]
        offers = {}

        def offer(side):
            offers[side] = [one for one in side.session.props.codecs or [] if one.encoding_name.upper() == name]
            return offers[side]

        for side in sides:
            wait("two candidates", lambda side=side: len(side.candidates) == 2)
            wait(f"{name} is described", lambda side=side: offer(side))
        one, two = sides
        for side, peer in ((two, one), (one, two)):
            side.stream.set_remote_codecs(offers[peer])
            side.stream.force_remote_candidates(list(peer.candidates.values()))
        two.sees("smpte75", name)
        one.sees("pinwheel", name)
        end(sides)


def check_descriptions():
    side = Side("smpte75", [Farstream.Codec.new(Farstream.CODEC_ID_ANY, "THEORA", Farstream.MediaType.VIDEO, 90000)])

    def theora():
        return [codec for codec in side.session.props.codecs or [] if codec.encoding_name.upper() == "THEORA"]

    wait("Theora is described", theora)
    first = theora()
    check(first[0].get_optional_parameter("configuration", None) is not None, "by its tables")
    plain = side.session.props.codecs_without_config[0]
    check(plain.get_optional_parameter("configuration", None) is None, "which codecs-without-config leaves out")
    check(side.session.codecs_need_resend(first, first) in (None, []), "nothing new, nothing to send again")
    changed = first[0].copy()
    changed.remove_optional_parameter(changed.get_optional_parameter("configuration", None))
    changed.add_optional_parameter("configuration", "AAAA")
    again = side.session.codecs_need_resend(first, [changed])
    check([codec.encoding_name.upper() for codec in again] == ["THEORA"], "another description has to be sent again")
    end([side])


def check_raw():
    caps = f"{FORMAT}, framerate=(fraction)15/1, pixel-aspect-ratio=(fraction)1/1, interlace-mode=(string)progressive"
    caps = Gst.Caps.from_string(caps).to_string()
    sides = [Side(pattern, None, "fsrawconference", "shm") for pattern in ("smpte75", "pinwheel")]
    one, two = sides
    for side in sides:
        wait("a candidate", lambda side=side: len(side.candidates) == 1)
    for side, peer in ((two, one), (one, two)):
        side.stream.set_remote_codecs([Farstream.Codec.new(Farstream.CODEC_ID_ANY, caps, Farstream.MediaType.VIDEO, 0)])
        side.stream.force_remote_candidates(list(peer.candidates.values()))
    two.sees("smpte75", "no codec")
    one.sees("pinwheel", "no codec")
    check(psnr(two.pictures[-1], original("smpte75")) > 60, "nothing is lost")
    end(sides)


def end(sides):
    for side in sides:
        side.end()


if __name__ == "__main__":
    Gst.init(None)
    check_loaded()
    check_key_frames()
    check_rate()
    check_codecs()
    check_descriptions()
    check_raw()
    checks.leave()
