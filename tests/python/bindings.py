#!/usr/bin/python3
"""What a language that goes by the introspection data can do: no function of the library may be closed to it.

Lists are plain lists of the right things, what takes GParameter has a sibling that takes a table, an implementation in Python
of a transmitter gets all it is given and can refuse, header extensions can be set and read, the candidates of a message that asks
for an offer too. Needs our own typelib. Prints a
line "ok - ..." or "not ok - ..." a test.
"""

import ctypes
import os

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream, GLib, GObject, Gst

import call
import checks
from checks import check

AUDIO, BOTH = Farstream.MediaType.AUDIO, Farstream.StreamDirection.BOTH


def refused(code, what, function, *arguments):
    """Whether the function fails with this error of ours."""
    try:
        answer = function(*arguments)
        check(False, f"{what} is refused (it gave {answer})")
    except GLib.Error as error:
        check(error.matches(Farstream.Error.quark(), code), f"{what} is refused: {error.message}")


def all_of(kind, items):
    return isinstance(items, list) and all(isinstance(item, kind) for item in items)


class BareParticipant(Farstream.Participant):
    pass


class BareSession(Farstream.Session):
    pass


class BareStream(Farstream.Stream):
    pass


class NotingStreamTransmitter(Farstream.StreamTransmitter):
    colour = GObject.Property(type=str, default="")
    sending = GObject.Property(type=bool, default=True)


class NotingTransmitter(Farstream.Transmitter):
    """Notes what it is given."""

    components = GObject.Property(type=int, default=1)
    tos = GObject.Property(type=int, default=0)

    def do_new_stream_transmitter(self, participant, count, parameters):
        self.given = (participant, count, [(parameter.name, parameter.value) for parameter in parameters])
        return NotingStreamTransmitter()

    def do_get_stream_transmitter_type(self):
        return NotingStreamTransmitter.__gtype__


class RefusingTransmitter(NotingTransmitter):
    """Cannot be made, and says why."""

    def __init__(self):
        super().__init__()
        self.set_construction_error(
            GLib.Error.new_literal(Farstream.error_quark(), "no such wire", Farstream.Error.NETWORK))


def test_codec():
    codec = Farstream.Codec.new(96, "VP8", Farstream.MediaType.VIDEO, 90000)
    check(codec.optional_params == [] and codec.feedback_params == [], "a new codec has two empty lists")
    codec.add_optional_parameter("a", "1")
    codec.add_optional_parameter("b", "2")
    codec.add_feedback_parameter("nack", "pli", "")
    codec.add_feedback_parameter("ccm", "fir", "")
    check(all_of(Farstream.CodecParameter, codec.optional_params)
          and [(p.name, p.value) for p in codec.optional_params] == [("a", "1"), ("b", "2")], "format parameters are a list")
    check(all_of(Farstream.FeedbackParameter, codec.feedback_params)
          and [(p.type, p.subtype) for p in codec.feedback_params] == [("nack", "pli"), ("ccm", "fir")],
          "feedback messages are a list")
    codec.remove_optional_parameter(codec.get_optional_parameter("A", None))
    check([p.name for p in codec.optional_params] == ["b"], "a format parameter that was found can be removed")
    codec.remove_optional_parameter(codec.optional_params[0])
    check(codec.optional_params == [], "and so can one out of the list")
    codec.remove_feedback_parameter([codec.get_feedback_parameter("ccm", None, None)])
    check([p.type for p in codec.feedback_params] == ["nack"], "a feedback message that was found can be removed")
    other = Farstream.Codec.new(97, "H264", Farstream.MediaType.VIDEO, 90000)
    other.add_feedback_parameter("ccm", "tmmbr", "")
    codec.remove_feedback_parameter(other.feedback_params)
    check([p.type for p in codec.feedback_params] == ["nack"] and len(other.feedback_params) == 1,
          "that of another codec changes nothing")
    codec.remove_feedback_parameter(codec.feedback_params)
    check(codec.feedback_params == [] and codec.to_string() == "96: video VP8 clock:90000 channels:0",
          f"and the list is empty: {codec.to_string()}")
    check(codec.get_optional_parameter("none", None) is None and codec.get_feedback_parameter("none", None, None) is None,
          "what is not there is None")
    check(not codec.are_equal(None) and codec.are_equal(codec.copy()), "a codec equals its copy and not None")
    copies = Farstream.codec_list_copy([codec, other])
    check(all_of(Farstream.Codec, copies) and Farstream.codec_list_are_equal(copies, [codec, other]), "a list of codecs is copied")
    check(Farstream.media_type_to_string(AUDIO) == "audio", "media types have a name")


