#!/usr/bin/python3
"""One or two sides of a call with sound and pictures, driven by lines of JSON on stdin: for tests that put each side into a network
of its own. Works on any library with the namespace Farstream 0.2.

Each line is {"do": WORD, "side": NAME, ...} and is answered by {"event": "done", "error": TEXT or null}. Words: `make` (tone, pattern,
media), `transmitter` (media, name, parameters, preferred), `remote` (media, candidates, how: add or force), `listen` (tone,
pattern), `stop`. What the sides are told and what they hear and see comes as further lines, silence of more than 0.3 s among it; the
process ends with its stdin.
"""
import json
import math
import pathlib
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, Gst

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "python"))
import checks
from checks import RATE, tone_share

BLOCK = RATE // 50
WIDTH, HEIGHT = 160, 120
FORMAT = f"video/x-raw,format=I420,width={WIDTH},height={HEIGHT}"
#: Every so many-th point of a picture is compared: enough to tell pictures apart, and cheap.
STEP = 7
TEXTS = ("foundation", "ip", "base_ip", "username", "password")
NUMBERS = ("component_id", "port", "priority", "base_port", "ttl")
said = threading.Lock()


def say(**event):
    with said:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def to_json(candidate):
    fields = {name: getattr(candidate, name) or "" for name in TEXTS} | {name: getattr(candidate, name) for name in NUMBERS}
    return fields | {"type": int(candidate.type), "proto": int(candidate.proto)}


def from_json(fields):
    candidate = Farstream.Candidate.new(fields.get("foundation", ""), fields["component_id"], Farstream.CandidateType(fields["type"]),
                                        Farstream.NetworkProtocol(fields.get("proto", 0)), fields["ip"] or None, fields["port"])
    for name in ("priority", "base_port", "ttl"):
        setattr(candidate, name, fields.get(name, 0))
    for name in ("base_ip", "username", "password"):
        setattr(candidate, name, fields.get(name) or None)
    return candidate


def points(buffer):
    return buffer.extract_dup(0, WIDTH * HEIGHT)[::STEP]


def original(pattern):
    """What the source shows."""
    pipeline = Gst.parse_launch(f"videotestsrc num-buffers=1 pattern={pattern} ! {FORMAT} ! fakesink name=end")
    seen = []
    pipeline.get_by_name("end").get_static_pad("sink").add_probe(
        Gst.PadProbeType.BUFFER, lambda _, info: seen.append(points(info.get_buffer())) or Gst.PadProbeReturn.OK)
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    return seen[0]


def psnr(seen, wanted):
    squares = sum((a - b) ** 2 for a, b in zip(seen, wanted)) / len(wanted)
    return 10 * math.log10(255 ** 2 / max(squares, 1e-9))


class Medium:
    """The session of one kind of media and its stream."""

    KINDS = {"audio": (Farstream.MediaType.AUDIO, 0, "PCMU", RATE), "video": (Farstream.MediaType.VIDEO, 96, "VP8", 90000)}

    def __init__(self, side, kind, source):
        media, number, name, rate = self.KINDS[kind]
        self.side, self.kind, self.codec = side, kind, Farstream.Codec.new(number, name, media, rate)
        if kind == "video":
            # What a lost packet breaks is mended at once and not with the next key frame.
            self.codec.add_feedback_parameter("nack", "pli", "")
        self.session = side.conference.new_session(media)
        self.session.set_codec_preferences([self.codec])
        self.stream = self.session.new_stream(side.participant, Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.pad_added)
        self.source = Gst.parse_bin_from_description(source, True)
        side.pipeline.add(self.source)
        self.source.get_static_pad("src").link(self.session.get_property("sink-pad"))
        self.source.sync_state_with_parent()

    def pad_added(self, _stream, pad, _codec):
        form = f"audio/x-raw,format=S16LE,rate={RATE},channels=1" if self.kind == "audio" else FORMAT
        ear = Gst.parse_bin_from_description(
            f"{self.kind}convert ! {'audioresample' if self.kind == 'audio' else 'videoscale'} ! {form} ! "
            "fakesink name=end sync=false async=false", True)
        ear.get_by_name("end").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.buffer)
        self.side.pipeline.add(ear)
        ear.sync_state_with_parent()
        pad.link(ear.get_static_pad("sink"))

    def buffer(self, _pad, info):
        self.side.received(self.kind, info.get_buffer())
        return Gst.PadProbeReturn.OK

    def transmitter(self, name, parameters, preferred):
        parameters = dict(parameters)
        if preferred:
            parameters["preferred-local-candidates"] = checks.preferred([from_json(fields) for fields in preferred])
        if "relay-info" in parameters:
            parameters["relay-info"] = checks.relay(parameters["relay-info"])
        self.stream.set_transmitter_ht(name, parameters)
        self.stream.set_remote_codecs([self.codec])

    def remote(self, candidates, how):
        candidates = [from_json(fields) for fields in candidates]
        if how == "add":
            self.stream.add_remote_candidates(candidates)
        else:
            self.stream.force_remote_candidates(candidates)


