#!/usr/bin/python3
"""One audio call between two conferences in this process; prints the milliseconds from the second force_remote_candidates to
the first decoded buffer on each side, as one line: A_MS B_MS LATENCY_MS LIBRARY.

Works on any library with the namespace Farstream 0.2, so that the same program measures ours and the stock one.
"""
import sys
import time

from party import LATENCY, Farstream, Gst, Party, library, on_loopback
from gi.repository import GLib

CODEC = sys.argv[1] if len(sys.argv) > 1 else "PCMU"
BASE = int(sys.argv[2]) if len(sys.argv) > 2 else 20000


class Side(Party):
    def __init__(self, name, frequency, port):
        super().__init__(name, Farstream.MediaType.AUDIO, Farstream.Codec.new(Farstream.CODEC_ID_ANY, CODEC, Farstream.MediaType.AUDIO, 0))
        self.stream.set_transmitter_ht("rawudp", on_loopback(port))
        self.send(f"audiotestsrc is-live=true freq={frequency} ! audio/x-raw,rate=8000 ! audioconvert")


def main():
    Gst.init(None)
    one, two = Side("one", 440, BASE), Side("two", 660, BASE + 10)
    one.stream.set_remote_codecs(two.codecs)
    two.stream.set_remote_codecs(one.codecs)
    time.sleep(0.5)  # the pipelines run before the addresses are known, as in a real call
    loop, end = GLib.MainLoop.new(None, False).get_context(), time.monotonic() + 5
    while min(len(one.candidates), len(two.candidates)) < 2 and time.monotonic() < end:
        loop.iteration(False)
        time.sleep(0.001)
    one.call(two)
    two.call(one)
    start = time.monotonic()
    while None in (one.first, two.first) and time.monotonic() < start + 10:
        loop.iteration(False)
        time.sleep(0.0005)
    print(*(f"{(side.first - start) * 1000:.1f}" if side.first else "never" for side in (one, two)), LATENCY, library())
    for side in (one, two):
        side.pipeline.set_state(Gst.State.NULL)


main()
