#!/usr/bin/python3
"""The first and a later session of one medium in this process: prints MS LATER_MS RSS_KB CODECS LIBRARY.

The time runs from new_session to the codec list, the memory is what the process has grown by at that moment. Works on any
library with the namespace Farstream 0.2, so that the same program measures ours and the stock one.
"""
import os
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, Gst

PAGE = os.sysconf("SC_PAGE_SIZE") // 1024


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE


def session(conference, media):
    start = time.monotonic()
    made = conference.new_session(media)
    codecs = made.get_property("codecs-without-config")
    return (time.monotonic() - start) * 1000, len(codecs), made


def main():
    Gst.init(None)
    media = getattr(Farstream.MediaType, sys.argv[1].upper())
    conference = Gst.ElementFactory.make("fsrtpconference", None)
    Farstream.Codec.new(0, "PCMU", media, 8000)  # the binding itself is loaded before anything is measured
    before = resident()
    first, count, one = session(conference, media)
    grown = resident() - before
    later, _, two = session(conference, media)
    library = next(line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8") if "libfarstream-0.2" in line)
    print(f"{first:.2f} {later:.2f} {grown} {count} {library}")
    for each in (one, two):
        each.destroy()


main()
