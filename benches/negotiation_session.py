#!/usr/bin/python3
"""Negotiations in this process: prints FIRST_MS AGAIN_MS CODECS LIBRARY, medians over so many sessions.

A new session's stream is given the codecs of another session, as an answer is (FIRST), and then the same without the preferred
one, as a re-offer is (AGAIN); each until the codecs that go to the peer are read. Works on any library with the namespace Farstream 0.2.
"""
import statistics
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, GLib, GObject, Gst

MEDIA, SESSIONS, BASE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def remote_codecs(session, stream, codecs):
    start = time.monotonic()
    stream.set_remote_codecs(codecs)
    answer = session.get_property("codecs-without-config")
    return (time.monotonic() - start) * 1000, answer


def new_stream(conference, session, port):
    stream = session.new_stream(conference.new_participant(), Farstream.StreamDirection.BOTH)
    preferred = [Farstream.Candidate.new("", c, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, "127.0.0.1", port + c - 1) for c in (1, 2)]
    value = GObject.Value()
    Farstream.value_set_candidate_list(value, preferred)
    stream.set_transmitter_ht("rawudp", {"preferred-local-candidates": value, "upnp-mapping": False, "upnp-discovery": False})
    return stream


def main():
    Gst.init(None)
    media = getattr(Farstream.MediaType, MEDIA.upper())
    pipeline, conference = Gst.Pipeline(), Gst.ElementFactory.make("fsrtpconference", None)
    pipeline.add(conference)
    pipeline.get_bus().set_sync_handler(lambda *_: Gst.BusSyncReply.DROP)
    pipeline.set_state(Gst.State.PLAYING)
    offer = conference.new_session(media).get_property("codecs-without-config")
    first, again, agreed = [], [], 0
    for number in range(SESSIONS):
        session = conference.new_session(media)
        stream = new_stream(conference, session, BASE + 2 * number)
        ms, answer = remote_codecs(session, stream, offer)
        first.append(ms)
        ms, _ = remote_codecs(session, stream, offer[1:] or offer)
        again.append(ms)
        agreed = len(answer)
        stream.destroy()
        session.destroy()
        while GLib.MainContext.default().iteration(False):
            pass
    library = next(line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8") if "libfarstream-0.2" in line)
    print(f"{statistics.median(first):.3f} {statistics.median(again):.3f} {agreed} {library}")
    pipeline.set_state(Gst.State.NULL)


main()
