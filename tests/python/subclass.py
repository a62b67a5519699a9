#!/usr/bin/python3
"""Classes written in Python upon the six abstract ones: one level overrides every method, a second chains up.

Each method is called through the library; both levels must be told, in order and with the caller's arguments; a GLib.Error that
is raised must reach the caller with its code and text. Two methods take GParameter, which no binding can read in full: they are
told that they were called. Prints a line "ok - ..." or "not ok - ..." a test.
"""

import os

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, GLib, GObject, Gst

import checks
from checks import check

Gst.init(None)  # before there is a subclass of a bin

AUDIO, VIDEO = Farstream.MediaType.AUDIO, Farstream.MediaType.VIDEO
AT_CONSTRUCTION = GObject.ParamFlags.READWRITE | GObject.ParamFlags.CONSTRUCT_ONLY
told = []
methods = set()


def fail(code, text):
    raise GLib.Error.new_literal(Farstream.Error.quark(), text, code)


class Participant(Farstream.Participant):
    pass


class End(Farstream.StreamTransmitter):
    sending = GObject.Property(type=bool, default=True)

    def do_add_remote_candidates(self, candidates):
        told.append(("add", [c.ip for c in candidates]))
        return True

    def do_force_remote_candidates(self, candidates):
        told.append(("force", len(candidates)))
        fail(Farstream.Error.NETWORK, "no way")

    def do_gather_local_candidates(self):
        told.append(("gather",))
        self.emit("local-candidates-prepared")
        return True

    def do_stop(self):
        told.append(("stop",))


class Transmitter(Farstream.Transmitter):
    components = GObject.Property(type=int, default=1)
    tos = GObject.Property(type=int, default=0)

    def do_new_stream_transmitter(self, participant, *_parameters):
        told.append(("new_stream_transmitter", participant is not None))
        return OverEnd()

    def do_get_stream_transmitter_type(self):
        told.append(("type",))
        return OverEnd.__gtype__


class Stream(Farstream.Stream):
    # Debian's library asks a stream for its session while it is constructed.
    session = GObject.Property(type=Farstream.Session, flags=AT_CONSTRUCTION)
    participant = GObject.Property(type=Farstream.Participant, flags=AT_CONSTRUCTION)
    direction = GObject.Property(type=Farstream.StreamDirection, default=Farstream.StreamDirection.NONE)

    def do_add_remote_candidates(self, candidates):
        told.append(("add", [(c.ip, c.port) for c in candidates]))
        return True

    def do_force_remote_candidates(self, candidates):
        told.append(("force", len(candidates)))
        return True

    def do_set_remote_codecs(self, codecs):
        told.append(("codecs", [c.encoding_name for c in codecs]))
        fail(Farstream.Error.NEGOTIATION_FAILED, "not that one")

    def do_add_id(self, number):
        told.append(("id", number))

    def do_set_transmitter(self, transmitter, *_parameters):
        told.append(("transmitter", transmitter))
        return True

    def do_set_decryption_parameters(self, parameters):
        told.append(("decryption", parameters.get_name()))
        return True


class Session(Farstream.Session):
    conference = GObject.Property(type=Farstream.Conference, flags=AT_CONSTRUCTION)
    media_type = GObject.Property(type=Farstream.MediaType, default=AUDIO)
    id = GObject.Property(type=int, default=0)

    def do_new_stream(self, participant, direction):
        told.append(("new_stream", int(direction)))
        return OverStream(session=self, participant=participant, direction=direction)

    def do_start_telephony_event(self, event, volume):
        told.append(("start", event, volume))
        return True

    def do_stop_telephony_event(self):
        told.append(("stop",))
        return True

    def do_set_send_codec(self, codec):
        told.append(("send", codec.encoding_name))
        return True

    def do_set_codec_preferences(self, codecs):
        told.append(("preferences", [c.encoding_name for c in codecs]))
        fail(Farstream.Error.NO_CODECS_LEFT, "nothing left")

    def do_list_transmitters(self):
        told.append(("transmitters",))
        return ["one", "two"]

    def do_get_stream_transmitter_type(self, transmitter):
        told.append(("type", transmitter))
        return OverEnd.__gtype__

    def do_codecs_need_resend(self, old, new):
        told.append(("resend", len(old), len(new)))
        return new

    def do_set_allowed_caps(self, sink, src):
        told.append(("caps", sink is not None, src is not None))
        return True

    def do_set_encryption_parameters(self, parameters):
        told.append(("encryption", parameters.get_name()))
        return True


