#!/usr/bin/python3
"""So many audio calls between pairs of ends in this process: prints CPU % per call, threads per call, threads of the first call,
KB per call, ms to the candidates of an end, ms from the last remote candidate to sound at an end (medians), LIBRARY.
With FS_BENCH_THREADS set, stderr has each kind of thread: how many a call, CPU % and turns a second of each call.

PROGRAM is `farstream` (whatever library the environment gives), `rtpbin` (the same elements by hand, without Farstream), `bare`
(codecs and sockets alone, without rtpbin too) or `sources` (the test's own sources and sinks alone, which the others have too).
"""
import os
import re
import statistics
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, GLib, GObject, Gst

PROGRAM, CODEC, CALLS, SECONDS, BASE = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
LATENCY = 100
CHAINS = {  # encoder and payloader, depayloader and decoder, caps, payload type
    "PCMU": ("mulawenc ! rtppcmupay", "rtppcmudepay ! mulawdec", "media=audio,clock-rate=8000,encoding-name=PCMU", 0, 8000),
    "OPUS": ("opusenc ! rtpopuspay", "rtpopusdepay ! opusdec", "media=audio,clock-rate=48000,encoding-name=OPUS", 96, 48000),
}
SOURCE = "audiotestsrc is-live=true wave=sine freq={frequency} samplesperbuffer={samples} ! capsfilter caps=audio/x-raw,format=S16LE,rate={rate},channels=1,layout=interleaved"


def source(frequency):
    rate = CHAINS[CODEC][4]
    return SOURCE.format(frequency=frequency, rate=rate, samples=rate // 50)


def sink():
    made = Gst.ElementFactory.make("fakesink", None)
    made.set_property("sync", False)
    made.set_property("async", False)
    return made


class Sources:
    """A source into a sink, and nothing between."""

    def __init__(self, name, frequency, _port):
        self.pipeline = Gst.parse_launch(source(frequency) + " ! fakesink sync=false async=false name=end")
        self.pipeline.get_by_name("end").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.buffer)
        self.heard, self.ready = None, 0.0
        self.pipeline.set_state(Gst.State.PLAYING)

    def buffer(self, _pad, _info):
        self.heard = time.monotonic()
        return Gst.PadProbeReturn.REMOVE

    def call(self, _other):
        pass


class Rtpbin(Sources):
    """What an application has to write without Farstream: rtpbin between udpsrc and udpsink."""

    def __init__(self, name, frequency, port):
        encode, decode, caps, pt, _rate = CHAINS[CODEC]
        self.port, self.decode, self.heard, self.ready = port, decode, None, 0.0
        self.pipeline = Gst.parse_launch(
            f"rtpbin name=bin latency={LATENCY} {source(frequency)} ! {encode} pt={pt} ! bin.send_rtp_sink_0 "
            f"bin.send_rtp_src_0 ! udpsink name=rtp sync=false async=false host=127.0.0.1 "
            f"bin.send_rtcp_src_0 ! udpsink name=rtcp sync=false async=false host=127.0.0.1 "
            f"udpsrc address=127.0.0.1 port={port} caps=application/x-rtp,{caps},payload={pt} ! bin.recv_rtp_sink_0 "
            f"udpsrc address=127.0.0.1 port={port + 1} ! bin.recv_rtcp_sink_0"
        )
        self.pipeline.get_by_name("bin").connect("pad-added", self.pad_added)

    def pad_added(self, _bin, pad):
        if not pad.get_name().startswith("recv_rtp_src_"):
            return
        decoder, end = Gst.parse_bin_from_description(self.decode, True), sink()
        for element in (end, decoder):
            self.pipeline.add(element)
            element.sync_state_with_parent()
        decoder.link(end)
        pad.link(decoder.get_static_pad("sink"))
        end.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.buffer)

    def call(self, other):
        self.pipeline.get_by_name("rtp").set_property("port", other.port)
        self.pipeline.get_by_name("rtcp").set_property("port", other.port + 1)
        self.pipeline.set_state(Gst.State.PLAYING)


class Bare(Sources):
    """The same codecs and sockets with neither RTP session nor jitter buffer: less is not to be had with these elements."""

    def __init__(self, name, frequency, port):
        encode, decode, caps, pt, _rate = CHAINS[CODEC]
        self.port, self.heard, self.ready = port, None, 0.0
        self.pipeline = Gst.parse_launch(
            f"{source(frequency)} ! {encode} pt={pt} ! udpsink name=rtp sync=false async=false host=127.0.0.1 "
            f"udpsrc address=127.0.0.1 port={port} caps=application/x-rtp,{caps},payload={pt} ! {decode} ! fakesink name=end sync=false async=false"
        )
        self.pipeline.get_by_name("end").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.buffer)

    def call(self, other):
        self.pipeline.get_by_name("rtp").set_property("port", other.port)
        self.pipeline.set_state(Gst.State.PLAYING)