def test_candidates():
    candidates = [Farstream.Candidate.new(None, component, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP,
                                          "127.0.0.1", 0) for component in (1, 2)]
    copies = Farstream.candidate_list_copy(candidates)
    check(all_of(Farstream.Candidate, copies) and [c.component_id for c in copies] == [1, 2], "a list of candidates is copied")
    value = GObject.Value()
    Farstream.value_set_candidate_list(value, candidates)
    check(GObject.type_name(value.g_type) == "FsCandidateList", "a value can hold a list of candidates")
    return value


def test_conference():
    """A session and a stream: their lists, their header extensions."""
    conference = Gst.ElementFactory.make("fsrtpconference")
    session = conference.new_session(AUDIO)
    participant = conference.new_participant()
    stream = session.new_stream(participant, BOTH)
    for name in ("codecs", "codecs-without-config"):
        codecs = session.get_property(name)
        check(all_of(Farstream.Codec, codecs) and codecs, f"{name} is a list of {len(codecs)} codecs")
    check(session.props.codec_preferences == [], "codec-preferences is a list")
    session.set_codec_preferences([Farstream.Codec.new(Farstream.CODEC_ID_ANY, "PCMU", AUDIO, 8000)])
    check([codec.encoding_name for codec in session.props.codec_preferences] == ["PCMU"], "and gives what was set")
    session.set_codec_preferences(None)
    check(session.props.codec_preferences == [], "and can be emptied with None")
    for name in ("remote-codecs", "negotiated-codecs", "current-recv-codecs"):
        check(stream.get_property(name) == [], f"{name} is a list")
    check(stream.set_transmitter_ht("rawudp", {"preferred-local-candidates": test_candidates(), "upnp-mapping": False,
                                               "upnp-discovery": False}), "set_transmitter_ht takes a list of candidates")
    check(stream.set_remote_codecs(session.props.codecs), "a list of codecs can be handed on")
    for name in ("remote-codecs", "negotiated-codecs"):
        codecs = stream.get_property(name)
        check(all_of(Farstream.Codec, codecs) and codecs, f"{name} is a list of {len(codecs)} codecs")
    try:
        check(session.set_encryption_parameters(None) and stream.set_decryption_parameters(None), "None stands for no encryption")
    except GLib.Error as error:
        check(False, f"None stands for no encryption: {error.message}")
    test_header_extensions(session, stream)
    test_negotiation_needed(conference, stream)
    keys = Farstream.utils_get_default_element_properties(conference)
    check(keys is None or "rtpbin" in keys.get_groups()[0], "the default element properties are a key file")
    stream.destroy()
    session.destroy()
    for what, function in (("session", session.set_rtp_header_extension_preferences), ("stream", stream.set_rtp_header_extensions)):
        refused(Farstream.Error.DISPOSED, f"to set header extensions of a {what} that was destroyed", function, [])
    return participant


def test_header_extensions(session, stream):
    def plain(extensions):
        return [(extension.id, extension.uri) for extension in extensions]

    check(session.get_rtp_header_extensions() == [] and stream.get_rtp_header_extensions() == [], "no header extensions at first")
    wanted = [Farstream.RtpHeaderExtension.new(identity, BOTH, uri)
              for identity, uri in ((1, "urn:x:one"), (2, "urn:x:two"), (4096, "urn:x:any"))]
    check(session.set_rtp_header_extension_preferences(wanted), "header extensions can be wanted")
    check(stream.set_rtp_header_extensions([Farstream.RtpHeaderExtension.new(5, BOTH, "urn:x:one")]), "and offered by the peer")
    check(plain(stream.get_rtp_header_extensions()) == [(5, "urn:x:one")], "what the peer offered can be read")
    stream.set_remote_codecs(session.props.codecs)
    left = session.get_rtp_header_extensions()
    check(all_of(Farstream.RtpHeaderExtension, left) and plain(left) == [(5, "urn:x:one")], f"what is left can be read: {plain(left)}")
    check(session.set_rtp_header_extension_preferences(None), "None stands for no header extensions")
    bare = BareSession()
    check(bare.get_rtp_header_extensions() == [] and BareStream().get_rtp_header_extensions() == [], "a bare session has none")
    refused(Farstream.Error.NOT_IMPLEMENTED, "to want some of it", bare.set_rtp_header_extension_preferences, wanted)
    refused(Farstream.Error.NOT_IMPLEMENTED, "to offer it some", BareStream().set_rtp_header_extensions, wanted)