class Side:
    """A pipeline with a conference."""

    WORDS = {
        "farstream-new-local-candidate": lambda s: {"event": "candidate", "candidate": to_json(s.get_value("candidate"))},
        "farstream-local-candidates-prepared": lambda s: {"event": "prepared"},
        "farstream-component-state-changed": lambda s: {"event": "state", "component": s.get_value("component"), "state": int(s.get_value("state"))},
        "farstream-new-active-candidate-pair": lambda s: {
            "event": "pair", "local": to_json(s.get_value("local-candidate")), "remote": to_json(s.get_value("remote-candidate"))},
    }

    def __init__(self, name, tone, pattern, media):
        self.name, self.media, self.tone, self.wanted = name, {}, None, None
        self.blocks, self.pictures, self.last_good = [], [], {}
        self.pipeline = Gst.Pipeline.new(name)
        self.conference = Gst.ElementFactory.make("fsrtpconference", None)
        self.pipeline.add(self.conference)
        self.participant = self.conference.new_participant()
        self.pipeline.get_bus().set_sync_handler(self.message)
        self.pipeline.set_state(Gst.State.PLAYING)
        sources = {
            "audio": f"audiotestsrc is-live=true freq={tone} samplesperbuffer={BLOCK} ! audio/x-raw,rate={RATE} ! identity",
            "video": f"videotestsrc is-live=true pattern={pattern} ! {FORMAT},framerate=15/1 ! identity",
        }
        for kind in media:
            self.media[kind] = Medium(self, kind, sources[kind])

    def message(self, _bus, message):
        structure = message.get_structure()
        if message.type == Gst.MessageType.ERROR:
            say(side=self.name, event="error", text=message.parse_error()[0].message)
        if message.type != Gst.MessageType.ELEMENT or structure is None:
            return Gst.BusSyncReply.DROP
        name = structure.get_name()
        if name == "farstream-error":
            say(side=self.name, event="error", text=structure.get_string("error-msg"))
        elif name == "farstream-negotiation-needed":
            for kind, medium in self.media.items():
                found, candidates = medium.stream.parse_negotiation_needed(message)
                if found:
                    say(side=self.name, media=kind, event="negotiation", candidates=[to_json(candidate) for candidate in candidates])
        elif name in self.WORDS:
            stream = structure.get_value("stream")
            kind = next(kind for kind, medium in self.media.items() if medium.stream == stream)
            say(side=self.name, media=kind, **self.WORDS[name](structure))
        return Gst.BusSyncReply.DROP

    def received(self, kind, buffer):
        if self.wanted is None:
            return
        if kind == "video":
            self.pictures.append(psnr(points(buffer), self.wanted) >= 25)
            self.note(kind, self.pictures[-1])
            if len(self.pictures) == 15:
                say(side=self.name, event="seen", good=sum(self.pictures), all=15)
                self.pictures.clear()
            return
        samples = memoryview(buffer.extract_dup(0, buffer.get_size())).cast("h")
        self.blocks.append(tone_share(samples, self.tone) > 0.8)
        self.note(kind, self.blocks[-1])
        if len(self.blocks) == 50:
            say(side=self.name, event="heard", good=sum(self.blocks), all=50)
            self.blocks.clear()

    def end(self):
        for medium in self.media.values():
            # Or it would push into a pad that is gone, which is an error.
            medium.source.set_locked_state(True)
            medium.source.set_state(Gst.State.NULL)
            medium.stream.destroy()
            medium.session.destroy()
        self.pipeline.set_state(Gst.State.NULL)

    def note(self, kind, good):
        """Says how long there was nothing good."""
        now = time.monotonic()
        if good:
            last = self.last_good.get(kind, now)
            self.last_good[kind] = now
            if now - last > 0.3:
                say(side=self.name, media=kind, event="silence", began=last, ended=now)

    def listen(self, tone, pattern):
        self.last_good.clear()
        self.blocks.clear()
        self.pictures.clear()
        self.tone, self.wanted = tone, original(pattern)


def obey(sides, do, side, **more):
    if do == "make":
        sides[side] = Side(side, **more)
    elif do == "listen":
        sides[side].listen(**more)
    elif do == "stop":
        sides.pop(side).end()
    else:
        medium = sides[side].media[more.pop("media")]
        getattr(medium, do)(**more)


def main():
    Gst.init(None)
    sides = {}
    with open("/proc/self/maps", encoding="utf-8") as maps:
        say(event="library", path=next(line.split()[-1] for line in maps if "/libfarstream-0.2.so" in line))
    for line in sys.stdin:
        error = None
        try:
            obey(sides, **json.loads(line))
        except GLib.Error as failure:
            error = failure.message
        say(event="done", error=error)
    for side in sides.values():
        side.pipeline.set_state(Gst.State.NULL)


main()