class Conference(Farstream.Conference):
    def do_new_session(self, media_type):
        told.append(("new_session", media_type.value_nick))
        if media_type == VIDEO:
            fail(Farstream.Error.NO_CODECS, "no pictures")
        return OverSession(conference=self, media_type=media_type, id=7)

    def do_new_participant(self):
        told.append(("new_participant",))
        return Participant()


def over(base):
    """A class that overrides each method of `base` again: it says so and chains up."""

    def chain(name):
        def method(self, *arguments):
            told.append("over")
            methods.add(f"{base.__name__}.{name}")
            return getattr(super(cls, self), name)(*arguments)

        return method

    names = [name for name in vars(base) if name.startswith("do_") and name not in ("do_set_property", "do_get_property")]
    cls = type(f"Over{base.__name__}", (base,), {name: chain(name) for name in names})
    return cls


OverEnd, OverTransmitter, OverStream, OverSession, OverConference = map(over, (End, Transmitter, Stream, Session, Conference))


def expect(what, answer, wanted, code=None):
    """Calls `answer`; compares what it gives (or the code of its error), and what both levels were told."""
    told.clear()
    try:
        given = answer()
        good = code is None and wanted(given)
    except GLib.Error as error:
        given = f"{error.domain} {error.code} {error.message}"
        good = code is not None and error.matches(Farstream.Error.quark(), code)
    check(good and told == ["over", what], f"{what}: both levels were told {told}, answer {given}")
    return given


def is_true(answer):
    return answer is True


def codec(name):
    return Farstream.Codec.new(8, name, AUDIO, 8000)


def candidate():
    return Farstream.Candidate.new("1", 1, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, "192.0.2.1", 5000)


def keys():
    return Gst.Structure.new_empty("Keys")


def test_conference():
    conference = OverConference()
    expect(("new_session", "video"), lambda: conference.new_session(VIDEO), None, Farstream.Error.NO_CODECS)
    session = expect(("new_session", "audio"), lambda: conference.new_session(AUDIO), lambda s: isinstance(s, OverSession))
    participant = expect(("new_participant",), conference.new_participant, lambda p: isinstance(p, Participant))
    check(session.props.id == 7 and session.props.conference == conference and session.props.media_type == AUDIO,
          "properties of the session")
    return conference, session, participant


def test_session(session, participant):
    expect(("start", 11, 7), lambda: session.start_telephony_event(11, 7), is_true)
    expect(("stop",), session.stop_telephony_event, is_true)
    expect(("send", "PCMA"), lambda: session.set_send_codec(codec("PCMA")), is_true)
    expect(("preferences", ["PCMA", "PCMU"]), lambda: session.set_codec_preferences([codec("PCMA"), codec("PCMU")]), None,
           Farstream.Error.NO_CODECS_LEFT)
    expect(("transmitters",), session.list_transmitters, lambda names: names == ["one", "two"])
    expect(("type", "two"), lambda: session.get_stream_transmitter_type("two"), lambda t: t == OverEnd.__gtype__)
    expect(("resend", 0, 1), lambda: session.codecs_need_resend([], [codec("PCMA")]),
           lambda codecs: [c.encoding_name for c in codecs] == ["PCMA"])
    expect(("caps", False, True), lambda: session.set_allowed_caps(None, Gst.Caps.new_any()), is_true)
    expect(("encryption", "Keys"), lambda: session.set_encryption_parameters(keys()), is_true)
    return expect(("new_stream", 2), lambda: session.new_stream(participant, Farstream.StreamDirection.RECV),
                  lambda s: isinstance(s, OverStream))


def test_stream(stream, session, participant):
    check(stream.props.session == session and stream.props.participant == participant
          and stream.props.direction == Farstream.StreamDirection.RECV, "properties of the stream")
    stream.props.direction = Farstream.StreamDirection.BOTH
    check(stream.props.direction == Farstream.StreamDirection.BOTH, "the direction of the stream changes")
    expect(("add", [("192.0.2.1", 5000)]), lambda: stream.add_remote_candidates([candidate()]), is_true)
    expect(("force", 2), lambda: stream.force_remote_candidates([candidate(), candidate()]), is_true)
    expect(("codecs", ["PCMA"]), lambda: stream.set_remote_codecs([codec("PCMA")]), None, Farstream.Error.NEGOTIATION_FAILED)
    expect(("id", 4711), lambda: stream.add_id(4711), lambda answer: answer is None)
    expect(("decryption", "Keys"), lambda: stream.set_decryption_parameters(keys()), is_true)
    # Without parameters the table form goes straight to the method.
    expect(("transmitter", "two"), lambda: stream.set_transmitter_ht("two", {}), is_true)