class End(Sources):
    """An end of a call with fsrtpconference over rawudp."""

    def __init__(self, name, frequency, port):
        self.candidates, self.heard, self.ready = {}, None, None
        self.pipeline = Gst.Pipeline.new(name)
        self.conference = Gst.ElementFactory.make("fsrtpconference", None)
        self.pipeline.add(self.conference)
        self.session = self.conference.new_session(Farstream.MediaType.AUDIO)
        self.session.set_codec_preferences([Farstream.Codec.new(Farstream.CODEC_ID_ANY, CODEC, Farstream.MediaType.AUDIO, 0)])
        self.codecs = [c for c in self.session.get_property("codecs-without-config") if c.encoding_name.upper() == CODEC]
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.pad_added)
        self.pipeline.get_bus().set_sync_handler(self.message)
        self.start = time.monotonic()
        preferred = [Farstream.Candidate.new("", c, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, "127.0.0.1", port + c - 1) for c in (1, 2)]
        value = GObject.Value()
        Farstream.value_set_candidate_list(value, preferred)
        self.stream.set_transmitter_ht("rawudp", {"preferred-local-candidates": value, "upnp-mapping": False, "upnp-discovery": False})
        source_bin = Gst.parse_bin_from_description(source(frequency), True)
        self.pipeline.add(source_bin)
        source_bin.get_static_pad("src").link(self.session.get_property("sink-pad"))
        self.pipeline.set_state(Gst.State.PLAYING)

    def message(self, _bus, message):
        structure = message.get_structure()
        if message.type == Gst.MessageType.ELEMENT:
            if structure.get_name() == "farstream-new-local-candidate":
                candidate = structure.get_value("candidate")
                self.candidates[candidate.component_id] = candidate.copy()
            elif structure.get_name() == "farstream-local-candidates-prepared":
                self.ready = (time.monotonic() - self.start) * 1000
        return Gst.BusSyncReply.DROP

    def pad_added(self, _stream, pad, _codec):
        end = sink()
        self.pipeline.add(end)
        end.sync_state_with_parent()
        pad.link(end.get_static_pad("sink"))
        pad.add_probe(Gst.PadProbeType.BUFFER, self.buffer)

    def call(self, other):
        self.stream.set_remote_codecs(other.codecs)
        self.stream.force_remote_candidates(list(other.candidates.values()))


def threads():
    return len(os.listdir("/proc/self/task"))


def resident_kb():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def wait(what, met):
    end, context = time.monotonic() + 20, GLib.MainContext.default()
    while not met():
        if time.monotonic() > end:
            sys.exit(f"{what} did not come")
        context.iteration(False)
        time.sleep(0.002)


def place(kind, number):
    pair = [kind(f"{number}-{i}", 440 + 220 * i, BASE + 4 * number + 2 * i) for i in (0, 1)]
    wait("the candidates", lambda: all(end.ready is not None for end in pair))
    pair[0].call(pair[1])
    pair[1].call(pair[0])
    called = time.monotonic()
    wait("the sound", lambda: all(end.heard for end in pair))
    for end in pair:
        end.silent = (end.heard - called) * 1000
    return pair


def of_threads():
    """(kind of thread, ID) -> (ns on a CPU, turns)."""
    found = {}
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/comm", encoding="ascii") as name, open(f"/proc/self/task/{task}/schedstat", encoding="ascii") as file:
                used, _waited, turns = map(int, file.read().split())
                found[(re.sub(r"\d+|:.*", "", name.read().strip()), task)] = (used, turns)
        except FileNotFoundError:
            pass  # it has ended meanwhile
    return found


def print_threads(before, after):
    for kind in sorted({kind for kind, _ in after}):
        both = [(value, before[key]) for key, value in after.items() if key[0] == kind and key in before]
        used, turns = (sum(now[i] - then[i] for now, then in both) / SECONDS / CALLS for i in (0, 1))
        print(f"{kind:18}{len(both) / CALLS:6.2f} threads{used / 1e7:9.4f} %{turns:8.1f} turns/s{used / max(turns, 1) / 1000:8.1f} us", file=sys.stderr)


def main():
    Gst.init(None)
    kind = {"farstream": End, "rtpbin": Rtpbin, "bare": Bare, "sources": Sources}[PROGRAM]
    before = threads()
    calls = [place(kind, 0)]
    time.sleep(0.7)  # threads of a pool that are done go after half a second
    after_first, memory = threads(), resident_kb()
    calls += [place(kind, number) for number in range(1, CALLS)]
    time.sleep(1.0)
    kinds = of_threads()
    cpu, start, most = time.process_time(), time.monotonic(), threads()
    time.sleep(SECONDS)
    used = (time.process_time() - cpu) / (time.monotonic() - start) * 100 / CALLS
    rest = max(CALLS - 1, 1)
    if os.environ.get("FS_BENCH_THREADS"):
        print_threads(kinds, of_threads())
    library = next((line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8") if "libfarstream-0.2" in line), "none")
    ready, silent = (statistics.median(value(end) for pair in calls for end in pair) for value in (lambda end: end.ready, lambda end: end.silent))
    kb = (resident_kb() - memory) / rest
    print(f"{used:.4f} {(most - after_first) / rest:.2f} {after_first - before} {kb:.0f} {ready:.2f} {silent:.1f} {library}")
    for pair in calls:
        for end in pair:
            end.pipeline.set_state(Gst.State.NULL)


main()
