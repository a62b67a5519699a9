#!/usr/bin/python3
"""A video call between two conferences on loopback, from Python: pictures, another send codec in the call, the bit rate.

The environment names the library that is expected, EXPECT_LIBRARY. Prints a line "ok - ..." or "not ok - ..." a test.
"""

import math
import os
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, Gst

import checks
from checks import check, host, preferred

WIDTH, HEIGHT = 320, 240
FORMAT = f"video/x-raw,format=I420,width={WIDTH},height={HEIGHT}"
PATIENCE_SECONDS = 30


def wait(what, is_so):
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)
    check(is_so(), what)


def luminance(buffer):
    return buffer.extract_dup(0, WIDTH * HEIGHT)


def original(pattern):
    """The luminance of what the source shows."""
    pipeline = Gst.parse_launch(f"videotestsrc num-buffers=1 pattern={pattern} ! {FORMAT},framerate=15/1 ! fakesink name=end")
    seen = []
    pipeline.get_by_name("end").get_static_pad("sink").add_probe(
        Gst.PadProbeType.BUFFER, lambda _, info: seen.append(luminance(info.get_buffer())) or Gst.PadProbeReturn.OK)
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_bus().timed_pop_filtered(PATIENCE_SECONDS * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    return seen[0]


def psnr(seen, wanted):
    squares = sum((a - b) ** 2 for a, b in zip(seen, wanted)) / len(wanted)
    return 10 * math.log10(255 ** 2 / max(squares, 1e-9))


class Side:
    """A pipeline with a conference, which shows a pattern; without codecs, no preferences are set."""

    def __init__(self, pattern, codecs, factory="fsrtpconference", transmitter="rawudp"):
        self.candidates, self.pictures, self.sent = {}, [], []
        self.pipeline = Gst.Pipeline.new(pattern)
        self.conference = Gst.ElementFactory.make(factory)
        self.pipeline.add(self.conference)
        self.session = self.conference.new_session(Farstream.MediaType.VIDEO)
        if codecs:
            self.session.set_codec_preferences(codecs)
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.pad_added)
        self.pipeline.get_bus().set_sync_handler(self.message)
        local = preferred([host(component, "127.0.0.1") for component in (1, 2)])
        self.stream.set_transmitter_ht(
            transmitter, {"create-local-candidates": True} if transmitter == "shm" else {"preferred-local-candidates": local})
        source = Gst.parse_bin_from_description(
            f"videotestsrc is-live=true pattern={pattern} ! {FORMAT},framerate=15/1 ! identity", True)
        self.pipeline.add(source)
        source.get_static_pad("src").link(self.session.props.sink_pad)
        self.pipeline.set_state(Gst.State.PLAYING)

    def message(self, _bus, message):
        structure = message.get_structure()
        if message.type != Gst.MessageType.ELEMENT:
            return Gst.BusSyncReply.PASS
        found, candidate = self.stream.parse_new_local_candidate(message)
        if found:
            self.candidates[candidate.component_id] = candidate.copy()
        elif structure.get_name() == "farstream-send-codec-changed":
            _, codec, _ = self.session.parse_send_codec_changed(message)
            self.sent.append(codec.encoding_name.upper())
        return Gst.BusSyncReply.PASS

    def pad_added(self, _stream, pad, _codec):
        sink = Gst.parse_bin_from_description(
            f"videoconvert ! videoscale ! {FORMAT} ! fakesink name=end sync=false async=false", True)
        sink.get_by_name("end").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.picture)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def picture(self, _pad, info):
        self.pictures.append(luminance(info.get_buffer()))
        return Gst.PadProbeReturn.OK

    def codecs(self):
        return [codec for codec in self.session.props.codecs if codec.encoding_name.upper() in ("VP8", "JPEG")]

    def element(self, factory):
        iterator = self.conference.iterate_recurse()
        while True:
            result, element = iterator.next()
            if result != Gst.IteratorResult.OK:
                return None
            if element.get_factory() is not None and element.get_factory().get_name() == factory:
                return element

    def sees(self, pattern, codec):
        self.pictures.clear()
        wait(f"pictures by {codec}", lambda: len(self.pictures) > 15)
        quality = psnr(self.pictures[-1], original(pattern))
        check(quality >= 30, f"{codec}: the picture is the one that was sent ({quality:.1f} dB)")


    def end(self):
        self.pipeline.set_state(Gst.State.NULL)
        self.stream.destroy()
        self.session.destroy()


def check_loaded():
    wanted = os.environ["EXPECT_LIBRARY"]
    with open("/proc/self/maps", encoding="utf-8") as maps:
        mapped = sorted({line.split()[-1] for line in maps if "/libfarstream-0.2.so" in line})
    check(mapped == [wanted], f"the library in this process is {mapped} (wanted: {wanted})")


def main():
    Gst.init(None)
    codecs = [Farstream.Codec.new(Farstream.CODEC_ID_ANY, name, Farstream.MediaType.VIDEO, 90000) for name in ("VP8", "JPEG")]
    one, two = sides = [Side("smpte75", codecs), Side("pinwheel", codecs)]
    check_loaded()
    for side in sides:
        wait("all codecs are described", lambda side=side: len(side.session.props.codecs) > 0)
        wait("two candidates", lambda side=side: len(side.candidates) == 2)
    for side, peer in ((two, one), (one, two)):
        check(side.stream.set_remote_codecs(peer.codecs()), "set_remote_codecs")
        check(side.stream.force_remote_candidates(list(peer.candidates.values())), "force_remote_candidates")
    two.sees("smpte75", "VP8")
    one.sees("pinwheel", "VP8")

    one.session.props.send_bitrate = 128000
    check(one.element("vp8enc").props.target_bitrate == 128000, "send-bitrate reaches the encoder")
    two.sees("smpte75", "VP8 at 128 kbit/s")

    jpeg = next(codec for codec in one.session.props.codecs if codec.encoding_name.upper() == "JPEG")
    check(one.session.set_send_codec(jpeg), "set_send_codec")
    wait("the message about it", lambda: one.sent[-1:] == ["JPEG"])
    two.sees("smpte75", "JPEG")
    check(one.session.props.current_send_codec.encoding_name.upper() == "JPEG", "current-send-codec")
    check(two.session.props.current_send_codec.encoding_name.upper() == "VP8", "the other way stays")
    one.sees("pinwheel", "VP8")
    for side in sides:
        side.end()
    checks.leave()


if __name__ == "__main__":
    main()