def test_transmitter(participant):
    transmitter = OverTransmitter(components=2)
    check(transmitter.props.components == 2, "properties of the transmitter")
    expect(("type",), transmitter.get_stream_transmitter_type, lambda t: t == OverEnd.__gtype__)
    if hasattr(transmitter, "new_stream_transmitter_ht"):
        end = expect(("new_stream_transmitter", True), lambda: transmitter.new_stream_transmitter_ht(participant, {}),
                     lambda e: isinstance(e, OverEnd))
    else:
        print("# Debian's library has no way for Python to call new_stream_transmitter")
        end = OverEnd()
    prepared = []
    end.connect("local-candidates-prepared", prepared.append)
    expect(("add", ["192.0.2.1"]), lambda: end.add_remote_candidates([candidate()]), is_true)
    expect(("force", 1), lambda: end.force_remote_candidates([candidate()]), None, Farstream.Error.NETWORK)
    expect(("gather",), end.gather_local_candidates, is_true)
    check(prepared == [end], "a signal from inside of a method")
    expect(("stop",), end.stop, lambda answer: answer is None)
    end.props.sending = False
    check(end.props.sending is False, "properties of the stream transmitter")
    return "new_stream_transmitter_ht" in dir(transmitter)


def test_defaults():
    """Classes that override nothing."""
    bare = type("BareSession", (Farstream.Session,), {})()
    for name, call in (("set_send_codec", lambda: bare.set_send_codec(codec("PCMA"))),
                       ("set_codec_preferences", lambda: bare.set_codec_preferences([codec("PCMA")])),
                       ("set_allowed_caps", lambda: bare.set_allowed_caps(Gst.Caps.new_any(), None)),
                       ("set_encryption_parameters", lambda: bare.set_encryption_parameters(keys()))):
        try:
            check(False, f"{name} without a method gave {call()}")
        except GLib.Error as error:
            check(error.matches(Farstream.Error.quark(), Farstream.Error.NOT_IMPLEMENTED), f"{name}: {error.message}")
    check(bare.set_allowed_caps(None, None) is True, "no caps at all are allowed without a method")
    check(bare.start_telephony_event(1, 8) is False and bare.stop_telephony_event() is False, "telephony events without methods")
    check(not bare.list_transmitters() and bare.codecs_need_resend([], []) == [], "lists without methods")
    check(bare.props.codecs == [] and bare.props.id == 0 and bare.props.current_send_codec is None, "its properties have defaults")
    try:
        Farstream.Session.do_set_send_codec(bare, codec("PCMA"))
        check(False, "there is nothing to chain up to")
    except GLib.Error as error:
        check("FsSession doesn't implement set_send_codec" in error.message, f"nothing to chain up to: {error.message}")
    end = type("BareEnd", (Farstream.StreamTransmitter,), {})()
    check(end.gather_local_candidates() is True and end.stop() is None, "a stream transmitter without methods")


def test_errors_reach_the_bus(conference, session, stream):
    bus = Gst.Bus.new()
    conference.set_bus(bus)
    heard = []
    session.connect("error", lambda _session, source, code, text: heard.append((source, code, text)))
    stream.emit_error(Farstream.Error.CONNECTION_FAILED, "gone")
    session.emit_error(Farstream.Error.INTERNAL, "broken")
    check(heard == [(stream, Farstream.Error.CONNECTION_FAILED, "gone"), (session, Farstream.Error.INTERNAL, "broken")],
          "errors of stream and session are signalled by the session")
    for source, code, text in heard:
        message = bus.pop()
        found = Farstream.parse_error(source, message)
        check(found == (True, code, text), f"and come on the bus: {found}")
    conference.set_bus(None)


def check_loaded():
    with open("/proc/self/maps", encoding="utf-8") as maps:
        mapped = {line[line.index("/"):].strip() for line in maps if "/libfarstream-0.2.so" in line}
    check(mapped == {os.environ["EXPECT_LIBRARY"]}, f"the library in this process is {mapped}")


def main():
    check_loaded()
    conference, session, participant = test_conference()
    stream = test_session(session, participant)
    test_stream(stream, session, participant)
    complete = test_transmitter(participant)
    test_errors_reach_the_bus(conference, session, stream)
    test_defaults()
    wanted = 24 if complete else 23
    check(len(methods) == wanted, f"{len(methods)} of 24 methods were called through the library")


if __name__ == "__main__":
    main()
    checks.leave()