def test_negotiation_needed(conference, stream):
    """The list of candidates is in a box, which the function opens."""
    fields = Gst.Structure.new_empty("farstream-negotiation-needed")
    fields.set_value("stream", stream)
    fields.set_value("candidates", test_candidates())
    found, candidates = stream.parse_negotiation_needed(Gst.Message.new_element(conference, fields))
    check(found and all_of(Farstream.Candidate, candidates) and [c.component_id for c in candidates] == [1, 2],
          f"the candidates of a message that asks for an offer can be read: {candidates}")
    found, _ = BareStream().parse_negotiation_needed(Gst.Message.new_element(conference, fields.copy()))
    check(not found, "which is of one stream only")


def test_transmitter(participant):
    Farstream.Plugin.register_static("noting", "transmitter", NotingTransmitter.__gtype__)
    Farstream.Plugin.register_static("refusing", "transmitter", RefusingTransmitter.__gtype__)
    transmitter = Farstream.Transmitter.new("noting", 2, 0)
    made = transmitter.new_stream_transmitter_ht(participant, {"colour": "red", "sending": False})
    who, count, given = transmitter.given
    check(isinstance(made, NotingStreamTransmitter) and who == participant and count == 2
          and sorted(given) == [("colour", "red"), ("sending", False)], f"a transmitter in Python gets all parameters: {given}")
    transmitter.new_stream_transmitter_ht(None, None)
    check(transmitter.given == (None, 0, []), "neither a participant nor parameters are needed")
    transmitter.new_stream_transmitter_ht(participant, {"sending": 1})
    check(transmitter.given[2] == [("sending", True)], "values are converted to the type of the property")
    for parameters in ({"shape": "round"}, {"sending": "perhaps"}):
        refused(Farstream.Error.INVALID_ARGUMENTS, f"the parameter {list(parameters)[0]}",
                transmitter.new_stream_transmitter_ht, participant, parameters)
    refused(Farstream.Error.NETWORK, "a transmitter that cannot be made", Farstream.Transmitter.new, "refusing", 2, 0)

    rawudp = Farstream.Transmitter.new("rawudp", 2, 0)
    stream_transmitter = rawudp.new_stream_transmitter_ht(participant, {
        "preferred-local-candidates": test_candidates(), "upnp-mapping": False, "upnp-discovery": False})
    found = []
    stream_transmitter.connect("new-local-candidate", lambda _self, candidate: found.append((candidate.component_id, candidate.ip)))
    check(stream_transmitter.gather_local_candidates(), "rawudp takes its parameters from a table")
    check(sorted(found) == [(1, "127.0.0.1"), (2, "127.0.0.1")], f"and heeds them: {sorted(found)}")
    refused(Farstream.Error.INVALID_ARGUMENTS, "a parameter rawudp does not have",
            rawudp.new_stream_transmitter_ht, participant, {"colour": "red"})
    stream_transmitter.stop()


def test_buffer():
    """The buffer of a signal that C declares with a pointer; the signal is emitted from C."""
    seen = []
    stream_transmitter = NotingStreamTransmitter()
    stream_transmitter.connect("known-source-packet-received",
                               lambda _self, component, buffer: seen.append((component, type(buffer), buffer.get_size())))
    buffer = Gst.Buffer.new_allocate(None, 17, None)
    emit = ctypes.CDLL("libgobject-2.0.so.0").g_signal_emit_by_name
    emit(ctypes.c_void_p(hash(stream_transmitter)), b"known-source-packet-received", ctypes.c_uint(2),
         ctypes.c_void_p(hash(buffer)))
    check(seen == [(2, Gst.Buffer, 17)], f"known-source-packet-received brings a buffer: {seen}")


if __name__ == "__main__":
    Gst.init(None)
    typelib = os.path.realpath(gi.Repository.get_default().get_typelib_path("Farstream"))
    check(typelib == os.environ["EXPECT_TYPELIB"], f"the typelib is {typelib}")
    library = call.mapped_files("/libfarstream-0.2.so")
    check(library == [os.environ["EXPECT_LIBRARY"]], f"the library in this process is {library}")
    test_codec()
    test_transmitter(test_conference())
    test_buffer()
    checks.leave()
