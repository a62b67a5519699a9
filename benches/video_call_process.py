#!/usr/bin/python3
"""One video call between two conferences in this process, measured. Arguments: codec, first port, seconds, element properties.

Prints the milliseconds from the second force_remote_candidates to the first picture on each side, CPU ms a second of the call,
threads, resident MB, pictures a second on each side, and the library, as one line. Works on any library with the namespace
Farstream 0.2, so that the same program measures ours and the stock one.
"""
import os
import resource
import sys
import time

from party import Farstream, Gst, Party, library, on_loopback
from gi.repository import GLib

CODEC, BASE, SECONDS, PROPERTIES = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
SOURCE = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! identity"


class Side(Party):
    def __init__(self, name, port):
        self.pictures = 0
        super().__init__(name, Farstream.MediaType.VIDEO, Farstream.Codec.new(Farstream.CODEC_ID_ANY, CODEC, Farstream.MediaType.VIDEO, 90000))
        self.stream.set_transmitter_ht("rawudp", on_loopback(port))
        self.send(SOURCE)

    def equip(self):
        self.notifier = Farstream.ElementAddedNotifier.new()
        self.notifier.add(self.conference)
        self.notifier.set_properties_from_file(PROPERTIES)

    def buffer(self, pad, info):
        super().buffer(pad, info)
        self.pictures += 1
        return Gst.PadProbeReturn.OK


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def status(field):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field))


def main():
    Gst.init(None)
    sides = [Side("one", BASE), Side("two", BASE + 10)]
    one, two = sides
    one.stream.set_remote_codecs(two.codecs)
    two.stream.set_remote_codecs(one.codecs)
    time.sleep(0.5)  # the pipelines run before the addresses are known, as in a real call
    end = time.monotonic() + 5
    while min(len(side.candidates) for side in sides) < 2 and time.monotonic() < end:
        time.sleep(0.001)
    one.call(two)
    two.call(one)
    start = time.monotonic()
    while None in (one.first, two.first) and time.monotonic() < start + 10:
        GLib.MainContext.default().iteration(False)
        time.sleep(0.0005)
    time.sleep(1)  # what a beginning costs is not what a call costs
    before, pictures, begun = used(), [side.pictures for side in sides], time.monotonic()
    time.sleep(SECONDS)
    passed = time.monotonic() - begun
    cpu = (used() - before) * 1000 / passed
    rates = [(side.pictures - had) / passed for side, had in zip(sides, pictures)]
    firsts = [f"{(side.first - start) * 1000:.1f}" if side.first else "never" for side in sides]
    print(*firsts, f"{cpu:.1f}", status("Threads:"), f"{status('VmRSS:') / 1024:.1f}", *(f"{rate:.1f}" for rate in rates), library())
    sys.stdout.flush()
    os._exit(0)  # how a call ends is not measured here


main()
